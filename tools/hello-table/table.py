#!/usr/bin/env python3
"""Fills the tables of docs/hello.md: the same bytes to our public proxy, to HAProxy and to nginx, each with the same routes.

  table.py ROWS      ROWS: the rows as the unit tests have them (tools/hello-table.sh makes the file and calls this)

Three names lead to one server, everything else to another one, the default. What becomes of the bytes is observed: which of
the two servers gets them, or which alert comes back, or that the connection is closed, or that nothing happens.
Status 1 when our proxy does something else than the unit tests say.
"""
import json
import pathlib
import queue
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

root = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(root / "tools/clients"))
import chain  # noqa: E402
import table as clients  # noqa: E402

document = root / "docs/hello.md"
names = ["www.example.org", "xn--bcher-kva.example", "_smtp.example.org"]
# How long each of the three waits for the rest of a hello.
patience = 2
# How long we wait for something to happen: longer than that, on a busy machine too.
limit = patience + 8


class Sink:
    """A server that tells what it is sent."""

    def __init__(self, news, label):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self.listener.getsockname()[1]
        self.news, self.label = news, label
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        """Reads until the sender pauses; an empty connection is reported, too."""
        data = b""
        connection.settimeout(limit)
        try:
            while piece := connection.recv(65536):
                data += piece
                connection.settimeout(0.3)
        except OSError:
            pass
        self.news.put((self.label, data))
        connection.close()


class Observed:
    """One product under test: where it listens, and the two servers behind it."""

    def __init__(self):
        self.news = queue.Queue()
        self.named, self.other = Sink(self.news, "named"), Sink(self.news, "default")

    def outcome(self, data):
        """What becomes of these bytes, in words."""
        while not self.news.empty():
            self.news.get()
        start = time.monotonic()
        with socket.create_connection(("127.0.0.1", self.port), timeout=limit) as client:
            threading.Thread(target=self.send, args=(client, data), daemon=True).start()
            answer = queue.Queue()
            threading.Thread(target=self.listen, args=(client, answer), daemon=True).start()
            said = None
            while time.monotonic() - start < limit:
                try:
                    label, got = self.news.get(timeout=0.02)
                    return self.reached(label, got, data, time.monotonic() - start)
                except queue.Empty:
                    pass
                if said is None and not answer.empty():
                    said = answer.get()
                    # The end of the connection may overtake what the server behind it has to tell.
                    start = min(start, time.monotonic() - limit + 1)
                    waited = said[1] >= patience - 0.1
            if said is None:
                return "nothing happens"
            text = said[0]
            return f"waits, then {text}" if waited else text

    @staticmethod
    def reached(label, got, data, seconds):
        place = "the name's server" if label == "named" else "**the default server**"
        if got != data:
            place += f" ({len(got)} of {len(data)} bytes)"
        return f"waits, then {place}" if seconds >= patience - 0.1 + 0.3 else place

    @staticmethod
    def send(client, data):
        try:
            client.sendall(data)
        except OSError:
            pass

    @staticmethod
    def listen(client, answer):
        start, data = time.monotonic(), b""
        try:
            while piece := client.recv(4096):
                data += piece
            end = "closed"
        except ConnectionResetError:
            end = "reset"
        except OSError:
            return
        if len(data) == 7 and data[0] == 21:
            end = f"alert {data[6]}"
        answer.put((end, time.monotonic() - start))


class Ours(Observed):
    title = "hyper"

    def __enter__(self):
        routes = "".join(f"    - {{domain: {name}, address: '127.0.0.1:{self.named.port}'}}\n" for name in names)
        more = f"  relay: {{hello_timeout: {patience}}}\n  routes:\n{routes}  fallback: {{address: '127.0.0.1:{self.other.port}'}}\n"
        self.chain = chain.Chain(more_public=more)
        self.chain.__enter__()
        self.port = self.chain.port
        return self

    def __exit__(self, *rest):
        self.chain.__exit__(*rest)


class Other(Observed):
    """A program of somebody else with a configuration of ours in a temporary folder."""

    def __enter__(self):
        self.holder = tempfile.TemporaryDirectory(prefix="hello-table-")
        folder = pathlib.Path(self.holder.name)
        self.port = chain.free_port(set())
        (folder / "conf").write_text(self.configuration(folder))
        self.process = subprocess.Popen(self.command(folder), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        end = time.monotonic() + 20
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                # That connection, too, may reach a server.
                time.sleep(patience + 0.5)
                return self
            except OSError:
                time.sleep(0.05)
        self.__exit__()
        sys.exit(f"hello-table: {self.title} does not start: {self.process.stdout.read()[-800:]}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.holder.cleanup()


class HAProxy(Other):
    title = "HAProxy"

    def version(self):
        text = subprocess.run(["haproxy", "-v"], stdout=subprocess.PIPE, text=True).stdout
        return re.search(r"version (\d+\.\d+)", text).group(1)

    def configuration(self, _):
        return f"""
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend clients
  bind 127.0.0.1:{self.port}
  tcp-request inspect-delay {patience}s
  tcp-request content accept if {{ req.ssl_hello_type 1 }}
  use_backend named if {{ req.ssl_sni -i {' '.join(names)} }}
  default_backend other
backend named
  server named 127.0.0.1:{self.named.port}
backend other
  server other 127.0.0.1:{self.other.port}
"""

    def command(self, folder):
        return ["haproxy", "-db", "-f", str(folder / "conf")]


class Nginx(Other):
    title = "nginx"

    def version(self):
        text = subprocess.run(["nginx", "-v"], stderr=subprocess.PIPE, text=True).stderr
        return re.search(r"nginx/(\d+\.\d+)", text).group(1)

    def configuration(self, folder):
        named = "".join(f"    {name} 127.0.0.1:{self.named.port};\n" for name in names)
        return f"""
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/errors;
events {{ }}
stream {{
  map $ssl_preread_server_name $upstream {{
{named}    default 127.0.0.1:{self.other.port};
  }}
  server {{
    listen 127.0.0.1:{self.port};
    ssl_preread on;
    preread_timeout {patience}s;
    proxy_pass $upstream;
  }}
}}
"""

    def command(self, folder):
        return ["nginx", "-p", str(folder), "-e", str(folder / "errors"), "-c", str(folder / "conf")]


def observe(product, rows, results):
    with product:
        results[product.title] = [product.outcome(bytes.fromhex(row["hex"])) for row in rows]


def expected(verdict):
    """What the proxy has to do when the reader says this."""
    if verdict.startswith("looks"):
        return "the name's server"
    if verdict.startswith("waits"):
        return "waits, then closed"
    alert = re.search(r"\((\d+)\)", verdict)
    return f"alert {alert.group(1)}" if alert else "closed"


def is_as_expected(seen, verdict):
    wanted = expected(verdict)
    # Closing with unread bytes resets: the kernel does that, and it makes no difference to who does not speak TLS.
    return seen == wanted or (wanted == "closed" and seen == "reset")


def fill(text, marker, lines):
    """Puts lines between the markers `<!-- MARKER -->` and `<!-- end of MARKER -->`."""
    begin, end = f"<!-- {marker} -->\n", f"<!-- end of {marker} -->"
    before, found, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        sys.exit(f"hello-table: docs/hello.md has no markers for '{marker}'")
    return before + begin + "\n".join(lines) + "\n" + end + after


def policy(text):
    rows = [json.loads(line) for line in pathlib.Path(sys.argv[1]).read_text().splitlines()]
    products = [Ours(), HAProxy(), Nginx()]
    results = {}
    threads = [threading.Thread(target=observe, args=(product, rows, results)) for product in products]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(results) != len(products):
        sys.exit("hello-table: not every product could be observed")
    wrong = 0
    for row, seen in zip(rows, results["hyper"]):
        if not is_as_expected(seen, row["verdict"]):
            print(f"hello-table: {row['title']}: the reader says '{row['verdict']}', the proxy did: {seen}", file=sys.stderr)
            wrong += 1
    _, haproxy, nginx = products
    for name in dict.fromkeys(row["table"] for row in rows):
        lines = [f"| case | what we do | source | HAProxy {haproxy.version()} | nginx {nginx.version()} |", "|--|--|--|--|--|"]
        for index, row in enumerate(rows):
            if row["table"] == name:
                lines.append(f"| {row['title']} | {row['verdict']} | {row['source']} | {results['HAProxy'][index]} | {results['nginx'][index]} |")
        text = fill(text, name, lines)
    return text, wrong


class AlertServer:
    """Answers every hello with one alert."""

    def __init__(self, number):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.number = number
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            client.settimeout(20)
            client.recv(65536)
            client.sendall(bytes([21, 3, 1, 0, 2, 2, self.number]))
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):
                pass
        except OSError:
            pass
        client.close()


alerts = {10: "unexpected_message", 22: "record_overflow", 47: "illegal_parameter", 49: "access_denied", 50: "decode_error",
          70: "protocol_version", 80: "internal_error", 109: "missing_extension", 112: "unrecognized_name", 120: "no_application_protocol"}


def seen_by(client, port, folder, pattern):
    if not client.is_present:
        return "not looked up"
    call = clients.Call("www.example.org", port, "/etc/ssl/certs/ca-certificates.crt", folder)
    done = subprocess.run(client.arguments(call), input=b"", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=client.environ(call),
                          cwd=folder, timeout=90)
    found = re.search(pattern, done.stdout.decode(errors="replace"))
    return f"`{found.group(1).strip()}`" if found else "nothing of use"


def people(text):
    # What to look for in what each of them prints.
    asked = {"curl": r"(curl: .*)", "openssl": r"SSL routines:[^:]*:((?:ssl|tls)v[^:]*):", "gnutls": r"Received alert \[\d+\]: (.*)",
             "chromium": r"net::(ERR_[A-Z_]+)"}
    by_key = {client.key: client for client in clients.all}
    lines = ["| alert | curl says | `openssl s_client` says | `gnutls-cli` says | Chromium shows |", "|--|--|--|--|--|"]
    for number, name in alerts.items():
        server = AlertServer(number)
        with tempfile.TemporaryDirectory(prefix="hello-table-") as folder:
            seen = [seen_by(by_key[key], server.port, folder, pattern) for key, pattern in asked.items()]
        server.listener.close()
        lines.append(f"| {number} `{name}` | {' | '.join(seen)} |")
    return fill(text, "alerts", lines)


def main():
    missing = [program for program in ("haproxy", "nginx") if not shutil.which(program)]
    if missing:
        sys.exit(f"hello-table: {' and '.join(missing)} not found; tools/hello-table.sh installs them")
    text, wrong = policy(document.read_text())
    document.write_text(people(text))
    print(f"hello-table: docs/hello.md is filled, {wrong} rows differ from the unit tests")
    sys.exit(1 if wrong else 0)


main()
