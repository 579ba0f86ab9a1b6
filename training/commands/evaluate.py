"""`recsys evaluate`: one configuration on somebody else's split."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from recsys.errors import InvalidConfig


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate", rich_help_panel="Train")(evaluate_command)


def evaluate_command(
    *,
    train: Annotated[list[Path], typer.Option(help="Training lines; repeat for several files.")],
    test: Annotated[list[Path], typer.Option(help="What should be found; repeat for several.")],
    items: Annotated[
        list[Path] | None,
        typer.Option(
            help="What is known of items: item_id and texts or lists; repeat for several."
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings in TOML; without it the defaults.")
    ] = None,
    k: Annotated[str, typer.Option(help="List lengths, ascending, such as 10,20,50.")] = "10,20,50",
    exclude_train: Annotated[
        bool, typer.Option(help="Whether items of a user's history may not be recommended.")
    ] = True,
    exclude_event: Annotated[
        list[str] | None,
        typer.Option(help="Only items of such training events are excluded; repeat for several."),
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Option("--map", help="old=new: name of a column in the files and ours."),
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Where to write every figure.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Source of all chance.")] = 0,
) -> None:
    """Measure a model on a published split, ranked in full by the serving kernel.

    Files are Parquet, CSV or JSON lines with user_id, item_id and, where known, event_type,
    event_time or position, channel. Test files hold user_id and item_id, or context (a list
    of items) and target.

    Examples:
      recsys evaluate --train train.parquet --test test.parquet --config model.toml
      recsys evaluate --train a.csv --test b.csv --map session=user_id --k 20 --json out.json
    """
    # Training libraries take seconds to import; `recsys --help` must not.
    import numpy as np  # noqa: PLC0415 - as said above

    from recsys.domain import EventType  # noqa: PLC0415 - as said above
    from training.benchmark import measure  # noqa: PLC0415 - as said above
    from training.config import load_config  # noqa: PLC0415 - as said above
    from training.published import read_split  # noqa: PLC0415 - as said above

    settings = load_config(config)
    try:
        lengths = tuple(int(part) for part in k.split(","))
        excluded = frozenset(EventType(name) for name in exclude_event or ())
    except ValueError as error:
        raise InvalidConfig(source="--k or --exclude-event", problem=str(error)) from error
    if not lengths or list(lengths) != sorted(set(lengths)) or lengths[0] < 1:
        raise InvalidConfig(source="--k", problem=f"is {k}; it must be positive and ascending")
    split = read_split(
        train=train,
        test=test,
        items=items or (),
        names=_names(names or []),
        history_event_count_max=settings.evaluate.history_event_count_max,
        rng=np.random.default_rng(seed),
    )
    if split.leaked_count:
        typer.echo(
            f"warning: {split.leaked_count} of {split.pair_count} test pairs are in the training "
            "lines too; repeats are fair, leaks are not",
            err=True,
        )
    measured = measure(
        split,
        settings,
        k=lengths,
        excluded_types=(frozenset(excluded) or None) if exclude_train else frozenset(),
        seed=seed,
    )
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(measured)) + b"\n")
    for name in sorted(measured.low):
        typer.echo(
            f"{name:18} {measured.metrics[name]:.4f}  [{measured.low[name]:.4f}, "
            f"{measured.high[name]:.4f}]   popular list {measured.popularity[name]:.4f}"
        )
    typer.echo(
        f"{measured.user_count} users or sessions, {measured.item_count} items; fit "
        f"{measured.fit_seconds:.1f} s ({measured.fit_processor_seconds:.1f} s of processors), rank {measured.rank_seconds:.1f} s, "
        f"{measured.model_bytes / 2**20:.0f} MiB"
    )


def _names(pairs: list[str]) -> dict[str, str]:
    names = {}
    for pair in pairs:
        old, equals, new = pair.partition("=")
        if not equals or not old or not new:
            raise InvalidConfig(source="--map", problem=f"is {pair!r}; write old=new")
        names[old] = new
    return names
