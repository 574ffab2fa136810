"""Crowds: clients that behave badly, idle streams by the thousand, programs that run out of descriptors, and programs that are alone."""
import hashlib
import pathlib
import socket
import ssl
import subprocess
import sys
import threading
import time

from figures import BY_KEY, Row, say
from program import Failure, die_with_the_suite
from rig import LOAD, NODES, PROXIES, ROLES, load
from usage import descriptors_of, resident_of

REST = 30.0


def start_load(rig, *words):
    return subprocess.Popen(
        [str(word) for word in (load, *words, "-p", rig.ports["clients"], "-h", LOAD, "-e", time.time_ns() % 1_000_000)], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=die_with_the_suite)


def compare(scene, before, after, of):
    """Descriptors, threads and work under way, and memory of the four programs: what is there more than before."""
    for name in ROLES:
        old, new = before[name], after[name]
        scene.ledger.note("descriptors", new.descriptors - old.descriptors, f"{name}, {of}: {old.descriptors} to {new.descriptors}")
        more = {key: (old.open_work.get(key, 0), value) for key, value in new.open_work.items() if value > old.open_work.get(key, 0)}
        worst = max([new.threads - old.threads, *(value - was for was, value in more.values())])
        scene.ledger.note("tasks", worst, f"{name}, {of}: {old.threads} to {new.threads} threads, {more or 'no more work'}")
        grown = (new.resident - old.resident) / old.resident * 100
        scene.ledger.note("memory", round(grown, 2), f"{name}, {of}: {old.resident / 1e6:.1f} to {new.resident / 1e6:.1f} MB")


def usages(scene):
    """Of a rig in which only the idle streams go on."""
    return {name: scene.rig.usage(name) for name in ROLES}


def rested(scene, before):
    """The same `REST` after a storm. The programs call each other now and then and keep the connection for 20 s, so what is more
    than before gets as long again to go."""
    time.sleep(REST)
    after = usages(scene)
    for _ in range(10):
        if not any(after[name].exceeds(before[name]) for name in ROLES):
            break
        time.sleep(REST / 10)
        after = {name: now if not now.exceeds(before[name]) else after[name] for name, now in usages(scene).items()}
    return after


def storm(scene, rate, seconds, settling=REST / 2):
    """Good and bad clients mixed; then silence for 30 s; then everything has to be as it was before, when it had been silent for `settling`."""
    rig, traffic, ledger = scene.rig, scene.traffic, scene.ledger
    traffic.wait_full()
    traffic.hush()
    time.sleep(settling)
    before = usages(scene)
    start = time.monotonic()
    crowd = start_load(rig, "storm", "-r", rate, "-s", seconds)
    output, _ = crowd.communicate(timeout=seconds + 60)
    good, failed, gone, unread, garbage = map(int, output.splitlines()[-1].split()[1:])
    compare(scene, before, rested(scene, before), "storm of clients")
    ledger.note("good", failed, "; ".join(output.splitlines()[:3]))
    cut = traffic.cut(start)
    ledger.note("cut-else", len(cut), "storm of clients")
    ledger.add(Row("storm of clients", f"{rate:g} a second for {seconds:g} s", None, failed, len(cut),
                   f"{good} good, {gone} gone after the hello, {unread} that never read, {garbage} with garbage"))
    traffic.resume()


def idle(scene, count):
    """Idle streams, held until all have been open for a while; what both proxies grow by. Then each is asked for an answer."""
    rig, traffic, ledger = scene.rig, scene.traffic, scene.ledger
    traffic.wait_full()
    traffic.hush()
    time.sleep(3)
    before = sum(resident_of(rig[name].pid) for name in PROXIES)
    crowd = start_load(rig, "idle", "-n", count)
    opened = int(crowd.stdout.readline().split()[1])
    # What it took to open them is given back; what stays is what idle streams cost.
    time.sleep(REST)
    grown = sum(resident_of(rig[name].pid) for name in PROXIES) - before
    crowd.stdin.write("\n")
    crowd.stdin.flush()
    alive = int(crowd.stdout.readline().split()[1])
    crowd.stdin.close()
    crowd.wait(30)
    if opened:
        ledger.note("idle-memory", round(grown / opened / 1024, 3), f"{opened} streams")
    ledger.note("good", count - alive, f"idle streams: {opened} of {count} opened, {alive} answered")
    ledger.add(Row("idle streams", f"{count}", None, count - opened, opened - alive, f"{grown / max(opened, 1):.0f} bytes each"))
    traffic.resume()


def descriptors(scene, name, limit=128, crowd=200, seconds=10, patience=0):
    """One program may have 128 descriptors, and 200 come to stay: clients at a proxy, connections that say nothing at every address where it
    listens. It must not end, must not spin, and must serve when they have gone. `patience`: as for `rest`."""
    program, ledger = scene.rig[name], scene.ledger
    ours = program.prefix
    program.prefix = [*ours, "prlimit", f"--nofile={limit}:{limit}", "--"]
    try:
        with scene.preparing():
            program.stop()
            try:
                program.start().wait_ready(60)
            except Failure:
                ledger.add(Row("128 descriptors", name, None, 0, 0, f"does not start: {program.tail(1).strip()}"))
                return
        with scene.trouble("128 descriptors", name, "cut" if name in NODES else None, "back-descriptors") as trouble:
            mark, began = program.end_of_log(), time.monotonic()
            clients = start_load(scene.rig, "idle", "-n", crowd)
            silent = [connection for address in addresses(scene.rig, name) for connection in connect(address, crowd)]
            is_crowded = wait_crowded(program, clients, limit)
            scene.rig.check_alive()
            if patience:
                rest(scene.rig, name, BY_KEY["spin"].limit, patience)
            else:
                time.sleep(1)
            ledger.note("spin", round(scene.rig.cpu(name, seconds) * 100, 2), name)
            scene.rig.check_alive()
            trouble.note = f"{program.text(mark).count(chr(10)) / (time.monotonic() - began):.0f} log lines a second"
            if not is_crowded:
                trouble.note += ", the crowd did not all come"
            clients.kill()
            clients.wait()
            for connection in silent:
                connection.close()
            trouble.back = time.monotonic()
    finally:
        program.prefix = ours
        with scene.preparing():
            program.stop()
            program.start().wait_ready(60)


def wait_crowded(program, clients, limit, within=10):
    """Until the clients are there and most of a program's descriptors are taken; false when that does not come about. Without it a late crowd
    would be missed."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        if not program.is_running or clients.poll() is not None:
            return False
        if descriptors_of(clients.pid) >= 10 and descriptors_of(program.pid) >= limit * 3 // 4:
            return True
        time.sleep(0.05)
    return False


def rest(rig, name, percent, patience):
    """Waits until a program has spent a second with no more CPU than that, so many seconds at most: on a busy machine the work that a change
    makes can come late. One that never rests is measured all the same."""
    end = time.monotonic() + patience
    while time.monotonic() < end and rig.cpu(name, 1) * 100 > percent:
        pass


def addresses(rig, name):
    """Where a program of ours listens besides the clients' port."""
    match name:
        case "public-proxy":
            return [(rig.places.public, rig.ports["tokens"]), ("127.0.0.1", rig.ports["public-proxy"])]
        case "private-proxy":
            return [str(rig.folder / "run/private-proxy-1.sock")]
        case "public-node":
            host, _, port = rig.network_address.rpartition(":")
            return [(host, int(port)), ("127.0.0.1", rig.ports["public-node"])]
        case "private-node":
            return [str(rig.folder / "run/private-proxy-hyper-1.sock")]
    return []


def connect(address, count):
    """So many connections that say nothing; fewer when the other side refuses them."""
    connections = []
    for _ in range(count):
        connection = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        connection.settimeout(0.2)
        try:
            connection.connect(address)
        except OSError:
            connection.close()
            continue
        connections.append(connection)
    return connections


class Nodes:
    """Simulated private nodes (peers.py) of the private side, and what they last said."""

    def __init__(self, rig, count):
        self.rig, self.count = rig, count
        self.up = self.announced = self.attempts = 0
        self.folder = rig.folder / "peers"

    def register(self):
        """Certificates from the rig's authority, all for one key, and directory entries that let them announce a name each."""
        certificates, names = self.rig.certificates, [f"peer-{index}" for index in range(self.count)]
        self.folder.mkdir()
        (self.folder / "root.crt").write_bytes((certificates / "root.crt").read_bytes())
        chain = (certificates / "intermediate.crt").read_text()

        def openssl(*words):
            return subprocess.run(["openssl", *map(str, words)], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout

        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.folder / "peer.key")
        openssl("pkey", "-in", self.folder / "peer.key", "-pubout", "-out", self.folder / "peer.pub")
        openssl("req", "-new", "-key", self.folder / "peer.key", "-subj", "/CN=peer", "-out", self.folder / "peer.csr")
        records = []
        for serial, name in enumerate(names, start=1_000_000):
            extensions = self.folder / "extensions"
            extensions.write_text(
                f"subjectAltName=DNS:{name}\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth,serverAuth\nbasicConstraints=critical,CA:false\n")
            leaf = openssl(
                "x509", "-req", "-in", self.folder / "peer.csr", "-subj", f"/CN={name}", "-CA", certificates / "intermediate.crt", "-CAkey",
                certificates / "intermediate.key", "-set_serial", serial, "-days", "90", "-sha256", "-extfile", extensions)
            (self.folder / f"{name}.crt").write_text(leaf + chain)
            pin = hashlib.sha256(ssl.PEM_cert_to_DER_cert(leaf)).hexdigest()
            for section, data in (
                ("groups", ["proxy-users"]), ("channels", [{"type": "grpc_client"}]),
                ("certificates", [{"fingerprint": pin, "key_usage": "encryption"}]),
                ("services", [{"name": "proxy", "permissions": [], "methods": [
                    {"name": "incomingConnection", "permissions": [{"group": "proxy-providers", "rights": ["call"]}]}]}]),
                ("settings", [{"operator": "", "service": "proxy", "environment": "", "settings": {"allowed_domains": [".internal-server.local"]}}]),
            ):
                records.append({"name": name, "section": section, "created_at": "2026-01-01T00:00:00Z", "data": data})
        mark = self.rig["public-node"].end_of_log()
        self.rig.add_records("050_peers.json", records)
        self.rig["public-node"].wait_for("directory reloaded", 60, mark)

    def start(self):
        host, _, port = self.rig.network_address.rpartition(":")
        self.process = subprocess.Popen(
            [*self.rig.places.private_prefix, sys.executable, pathlib.Path(__file__).with_name("peers.py"), self.folder, host, port,
             "public-proxy-1", str(self.count)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=die_with_the_suite)
        if self.process.stdout.readline() != "peers ready\n":
            raise Failure("the simulated nodes do not start")
        threading.Thread(target=self.read, daemon=True).start()
        self.go()

    def read(self):
        for line in self.process.stdout:
            self.up, self.announced, self.attempts = map(int, line.split()[1:])

    def go(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def wait_announced(self, start, limit):
        """Seconds from `start` until all are connected and have announced their names; None when that takes longer."""
        while time.monotonic() < start + limit:
            if self.announced == self.count:
                return time.monotonic() - start
            time.sleep(0.05)
        return None

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def nodes(scene, count, times, limit=60):
    """So many private nodes are connected; the public node is killed, and they all come back at once."""
    rig, ledger = scene.rig, scene.ledger
    crowd = Nodes(rig, count)
    with scene.preparing():
        crowd.register()
    with scene.preparing():
        start = time.monotonic()
        crowd.start()
        first = crowd.wait_announced(start, 2 * limit)
    say(f"{count} private nodes: all connected and announced for the first time after {first if first is None else round(first, 1)} s, {crowd.attempts} attempts")
    try:
        for _ in range(times):
            with scene.trouble(f"{count} nodes reconnect", "public-node", "cut", "back-crowd") as trouble:
                attempts = crowd.attempts
                rig["public-node"].kill()
                time.sleep(2)
                program = rig["public-node"].start()
                trouble.back = program.started_at
                program.wait_ready(60)
                took = crowd.wait_announced(trouble.back, limit)
                trouble.note = f"all {count} after {limit if took is None else took:.1f} s, {crowd.attempts - attempts} attempts"
            ledger.note("crowd", round(limit if took is None else took, 2), f"{crowd.up} of {count} connected, {crowd.announced} announced")
    finally:
        crowd.stop()
        with scene.preparing():
            rig.add_records("050_peers.json", [])


def alone(rig, ledger, name, seconds, patience=0):
    """The CPU of a program whose peers are all down. No traffic. `patience`: as for `rest`."""
    others = [program for other, program in rig.programs.items() if other != name]
    for program in others:
        program.kill()
    time.sleep(2)
    if patience:
        rest(rig, name, BY_KEY["idle-cpu"].limit, patience)
    ledger.note("idle-cpu", round(rig.cpu(name, seconds) * 100, 3), name)
    for program in others:
        program.start()
    for program in others:
        program.wait_ready(60)
