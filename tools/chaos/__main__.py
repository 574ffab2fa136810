"""The chaos suite. `tools/chaos.sh` prepares what it needs and starts it; docs/chaos.md says what each part is."""
import argparse
import contextlib
import pathlib
import shutil
import signal
import sys
import time

import crowds
import faults
from faults import Scene
from figures import Ledger, say
from places import Host, Namespaces
from program import Failure
from rig import ALL, NODES, PROXIES, ROLES, Rig, root
from soak import soak
from traffic import NEW, Traffic

FAULTS = ("kill", "restart", "stop", "cut", "long-cut", "loss", "move", "directory", "certificates", "store", "clock", "descriptors", "storm", "nodes", "idle", "alone")
PARTS = {"short": ("kill", "restart", "stop", "cut", "move", "directory", "certificates", "store", "clock", "descriptors", "storm", "alone"), "full": FAULTS, "soak": ("soak",)}


def isolated(scene, part):
    if not scene.rig.places.is_isolated:
        scene.ledger.skip(part, "needs network namespaces of its own: run as root, or allow unprivileged user namespaces")
    elif shutil.which("nft") is None:
        scene.ledger.skip(part, "needs nft: apt-get install nftables")
    else:
        return True
    return False


def steady_parts(scene, part, short, options, rounds):
    """One part, once."""
    rig = scene.rig
    match part:
        case "kill":
            for name in ALL:
                faults.kill(scene, name)
        case "restart":
            for name in ALL:
                faults.restart(scene, name)
        case "stop":
            for name in ("private-node",) if short else ALL:
                faults.pause(scene, name)
        case "cut" if isolated(scene, part):
            faults.cut(scene, 20)
            if not short:
                # Just long enough to be a long one: TCP has not given up yet and its next attempt is far away.
                faults.cut(scene, 35)
        case "long-cut" if isolated(scene, part):
            faults.cut(scene, 300)
        case "loss" if isolated(scene, part):
            faults.loss(scene, 20, 20)
        case "move":
            faults.move(scene)
        case "directory":
            faults.reload_directory(scene)
        case "certificates":
            faults.rotate(scene)
        case "store":
            if not rig.has_small_store:
                scene.ledger.skip(part, "needs a mount of its own: run as root, or allow unprivileged user namespaces")
                return
            for name in PROXIES[:1] if short else PROXIES:
                faults.full_store(scene, name)
                faults.lost_store(scene, name)
        case "clock":
            for name in ("public-node",) if short else ROLES:
                faults.clock(scene, name, 4 if short else 8)
        case "descriptors":
            for name in ("public-proxy",) if short else (*PROXIES, *NODES):
                crowds.descriptors(scene, name, seconds=4 if short else 10, patience=15 if short else 0)
        case "storm":
            crowds.storm(scene, *((50, 8, 5) if short else (100, 60)))
        case "nodes":
            crowds.nodes(scene, *((100, 1) if short else (options.nodes, rounds)))
        case "idle":
            crowds.idle(scene, 9000)


def note_strays(scene, start):
    """New streams that failed outside of every fault, and bytes that were wrong at any time."""
    traffic, ledger = scene.traffic, scene.ledger

    def outside(more):
        """Those that failed outside of every fault and of so many seconds after it."""
        return [event for event in traffic.since(start, kinds=NEW) if event.outcome != "ok"
                and not any(begin <= event.end and event.begin <= end + more for begin, end in ledger.windows)]

    stray = outside(ledger.aftermath)
    if excused := len(outside(0)) - len(stray):
        say(f"{excused} new streams failed within {ledger.aftermath:g} s after a fault was over: not counted, because the machine may be busy")
    ledger.note("stray", len(stray), ", ".join(sorted({f"{event.kind} {event.outcome}" for event in stray})))
    ledger.note("wrong", len(traffic.wrong(start)), ", ".join(sorted({f"{event.kind} {event.outcome}" for event in traffic.wrong(start)})))
    streams = traffic.since(start)
    moved = sum(event.bytes for event in streams if event.kind in ("up", "down"))
    say(f"traffic: {sum(event.outcome == 'ok' for event in streams)} streams ended well, {moved / 1e9:.2f} GB in transfers were compared byte for byte")


def run(options, ledger):
    short = "short" in options.parts
    parts = [part for word in options.parts for part in PARTS.get(word, (word,))]
    rounds = options.times or (1 if short else 5)
    places = Namespaces() if options.isolated else Host()
    with contextlib.closing(places):
        steady = [part for part in parts if part in FAULTS and part != "alone"]
        if steady:
            rig = Rig(places)
            rig.has_small_store = places.is_isolated and "store" in steady
            with rig, Traffic(rig, rate=options.rate) as traffic:
                scene = Scene(rig, traffic, ledger)
                try:
                    traffic.wait_full()
                    start = time.monotonic()
                    for part in steady:
                        for _ in range(1 if part in ("long-cut", "idle", "nodes") else rounds):
                            steady_parts(scene, part, short, options, rounds)
                    note_strays(scene, start)
                except Failure:
                    rig.keep_logs(options.out.parent)
                    raise
                if ledger.missed():
                    rig.keep_logs(options.out.parent)
        if "soak" in parts:
            soak(places, ledger, options.count, 100, options.soak_rate, options.out.parent)
        if "alone" in parts:
            with Rig(places) as rig:
                for name in ROLES:
                    crowds.alone(rig, ledger, name, 3 if short else 20, patience=15 if short else 0)


def main():
    parser = argparse.ArgumentParser(prog="chaos", description="The chaos suite: parts are short, full, soak, or some of: " + ", ".join(FAULTS))
    parser.add_argument("parts", nargs="*", default=["full"], metavar="PART")
    parser.add_argument("--isolated", action="store_true", help="the suite is in namespaces of its own")
    parser.add_argument("--rate", type=float, default=20, help="new streams a second (20)")
    parser.add_argument("--nodes", type=int, default=2000, help="private nodes that reconnect at once (2000)")
    parser.add_argument("--count", type=int, default=2_000_000, help="streams of the soak (2000000)")
    parser.add_argument("--soak-rate", type=float, default=0, help="at most so many a second in the soak (0: as many as go)")
    parser.add_argument("--times", type=int, help="how often each fault is done (5; short: 1)")
    parser.add_argument("--out", type=pathlib.Path, default=root / ".build/chaos/figures.json", help="the figures as JSON")
    options = parser.parse_args()
    for part in options.parts:
        if part not in FAULTS and part not in PARTS:
            parser.error(f"no part '{part}': use short, full, soak, or some of {', '.join(FAULTS)}")
    # Also where whoever started us ignores it, as shells do for what runs in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # The short part belongs to CI, where other work may go on beside it.
    ledger = Ledger(is_busy="short" in options.parts)
    status = 0
    try:
        run(options, ledger)
    except Failure as failure:
        print(f"chaos: {failure}", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        status = 130
    print(ledger.report(), flush=True)
    ledger.write(options.out, options.parts)
    if missed := ledger.missed():
        print(f"chaos: {len(missed)} of the limits are not met", file=sys.stderr)
        status = status or 1
    sys.exit(status)


if __name__ == "__main__":
    main()
