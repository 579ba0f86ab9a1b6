"""Vectors of new items, searched exactly while they are written.

Most rows are *settled*: they have codes, as the items of a bundle. What came since is the
*tail*, searched as it is, and what was written again lies beside both. Where these two grow
beyond an eighth of the rest, everything settles anew. So a row is encoded a few times in its
life, and a search costs two or three calls of the kernel. Answers never depend on what is
settled. What a search may be reading is never written over.
"""

import threading
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.bitmaps import allows, of_length
from recsys.row_lists import RaggedRows
from recsys.row_sets import union
from recsys.scoring import Scorer

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
U8 = NDArray[np.uint8]

_TAIL_MIN: Final = 4_096
_TAIL_SHARE: Final = 8
"""What is not settled is at most one of so many rows."""

_NO_ROWS: Final = np.empty(0, dtype=np.int32)
_NO_SCORES: Final = np.empty(0, dtype=np.float64)


class Found(NamedTuple):
    """Ranked rows, best first, and their scores."""

    rows: I32
    scores: F64


class _Rows(NamedTuple):
    """Some rows of the table.

    Attributes:
        vectors: Of each, shape (m, f).
        priors: Of each, shape (m,).
        scorer: Of them; None for no rows.
    """

    vectors: F32
    priors: F32
    scorer: Scorer | None = None

    @classmethod
    def scored(cls, vectors: F32, priors: F32, *, makes_codes: bool = False) -> "_Rows":
        """Make rows ready to be searched."""
        if not len(priors):
            return cls(vectors, priors)
        scorer = Scorer(
            item_count=len(priors), item_factors=vectors, prior=priors, makes_codes=makes_codes
        )
        return cls(vectors, priors, scorer)


class _State(NamedTuple):
    """The table at one moment.

    Attributes:
        settled: The first rows; as many as a multiple of 8, so that bitmaps can be cut there.
        tail: The rows behind them.
        stale: Rows of both that have been written again, ascending.
        changed: What these are now.
        reach: Longest vector of all, and largest prior.
    """

    settled: _Rows
    tail: _Rows
    stale: I32
    changed: _Rows
    reach: tuple[float, float] = (0.0, 0.0)

    @property
    def settled_count(self) -> int:
        """How many rows are settled."""
        return len(self.settled.priors)

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return self.settled_count + len(self.tail.priors)

    def at(self, rows: I32) -> tuple[F32, F32]:
        """Return the vectors and priors of some rows, as copies."""
        vectors = np.empty((len(rows), self.settled.vectors.shape[1]), dtype=np.float32)
        priors = np.empty(len(rows), dtype=np.float32)
        is_settled = rows < self.settled_count
        places = np.searchsorted(self.stale, rows)
        is_stale = np.zeros(len(rows), dtype=np.bool_)
        if len(self.stale):
            is_stale = self.stale[np.minimum(places, len(self.stale) - 1)] == rows
        for which, own, part in (
            (is_settled, rows, self.settled),
            (~is_settled, rows - self.settled_count, self.tail),
            (is_stale, places, self.changed),
        ):
            vectors[which], priors[which] = part.vectors[own[which]], part.priors[own[which]]
        return vectors, priors


class NewItemTable:
    """Vectors and priors by row. Safe between threads: a search sees one state throughout."""

    def __init__(self, factor_count: int) -> None:
        """Begin without rows."""
        self._lock = threading.Lock()
        nothing = _Rows(np.empty((0, factor_count), np.float32), np.empty(0, np.float32))
        # The tail is the beginning of this, which has room for more.
        self._room = nothing
        self._state = _State(nothing, nothing, _NO_ROWS, nothing)

    def __len__(self) -> int:
        return self._state.row_count

    def put(self, rows: I32, vectors: F32, priors: F32) -> None:
        """Write rows; those beyond the last are new, without gaps.

        Args:
            rows: Distinct.
            vectors: Of each, shape (m, f), finite.
            priors: Of each, shape (m,), finite.
        """
        with self._lock:
            state = self._state
            # What is written again as it was stays settled.
            had = rows < state.row_count
            old_vectors, old_priors = state.at(rows[had])
            differs = np.any(old_vectors != vectors[had], axis=1) | (old_priors != priors[had])
            again = np.flatnonzero(had)[differs]
            fresh = np.flatnonzero(~had)
            if not len(again) and not len(fresh):
                return
            if len(fresh):
                state = self._appended(state, rows[fresh], vectors[fresh], priors[fresh])
            if len(again):
                state = _overlaid(state, rows[again], vectors[again], priors[again])
            longest = float(np.linalg.norm(vectors.astype(np.float64), axis=1).max(initial=0.0))
            reach = max(state.reach[0], longest), max(state.reach[1], float(priors.max()))
            state = state._replace(reach=reach)
            unsettled_count = len(state.stale) + len(state.tail.priors)
            if unsettled_count > max(_TAIL_MIN, state.settled_count // _TAIL_SHARE):
                state = self._settled(state)
            self._state = state

    def vectors(self, rows: I32) -> F32:
        """Return the vectors of some rows."""
        return self._state.at(rows)[0]

    def scorer_of(self, row: int) -> Scorer:
        """Return a scorer of one row alone."""
        vectors, priors = self._state.at(np.array([row], dtype=np.int32))
        return Scorer(item_count=1, item_factors=vectors, prior=priors, makes_codes=False)

    def may_reach(self, vector: F32, score: float) -> bool:
        """Say whether any row may have this score or more."""
        longest, largest = self._state.reach
        length = float(np.linalg.norm(vector.astype(np.float64)))
        return (length * longest) * (1.0 + 2.0**-40) + largest >= score

    def search(self, vector: F32, count: int, masks: Sequence[U8], *, excluded: I32) -> Found:
        """Rank the best rows exactly: by score, descending, then by row.

        Args:
            vector: The person's, shape (f,).
            count: Rows wanted, positive.
            masks: Row i is bit i%8 of byte i//8; all must allow a row, and rows beyond
                their end are not allowed.
            excluded: Rows that must not appear.
        """
        state = self._state
        query = vector[np.newaxis]
        found = []
        left_out = union(state.stale, excluded) if len(state.stale) else excluded
        for first, part in ((0, state.settled), (state.settled_count, state.tail)):
            if part.scorer is None:
                continue
            row_count = len(part.priors)
            own = left_out[(left_out >= first) & (left_out < first + row_count)] - first
            ranked = part.scorer.top_k(
                query,
                count,
                allowed=[of_length(mask[first // 8 :], row_count) for mask in masks],
                excluded=RaggedRows.one(own),
            )
            rows, scores = ranked.row(0)
            found.append(Found(rows + np.int32(first), scores))
        if state.changed.scorer is not None:
            allowed = ~np.isin(state.stale, excluded)
            for mask in masks:
                allowed &= allows(mask, state.stale)
            bits = np.packbits(allowed, bitorder="little")
            places, scores = state.changed.scorer.top_k(query, count, allowed=bits).row(0)
            found.append(Found(state.stale[places], scores))
        return best_of(found, count)

    def _appended(self, state: _State, rows: I32, vectors: F32, priors: F32) -> _State:
        """Write rows behind the last one, where nobody reads yet."""
        count = len(state.tail.priors) + len(rows)
        if count > len(self._room.priors):
            self._room = _roomy(state.tail, max(count, 2 * len(self._room.priors), 64))
        own = rows - state.settled_count
        self._room.vectors[own], self._room.priors[own] = vectors, priors
        tail = _Rows.scored(self._room.vectors[:count], self._room.priors[:count])
        return state._replace(tail=tail)

    def _settled(self, state: _State) -> _State:
        vectors = np.concatenate([state.settled.vectors, state.tail.vectors])
        priors = np.concatenate([state.settled.priors, state.tail.priors])
        vectors[state.stale], priors[state.stale] = state.changed.vectors, state.changed.priors
        count = len(priors) // 8 * 8
        self._room = _roomy(_Rows(vectors[count:], priors[count:]), 64)
        rest = len(priors) - count
        none = _Rows(vectors[:0], priors[:0])
        return _State(
            settled=_Rows.scored(vectors[:count], priors[:count], makes_codes=True),
            tail=_Rows.scored(self._room.vectors[:rest], self._room.priors[:rest]),
            stale=_NO_ROWS,
            changed=none,
            reach=state.reach,
        )


def _overlaid(state: _State, rows: I32, vectors: F32, priors: F32) -> _State:
    """Put what rows are now beside what they were."""
    stale = union(state.stale, rows.astype(np.int32))
    now_vectors, now_priors = state.at(stale)
    places = np.searchsorted(stale, rows)
    now_vectors[places], now_priors[places] = vectors, priors
    return state._replace(stale=stale, changed=_Rows.scored(now_vectors, now_priors))


def _roomy(rows: _Rows, size: int) -> _Rows:
    """Return arrays of some size that begin with some rows."""
    vectors = np.zeros((size, rows.vectors.shape[1]), dtype=np.float32)
    priors = np.zeros(size, dtype=np.float32)
    vectors[: len(rows.priors)], priors[: len(rows.priors)] = rows.vectors, rows.priors
    return _Rows(vectors, priors)


def best_of(found: Sequence[Found], count: int) -> Found:
    """Merge ranked rows: by score, descending, then by row."""
    if len(found) == 1:
        return found[0]
    rows = np.concatenate([_NO_ROWS, *(one.rows for one in found)])
    scores = np.concatenate([_NO_SCORES, *(one.scores for one in found)])
    order = np.lexsort((rows, -scores))[:count]
    return Found(rows[order], scores[order])
