"""The two ways into a search: files of training lines, and an imported dataset."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from recsys.bundle import BundleStore
from recsys.errors import InvalidData
from training.auto.auto import Found, Task, Watcher, search_model, write_card
from training.auto.plan import Wishes
from training.auto.source import describe_lines
from training.auto.work import files_fingerprint
from training.config import EvaluateConfig, SplitConfig, TrackingConfig
from training.dataset import Dataset
from training.interactions import read_events
from training.published import Order, TrainingLines, read_training
from training.split import split_events
from training.train import TrainResult, train

_HISTORY_EVENT_COUNT_MAX = 100_000
"""Lines of a history in files: all of them, as published splits count them."""
_FOLDER_CHARS = 12
_WORK = Path("var/auto")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What both ways share.

    Attributes:
        wishes: What is known of the use.
        tracking: Where MLflow is.
        budget_seconds: Of the search over all calls, positive.
        trials: Candidates to try over all calls; None for as many as the seconds allow.
        work: The folder of the search; None for one named by the data.
        licence: Of the data; empty if nobody said.
        command: What was typed.
        seed: Source of all chance.
    """

    wishes: Wishes
    tracking: TrackingConfig
    budget_seconds: float
    trials: int | None = None
    work: Path | None = None
    licence: str = ""
    command: str = "recsys auto"
    seed: int = 0

    def folder(self, fingerprint: str) -> Path:
        """Return where the search is kept."""
        return self.work or _WORK / fingerprint[:_FOLDER_CHARS]


def auto_files(
    paths: Sequence[Path],
    *,
    items: Sequence[Path] = (),
    names: Mapping[str, str],
    terms: Terms,
    watcher: Watcher | None = None,
) -> Found:
    """Search a configuration for files of training lines.

    Args:
        paths: Parquet, CSV or JSON-lines files.
        items: Files with `item_id` and what is known of each item; may be none.
        names: Canonical column name by the files' own.
        terms: The rest.
        watcher: Who is told how it goes.

    Raises:
        InvalidData: A file cannot be used, or there is too little to choose by.
    """
    lines = read_training(
        train=paths, items=items, names=names, rng=np.random.default_rng(terms.seed)
    )
    fingerprint = files_fingerprint([*paths, *items], names)
    return search_model(
        Task(
            lines=lines,
            source=describe_lines(
                lines,
                name=paths[0].stem if len(paths) == 1 else f"{paths[0].stem} and others",
                uri=", ".join(str(path.resolve()) for path in paths),
                fingerprint=fingerprint,
            ),
            wishes=msgspec.structs.replace(terms.wishes, published=True),
            tracking=terms.tracking,
            work=terms.folder(fingerprint),
            budget_seconds=terms.budget_seconds,
            trials=terms.trials,
            history_event_count_max=_HISTORY_EVENT_COUNT_MAX,
            licence=terms.licence,
            command=terms.command,
            seed=terms.seed,
        ),
        watcher=watcher,
    )


def auto_dataset(
    folder: Path,
    *,
    terms: Terms,
    bundle_store: BundleStore,
    now: dt.datetime,
    watcher: Watcher | None = None,
) -> tuple[Found, TrainResult]:
    """Search on what lies before the newest weeks, then train, measure on those, and publish.

    Args:
        folder: The dataset.
        terms: The rest.
        bundle_store: Where the bundle is published.
        now: The time of publishing, timezone-aware.
        watcher: Who is told how it goes.

    Raises:
        InvalidData: The dataset cannot be used, or there is too little to choose by.
    """
    dataset = Dataset.open(folder)
    events = read_events(dataset)
    if not len(events):
        raise InvalidData(path=str(folder), problem="no event has an item")
    lines = TrainingLines(events=split_events(events, SplitConfig()).before, order=Order.TIMES)
    fingerprint = dataset.info.fingerprint
    source = describe_lines(
        lines,
        name=Path(dataset.info.source).name or str(folder),
        uri=str(folder.resolve()),
        fingerprint=fingerprint,
    )
    found = search_model(
        Task(
            lines=lines,
            all_lines=events,
            source=source,
            wishes=terms.wishes,
            tracking=terms.tracking,
            work=terms.folder(fingerprint),
            budget_seconds=terms.budget_seconds,
            trials=terms.trials,
            trained=True,
            history_event_count_max=EvaluateConfig().history_event_count_max,
            licence=terms.licence,
            command=terms.command,
            seed=terms.seed,
        ),
        watcher=watcher,
    )
    result = train(
        dataset=dataset,
        config=found.config,
        tracking=terms.tracking,
        bundle_store=bundle_store,
        now=now,
        seed=terms.seed,
        parent=found.run_id,
    )
    tested = msgspec.structs.replace(found.conditions, tested=_tested(found, result))
    found = replace(found, conditions=tested)
    write_card(found, source, tested)
    _describe(found, result, tracking=terms.tracking)
    return found, result


def _tested(found: Found, result: TrainResult) -> tuple[str, ...]:
    """Say what was measured on the weeks that the search did not see."""
    primary = found.config.evaluate.primary
    lines = []
    for label, name in (
        ("newest weeks, unseen by the search", primary),
        ("the popular list there", f"popularity/{primary}"),
        ("gain over the popular list there, paired", "gain_over_popularity"),
    ):
        values = [result.metrics.get(f"{name}{end}") for end in ("", "_low", "_high")]
        if values[0] is not None:
            interval = "" if None in values else f" [{values[1]:.4f}, {values[2]:.4f}]"
            lines.append(f"{label} | {values[0]:.4f}{interval}")
    return tuple(lines)


def _describe(found: Found, result: TrainResult, *, tracking: TrackingConfig) -> None:
    from training.auto.diary import describe  # noqa: PLC0415 - mlflow takes seconds to import

    describe(
        tracking,
        model_version=result.model_version,
        run_ids=(found.run_id, result.run_id),
        card=found.card_file,
    )
