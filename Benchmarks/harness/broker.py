#!/usr/bin/env python3
"""Measures what a call through two nodes costs, and prints one table.

    broker.py [quick|full]

The real program (bin/hyper) as both nodes of the development settings, with JSON-RPC over Unix sockets; callers and the service behind the
far node are Benchmarks/broker/rpc.c, and a peer written with grpcio takes the place of either node. Everything on loopback, in a network
namespace of its own where that is allowed. Figures never fail: status 1 means that nothing could be measured.
"""
import json
import os
import pathlib
import subprocess
import statistics
import sys
import tempfile

import machine
from machine import BUILD, ROOT, say

HYPER = pathlib.Path(os.environ.get("HYPER", ROOT / "bin" / "hyper"))
RPC = BUILD / "rpc"
PEER = ROOT / "Benchmarks" / "broker" / "peer.py"
DEV = ROOT / "settings" / "dev"
PUBLIC, PRIVATE = "public-proxy-1", "private-proxy-1"
ROUNDS = {"quick": 2, "full": 5}
# Calls of one run, by concurrency; and of the run that looks at memory.
CALLS = {"quick": {1: 1000, 64: 5000}, "full": {1: 3000, 64: 20000}}
MEMORY_CALLS = {"quick": 20000, "full": 100_000}
FIGURES = [("per_s", "calls/s", 0), ("p50_us", "p50 µs", 0), ("p99_us", "p99 µs", 0), ("cpu_us", "CPU µs per call", 0)]


def settings(name, grpc):
    """A node of the development settings whose service and callers are at Unix sockets."""
    return {
        "name": name,
        "directory": {"type": "json", "settings": {"path": str(DEV / "directory")}},
        "channels": [
            {"name": "grpc", "type": grpc, "settings": {
                **({"bind_address": "localhost:5556"} if grpc == "grpc_server" else {}),
                "tls": {
                    "ca_certificate_files": [str(DEV / "certs" / "root.crt")],
                    "certificate_file": str(DEV / "certs" / f"{name}.crt"), "key_file": str(DEV / "certs" / f"{name}.key")}}},
            {"name": "service", "type": "jsonrpc_client", "settings": {"endpoint": f"unix:{name}-service.sock"}},
            {"name": "callers", "type": "jsonrpc_server", "settings": {"bind_address": f"unix:{name}.sock"}},
        ]}


def start_node(processes, name, grpc):
    file = processes.folder / f"{name}.json"
    file.write_text(json.dumps(settings(name, grpc)))
    return processes.start(f"{name}-node", [HYPER, "server", "run"], ready=" ready", environment={"HYPER_SETTINGS": str(file)})


def start_service(processes, name):
    processes.start(f"{name}-service", [RPC, "serve", f"{name}-service.sock"], ready="ready")


def output_of(command, folder):
    """The figures that a program printed; None when it failed."""
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, cwd=folder, timeout=600)
    if result.returncode != 0:
        say(f"{' '.join(map(str, command))}: {result.stderr.strip()[-600:]}")
        return None
    return json.loads(result.stdout)


def calls(folder, name, method, pids, concurrency, count):
    return output_of(
        [RPC, "call", f"{name}.sock", method, "-n", concurrency, "-c", count, "-w", max(concurrency, count // 10),
         "-r", ",".join(map(str, pids))], folder)


def wait_for_link(folder, name, method):
    """The first call may come before the nodes have found each other."""
    subprocess.run(
        f"for _ in $(seq 100); do {RPC} call {name}.sock {method} -c 1 -w 1 >/dev/null 2>&1 && exit; sleep 0.1; done", shell=True, cwd=folder)


def between_nodes(processes, mode, samples):
    """Two nodes: calls by the one that dials (Call) and by the one that is dialled (ServerCall)."""
    pids = [start_node(processes, PUBLIC, "grpc_server"), start_node(processes, PRIVATE, "grpc_client")]
    start_service(processes, PUBLIC)
    start_service(processes, PRIVATE)
    ways = [
        ("node → node, Call", PRIVATE, f"{PUBLIC}.announceConnections"),
        ("node → node, ServerCall", PUBLIC, f"{PRIVATE}.incomingConnection")]
    for _, name, method in ways:
        wait_for_link(processes.folder, name, method)
    for _ in range(ROUNDS[mode]):
        for title, name, method in ways:
            for concurrency, count in CALLS[mode].items():
                add(samples, (title, concurrency), calls(processes.folder, name, method, pids, concurrency, count))
    for title, name, method in ways:
        result = calls(processes.folder, name, method, pids, 64, MEMORY_CALLS[mode])
        if result:
            before, after = (result[key] / (1 << 20) for key in ("resident_before", "resident_after"))
            say(f"{title}: memory of both nodes over {MEMORY_CALLS[mode]} calls: {before:.1f} → {after:.1f} MiB")


def python():
    """An interpreter with grpcio; None without one."""
    result = subprocess.run([ROOT / "tools" / "python-peer.sh"], capture_output=True, text=True)
    if result.returncode != 0:
        say(f"no grpcio, its peer is not measured: {result.stderr.strip()}")
        return None
    return result.stdout.strip()


def from_peer(processes, mode, samples, interpreter):
    pid = start_node(processes, PUBLIC, "grpc_server")
    start_service(processes, PUBLIC)
    for _ in range(ROUNDS[mode]):
        for concurrency, count in CALLS[mode].items():
            before = machine_cpu(pid)
            count //= 2
            result = output_of([interpreter, PEER, "call", DEV / "certs", count, concurrency], processes.folder)
            if result:
                result["cpu_us"] = (machine_cpu(pid) - before) * 1e6 / (count + count // 10)
            add(samples, ("grpcio → node, Call", concurrency), result)


def to_peer(processes, mode, samples, interpreter):
    processes.start("peer", [interpreter, PEER, "serve", DEV / "certs"], ready="ready")
    pid = start_node(processes, PRIVATE, "grpc_client")
    method = f"{PUBLIC}.announceConnections"
    wait_for_link(processes.folder, PRIVATE, method)
    for _ in range(ROUNDS[mode]):
        for concurrency, count in CALLS[mode].items():
            add(samples, ("node → grpcio, Call", concurrency), calls(processes.folder, PRIVATE, method, [pid], concurrency, count // 2))


def machine_cpu(pid):
    """CPU seconds of a process, to the clock tick: enough over some thousand calls."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def add(samples, key, result):
    if result:
        samples.setdefault(key, []).append(result)


def table(samples):
    print("\n| | at a time | " + " | ".join(label for _, label, _ in FIGURES) + " |\n|--|--|" + "--|" * len(FIGURES))
    for (title, concurrency), results in samples.items():
        cells = [f"{statistics.median(result[key] for result in results):.{decimals}f}" for key, _, decimals in FIGURES]
        print(f"| {title} | {concurrency} | " + " | ".join(cells) + " |")


def main():
    mode = sys.argv[1] if len(sys.argv) > 1 else "full"
    if mode not in ROUNDS:
        print(__doc__, file=sys.stderr)
        return 64
    if not HYPER.exists() or not RPC.exists():
        say("the broker: bin/hyper or the load generator is not built (make build bench), not measured")
        return 1
    # Before the namespace, because packages may have to be fetched.
    interpreter = python() if "BENCH_NAMESPACE" not in os.environ else os.environ.get("BENCH_PYTHON")
    os.environ["BENCH_PYTHON"] = interpreter or ""
    network = machine.enter_namespace()
    say(f"the broker: {machine.facts()}; {network}; {ROUNDS[mode]} rounds, medians")
    samples = {}
    parts = [(between_nodes, ())] + ([(from_peer, (interpreter,)), (to_peer, (interpreter,))] if interpreter else [])
    for part, arguments in parts:
        with tempfile.TemporaryDirectory(prefix="hyper-bench-") as folder:
            processes = machine.Processes(pathlib.Path(folder))
            try:
                part(processes, mode, samples, *arguments)
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                say(str(error))
            finally:
                processes.stop()
    table(samples)
    return 0 if samples else 1


if __name__ == "__main__":
    sys.exit(main())
