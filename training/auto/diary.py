"""What a search leaves in MLflow: a run with plots and the card, a run below it for each trial."""

import datetime as dt
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

from training.auto.book import Tried
from training.auto.plan import Plan
from training.auto.plots import figures
from training.auto.source import Source
from training.auto.verdict import Verdict
from training.config import TrackingConfig
from training.tracking.client import connected
from training.tracking.registry import Registry
from training.tracking.report import log_dataset
from training.tracking.run import Point
from training.tracking.session import Session
from training.tracking.writer import RunWriter

_PAGE = 1_000
_TAG_TRIAL = "trial"


def log_begin(
    session: Session, *, source: Source, plan: Plan, seed: int, code: dict[str, str]
) -> None:
    """Log what goes in."""
    session.writer.log_inputs(
        {
            "hold_out": plan.hold_out.value,
            "protocol": plan.protocol,
            "metric": str(plan.metric),
            "seed": seed,
        },
        {
            "data_fingerprint": source.fingerprint,
            "kind": "auto",
            "why": " ".join(f"{reason}." for reason in plan.reasons),
            **code,
        },
    )
    log_dataset(
        session.writer,
        name=source.name,
        fingerprint=source.fingerprint,
        uri=source.uri,
        profile=msgspec.json.encode(source).decode(),
    )


def log_missing(session: Session, tried: Sequence[Tried], *, metric: str) -> None:
    """Log the trials of earlier calls that were killed before MLflow had them."""
    if not tried:
        return
    there = logged_trials(session)
    best = -math.inf
    for number, one in enumerate(tried, start=1):
        best = best if one.pruned else max(best, one.value)
        if one.name not in there:
            log_trial(session, one, number=number, best=best, metric=metric)


def log_trial(session: Session, tried: Tried, *, number: int, best: float, metric: str) -> None:
    """Log a trial as a run of its own, and the best so far."""
    client, parent = session.writer.client, session.writer
    ended = dt.datetime.now(dt.UTC)
    started = ended - dt.timedelta(seconds=tried.figures.seconds)
    run = client.create_run(
        parent.experiment_id,
        run_name=tried.name,
        start_time=int(started.timestamp() * 1000),
        tags={
            MLFLOW_PARENT_RUN_ID: parent.run_id,
            MLFLOW_RUN_NAME: tried.name,
            _TAG_TRIAL: tried.name,
            "shape": "+".join(tried.shape),
            "origin": tried.figures.origin,
            "pruned": str(tried.pruned).lower(),
        },
    )
    writer = RunWriter(client, experiment_id=parent.experiment_id, run_id=run.info.run_id)
    figures = tried.figures
    writer.log_inputs(dict(tried.params), {})
    name = metric.replace("@", "_at_")
    writer.log_points(
        [
            Point(name, tried.value),
            Point(f"{name}_low", figures.low),
            Point(f"{name}_high", figures.high),
            Point("seconds", figures.seconds),
            Point("cpu_seconds", figures.cpu_seconds),
            Point("user_microseconds", figures.user_microseconds),
            Point("model_bytes", float(figures.model_bytes)),
            Point("user_share", figures.share),
        ]
    )
    client.set_terminated(run.info.run_id, "FINISHED", int(ended.timestamp() * 1000))
    parent.log_points([Point("best_so_far", best, number), Point(name, tried.value, number)])


def logged_trials(session: Session) -> set[str]:
    """Return the names of the trials that have a run."""
    client, names, token = session.writer.client, set[str](), None
    while True:
        page = client.search_runs(
            [session.writer.experiment_id],
            filter_string=f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{session.run_id}'",
            max_results=_PAGE,
            page_token=token,
        )
        names |= {run.data.tags.get(_TAG_TRIAL, "") for run in page}
        token = page.token
        if not token:
            return names


def log_end(
    session: Session, *, verdict: Verdict, tried: Sequence[Tried], plan: Plan, files: Sequence[Path]
) -> None:
    """Log the choice, the plots and some files."""
    name = str(plan.metric).replace("@", "_at_")
    points = []
    for about, value in (
        ("tuned", verdict.tuned),
        ("checked", verdict.checked),
        ("popular", verdict.popular),
        ("gain_over_popular", verdict.gain_over_popular),
        ("gain_over_start", verdict.gain_over_start),
    ):
        points += [
            Point(f"{about}/{name}", value.mean),
            Point(f"{about}/{name}_low", value.low),
            Point(f"{about}/{name}_high", value.high),
        ]
    session.writer.log_points([*points, Point("trials", float(len(tried)))])
    session.writer.set_tags({"chosen": verdict.chosen.name})
    with tempfile.TemporaryDirectory(prefix="recsys-auto-") as scratch:
        for file, drawn in figures(tried, verdict.chosen, metric=str(plan.metric)):
            drawn.savefig(Path(scratch) / file)
        session.writer.log_files(Path(scratch), under="plots")
    for path in files:
        session.writer.client.log_artifact(session.run_id, str(path))


def describe(
    tracking: TrackingConfig, *, model_version: str, run_ids: Sequence[str], card: Path
) -> None:
    """Put the card beside a registered model and into its runs."""
    with connected(tracking.tracking_uri) as client:
        for run_id in run_ids:
            client.log_artifact(run_id, str(card))
        registry = Registry(client, tracking.model_name)
        client.update_model_version(
            registry.model_name,
            registry.find(model_version).number,
            description=card.read_text("utf-8"),
        )
