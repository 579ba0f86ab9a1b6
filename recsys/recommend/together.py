"""Many people ranked in batches of the kernel; each as alone, to the last bit."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recsys.person_ranker import Ranking
from recsys.recommend.model import ServingModel
from recsys.recommend.sources import Personal
from recsys.scoring import Mask, RaggedRows

I32 = NDArray[np.int32]


def rank_together(
    model: ServingModel,
    sources: Sequence[Personal],
    count: int,
    *,
    masks: Sequence[Mask | NDArray[np.uint8]] | None,
    excluded: Sequence[I32],
    threads: int = 1,
) -> list[Ranking]:
    """Rank the catalogue for people who may be shown the same.

    Args:
        model: Theirs.
        sources: What each did; at least one.
        count: Rows wanted of each.
        masks: What may be shown to all of them.
        excluded: Rows that must not appear, of each; also what she has seen, if that counts.
        threads: Slices to compute at the same time.
    """
    asked = model.queries(
        [one.weights for one in sources],
        prior_rows=np.array([one.prior_row for one in sources], dtype=np.int32),
        threads=threads,
    )
    ranked = model.scorer.top_k(
        asked.user_vectors,
        count,
        history=asked.history,
        allowed=masks,
        excluded=RaggedRows.of([model.bundled(rows) for rows in excluded]),
        boosts=asked.boosts,
        prior_rows=asked.prior_rows,
        threads=threads,
    )
    return [
        model.joined(
            Ranking.of(*ranked.row(at)),
            None if asked.user_vectors is None else asked.user_vectors[at],
            result_count=count,
            allowed=masks,
            excluded=rows,
        )
        for at, rows in enumerate(excluded)
    ]
