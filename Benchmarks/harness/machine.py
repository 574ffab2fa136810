"""The machine that is measured on: programs, network namespace, processes."""
import json
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "Benchmarks" / ".build"
LOAD = BUILD / "load"


def say(text):
    print(f"bench: {text}", flush=True)


def enter_namespace():
    """Restarts this program in a network namespace of its own with congestion control reno, where that is allowed: the same for
    all, no pacing on loopback (bbr halves it), and no port is taken. Says what is in force."""
    if "BENCH_NAMESPACE" not in os.environ:
        os.environ["BENCH_NAMESPACE"] = "tried"
        arguments = [sys.executable, *sys.argv]
        for unshare in (["unshare", "--net"], ["unshare", "--net", "--map-root-user"]):
            if shutil.which("unshare") and subprocess.run([*unshare, "ip", "link", "set", "lo", "up"], capture_output=True).returncode == 0:
                os.environ["BENCH_NAMESPACE"] = "own"
                os.execvp(unshare[0], [*unshare, *arguments])
    own = os.environ["BENCH_NAMESPACE"] == "own"
    if own:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    control = pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control")
    if own:
        try:
            control.write_text("reno")
        except OSError as error:
            say(f"congestion control stays as it is: {error}")
    return f"congestion control {control.read_text().strip()}, {'network namespace of its own' if own else 'the network of the machine'}"


def facts():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} cores ({model}), Linux {platform.release().split('-')[0]}"


def install(packages):
    """Debian packages for the peers; what cannot be installed is skipped later, by name."""
    missing = [package for program, package in packages.items() if not pathlib.Path(program).exists()]
    if not missing:
        return
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return say(f"not installed, and so not measured: {' '.join(missing)} (root and apt-get would install them)")
    say(f"installing {' '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # Only the programs are wanted, no service that starts by itself.
    policy = pathlib.Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", *missing]):
            if subprocess.run(command, env=environment, capture_output=True).returncode != 0:
                return say(f"could not install {' '.join(missing)}: not measured")
    finally:
        if ours:
            policy.unlink()


class Processes:
    """What was started here; ended with it, by process id, in reverse order."""

    def __init__(self, folder):
        self.folder = folder
        self.running = []

    def start(self, name, command, ready=None, port=None, environment=None):
        """Starts a program and waits until `ready` stands in its output or its port is open."""
        log = self.folder / f"{name}.log"
        with open(log, "wb") as output:
            process = subprocess.Popen(
                [str(word) for word in command], stdout=output, stderr=output, cwd=self.folder,
                env={**os.environ, **(environment or {})}, start_new_session=True)
        self.running.append((name, process))
        deadline = time.monotonic() + 30
        while not self._is_ready(log, ready, port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not start: {log.read_text(errors='replace')[-600:]}")
            time.sleep(0.05)
        return process.pid

    @staticmethod
    def _is_ready(log, ready, port):
        if ready:
            return ready in log.read_text(errors="replace")
        wanted = f":{port:04X}"
        for line in open("/proc/net/tcp"):
            fields = line.split()
            if fields[3] == "0A" and fields[1].endswith(wanted):
                return True
        return False

    def stop(self):
        for _, process in reversed(self.running):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for name, process in reversed(self.running):
            try:
                process.wait(8)
            except subprocess.TimeoutExpired:
                say(f"{name} did not end by itself")
                process.kill()
                process.wait()
        self.running = []


def family(pid):
    """A process and its children: nginx works in one."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def load(what, *options, limit=180):
    """One run of the load generator; None when it failed or took too long."""
    try:
        result = subprocess.run([str(LOAD), what, *map(str, options)], capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        say(f"load {what} {' '.join(map(str, options))}: not over after {limit} s")
        return None
    if result.returncode != 0:
        say(f"load {what} {' '.join(map(str, options))}: {result.stderr.strip()}")
        return None
    return json.loads(result.stdout)
