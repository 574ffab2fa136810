"""Peers that the project did not write, made of Python's ssl and plain sockets, driven by the end-to-end tests.

    client.py CASE --port P [--root FILE] [--name NAME] [...]

Prints one JSON object and ends with status 0 when the case could be carried out; what was seen is in the object. Cases that go on
until they are told to stop print `ready` on standard error once they are.
"""
import argparse
import base64
import hashlib
import http.server
import json
import os
import queue
import select
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time

LIMIT = 30.0  # seconds any wait may take


def connect(port, source=None):
    s = socket.create_connection(("127.0.0.1", port), timeout=LIMIT, source_address=(source, 0) if source else None)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def context(args):
    return ssl.create_default_context(cafile=args.root)


def hello_bytes(name):
    """A real ClientHello, made by ssl against memory buffers."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    c = ssl.create_default_context()
    if name is None:
        c.check_hostname = False
    o = c.wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        o.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def read_all(s, limit=1 << 20):
    """Everything until the peer ends; says how it ended."""
    data = b""
    try:
        while len(data) < limit:
            part = s.recv(65536)
            if not part:
                return data, "eof"
            data += part
        return data, "limit"
    except ConnectionResetError:
        return data, "reset"
    except socket.timeout:
        return data, "timeout"


def read_exactly(s, count):
    data = b""
    while len(data) < count:
        part = s.recv(count - len(data))
        if not part:
            break
        data += part
    return data


def alert_in(data):
    """The description of a fatal alert in plaintext, if that is what the bytes are."""
    return data[6] if len(data) >= 7 and data[0] == 21 and data[5] in (1, 2) else None


def seen(data, end, **more):
    return dict(alert=alert_in(data), end=end, bytes=len(data), **more)


def dechunk(body):
    out = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        n = int(size, 16)
        if n == 0:
            break
        out, body = out + body[:n], body[n + 2 :]
    return out


def parsed(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split(b" ")[1]) if head else 0
    return status, dechunk(body) if b"chunked" in head.lower() else body


def https(args, method="GET", path="/jsonrpc", body=b"", content_type="application/json"):
    with connect(args.port) as raw, context(args).wrap_socket(raw, server_hostname=args.name) as s:
        head = f"{method} {path} HTTP/1.1\r\nHost: {args.name}\r\nConnection: close\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        s.sendall(head.encode())
        s.sendall(body)
        parts = []
        while True:
            part = s.recv(1 << 18)
            if not part:
                break
            parts.append(part)
        status, body = parsed(b"".join(parts))
        certificate = hashlib.sha256(s.getpeercert(binary_form=True)).hexdigest()
        return dict(status=status, body=body, version=s.version(), certificate=certificate)


# Clients


def case_request(args):
    r = https(args)
    with open(args.certificate) as f:
        end = "-----END CERTIFICATE-----"
        leaf = ssl.PEM_cert_to_DER_cert(f.read().split(end)[0] + end)
    is_from_file = r["certificate"] == hashlib.sha256(leaf).hexdigest()
    return dict(status=r["status"], body=r["body"].decode(), version=r["version"], is_certificate_of_file=is_from_file)


def case_upload(args):
    block = bytes((i * 31 + 7 + (i >> 8)) & 255 for i in range(65537))
    body = (block * (args.size // len(block) + 1))[: args.size]
    r = https(args, "POST", "/upload", body, "application/octet-stream")
    answer = json.loads(r["body"])
    return dict(status=r["status"], bytes=answer["bytes"], sha256=answer["sha256"], sent=hashlib.sha256(body).hexdigest())


def case_download(args):
    r = https(args, "GET", f"/bytes/{args.size}")
    return dict(status=r["status"], bytes=len(r["body"]), sha256=hashlib.sha256(r["body"]).hexdigest())


def case_parallel(args):
    """All connections are open at the same time: nobody sends its request before everybody is through the handshake."""
    results, lock, all_open = [], threading.Lock(), threading.Barrier(args.count, timeout=LIMIT)

    def one():
        try:
            with connect(args.port) as raw, context(args).wrap_socket(raw, server_hostname=args.name) as s:
                all_open.wait()
                s.sendall(f"GET /jsonrpc HTTP/1.1\r\nHost: {args.name}\r\nConnection: close\r\n\r\n".encode())
                status, body = parsed(read_all(s)[0])
                line = (status, body.decode())
        except Exception as error:  # reported, never swallowed
            line = (0, repr(error))
        with lock:
            results.append(line)

    threads = [threading.Thread(target=one) for _ in range(args.count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(2 * LIMIT)
    good = [r for r in results if r == (200, '{"message":"success"}')]
    return dict(good=len(good), bad=[r for r in results if r not in good][:3])


def case_half_close_tls(args):
    """Sends a request, ends its own direction (FIN) and still reads the whole answer."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    o = context(args).wrap_bio(incoming, outgoing, server_hostname=args.name)
    s = connect(args.port)

    def pump(step):
        while True:
            try:
                result = step()
                pending = outgoing.read()
                if pending:
                    s.sendall(pending)
                return result
            except ssl.SSLWantReadError:
                pending = outgoing.read()
                if pending:
                    s.sendall(pending)
                part = s.recv(65536)
                if not part:
                    incoming.write_eof()
                else:
                    incoming.write(part)

    pump(o.do_handshake)
    o.write(f"GET /bytes/{args.size} HTTP/1.1\r\nHost: {args.name}\r\nConnection: close\r\n\r\n".encode())
    s.sendall(outgoing.read())
    s.shutdown(socket.SHUT_WR)
    parts = []
    while True:
        try:
            part = pump(lambda: o.read(65536))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            break
        if not part:
            break
        parts.append(part)
    status, body = parsed(b"".join(parts))
    return dict(status=status, bytes=len(body), sha256=hashlib.sha256(body).hexdigest())


def case_half_close(args):
    """A hello, many bytes, FIN; then reads what `answer_after_end` answers: the hash of what it got, and as many bytes again."""
    data = hello_bytes(args.name) + os.urandom(args.size)
    with connect(args.port) as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        answer, end = read_all(s, limit=1 << 30)
    return dict(sent=hashlib.sha256(data).hexdigest(), arrived=answer[:64].decode(), back=len(answer) - 64, expected=len(data), end=end)


def case_hello(args):
    """Sends a hello (changed, in pieces, with more behind it) and reports what comes back."""
    data = hello_bytes(None if args.name == "-" else args.name)
    if args.old:
        assert args.old.encode() in data and len(args.old) == len(args.new)
        data = data.replace(args.old.encode(), args.new.encode())
    if args.behind:
        data += b"\x17\x03\x03\x40\x00" + b"x" * (args.behind - 5)
    started = time.monotonic()
    with connect(args.port) as s:
        for i in range(0, len(data), args.piece or len(data)):
            s.sendall(data[i : i + (args.piece or len(data))])
        if args.wait_first:
            first = s.recv(1)
            return dict(first=first[0] if first else None, seconds=time.monotonic() - started)
        got, end = read_all(s)
    return seen(got, end, seconds=time.monotonic() - started)


def case_raw(args):
    """Sends the bytes of --hex and reports what comes back."""
    started = time.monotonic()
    with connect(args.port) as s:
        if args.hex:
            s.sendall(bytes.fromhex(args.hex))
        got, end = read_all(s)
    return seen(got, end, seconds=time.monotonic() - started)


def case_dribble(args):
    """One byte of a hello every tenth of a second, for as long as the other side puts up with it."""
    data, sent, started = hello_bytes(args.name), 0, time.monotonic()
    with connect(args.port) as s:
        while sent < len(data) and not select.select([s], [], [], 0.1)[0]:
            s.sendall(data[sent : sent + 1])
            sent += 1
        got, end = read_all(s)
    return seen(got, end, sent=sent, seconds=time.monotonic() - started)


def case_crowd(args):
    """Opens many connections that say nothing, sends a request beside them, and waits until all of the silent ones were closed."""
    crowd = [connect(args.port) for _ in range(args.count)]
    r = https(args)
    closed = sum(1 for s in crowd if read_all(s) == (b"", "eof"))
    for s in crowd:
        s.close()
    return dict(served=(r["status"], r["body"]) == (200, b'{"message":"success"}'), closed=closed)


def case_flood(args):
    """So many connections from one source at once, each with a hello, or none for the name "-": how each of them went, how often, and the
    seconds until the first and the last of them knew."""
    data = b"" if args.name == "-" else hello_bytes(args.name)
    started, waiting, seen = time.monotonic(), {}, {}

    def note(what):
        seconds = time.monotonic() - started
        count, first, _ = seen.get(what, (0, seconds, 0))
        seen[what] = (count + 1, first, seconds)

    for _ in range(args.count):
        s = connect(args.port, args.source)
        try:
            s.sendall(data)
            waiting[s.fileno()] = s
        except ConnectionError:
            note("closed")
    poll = select.poll()
    for number in waiting:
        poll.register(number, select.POLLIN)
    while waiting and time.monotonic() - started < LIMIT:
        for number, _ in poll.poll(1000):
            poll.unregister(number)
            s = waiting.pop(number)
            try:
                got = s.recv(65536)
            except ConnectionError:
                got = b""
            alert = alert_in(got)
            note("closed" if not got else f"alert {alert}" if alert is not None else "served")
            s.close()
    return {what: dict(count=count, first=first, last=last) for what, (count, first, last) in seen.items()}


def case_silent(args):
    """Connections at the token port that say nothing: `ready` when all are open; then how many were closed without a word."""
    crowd = [connect(args.token_port, args.source) for _ in range(args.count)]
    print("ready", file=sys.stderr, flush=True)
    closed = sum(1 for s in crowd if read_all(s)[0] == b"")
    return dict(closed=closed)


def case_hold(args):
    """Stays connected, without a word after the handshake, until the other side ends."""
    with connect(args.port) as raw, context(args).wrap_socket(raw, server_hostname=args.name) as s:
        print("ready", file=sys.stderr, flush=True)
        got, end = read_all(s)
    return seen(got, end)


# Servers


def case_answer_after_end(args):
    """An internal server that speaks no TLS: reads to the end, then answers with the hash of it and as many bytes, and closes."""

    class Answer(socketserver.BaseRequestHandler):
        def handle(self):
            digest, count = hashlib.sha256(), 0
            while part := self.request.recv(65536):
                digest.update(part)
                count += len(part)
            self.request.sendall(digest.hexdigest().encode() + b"y" * count)

    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", args.port), Answer) as server:
        print("ready", file=sys.stderr, flush=True)
        server.serve_forever()


class Notices:
    """The private proxy's side of the Unix socket: takes notices from the private node and accepts every one."""

    def __init__(self, path):
        self.arrived = queue.Queue()
        arrived = self.arrived

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                body = json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": {"message": "ok"}}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                if call["method"] == "incomingConnection":
                    arrived.put(call["params"])

            def log_message(self, *_):
                pass

            def address_string(self):
                return "unix"

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True

        self.server = Server(path, Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next(self):
        return self.arrived.get(timeout=LIMIT)


def case_tokens(args):
    """Stands in for the private proxy and tries everything at the token port that a private side could do wrong."""
    if os.path.exists(args.socket):
        os.unlink(args.socket)
    notices = Notices(args.socket)
    hello = hello_bytes(args.name)

    def client():
        s = connect(args.port)
        s.sendall(hello)
        notice = notices.next()
        return s, base64.b64decode(notice["token"]), notice

    def presented(data, finish=False):
        with connect(args.token_port) as s:
            s.sendall(data)
            if finish:
                s.shutdown(socket.SHUT_WR)
            got, end = read_all(s)
        return dict(bytes=len(got), end=end)

    def is_untouched(s):
        return not select.select([s], [], [], 0)[0]

    result = {}
    # Its private side comes too late. It waits for that from the start, beside all the rest, because its time is long.
    late, late_token, _ = client()
    waiting, token, notice = client()
    result["notice"] = dict(domain=notice["domain"], endpoint=notice["endpoint"], token_bytes=len(token))
    wrong = bytes(32 * [token[0]])
    result["wrong"] = dict(presented(wrong), untouched=is_untouched(waiting))
    almost = token[:31] + bytes([token[31] ^ 1])
    result["almost"] = dict(presented(almost), untouched=is_untouched(waiting))
    result["short_with_end"] = dict(presented(token[:31], finish=True), untouched=is_untouched(waiting))
    result["short_and_silent"] = dict(presented(token[:31]), untouched=is_untouched(waiting))

    # The right one, in segments of seven bytes.
    with connect(args.token_port) as leg:
        for i in range(0, 32, 7):
            leg.sendall(token[i : i + 7])
        received = read_exactly(leg, len(hello))
        result["right_in_segments"] = dict(is_hello_verbatim=received == hello)
        result["repeated"] = dict(presented(token), untouched=is_untouched(waiting))
        leg.sendall(b"down")
        down = read_exactly(waiting, 4)
        waiting.sendall(b"up")
        up = read_exactly(leg, 2)
        result["after_that"] = dict(down=down.decode(), up=up.decode())
    waiting.close()

    # The other client has got its alert before its private side comes.
    got, end = read_all(late)
    late.close()
    result["secrets"] = [form for t in (token, late_token) for form in (base64.b64encode(t).decode(), t.hex())]
    token = late_token
    result["late"] = dict(presented(token), client=seen(got, end))
    return result


def case_load(args):
    """So many requests, eight at a time, each over a connection of its own; says which failed and how."""
    numbers, results, lock = iter(range(args.count)), [], threading.Lock()

    def work():
        while True:
            with lock:
                if next(numbers, None) is None:
                    return
            try:
                status = https(args)["status"]
                result = "ok" if status == 200 else f"status {status}"
            except Exception as problem:
                result = f"{type(problem).__name__}: {problem}"
            with lock:
                results.append(result)

    workers = [threading.Thread(target=work) for _ in range(8)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    failures = [r for r in results if r != "ok"]
    return dict(ok=len(results) - len(failures), failed=len(failures), failures=sorted(set(failures))[:5])


def case_receiver(args):
    """A server behind the private proxy that takes a PROXY header apart: one line for each connection, until it is told to stop."""
    with socket.create_server(("127.0.0.1", args.port)) as listener:
        print("ready", file=sys.stderr, flush=True)
        while True:
            s, _ = listener.accept()
            with s:
                s.settimeout(LIMIT)
                # A look whether we are there ends without a byte.
                data = s.recv(65536)
                while data and b"\x16\x03\x01" not in data:
                    part = s.recv(65536)
                    if not part:
                        break
                    data += part
                if not data:
                    continue
                if data.startswith(b"PROXY "):
                    end = data.index(b"\r\n") + 2
                else:
                    end = 16 + int.from_bytes(data[14:16], "big")
                header, rest = data[:end], data[end:]
                parsed = subprocess.run([sys.executable, args.parser], input=header.hex() + "\n", capture_output=True, text=True).stdout
                seen = dict(json.loads(parsed), hello=rest.startswith(b"\x16\x03\x01"))
                print("header " + json.dumps(seen), file=sys.stderr, flush=True)


def case_from(args):
    """One connection from a port of its own; says which."""
    with connect(args.port) as raw:
        port = raw.getsockname()[1]
        raw.sendall(hello_bytes(args.name))
        data, end = read_all(raw)
        return dict(seen(data, end), port=port)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("case")
    p.add_argument("--port", type=int, required=True)
    p.add_argument("--token-port", type=int)
    p.add_argument("--socket")
    p.add_argument("--source")
    p.add_argument("--root")
    p.add_argument("--certificate")
    p.add_argument("--name", default="test.internal-server.local")
    p.add_argument("--size", type=int, default=64 << 20)
    p.add_argument("--count", type=int, default=100)
    p.add_argument("--piece", type=int, default=0)
    p.add_argument("--behind", type=int, default=0)
    p.add_argument("--old", default="")
    p.add_argument("--new", default="")
    p.add_argument("--wait-first", action="store_true")
    p.add_argument("--hex", default="")
    p.add_argument("--parser", default="")
    args = p.parse_args()
    json.dump(globals()["case_" + args.case.replace("-", "_")](args), sys.stdout)


main()
