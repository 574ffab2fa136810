"""A client that sends an HTTP/2 PING with every call, as grpc-go does, over frames made by hand.

usage: pings.py FOLDER HOST PORT OWN_NAME OTHER_NAME COUNT

Prints one JSON object: how many calls and pings were answered, or what ended the connection.
"""

import json
import socket
import ssl
import struct
import sys

import hyper_messages as hyper
from frames import frame, literal

folder, host, port, own, other, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5], int(sys.argv[6])

context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.load_verify_locations(f"{folder}/root.pem")
context.load_cert_chain(f"{folder}/chain.pem", f"{folder}/key.pem")
context.set_alpn_protocols(["h2"])
connection = context.wrap_socket(socket.create_connection((host, port), timeout=20), server_hostname=other)
reader = connection.makefile("rb")
connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) + frame(8, 0, 0, struct.pack(">I", 1 << 30)))

headers = b"".join(
    literal(name, value)
    for name, value in [
        (b":method", b"POST"), (b":scheme", b"https"), (b":path", b"/Hyper/Call"), (b":authority", other.encode()),
        (b"content-type", b"application/grpc"), (b"te", b"trailers")])
calls = pings = 0
end = None
for number in range(count):
    stream = 2 * number + 1
    message = hyper.Request(method=f"{other}.method", id=f"{other}.method({number})", clientName=own).SerializeToString()
    data = b"\x00" + struct.pack(">I", len(message)) + message
    connection.sendall(frame(1, 4, stream, headers) + frame(0, 1, stream, data) + frame(6, 0, 0, struct.pack(">Q", number)))
    open_call, open_ping = True, True
    while (open_call or open_ping) and end is None:
        head = reader.read(9)
        if len(head) < 9:
            end = "closed"
            break
        length, kind, flags, origin = int.from_bytes(head[:3], "big"), head[3], head[4], int.from_bytes(head[5:9], "big")
        payload = reader.read(length)
        if kind == 4 and not flags & 1:
            connection.sendall(frame(4, 1, 0))
        elif kind == 6 and flags & 1 and payload == struct.pack(">Q", number):
            open_ping, pings = False, pings + 1
        elif kind == 7:
            end = f"goaway {int.from_bytes(payload[4:8], 'big')}"
        elif kind in (0, 1) and flags & 1 and origin == stream:
            open_call, calls = False, calls + 1
        elif kind == 3:
            end = "reset"
    if end is not None:
        break
print(json.dumps({"calls": calls, "pings": pings, "end": end}), flush=True)
connection.close()
