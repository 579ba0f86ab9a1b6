"""`recsys evaluate`: configurations measured on a dataset, or on somebody else's split."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.errors import InvalidConfig
from training.commands.answers import TrueOrFalse
from training.commands.names import parse_names

if TYPE_CHECKING:
    from recsys.domain import EventType
    from training.config import TrainConfig
    from training.cuts import MeasuredCut
    from training.stored import Contestant

_K_DEFAULT = "10,20,50"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate", rich_help_panel="Train")(evaluate_command)


def evaluate_command(
    *,
    data: Annotated[
        Path | None, typer.Option(help="A dataset of `recsys import`, cut by time.")
    ] = None,
    cuts: Annotated[
        int, typer.Option(min=1, max=20, help="With --data: how many cuts, one period apart.")
    ] = 3,
    train: Annotated[
        list[Path] | None, typer.Option(help="Training lines; repeat for several files.")
    ] = None,
    test: Annotated[
        list[Path] | None, typer.Option(help="What should be found; repeat for several.")
    ] = None,
    items: Annotated[
        list[Path] | None,
        typer.Option(
            help="The catalogue: item_id and any of title, category, price, image_url, sellable."
        ),
    ] = None,
    config: Annotated[
        list[Path] | None,
        typer.Option(help="Settings in TOML; without it the defaults. Repeat to compare."),
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="An earlier --json file to compare the first model with.")
    ] = None,
    k: Annotated[
        str | None,
        typer.Option(help=f"List lengths, ascending; {_K_DEFAULT}, or the settings' with --data."),
    ] = None,
    exclude_train: Annotated[
        TrueOrFalse,
        typer.Option(help="Whether items of a user's history may not be recommended."),
    ] = TrueOrFalse.TRUE,
    exclude_event: Annotated[
        list[str] | None,
        typer.Option(help="Only items of such training events are excluded; repeat for several."),
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Option("--map", help="old=new: name of a column in the files and ours."),
    ] = None,
    negatives: Annotated[
        int | None, typer.Option(help="Refused: metrics over sampled items mislead.", min=1)
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option(help="Where to write every figure; single values go beside it."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Source of all chance.")] = 0,
) -> None:
    """Measure models, ranked in full by the serving kernel, with intervals and paired tests.

    With --data: cut by time, fit on what is before each cut, find what was bought after it.
    With --train and --test: a published split. Files are Parquet, CSV or JSON lines with
    user_id, item_id and, where known, event_type, event_time or position, channel, store_id.
    Test files hold user_id and item_id, or context (a list of items) and target.

    Examples:
      recsys evaluate --data var/shop --config model.toml
      recsys evaluate --data var/shop --config old.toml --config new.toml
      recsys evaluate --train train.parquet --test test.parquet --items items.csv
      recsys evaluate --train a.csv --test b.csv --map session=user_id --k 20 --json out.json
    """
    # Training libraries take seconds to import; `recsys --help` must not.
    from rich.console import Console  # noqa: PLC0415 - as said above

    from training.config import load_config  # noqa: PLC0415 - as said above
    from training.published import SAMPLED_PROBLEM  # noqa: PLC0415 - as said above
    from training.show_evaluation import show_all  # noqa: PLC0415 - as said above
    from training.stored import read_stored, write_stored  # noqa: PLC0415 - as said above

    if negatives is not None:
        raise InvalidConfig(source="--negatives", problem=f"is refused: {SAMPLED_PROBLEM}")
    if (data is None) == (train is None and test is None):
        raise InvalidConfig(
            source="--data", problem="or --train and --test say what to measure on; give one"
        )
    columns = parse_names(names or [])
    paths = config or []
    settings = {_name(path, paths): load_config(path) for path in paths}
    settings = settings or {"defaults": load_config(None)}
    earlier = None if against is None else read_stored(against)
    if data is not None:
        found = _on_dataset(data, settings, cuts=cuts, k=k, items=items, columns=columns, seed=seed)
    elif train and test:
        found = _on_split(
            (train, test),
            settings,
            k=_lengths(k or _K_DEFAULT),
            excluded=_excluded(exclude_event or []) if exclude_train.is_true else frozenset(),
            items=items,
            columns=columns,
            seed=seed,
        )
    else:
        raise InvalidConfig(source="--train", problem="and --test belong together; one is missing")
    if json is not None:
        for one in found:
            extra = "" if len(found) == 1 else f"-{Path(one.stored.name).name}"
            write_stored(json.with_name(f"{json.stem}{extra}{json.suffix}"), one)
    console = Console(highlight=False)
    show_all(console, found, earlier=earlier)


def _on_dataset(
    folder: Path,
    settings: "dict[str, TrainConfig]",
    *,
    cuts: int,
    k: str | None,
    items: list[Path] | None,
    columns: dict[str, str],
    seed: int,
) -> "list[Contestant]":
    from rich.console import Console  # noqa: PLC0415 - as said above

    from training.catalog import Catalog, read_items  # noqa: PLC0415 - as said above
    from training.cuts import measure_cuts  # noqa: PLC0415 - as said above
    from training.dataset import Dataset  # noqa: PLC0415 - as said above
    from training.interactions import read_events  # noqa: PLC0415 - as said above

    dataset = Dataset.open(folder)
    events = read_events(dataset)
    catalog = Catalog.of_frame(
        dataset.items() if items is None else read_items(items, columns),
        item_ids=events.item_ids,
    )
    console = Console(stderr=True, highlight=False)

    def told(cut: "MeasuredCut") -> None:
        seconds = f"fit {cut.fit_seconds:.1f} s, evaluate {cut.evaluate_seconds:.1f} s"
        console.print(f"[dim]{cut.name}: {seconds}[/]")

    return [
        measure_cuts(
            events,
            config if k is None else _with_lengths(config, _lengths(k)),
            count=cuts,
            name=name,
            fingerprint=dataset.info.fingerprint,
            seed=seed,
            catalog=catalog,
            told=told,
        )
        for name, config in settings.items()
    ]


def _with_lengths(config: "TrainConfig", k: tuple[int, ...]) -> "TrainConfig":
    from msgspec.structs import replace  # noqa: PLC0415 - as said above

    evaluate = config.evaluate
    primary_k = evaluate.primary_k if evaluate.primary_k in k else k[-1]
    return replace(config, evaluate=replace(evaluate, k=k, primary_k=primary_k))


def _on_split(
    files: tuple[list[Path], list[Path]],
    settings: "dict[str, TrainConfig]",
    *,
    k: tuple[int, ...],
    excluded: "frozenset[EventType] | None",
    items: list[Path] | None,
    columns: dict[str, str],
    seed: int,
) -> "list[Contestant]":
    import numpy as np  # noqa: PLC0415 - as said above

    from training.benchmark import measure_split  # noqa: PLC0415 - as said above
    from training.catalog import Catalog, read_items  # noqa: PLC0415 - as said above
    from training.published import read_split  # noqa: PLC0415 - as said above

    found = []
    for name, config in settings.items():
        split = read_split(
            train=files[0],
            test=files[1],
            items=items or (),
            names=columns,
            history_event_count_max=config.evaluate.history_event_count_max,
            rng=np.random.default_rng(seed),
            store_count_max=config.evaluate.store_count_max,
        )
        catalog = None
        if items is not None:
            catalog = Catalog.of_frame(read_items(items, columns), item_ids=split.train.item_ids)
        found.append(
            measure_split(
                split, config, name=name, k=k, excluded_types=excluded, seed=seed, catalog=catalog
            )
        )
    return found


def _name(path: Path, paths: list[Path]) -> str:
    """Name a configuration by its file; by the whole path where names repeat."""
    alike = [other for other in paths if other.stem == path.stem]
    return path.stem if len(alike) == 1 else str(path)


def _lengths(text: str) -> tuple[int, ...]:
    try:
        lengths = tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise InvalidConfig(source="--k", problem=str(error)) from error
    if not lengths or list(lengths) != sorted(set(lengths)) or lengths[0] < 1:
        raise InvalidConfig(source="--k", problem=f"is {text}; it must be positive and ascending")
    return lengths


def _excluded(event_types: list[str]) -> "frozenset[EventType] | None":
    from recsys.domain import EventType  # noqa: PLC0415 - as said above

    try:
        return frozenset(EventType(name) for name in event_types) or None
    except ValueError as error:
        raise InvalidConfig(source="--exclude-event", problem=str(error)) from error
