"""The whole path in one command: events in, answers over the wire out.

Every step is a public command or function that works alone, is skipped when its
result is already there, and is timed. The server runs as its own process, as in
production, and is stopped by its own process id.
"""

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console

from recsys.bundle import KEEP_DEFAULT, BundleStore, open_bundle
from recsys.errors import BundleUnavailable, InvalidData, StorageUnavailable
from recsys.server_process import Ready, running_server
from recsys.storage.sqlite_writer import is_live
from training.config import TrackingConfig, load_config
from training.dataset import Dataset
from training.demo.questions import questions
from training.ingest import import_events
from training.ingest.history import HISTORY_NAME
from training.ingest.report import read_report
from training.ingest.show import show_report
from training.publish import prune_store
from training.show import show_result
from training.simulate import simulate
from training.train import train

SEED: Final = 7
USER_COUNT: Final = 5_000
ITEM_COUNT: Final = 2_000
WORKER_COUNT: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What is shown and where it is kept.

    Attributes:
        folder: Everything of this demo: data, bundles, server configuration.
        name: Of the experiment and the registered model.
        source: The user's data, or None to simulate a shop.
        preset: How to read the data.
        tracking_uri: Where MLflow keeps runs and models.
        console: Where to print.
        seconds: How long each step took, filled as they end.
    """

    folder: Path
    name: str
    source: Path | None
    preset: str
    tracking_uri: str
    console: Console
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str, description: str) -> Iterator[None]:
        """Announce a step, time it, and keep the time beside the data."""
        self.console.rule(f"[bold]{description}", align="left", style="dim")
        started = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 3)
        self.console.print(f"[dim]{name}: {self.seconds[name]:.1f} s[/]")
        (self.folder / "seconds.json").write_bytes(msgspec.json.encode(self.seconds))


def prepare(demo: Demo, *, now: dt.datetime) -> Dataset:
    """Simulate if there is no data, import, train, publish; reuse what is there."""
    source = demo.source or demo.folder / "shop"
    if not source.exists() and demo.source is not None:
        raise InvalidData(path=str(source), problem="does not exist")
    try:
        demo.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageUnavailable(storage=str(demo.folder), problem=str(error)) from error
    if demo.source is None:
        with demo.step("simulate", f"A shop with {USER_COUNT:,} users and {ITEM_COUNT:,} items"):
            _simulate_once(demo, source, now=now)
    with demo.step("import", f"Import {source}"):
        dataset = import_once(demo, source, now=now)
    with demo.step("train", "Train, evaluate, publish"):
        _train_once(demo, dataset, now=now)
    return dataset


def _simulate_once(demo: Demo, out: Path, *, now: dt.datetime) -> None:
    if out.is_dir():
        demo.console.print(f"reusing {out}")
        return
    # Whole days, so that a demo of the same day is the same shop.
    end_time = now.replace(hour=0, minute=0, second=0, microsecond=0)
    simulate(out=out, user_count=USER_COUNT, item_count=ITEM_COUNT, seed=SEED, end_time=end_time)


def import_once(demo: Demo, source: Path, *, now: dt.datetime) -> Dataset:
    """Import, unless that is done or a server has written to what there is."""
    out = demo.folder / "dataset"
    report = read_report(out)
    if report is not None and is_live(out / HISTORY_NAME):
        demo.console.print(
            f"reusing {out}, which holds what a server has written; delete {demo.folder} to begin"
            " anew",
            soft_wrap=True,
        )
        return Dataset.open(out)
    dataset = import_events(source=source, preset=demo.preset, out=out, now=now)
    report = read_report(out)
    assert report is not None, "a finished import leaves its report"
    show_report(demo.console, report, dataset.info)
    return dataset


def _train_once(demo: Demo, dataset: Dataset, *, now: dt.datetime) -> None:
    store = BundleStore(demo.folder / "bundles")
    current = store.current()
    if current is not None and _is_trained_on(current, dataset):
        demo.console.print(f"reusing model {current.name}, trained on the same data")
        return
    config = load_config(None)
    result = train(
        dataset=dataset,
        config=config,
        tracking=TrackingConfig(
            tracking_uri=demo.tracking_uri, experiment=demo.name, model_name=demo.name
        ),
        bundle_store=store,
        now=now,
        seed=SEED,
    )
    show_result(demo.console, result, config, promote=True)
    # A demo goes on with what it has, also where the gate keeps the model from
    # becoming champion; the lines above say so.
    store.set_current(result.model_version)
    demo.console.print(prune_store(store, keep=KEEP_DEFAULT), style="dim")


def _is_trained_on(folder: Path, dataset: Dataset) -> bool:
    try:
        return open_bundle(folder).manifest.data_fingerprint == dataset.info.fingerprint
    except BundleUnavailable:
        return False


@contextmanager
def server(demo: Demo) -> Iterator[Ready]:
    """Run `recsys serve` until the block ends; yields what it says of itself.

    Raises:
        ServerNotReady: It did not start; the end of its log says why.
    """
    settings: dict[str, dict[str, Any]] = {
        "server": {"workers": WORKER_COUNT},
        "bundles": {"folder": str(demo.folder / "bundles")},
        "registry": {
            "tracking_uri": demo.tracking_uri,
            "model_name": demo.name,
            "poll_seconds": 5.0,
        },
        "storage": {"histories": str(demo.folder / "dataset" / HISTORY_NAME)},
    }
    with ExitStack() as stack:
        with demo.step("serve", "Start the gRPC server"):
            running = stack.enter_context(running_server(demo.folder, settings=settings))
            demo.console.print(
                f"serving on {running.ready.address} with pid {running.ready.pid}; "
                f"log in {running.log_file}"
            )
        yield running.ready


def fill_catalog(demo: Demo, *, address: str) -> None:
    """Send a simulated shop's items, stores and stock, with the public commands."""
    shop = demo.folder / "shop"
    for words in (
        ("import", str(shop / "items.parquet")),
        ("stores", str(shop / "stores.parquet"), "--map", "name=title"),
        ("stock", str(shop / "stock.parquet")),
    ):
        demo.console.print(f"[dim]$ recsys catalog {' '.join(words)}[/]", soft_wrap=True)
        sent = subprocess.run(  # noqa: S603 - our own command
            [*_recsys(), "catalog", *words, "--target", address], check=False
        )
        if sent.returncode:
            # It has said what is wrong.
            raise SystemExit(sent.returncode)


def ask(demo: Demo, dataset: Dataset, *, address: str) -> None:
    """Ask over the wire with the public command, and show how."""
    titles = str(demo.folder / "dataset" / HISTORY_NAME)
    for question in questions(dataset):
        options = [*question.options, "--target", address, "-k", "5"]
        demo.console.print(f"\n[bold]{question.title}[/]")
        for fact in question.known:
            demo.console.print(f"  {fact}", style="cyan", markup=False)
        demo.console.print(f"[dim]$ recsys recommend {' '.join(options)}[/]", soft_wrap=True)
        asked = subprocess.run(  # noqa: S603 - our own command
            [*_recsys(), "recommend", *options, "--titles", titles], check=False
        )
        if asked.returncode:
            # It has said what is wrong.
            raise SystemExit(asked.returncode)


def say_what_next(demo: Demo, *, ready: Ready) -> None:
    """Close with commands that a curious person would type next."""
    address = ready.address
    payload = '{"subject": {"user_id": "somebody"}, "page_size": 3}'
    service = "recsys.v1.RecommendationService/Recommend"
    lines = {
        "ask for somebody": f"recsys recommend --user USER_ID --target {address}",
        "ask from any language": f"grpcurl -plaintext -d '{payload}' {address} {service}",
        "which model answers": f"recsys model --target {address}",
        "what is on the rise": f"recsys trending --target {address}",
        "why is it not shown": f"recsys explain USER_ID ITEM_ID --target {address}",
        "her profile": f"recsys profile show account=USER_ID --target {address}",
        "what is sold, and where": f"recsys catalog list --target {address}",
        "runs, plots, registry": f"mlflow ui --backend-store-uri {demo.tracking_uri}",
        "metrics of the server": f"curl {ready.metrics}",
        "your own data": "make demo DATA=folder PRESET=retailrocket   (docs/import.md)",
        "how fast is it": "make bench   (docs/benchmarks.md)",
    }
    demo.console.rule("[bold]What to try next", align="left", style="dim")
    for purpose, command in lines.items():
        demo.console.print(f"  {purpose:<24}{command}", soft_wrap=True, highlight=False)


def interrupt_on_signals() -> None:
    """Let a polite kill and a closed terminal end the demo as Ctrl-C does, server included."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


def wait_for_interrupt() -> None:
    """Sleep until Ctrl-C or the like."""
    try:
        while True:
            time.sleep(3_600)
    except KeyboardInterrupt:
        return


def _recsys() -> list[str]:
    return [sys.executable, "-m", "recsys"]


def demo_folder(workspace: Path, *, source: Path | None, preset: str) -> Path:
    """Give each kind of data its own place, so that second runs find it."""
    if source is None:
        return workspace / "simulated"
    return workspace / f"{preset.replace(os.sep, '_')}-{source.resolve().name}"
