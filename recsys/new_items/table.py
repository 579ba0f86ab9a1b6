"""Vectors of new items, searched exactly while they are written.

Most rows are *settled*: they have codes, as the items of a bundle. What came or changed
since is searched as it is; where that grows beyond an eighth of the rest, everything settles
anew. So a row is encoded a few times in its life, and a search costs two or three calls of
the kernel. Answers never depend on what is settled.
"""

import threading
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.row_lists import RaggedRows
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


class _State(NamedTuple):
    """The table at one moment.

    Attributes:
        settled: Rows 0 to `settled_count`; None for none.
        settled_count: A multiple of 8, so that bitmaps can be cut there.
        stale: Settled rows that have changed since, ascending.
        changed: What these are now; None for none.
        tail: The rows from `settled_count` on; None for none.
        reach: Longest vector of all, and largest prior.
    """

    settled: Scorer | None = None
    settled_count: int = 0
    stale: I32 = _NO_ROWS
    changed: Scorer | None = None
    tail: Scorer | None = None
    reach: tuple[float, float] = (0.0, 0.0)


class NewItemTable:
    """Vectors and priors by row. Safe between threads: a search sees one state throughout."""

    def __init__(self, factor_count: int) -> None:
        """Begin without rows."""
        self._lock = threading.Lock()
        self._vectors: F32 = np.empty((0, factor_count), dtype=np.float32)
        self._priors: F32 = np.empty(0, dtype=np.float32)
        self._count = 0
        self._state = _State()

    def __len__(self) -> int:
        return self._count

    def put(self, rows: I32, vectors: F32, priors: F32) -> None:
        """Write rows; those beyond the last are new, without gaps.

        Args:
            rows: Distinct.
            vectors: Of each, shape (m, f), finite.
            priors: Of each, shape (m,), finite.
        """
        with self._lock:
            # What is written again as it was stays settled.
            kept = rows < self._count
            kept[kept] = np.all(self._vectors[rows[kept]] == vectors[kept], axis=1) & (
                self._priors[rows[kept]] == priors[kept]
            )
            rows, vectors, priors = rows[~kept], vectors[~kept], priors[~kept]
            if not len(rows):
                return
            count = max(self._count, int(rows.max(initial=-1)) + 1)
            if count > len(self._vectors):
                self._grow(count)
            before = self._state
            # What is settled may be read just now, and is replaced and not overwritten.
            if np.any(rows < before.settled_count):
                self._vectors, self._priors = self._vectors.copy(), self._priors.copy()
            self._vectors[rows], self._priors[rows] = vectors, priors
            self._count = count
            stale = np.union1d(before.stale, rows[rows < before.settled_count]).astype(np.int32)
            fresh = np.arange(before.settled_count, count, dtype=np.int32)
            longest = float(np.linalg.norm(vectors.astype(np.float64), axis=1).max(initial=0.0))
            largest = float(priors.max(initial=0.0))
            reach = (max(before.reach[0], longest), max(before.reach[1], largest))
            if len(stale) + len(fresh) > max(_TAIL_MIN, before.settled_count // _TAIL_SHARE):
                self._settle(reach)
                return
            is_settled = rows < before.settled_count
            self._state = before._replace(
                stale=stale,
                changed=self._scorer(stale) if is_settled.any() else before.changed,
                tail=before.tail if is_settled.all() else self._scorer(fresh),
                reach=reach,
            )

    def vectors(self, rows: I32) -> F32:
        """Return the vectors of some rows."""
        found: F32 = self._vectors[rows]
        return found

    def scorer_of(self, row: int) -> Scorer:
        """Return a scorer of one row alone."""
        return self._scorer(np.array([row], dtype=np.int32))

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
        if state.settled is not None:
            left_out = np.union1d(state.stale, excluded[excluded < state.settled_count])
            ranked = state.settled.top_k(
                query,
                count,
                allowed=[_cut(mask, state.settled.item_count) for mask in masks],
                excluded=_one_row(left_out),
            )
            found.append(Found(*ranked.row(0)))
        if state.changed is not None:
            allowed = ~np.isin(state.stale, excluded)
            for mask in masks:
                allowed &= _has(mask, state.stale)
            bits = np.packbits(allowed, bitorder="little")
            places, scores = state.changed.top_k(query, count, allowed=bits).row(0)
            found.append(Found(state.stale[places], scores))
        if state.tail is not None:
            first, stop = state.settled_count, state.settled_count + state.tail.item_count
            own = excluded[(excluded >= first) & (excluded < stop)] - np.int32(first)
            ranked = state.tail.top_k(
                query,
                count,
                allowed=[_cut(mask[first // 8 :], state.tail.item_count) for mask in masks],
                excluded=_one_row(own),
            )
            places, scores = ranked.row(0)
            found.append(Found(places + np.int32(first), scores))
        return best_of(found, count)

    def _grow(self, count: int) -> None:
        size = max(count, 2 * len(self._vectors), 64)
        vectors = np.zeros((size, self._vectors.shape[1]), dtype=np.float32)
        priors = np.zeros(size, dtype=np.float32)
        vectors[: self._count] = self._vectors[: self._count]
        priors[: self._count] = self._priors[: self._count]
        self._vectors, self._priors = vectors, priors

    def _settle(self, reach: tuple[float, float]) -> None:
        settled_count = self._count // 8 * 8
        rest = np.arange(settled_count, self._count, dtype=np.int32)
        self._state = _State(
            settled=Scorer(
                item_count=settled_count,
                item_factors=self._vectors[:settled_count],
                prior=self._priors[:settled_count],
            ),
            settled_count=settled_count,
            tail=self._scorer(rest) if len(rest) else None,
            reach=reach,
        )

    def _scorer(self, rows: I32) -> Scorer:
        return Scorer(
            item_count=len(rows),
            item_factors=self._vectors[rows],
            prior=self._priors[rows],
            makes_codes=False,
        )


def best_of(found: Sequence[Found], count: int) -> Found:
    """Merge ranked rows: by score, descending, then by row."""
    if len(found) == 1:
        return found[0]
    rows = np.concatenate([_NO_ROWS, *(one.rows for one in found)])
    scores = np.concatenate([_NO_SCORES, *(one.scores for one in found)])
    order = np.lexsort((rows, -scores))[:count]
    return Found(rows[order], scores[order])


def _one_row(rows: NDArray[np.integer]) -> RaggedRows:
    return RaggedRows(np.array([0, len(rows)], dtype=np.int64), rows.astype(np.int32))


def _cut(mask: U8, row_count: int) -> U8:
    """Return the bytes of a mask's first rows, with rows behind its end not allowed."""
    byte_count = (row_count + 7) // 8
    if len(mask) >= byte_count:
        return mask[:byte_count]
    return np.concatenate([mask, np.zeros(byte_count - len(mask), dtype=np.uint8)])


def _has(mask: U8, rows: I32) -> NDArray[np.bool_]:
    bits = _cut(mask, int(rows[-1]) + 1 if len(rows) else 0)
    found: NDArray[np.bool_] = (bits[rows >> 3] >> (rows & 7).astype(np.uint8) & 1) == 1
    return found
