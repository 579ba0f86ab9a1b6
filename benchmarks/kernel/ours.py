"""Our scorer through its public face, on a published bundle as a server maps it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from kernel.engine import F32, Mask, Search, Task
from numpy.typing import NDArray

from recsys import _scoring, scoring
from recsys.bundle import open_bundle
from recsys.item_codes import STAGES
from recsys.sparse import CsrMatrix


class Ours:
    """`recsys.scoring.Scorer`."""

    def __init__(self, folder: Path) -> None:
        self.version = _scoring.simd()
        self._folder = folder
        self._bundle = open_bundle(folder / "bundle")
        self._published = self._scorer = scoring.Scorer.from_bundle(self._bundle)
        self._k = 0

    def prepare(self, task: Task) -> Search:
        """Options: `threads`; `is_repeated` for a known mask; `stage`, where searches begin."""
        self._scorer = self._beginning_at(task.option("stage", -1))
        scorer, k, threads = self._scorer, task.k, task.option("threads", 1)
        self._k = k
        if task.with_history:
            histories = self._histories()
            return lambda queries, first: scorer.top_k(
                queries, k, history=histories[first], threads=threads
            )
        if task.mask is None:
            return lambda queries, _: scorer.top_k(queries, k, threads=threads)
        bitmap = Mask(self._folder, task.mask).bitmap
        allowed: NDArray[np.uint8] | scoring.Mask = bitmap
        if task.option("is_repeated", 0):
            allowed = scoring.Mask(bitmap, item_count=scorer.item_count)
            scorer.prepare_mask(allowed)
        return lambda queries, _: scorer.top_k(queries, k, allowed=allowed, threads=threads)

    def rows(self, result: scoring.RankedRows) -> NDArray[np.int64]:
        """Short lists end in -1."""
        places = np.arange(result.items.shape[1])
        return np.where(places < result.counts[:, np.newaxis], result.items, -1).astype(np.int64)

    def scores(self, result: scoring.RankedRows) -> NDArray[np.float64] | None:
        """As they are."""
        return result.scores

    def bytes_read(self) -> int:
        """What the core counts: planes of codes and rows of factors, not norms and scales."""
        return self._scorer.table.effort()

    def _beginning_at(self, stage: int) -> scoring.Scorer:
        codes = self._bundle.codes
        if stage < 0 or codes is None:
            return self._published
        forced = replace(self._bundle, codes=replace(codes, first_stage=STAGES[stage]))
        return scoring.Scorer.from_bundle(forced)

    def _histories(self) -> list[CsrMatrix]:
        rows: NDArray[np.int32] = np.load(self._folder / "history-rows.npy")
        weights: F32 = np.load(self._folder / "history-weights.npy")
        ends = np.array([0, rows.shape[1]], dtype=np.int64)
        return [CsrMatrix(ends, *one) for one in zip(rows, weights, strict=True)]
