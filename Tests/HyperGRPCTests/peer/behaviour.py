"""What the programs behind the test peers do, by method, and how that is said."""

import json
import sys
import threading

from google.protobuf import json_format

import hyper_messages as hyper

_output = threading.Lock()


def say(**facts):
    with _output:
        sys.stdout.write(json.dumps(facts) + "\n")
        sys.stdout.flush()


def happened(event, **facts):
    say(event=event, **_short(facts))


def _short(value):
    """Large texts would only fill the tests' lines."""
    if isinstance(value, dict):
        return {key: _short(member) for key, member in value.items()}
    return value[:100] if isinstance(value, str) and len(value) > 10000 else value


def plain(struct):
    return json_format.MessageToDict(struct)


def describe(answer):
    facts = {"id": answer.id}
    if answer.HasField("result"):
        facts["result"] = plain(answer.result)
    if answer.HasField("error"):
        facts["error"] = {"code": answer.error.code, "message": answer.error.message}
        if answer.error.HasField("data"):
            facts["error"]["data"] = plain(answer.error.data)
    return facts


class Failure(Exception):
    """A call that has no answer: what PROTOCOL.md calls a Go-error."""


class Gates:
    """Methods that begin with `hold` wait here until they are let go."""

    def __init__(self):
        self.lock = threading.Lock()
        self.gates = {}

    def __getitem__(self, method):
        with self.lock:
            return self.gates.setdefault(method, threading.Event())


gates = Gates()


def outcome(method, id, params):
    """(result, error): the result is any JSON value; None with no error is the empty answer."""
    name = method.rsplit(".", 1)[-1]
    if name.startswith("hold"):
        gates[method].wait(60)
    if name.startswith("fail"):
        raise Failure("no such thing")
    if name.startswith("fault"):
        return None, {"code": 404, "message": "not here", "data": {"why": "because"}}
    if name.startswith("bare"):
        return None, {"code": 405, "message": "no data"}
    if name.startswith("nothing"):
        return None, None
    if name.startswith("list"):
        return [None], None
    if name.startswith("text"):
        return "ok", None
    if name.startswith("null"):
        return "null", None
    if name.startswith("large"):
        return {"large": "x" * int(params.get("size", 5 << 20))}, None
    return {"id": id, "method": method}, None


def message(method, id, params):
    """The answer as it travels; results that are no objects are wrapped (PROTOCOL.md 6.1)."""
    result, error = outcome(method, id, params)
    answer = hyper.Response(id=id)
    if error is not None:
        answer.error.code, answer.error.message = error["code"], error["message"]
        if "data" in error:
            answer.error.data.update(error["data"])
    elif result is not None:
        answer.result.update(result if isinstance(result, dict) else {"_": result})
    return answer
