"""`Recommend` against a bare echo server: same message sizes, same generator, same run.

    python benchmarks/serving/throughput.py

One worker each. The echo returns a fixed message and does nothing else, so the
ratio says how much of grpcio's own throughput is left once there is an answer
in the message. Once with factors trained on a simulated shop, once with random
ones, whose folded-in queries are the worst case of any search. Rounds alternate
between the two servers; medians are quoted.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import machine
from serving.service import recsys_server
from serving.shop import publish, write_histories
from serving.trained import publish_trained, trim_histories

from recsys.bundle import BundleStore
from recsys.v1 import recommendation_service_pb2 as pb2

METHOD = "/recsys.v1.RecommendationService/Recommend"
HERE = Path(__file__).resolve().parent


@contextmanager
def echo_server(*, size_bytes: int) -> Iterator[str]:
    """Run the echo; yields its address."""
    command = [sys.executable, str(HERE / "echo.py"), "--size-bytes", str(size_bytes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def load(*, target: str, requests: Path, in_flight: int, seconds: float) -> dict[str, float]:
    """Run the generator in its own process."""
    command = [
        sys.executable, str(HERE / "load.py"), "--target", target, "--method", METHOD,
        "--requests", str(requests), "--in-flight", str(in_flight), "--seconds", str(seconds),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def check(target: str, requests: list[bytes], *, result_count: int) -> int:
    """Look at some answers: full pages, no item twice, all personal; returns their size."""
    sizes = []
    with grpc.insecure_channel(target) as channel:
        call = channel.unary_unary(METHOD)
        for request in requests[:50]:
            raw = call(request, timeout=10)
            response = pb2.RecommendResponse.FromString(raw)
            items = {result.item_id for result in response.results}
            assert len(items) == len(response.results) == result_count, response
            assert all(result.reason.kind == 1 for result in response.results), response
            sizes.append(len(raw))
    return round(statistics.mean(sizes))


def measure(folder: Path, users: list[str], *, args: argparse.Namespace) -> None:
    """Serve what the folder holds beside the echo, and print a table."""
    random.Random(2).shuffle(users)
    requests = [
        pb2.RecommendRequest(
            subject={"user_id": user}, placement="home", page_size=args.results
        ).SerializeToString()
        for user in users
    ]
    request_file = folder / "requests.json"
    request_file.write_text(json.dumps([request.hex() for request in requests]))
    with recsys_server(folder, workers=1) as ours:
        size_bytes = check(ours, requests, result_count=args.results)
        with echo_server(size_bytes=size_bytes) as floor:
            rounds = [
                {
                    label: load(
                        target=target, requests=request_file,
                        in_flight=args.in_flight, seconds=args.seconds,
                    )
                    for label, target in random.sample([("recsys", ours), ("echo", floor)], 2)
                }
                for _ in range(args.rounds)
            ]  # fmt: skip
    report(rounds, size_bytes=size_bytes, args=args)


def trained(folder: Path, args: argparse.Namespace) -> list[str]:
    """Prepare a trained model and what its people did; returns their ids."""
    bundle = publish_trained(
        folder, BundleStore(folder / "bundles"),
        item_count=args.items, factor_count=args.factors, seed=1,
    )  # fmt: skip
    print(f"factors trained on a simulated shop: {bundle.manifest.item_count} of its items")
    return trim_histories(
        folder / "data", folder / "history.sqlite",
        line_count=args.history, user_count_max=args.users,
    )  # fmt: skip


def drawn(folder: Path, args: argparse.Namespace) -> list[str]:
    """Prepare random factors, the worst that the kernel can meet; returns ids of people."""
    print("random factors")
    bundle = publish(
        BundleStore(folder / "bundles"),
        item_count=args.items, factor_count=args.factors, seed=1,
    )  # fmt: skip
    return write_histories(
        folder / "history.sqlite",
        bundle=bundle, user_count=args.users, line_count=args.history, now=time.time(),
    )  # fmt: skip


def main() -> None:
    """Measure and print a table for each kind of factors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--history", type=int, default=30)
    parser.add_argument("--results", type=int, default=20)
    parser.add_argument("--users", type=int, default=5_000)
    parser.add_argument("--in-flight", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", choices=("trained", "random", "both"), default="both")
    args = parser.parse_args()
    print(machine.describe())
    for model, prepare in (("trained", trained), ("random", drawn)):
        if args.model in {model, "both"}:
            with tempfile.TemporaryDirectory() as name:
                measure(Path(name), prepare(Path(name), args), args=args)


def report(
    rounds: list[dict[str, dict[str, float]]], *, size_bytes: int, args: argparse.Namespace
) -> None:
    """Print medians and the ratio of each pair of neighbours."""
    print(
        f"{args.items} items x {args.factors} factors, history {args.history}, k {args.results}, "
        f"{args.in_flight} calls in flight, {size_bytes} bytes a response, "
        f"{args.rounds} rounds of {args.seconds:g} s"
    )
    print(f"{'server':8} {'calls/s':>10} {'p50 ms':>8} {'p99 ms':>8}")
    for label in ("echo", "recsys"):
        median = {
            key: statistics.median(pair[label][key] for pair in rounds)
            for key in ("calls_per_second", "p50_ms", "p99_ms")
        }
        print(
            f"{label:8} {median['calls_per_second']:10.0f} "
            f"{median['p50_ms']:8.2f} {median['p99_ms']:8.2f}"
        )
    ratios = sorted(
        pair["recsys"]["calls_per_second"] / pair["echo"]["calls_per_second"] for pair in rounds
    )
    print(
        f"throughput, recsys / echo: median {statistics.median(ratios):.2f} "
        f"(from {ratios[0]:.2f} to {ratios[-1]:.2f})"
    )


if __name__ == "__main__":
    main()
