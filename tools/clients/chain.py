"""The five programs of the README from bin/, with the development settings, in a folder and on ports of their own."""
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

root = pathlib.Path(__file__).resolve().parent.parent.parent
server_name = "test.internal-server.local"
# Below the range from which the kernel takes the near ends of outgoing connections.
port_range = range(*(int(end) for end in os.environ.get("CLIENT_PORTS", "20000-32000").split("-")))
development_ports = [4433, 9999, 6655, 5544, 5556, 8888]


class Failure(Exception):
    pass


def free_port(taken):
    for _ in range(1000):
        port = random.choice(port_range)
        if port in taken:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        taken.add(port)
        return port
    raise Failure(f"no free port in {port_range}: set CLIENT_PORTS=FIRST-LAST")


class Program:
    """One program and the lines it prints; ended by its own process id."""

    def __init__(self, name, arguments, environment, folder):
        self.name = name
        self.lines = []
        self.news = threading.Condition()
        self.process = subprocess.Popen(
            arguments, cwd=folder, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            with self.news:
                self.lines.append(line.rstrip("\n"))
                self.news.notify_all()
        with self.news:
            self.lines.append(None)
            self.news.notify_all()

    def wait_for(self, *parts, start=0, limit=60):
        """The first line from `start` on that contains all parts; None when it does not come."""
        end = time.monotonic() + limit
        with self.news:
            while True:
                for line in self.lines[start:]:
                    if line is not None and all(part in line for part in parts):
                        return line
                left = end - time.monotonic()
                if left <= 0 or (self.lines and self.lines[-1] is None):
                    return None
                self.news.wait(left)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self.reader.join(5)


class Chain:
    """`with Chain() as chain:` — everything runs and is ready; stopped and removed at the end."""

    def __init__(self, more_public=""):
        """more_public: YAML behind the public proxy's settings, for instance static routes."""
        for name in ("hyper", "proxy", "internal-server"):
            if not os.access(root / "bin" / name, os.X_OK):
                raise Failure(f"bin/{name} is missing: run 'make build examples'")
        taken = set()
        self.ports = {port: free_port(taken) for port in development_ports}
        self.holder = tempfile.TemporaryDirectory(prefix="hyper-clients-")
        self.folder = pathlib.Path(self.holder.name)
        self.more_public = more_public
        self.programs = {}

    @property
    def port(self):
        return self.ports[4433]

    @property
    def ca(self):
        return str(self.folder / "settings/dev/certs/root.crt")

    def __enter__(self):
        try:
            self.prepare()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for program in reversed(list(self.programs.values())):
            program.stop()
        self.holder.cleanup()

    def prepare(self):
        for source in (root / "settings/dev").rglob("*"):
            if source.suffix not in (".yml", ".json") or source.name == "002_certificates.json":
                continue
            text = source.read_text()
            for old, new in self.ports.items():
                text = text.replace(f":{old}", f":{new}")
            if source.parts[-2] == "public-proxy-1":
                text += f"{self.more_public}\nmetrics:\n  bind_address: unix:run/public.metrics\n"
            target = self.folder / source.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        (self.folder / "run").mkdir(mode=0o700)
        certificates = self.folder / "settings/dev/certs"
        subprocess.run(
            [root / "bin/hyper", "certs", "make", "--certificates", certificates, "--records",
             self.folder / "settings/dev/directory/002_certificates.json"], check=True, stdout=subprocess.DEVNULL)

    def start(self):
        roles = "settings/dev/roles"
        self.run("internal-server", [root / "bin/internal-server"], {"IS_BIND_ADDRESS": f"localhost:{self.ports[8888]}"})
        for side in ("public", "private"):
            # Debug: the lines about hellos are what the report is made of.
            self.run(f"{side}-proxy", [root / "bin/proxy", "--level", "debug", "run", side], {"PROXY_SETTINGS": f"{roles}/{side}-proxy-1"})
            self.run(f"{side}-node", [root / "bin/hyper", "server", "run"], {"HYPER_SETTINGS": f"{roles}/{side}-proxy-hyper-1"})
        for program in self.programs.values():
            if not program.wait_for(" ready"):
                shown = "\n  ".join(line for line in program.lines[-8:] if line)
                raise Failure(f"{program.name} was not ready within 60 s; it printed:\n  {shown}")

    def run(self, name, arguments, environment):
        self.programs[name] = Program(name, [str(part) for part in arguments], environment, self.folder)

    def metrics(self):
        done = subprocess.run(
            ["curl", "-fsS", "--max-time", "10", "--unix-socket", self.folder / "run/public.metrics", "http://localhost/metrics"],
            stdout=subprocess.PIPE, text=True, check=True)
        return dict(line.rsplit(" ", 1) for line in done.stdout.splitlines() if line and not line.startswith("#"))


class ConnectProxy:
    """Carries CONNECT to 127.0.0.1, whatever the name: for clients that cannot be told an address. Bytes pass unchanged."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            client.settimeout(60)
            head = b""
            while b"\r\n\r\n" not in head and len(head) < 8192:
                piece = client.recv(1)
                if not piece:
                    return
                head += piece
            port = int(head.split()[1].rsplit(b":", 1)[1])
            server = socket.create_connection(("127.0.0.1", port), timeout=60)
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        except (OSError, ValueError, IndexError) as error:
            print(f"clients: CONNECT failed: {error}", file=sys.stderr)
            client.close()
            return
        other = threading.Thread(target=self.copy, args=(server, client), daemon=True)
        other.start()
        self.copy(client, server)
        other.join()
        client.close()
        server.close()

    @staticmethod
    def copy(source, sink):
        try:
            while piece := source.recv(65536):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.listener.close()
