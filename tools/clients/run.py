#!/usr/bin/env python3
"""Real clients through the whole chain: client, public proxy, private proxy, internal server, five processes of their own.

  run.py [light|all|KEY ...]     default: all. Each client must get the internal server's answer.

What is missing is installed by tools/clients.sh. Status 1 when a client does not get its answer, or is not there.
"""
import re
import sys
import tempfile

import chain
import table

answer = '{"message":"success"}'


def fields(line):
    return dict(re.findall(r'(\w+)=("[^"]*"|\S+)', line or ""))


def problem(client, status, output):
    """What is wrong with what a client printed; None when nothing is."""
    if client.is_served and answer not in output:
        return f"it did not print {answer} (status {status})"
    for text, count in client.expects:
        found = output.count(text)
        if found < count:
            return f"'{text}' stands {found} times in its output, expected {count}"
    return None


def serve(client, running, proxy):
    """Lets one client ask; returns whether that went well, after printing the line of the report."""
    public = running.programs["public-proxy"]
    start = len(public.lines)
    with tempfile.TemporaryDirectory(prefix="hyper-client-") as folder:
        call = table.Call(chain.server_name, running.port, running.ca, folder, proxy.url)
        status, output = client.run(call)
        wrong = problem(client, status, output)
        line = public.wait_for("stream ended", f"name={chain.server_name}", start=start, limit=30)
        if not wrong and not line:
            wrong = "the public proxy logged no stream for it"
        if wrong:
            print(f"{client.key:14} FAILED: {wrong}\n  {table.shown(client, call)}")
            print("  " + "\n  ".join(output.strip().splitlines()[-15:]))
            for seen in (seen for seen in public.lines[start:] if seen):
                print(f"  public proxy: {seen}")
            return False
    seen = fields(line)
    shape = ", ".join(
        f"{label} {seen[key]}" for label, key in (
            ("TLS", "tls"), ("hello", "hello_bytes"), ("records", "hello_records"), ("segments", "hello_segments"), ("ECH", "ech"))
        if key in seen)
    print(f"{client.key:14} ok  {shape}  [{client.describe()}]", flush=True)
    return True


def main(words):
    clients = table.chosen(words or ["all"])
    missing = [client for client in clients if not client.is_present]
    clients = [client for client in clients if client.is_present]
    for client in missing:
        print(f"{client.key:14} MISSING: install {client.package or client.wheel} (tools/clients.sh does it)")
    proxy = chain.ConnectProxy()
    try:
        with chain.Chain() as running:
            failed = [client for client in clients if not serve(client, running, proxy)]
            report(running, len(clients))
    except chain.Failure as failure:
        sys.exit(f"clients: {failure}")
    finally:
        proxy.close()
    print(f"clients: {len(clients) - len(failed)} served, {len(failed)} failed, {len(missing)} missing")
    sys.exit(1 if failed or missing else 0)


def report(running, count):
    """What the public proxy counted; every client is in it."""
    metrics = running.metrics()
    read = metrics.get("hyper_relay_hello_message_bytes_count", metrics.get("hyper_relay_hellos_read_total", "0"))
    print(f"public proxy: {read} hellos read, {metrics.get('hyper_relay_hellos_with_ech_total', '?')} with ECH, "
          f"{metrics.get('hyper_relay_hellos_refused_total', '?')} refused")
    if float(read) < count:
        sys.exit(f"clients: the public proxy counted {read} hellos of {count} clients")


main(sys.argv[1:])
