"""`recsys auto`: training data in, a tuned and blended model out."""

import datetime as dt
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console

from recsys.errors import InvalidConfig
from training.commands.answers import TrueOrFalse
from training.commands.names import parse_names

if TYPE_CHECKING:
    from training.auto.auto import Found

Parsed = TypeVar("Parsed")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("auto", rich_help_panel="Train")(auto_command)


def auto_command(
    *,
    data: Annotated[
        Path | None, typer.Option(help="A dataset: the folder that `recsys import` made.")
    ] = None,
    train: Annotated[
        list[Path] | None, typer.Option(help="Or training lines; repeat for several files.")
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Option("--map", help="old=new: name of a column in the files and ours."),
    ] = None,
    items: Annotated[
        list[Path] | None,
        typer.Option(help="What is known of items, with --train: item_id, texts and lists."),
    ] = None,
    budget: Annotated[float, typer.Option(min=1, help="Seconds, over all calls.")] = 600.0,
    trials: Annotated[
        int | None,
        typer.Option(min=1, help="Candidates to try, in the place of --budget."),
    ] = None,
    metric: Annotated[
        str | None, typer.Option(help="What to raise, such as recall@20 or mrr@10; else ndcg@20.")
    ] = None,
    hold_out: Annotated[
        str | None,
        typer.Option(help="temporal, last, next or random; else what the data are like."),
    ] = None,
    exclude_train: Annotated[
        TrueOrFalse | None,
        typer.Option(help="Whether items of a history may not be recommended; else inferred."),
    ] = None,
    exclude_event: Annotated[
        list[str] | None,
        typer.Option(help="Only items of such events are excluded; repeat for several."),
    ] = None,
    work: Annotated[
        Path | None, typer.Option(help="Folder of the search; a second call goes on there.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where the MODEL.toml goes too.")] = None,
    licence: Annotated[str, typer.Option(help="Licence of the data, for the model card.")] = "",
    bundle_store: Annotated[Path, typer.Option(help="Where bundles are published.")] = Path(
        "var/bundles"
    ),
    tracking_uri: Annotated[
        str, typer.Option(help="MLflow: sqlite:///path or http://host:port.")
    ] = "sqlite:///var/mlflow.db",
    experiment: Annotated[str, typer.Option(help="MLflow experiment.")] = "recsys",
    model_name: Annotated[str, typer.Option(help="Name in the model registry.")] = "recsys",
    promote: Annotated[
        bool, typer.Option(help="Make it the champion if it passes the gate.")
    ] = True,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Source of all chance.")] = 0,
) -> None:
    """Pick, tune and blend a model from training data alone, within a budget of seconds.

    With --data the model is then trained on everything, measured on the newest weeks, which
    the search does not see, published and registered. With --train there is a configuration
    for `recsys evaluate`. Interrupted, it goes on where it was.

    Examples:
      recsys auto --data var/shop --budget 900
      recsys auto --train train.parquet --map session=user_id --budget 300 --out model.toml
    """
    # Training libraries take seconds to import; `recsys --help` must not.
    from recsys.bundle import BundleStore  # noqa: PLC0415 - as said above
    from recsys.domain import EventType  # noqa: PLC0415 - as said above
    from training.auto.entry import Terms, auto_dataset, auto_files  # noqa: PLC0415 - as said above
    from training.auto.plan import HoldOut, Metric, Wishes  # noqa: PLC0415 - as said above
    from training.auto.watch import show_found, watching  # noqa: PLC0415 - as said above
    from training.config import TrackingConfig  # noqa: PLC0415 - as said above
    from training.show import show_result  # noqa: PLC0415 - as said above

    if (data is None) == (not train):
        raise InvalidConfig(source="--data, --train", problem="give one of them")
    if data is not None and items:
        raise InvalidConfig(
            source="--items", problem="--data holds the items; give it with --train"
        )
    renamed = parse_names(names or [])
    terms = Terms(
        wishes=Wishes(
            hold_out=None if hold_out is None else _read("--hold-out", HoldOut, hold_out),
            exclude_seen=None if exclude_train is None else exclude_train.is_true,
            excluded_types=None
            if exclude_event is None
            else tuple(_read("--exclude-event", EventType, name) for name in exclude_event),
            metric=None if metric is None else _read("--metric", Metric.parse, metric),
            sessions=any("session" in old and new == "user_id" for old, new in renamed.items()),
        ),
        tracking=TrackingConfig(
            tracking_uri=tracking_uri, experiment=experiment, model_name=model_name, promote=promote
        ),
        budget_seconds=budget,
        trials=trials,
        work=work,
        licence=licence,
        command=shlex.join(["recsys", *sys.argv[1:]]),
        seed=seed,
    )
    console = Console(highlight=False)
    if data is None:
        with watching(budget, trials=trials) as watcher:
            found = auto_files(
                train or [], items=items or [], names=renamed, terms=terms, watcher=watcher
            )
        show_found(console, found)
        flags = _flags(found, train or [], items or [], names or [])
        console.print(f"recsys evaluate {flags}", soft_wrap=True)
    else:
        with watching(budget, trials=trials) as watcher:
            found, result = auto_dataset(
                data,
                terms=terms,
                bundle_store=BundleStore(bundle_store),
                now=dt.datetime.now(dt.UTC),
                watcher=watcher,
            )
        show_found(console, found)
        show_result(console, result, found.config, promote=promote)
    if out is not None:
        out.write_text(found.model_file.read_text("utf-8"), "utf-8")


def _read(option: str, parse: Callable[[str], Parsed], text: str) -> Parsed:
    try:
        return parse(text)
    except ValueError as error:
        raise InvalidConfig(source=option, problem=str(error)) from error


def _flags(found: "Found", train: list[Path], items: list[Path], names: list[str]) -> str:
    """Return what `recsys evaluate` must be told to measure as the search did."""
    words = [word for path in train for word in ("--train", str(path))]
    words += [word for path in items for word in ("--items", str(path))]
    words += ["--test", "TEST"]
    words += [word for name in names for word in ("--map", name)]
    words += ["--config", str(found.model_file), "--k", str(found.plan.metric.k)]
    if found.plan.protocol == "any":
        words += ["--exclude-train", "false"]
    for kind in found.plan.excluded_types or ():
        words += ["--exclude-event", kind.value]
    return shlex.join(words)
