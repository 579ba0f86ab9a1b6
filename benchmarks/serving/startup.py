"""Server start to first answer, and what each further worker costs in memory.

    python benchmarks/serving/startup.py

A model of a million items x 64 factors by default. Start is the launch of
`recsys serve`; the first answer is a full page for a known user over the wire.
Memory of a worker is what it alone holds (unique set size) and, beside it, its
resident set, most of which is the shared map of the model.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import grpc
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import machine
from serving.service import recsys_server
from serving.shop import publish, write_histories

from recsys.bundle import BundleStore
from recsys.v1 import recommendation_service_pb2 as pb2

METHOD = "/recsys.v1.RecommendationService/Recommend"
MIB = 2**20


def first_answer(target: str, user: str) -> pb2.RecommendResponse:
    """Ask once; the answer must be a full personal page."""
    request = pb2.RecommendRequest(subject={"user_id": user}, page_size=20)
    with grpc.insecure_channel(target) as channel:
        raw = channel.unary_unary(METHOD)(request.SerializeToString(), timeout=30)
    response = pb2.RecommendResponse.FromString(raw)
    assert len(response.results) == 20, response
    assert all(result.reason.kind == 1 for result in response.results), response
    return response


def worker_memory(target: str, users: list[str]) -> list[tuple[float, float]]:
    """Return (unique, resident) MiB of every process that answers, after some traffic."""
    for user in users[:200]:
        first_answer(target, user)
    port = int(target.rpartition(":")[2])
    found = []
    for process in psutil.Process().children(recursive=True):
        command = " ".join(process.cmdline())
        if "recsys.serving.worker" in command:
            memory = process.memory_full_info()
            found.append((memory.uss / MIB, memory.rss / MIB))
    assert found, f"no worker found behind port {port}"
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundle = publish(
            BundleStore(folder / "bundles"),
            item_count=args.items, factor_count=args.factors, seed=1,
        )  # fmt: skip
        users = write_histories(
            folder / "history.sqlite",
            bundle=bundle, user_count=1_000, line_count=30, now=time.time(),
        )  # fmt: skip
        seconds, memory = [], []
        for _ in range(args.rounds):
            started = time.perf_counter()
            with recsys_server(folder, workers=args.workers) as target:
                first_answer(target, users[0])
                seconds.append(time.perf_counter() - started)
                memory = worker_memory(target, users)
    print(machine.describe())
    print(f"{args.items} items x {args.factors} factors, {args.workers} workers")
    print(
        f"start to first answer: median {statistics.median(seconds):.2f} s "
        f"(from {min(seconds):.2f} to {max(seconds):.2f}, {args.rounds} starts)"
    )
    for number, (unique, resident) in enumerate(memory, start=1):
        print(f"worker {number}: {unique:.0f} MiB of its own, {resident:.0f} MiB resident")


if __name__ == "__main__":
    main()
