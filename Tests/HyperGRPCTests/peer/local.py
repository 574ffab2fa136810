"""The local programs beside a node: a JSON-RPC service that it delivers to, and callers, over Unix sockets."""

import http.client
import http.server
import json
import os
import socket
import socketserver

import behaviour
from behaviour import happened


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = json.loads(body)
        happened(
            "served", service=self.server.name, path=self.path, method=request.get("method"), id=request.get("id"), params=request.get("params"),
            version=request.get("jsonrpc"), members=sorted(request), content_type=self.headers["Content-Type"], accept=self.headers["Accept"])
        try:
            result, error = behaviour.outcome(request["method"], request["id"], request["params"])
        except behaviour.Failure as failure:
            result, error = None, {"code": -32603, "message": str(failure)}
        answer = {"jsonrpc": "2.0", "id": request["id"]}
        if error is not None:
            answer["error"] = error
        else:
            answer["result"] = None if result == "null" else result
        text = json.dumps(answer).encode()
        # Deployed servers answer 400 whenever there is an error.
        self.send_response(400 if error else 200)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def address_string(self):
        return "local"

    def log_message(self, *_):
        pass


class Service(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, name, path):
        self.name = name
        if os.path.exists(path):
            os.unlink(path)
        super().__init__(path, _Handler)


class _Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Caller:
    """Calls a node's JSON-RPC server over one connection."""

    def __init__(self, path, timeout=60):
        self.connection = _Connection(path, timeout)

    def post(self, body, content_type="application/json"):
        self.connection.request("POST", "/jsonrpc", body, {"Content-Type": content_type})
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def call(self, method, params=None, id="1"):
        body = json.dumps({"jsonrpc": "2.0", "method": method, "params": params or {}, "id": id})
        return json.loads(self.post(body)[1])

    def close(self):
        self.connection.close()
