"""`recsys export` of very many people: is memory flat, how long does it take, and what if it is killed.

    python benchmarks/campaigns/export.py var/reach --people 1000000

A server process on an SQLite store as an import leaves it: people with an account and an address,
each with one event of some lines. The command runs in a process of its own: once from beginning
to end, once killed with SIGKILL half-way and started again, which must give the same bytes; as
Parquet; and for a list that names as many unknown people as known ones.
"""

import argparse
import csv
import hashlib
import json
import multiprocessing
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "rules"))
sys.path.append(str(Path(__file__).resolve().parent))
import machine
from campaign_server import resident_mib, serve
from run import decaying, make_model  # of benchmarks/rules

from recsys.catalog import Item, Price
from recsys.commands.export_manifest import MANIFEST_NAME, NOTE_NAME, Note, read_manifest
from recsys.domain import Channel, EventType, Identifier, ItemId
from recsys.events import Event, EventContent, EventLine
from recsys.files import file_digest
from recsys.storage.sqlite_writer import SqliteWriter

LINE_COUNT = 5
MARKS = (0.1, 0.5, 1.0)
POLL_SECONDS = 0.5


class Mark(NamedTuple):
    """How things were when so much was done."""

    share: float
    seconds: float
    server_mib: float
    job_mib: float


def fill(path: Path, *, people: int, items: int) -> None:
    """Write a store of people who have been imported."""
    now, draw = time.time(), random.Random(7)
    with SqliteWriter(path) as writer:
        accounts = [Identifier("account", f"u{number:07}") for number in range(people)]
        accounts.sort(key=writer.key)
        writer.add_identifiers(
            (one, account)
            for account in accounts
            for one in (
                account,
                Identifier("email_sha256", hashlib.sha256(account.value.encode()).hexdigest()),
            )
        )
        writer.add_events(_events(accounts, items=items, draw=draw, now=now))
        writer.add_items(
            (ItemId(f"i{row}"), Item(title=f"Item {row}", prices=(Price(amount="9.99", currency="EUR"),)))
            for row in range(items)
        )  # fmt: skip


def _events(
    accounts: list[Identifier], *, items: int, draw: random.Random, now: float
) -> Iterator[Event]:
    for one in accounts:
        content = EventContent(
            event_type=EventType.DETAIL_PAGE_VIEW,
            event_time=now - draw.random() * 300 * 86_400.0,
            channel=Channel.WEB,
            identifiers=(one,),
            lines=tuple(EventLine(ItemId(f"i{draw.randrange(items)}")) for _ in range(LINE_COUNT)),
        )
        yield Event.of(content, event_id=f"e-{one.value}", now=now)


def run(
    port: int, pid: int, out: Path, *words: str, people: int, kill_at: float = 2.0
) -> list[Mark]:
    """Run the command; returns how things were on the way. Killed where so much is done."""
    began, marks = time.perf_counter(), []
    command = [sys.executable, "-m", "recsys", "export", "--out", str(out), *words]
    with subprocess.Popen([*command, "--target", f"127.0.0.1:{port}"]) as job:
        while job.poll() is None:
            share = considered(out) / people
            memory = resident_mib(pid), resident_mib(job.pid)
            if share >= kill_at:
                job.send_signal(signal.SIGKILL)
            elif len(marks) < len(MARKS) - 1 and share >= MARKS[len(marks)]:
                marks.append(Mark(share, time.perf_counter() - began, *memory))
            time.sleep(POLL_SECONDS)
        if job.returncode == 0:
            marks.append(Mark(1.0, time.perf_counter() - began, *memory))
    return marks


def considered(out: Path) -> int:
    """How many people a job under way has noted as done."""
    try:
        return msgspec.json.decode(
            (out / NOTE_NAME).read_bytes(), type=Note
        ).manifest.considered_count
    except FileNotFoundError:
        return 0


def digests(out: Path) -> dict[str, str]:
    """The files of an export, by their checksums."""
    return {path.name: file_digest(path) for path in sorted(out.iterdir())}


def say(name: str, out: Path, marks: list[Mark], *, done_before: int = 0) -> None:
    """Print how it went; people who were done before do not count for the rate."""
    manifest = read_manifest(out / MANIFEST_NAME)
    size = sum(one.byte_count for one in manifest.files) / 1e6
    rate = (manifest.considered_count - done_before) / marks[-1].seconds
    print(
        f"{name}: {manifest.exported_count:,} of {manifest.considered_count:,} people in"
        f" {len(manifest.files)} files of {size:,.0f} MB, {marks[-1].seconds:,.0f} s, {rate:,.0f} people/s,"
        f" {json.dumps(manifest.suppressed_counts)}"
    )
    for one in marks:
        print(
            f"  {one.share:>5.0%}: server {one.server_mib:,.0f} MiB, job {one.job_mib:,.0f} MiB",
            flush=True,
        )


def check_everybody_once(out: Path, *, people: int) -> None:
    """Stop if anybody is missing or written twice; looks at JSON lines."""
    seen = np.zeros(people, dtype=np.int8)
    for path in out.glob("part-*.jsonl"):
        with path.open() as file:
            for line in file:
                seen[int(line.split('"', 4)[3][1:])] += 1
    assert (seen == 1).all(), np.bincount(seen)


def measure(port: int, pid: int, folder: Path, asked: argparse.Namespace) -> None:
    """Export everybody in several ways."""
    words = ("--count", str(asked.k), "--as-of", "2026-11-22T12:00Z")
    count = asked.people
    if "whole" in asked.steps:
        say("whole", folder / "whole", run(port, pid, folder / "whole", *words, people=count))
        check_everybody_once(folder / "whole", people=count)
    if "killed" in asked.steps:
        run(port, pid, folder / "killed", *words, people=count, kill_at=0.5)
        assert not (folder / "killed" / MANIFEST_NAME).exists()
        done = considered(folder / "killed")
        marks = run(port, pid, folder / "killed", *words, people=count)
        say("the rest after a kill", folder / "killed", marks, done_before=done)
        check_everybody_once(folder / "killed", people=count)
        assert digests(folder / "killed") == digests(folder / "whole")
        print("  the same bytes as without a kill")
    if "parquet" in asked.steps:
        out = folder / "parquet"
        say("Parquet", out, run(port, pid, out, *words, "--format", "parquet", people=count))
    if "listed" in asked.steps:
        path, out = folder / "ids.csv", folder / "listed"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["user_id"])
            for number in range(0, count, 2):
                writer.writerows([[f"u{number:07}"], [f"nobody{number:07}"]])
        say(
            "listed, half unknown",
            out,
            run(port, pid, out, *words, "--ids", str(path), people=count),
        )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--k", type=int, default=20)
    parser.add_argument(
        "--steps", nargs="+", default=["whole", "killed", "parquet", "listed"],
        choices=["whole", "killed", "parquet", "listed"],
    )  # fmt: skip
    asked = parser.parse_args()
    print(machine.describe())
    store = asked.folder / "store.sqlite"
    if not store.exists():
        asked.folder.mkdir(parents=True, exist_ok=True)
        began = time.perf_counter()
        fill(store, people=asked.people, items=asked.items)
        make_model(
            asked.folder / "v1", decaying(np.random.default_rng(7), asked.items, asked.factors)
        )
        print(
            f"filled in {time.perf_counter() - began:,.0f} s, {store.stat().st_size / 1e6:,.0f} MB"
        )
    print(
        f"{asked.people:,} people with {LINE_COUNT} lines, {asked.items:,} items x {asked.factors}, k = {asked.k}"
    )
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    server = context.Process(
        target=serve, args=(str(asked.folder), str(store), asked.threads, theirs)
    )
    server.start()
    try:
        measure(ours.recv(), server.pid or 0, asked.folder, asked)
    finally:
        ours.send("enough")
        server.join()


if __name__ == "__main__":
    main()
