"""Simulated private nodes: each with a certificate of its own, one connection with an open `ServerCall`, and one announcement after every
connect. They come back as ours do: 200 ms doubling to 1 s with 20 % jitter, each attempt at most 2 s.

usage: peers.py FOLDER HOST PORT NODE COUNT

FOLDER holds root.crt, peer.key and NAME.crt for the names peer-0 … . NODE is the operator that is called. Prints `peers UP ANNOUNCED ATTEMPTS` whenever that has changed,
at most ten times a second; ends with standard input. HTTP/2 (RFC 9113) and Protobuf are made by hand, as little as it takes.
"""
import asyncio
import random
import ssl
import struct
import sys

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
ACK = END_STREAM = 1
END_HEADERS = 4
ATTEMPT = 2.0


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def headers(method, authority):
    """HPACK literals without indexing (RFC 7541 6.2.2); all lengths are under 127."""
    fields = {":method": "POST", ":scheme": "https", ":path": f"/Hyper/{method}", ":authority": authority,
              "content-type": "application/grpc", "te": "trailers"}
    return b"".join(b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode() for name, value in fields.items())


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(number << 3 | 2) + varint(len(data)) + data


def value(of):
    """google.protobuf.Value"""
    if of is None:
        return b"\x08\x00"
    if isinstance(of, str):
        return field(3, of)
    if isinstance(of, list):
        return field(6, b"".join(field(1, value(member)) for member in of))
    return field(5, record(of))


def record(members):
    """google.protobuf.Struct"""
    return b"".join(field(1, field(1, name) + field(2, value(of))) for name, of in members.items())


def fields_of(data):
    """The length-delimited fields of a message; the messages here have no others at the top."""
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        length, at = read_varint(data, at)
        yield tag >> 3, data[at:at + length]
        at += length


def read_varint(data, at):
    result = shift = 0
    while True:
        byte = data[at]
        at += 1
        result |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return result, at


def grpc(message):
    return b"\x00" + struct.pack(">I", len(message)) + message


class Peer:
    STREAM, CALL = 1, 3

    def __init__(self, index, crowd):
        self.name = f"peer-{index}"
        self.crowd = crowd
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.load_verify_locations(f"{crowd.folder}/root.crt")
        self.context.load_cert_chain(f"{crowd.folder}/{self.name}.crt", f"{crowd.folder}/peer.key")
        self.context.set_alpn_protocols(["h2"])

    async def live(self):
        failures = 0
        while True:
            try:
                self.crowd.attempts += 1
                reader, writer = await asyncio.wait_for(self.connect(), ATTEMPT)
            except (OSError, ssl.SSLError, asyncio.TimeoutError, asyncio.IncompleteReadError):
                await asyncio.sleep(min(0.2 * 2 ** failures, 1) * random.uniform(0.8, 1.2))
                failures = min(failures + 1, 5)
                continue
            failures = 0
            self.crowd.change(up=1)
            self.is_announced = False
            try:
                await self.serve(reader, writer)
            except (OSError, ssl.SSLError, asyncio.IncompleteReadError):
                pass
            self.crowd.change(up=-1, announced=-1 if self.is_announced else 0)
            writer.transport.abort()
            await asyncio.sleep(0.2 * random.uniform(0.8, 1.2))

    async def connect(self):
        """TCP, TLS, and the first frame of the node: then it has accepted us."""
        crowd = self.crowd
        reader, writer = await asyncio.open_connection(crowd.host, crowd.port, ssl=self.context, server_hostname=crowd.node, limit=1 << 16)
        try:
            writer.write(PREFACE + frame(SETTINGS, 0, 0) + frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30)))
            await self.read_frame(reader, writer)
        except BaseException:
            writer.transport.abort()
            raise
        return reader, writer

    async def read_frame(self, reader, writer):
        head = await reader.readexactly(9)
        length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
        payload = await reader.readexactly(length)
        if kind in (SETTINGS, PING) and not flags & ACK:
            writer.write(frame(kind, ACK, 0, payload if kind == PING else b""))
        return kind, flags, int.from_bytes(head[5:], "big") & 0x7FFFFFFF, payload

    async def serve(self, reader, writer):
        node = self.crowd.node
        announcement = {"connections": [{"domain": f"{self.name}.internal-server.local", "expires_at": None}]}
        method = f"{node}.announceConnections"
        request = field(1, method) + field(2, record(announcement)) + field(3, f"{method}({random.getrandbits(64)})") + field(4, self.name)
        hello = field(1, "1") + field(2, record({"name": self.name}))
        writer.write(
            frame(HEADERS, END_HEADERS, self.STREAM, headers("ServerCall", node)) + frame(DATA, 0, self.STREAM, grpc(hello))
            + frame(HEADERS, END_HEADERS, self.CALL, headers("Call", node)) + frame(DATA, END_STREAM, self.CALL, grpc(request)))
        while True:
            kind, flags, stream, payload = await self.read_frame(reader, writer)
            if kind == GOAWAY or stream == self.STREAM and (kind == RST_STREAM or kind == HEADERS and flags & END_STREAM):
                return
            if kind == DATA and stream == self.CALL and not self.is_announced:
                self.is_announced = True
                self.crowd.change(announced=1)
            if kind == DATA and stream == self.STREAM and len(payload) > 5:
                # A request, whole in one frame: short ones are, and nothing else is sent here.
                id = next((data for number, data in fields_of(payload[5:]) if number == 3), b"")
                writer.write(frame(DATA, 0, self.STREAM, grpc(field(1, id) + field(2, record({"message": "ok"})))))


class Crowd:
    def __init__(self, folder, host, port, node):
        self.folder, self.host, self.port, self.node = folder, host, int(port), node
        self.up = self.announced = self.attempts = 0

    def change(self, up=0, announced=0):
        self.up += up
        self.announced += announced

    async def run(self, count):
        peers = [Peer(index, self) for index in range(count)]
        print("peers ready", flush=True)
        # All begin when the line comes; the end of the input ends everything.
        loop = asyncio.get_running_loop()
        if not await loop.run_in_executor(None, sys.stdin.readline):
            return
        tasks = [asyncio.create_task(peer.live()) for peer in peers]
        end = loop.run_in_executor(None, sys.stdin.readline)
        said = None
        while not end.done():
            now = (self.up, self.announced, self.attempts)
            if now != said:
                print("peers", *now, flush=True)
                said = now
            await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    asyncio.run(Crowd(*sys.argv[1:5]).run(int(sys.argv[5])))
