"""One program of the rig: started, watched through its log file, hurt and ended by its own process id."""
import ctypes
import os
import signal
import subprocess
import time


class Failure(Exception):
    """The suite cannot go on; the text is for people."""


def die_with_the_suite():
    """PR_SET_PDEATHSIG (prctl(2)): whatever ends the suite ends what it started."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Program:
    def __init__(self, name, command, folder, environment=(), prefix=()):
        self.name = name
        self.command = [str(word) for word in command]
        self.folder = folder
        self.environment = dict(environment)
        self.prefix = list(prefix)  # words before the command: where it runs, or under what
        self.log = folder / "logs" / f"{name}.log"
        self.process = None
        self.started_at = 0.0

    @property
    def pid(self):
        return self.process.pid

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def start(self):
        """Starts it again when it has ended. The log goes on."""
        if self.is_running:
            raise Failure(f"{self.name} runs already")
        with open(self.log, "ab") as log:
            self.mark = log.tell()
            self.started_at = time.monotonic()
            self.process = subprocess.Popen(
                self.prefix + self.command, cwd=self.folder, env={**os.environ, **self.environment}, stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=die_with_the_suite)
        return self

    def end_of_log(self):
        return self.log.stat().st_size

    def text(self, since=None):
        """What it has logged from a place on, by default since its start."""
        with open(self.log, "rb") as log:
            log.seek(self.mark if since is None else since)
            return log.read().decode(errors="replace")

    def saw(self, part, since=None):
        return part in self.text(since)

    def wait_for(self, part, limit=30, since=None):
        """Waits until the log says `part`."""
        end = time.monotonic() + limit
        while not self.saw(part, since):
            if not self.is_running:
                raise Failure(f"{self.name} ended with status {self.process.returncode} before it said '{part.strip()}'; it said:\n{self.tail()}")
            if time.monotonic() > end:
                raise Failure(f"{self.name} did not say '{part.strip()}' within {limit} s; it said:\n{self.tail()}")
            time.sleep(0.02)

    def wait_ready(self, limit=30):
        self.wait_for(" ready", limit)

    def tail(self, count=8):
        return "\n".join(f"  {line}" for line in self.text().splitlines()[-count:])

    def signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, limit=15):
        """A clean end; returns its exit status, or the negative number of a signal."""
        if self.is_running:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(limit)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode
