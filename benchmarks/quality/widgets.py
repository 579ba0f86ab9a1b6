"""What completes a basket, and what is bought again: the widgets against simpler lists.

    python benchmarks/quality/widgets.py DATA PRESET CUT [--validation]

DATA and PRESET as of `recsys import`. Everything is learned from events before CUT, such as
2011-09-01. Of each later basket of two known items or more, one item is hidden, and has to
be among ten suggestions for the others. Of each person's next basket, what she had bought before has to
be among ten of that. Lists are those of the server's own code. With --validation the events end
at CUT, and the last four weeks before it take the place of those after it.
"""

import argparse
import datetime as dt
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from recsys.bundle import open_bundle, write_bundle
from recsys.domain import SECONDS_PER_DAY, EventType, ItemEvent, ItemId
from recsys.events import History
from recsys.limits import HISTORY_EVENT_COUNT_MAX
from recsys.recommend import ServingModel
from recsys.recommend.again import buy_again
from recsys.sparse import expand_rows
from training.baskets import basket_links, baskets_of
from training.config import BasketsConfig, TrainConfig
from training.fit import fit_model, prepare
from training.ingest import import_events
from training.interactions import Events, read_events
from training.models import CooccurrenceConfig
from training.publish import bundle_contents
from training.rebuys import rebuys_of
from training.resample import bootstrap

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bundle_details import bundle_details

K = 10
SEED, DRAWS, CASE_COUNT_MAX = 0, 2_000, 3_000
VALIDATION_DAYS = 28.0

I32 = NDArray[np.int32]
F64 = NDArray[np.float64]
CaseT = TypeVar("CaseT")


class Cart(NamedTuple):
    """A basket with one item hidden."""

    given: I32
    hidden: int


class Return(NamedTuple):
    """Somebody who comes again.

    Attributes:
        history: What she did before, as the server reads it.
        rows: The items she bought, in the order of time, with repeats.
        times: Of each.
        now: When she comes.
        again: What she buys again.
    """

    history: History
    rows: I32
    times: F64
    now: float
    again: frozenset[int]


def served(events: Events, now: float) -> ServingModel:
    """Learn from events and make the bundle that a server would have."""
    config = TrainConfig(model=CooccurrenceConfig())
    prepared = prepare(events, config=config, features=config.features, now=now)
    model = fit_model(prepared, config=config, seed=SEED)
    rows, count = model.row_of_item(len(events.item_ids)), len(model.items)
    contents = bundle_contents(model, item_ids=events.item_ids)
    links = basket_links(events, row_of_item=rows, item_count=count, config=config.baskets)
    contents = replace(
        contents,
        basket_links=links,
        rebuys=rebuys_of(events, row_of_item=rows, item_count=count),
        details=bundle_details("widgets"),
    )
    folder = Path(tempfile.mkdtemp()) / "bundle"
    write_bundle(folder, contents)
    return ServingModel.from_bundle(open_bundle(folder))


def bought(events: Events) -> Events:
    """Return purchases alone."""
    return events.where(events.type_codes == EventType.PURCHASE_COMPLETE.code)


def carts(later: Events, row_of_item: I32, rng: np.random.Generator) -> list[Cart]:
    """Hide an item of each later basket."""
    baskets = baskets_of(bought(later), row_of_item=row_of_item, config=BasketsConfig())
    found = []
    for number in range(baskets.row_count):
        rows, _ = baskets.row(number)
        hidden = int(rng.integers(len(rows)))
        found.append(Cart(np.delete(rows, hidden), int(rows[hidden])))
    return drawn(found, rng)


def drawn(cases: list[CaseT], rng: np.random.Generator) -> list[CaseT]:
    """Return some of many cases."""
    if len(cases) <= CASE_COUNT_MAX:
        return cases
    return [cases[at] for at in rng.choice(len(cases), CASE_COUNT_MAX, replace=False)]


def returns(
    events: Events, cut: float, until: float, row_of_item: I32, rng: np.random.Generator
) -> list[Return]:
    """Find people who had bought before the cut, and what they buy again in their next basket."""
    lines = bought(events)
    rows = row_of_item[lines.items]
    lines, rows = lines.where(rows >= 0), rows[rows >= 0]
    order = np.lexsort((lines.times, lines.users))
    users, times, rows = lines.users[order], lines.times[order], rows[order]
    starts = np.flatnonzero(np.r_[True, users[1:] != users[:-1]])
    found = []
    for start, stop in zip(starts, np.r_[starts[1:], len(users)], strict=True):
        first = start + int(np.searchsorted(times[start:stop], cut))
        if first - start == 0 or first == stop or times[first] >= until:
            continue
        now = float(times[first])
        last = first + int(np.searchsorted(times[first:stop], now, side="right"))
        own = slice(max(start, first - HISTORY_EVENT_COUNT_MAX), first)
        again = frozenset(rows[first:last].tolist()) & frozenset(rows[own].tolist())
        if again:
            ids = [events.item_ids[item] for item in lines.items[order][own].tolist()]
            found.append(Return(_history(ids, times[own]), rows[own], times[own], now, again))
    return drawn(found, rng)


def _history(item_ids: list[str], times: F64) -> History:
    return History.from_events(
        ItemEvent(
            item_id=ItemId(item_id),
            event_type=EventType.PURCHASE_COMPLETE,
            channel=None,
            event_time=time,
        )
        for item_id, time in zip(item_ids, times.tolist(), strict=True)
    )


def cart_lists(model: ServingModel) -> dict[str, Callable[[Cart], I32]]:
    """Return each way to complete a cart."""
    popular, _ = model.popular.list("all")
    links = model.bundle.item_item
    assert links is not None, "the model has item-item rows"

    def most_popular(cart: Cart) -> I32:
        return popular[: K + len(cart.given)][~np.isin(popular[: K + len(cart.given)], cart.given)][
            :K
        ]

    def similar(cart: Cart) -> I32:
        scores = np.zeros(len(model.items))
        for row in cart.given.tolist():
            columns, values = links.row(row)
            scores[columns] += values
        scores[cart.given] = -np.inf
        return np.argsort(-scores, kind="stable")[:K].astype(np.int32)

    def complements(cart: Cart) -> I32:
        ranking = model.complements(cart.given, result_count=K, excluded=cart.given)
        rest = most_popular(Cart(np.concatenate([cart.given, ranking.rows]), cart.hidden))
        return np.concatenate([ranking.rows, rest])[:K]

    return {"popular": most_popular, "similar": similar, "CompleteBasket": complements}


def again_lists(model: ServingModel) -> dict[str, Callable[[Return], I32]]:
    """Return each way to rank what somebody has bought."""

    def by_frequency(one: Return) -> I32:
        rows, counts = np.unique(one.rows, return_counts=True)
        last = np.zeros(len(rows))
        np.maximum.at(last, np.searchsorted(rows, one.rows), one.times)
        return rows[np.lexsort((-last, -counts))][:K]

    def by_recency(one: Return) -> I32:
        rows, first = np.unique(one.rows[::-1], return_index=True)
        return rows[np.argsort(first, kind="stable")][:K]

    def due(one: Return) -> I32:
        return buy_again(model, one.history, cause=None, now=one.now).rows[:K]

    return {"frequency": by_frequency, "recency": by_recency, "BuyAgain": due}


def quality(shown: I32, wanted: frozenset[int]) -> tuple[float, float]:
    """Return recall and nDCG of one list."""
    hits = np.isin(shown, list(wanted))
    discounts = 1.0 / np.log2(np.arange(K) + 2.0)
    best = discounts[: min(K, len(wanted))]
    return hits.sum() / len(best), float((hits * discounts[: len(hits)]).sum() / best.sum())


def report(
    title: str,
    lists: dict[str, Callable[[CaseT], I32]],
    cases: Sequence[CaseT],
    wanted: Callable[[CaseT], frozenset[int]],
) -> Iterator[str]:
    """Compare the last way with each of the others, person by person."""
    yield f"{title}: {len(cases)} cases"
    values = {
        name: np.array([quality(ask(one), wanted(one)) for one in cases])
        for name, ask in lists.items()
    }
    *others, ours = lists
    for at, metric in enumerate((f"recall@{K}", f"nDCG@{K}")):
        columns = {name: found[:, at] for name, found in values.items()}
        columns |= {f"ours - {name}": columns[ours] - columns[name] for name in others}
        found = bootstrap(columns, count=DRAWS, rng=np.random.default_rng(SEED))
        for name, one in found.items():
            yield f"  {metric:10} {name:22} {one.mean:+.4f} [{one.low:+.4f}, {one.high:+.4f}]"


def main() -> None:
    """Import, learn, and measure both widgets."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("preset")
    parser.add_argument("cut", type=dt.date.fromisoformat)
    parser.add_argument("--validation", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        now = dt.datetime.now(dt.UTC)
        dataset = import_events(
            source=options.data, preset=options.preset, out=Path(folder) / "data", now=now
        )
        events = read_events(dataset)
    cut = dt.datetime.combine(options.cut, dt.time(), dt.UTC).timestamp()
    until = float(events.times.max()) + 1.0
    if options.validation:
        cut, until = cut - VALIDATION_DAYS * SECONDS_PER_DAY, cut
    before = events.where(events.times < cut)
    later = events.where((events.times >= cut) & (events.times < until))
    model = served(before, cut)
    rng = np.random.default_rng(SEED)
    row_of_item = np.full(len(events.item_ids), -1, dtype=np.int32)
    rows, positions = model.items.find(events.item_ids)
    row_of_item[positions] = rows
    print(f"{len(before)} lines before the cut, {len(model.items)} items")
    links = model.bundle.basket_links
    print(f"links: {0 if links is None else len(expand_rows(links.indptr))}")
    cart_cases = carts(later, row_of_item, rng)
    for line in report(
        "baskets", cart_lists(model), cart_cases, lambda one: frozenset({one.hidden})
    ):
        print(line)
    again_cases = returns(events, cut, until, row_of_item, rng)
    for line in report("again", again_lists(model), again_cases, lambda one: one.again):
        print(line)


if __name__ == "__main__":
    main()
