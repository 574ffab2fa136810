"""What a process uses: from /proc, and from its metrics endpoint."""
import dataclasses
import os
import socket


@dataclasses.dataclass
class Usage:
    descriptors: int
    threads: int
    resident: int  # bytes
    open_work: dict  # gauges of what is under way: streams, waiting clients, HTTP connections, calls

    @staticmethod
    def of(pid, metrics):
        return Usage(descriptors_of(pid), threads_of(pid), resident_of(pid), open_work(metrics))

    def exceeds(self, other):
        """More descriptors, threads or work under way than there."""
        return (self.descriptors > other.descriptors or self.threads > other.threads
                or any(value > other.open_work.get(key, 0) for key, value in self.open_work.items()))


def descriptors_of(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def threads_of(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def resident_of(pid):
    return status_of(pid, "VmRSS") * 1024


def status_of(pid, key):
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(f"{key}:"):
                return int(line.split()[1])
    return 0


def cpu_seconds(pid):
    """All threads, in nanoseconds' grain where the kernel has it (schedstat), else in ticks."""
    total = 0.0
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat") as file:
                total += int(file.read().split()[0]) / 1e9
        return total
    except OSError:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# Gauges that count work under way. Those of what is configured or known (names, links, limits) are left out.
WORK = ("hyper_relay_streams", "hyper_relay_streams_waiting", "hyper_relay_hello_bytes", "hyper_relay_bytes_parked", "hyper_http_connections_open")


def open_work(metrics):
    return {name: value for name, value in metrics.items() if name.partition("{")[0] in WORK}


def scrape(path, limit=10):
    """The samples of a metrics endpoint on a Unix socket, by name with labels."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(limit)
        connection.connect(str(path))
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b""
        while piece := connection.recv(1 << 16):
            answer += piece
    body = answer.partition(b"\r\n\r\n")[2].decode()
    samples = {}
    for line in body.splitlines():
        name, _, value = line.rpartition(" ")
        if name and not line.startswith("#"):
            try:
                samples[name] = float(value)
            except ValueError:
                pass
    return samples
