"""The five programs of the README from bin/, with the development settings in a folder of their own, and the server of the load."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

from figures import say
from program import Failure, Program
from usage import Usage, cpu_seconds, scrape

root = pathlib.Path(__file__).resolve().parent.parent.parent
load = root / ".build" / "chaos" / "load"
SITE = "test.internal-server.local"  # served by the internal server, over TLS
LOAD = "load.internal-server.local"  # served by the load's far end, without TLS behind the hello
# "network-too" is where the public node moves to.
PORTS = {
    "clients": 4433, "tokens": 9999, "public-proxy": 6655, "public-node": 5544, "network": 5556, "network-too": 5557, "internal-server": 8888,
    "far": 8889,
}
PROXIES = ("public-proxy", "private-proxy")
NODES = ("public-node", "private-node")
ALL = (*PROXIES, *NODES, "internal-server")
ROLES = {
    "public-proxy": "public-proxy-1", "private-proxy": "private-proxy-1", "public-node": "public-proxy-hyper-1",
    "private-node": "private-proxy-hyper-1",
}


def free_port(taken):
    """A port that nobody has, below those of outgoing connections."""
    for port in range(21000, 29000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in taken:
            taken.add(port)
            return port
    raise Failure("no free port between 21000 and 29000")


class Rig:
    """`with Rig(places) as rig:` — everything runs and is ready; ended and removed at the end."""

    def __init__(self, places, level="info"):
        """level: what the programs log. Above info they do not say when they are ready, and a first stream tells it."""
        for path in (root / "bin/hyper", root / "bin/proxy", root / "bin/internal-server", load):
            if not os.access(path, os.X_OK):
                raise Failure(f"{path.relative_to(root)} is missing: run 'make build examples' and tools/chaos.sh")
        self.places = places
        self.level = level
        taken = set()
        self.ports = dict(PORTS) if places.is_isolated else {name: free_port(taken) for name in PORTS}
        self.network_address = f"{places.public}:{self.ports['network']}"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hyper-chaos-"))
        self.programs = {}
        self.far = None
        self.has_small_store = False  # whether the stores get a small file system of their own

    def __enter__(self):
        try:
            self.prepare()
            if self.has_small_store:
                self.mount_store()
            self.far.start()
            for program in self.programs.values():
                program.start()
            self.far.wait_ready()
            if self.level == "info":
                for program in self.programs.values():
                    program.wait_ready(60)
            self.wait_served(60)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for program in [*reversed(self.programs.values()), self.far]:
            if program and program.is_running:
                program.signal(18)
                program.process.terminate()
        for program in [*self.programs.values(), self.far]:
            if program and program.process:
                program.stop(8)
        if self.has_small_store:
            subprocess.run(["umount", self.folder / "run/store"], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __getitem__(self, name):
        return self.programs[name]

    # Settings

    def path(self, *parts):
        return self.folder.joinpath("settings", "dev", *parts)

    @property
    def certificates(self):
        return self.path("certs")

    def prepare(self):
        (self.folder / "logs").mkdir()
        for name in ("run", "run/store"):
            (self.folder / name).mkdir(mode=0o700)
        for name in ROLES:
            self.write_role(name)
        self.path("directory").mkdir(parents=True)
        self.write_directory()
        self.make_certificates(self.certificates, self.path("directory", "002_certificates.json"))
        internal = f"localhost:{self.ports['internal-server']}"
        private = self.places.private_prefix
        bin = root / "bin"
        self.far = Program("far", [load, "far", "-p", self.ports["far"]], self.folder, prefix=private)
        self.add("internal-server", [bin / "internal-server"], "IS_BIND_ADDRESS", internal, private)
        for side, prefix in (("public", ()), ("private", private)):
            for kind, command in (("proxy", [bin / "proxy", "--level", self.level, "run", side]),
                                  ("node", [bin / "hyper", "--level", self.level, "server", "run"])):
                name = f"{side}-{kind}"
                variable = "PROXY_SETTINGS" if kind == "proxy" else "HYPER_SETTINGS"
                self.add(name, command, variable, f"settings/dev/roles/{ROLES[name]}", prefix)

    def add(self, name, command, variable, value, prefix):
        self.programs[name] = Program(name, command, self.folder, {variable: value}, prefix)

    def moved(self, text):
        """The development settings with the addresses of this rig."""
        ports, public = self.ports, self.places.public
        for old, new in (
            ('internal_bind_address: "localhost:9999"', f'internal_bind_address: "0.0.0.0:{ports["tokens"]}"'),
            ("localhost:9999", f"{public}:{ports['tokens']}"), ('bind_address: "localhost:5556"', f'bind_address: "{self.bind_address}"'),
            ("localhost:5556", self.network_address), (":4433", f":{ports['clients']}"), (":6655", f":{ports['public-proxy']}"),
            (":5544", f":{ports['public-node']}"), (":8888", f":{ports['internal-server']}"),
        ):
            text = text.replace(old, new)
        return text

    @property
    def bind_address(self):
        return f"0.0.0.0:{self.network_address.rpartition(':')[2]}"

    def write_role(self, name):
        text = self.moved((root / "settings/dev/roles" / ROLES[name] / "001_default.yml").read_text())
        text = text.replace("run/public-proxy-1.sqlite", "run/store/public.sqlite").replace("run/private-proxy-1.sqlite", "run/store/private.sqlite")
        if name == "public-proxy":
            text += "  relay:\n    max_streams_per_source: 100000\n"
        if name == "private-proxy":
            text += f"    - domain: {LOAD}\n      proxy: public-proxy-1\n"
            text += f"  internal_endpoints:\n    - domain: {LOAD}\n      address: \"127.0.0.1:{self.ports['far']}\"\n"
        text = f"metrics:\n  bind_address: unix:run/{name}.metrics\n{text}"
        self.replace(self.path("roles", ROLES[name], "001_default.yml"), text)

    def write_directory(self):
        self.replace(self.path("directory", "001_default.json"), self.moved((root / "settings/dev/directory/001_default.json").read_text()))

    @staticmethod
    def replace(path, text):
        """As a rename, so that nobody sees a part of a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_text(text)
        fresh.rename(path)

    @staticmethod
    def make_certificates(folder, records):
        subprocess.run(
            [root / "bin/hyper", "certs", "make", "--certificates", folder, "--records", records], check=True, stdout=subprocess.DEVNULL)

    def add_records(self, name, records):
        self.replace(self.path("directory", name), json.dumps({"records": records}))

    def mount_store(self):
        """The stores of both proxies on a small file system of their own, which can be filled. Ends with the suite's namespace."""
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", self.folder / "run/store"], check=True)

    def wait_served(self, limit):
        """Until a stream goes through the whole chain."""
        end = time.monotonic() + limit
        while subprocess.run([load, "soak", "-p", str(self.ports["clients"]), "-h", LOAD, "-c", "1", "-n", "1"], stdout=subprocess.DEVNULL).returncode:
            if time.monotonic() > end:
                raise Failure(f"no stream gets through the chain within {limit} s")
            time.sleep(0.1)

    # What is known about the programs

    def metrics(self, name):
        return scrape(self.folder / "run" / f"{name}.metrics") if name in ROLES else {}

    def keep_logs(self, folder):
        """Copies them there, with the counters of who still runs, for those who look for the reason of something."""
        target = folder / "logs"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.folder / "logs", target)
        for name in ROLES:
            if self[name].is_running:
                (target / f"{name}.metrics").write_text("".join(f"{sample} {value:g}\n" for sample, value in self.metrics(name).items()))
        say(f"the logs of the programs are in {target}")

    def usage(self, name):
        return Usage.of(self[name].pid, self.metrics(name))

    def cpu(self, name, seconds):
        """Cores that a program uses, over so many seconds."""
        before, start = cpu_seconds(self[name].pid), time.monotonic()
        time.sleep(seconds)
        return (cpu_seconds(self[name].pid) - before) / (time.monotonic() - start)

    def check_alive(self):
        for name, program in self.programs.items():
            if not program.is_running:
                raise Failure(f"{name} has ended by itself with status {program.process.returncode}; it said:\n{program.tail()}")
