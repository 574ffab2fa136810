#!/usr/bin/env python3
"""Records the hellos of real clients into Tests/ClientHelloTests/Recorded/hellos.jsonl, for the unit tests and the fuzzer.

  record.py           everything; clients that are not there are named, their old recordings stay
  record.py WORD ...  only recordings whose title contains one of the words

A recording is what the client said first, or what it said in answer to a HelloRetryRequest (from `openssl s_server`, which is
made to ask for a group that the client brought no key share for). What it should say (name, protocols, version, ECH) is written
beside it by hello.py, and the name is held against the one the client was given.
"""
import json
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

import chain
import hello
import table

target = chain.root / "Tests/ClientHelloTests/Recorded/hellos.jsonl"
# The client is to stop: nobody here will say more.
unrecognized_name = bytes([21, 3, 1, 0, 2, 2, 112])


class Recording:
    """What is recorded of which client, with which changes to its command."""

    def __init__(self, key, title=None, more=(), mode="first", name=None, drop=(), profile=None):
        self.client = next(client for client in table.all if client.key == key)
        self.title = title or f"{key}, as it comes"
        self.more, self.mode, self.drop = [*more], mode, drop
        self.name = name or f"{key}.example.org"

    def arguments(self, call):
        kept = self.client.arguments(call)
        for option, values in self.drop:
            at = kept.index(option)
            del kept[at:at + 1 + values]
        return kept + self.more


nameless = [("-servername", 1), ("-verify_hostname", 1), ("-verify_return_error", 0)]
retry = "answer to a HelloRetryRequest"
recordings = [
    Recording("curl"),
    Recording("openssl"),
    Recording("openssl", "openssl -tls1_2 without a name", ["-tls1_2", "-noservername"], drop=nameless),
    Recording("openssl", "openssl, TLS 1.0 only", ["-tls1", "-cipher", "DEFAULT@SECLEVEL=0"]),
    Recording("openssl", "openssl, TLS 1.1 only", ["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"]),
    Recording("openssl", "openssl, key share of P-521", ["-groups", "P-521:P-384"]),
    Recording("openssl", "openssl, key share of ffdhe8192", ["-groups", "ffdhe8192"]),
    Recording("openssl", "openssl, acme-tls/1 as the only protocol", ["-alpn", "acme-tls/1"]),
    Recording("openssl", f"openssl, {retry}", ["-groups", "X25519:P-384"], mode="retry"),
    Recording("openssl", "openssl, resumption with pre_shared_key", mode="resume"),
    Recording("openssl", "openssl, resumption with early data behind the hello", ["-early_data", "early"], mode="resume"),
    Recording("python", "Python, the name in mixed case", name="Python.Example.org"),
    Recording("gnutls"), Recording("gnutls", f"gnutls, {retry}", mode="retry"),
    Recording("wget"),
    Recording("nss"), Recording("nss", f"nss, {retry}", mode="retry"),
    Recording("node"), Recording("node", f"node, {retry}", mode="retry"),
    Recording("java"), Recording("java", f"java, {retry}", mode="retry"),
    Recording("go"), Recording("go", f"go, {retry}", mode="retry"),
    Recording("pyopenssl"), Recording("pyopenssl", f"pyopenssl, {retry}", mode="retry"),
    Recording("boringssl"), Recording("boringssl", f"boringssl, {retry}", mode="retry"),
    Recording("boringssl", "boringssl with the hello of a Safari", ["safari"]),
    Recording("boringssl", "boringssl with the hello of a Firefox", ["firefox"]),
    Recording("rustls"), Recording("rustls", f"rustls, {retry}", mode="retry"),
    Recording("chromium"), Recording("chromium", f"chromium, {retry}", mode="retry"),
]


class Recorder:
    """Listens, keeps what each connection said, and either refuses it after its hello or carries it to a server."""

    def __init__(self, server_port=None):
        self.server_port = server_port
        self.connections = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            client.settimeout(30)
            said = bytearray()
            self.connections.append(said)
            threading.Thread(target=self.serve, args=(client, said), daemon=True).start()

    def serve(self, client, said):
        try:
            if self.server_port:
                server = socket.create_connection(("127.0.0.1", self.server_port), timeout=30)
                threading.Thread(target=chain.ConnectProxy.copy, args=(server, client), daemon=True).start()
                while piece := client.recv(65536):
                    said += piece
                    server.sendall(piece)
                server.shutdown(socket.SHUT_WR)
                return
            while piece := client.recv(65536):
                said += piece
                try:
                    hello.Hello(bytes(said))
                except ValueError:
                    continue
                client.sendall(unrecognized_name)
                break
        except OSError:
            pass  # a client that closes early has said what it had to say
        finally:
            if not self.server_port:
                client.close()

    def close(self):
        self.listener.close()


class Server:
    """`openssl s_server` with a certificate of its own for the name."""

    def __init__(self, folder, name, more):
        self.ca = f"{folder}/ca.crt"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{folder}/ca.key",
             "-out", self.ca, "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"],
            check=True, stderr=subprocess.DEVNULL)
        self.port = chain.free_port(set())
        self.process = subprocess.Popen(
            ["openssl", "s_server", "-accept", f"127.0.0.1:{self.port}", "-cert", self.ca, "-key", f"{folder}/ca.key", *more],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in self.process.stdout:
            if line.startswith("ACCEPT"):
                break
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def stop(self):
        self.process.terminate()
        self.process.wait()


def record(recording):
    """Runs the client; returns the bytes of its hello, with what it said behind it where that is early data."""
    proxy = chain.ConnectProxy()
    with tempfile.TemporaryDirectory(prefix="hyper-record-") as folder:
        more = {"first": None, "retry": ["-www", "-groups", "P-384"], "resume": ["-early_data"]}[recording.mode]
        server = Server(folder, recording.name.lower(), more or [])
        recorder = Recorder(server.port if more else None)
        try:
            call = table.Call(recording.name, recorder.port, server.ca, folder, proxy.url)
            if recording.mode == "resume":
                return resumed(recording, call, recorder)
            run(recording, call)
            return first(recorder, recording) if recording.mode == "first" else second(recorder)
        finally:
            recorder.close()
            server.stop()
            proxy.close()


def run(recording, call, more=(), input=None):
    arguments = recording.arguments(call) + [*more]
    text = input if input is not None else (call.request.encode() if recording.client.speaks else b"")
    try:
        subprocess.run(arguments, input=text, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=recording.client.environ(call),
                       cwd=call.folder, timeout=60)
    except subprocess.TimeoutExpired:
        print(f"record: {recording.title}: the client did not end within 60 s")


def first(recorder, recording):
    """The hello of the first connection that asks for the name: browsers make others, too."""
    for said in recorder.connections:
        try:
            found = hello.Hello(bytes(said))
        except ValueError:
            continue
        if recording.drop or (found.server_name or "").lower() == recording.name.lower():
            return bytes(said[:found.size])
    raise ValueError("the client sent no hello with its name")


def second(recorder):
    for said in recorder.connections:
        try:
            rest = hello.second_hello(bytes(said))
            return rest[:hello.Hello(rest).size]
        except ValueError:
            continue
    raise ValueError("the client sent no second hello")


def resumed(recording, call, recorder):
    """Fetches a session ticket, and records the connection that uses it."""
    pathlib.Path(call.folder, "early").write_text("GET / HTTP/1.1\r\n\r\n")
    early, recording.more = recording.more, []
    try:
        arguments = recording.arguments(call)
    finally:
        recording.more = early
    session = pathlib.Path(call.folder, "session")
    until(arguments + ["-sess_out", session], call, lambda: session.exists() and session.stat().st_size > 0)
    count = len(recorder.connections)

    def is_complete():
        said = bytes(recorder.connections[count]) if len(recorder.connections) > count else b""
        return len(said) > 0 and len(said) >= first_flight(said, early)

    until(arguments + ["-sess_in", session, *early], call, is_complete)
    said = bytes(recorder.connections[count])
    return said[:first_flight(said, early)]


def first_flight(said, early):
    """Where the hello ends, or the first record of early data behind it and its change_cipher_spec."""
    try:
        end = hello.Hello(said).size
    except ValueError:
        return len(said) + 1
    while early:
        kind = said[end] if end + 5 <= len(said) else None
        end += 5 + int.from_bytes(said[end + 3:end + 5], "big")
        if kind != 20:
            break
    return end


def until(arguments, call, condition):
    """Runs a client that would go on for ever, until a condition holds, for at most 30 s."""
    client = subprocess.Popen([str(part) for part in arguments], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              cwd=call.folder)
    end = time.monotonic() + 30
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    client.kill()
    client.wait()
    if not condition():
        raise ValueError("the client did not get so far within 30 s")


def line(recording, data):
    found = hello.Hello(data)
    name = (found.server_name or "").lower() or None
    wanted = None if recording.drop else recording.name.lower()
    if name != wanted:
        raise ValueError(f"its hello names {name}, expected {wanted}")
    return {
        "title": recording.title, "client": recording.client.describe(), "server_name": name, "alpn": found.alpn, "version": found.version,
        "ech": found.has_ech, "key_shares": [f"{group:04x}" for group in found.key_shares], "records": found.records,
        "message_bytes": found.message_bytes, "raw_bytes": found.size, "hex": data.hex(),
    }


def main(words):
    known = [json.loads(text) for text in target.read_text().splitlines()] if target.exists() else []
    by_title = {entry["title"]: entry for entry in known}
    failed = []
    for recording in recordings:
        if words and not any(word in recording.title for word in words):
            continue
        if not recording.client.is_present:
            print(f"record: {recording.title}: {recording.client.program or recording.client.wheel} is not installed")
            continue
        try:
            entry = line(recording, record(recording))
        except (ValueError, IndexError) as error:
            print(f"record: {recording.title}: {error}")
            failed.append(recording)
            continue
        by_title[entry["title"]] = entry
        print(f"record: {entry['title']}: {entry['raw_bytes']} bytes, key shares {' '.join(entry['key_shares']) or 'none'}", flush=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("".join(json.dumps(entry) + "\n" for entry in by_title.values()))
    sys.exit(1 if failed else 0)


main(sys.argv[1:])
