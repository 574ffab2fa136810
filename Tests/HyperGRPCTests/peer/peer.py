"""An independent peer for the tests, written with grpcio.

usage: peer.py ROLE FOLDER ADDRESS OWN_NAME OTHER_NAME [NUMBER]

FOLDER holds root.pem, chain.pem and key.pem. Everything the tests look at is printed as one JSON object per line. Roles that wait
end when their standard input does.
"""

import json
import os
import queue
import socket
import ssl
import sys
import threading
from concurrent import futures

import grpc
from google.protobuf import json_format

import hyper_messages as hyper


def say(**facts):
    print(json.dumps(facts), flush=True)


def read(folder, name):
    with open(f"{folder}/{name}", "rb") as file:
        return file.read()


def channel(folder, address, other):
    credentials = grpc.ssl_channel_credentials(read(folder, "root.pem"), read(folder, "key.pem"), read(folder, "chain.pem"))
    return grpc.secure_channel(address, credentials, options=[("grpc.ssl_target_name_override", other), ("grpc.default_authority", other)])


def unary(connection):
    return connection.unary_unary(
        hyper.CALL, request_serializer=hyper.Request.SerializeToString, response_deserializer=hyper.Response.FromString)


def stream(connection):
    return connection.stream_stream(
        hyper.SERVER_CALL, request_serializer=hyper.Response.SerializeToString, response_deserializer=hyper.Request.FromString)


def plain(struct):
    return json_format.MessageToDict(struct)


def describe(answer):
    facts = {"id": answer.id}
    if answer.HasField("result"):
        facts["result"] = plain(answer.result)
    if answer.HasField("error"):
        facts["error"] = {"code": answer.error.code, "message": answer.error.message}
    return facts


def call(folder, address, own, other, number):
    """Calls the node: as itself, without a name, in a foreign name, and `number` times more."""
    with channel(folder, address, other) as connection:
        method = unary(connection)

        def ask(name, inner, **params):
            request = hyper.Request(method=f"{other}.method", id=f"{other}.method({inner})", clientName=name, params=hyper.struct(params))
            try:
                say(**describe(method(request, timeout=20)))
            except grpc.RpcError as error:
                say(status=error.code().name, details=error.details())

        ask(own, "named", text="x", number=1.5)
        ask("", "unnamed")
        ask("somebody-else", "foreign")
        ask(own, "failing")
        for index in range(number):
            method(hyper.Request(method=f"{other}.method", id=f"{other}.method({index})", clientName=own), timeout=20)
        say(done=number)


def anonymous(folder, address, own, other, number):
    """A TLS client without a certificate: prints the alert it gets."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(f"{folder}/root.pem")
    context.set_alpn_protocols(["h2"])
    host, port = address.rsplit(":", 1)
    try:
        with context.wrap_socket(socket.create_connection((host, int(port)), timeout=20), server_hostname=other) as connection:
            while connection.recv(4096):
                pass
        say(alert=None)
    except ssl.SSLError as error:
        say(alert=error.reason)


def announce(folder, address, own, other, number):
    """Opens a ServerCall like a deployed node: no metadata, answers in order, one at a time; prints how it ends."""
    answers = queue.Queue()
    answers.put(hyper.response("1", name=own))
    with channel(folder, address, other) as connection:
        requests = stream(connection)(iter(answers.get, None))
        try:
            for request in requests:
                say(asked=request.method, id=request.id, client=request.clientName, params=plain(request.params))
                # A deployed server never looks at the id of an answer.
                answers.put(hyper.response("whatever", answered=request.id))
            say(ended="OK")
        except grpc.RpcError as error:
            say(ended=error.code().name, details=error.details())


def misannounce(folder, address, own, other, number):
    """Announcements that a server must refuse."""
    bad = [hyper.response("1", name="somebody-else"), hyper.response("1", name=5.0), hyper.Response(id="1")]
    with channel(folder, address, other) as connection:
        for announcement in bad:
            open_end = threading.Event()

            def messages():
                yield announcement
                open_end.wait(20)

            try:
                for _ in stream(connection)(messages(), timeout=20):
                    pass
                say(ended="OK")
            except grpc.RpcError as error:
                say(ended=error.code().name, details=error.details())
            open_end.set()


def serve(folder, address, own, other, number):
    """A deployed server: answers Call; sends requests over ServerCall one at a time, without headers before the first."""
    # The requests for the stream that was opened last, as deployed servers have one for each operator.
    current = [queue.Queue()]

    def on_call(request, context):
        say(called=request.method, id=request.id, client=request.clientName, params=plain(request.params))
        if request.id.endswith("(failing)"):
            context.abort(grpc.StatusCode.UNKNOWN, "no channel can deliver this request")
        return hyper.response(request.id, served=request.id)

    def on_server_call(messages, context):
        ask = current[0] = queue.Queue()
        context.add_callback(lambda: ask.put(None))
        announcement = next(messages)
        say(announced=announcement.result["name"], metadata=[key for key, _ in context.invocation_metadata() if key.startswith("hyper")])
        while True:
            request = ask.get()
            if request is None:
                context.abort(grpc.StatusCode.UNAVAILABLE, "stopping")
            yield request
            say(answer=describe(next(messages)))

    handlers = {
        "Call": grpc.unary_unary_rpc_method_handler(on_call, hyper.Request.FromString, hyper.Response.SerializeToString),
        "ServerCall": grpc.stream_stream_rpc_method_handler(on_server_call, hyper.Response.FromString, hyper.Request.SerializeToString),
    }
    server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.http2.min_ping_interval_without_data_ms", 15000)])
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("Hyper", handlers)])
    credentials = grpc.ssl_server_credentials(
        [(read(folder, "key.pem"), read(folder, "chain.pem"))], read(folder, "root.pem"), require_client_auth=True)
    say(port=server.add_secure_port(address, credentials))
    server.start()
    for line in sys.stdin:
        order = json.loads(line)
        if "crash" in order:
            os._exit(0)
        current[0].put(hyper.Request(method=order["method"], id=order["id"], clientName=order["client"], params=hyper.struct({})))
    current[0].put(None)
    server.stop(0.5).wait()


if __name__ == "__main__":
    roles = {"anonymous": anonymous, "call": call, "announce": announce, "misannounce": misannounce, "serve": serve}
    role, folder, address, own, other = sys.argv[1:6]
    roles[role](folder, address, own, other, int(sys.argv[6]) if len(sys.argv) > 6 else 0)
