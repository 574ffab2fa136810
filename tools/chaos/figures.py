"""What was found, the limits it is held against, and how it is shown."""
import dataclasses
import json
import os
import platform
import statistics
import time


@dataclasses.dataclass(frozen=True)
class Figure:
    key: str
    title: str
    limit: float  # the most that it may be
    unit: str = ""


# The table of limits. Every value of a figure has to be within its limit, not their middle. Those of time are for a machine that is
# otherwise idle.
FIGURES = [
    Figure("cut", "established streams cut by killing, stopping or restarting a node, or by a directory change", 0),
    Figure("cut-else", "established streams cut by new certificates, a full store, a jump of the clock, or packets lost", 0),
    Figure("wrong", "streams with wrong, lost or foreign bytes that reported success", 0),
    Figure("stray", "new streams that failed while nothing was wrong", 0),
    Figure("back", "new streams are served after the last process is back", 2, "s"),
    Figure("back-lost", "the same after it lost its store", 5, "s"),
    Figure("back-long", "the same after a network cut of 30 s or more", 5, "s"),
    Figure("back-short", "the same after a shorter cut", 15, "s"),
    Figure("back-crowd", "the same while thousands of private nodes come back with it", 2, "s"),
    Figure("back-descriptors", "the same after those have gone who took all descriptors of a program", 30, "s"),
    Figure("descriptors", "descriptors 30 s after a storm, more than before", 0),
    Figure("tasks", "threads and work under way 30 s after a storm, more than before", 0),
    Figure("memory", "resident memory 30 s after a storm, more than before", 5, "%"),
    Figure("good", "good clients that failed in a storm", 0),
    Figure("crowd", "until all private nodes are connected after the public node came back", 60, "s"),
    Figure("idle-memory", "memory of an idle stream, both proxies together", 1.5, "KiB"),
    Figure("idle-cpu", "CPU of a program while every peer is down", 1, "% of a core"),
    Figure("spin", "CPU of a program that has run out of descriptors", 10, "% of a core"),
    Figure("soak", "streams that failed in the soak", 0),
    Figure("soak-memory", "resident memory of a program after the soak, more than after its first tenth", 5, "%"),
]
BY_KEY = {figure.key: figure for figure in FIGURES}
# The most seconds that are not held against a run on a machine that may be busy.
BUSY = 20.0


@dataclasses.dataclass
class Row:
    """One fault, one time."""
    fault: str
    target: str
    back: float | None  # seconds until new streams were served; None: not measured
    failed: int         # new streams that were not served
    cut: int            # established streams that ended
    note: str = ""


class Ledger:
    def __init__(self, is_busy=False):
        """is_busy: the machine may have other work. Times then fail the run above `BUSY` only, and new streams that fail soon after a fault
        are its aftermath; everything else is as strict as ever."""
        self.is_busy = is_busy
        self.aftermath = 5.0 if is_busy else 0.0  # seconds
        self.values = {}  # key: [(value, of what)]
        self.rows = []
        self.skipped = []
        self.windows = []  # times (time.monotonic()) in which failures are expected
        self.start = time.time()

    def note(self, key, value, of=""):
        self.values.setdefault(BY_KEY[key].key, []).append((value, of))

    def add(self, row):
        self.rows.append(row)
        back = "" if row.back is None else f", served again after {row.back:.2f} s"
        say(f"{row.fault} {row.target}: {row.failed} refused, {row.cut} cut{back}{', ' + row.note if row.note else ''}")

    def skip(self, what, why):
        self.skipped.append((what, why))
        say(f"{what} is skipped: {why}")

    def allowed(self, figure):
        """What a value may be before it fails the run."""
        return max(figure.limit, BUSY) if self.is_busy and figure.unit == "s" else figure.limit

    def missed(self):
        return [figure for figure in FIGURES if any(value > self.allowed(figure) for value, _ in self.values.get(figure.key, []))]

    def verdict(self, figure, worst, of):
        if worst <= figure.limit:
            return ""
        if worst <= self.allowed(figure):
            return f"over the limit of an idle machine, fails above {self.allowed(figure):g} {figure.unit} ({of})"
        return f"**missed** ({of})"

    def report(self):
        lines = ["", "| fault | target | times | served again after, s: median, worst | not served: most | cut: most | |", "|--|--|--|--|--|--|--|"]
        groups = {}
        for row in self.rows:
            groups.setdefault((row.fault, row.target), []).append(row)
        for (fault, target), rows in groups.items():
            backs = [row.back for row in rows if row.back is not None]
            back = f"{statistics.median(backs):.2f}, {max(backs):.2f}" if backs else "–"
            notes = "; ".join(dict.fromkeys(row.note for row in rows if row.note))
            lines.append(f"| {fault} | {target} | {len(rows)} | {back} | {max(row.failed for row in rows)} | {max(row.cut for row in rows)} | {notes} |")
        lines += ["", "| figure | must | found: median, worst | |", "|--|--|--|--|"]
        for figure in FIGURES:
            found = self.values.get(figure.key)
            if not found:
                continue
            worst, of = max(found, key=lambda pair: pair[0])
            middle = statistics.median(value for value, _ in found)
            unit = f" {figure.unit}" if figure.unit else ""
            lines.append(f"| {figure.title} | ≤ {figure.limit:g}{unit} | {middle:.3g}, {worst:.3g} of {len(found)} | {self.verdict(figure, worst, of)} |")
        if self.is_busy:
            lines.append(
                f"\nThe limits in seconds are for a machine that is otherwise idle. This run may have had company, so it fails only above {BUSY:g} s"
                " where a limit is lower. All other limits are as they stand.")
        lines += [f"\nskipped: {what}: {why}" for what, why in self.skipped]
        return "\n".join(lines)

    def write(self, path, parts):
        path.parent.mkdir(parents=True, exist_ok=True)
        facts = {
            "parts": parts, "date": time.strftime("%Y-%m-%d %H:%M", time.localtime(self.start)), "seconds": round(time.time() - self.start),
            "machine": machine(), "rows": [dataclasses.asdict(row) for row in self.rows], "skipped": self.skipped,
            "figures": {
                figure.key: {
                    "title": figure.title, "limit": figure.limit, "allowed": self.allowed(figure), "unit": figure.unit,
                    "found": [{"value": value, "of": of} for value, of in self.values[figure.key]],
                    "met": all(value <= figure.limit for value, _ in self.values[figure.key]),
                } for figure in FIGURES if figure.key in self.values
            },
        }
        path.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


def machine():
    model = "unknown"
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return {"cpu": model, "cores": len(os.sched_getaffinity(0)), "kernel": platform.release(), "load": round(os.getloadavg()[0], 2)}


def say(text):
    print(f"chaos: {text}", flush=True)
