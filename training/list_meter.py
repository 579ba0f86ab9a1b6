"""Measuring lists of one kind after another, and keeping what each person got."""

import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from recsys.sparse import CsrMatrix
from training import beyond
from training.catalog import Catalog
from training.metrics import Targets
from training.ragged import take_rows
from training.ranking import RankedItems
from training.resample import Interval, bootstrap
from training.user_values import Asked, UserValues, asked, user_values

F64 = NDArray[np.float64]

_NOT_IN_METRIC_NAMES = re.compile(r"[^A-Za-z0-9_\-. ]")


class ListMeter:
    """Collects the numbers of one evaluation.

    Attributes:
        metrics: Means by `<lists>/<metric>`, and `users/<lists>`.
        lists: What each person got, by kind of list.
    """

    def __init__(
        self,
        *,
        k: tuple[int, ...],
        primary_k: int,
        item_count: int,
        catalog: Catalog | None,
        item_codes: NDArray[np.int32] | None = None,
    ) -> None:
        """Start with nothing.

        Args:
            k: List lengths, ascending.
            primary_k: The one at which parts of the people are measured.
            item_count: Bound of item numbers.
            catalog: What is known of items, if anything.
            item_codes: See `user_values`.
        """
        self._k = k
        self._item_codes = item_codes
        self._primary_k = primary_k
        self._item_count = item_count
        self._catalog = catalog
        self.metrics: dict[str, float] = {}
        self.lists: dict[str, UserValues] = {}

    def add(
        self, name: str, ranked: RankedItems, targets: Targets, *, users: NDArray[np.int32]
    ) -> Asked:
        """Measure accuracy at every length.

        Args:
            name: Kind of list, such as `new`; may be empty.
            ranked: The lists of all m people.
            targets: What is to be found for them.
            users: Their numbers.
        """
        return self._add(name, ranked, targets, users, self._k)

    def add_part(
        self, name: str, ranked: RankedItems, targets: Targets, *, users: NDArray[np.int32]
    ) -> Asked:
        """Measure accuracy at the primary length; the arguments are those of `add`."""
        return self._add(name, ranked, targets, users, (self._primary_k,))

    def _add(
        self,
        name: str,
        ranked: RankedItems,
        targets: Targets,
        users: NDArray[np.int32],
        k: tuple[int, ...],
    ) -> Asked:
        people = asked(ranked, targets, item_count=self._item_count)
        values = user_values(people, users=users, k=k, item_codes=self._item_codes)
        self.metrics[f"users/{name}" if name else "users"] = float(len(values))
        if len(values):
            self.lists[name] = values
            self._tell(name, values.means())
        return people

    def add_catalogue(
        self, name: str, ranked: RankedItems, *, item_users: NDArray[np.int64], user_count: int
    ) -> None:
        """Measure what all lists together show; see `beyond.catalogue_metrics`."""
        for k in self._k:
            found = beyond.catalogue_metrics(
                ranked.items, ranked.counts, k, item_users=item_users, user_count=user_count
            )
            self._tell(name, {f"{metric}_at_{k}": value for metric, value in found.items()})

    def add_beyond(
        self,
        name: str,
        people: Asked,
        *,
        popular: RankedItems,
        histories: CsrMatrix,
        item_users: NDArray[np.int64],
    ) -> None:
        """Measure what each person's list shows, at the primary length.

        Args:
            name: Kind of list, measured before.
            people: As `add` returned them.
            popular: What the popular list would have shown to all m people.
            histories: Weights of what they have, m x all items.
            item_users: Users of each item in training.
        """
        if not len(people.rows):
            return
        k, ranked = self._primary_k, people.ranked
        own = take_rows(histories, people.rows)
        found = {
            "serendipity": beyond.serendipity(
                people.hits,
                ranked.items,
                popular.items[people.rows],
                popular.counts[people.rows],
                k,
                item_count=self._item_count,
            ),
            "popularity_lift": beyond.popularity_lift(
                ranked.items, ranked.counts, k, histories=own, item_users=item_users
            ),
        }
        if self._catalog is not None:
            categories = self._catalog.categories
            found["diversity"] = beyond.diversity(
                ranked.items, ranked.counts, k, categories=categories
            )
            found["miscalibration"] = beyond.miscalibration(
                ranked.items, ranked.counts, k, histories=own, categories=categories
            )
            found["price_gap"] = beyond.price_gap(
                ranked.items,
                ranked.counts,
                k,
                histories=own,
                price_ranks=self._catalog.price_ranks,
            )
        values = self.lists[name]
        new = {
            f"{metric}_at_{k}": each for metric, each in found.items() if np.isfinite(each).any()
        }
        values.values.update(new)
        means = values.means()
        self._tell(name, {metric: means[metric] for metric in new})

    def _tell(self, name: str, values: Mapping[str, float]) -> None:
        prefix = f"{name}/" if name else ""
        self.metrics.update({f"{prefix}{metric}": value for metric, value in values.items()})


def intervals_of(
    lists: Mapping[str, UserValues], metric: str, *, count: int, rng: np.random.Generator
) -> dict[str, Interval]:
    """Return the interval of one metric for every kind of list that has it.

    People are drawn whole: one who is in several lists is in the same resamples of all.

    Args:
        lists: What each person got, by kind of list.
        metric: Such as `ndcg_at_20`.
        count: Resamples.
        rng: Source of them.
    """
    having = {
        name: found
        for name, found in lists.items()
        if metric in found.values and np.isfinite(found.values[metric]).any()
    }
    if not having:
        return {}
    everybody = np.unique(np.concatenate([found.users for found in having.values()]))
    table = {}
    for name, found in having.items():
        column = np.full(len(everybody), np.nan)
        column[np.searchsorted(everybody, found.users)] = found.values[metric]
        table[name] = column
    return bootstrap(table, count=count, rng=rng)


def metric_name_part(text: str) -> str:
    """Spell a text with the characters that MLflow allows in names of metrics.

    Others become `:` and their code point in hexadecimal, so that no two texts meet.
    """
    return _NOT_IN_METRIC_NAMES.sub(lambda found: f":{ord(found[0]):x}:", text)
