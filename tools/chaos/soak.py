"""Very many streams through the whole chain, one after the other, and what memory does meanwhile."""
import json
import statistics
import subprocess
import time

from figures import Row, say
from picture import chart
from program import Failure, die_with_the_suite
from rig import LOAD, ROLES, Rig, load
from usage import resident_of


def soak(places, ledger, count, at_once, rate, folder):
    """Notes failures and growth; writes the samples and their picture into `folder`."""
    # At the level notice: lines about each stream are not what is looked at here, but why one was refused is.
    with Rig(places, level="notice") as rig:
        process = subprocess.Popen(
            [str(word) for word in (load, "soak", "-p", rig.ports["clients"], "-h", LOAD, "-c", count, "-n", at_once, "-r", rate, "-e", int(time.time()))],
            stdout=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=die_with_the_suite)
        start, next_sample, samples, failures = time.monotonic(), 0.0, [], []
        done = failed = 0
        for line in process.stdout:
            words = line.split()
            if words[0] != "soak":
                failures.append(line.strip())
                continue
            done, failed = int(words[1]), int(words[2])
            now = time.monotonic() - start
            if now >= next_sample or done == count:
                rig.check_alive()
                samples.append((done, {name: resident_of(rig[name].pid) for name in ROLES}))
                # A few hundred samples, however long it takes.
                next_sample = now + max(1.0, now / 200)
        process.wait(10)
        if failed:
            rig.keep_logs(folder)
        took = time.monotonic() - start
        say(f"soak: {done} streams in {took:.0f} s ({done / took:.0f} a second), {failed} failed {failures[:3] or ''}")
        if done != count:
            raise Failure(f"the soak ended after {done} of {count} streams")
        ledger.note("soak", failed, f"of {done}: {failures[:3]}")
        for name in ROLES:
            # The first tenth is warming up: each program's memory at its end is what the rest is held against.
            early = statistics.median(sizes[name] for at, sizes in samples if count * 0.09 <= at <= count * 0.2)
            late = statistics.median(sizes[name] for at, sizes in samples if at >= count * 0.95)
            ledger.note("soak-memory", round((late - early) / early * 100, 2), f"{name}: {early / 1e6:.1f} to {late / 1e6:.1f} MB")
        ledger.add(Row("soak", f"{count} streams, {at_once} at a time", None, failed, 0, f"{done / took:.0f} a second"))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "soak.json").write_text(json.dumps(samples))
        lines = {name: [(at, sizes[name] / 1e6) for at, sizes in samples] for name in ROLES}
        (folder / "soak.svg").write_text(chart(lines, "streams through the whole chain", "resident memory, MB"))
