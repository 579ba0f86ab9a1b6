"""The floor: a bare grpcio server in asyncio that returns a fixed message and does nothing else."""

import argparse
import asyncio

import grpc


async def serve(*, size_bytes: int) -> None:
    """Answer every call of every method with `size_bytes` bytes; print the port."""
    message = bytes(size_bytes)

    async def answer(request: bytes, context: grpc.aio.ServicerContext) -> bytes:  # noqa: ARG001 - the shape that grpcio calls
        return message

    class Everything(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpcio ships no types
        def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:  # noqa: ARG002 - the shape that grpcio calls
            return grpc.unary_unary_rpc_method_handler(answer)

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Everything(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-bytes", type=int, required=True)
    asyncio.run(serve(size_bytes=parser.parse_args().size_bytes))
