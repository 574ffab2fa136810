"""A process full of reference nodes for the tests, played from PROTOCOL.md with grpcio.

usage: reference.py FOLDER

FOLDER holds root.pem, NAME.crt and NAME.key for every operator, and directory/*.json. Orders come as one JSON object per line, with a number
`n` and what to `do`; each is carried out by a thread of its own and answered by an object with the same `n`. What happens meanwhile is printed
as objects with `event`. The process ends with its standard input.
"""

import json
import os
import sys
import threading
import time
import traceback

import behaviour
import frames
import local
import roles
from behaviour import say
from identities import Identities

identities = Identities(sys.argv[1])
servers, streams, services = {}, {}, {}


def directory(path):
    """A directory of the reference nodes' own: one bad file makes all their lookups fail."""
    identities.directory = path


def serve(at, address, **options):
    servers[at] = roles.Server(identities, at, address, **options)
    return {"port": servers[at].port}


def stop(at, grace=0):
    servers.pop(at).stop(grace)


def deliver(at, **request):
    return servers[at].deliver(**request)


def call(own, **request):
    return roles.call(identities, own, **request)


def calls(own, count, method, address, other, inner="1"):
    """One call after the other, a new connection for each."""
    for number in range(count):
        answer = roles.call(identities, own, address, other, method, id=f"{inner}-{number}")
        if "result" not in answer:
            return {"answered": number, "failure": answer}
    return {"answered": count}


def stream(key, own, address, other, **options):
    streams[key] = roles.Stream(identities, own, address, other, **options)


def close(key):
    streams.pop(key).close()


def ended(key):
    streams[key].ended.wait(60)
    return streams[key].end


def service(name, path):
    services[name] = local.Service(name, path)
    threading.Thread(target=services[name].serve_forever, daemon=True).start()


def submit(socket, method, params=None, id="1"):
    caller = local.Caller(socket)
    start = time.monotonic()
    try:
        answer = caller.call(method, params, id)
    finally:
        caller.close()
    return {"answer": answer, "seconds": time.monotonic() - start}


def post(socket, body, content_type="application/json"):
    caller = local.Caller(socket)
    try:
        status, answer = caller.post(body.encode("utf-8", "surrogateescape"), content_type)
    finally:
        caller.close()
    return {"status": status, "answer": json.loads(answer) if answer else None}


def steadily(socket, methods, until=None, count=None, width=4):
    """Calls methods in turn, `width` at a time, until the file `until` exists, or `count` times."""
    failures, answered = [], [0] * width

    def run(index):
        caller = local.Caller(socket)
        number = index
        while number < count if until is None else not os.path.exists(until):
            answer = caller.call(methods[number % len(methods)], id=f"{index}-{number}")
            if "result" in answer:
                answered[index] += 1
            else:
                failures.append(answer)
            number += width
        caller.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(width)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"answered": sum(answered), "failures": failures[:5], "failed": len(failures)}


def release(method):
    behaviour.gates[method].set()


def hello(own, address, other, **options):
    return frames.hello(identities, own, address, other, **options)


def raw_server(at, address, **options):
    servers[at] = frames.Server(identities, at, address, **options)
    return {"port": servers[at].port}


def facts(at):
    return servers[at].facts()


orders = {
    function.__name__: function
    for function in (
        directory, serve, stop, deliver, call, calls, stream, close, ended, service, submit, post, steadily, release, hello, raw_server, facts)
}


def carry_out(order):
    number, what = order.pop("n"), order.pop("do")
    try:
        say(n=number, **(orders[what](**order) or {}))
    except BaseException as error:
        say(n=number, exception=f"{what}: {error!r}", where=traceback.format_exc())


if __name__ == "__main__":
    say(event="begun", pid=os.getpid())
    for line in sys.stdin:
        threading.Thread(target=carry_out, args=(json.loads(line),), daemon=True).start()
    os._exit(0)
