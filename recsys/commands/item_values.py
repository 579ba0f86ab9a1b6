"""`recsys catalog values`: what the best items of each person are worth, and how many pieces there are."""

import contextlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from recsys import limits
from recsys.catalog import STORE_ONLINE
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
from recsys.errors import ItemNotFound
from recsys.files import finished_file

if TYPE_CHECKING:
    from recsys.commands.export_rows import PartWriter, Row
    from recsys.serving.client_catalog import CatalogClient
    from recsys.v1 import campaign_pb2, result_pb2
    from recsys.v1.campaign_service_pb2 import RecommendBatchResponse

POPULAR_SHARE: Final = 0.1
"""How much what is not hers counts beside what is, as with offers."""

_THREADS: Final = 8


class ItemFacts(NamedTuple):
    """What the catalogue says of an item.

    Attributes:
        margin: What a piece earns; None where it is not known.
        currency: Of the margin; empty where it is not known.
        pieces: How many there are; None where nobody has counted.
    """

    margin: float | None = None
    currency: str = ""
    pieces: int | None = None


@dataclass(slots=True)
class Tally:
    """What was found.

    Attributes:
        considered: People who were looked at.
        people: Those with an item that is worth something.
        nameless: People without an account, whom an allocation cannot name.
        wanting: To how many people each item could go.
        marginless: Items of which no margin is known.
        currencies: Of the margins.
    """

    considered: int = 0
    people: int = 0
    nameless: int = 0
    wanting: Counter[str] = field(default_factory=Counter)
    marginless: set[str] = field(default_factory=set)
    currencies: set[str] = field(default_factory=set)


def values(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the files.")],
    *,
    channel: OnChannel = Channel.EMAIL,
    placement: Placement = "",
    store: Store = "",
    segment: ToSegment = "",
    people: ToPeople = "",
    count: Annotated[
        int,
        typer.Option(
            "--count",
            "-k",
            min=1,
            max=limits.RESULT_COUNT_MAX,
            help="Best items of each person to choose from.",
        ),
    ] = 50,
    slots: Annotated[int, typer.Option(min=1, max=100, help="Items for each person.")] = 4,
    margin: Annotated[
        float, typer.Option(min=0.0, help="What a piece earns of which no margin is known.")
    ] = 1.0,
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """Write what items are worth with whom, for recsys allocate.

    A line for each person who may be messaged and each of her best items: its share of her
    scores times its margin. Beside it, limits.toml with the pieces of items of which there
    are fewer than people who could get them: in the store, or in the web shop.

    [b]Examples[/]

      recsys catalog values --out var/items --channel email --segment at-risk --slots 4
      recsys allocate var/items/values.parquet --limits var/items/limits.toml --out var/april
      recsys export --out april --count 4 --items var/april/assigned.parquet
    """  # fmt: skip
    from recsys.commands.export_rows import RowKind, values_writer  # noqa: PLC0415 - quick --help
    from recsys.profiles import place_of  # noqa: PLC0415 - as above
    from recsys.serving.client import connect  # noqa: PLC0415 - as above
    from recsys.v1.campaign_pb2 import Batch  # noqa: PLC0415 - as above

    batch = Batch(
        placement=placement, channel=f"CHANNEL_{channel.name}" if channel else None,
        store_id=store, page_size=count,
    )  # fmt: skip
    put_people(batch, segment=segment, people=people)
    batch.destination = place_of(out)
    out.mkdir(parents=True, exist_ok=True)
    tally = Tally()
    with finished_file(out / VALUES_NAME) as unfinished:
        with (
            connect(target) as client,
            ThreadPoolExecutor(_THREADS) as pool,
            contextlib.closing(values_writer(unfinished, RowKind.ITEM_VALUES)) as writer,
        ):
            known = KnownItems(client.catalog, pool, store or STORE_ONLINE)
            _write(writer, client.campaigns.batch(batch), known, tally, margin=margin)
        if not tally.wanting:
            raise NothingToAllocate(things="items", considered=tally.considered)
        if len(tally.currencies) > 1:
            raise MixedCurrencies(things="items", currencies=sorted(tally.currencies))
        scarce = list(_scarce(tally.wanting, known))
        text = limits_text(scarce, things="items", slots=slots)
        (out / LIMITS_NAME).write_text(text, "utf-8")
    facts = {
        "considered": tally.considered, "people": tally.people, "pairs": tally.wanting.total(),
        "items": len(tally.wanting), "scarce": len(scarce),
        "without_margin": len(tally.marginless), "without_account": tally.nameless,
    }  # fmt: skip
    typer.echo(json.dumps(facts) if as_json_ else _said(facts, out))


class KnownItems:
    """What the catalogue says of items: each asked once."""

    def __init__(self, catalog: "CatalogClient", pool: ThreadPoolExecutor, store: str) -> None:
        """Ask nothing yet.

        Args:
            catalog: Knows them.
            pool: Asks of several at a time.
            store: Whose pieces count.
        """
        self._catalog = catalog
        self._pool = pool
        self._store = store
        self._facts: dict[str, ItemFacts] = {}

    def of(self, item_ids: Iterable[str]) -> Mapping[str, ItemFacts]:
        """Return what is known of these items, among others; raises CallFailed."""
        missing = [one for one in dict.fromkeys(item_ids) if one not in self._facts]
        self._facts.update(zip(missing, self._pool.map(self._ask, missing), strict=True))
        return self._facts

    def _ask(self, item_id: str) -> ItemFacts:
        from recsys.serving.client_errors import CallRefused  # noqa: PLC0415 - quick --help

        try:
            item = self._catalog.item(item_id, with_margin=True)
            levels = self._catalog.inventory(item_id)
        except CallRefused as error:
            if error.server_reason != ItemNotFound.reason:
                raise
            # The model knows more than the catalogue.
            return ItemFacts()
        pieces = (each.quantity for each in levels if each.store_id == self._store)
        counted = next(pieces, None)
        return ItemFacts(
            margin=item.margin if item.HasField("margin") else None,
            currency=item.prices[-1].amount.currency_code if item.prices else "",
            pieces=None if counted is None else math.floor(counted),
        )


def shares(results: "Sequence[result_pb2.Result]") -> list[float]:
    """Return how much each result is of what somebody wants.

    Her own items count by their scores, which are comparable within her answer: their parts of the
    sum. Where a score is not positive, by their places as in a discounted cumulative gain. What is
    popular with others counts a tenth, so that nobody of whom nothing is known gets what is scarce
    before those who like it.
    """
    from recsys.v1 import result_pb2  # noqa: PLC0415 - quick --help

    if not results:
        return []
    parts = [one.score for one in results]
    hers = [one.reason.kind == result_pb2.REASON_KIND_PERSONAL for one in results]
    if min(parts) <= 0 or len({one.reason.kind for one in results}) > 1:
        parts = [1.0 / math.log2(2.0 + place) for place in range(len(results))]
    total = math.fsum(parts)
    return [
        part / total * (1.0 if own else POPULAR_SHARE)
        for part, own in zip(parts, hers, strict=True)
    ]


def _write(
    writer: "PartWriter",
    responses: "Iterable[RecommendBatchResponse]",
    known: KnownItems,
    tally: Tally,
    *,
    margin: float,
) -> None:
    for response in responses:
        tally.considered = response.considered_count
        facts = known.of(each.item_id for one in response.people for each in one.results)
        rows = [
            row for one in response.people for row in _rows(one, facts, tally, margin=margin)
        ]  # fmt: skip
        if rows:
            writer.write(rows)


def _rows(
    one: "campaign_pb2.BatchPerson", facts: Mapping[str, ItemFacts], tally: Tally, *, margin: float
) -> "Iterator[Row]":
    """Yield what her items are worth with somebody, but for those worth nothing, or sold out."""
    account = account_of(one)
    if not account:
        tally.nameless += bool(one.results)
        return
    found = False
    for each, share in zip(one.results, shares(one.results), strict=True):
        said = facts[each.item_id]
        value = share * (margin if said.margin is None else said.margin)
        if value <= 0 or (said.pieces is not None and said.pieces <= 0):
            continue
        found = True
        tally.wanting[each.item_id] += 1
        if said.margin is None:
            tally.marginless.add(each.item_id)
        else:
            tally.currencies.add(said.currency)
        yield {"user_id": account, "item_id": each.item_id, "value": value, "cost": 0.0}
    tally.people += found


def _scarce(wanting: Mapping[str, int], known: KnownItems) -> Iterator[Scarce]:
    facts = known.of(wanting)
    for item_id, count in wanting.items():
        pieces = facts[item_id].pieces
        if pieces is not None and pieces < count:
            yield Scarce(item_id, "units", pieces)


def _said(facts: Mapping[str, int], out: Path) -> str:
    also = "".join(
        f", {facts[key]:,} {words}"
        for key, words in (
            ("scarce", "of them scarce"), ("without_margin", "without a margin"),
        )
        if facts[key]
    )  # fmt: skip
    nameless = (
        f", {facts['without_account']:,} without an account" if facts["without_account"] else ""
    )
    return (
        f"{facts['pairs']:,} pairs of {facts['people']:,} people and {facts['items']:,} items{also}"
        f" in {out} ({facts['considered']:,} people looked at{nameless})"
    )
