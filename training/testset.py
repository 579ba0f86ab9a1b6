"""Who is asked about, what is known of them before the cut, and what they bought after."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.features import EventWeighting, FeatureConfig, HistoryConfig
from recsys.sparse import CsrMatrix, expand_rows, row_pointers
from training.interactions import Events, sum_weights
from training.metrics import Targets
from training.ragged import csr_from_pairs
from training.ranking import Askers, Contexts, ModelRanker
from training.split import Split


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TestSet:
    """Some users with a purchase after the cut: m of them.

    Attributes:
        users: Their numbers in `Events`, ascending, int32, shape (m,).
        histories: Their newest lines before the cut; empty for cold users.
        contexts: Channel and store of their first purchase after the cut, standing
            for those of the request that would have been answered.
        targets: Distinct items bought after the cut.
        targets_by_channel: The same by `Channel.code` of the purchase.
        targets_by_store: The same by store of the purchase, of the busiest stores.
        cut_time: Seconds since 1970-01-01 UTC.
    """

    __test__ = False  # pytest would collect it by its name

    users: NDArray[np.int32]
    histories: Events
    contexts: Contexts
    targets: Targets
    targets_by_channel: dict[int, Targets]
    targets_by_store: dict[str, Targets]
    cut_time: float

    def __len__(self) -> int:
        return len(self.users)

    def weights(self, features: FeatureConfig) -> CsrMatrix:
        """Weigh the histories, m x all items."""
        return sum_weights(
            self.histories,
            weighting=EventWeighting(features),
            now=self.cut_time,
            row_of_user=self._row_of_user(),
            row_count=len(self),
        )

    def links(self, features: FeatureConfig, history: HistoryConfig) -> CsrMatrix:
        """Weigh the histories as item-item rows take them, m x all items."""
        weights = self.weights(features)
        if history.step_decay != 1.0:
            decayed = sum_weights(
                self.histories,
                weighting=EventWeighting(features),
                now=self.cut_time,
                row_of_user=self._row_of_user(),
                row_count=len(self),
                history=history,
            )
            weights = _among(decayed, weights, item_count=len(self.histories.item_ids))
        return CsrMatrix(
            weights.indptr, weights.indices, history.shortened(weights.data, indptr=weights.indptr)
        )

    def boosts(self, features: FeatureConfig, history: HistoryConfig) -> CsrMatrix | None:
        """Return what items of the newest step add to their own scores; None for nothing."""
        if history.newest_boost == 0.0:
            return None
        lines = self._contacts(features)
        rows = self._row_of_user()[lines.users]
        newest = np.full(len(self), -np.inf)
        np.maximum.at(newest, rows, lines.times)
        is_newest = lines.times == newest[rows]
        links = self.links(features, history)
        touched = distinct_targets(
            rows[is_newest],
            lines.items[is_newest],
            user_count=len(self),
            item_count=len(lines.item_ids),
        )
        of_newest = CsrMatrix(
            touched.indptr, touched.items, np.ones(len(touched.items), dtype=np.float32)
        )
        boosted = _among(links, of_newest, item_count=len(lines.item_ids))
        return CsrMatrix(boosted.indptr, boosted.indices, history.boosts(boosted.data))

    def asking(self, ranker: ModelRanker) -> Askers:
        """Make the users ready to be ranked for by a model."""
        features, history = ranker.model.features, ranker.model.parts.history
        return ranker.askers(
            self.weights(features),
            links=self.links(features, history),
            boosts=self.boosts(features, history),
            contexts=self.contexts,
        )

    def seen(self, features: FeatureConfig) -> CsrMatrix:
        """Return the items of any contact, m x all items, as serving does for `include_seen`."""
        touched = self._contacts(features)
        seen = distinct_targets(
            self._row_of_user()[touched.users],
            touched.items,
            user_count=len(self),
            item_count=len(touched.item_ids),
        )
        return CsrMatrix(seen.indptr, seen.items, np.ones(len(seen.items), dtype=np.float32))

    def _contacts(self, features: FeatureConfig) -> Events:
        lines = self.histories
        weights = EventWeighting(features).event_weights(
            type_codes=lines.type_codes,
            channel_codes=lines.channel_codes,
            event_times=lines.times,
            now=self.cut_time,
        )
        return lines.where(weights != 0.0)

    def _row_of_user(self) -> NDArray[np.int32]:
        return _row_of_user(self.users, self.histories.user_count)


def draw_test_sets(
    split: Split,
    *,
    user_count_max: int,
    history_event_count_max: int,
    rng: np.random.Generator,
    store_count_max: int = 0,
) -> tuple[TestSet, TestSet]:
    """Return known users (with an item line before the cut) and cold users.

    Args:
        split: Events on either side of the cut.
        user_count_max: Users of each kind; more are drawn from by chance.
        history_event_count_max: Newest lines kept of a history.
        rng: Source of the draw.
        store_count_max: Stores with targets of their own: those with the most people.
    """
    bought = np.unique(split.purchases_after.users)
    is_known = np.zeros(split.before.user_count, dtype=np.bool_)
    is_known[split.before.users] = True
    known = _draw(bought[is_known[bought]], user_count_max, rng)
    cold = _draw(bought[~is_known[bought]], user_count_max, rng)
    return (
        _test_set(split, known, history_event_count_max, store_count_max),
        _test_set(split, cold, history_event_count_max, store_count_max),
    )


def _draw(users: NDArray[np.int32], count_max: int, rng: np.random.Generator) -> NDArray[np.int32]:
    if len(users) <= count_max:
        return users
    return np.sort(rng.choice(users, count_max, replace=False))


def _test_set(
    split: Split, users: NDArray[np.int32], history_event_count_max: int, store_count_max: int
) -> TestSet:
    row_of_user = _row_of_user(users, split.before.user_count)
    after = split.purchases_after.where(row_of_user[split.purchases_after.users] >= 0)
    before = split.before.where(row_of_user[split.before.users] >= 0)
    rows = row_of_user[after.users]

    def targets(lines: NDArray[np.bool_] | slice) -> Targets:
        return distinct_targets(
            rows[lines],
            after.items[lines],
            user_count=len(users),
            item_count=len(after.item_ids),
        )

    return TestSet(
        users=users,
        histories=newest_lines(before, history_event_count_max),
        contexts=first_contexts(after, rows, len(users)),
        targets=targets(slice(None)),
        targets_by_channel={
            int(code): targets(after.channel_codes == code)
            for code in np.unique(after.channel_codes)
        },
        targets_by_store={
            after.store_ids[store]: targets(after.stores == store)
            for store in _busiest_stores(after, rows, store_count_max)
        },
        cut_time=split.cut_time,
    )


def _busiest_stores(after: Events, rows: NDArray[np.int32], count_max: int) -> list[int]:
    """Return the stores where most people bought, busiest first, then by number."""
    there = after.stores >= 0
    pairs = np.unique(np.stack([after.stores[there], rows[there]]), axis=1)
    people = np.bincount(pairs[0], minlength=1)
    order = np.argsort(-people, kind="stable")[:count_max]
    return [int(store) for store in order if people[store]]


def newest_lines(events: Events, count_max: int) -> Events:
    """Keep each user's newest lines, at most `count_max`, as histories in serving do."""
    order = np.lexsort((-events.times, events.users))
    users = events.users[order]
    starts = np.flatnonzero(np.r_[True, users[1:] != users[:-1]]) if len(users) else users
    ages = np.arange(len(users)) - np.repeat(starts, np.diff(np.r_[starts, len(users)]))
    kept = np.zeros(len(users), dtype=np.bool_)
    kept[order[ages < count_max]] = True
    return events.where(kept)


def first_contexts(after: Events, rows: NDArray[np.int32], user_count: int) -> Contexts:
    """Return store and channel of each user's first line; every one of them has some.

    Args:
        after: Their lines.
        rows: The user of each line, from 0.
        user_count: Users.
    """
    order = np.lexsort((after.times, rows))
    _, first = np.unique(rows[order], return_index=True)
    assert len(first) == user_count, "every test user has a purchase after the cut"
    chosen = order[first]
    return Contexts(
        channel_codes=after.channel_codes[chosen],
        stores=after.stores[chosen],
        store_ids=after.store_ids,
    )


def distinct_targets(
    rows: NDArray[np.integer], items: NDArray[np.integer], *, user_count: int, item_count: int
) -> Targets:
    """Collect each row's distinct items, ascending."""
    keys = rows.astype(np.int64) * max(1, item_count) + items
    # `np.unique` hashes integers, and takes ten times as long.
    keys.sort()
    keys = keys[np.r_[True, keys[1:] != keys[:-1]]] if len(keys) else keys
    owners = keys // max(1, item_count)
    return Targets(
        indptr=row_pointers(np.bincount(owners, minlength=user_count)),
        items=(keys % max(1, item_count)).astype(np.int32),
    )


def without(targets: Targets, seen: CsrMatrix, *, item_count: int) -> Targets:
    """Take the seen items out of the targets; both have m rows."""
    owners = expand_rows(targets.indptr)
    keys = owners * item_count + targets.items
    seen_keys = expand_rows(seen.indptr) * item_count + seen.indices
    kept = np.isin(keys, seen_keys, assume_unique=True, invert=True)
    matrix = csr_from_pairs(
        rows=owners[kept],
        columns=targets.items[kept],
        values=np.ones(np.count_nonzero(kept), dtype=np.float32),
        row_count=len(targets.indptr) - 1,
    )
    return Targets(matrix.indptr, matrix.indices)


def within(targets: Targets, items: CsrMatrix, *, item_count: int) -> Targets:
    """Keep the targets that are among some items; both have m rows."""
    ones = np.ones(len(targets.items), dtype=np.float32)
    kept = _among(CsrMatrix(targets.indptr, targets.items, ones), items, item_count=item_count)
    return Targets(kept.indptr, kept.indices)


def of_rows(targets: Targets, wanted: NDArray[np.bool_]) -> Targets:
    """Keep the targets of some people; the others have none."""
    rows = expand_rows(targets.indptr)
    kept = wanted[rows]
    lengths = np.bincount(rows[kept], minlength=len(targets.indptr) - 1)
    return Targets(row_pointers(lengths), targets.items[kept])


def of_items(targets: Targets, wanted: NDArray[np.bool_]) -> Targets:
    """Keep the targets that are some of all items."""
    kept = wanted[targets.items]
    rows = expand_rows(targets.indptr)[kept]
    lengths = np.bincount(rows, minlength=len(targets.indptr) - 1)
    return Targets(row_pointers(lengths), targets.items[kept])


def _among(matrix: CsrMatrix, others: CsrMatrix, *, item_count: int) -> CsrMatrix:
    """Keep the entries of a matrix that the other has too."""
    rows = expand_rows(matrix.indptr)
    keys = rows * max(1, item_count) + matrix.indices
    there = expand_rows(others.indptr) * max(1, item_count) + others.indices
    kept = np.isin(keys, there, assume_unique=True)
    return csr_from_pairs(
        rows=rows[kept],
        columns=matrix.indices[kept],
        values=matrix.data[kept],
        row_count=matrix.row_count,
    )


def _row_of_user(users: NDArray[np.int32], user_count: int) -> NDArray[np.int32]:
    rows = np.full(user_count, -1, dtype=np.int32)
    rows[users] = np.arange(len(users), dtype=np.int32)
    return rows
