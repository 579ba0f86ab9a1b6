"""The load generator: one process, a fixed number of calls in flight, raw messages.

Messages are bytes on both sides, so the generator's own cost is the same for
every server and as small as grpcio allows.
"""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

import grpc


async def generate(
    *, target: str, method: str, requests: list[bytes], in_flight: int, seconds: float
) -> dict[str, float]:
    """Call a method as fast as it answers and time each call.

    Args:
        target: Address of the server.
        method: Full name, such as `/recsys.v1.RecommendationService/Recommend`.
        requests: Serialized requests, sent round robin.
        in_flight: Calls under way at any time.
        seconds: How long to measure, after a tenth of that as warm-up.

    Returns:
        `calls_per_second`, and `p50_ms`, `p99_ms` of the latency, and `response_bytes`.
    """
    latencies: list[float] = []
    response_bytes = 0
    async with grpc.aio.insecure_channel(target) as channel:
        call = channel.unary_unary(method)
        warm_until = time.perf_counter() + seconds / 10
        stop_at = warm_until + seconds

        async def caller(first: int) -> None:
            nonlocal response_bytes
            position = first
            while (started := time.perf_counter()) < stop_at:
                response = await call(requests[position % len(requests)])
                if started >= warm_until:
                    latencies.append(time.perf_counter() - started)
                    response_bytes += len(response)
                position += in_flight

        await asyncio.gather(*(caller(first) for first in range(in_flight)))
    latencies.sort()
    return {
        "calls_per_second": len(latencies) / seconds,
        "p50_ms": latencies[len(latencies) // 2] * 1e3,
        "p99_ms": latencies[len(latencies) * 99 // 100] * 1e3,
        "response_bytes": response_bytes / len(latencies),
    }


def main() -> None:
    """Read length-prefixed requests from a file and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", required=True)
    parser.add_argument("--method", required=True)
    parser.add_argument("--requests", type=Path, required=True, help="JSON list of hex strings")
    parser.add_argument("--in-flight", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=3.0)
    args = parser.parse_args()
    requests = [bytes.fromhex(text) for text in json.loads(args.requests.read_text())]
    figures = asyncio.run(
        generate(
            target=args.target,
            method=args.method,
            requests=requests,
            in_flight=args.in_flight,
            seconds=args.seconds,
        )
    )
    json.dump(figures, sys.stdout)


if __name__ == "__main__":
    main()
