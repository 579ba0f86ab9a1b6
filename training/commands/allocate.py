"""`recsys allocate`: who gets which offers or items, within budgets, pieces and shares."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.commands.names import parse_names

if TYPE_CHECKING:
    from rich.console import Console

    from training.allocation import Allocation

MARKER = "prices.json"
ASSIGNED = "assigned.parquet"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("allocate", rich_help_panel="Campaigns")(allocate_command)


def allocate_command(
    files: Annotated[
        list[Path],
        typer.Argument(help="Parquet with user_id, offer_id or item_id, value and cost."),
    ],
    *,
    limits: Annotated[Path, typer.Option(help="TOML: slots, and [\\[limits]] of what is scarce.")],
    out: Annotated[Path, typer.Option(help="Folder to create or replace.")],
    names: Annotated[
        list[str] | None,
        typer.Option("--map", help="old=new: name of a column in the files and ours."),
    ] = None,
    greedy: Annotated[
        bool, typer.Option(help="Also assign in turn, as rule engines do, and say the gain.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Source of all chance.")] = 0,
) -> None:
    r"""Assign offers or items to people for the most value that budgets, pieces and shares allow.

    A line says what an offer is worth with a person, and what it is expected to cost: its
    cost times how likely she is to redeem it. Items work as well. Writes assigned.parquet,
    and prices.json: what each limit is worth at the margin, what each offer has to earn to be
    given, and how far the best possible could be away at most.

    Limits:
      slots = 1                      # offers or items for each person
      [\[limits]]
      name = "mugs"
      offers = ["mug"]               # or items = ["mug"]
      units = 40                     # or budget = 5000.0, or share_min and share_max

    Examples:
      recsys allocate values.parquet --limits limits.toml --out var/march
      recsys allocate values.parquet --limits limits.toml --out var/march --greedy
    """
    # Training libraries take seconds to import; `recsys --help` must not.
    import tempfile  # noqa: PLC0415 - as said above

    import numpy as np  # noqa: PLC0415 - as said above
    from rich.console import Console  # noqa: PLC0415 - as said above

    from training.allocation import Problem, allocate, allocate_in_turn  # noqa: PLC0415 - as above
    from training.allocation.limits_file import limits_of, read_limits  # noqa: PLC0415 - as above
    from training.allocation.pairs_file import read_pairs  # noqa: PLC0415 - as said above
    from training.allocation.results_file import (  # noqa: PLC0415 - as said above
        write_assigned,
        write_summary,
    )
    from training.commands.bars import step_bar  # noqa: PLC0415 - as said above
    from training.scratch import check_replaceable, finished_folder  # noqa: PLC0415 - as above

    file = read_limits(limits)
    check_replaceable(out, marker=MARKER)
    console = Console(stderr=True, highlight=False)
    with (
        finished_folder(out, marker=MARKER) as folder,
        tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{out.name}.arrays-") as arrays,
    ):
        pairs = read_pairs(files, names=parse_names(names or []), scratch=Path(arrays))
        problem = Problem(
            starts=pairs.starts,
            choices=pairs.choices,
            values=pairs.values,
            costs=pairs.costs,
            slots=np.full(len(pairs.user_ids), file.slots, dtype=np.int32),
            choice_count=len(pairs.choice_ids),
            limits=limits_of(
                file,
                choice_name=pairs.choice_name,
                choice_ids=pairs.choice_ids,
                person_count=len(pairs.user_ids),
                source=str(limits),
            ),
        )
        with step_bar(console) as show:
            found = allocate(problem, seed=seed, show=show)
        count = write_assigned(folder / ASSIGNED, pairs, found)
        write_summary(folder / MARKER, pairs, found)
        in_turn = allocate_in_turn(problem, seed=seed) if greedy else None
    _show(Console(highlight=False), found, in_turn)
    console.print(f"{count:,} assignments for {len(pairs.user_ids):,} people in {out}")
    unmet = [used.limit.name for used in found.used if not used.is_met]
    if unmet:
        names_text = ", ".join(unmet)
        console.print(f"[bold]not reached[/]: share_min of {names_text}; the rest is as asked")
        raise typer.Exit(1)


def _show(console: "Console", found: "Allocation", in_turn: "Allocation | None") -> None:
    from rich.table import Table  # noqa: PLC0415 - rich is slow to import

    table = Table("limit", "used", "of", "price", box=None)
    for used in found.used:
        low, high = used.limit.lower, used.limit.upper
        bounds = f"{low:g} to {high:g}" if low else f"{high:g}"
        table.add_row(used.limit.name, f"{used.amount:,.2f}", bounds, f"{used.price:.4g}")
    console.print(table)
    console.print(f"worth {found.value:,.2f}, at most {found.gap:.2%} below the best possible")
    if in_turn is not None and in_turn.value > 0:
        gain = found.value / in_turn.value - 1
        console.print(f"in turn: {in_turn.value:,.2f}; this is {gain:+.1%}")
