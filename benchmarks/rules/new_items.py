"""What new items cost: `Recommend` beside 0, 10,000 and 100,000 of them, in one process.

    python benchmarks/rules/new_items.py --items 200000 --factors 64

A model of decaying factors and a catalogue in memory that has all of its items; then new ones
are written. Vectors of new items come from a map with eight categories and fifty brands, as
strong as the model's own. Asked in turns without and with `new_share`, for the same sessions
of eight items; printed as medians and as ratios to none.
"""

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import machine
from run import decaying, item, make_model, sessions

from recsys.bundle import NewItemMap
from recsys.catalog import CatalogChanges, Item, KeyedItem, NoCatalog, feature_rows
from recsys.domain import ItemId
from recsys.events import NoHistories
from recsys.recommend import Recommender, RecommendQuery, ServingModel
from recsys.rules import NO_RULES, Rules

F32 = NDArray[np.float32]

AT_ONCE = 10_000


class Feed(NoCatalog):
    """A catalogue that grows by items and nothing else."""

    def __init__(self, known: Sequence[KeyedItem]) -> None:
        self.items = list(known)

    def last_seq(self) -> int:
        """As the port: each item is a change."""
        return len(self.items)

    def snapshot(self) -> Iterator[tuple[int, Sequence[KeyedItem]]]:
        """As the port."""
        for first in range(0, len(self.items), AT_ONCE):
            yield len(self.items), self.items[first : first + AT_ONCE]

    def changes(self, after: int, *, count_max: int) -> CatalogChanges | None:
        """As the port."""
        some = self.items[after : after + count_max]
        return CatalogChanges(after + len(some), some, [], stores_changed=False)

    def add(self, count: int) -> None:
        """Write new items."""
        first = len(self.items)
        self.items += [keyed(row) for row in range(first, first + count)]


def keyed(row: int) -> KeyedItem:
    """Name an item; those of the model come first."""
    return KeyedItem(row + 1, ItemId(f"i{row}"), item(row))


def map_of(factors: F32, rng: np.random.Generator) -> NewItemMap:
    """Let brands and categories point like some items of the model."""
    said = [
        Item(category_paths=item(row).category_paths, brand=item(row).brand) for row in range(400)
    ]
    hashes = np.unique(feature_rows([(ItemId(""), one) for one in said], now=0.0).hashes)
    weights = np.zeros((len(hashes) + 1, factors.shape[1] + 1), dtype=np.float32)
    weights[:, :-1] = factors[rng.integers(0, len(factors), len(weights))]
    return NewItemMap(features=hashes, weights=weights)


def medians(
    recommender: Recommender,
    model: ServingModel,
    queries: Mapping[str, Sequence[RecommendQuery]],
) -> dict[str, float]:
    """Return microseconds of each kind of question, asked in turns."""
    spent: dict[str, list[float]] = {name: [] for name in queries}
    now = time.time()
    for turn in zip(*queries.values(), strict=True):
        for name, query in zip(queries, turn, strict=True):
            began = time.perf_counter()
            recommender.recommend(model, query, now=now)
            spent[name].append(time.perf_counter() - began)
    return {name: 1e6 * statistics.median(some) for name, some in spent.items()}


def main() -> None:
    """Measure, and print what came of it as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, default=200_000)
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--queries", type=int, default=400)
    args = parser.parse_args()
    rng = np.random.default_rng(1)
    factors = decaying(rng, args.items, args.factors)
    asked = sessions(rng, args.items, args.queries)
    queries = {
        name: [RecommendQuery(recent_events=events, rules=rules) for events in asked]
        for name, rules in (("plain", NO_RULES), ("new_share 0.1", Rules(new_share=0.1)))
    }
    found: dict[str, object] = {"machine": machine.describe(), "items": args.items}
    with tempfile.TemporaryDirectory() as folder:
        bundle = make_model(Path(folder) / "bundle", factors).bundle
        model = ServingModel.from_bundle(replace(bundle, new_items=map_of(factors, rng)))
        feed = Feed([keyed(row) for row in range(args.items)])
        recommender = Recommender(histories=NoHistories(), catalog=feed)
        recommender.prepare(model, now=time.time())
        written = 0
        for count in (0, 10_000, 100_000):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            feed.add(count - written)
            began = time.perf_counter()
            recommender.prepare(model, now=time.time())
            seconds = time.perf_counter() - began
            row = {"seconds_to_take_in": seconds, **medians(recommender, model, queries)}
            row["mib_more"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            singles = []
            for _ in range(20):
                feed.add(1)
                began = time.perf_counter()
                recommender.prepare(model, now=time.time())
                singles.append(time.perf_counter() - began)
            row["ms_for_one_more"] = 1e3 * statistics.median(singles)
            written = count + 20
            found[f"{count} new"] = row
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
