#!/usr/bin/env python3
"""Measures what a refused connection costs beside a stream of one hop through the same relay, in one run, interleaved.

    refusals.py [quick|full]

Prints CPU per connection (user and system, of the relay's process) and the ratio to the stream of one hop: median of the ratios of
each round. Figures never fail: status 1 means that nothing could be measured.
"""
import pathlib
import statistics
import sys
import tempfile

import machine
from machine import BUILD, load, say

ROUNDS = {"quick": 5, "full": 15}
COUNT = {"quick": 1000, "full": 3000}
LIMIT = 0.7
FAR = 21001
NAME = "static.bench.test"
# title, what the edge is told, the port, what the load generator does, whether it sends a hello
KINDS = [
    ("a stream of one hop", [], 21050, "first", True),
    ("refused at accept (rate of the source)", ["source"], 21051, "refusals", False),
    ("refused for its unknown name (alert 112)", ["unknown"], 21052, "refusals", True),
    ("refused for the rate of its name (alert 80)", ["name"], 21053, "refusals", True),
]


def main():
    mode = sys.argv[1] if len(sys.argv) > 1 else "full"
    if mode not in ROUNDS:
        print(__doc__, file=sys.stderr)
        return 64
    network = machine.enter_namespace()
    say(f"{machine.facts()}; {network}; refusals, {ROUNDS[mode]} rounds, interleaved, medians")
    samples = {title: [] for title, *_ in KINDS}
    with tempfile.TemporaryDirectory(prefix="hyper-bench-") as folder:
        processes = machine.Processes(pathlib.Path(folder))
        try:
            processes.start("far", [machine.LOAD, "far", "-p", FAR], ready="ready")
            pids = [
                processes.start(f"edge-{port}", [BUILD / "release" / "edge", port, f"127.0.0.1:{FAR}", *arguments], ready="ready")
                for _, arguments, port, *_ in KINDS
            ]
            for _ in range(ROUNDS[mode]):
                round_ = []
                for (_, _, port, what, hello), pid in zip(KINDS, pids):
                    options = ["-p", port, "-c", COUNT[mode], "-r", pid, *(["-h", NAME] if hello else [])]
                    round_.append(load(what, *options))
                if None not in round_:
                    for (title, *_), result in zip(KINDS, round_):
                        samples[title].append(result["cpu_us"])
        finally:
            processes.stop()
    base = samples[KINDS[0][0]]
    if not base:
        return 1
    print("\n|  | CPU µs | of a stream of one hop |\n|--|--|--|")
    for title, values in samples.items():
        ratio = statistics.median(value / whole for value, whole in zip(values, base))
        judged = "" if values is base else f" (limit {LIMIT})" if ratio <= LIMIT else f" EXCEEDS {LIMIT}"
        print(f"| {title} | {statistics.median(values):.1f} | {ratio:.2f}{judged} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
