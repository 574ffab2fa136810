"""The peer of the broker's benchmark, written with grpcio: plays the private node that calls ours, or the public node that ours calls.

    peer.py call FOLDER NUMBER CONCURRENCY    calls public-proxy-1 at 127.0.0.1:5556; prints one line of JSON
    peer.py serve FOLDER                      is public-proxy-1 at 127.0.0.1:5556 until it is stopped; prints `ready`

FOLDER holds the development certificates.
"""
import asyncio
import json
import pathlib
import sys
import time

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Tests" / "HyperGRPCTests" / "peer"))
import hyper_messages as hyper

ADDRESS = "127.0.0.1:5556"
PUBLIC, PRIVATE = "public-proxy-1", "private-proxy-1"
METHOD = f"{PUBLIC}.announceConnections"
PARAMS = hyper.struct({"domain": "test.internal-server.local", "endpoint": "localhost:9999", "token": "A" * 43 + "="})


def credentials(folder, name):
    return [pathlib.Path(folder, file).read_bytes() for file in ("root.crt", f"{name}.key", f"{name}.crt")]


async def call(folder, number, concurrency):
    root, key, chain = credentials(folder, PRIVATE)
    options = [("grpc.ssl_target_name_override", PUBLIC), ("grpc.default_authority", PUBLIC)]
    async with grpc.aio.secure_channel(ADDRESS, grpc.ssl_channel_credentials(root, key, chain), options=options) as channel:
        method = channel.unary_unary(
            hyper.CALL, request_serializer=hyper.Request.SerializeToString, response_deserializer=hyper.Response.FromString)
        times = []
        ids = iter(range(number + number // 10))

        async def caller():
            for index in ids:
                request = hyper.Request(method=METHOD, id=f"{METHOD}({index})", clientName=PRIVATE, params=PARAMS)
                start = time.perf_counter()
                answer = await method(request)
                if index >= number // 10:
                    times.append(time.perf_counter() - start)
                assert answer.HasField("result"), answer

        start = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(concurrency)))
        seconds = time.perf_counter() - start
        times.sort()
        print(json.dumps({
            "per_s": (number + number // 10) / seconds, "p50_us": times[len(times) // 2] * 1e6, "p99_us": times[len(times) * 99 // 100] * 1e6}))


async def serve(folder):
    root, key, chain = credentials(folder, PUBLIC)

    async def on_call(request, context):
        return hyper.response(request.id, message="ok")

    async def on_server_call(messages, context):
        # Nothing is ever asked over it.
        async for _ in messages:
            pass
        yield hyper.Request()

    handlers = {
        "Call": grpc.unary_unary_rpc_method_handler(on_call, hyper.Request.FromString, hyper.Response.SerializeToString),
        "ServerCall": grpc.stream_stream_rpc_method_handler(on_server_call, hyper.Response.FromString, hyper.Request.SerializeToString),
    }
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("Hyper", handlers)])
    server.add_secure_port(ADDRESS, grpc.ssl_server_credentials([(key, chain)], root, require_client_auth=True))
    await server.start()
    print("ready", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    role, folder, *numbers = sys.argv[1:]
    asyncio.run(call(folder, *map(int, numbers)) if role == "call" else serve(folder))
