#!/usr/bin/env python3
"""Reads PROXY headers by the text of proxy-protocol.txt alone, as a receiver would, and says what they mean.

One header in hexadecimal per line on standard input; one JSON object per line on standard output:
{"version", "command", "family", "source", "source_port", "destination", "destination_port", "tlv": {type: hex}} or {"error"}.
"""
import ipaddress
import json
import struct
import sys

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def parse_v1(data):
    assert data.endswith(b"\r\n") and len(data) <= 107, "not one line of at most 107 bytes"
    words = data[:-2].decode("ascii").split(" ")
    assert words[0] == "PROXY"
    if words[1] == "UNKNOWN":
        return {"version": 1, "command": "PROXY", "family": "UNKNOWN"}
    family, source, destination, source_port, destination_port = words[1:]
    kind = {"TCP4": ipaddress.IPv4Address, "TCP6": ipaddress.IPv6Address}[family]
    for port in (source_port, destination_port):
        assert port == str(int(port)) and 0 <= int(port) <= 65535, "port"
    return {
        "version": 1, "command": "PROXY", "family": family, "source": str(kind(source)), "source_port": int(source_port),
        "destination": str(kind(destination)), "destination_port": int(destination_port),
    }


def parse_v2(data):
    version_command, family_protocol, length = struct.unpack("!BBH", data[12:16])
    assert version_command >> 4 == 2, "version"
    assert len(data) == 16 + length, "length"
    result = {"version": 2, "command": {0: "LOCAL", 1: "PROXY"}[version_command & 15]}
    size, kind = {0x11: (4, ipaddress.IPv4Address), 0x21: (16, ipaddress.IPv6Address), 0x00: (0, None)}[family_protocol]
    result["family"] = {0x11: "TCP4", 0x21: "TCP6", 0x00: "UNKNOWN"}[family_protocol]
    at = 16
    if kind:
        result["source"] = str(kind(data[at:at + size]))
        result["destination"] = str(kind(data[at + size:at + 2 * size]))
        result["source_port"], result["destination_port"] = struct.unpack("!HH", data[at + 2 * size:at + 2 * size + 4])
        at += 2 * size + 4
    fields = {}
    while at < len(data):
        kind, size = struct.unpack("!BH", data[at:at + 3])
        assert at + 3 + size <= len(data), "a field beyond the end"
        assert str(kind) not in fields, "a field twice"
        fields[str(kind)] = data[at + 3:at + 3 + size].hex()
        if kind == 3:
            assert size == 4
            zeroed = data[:at + 3] + bytes(4) + data[at + 7:]
            assert crc32c(zeroed) == int.from_bytes(data[at + 3:at + 7], "big"), "checksum"
        at += 3 + size
    result["tlv"] = fields
    return result


assert crc32c(b"123456789") == 0xE3069283
for line in sys.stdin:
    header = bytes.fromhex(line.strip())
    try:
        print(json.dumps(parse_v2(header) if header.startswith(SIGNATURE) else parse_v1(header)))
    except Exception as problem:
        print(json.dumps({"error": f"{type(problem).__name__}: {problem}"}))
