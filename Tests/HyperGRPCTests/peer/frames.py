"""HTTP/2 made by hand, for what grpcio does not show or do: pings with every call as grpc-go sends them, pings counted, TLS looked at."""

import hashlib
import socket
import ssl
import struct
import threading
import time

import behaviour
import hyper_messages as hyper

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
# The suites of TLS 1.2 that deployed nodes have (PROTOCOL.md 4.1).
SUITES = "ECDHE-ECDSA-AES128-GCM-SHA256:AES128-GCM-SHA256"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    """HPACK literal without indexing, new name (RFC 7541, 6.2.2); all lengths here are under 127."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def read_frame(reader):
    head = reader.read(9)
    if len(head) < 9:
        return None
    return head[3], head[4], int.from_bytes(head[5:9], "big"), reader.read(int.from_bytes(head[:3], "big"))


def grpc_message(message):
    return b"\x00" + struct.pack(">I", len(message)) + message


def hello(identities, own, address, other, alpn=("h2",), tls12=False, certificate=True):
    """A TLS handshake with a server, and whether it then speaks HTTP/2: what was agreed on, or the alert."""
    context = identities.context(own, ssl.PROTOCOL_TLS_CLIENT)
    if not certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(f"{identities.folder}/root.pem")
    if tls12:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(SUITES)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    host, port = address.rsplit(":", 1)
    try:
        with context.wrap_socket(socket.create_connection((host, int(port)), timeout=30), server_hostname=other) as connection:
            connection.sendall(PREFACE + frame(SETTINGS, 0, 0))
            first = read_frame(connection.makefile("rb"))
            if first is None:
                return {"closed": "end"}
            return {
                "alpn": connection.selected_alpn_protocol(), "version": connection.version(), "suite": connection.cipher()[0],
                "pinned": hashlib.sha256(connection.getpeercert(True)).hexdigest() in identities.pins(other),
                "http2": first[0] == SETTINGS}
    except ssl.SSLError as error:
        return {"alert": error.reason}
    except OSError as error:
        return {"closed": type(error).__name__}


class Server:
    """A deployed server in what can be seen below gRPC: answers calls, pings after every DATA frame, counts the pings it gets."""

    def __init__(self, identities, name, address, certificate=None, tls12=False):
        self.name = name
        self.lock = threading.Lock()
        self.seen = {"connections": 0, "calls": 0, "announcements": 0, "pings": 0, "answered_pings": 0, "calm": 0, "hellos": []}
        self.context = identities.context(certificate or name, ssl.PROTOCOL_TLS_SERVER)
        self.context.set_alpn_protocols(["h2"])
        if tls12:
            self.context.maximum_version = ssl.TLSVersion.TLSv1_2
            self.context.set_ciphers(SUITES)
        self.names = {}
        self.context.sni_callback = lambda connection, name, _: self.names.__setitem__(connection, name)
        host, port = address.rsplit(":", 1)
        self.listener = socket.create_server((host, int(port)), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def count(self, **numbers):
        with self.lock:
            for key, number in numbers.items():
                self.seen[key] += number

    def facts(self):
        with self.lock:
            return dict(self.seen)

    def stop(self, grace=0):
        self.listener.close()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            connection = self.context.wrap_socket(connection, server_side=True)
            reader = connection.makefile("rb")
            began = reader.read(len(PREFACE)) == PREFACE
            with self.lock:
                self.seen["connections"] += 1
                self.seen["hellos"].append({
                    "name": self.names.pop(connection, None), "version": connection.version(), "suite": connection.cipher()[0],
                    "alpn": connection.selected_alpn_protocol(), "preface": began})
            connection.sendall(frame(SETTINGS, 0, 0) + frame(WINDOW, 0, 0, struct.pack(">I", 1 << 30)))
            self.converse(connection, reader)
        except OSError as error:
            behaviour.happened("broken", at=self.name, error=repr(error))

    def converse(self, connection, reader):
        parts, number, strikes, last = {}, 0, 0, None
        while (found := read_frame(reader)) is not None:
            kind, flags, stream, payload = found
            if kind == SETTINGS and not flags & ACK:
                connection.sendall(frame(SETTINGS, ACK, 0))
            elif kind == PING and flags & ACK:
                self.count(answered_pings=1)
            elif kind == PING:
                self.count(pings=1)
                connection.sendall(frame(PING, ACK, 0, payload))
                strikes += last is not None and time.monotonic() - last < 15
                last = time.monotonic()
                if strikes > 2:
                    self.count(calm=1)
                    connection.sendall(frame(GOAWAY, 0, 0, struct.pack(">II", stream, 11) + b"too_many_pings"))
                    return
            elif kind == DATA and payload:
                number += 1
                # grpc-go measures the bandwidth with a ping for every message it receives.
                connection.sendall(
                    frame(PING, 0, 0, struct.pack(">Q", number)) + frame(WINDOW, 0, stream, struct.pack(">I", len(payload))))
                parts[stream] = parts.get(stream, b"") + payload
                message = parts[stream]
                if len(message) >= 5 and len(message) >= 5 + int.from_bytes(message[1:5], "big"):
                    del parts[stream]
                    self.answer(connection, stream, message[5:])

    def answer(self, connection, stream, message):
        request = hyper.Request.FromString(message)
        if not request.id:
            # The announcement of a ServerCall, whose fields are numbered otherwise; nothing is sent before the first request.
            self.count(announcements=1)
            return
        self.count(calls=1)
        answer = behaviour.message(request.method, request.id, behaviour.plain(request.params)).SerializeToString()
        headers = literal(b":status", b"200") + literal(b"content-type", b"application/grpc")
        trailers = literal(b"grpc-status", b"0")
        connection.sendall(
            frame(HEADERS, END_HEADERS, stream, headers) + frame(DATA, 0, stream, grpc_message(answer))
            + frame(HEADERS, END_HEADERS | END_STREAM, stream, trailers))
