"""Asks for a page with the OpenSSL that comes with pyOpenSSL, newer than most systems': get_pyopenssl.py NAME PORT CA PATH."""
import socket
import sys

from OpenSSL import SSL

name, port, ca, path = sys.argv[1:]
context = SSL.Context(SSL.TLS_CLIENT_METHOD)
context.load_verify_locations(ca)
context.set_verify(SSL.VERIFY_PEER, lambda connection, certificate, error, depth, ok: bool(ok))
connection = SSL.Connection(context, socket.create_connection(("127.0.0.1", int(port)), timeout=None))
connection.set_tlsext_host_name(name.encode())
connection.set_connect_state()
connection.do_handshake()
connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
try:
    while True:
        sys.stdout.write(connection.recv(65536).decode())
except (SSL.ZeroReturnError, SSL.SysCallError):
    pass
