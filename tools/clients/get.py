"""Asks for a page with Python's own ssl: get.py NAME PORT CA PATH."""
import socket
import ssl
import sys

name, port, ca, path = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
with socket.create_connection(("127.0.0.1", int(port)), timeout=30) as plain:
    with context.wrap_socket(plain, server_hostname=name) as secure:
        secure.sendall(f"GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        while piece := secure.recv(65536):
            sys.stdout.write(piece.decode())
