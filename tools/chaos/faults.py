"""The faults, each once, under steady traffic. Each says what it did to whom and notes the figures."""
import contextlib
import dataclasses
import json
import pathlib
import shutil
import signal
import struct
import time

from figures import Row
from program import Failure
from rig import ALL, NODES, root
from traffic import NEW

# How long a killed process stays away: long enough for the others to notice and to wait.
AWAY = 2.0
PAUSE = 15.0


@dataclasses.dataclass
class Scene:
    """What a fault needs."""
    rig: object
    traffic: object
    ledger: object

    @contextlib.contextmanager
    def trouble(self, fault, target, cut_key=None, back_key=None, limit=60):
        """A fault is done inside; `trouble.back` says since when everything is there again (the end of the block, when it is not set).

        Afterwards: how long until new streams are served, what was refused, what was cut, and that all traffic runs again."""
        self.rig.check_alive()
        self.traffic.wait_full()
        trouble = Trouble(time.monotonic())
        yield trouble
        back = trouble.back or time.monotonic()
        recovered = self.traffic.wait_recovered(back, limit)
        self.traffic.wait_full()
        moving = time.monotonic() - back
        if trouble.tells_moving:
            trouble.note = f"established streams move again after {moving:.0f} s {trouble.note}"
        failed = [event for event in self.traffic.since(trouble.start, kinds=NEW) if event.outcome != "ok"]
        cut, name = self.traffic.cut(trouble.start), f"{fault} {target}"
        if recovered is None:
            trouble.note += f" not served again within {limit} s"
            recovered = float(limit)
        self.ledger.windows.append((trouble.start, back + recovered))
        if back_key:
            self.ledger.note(back_key, round(recovered, 3), name)
        if cut_key:
            self.ledger.note(cut_key, len(cut), name)
        if cut and cut_key:
            kinds = ", ".join(sorted({f"{event.kind} {event.outcome}" for event in cut}))
            trouble.note = f"{trouble.note} cut: {kinds}"
        self.ledger.add(Row(fault, target, round(recovered, 3) if back_key else None, len(failed), len(cut), trouble.note.strip()))


    @contextlib.contextmanager
    def preparing(self):
        """What is done inside may disturb the traffic and is judged by nobody."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.traffic.wait_recovered(time.monotonic())
            self.ledger.windows.append((start, time.monotonic()))


@dataclasses.dataclass
class Trouble:
    start: float
    back: float = 0.0
    note: str = ""
    tells_moving: bool = False  # whether it is worth saying when established streams go on


def cuts_of(name):
    """Streams never go through a node, so what happens to one must not touch them. Nor do those of the load touch the internal server."""
    return "cut" if name in NODES else None


def restarted(scene, name, trouble):
    program = scene.rig[name].start()
    trouble.back = program.started_at
    program.wait_ready(60)


def kill(scene, name):
    with scene.trouble("kill -9", name, cuts_of(name), "back") as trouble:
        scene.rig[name].kill()
        time.sleep(AWAY)
        restarted(scene, name, trouble)


def restart(scene, name):
    with scene.trouble("clean restart", name, cuts_of(name), "back") as trouble:
        status = scene.rig[name].stop()
        if status != 0:
            trouble.note = f"ended with status {status}"
        restarted(scene, name, trouble)


def pause(scene, name, seconds=PAUSE):
    with scene.trouble(f"SIGSTOP {seconds:g} s", name, cuts_of(name), "back") as trouble:
        scene.rig[name].signal(signal.SIGSTOP)
        time.sleep(seconds)
        scene.rig[name].signal(signal.SIGCONT)
        trouble.back = time.monotonic()


def cut(scene, seconds):
    """Everything between the two sides is dropped. TCP and its keepalive give established streams about a minute."""
    is_short = seconds < 30
    with scene.trouble(f"network cut {seconds:g} s", "private side", "cut-else" if seconds < 60 else None, "back-short" if is_short else "back-long") as trouble:
        trouble.tells_moving = True
        with obstructed(scene, 100):
            time.sleep(seconds)
        trouble.back = time.monotonic()


def loss(scene, percent, seconds):
    """So many packets of a hundred are lost, each way. Streams get slow; new ones may."""
    with scene.trouble(f"{percent} % loss for {seconds:g} s", "private side", "cut-else", "back-short") as trouble:
        trouble.tells_moving = True
        with obstructed(scene, percent):
            time.sleep(seconds)
        trouble.back = time.monotonic()


@contextlib.contextmanager
def obstructed(scene, percent):
    scene.rig.places.obstruct(percent)
    try:
        yield
    finally:
        scene.rig.places.clear()


def move(scene):
    """The public node moves: another address and port in the directory, and the node listens there and nowhere else."""
    rig = scene.rig
    addresses = [f"{rig.places.public}:{rig.ports['network']}", f"{rig.places.public_too}:{rig.ports['network-too']}"]
    rig.network_address = addresses[1 - addresses.index(rig.network_address)]
    with scene.trouble("node's address changed", "public-node", "cut", "back") as trouble:
        mark = rig["private-node"].end_of_log()
        rig["public-node"].stop()
        rig.write_role("public-node")
        rig.write_directory()
        restarted(scene, "public-node", trouble)
        rig["private-node"].wait_for(f"address={rig.network_address}", 30, mark)


def reload_directory(scene):
    """A record is added and taken away again: nothing may notice."""
    rig = scene.rig
    with scene.trouble("directory changed", "both nodes", "cut") as trouble:
        for records in ([{"name": "somebody", "section": "groups", "created_at": "2026-01-01T00:00:00Z", "data": ["proxy-users"]}], []):
            marks = {name: rig[name].end_of_log() for name in NODES}
            rig.add_records("090_more.json", records)
            for name in NODES:
                rig[name].wait_for("directory reloaded", 30, marks[name])
        trouble.back = time.monotonic()


OPERATORS = ("public-proxy-1", "private-proxy-1")


def rotate(scene):
    """New certificates for both operators and the internal server, as operations.md says: pin both, replace, unpin the old ones."""
    rig = scene.rig
    fresh = rig.folder / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(rig.certificates, fresh)
    for name in (*OPERATORS, "internal-server"):
        for suffix in ("crt", "key"):
            (fresh / f"{name}.{suffix}").unlink()
    rig.make_certificates(fresh, fresh / "records.json")
    with scene.trouble("certificates rotated", "all", "cut-else", "back") as trouble:
        marks = {name: rig[name].end_of_log() for name in ALL}
        now, then = (pins(path) for path in (rig.path("directory", "002_certificates.json"), fresh / "records.json"))
        rig.add_records("095_both.json", [
            {"name": name, "section": "certificates", "created_at": "2030-01-01T00:00:00Z", "data": now[name] + then[name]} for name in OPERATORS])
        for name in NODES:
            rig[name].wait_for("directory reloaded", 30, marks[name])
        for name in (*OPERATORS, "internal-server"):
            for suffix in ("key", "crt"):
                rig.replace(rig.certificates / f"{name}.{suffix}", (fresh / f"{name}.{suffix}").read_text())
        for name in ("public-proxy", *NODES):
            rig[name].wait_for("certificates reloaded", 30, marks[name])
        trouble.back = time.monotonic()
        marks = {name: rig[name].end_of_log() for name in NODES}
        rig.replace(rig.path("directory", "002_certificates.json"), (fresh / "records.json").read_text())
        rig.path("directory", "095_both.json").unlink()
        for name in NODES:
            rig[name].wait_for("directory reloaded", 30, marks[name])


def pins(path):
    records = json.loads(pathlib.Path(path).read_text())["records"]
    return {record["name"]: record["data"] for record in records if record["section"] == "certificates"}


def full_store(scene, name):
    """The file system of the store is full; then the proxy is killed, comes back, and only then there is room again."""
    rig = scene.rig
    with scene.trouble("store full, kill -9", name, None, "back") as trouble:
        filler = rig.folder / "run/store/filler"
        try:
            fill(filler)
            time.sleep(AWAY)
            if broken := [event for event in scene.traffic.since(trouble.start, kinds=NEW) if event.outcome != "ok"]:
                trouble.note = f"{len(broken)} refused while the store was full"
            if hurt := scene.traffic.cut(trouble.start):
                trouble.note += f"{len(hurt)} cut while the store was full"
            scene.ledger.note("cut-else", len(hurt), f"store full, {name}")
            rig[name].kill()
            time.sleep(0.5)
            try:
                restarted(scene, name, trouble)
            except Failure as failure:
                trouble.note += " does not start with a full store"
                filler.unlink()
                restarted(scene, name, trouble)
        finally:
            filler.unlink(missing_ok=True)


def lost_store(scene, name):
    """A proxy is killed and comes back without its store: names are announced again by those who hold them."""
    with scene.trouble("store lost, kill -9", name, None, "back-lost") as trouble:
        scene.rig[name].kill()
        for file in (scene.rig.folder / "run/store").glob(f"{name.partition('-')[0]}.*"):
            file.unlink()
        restarted(scene, name, trouble)


def fill(path):
    with open(path, "wb", buffering=0) as file:
        size = 1 << 16
        while size:
            try:
                if file.write(bytes(size)) < size:
                    size //= 2
            except OSError:
                size //= 2


def clock(scene, name, seconds=8):
    """The wall clock of one program jumps an hour ahead and, some seconds later, back (clock.c)."""
    program, file = scene.rig[name], scene.rig.folder / f"{name}.clock"
    ours = program.environment

    def jump(offset):
        # In place: the program has it mapped.
        with open(file, "r+b") as opened:
            opened.write(struct.pack("=q", offset))

    file.write_bytes(bytes(8))
    program.environment = ours | {"LD_PRELOAD": str(root / ".build/chaos/clock.so"), "CHAOS_CLOCK": str(file)}
    try:
        with scene.preparing():
            program.stop()
            program.start().wait_ready(60)
        with scene.trouble("clock +1 h and back", name, "cut-else", "back") as trouble:
            for offset in (3600, 0):
                jump(offset)
                trouble.back = time.monotonic()
                time.sleep(seconds / 2)
                # Makes it say something, so that its log shows the jump: the next one has to wait for that.
                mark = program.end_of_log()
                program.signal(signal.SIGHUP)
                program.wait_for("reloading", 30, mark)
                time.sleep(seconds / 2)
            if not jumped(program.text()):
                raise Failure(f"the clock of {name} did not jump; it said:\n{program.tail()}")
    finally:
        program.environment = ours
        with scene.preparing():
            program.stop()
            program.start().wait_ready(60)


def jumped(log):
    """Whether the times of log lines, which begin each, go an hour ahead."""
    stamps = [line[:19] for line in log.splitlines() if line[4:5] == "-" and line[10:11] == "T"]
    times = [time.mktime(time.strptime(stamp, "%Y-%m-%dT%H:%M:%S")) for stamp in stamps]
    return bool(times) and max(times) - min(times) > 3500
