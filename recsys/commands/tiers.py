"""`recsys profile tier|tiers`: which loyalty tiers cards and accounts have."""

import json
import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from recsys.commands.arguments import read_identifiers
from recsys.commands.asking import TARGET_DEFAULT, Json, Target
from recsys.commands.row_files import Files, Maps, column_names_of, say_unused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recsys.profiles import TierOutcome

_SHOWN = 20


def tier(
    who: Annotated[
        str, typer.Argument(metavar="WHO", help="NAMESPACE=VALUE, such as loyalty_card=42.")
    ],
    name: Annotated[
        str, typer.Argument(metavar="TIER", help="Such as gold; '' for none any more.")
    ],
    *,
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """Say which loyalty tier a card or an account has; the next answer follows it.

    It counts for the whole person, on every channel: offers that ask for a tier find it.

    [b]Examples[/]

      recsys profile tier loyalty_card=42 gold
    """
    from recsys.profiles import Tier, TierStatement  # noqa: PLC0415 - keeps --help quick
    from recsys.serving.client import connect  # noqa: PLC0415 - as above

    (identifier,) = read_identifiers([who])
    with connect(target) as client:
        counts = client.profiles.set_tiers([TierStatement(identifier, Tier(name, time.time()))])
    _report(counts, [], 0, as_json=as_json_)


def tiers(
    files: Files,
    *,
    column_names: Maps = None,
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """Send files of loyalty tiers: an identifier, tier and, if it is known, tier_time.

    The identifier is in a column user_id, loyalty_card, pos_customer, email_sha256 or
    phone_sha256, or as NAMESPACE=VALUE in the column identifier. An empty tier means none
    any more. Of each identifier the latest counts; sending a file again changes nothing.

    [b]Examples[/]

      recsys profile tiers gold-members.csv --map card_number=loyalty_card --map status=tier
    """
    from recsys.catalog import renamed  # noqa: PLC0415 - keeps --help quick
    from recsys.commands.event_bars import Bars  # noqa: PLC0415 - as above
    from recsys.commands.event_files import read_rows  # noqa: PLC0415 - as above
    from recsys.profiles.tier_rows import TIER_COLUMNS, tiers_of  # noqa: PLC0415 - as above
    from recsys.row_values import noting  # noqa: PLC0415 - as above
    from recsys.serving.client import connect  # noqa: PLC0415 - as above

    names = column_names_of(column_names)
    wrong: list[str] = []
    wrong_count = 0
    unused: set[str] = set()

    def leave_out(why: str) -> None:
        nonlocal wrong_count
        wrong_count += 1
        if len(wrong) < _SHOWN:
            wrong.append(why)

    now = time.time()
    with Bars(Console(stderr=True), things="tiers") as bars, connect(target) as client:
        counts = client.profiles.set_tiers(
            statement
            for path in files
            for statement in tiers_of(
                noting(renamed(bars.read(read_rows(path), path), names), TIER_COLUMNS, unused),
                source=str(path),
                now=now,
                on_wrong=leave_out,
            )
        )
    say_unused(unused)
    _report(counts, wrong, wrong_count, as_json=as_json_)


def _report(
    counts: "Mapping[TierOutcome, int]", wrong: list[str], wrong_count: int, *, as_json: bool
) -> None:
    from recsys.profiles import TierOutcome  # noqa: PLC0415 - keeps --help quick

    found = {one.value: counts.get(one, 0) for one in TierOutcome}
    if as_json:
        typer.echo(json.dumps({**found, "wrong": wrong_count, "problems": wrong}))
    else:
        said = [f"{count:,} {word}" for word, count in found.items() if count]
        said += [f"{wrong_count:,} rows left out"] if wrong_count else []
        typer.echo(", ".join(said) or "nothing to write")
        for why in wrong:
            typer.echo(f"  {why}")
        if wrong_count > len(wrong):
            typer.echo(f"  and {wrong_count - len(wrong):,} more")
    if wrong_count or counts.get(TierOutcome.DEVICE) or counts.get(TierOutcome.ERASED):
        raise typer.Exit(1)
