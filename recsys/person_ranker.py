"""One person's ranking in one compiled call: fold-in, then exact top-k.

    PersonRanker(scorer, fold_in).rank(weights, 20)

Gives what `FoldIn.solve` and `Scorer.top_k` give, without the arrays between them: for
a single person those cost more than the arithmetic.
"""

import numpy as np
from numpy.typing import NDArray

from recsys import _scoring
from recsys._features import ItemWeights
from recsys._scoring import Masks, Ranking
from recsys.allowed import Allowed
from recsys.arrays import InvalidArray, RowOutOfRange, check_array, check_count
from recsys.fold_in import FoldIn, SingularSystem
from recsys.row_lists import broken_item_item
from recsys.scoring import Scorer

__all__ = ["ItemWeights", "PersonRanker", "Ranking"]


class PersonRanker:
    """Ranks the items of one model for one person at a time. Safe to share between threads."""

    def __init__(
        self, scorer: Scorer, fold_in: FoldIn | None, *, releases_gil: bool = True
    ) -> None:
        """Put a model together.

        Args:
            scorer: The items.
            fold_in: Solves for the person's vector, over the scorer's factors; None
                where there are none.
            releases_gil: Whether other threads may run during a ranking. That costs more
                than a small ranking itself.
        """
        self._scorer = scorer
        self._item_count = scorer.item_count
        self._prior_row_count = scorer.prior_row_count
        self._vector_length = 0 if fold_in is None else scorer.factor_count
        self._compiled = _scoring.PersonRanker(
            scorer.table,
            None if fold_in is None else fold_in.compiled,
            releases_gil=releases_gil,
        )

    def rank(
        self,
        weights: ItemWeights,
        k: int,
        *,
        excluded: NDArray[np.int32] | None = None,
        without_seen: bool = False,
        prior_row: int = -1,
        allowed: Allowed | None = None,
        out_vector: NDArray[np.float32] | None = None,
    ) -> Ranking:
        """Rank the best items for a person, exactly.

        Args:
            weights: What her history says, at least one item with a positive weight
                where the model has vectors.
            k: Items wanted, 0 and above.
            excluded: Item rows that may not appear; repeats are harmless.
            without_seen: Whether items she has had contact with may not appear either.
            prior_row: Which row of the model's priors is added, -1 for none.
            allowed: Which items may appear, as in `Scorer.top_k`; None for all.
            out_vector: Gets her vector, shape (f,), C-contiguous; only where the model has
                vectors.

        Raises:
            CountOutOfRange: `k` is negative or too large.
            RowOutOfRange: An excluded row does not exist.
            SingularSystem: The model's Gram matrix does not belong to its factors.
            InvalidArray: There is no such row of priors, a bitmap has a wrong dtype or shape,
                or the model's item-item part is not what was published.
        """
        check_count(k, argument="k", count_min=0, count_max=2**31 - 1)
        if out_vector is not None:
            check_array(
                out_vector,
                argument="out_vector",
                dtype=np.float32,
                shape=(self._vector_length,),
            )
        masks = None
        if allowed is not None:
            resolved = self._scorer.masks(allowed)
            masks = Masks(resolved.bitmaps, resolved.subset, resolved.extra)
        ranked = self._compiled.rank(
            weights, excluded, without_seen, k, prior_row, masks, out_vector
        )
        if isinstance(ranked, Ranking):
            return ranked
        fold_fault, fault = ranked
        if fold_fault == _scoring.FOLD_IN_FAULT_SYSTEM:
            raise SingularSystem(query=0)
        if fault == _scoring.FAULT_EXCLUDED and excluded is not None:
            outside = excluded[(excluded < 0) | (excluded >= self._item_count)]
            if len(outside):
                raise RowOutOfRange(
                    argument="excluded", row=int(outside[0]), item_count=self._item_count
                )
        if fault == _scoring.FAULT_PRIOR_ROW:
            raise InvalidArray(
                argument="prior_row",
                found=str(prior_row),
                allowed=f"-1 to {self._prior_row_count - 1}",
            )
        if fault == _scoring.FAULT_LINKS:
            raise broken_item_item()
        raise InvalidArray(
            argument="weights",
            found=f"refused by the core ({fold_fault}, {fault})",
            allowed="rows of the model's items, with finite weights",
        )
