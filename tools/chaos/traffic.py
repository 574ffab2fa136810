"""Steady traffic through the whole chain, and what became of each part of it."""
import collections
import http.client
import socket
import ssl
import subprocess
import threading
import time

from program import Failure, die_with_the_suite
from rig import LOAD, SITE, load

# kind: new, tls (a page of the internal server), idle, up, down. Times are those of time.monotonic(), in seconds; `established` is 0 for
# what never got an answer. outcome: ok, or what was wrong.
Event = collections.namedtuple("Event", "kind outcome begin established end bytes")
Tick = collections.namedtuple("Tick", "now oldest_new under_way idle transfers stuck")
NEW = ("new", "tls")


class Traffic:
    """`with Traffic(rig) as traffic:` — runs until the end of the block. Everything but `events` and `tick` belongs to the suite's thread;
    these two are written by the readers under `lock`."""

    def __init__(self, rig, rate=20.0, idle=20, ups=2, downs=2, size=2 << 20, pace=512 << 10, tls_rate=1.0):
        self.rig = rig
        self.rate, self.idle, self.transfers = rate, idle, ups + downs
        self.words = ["-r", rate, "-n", idle, "-u", ups, "-d", downs, "-b", size, "-w", pace, "-e", int(time.time())]
        self.tls_rate = tls_rate
        self.lock = threading.Lock()
        self.events = []
        self.tick = Tick(0, 0, 0, 0, 0, 0)
        self.tls_began = 0.0  # when the page that is under way was asked for
        self.ending = threading.Event()
        self.visits = threading.Event()

    def __enter__(self):
        words = [load, "steady", "-p", self.rig.ports["clients"], "-h", LOAD, *self.words]
        self.process = subprocess.Popen(
            [str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
            preexec_fn=die_with_the_suite)
        self.visits.set()
        self.threads = [threading.Thread(target=target, daemon=True) for target in (self.read, self.visit)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.visits.set()
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for thread in self.threads:
            thread.join(20)

    def read(self):
        for line in self.process.stdout:
            words = line.split()
            if words[0] == "tick":
                now, oldest = int(words[1]) / 1e9, int(words[2]) / 1e9
                with self.lock:
                    self.tick = Tick(now, oldest, *map(int, words[3:]))
            else:
                begin, established, end = (int(word) / 1e9 for word in words[2:5])
                with self.lock:
                    self.events.append(Event(words[0], words[1], begin, established, end, int(words[5])))

    def visit(self):
        """Asks the internal server for its page, as a browser would."""
        context = ssl.create_default_context(cafile=self.rig.certificates / "root.crt")
        while not self.ending.wait(1 / self.tls_rate):
            self.visits.wait()
            begin = self.tls_began = time.monotonic()
            outcome = self.page(context)
            with self.lock:
                self.events.append(Event("tls", outcome, begin, begin, time.monotonic(), 0))
            self.tls_began = 0.0

    def page(self, context):
        try:
            with socket.create_connection(("127.0.0.1", self.rig.ports["clients"]), timeout=15) as connection:
                with context.wrap_socket(connection, server_hostname=SITE) as secured:
                    secured.sendall(f"GET / HTTP/1.1\r\nHost: {SITE}\r\nConnection: close\r\n\r\n".encode())
                    answer = http.client.HTTPResponse(secured)
                    answer.begin()
                    return "ok" if answer.read() == b'{"message":"success"}' else "wrong-page"
        except ssl.SSLError as error:
            return f"tls-{error.reason or error}".replace(" ", "-")
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__

    # Orders

    def order(self, line):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def hush(self, limit=60):
        """Only the idle streams go on: no new ones, and no transfers once those under way are done."""
        self.visits.clear()
        self.order("rate 0")
        self.order("transfers off")
        self.wait(lambda tick: tick.under_way == 0 and tick.transfers == 0 and not self.tls_began, "end of the traffic", limit)

    def resume(self):
        self.visits.set()
        self.order(f"rate {self.rate}")
        self.order("transfers on")

    # What became of it

    def wait(self, condition, what, limit):
        asked = time.monotonic()
        while True:
            with self.lock:
                tick = self.tick
            # The state as it was before the question does not count.
            if tick.now > asked and condition(tick):
                return
            if time.monotonic() > asked + limit:
                raise Failure(f"no {what} within {limit} s: {tick}, {self.summary(asked)}")
            if self.process.poll() is not None:
                raise Failure(f"the load ended with status {self.process.returncode}")
            time.sleep(0.05)

    def wait_full(self, limit=240):
        """Until all idle streams and transfers run and move, so that a fault has something to break. Transfers are often between two."""
        self.wait(lambda tick: tick.idle == self.idle and tick.transfers >= self.transfers - 1 and tick.stuck == 0, "full traffic", limit)

    def since(self, start, end=None, kinds=None):
        """Events that began in that time."""
        with self.lock:
            return [event for event in self.events if event.begin >= start and (end is None or event.begin < end) and (kinds is None or event.kind in kinds)]

    def ended(self, start, kinds):
        """Events that ended since then."""
        with self.lock:
            return [event for event in self.events if event.end >= start and event.kind in kinds]

    def cut(self, start):
        """Established streams that did not end well since then, but for those that got wrong bytes."""
        return [event for event in self.ended(start, ("idle", "up", "down"))
                if event.established and event.outcome != "ok" and not event.outcome.startswith("wrong")]

    def wrong(self, start=0.0):
        """Streams in which bytes were wrong, lost, doubled or somebody else's although nothing reported a failure."""
        return [event for event in self.ended(start, ("new", "tls", "idle", "up", "down")) if event.outcome.startswith("wrong")]

    def wait_recovered(self, back, limit=60, quiet=1.5):
        """Seconds from `back` until the first new stream was served from which on all are; None when that is not within the limit."""
        while time.monotonic() < back + limit:
            events = self.since(back, kinds=NEW)
            last_bad = max((event.begin for event in events if event.outcome != "ok"), default=back)
            good = sorted((event for event in events if event.begin >= last_bad and event.outcome == "ok"), key=lambda event: event.end)
            if good:
                horizon = good[0].begin + quiet
                with self.lock:
                    tick = self.tick
                oldest = min([began for began in (tick.oldest_new, self.tls_began) if began] or [tick.now])
                if tick.now > horizon and oldest > horizon and good[-1].begin > horizon:
                    return good[0].end - back
            if self.process.poll() is not None:
                raise Failure(f"the load ended with status {self.process.returncode}")
            time.sleep(0.05)
        return None

    def summary(self, start):
        counts = collections.Counter(f"{event.kind} {event.outcome}" for event in self.since(start))
        return ", ".join(f"{count} × {what}" for what, count in counts.most_common(8)) or "nothing came to an end"
