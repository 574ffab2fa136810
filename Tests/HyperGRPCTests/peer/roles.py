"""The reference node's two gRPC roles, with its peculiarities (PROTOCOL.md 7, 19, 20, 21)."""

import queue
import threading
import time
from concurrent import futures

import grpc

import behaviour
import hyper_messages as hyper
from behaviour import happened, plain

LARGEST = 4 << 20
SIZES = [("grpc.max_receive_message_length", LARGEST), ("grpc.max_send_message_length", LARGEST)]


class Server:
    """A `grpc_server` as deployed."""

    def __init__(self, identities, name, address, age=None, threads=32):
        self.identities, self.name = identities, name
        self.lock = threading.Lock()
        self.streams = {}
        self.opened = 0
        self.in_flight = set()
        options = SIZES + [
            ("grpc.keepalive_time_ms", 60000), ("grpc.keepalive_timeout_ms", 30000), ("grpc.keepalive_permit_without_calls", 1),
            # Clients that ping more often are cut off with ENHANCE_YOUR_CALM.
            ("grpc.http2.min_ping_interval_without_data_ms", 15000), ("grpc.http2.max_ping_strikes", 2),
            ("grpc.so_reuseport", 0), ("grpc.max_connection_age_grace_ms", 60000)]
        options.append(("grpc.max_connection_age_ms", age) if age else ("grpc.max_connection_idle_ms", 60000))
        self.server = grpc.server(futures.ThreadPoolExecutor(threads), options=options)
        handlers = {
            "Call": grpc.unary_unary_rpc_method_handler(self.call, hyper.Request.FromString, hyper.Response.SerializeToString),
            "ServerCall": grpc.stream_stream_rpc_method_handler(self.server_call, hyper.Response.FromString, hyper.Request.SerializeToString),
        }
        self.server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("Hyper", handlers)])
        credentials = grpc.ssl_server_credentials([(identities.key(name), identities.chain(name))], identities.root(), True)
        self.port = self.server.add_secure_port(address, credentials)
        self.server.start()

    def peer(self, context):
        """Every name of the certificate with a pin that fits; without one there is no connection."""
        seen = context.auth_context()
        names = [name.decode() for key in ("x509_common_name", "x509_subject_alternative_name") for name in seen.get(key, [])]
        verified = self.identities.verified(names, seen["x509_pem_cert"][0])
        if not verified:
            context.abort(grpc.StatusCode.UNAVAILABLE, "no name matched")
        return verified

    def call(self, request, context):
        verified = self.peer(context)
        client = request.clientName or verified[0]
        happened(
            "called", at=self.name, method=request.method, id=request.id, client=request.clientName, params=plain(request.params),
            verified=verified, connection=context.peer(), authority=context._rpc_event.call_details.host.decode())
        if client not in verified:
            context.abort(grpc.StatusCode.UNKNOWN, "client name not verified")
        # The loop guard knows ids only, whoever they come from.
        with self.lock:
            if request.id in self.in_flight:
                context.abort(grpc.StatusCode.UNKNOWN, f"request {request.id} is already being processed (maybe a delivery loop)")
            self.in_flight.add(request.id)
        try:
            return behaviour.message(request.method, request.id, plain(request.params))
        except behaviour.Failure as failure:
            context.abort(grpc.StatusCode.UNKNOWN, str(failure))
        finally:
            with self.lock:
                self.in_flight.discard(request.id)

    def server_call(self, answers, context):
        verified = self.peer(context)
        announcement = next(answers)
        name = plain(announcement.result).get("name")
        if not isinstance(name, str) or name not in verified:
            context.abort(grpc.StatusCode.UNKNOWN, "invalid announcement")
        requests = queue.Queue()
        with self.lock:
            self.opened += 1
            number = self.opened
            self.streams[name] = requests

        def ended():
            # Whichever stream is registered now: the end of an old one unregisters the new one.
            with self.lock:
                self.streams.pop(name, None)
            requests.put(None)
            happened("left", at=self.name, peer=name, stream=number)

        context.add_callback(ended)
        happened(
            "announced", at=self.name, peer=name, id=announcement.id, stream=number, time=time.monotonic(), connection=context.peer(),
            metadata=[key for key, _ in context.invocation_metadata() if key.startswith("hyper")])
        # Nothing is sent before the first request, no headers either.
        while (asked := requests.get()) is not None:
            for request, _ in asked:
                yield request
            # The next messages are the answers, whatever their ids.
            for _, answer in asked:
                answer.put(next(answers))
        context.abort(grpc.StatusCode.UNAVAILABLE, "the stream is over")

    def deliver(self, to, method, id, client=None, methods=None, params=None):
        """Sends a request over the stream of a peer, or one for each of several methods, ahead of their answers."""
        with self.lock:
            requests = self.streams.get(to)
        if requests is None:
            return {"failure": "no channel can deliver this request"}
        asked = []
        for number, name in enumerate(methods or [method]):
            inner = f"{id}-{number}" if methods else id
            request = hyper.Request(
                method=name, id=f"{name}({inner})", clientName=self.name if client is None else client, params=hyper.struct(params or {"n": number}))
            asked.append((request, queue.Queue()))
        requests.put(asked)
        answers = [behaviour.describe(answer.get(timeout=30)) for _, answer in asked]
        return {"answers": answers} if methods else {"answer": answers[0]}

    def stop(self, grace=0):
        for requests in list(self.streams.values()):
            requests.put(None)
        self.server.stop(grace).wait()


def connection(identities, name, address, other):
    credentials = grpc.ssl_channel_credentials(identities.root(), identities.key(name), identities.chain(name))
    return grpc.secure_channel(
        address, credentials,
        options=SIZES + [
            ("grpc.ssl_target_name_override", other), ("grpc.default_authority", other), ("grpc.enable_http_proxy", 0),
            ("grpc.keepalive_time_ms", 30000), ("grpc.keepalive_timeout_ms", 20000), ("grpc.keepalive_permit_without_calls", 1),
            # A connection of its own for every channel.
            ("grpc.use_local_subchannel_pool", 1)])


def failed(error):
    return {"status": error.code().name, "details": error.details()}


def call(identities, name, address, other, method, id="1", params=None, client=None, timeout=30, raw=None, path=hyper.CALL, addressed=None):
    """One `Call` over a new TLS connection, which is closed after it. `raw` replaces the message's bytes (hexadecimal, or a number of zeros)."""
    request = hyper.Request(
        method=method, id=addressed if addressed is not None else f"{method}({id})", clientName=name if client is None else client,
        params=hyper.struct(params or {})).SerializeToString()
    if raw is not None:
        request = bytes(raw) if isinstance(raw, int) else bytes.fromhex(raw)
    make = unbounded if len(request) > LARGEST else connection
    with make(identities, name, address, other) as channel:
        unary = channel.unary_unary(path, response_deserializer=hyper.Response.FromString)
        try:
            return behaviour.describe(unary(request, timeout=timeout))
        except grpc.RpcError as error:
            return failed(error)


def unbounded(identities, name, address, other):
    """A connection of somebody who does not keep to the size of messages."""
    credentials = grpc.ssl_channel_credentials(identities.root(), identities.key(name), identities.chain(name))
    return grpc.secure_channel(
        address, credentials,
        options=[
            ("grpc.ssl_target_name_override", other), ("grpc.default_authority", other), ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_send_message_length", -1), ("grpc.enable_http_proxy", 0)])


class Stream:
    """A `ServerCall` of a deployed client: announces at once, answers one request after the other, each with exactly one answer."""

    def __init__(self, identities, name, address, other, announced=None, raw_announcement=None, raw_answers=None):
        self.name, self.other = name, other
        # Bytes to send instead of each answer (hexadecimal or a number of zeros).
        self.raw_answers = raw_answers
        self.answers = queue.Queue()
        first = hyper.response("1", name=name if announced is None else announced).SerializeToString()
        if raw_announcement is not None:
            first = bytes(raw_announcement) if isinstance(raw_announcement, int) else bytes.fromhex(raw_announcement)
        self.answers.put(first)
        unlimited = any(isinstance(raw, int) and raw > LARGEST for raw in (raw_announcement, raw_answers))
        self.channel = (unbounded if unlimited else connection)(identities, name, address, other)
        self.requests = self.channel.stream_stream(hyper.SERVER_CALL, response_deserializer=hyper.Request.FromString)(iter(self.answers.get, None))
        self.arrived = queue.Queue()
        self.busy = False
        self.end = None
        self.ended = threading.Event()
        threading.Thread(target=self.read, daemon=True).start()
        threading.Thread(target=self.answer, daemon=True).start()

    def read(self):
        try:
            for request in self.requests:
                # A deployed client does not look before it has answered; here it is noticed.
                self.arrived.put((request, self.busy))
                self.busy = True
            # What a deployed client does then: it spins for ever.
            self.end = {"status": "OK", "details": "spins"}
        except grpc.RpcError as error:
            self.end = failed(error)
        self.arrived.put(None)
        self.ended.set()
        happened("stream ended", own=self.name, peer=self.other, **self.end)

    def answer(self):
        while (arrived := self.arrived.get()) is not None:
            request, early = arrived
            happened(
                "asked", own=self.name, method=request.method, id=request.id, client=request.clientName, params=plain(request.params), early=early)
            if request.clientName != self.other:
                answer = hyper.Response(id=request.id, error=hyper.Error(code=404, message="client name not verified"))
            else:
                try:
                    answer = behaviour.message(request.method, request.id, plain(request.params))
                except behaviour.Failure as failure:
                    answer = hyper.Response(id=request.id, error=hyper.Error(code=-100, message=str(failure)))
            self.busy = False
            bytes_ = answer.SerializeToString()
            if self.raw_answers is not None:
                bytes_ = bytes(self.raw_answers) if isinstance(self.raw_answers, int) else bytes.fromhex(self.raw_answers)
            self.answers.put(bytes_)

    def close(self):
        self.requests.cancel()
        self.answers.put(None)
        self.channel.close()
