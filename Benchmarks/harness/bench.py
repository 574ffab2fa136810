#!/usr/bin/env python3
"""Measures the relay and its peers in one run, interleaved, and prints one table with ratios.

    bench.py [quick|full] [PART ...]      parts: bulk streams trips first idle (default: all)

quick: three rounds of short runs, for development. full: five rounds. Everything runs on loopback, in a network namespace of its
own where that is allowed. Interrupted, it prints what it has. Figures never fail: status 1 means that nothing could be measured.
"""
import pathlib
import signal
import statistics
import sys
import tempfile

import machine
import peers
from machine import load, say

ROUNDS = {"quick": 3, "full": 5}
SECONDS = {"quick": 0.4, "full": 0.6}
TRIPS = {"quick": 2000, "full": 4000}
FRESH = {"quick": 200, "full": 600}
IDLE_STREAMS = 9000

BULK = [("up", 1), ("up", 8), ("down", 1), ("down", 8), ("both", 8)]


def runs_of(part, mode):
    """The runs of one part: (name, arguments of the load generator, figures: (key, label, decimals, less is better))."""
    seconds = SECONDS[mode]
    if part == "bulk":
        for way, streams in BULK:
            title = f"{way}, {streams} stream{'s' if streams > 1 else ''}"
            yield f"{way}{streams}", [way, "-n", streams, "-s", seconds, "-w", 0.2], [
                ("cpu_per_gib", f"bulk {title}: CPU s/GiB", 3, True), ("gib_per_s", f"bulk {title}: GiB/s", 2, False)]
    elif part == "streams":
        yield "new", ["new", "-n", 32, "-s", seconds, "-w", 0.2], [
            ("per_s", "new streams per second", 0, False), ("cpu_us", "CPU µs per new stream", 1, True)]
    elif part == "trips":
        for size, label in ((64, "64 B"), (1024, "1 KiB")):
            yield f"trips{size}", ["trips", "-c", TRIPS[mode], "-b", size], [
                ("p50_us", f"round trip {label}: p50 µs", 1, True), ("p99_us", f"round trip {label}: p99 µs", 1, True),
                ("cpu_us", f"round trip {label}: CPU µs", 2, True)]
    elif part == "first":
        yield "first", ["first", "-c", FRESH[mode]], [
            ("p50_us", "connect to first byte: p50 µs", 0, True), ("p99_us", "connect to first byte: p99 µs", 0, True),
            ("cpu_us", "the same: CPU µs", 1, True)]
    elif part == "idle":
        yield "idle", ["idle", "-n", IDLE_STREAMS, "-s", 2 if mode == "quick" else 3], [
            ("bytes_per_stream", "9000 idle streams: bytes each", 0, True), ("resident_mib", "9000 idle streams: RSS MiB", 1, True),
            ("cpu_ms_per_s", "9000 idle streams: CPU ms/s", 2, True)]


def measure(relay, run, samples):
    """One run; its figures are added to the samples."""
    name, (what, *options), figures = run
    watched = ["-r", ",".join(map(str, relay.pids))] if relay.pids else []
    result = load(what, "-p", relay.port, "-h", relay.name, *watched, *options)
    for key, *_ in figures:
        if result is not None and not (not relay.pids and "cpu" in key):
            samples.setdefault((name, key, relay.key), []).append(result[key])


def measure_idle(processes, starts, mode, samples):
    """Memory grows from what a fresh process has, so every relay is started anew for it, and only once."""
    (run,) = runs_of("idle", mode)
    for start in starts:
        fresh = machine.Processes(processes.folder)
        try:
            for relay in start(fresh):
                measure(relay, run, samples)
        except RuntimeError as error:
            say(str(error))
        finally:
            fresh.stop()


def table(relays, parts, mode, samples):
    """Medians; behind each value of a peer the ratio of our relay to it."""
    ours = next((relay for relay in relays if relay.key in ("static", "edge")), None)
    lines = [["", *(relay.title for relay in relays)], ["--"] * (len(relays) + 1)]
    for part in parts:
        for name, _, figures in runs_of(part, mode):
            for key, label, decimals, _ in figures:
                row = [label]
                for relay in relays:
                    values = samples.get((name, key, relay.key))
                    if not values:
                        row.append("–")
                        continue
                    middle = statistics.median(values)
                    text = f"{middle:.{decimals}f}"
                    mine = samples.get((name, key, ours.key)) if ours else None
                    if mine and relay is not ours and middle > 0:
                        text += f" ({ratio(mine, values):.2f})"
                    row.append(text)
                lines.append(row)
    print()
    for row in lines:
        print("| " + " | ".join(row) + " |")
    if ours:
        print(f"\nIn brackets: {ours.title}, divided by that column (median of the ratios of each round).")


def ratio(mine, theirs):
    """Rounds are compared with themselves: what else ran then slowed both."""
    pairs = [a / b for a, b in zip(mine, theirs) if b > 0]
    return statistics.median(pairs) if pairs else float("nan")


def main():
    words = sys.argv[1:]
    mode = words.pop(0) if words and words[0] in ROUNDS else "full"
    parts = words or ["bulk", "streams", "trips", "first", "idle"]
    if any(part not in ("bulk", "streams", "trips", "first", "idle") for part in parts):
        print(__doc__, file=sys.stderr)
        return 64
    if not machine.LOAD.exists():
        say(f"{machine.LOAD} is not built: run 'make bench'")
        return 1
    network = machine.enter_namespace()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    say(f"{machine.facts()}; {network}; {ROUNDS[mode]} rounds, interleaved, medians")
    with tempfile.TemporaryDirectory(prefix="hyper-bench-") as folder:
        return compare(pathlib.Path(folder), mode, parts)


def starters():
    """How each relay is started: functions that give a list of relays, empty when it is not installed."""
    def one(start, *arguments):
        def begin(processes):
            relay = start(processes, *arguments)
            return [relay] if relay else []
        return begin
    return [
        one(peers.start_edge), one(peers.start_edge_large), peers.start_hyper,
        *(one(peers.start_haproxy, key) for key in peers.HAPROXIES), one(peers.start_nginx)]


def compare(folder, mode, parts):
    processes = machine.Processes(folder)
    samples = {}
    relays = [peers.Relay("direct", "direct", peers.FAR, peers.STATIC_NAME, [])]
    try:
        processes.start("far", [machine.LOAD, "far", "-p", peers.FAR, "-t", 2], ready="ready")
        for start in starters():
            try:
                relays += start(processes)
            except RuntimeError as error:
                say(str(error))
        for _ in range(ROUNDS[mode]):
            for part in parts:
                for run in runs_of(part, mode) if part != "idle" else []:
                    for relay in relays:
                        measure(relay, run, samples)
        named = [relay.key for relay in relays]
        for key, (title, *_) in peers.HAPROXIES.items():
            if key not in named:
                say(f"{title}: not installed, not measured")
        if "nginx" not in named:
            say("nginx with the stream module: not installed, not measured")
        if "chain" not in named:
            say("the full chain: bin/hyper and bin/proxy are not built (make build), not measured")
        if "idle" in parts:
            stop_all_but_far(processes)
            measure_idle(processes, starters(), mode, samples)
    except KeyboardInterrupt:
        say("interrupted: the table has what was measured so far")
    finally:
        processes.stop()
    if not samples:
        return 1
    table(relays, parts, mode, samples)
    return 0


def stop_all_but_far(processes):
    far, *others = processes.running
    processes.running = others
    processes.stop()
    processes.running = [far]


if __name__ == "__main__":
    sys.exit(main())
