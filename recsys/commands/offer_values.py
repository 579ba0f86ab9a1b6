"""`recsys offers values`: what each live offer is worth with whom, and what is left of it."""

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from recsys.commands.asking import TARGET_DEFAULT, Json, OnChannel, Placement, Store, Target
from recsys.commands.value_files import (
    LIMITS_NAME,
    VALUES_NAME,
    MixedCurrencies,
    NothingToAllocate,
    Scarce,
    account_of,
    limits_text,
)
from recsys.commands.whom import ToPeople, ToSegment, put_people
from recsys.domain import Channel
from recsys.files import finished_file

if TYPE_CHECKING:
    from recsys.commands.export_rows import PartWriter, Row
    from recsys.serving.client import Client
    from recsys.v1 import campaign_pb2, event_pb2, offer_pb2
    from recsys.v1.campaign_service_pb2 import RecommendBatchResponse

_NANOS: Final = 1e9
_MICROS: Final = 1e6


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of an offer; None for no bound.

    Attributes:
        budget: In units of its currency.
        units: Uses.
    """

    budget: float | None = None
    units: int | None = None

    @property
    def is_anything(self) -> bool:
        """Whether it may still be used."""
        return (self.budget is None or self.budget > 0) and (self.units is None or self.units > 0)


@dataclass(slots=True)
class Tally:
    """What was found.

    Attributes:
        considered: People who were looked at.
        people: Those with an offer that is worth something.
        pairs: People and offers.
        nameless: People without an account, whom an allocation cannot name.
        offer_ids: The offers, in the order in which they were met.
    """

    considered: int = 0
    people: int = 0
    pairs: int = 0
    nameless: int = 0
    offer_ids: dict[str, None] = field(default_factory=dict)


def values(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the files.")],
    *,
    channel: OnChannel = Channel.EMAIL,
    placement: Placement = "",
    store: Store = "",
    segment: ToSegment = "",
    people: ToPeople = "",
    slots: Annotated[int, typer.Option(min=1, max=100, help="Offers for each person.")] = 1,
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """Write what live offers are worth with whom, for recsys allocate.

    A line for each person who may be messaged and each offer that she may have: how likely
    she uses it times what that earns, and times what it costs. Beside it, limits.toml with
    what is left of budgets and pieces.

    [b]Examples[/]

      recsys offers values --out var/values --channel email --segment at-risk
      recsys allocate var/values/values.parquet --limits var/values/limits.toml --out var/march
    """
    from recsys.commands.export_rows import RowKind, values_writer  # noqa: PLC0415 - quick --help
    from recsys.profiles import place_of  # noqa: PLC0415 - as above
    from recsys.serving.client import connect  # noqa: PLC0415 - as above
    from recsys.v1.campaign_pb2 import Batch  # noqa: PLC0415 - as above

    batch = Batch(
        placement=placement, channel=f"CHANNEL_{channel.name}" if channel else None,
        store_id=store, page_size=1, offers={"alone": True},
    )  # fmt: skip
    put_people(batch, segment=segment, people=people)
    batch.destination = place_of(out)
    out.mkdir(parents=True, exist_ok=True)
    tally = Tally()
    with finished_file(out / VALUES_NAME) as unfinished:
        with connect(target) as client:
            offers = {one.offer_id: one for one in client.offers.all()}
            left = {name: _left(client, one) for name, one in offers.items()}
            with contextlib.closing(values_writer(unfinished, RowKind.OFFER_VALUES)) as writer:
                _write(writer, client.campaigns.batch(batch), left, tally)
        found = {name: offers[name] for name in tally.offer_ids if name in offers}
        currencies = sorted({one.currency_code for one in found.values()})
        if not currencies:
            raise NothingToAllocate(things="offers", considered=tally.considered)
        if len(currencies) > 1:
            raise MixedCurrencies(things="offers", currencies=currencies)
        text = limits_text(_scarce(left, found), things="offers", slots=slots)
        (out / LIMITS_NAME).write_text(text, "utf-8")
    facts = {
        "considered": tally.considered, "people": tally.people, "pairs": tally.pairs,
        "offers": len(found), "without_account": tally.nameless,
    }  # fmt: skip
    typer.echo(json.dumps(facts) if as_json_ else _said(facts, out))


def _write(
    writer: "PartWriter",
    responses: "Iterable[RecommendBatchResponse]",
    left: Mapping[str, Left],
    tally: Tally,
) -> None:
    for response in responses:
        tally.considered = response.considered_count
        rows = [row for one in response.people for row in _rows(one, left, tally)]
        if rows:
            tally.pairs += len(rows)
            writer.write(rows)


def _rows(
    one: "campaign_pb2.BatchPerson", left: Mapping[str, Left], tally: Tally
) -> "Iterator[Row]":
    """Yield what offers are worth with somebody, but for those worth nothing."""
    # What was written since the offers were listed has a bound that is not known.
    offers = [
        each
        for each in one.offers
        if each.expected_value > 0 and each.offer_id in left and left[each.offer_id].is_anything
    ]
    account = account_of(one)
    if not account:
        tally.nameless += bool(offers)
        return
    tally.people += bool(offers)
    for each in offers:
        tally.offer_ids[each.offer_id] = None
        yield {
            "user_id": account,
            "offer_id": each.offer_id,
            "value": each.expected_value,
            "cost": each.expected_cost,
        }


def _left(client: "Client", offer: "offer_pb2.Offer") -> Left:
    has_budget, has_units = offer.HasField("budget"), offer.HasField("unit_count")
    if not (has_budget or has_units):
        return Left()
    spend = client.offers.get(offer.offer_id).spend
    used = _amount(spend.reserved_cost) + _amount(spend.committed_cost)
    return Left(
        budget=round(_amount(offer.budget) - used, 6) if has_budget else None,
        units=offer.unit_count - spend.reserved_count - spend.committed_count
        if has_units
        else None,
    )


def _amount(money: "event_pb2.Money") -> float:
    return money.units + round(money.nanos / _NANOS * _MICROS) / _MICROS


def _scarce(left: Mapping[str, Left], names: Iterable[str]) -> Iterator[Scarce]:
    for name in names:
        for key, amount in (("budget", left[name].budget), ("units", left[name].units)):
            if amount is not None:
                yield Scarce(name, key, amount)


def _said(facts: Mapping[str, int], out: Path) -> str:
    nameless = (
        f", {facts['without_account']:,} without an account" if facts["without_account"] else ""
    )
    return (
        f"{facts['pairs']:,} pairs of {facts['people']:,} people and {facts['offers']:,} offers"
        f" in {out} ({facts['considered']:,} people looked at{nameless})"
    )
