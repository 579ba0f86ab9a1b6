"""The friendly face of the compiled core: exact top-k and fold-in.

    Scorer(item_count=..., item_factors=...).top_k(user_vectors, k)   who gets what
    FoldIn(item_factors=..., gram=..., config=...).solve(rows, weights)   who they are

`docs/kernel.md` states the contract. This module validates, allocates, slices
batches over threads and raises; `recsys._scoring` only computes.
"""

from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from recsys import _scoring
from recsys.allowed import EVERYTHING, Allowed, ResolvedMasks, resolve_allowed
from recsys.arrays import InvalidArray, check_count
from recsys.bundle import Bundle
from recsys.contributions import PARTS, Contributions
from recsys.errors import InvalidInput
from recsys.fold_in import FoldIn, SingularSystem
from recsys.item_codes import ItemCodes
from recsys.item_table import NOTHING_PUBLISHED, PublishedPriors, build_item_table
from recsys.masks import Mask
from recsys.query_arguments import check_additions, check_queries
from recsys.row_lists import RaggedRows, RankedRows, check_csr, compiled_lists
from recsys.score_faults import fault_error
from recsys.slices import in_slices
from recsys.sparse import CsrMatrix

__all__ = [
    "Contributions",
    "FoldIn",
    "Mask",
    "RaggedRows",
    "RankedRows",
    "Scorer",
    "SingularSystem",
]

F32 = NDArray[np.float32]

_PRODUCTS_PER_STEP: Final = 32
"""How many multiplications of codes take the time of one."""


class Scorer:
    """Ranks the items of one model. Immutable; share it between threads.

    One additive score: the dot product of user vector and item factors, plus
    the item-item values of the query's history times their weights, plus the
    item's prior, plus one more prior and boosts that the query names. Parts that
    the scorer lacks count 0, and an item without any ranks with score 0.
    """

    def __init__(
        self,
        *,
        item_count: int,
        item_factors: F32 | None,
        prior: F32 | None = None,
        item_item: CsrMatrix | None = None,
        priors: F32 | None = None,
        codes: ItemCodes | None = None,
        makes_codes: bool = True,
    ) -> None:
        """Prepare the arrays, reading each once; they are kept, not copied.

        Args:
            item_count: Number of items n, 0 to 2^31 - 1.
            item_factors: Shape (n, f), 1 <= f <= 1024, C-contiguous, finite; or None.
            prior: Shape (n,), finite; or None.
            item_item: Square (n, n), finite; or None. Row h holds what an item in
                the history contributes to the others.
            priors: Shape (r, n), finite: r more priors, such as one per channel or
                store, of which a query may name one; or None.
            codes: What `encode_items` made of these factors; or None, and then they
                are made here where they are small enough.
            makes_codes: Whether they are; not where a scorer is soon replaced.

        Raises:
            InvalidArray: Wrong dtype, shape or layout.
            NotFinite: NaN or infinity.
            CountOutOfRange: Too many items or factors.
        """
        if item_item is not None:
            check_csr(item_item, argument="item_item", row_count=item_count)
            problem = item_item.problem(column_count=item_count)
            if problem is not None:
                raise InvalidArray(argument="item_item", found=problem, allowed="a finite CSR")
        self._take(
            item_count, item_factors, prior, item_item, priors, codes, makes_codes=makes_codes
        )

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> Self:
        """Prepare a verified bundle's arrays.

        The item-item part is not read: what a query touches of it is checked then.

        Raises:
            NotFinite: A factor or prior is NaN or infinite.
        """
        scorer = cls.__new__(cls)
        scorer._take(  # noqa: SLF001 - ours, and nobody else has it yet
            len(bundle.items),
            bundle.item_factors,
            bundle.prior,
            bundle.item_item,
            None if bundle.priors is None else bundle.priors.values,
            bundle.codes,
            PublishedPriors(
                code_prior=bundle.code_prior,
                code_priors=bundle.code_priors,
                priors_max=None if bundle.priors is None else bundle.priors.largest,
            ),
        )
        return scorer

    @classmethod
    def of_links(cls, links: CsrMatrix) -> Self:
        """Rank by item-item values alone; what a query touches of them is checked then.

        Args:
            links: Square (n, n), of a verified bundle.
        """
        scorer = cls.__new__(cls)
        scorer._take(links.row_count, None, None, links, None, None)  # noqa: SLF001 - as above
        return scorer

    def _take(
        self,
        item_count: int,
        item_factors: F32 | None,
        prior: F32 | None,
        item_item: CsrMatrix | None,
        priors: F32 | None,
        codes: ItemCodes | None,
        published: PublishedPriors = NOTHING_PUBLISHED,
        *,
        makes_codes: bool = True,
    ) -> None:
        self.table, self._subsets = build_item_table(
            item_count=item_count,
            item_factors=item_factors,
            prior=prior,
            priors=priors,
            item_item=item_item,
            codes=codes,
            published=published,
            makes_codes=makes_codes,
        )
        self.item_count = item_count
        self.has_item_item = item_item is not None
        self.prior_row_count = 0 if priors is None else len(priors)
        self.factor_count = 0 if item_factors is None else item_factors.shape[1]

    def top_k(
        self,
        user_vectors: F32 | None,
        k: int,
        *,
        history: CsrMatrix | None = None,
        allowed: Allowed | None = None,
        excluded: RaggedRows | None = None,
        boosts: CsrMatrix | None = None,
        prior_rows: NDArray[np.int32] | None = None,
        threads: int = 1,
    ) -> RankedRows:
        """Rank the best items of each query, exactly.

        Args:
            user_vectors: Shape (m, f), C-contiguous, finite; None if the scorer
                has no factors (m then comes from `history`, else from `excluded`,
                else it is 1).
            k: Items wanted per query, 0 and above.
            history: Row i holds the item rows (columns) and weights (data) of
                query i, finite; used by the item-item part.
            allowed: Which items may appear: a `Mask`, or a bitmap in which item i is
                bit i%8 of byte i//8, of shape (ceil(n/8),) for all queries or
                (m, ceil(n/8)); or up to 8 of these, and then all must allow an item.
            excluded: Item rows that may not appear, per query.
            boosts: Row i holds the item rows (columns) whose scores query i raises,
                and by how much (data), finite; repeats add up.
            prior_rows: Which row of `priors` each query adds, shape (m,), -1 for none.
            threads: Slices of a batch to compute at the same time, 1 to 256.

        Raises:
            InvalidArray, CountOutOfRange, RowOutOfRange, NotFinite: An argument
                is wrong; the message names it.
        """
        query_count = check_queries(
            user_vectors, history, excluded, factor_count=self.factor_count, rows_name="excluded"
        )
        check_additions(boosts, prior_rows, query_count)
        check_count(k, argument="k", count_min=0, count_max=2**31 - 1)
        masks = EVERYTHING if allowed is None else self.masks(allowed, query_count=query_count)
        width = min(k, self.item_count)
        items = np.zeros((query_count, width), dtype=np.int32)
        scores = np.zeros((query_count, width), dtype=np.float64)
        counts = np.zeros(query_count, dtype=np.int32)

        def rank(start: int, stop: int) -> None:
            # Slicing costs more than all else for one query.
            part = None if stop - start == query_count else slice(start, stop)
            fault = self.table.top_k(
                user_vectors if user_vectors is None or part is None else user_vectors[part],
                None if history is None else compiled_lists(history, start, stop),
                masks.bitmaps if part is None else masks.part(start, stop),
                None if excluded is None else compiled_lists(excluded, start, stop),
                None if boosts is None else compiled_lists(boosts, start, stop),
                prior_rows if prior_rows is None or part is None else prior_rows[part],
                masks.subset,
                masks.extra,
                items if part is None else items[part],
                scores if part is None else scores[part],
                counts if part is None else counts[part],
            )
            if fault is not None:
                raise self._fault_error(fault, start, history=history, rows=excluded, boosts=boosts)

        in_slices(
            rank,
            count=query_count,
            work_per_query=self.item_count * max(self.factor_count, 1) // _PRODUCTS_PER_STEP + 1,
            threads=threads,
            together=_scoring.BATCH_MAX,
        )
        return RankedRows(items=items, scores=scores, counts=counts)

    def masks(self, allowed: Allowed, *, query_count: int = 1) -> ResolvedMasks:
        """Take the state of masks once, for one call.

        Raises:
            InvalidArray, CountOutOfRange: As `top_k`.
        """
        return resolve_allowed(
            allowed,
            query_count=query_count,
            item_count=self.item_count,
            subsets=self._subsets,
        )

    def prepare_mask(self, mask: Mask) -> None:
        """Compact the codes of a mask's items now rather than after some calls."""
        if self._subsets is not None:
            self._subsets.make(mask)

    def score(
        self,
        user_vectors: F32 | None,
        rows: RaggedRows,
        *,
        history: CsrMatrix | None = None,
        boosts: CsrMatrix | None = None,
        prior_rows: NDArray[np.int32] | None = None,
    ) -> NDArray[np.float64]:
        """Score given items, bit for bit as `top_k` does; masks play no part.

        Args:
            user_vectors: As in `top_k`.
            rows: The item rows to score, per query; any order, repeats allowed.
            history: As in `top_k`.
            boosts: As in `top_k`.
            prior_rows: As in `top_k`.

        Returns:
            The score of each of `rows.rows`, shape (z,).

        Raises:
            InvalidArray, RowOutOfRange, NotFinite: As `top_k`.
        """
        return self._scored(user_vectors, rows, history, boosts, prior_rows, parts=None)

    def contributions(
        self,
        user_vectors: F32 | None,
        rows: RaggedRows,
        *,
        history: CsrMatrix | None = None,
        boosts: CsrMatrix | None = None,
        prior_rows: NDArray[np.int32] | None = None,
    ) -> Contributions:
        """Take the scores of given items apart, exactly; arguments and errors as `score`."""
        count = len(rows.rows) if isinstance(rows.rows, np.ndarray) else 0
        parts = np.zeros((count, len(PARTS)), dtype=np.float64)
        self._scored(user_vectors, rows, history, boosts, prior_rows, parts=parts)
        ends = np.zeros(count, dtype=np.int64)
        positions, terms = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float64)
        if history is not None:
            lists = compiled_lists(history, 0, history.row_count)
            asked = compiled_lists(rows, 0, history.row_count)
            self.table.link_terms(lists, asked, ends, None, None)
            term_count = int(ends.max(initial=0))
            positions = np.zeros(term_count, dtype=np.int32)
            terms = np.zeros(term_count, dtype=np.float64)
            self.table.link_terms(lists, asked, ends, positions, terms)
        return Contributions(
            parts=parts, term_ends=ends, term_positions=positions, term_values=terms
        )

    def _scored(
        self,
        user_vectors: F32 | None,
        rows: RaggedRows,
        history: CsrMatrix | None,
        boosts: CsrMatrix | None,
        prior_rows: NDArray[np.int32] | None,
        *,
        parts: NDArray[np.float64] | None,
    ) -> NDArray[np.float64]:
        query_count = check_queries(
            user_vectors, history, rows, factor_count=self.factor_count, rows_name="rows"
        )
        check_additions(boosts, prior_rows, query_count)
        scores = np.zeros(len(rows.rows), dtype=np.float64)
        fault = self.table.score(
            user_vectors,
            None if history is None else compiled_lists(history, 0, query_count),
            compiled_lists(rows, 0, query_count),
            None if boosts is None else compiled_lists(boosts, 0, query_count),
            prior_rows,
            scores,
            parts,
        )
        if fault is not None:
            raise self._fault_error(fault, 0, history=history, rows=rows, boosts=boosts)
        return scores

    def _fault_error(
        self,
        fault: tuple[int, int, int],
        first_query: int,
        *,
        history: CsrMatrix | None,
        rows: RaggedRows | None,
        boosts: CsrMatrix | None,
    ) -> InvalidInput:
        return fault_error(
            fault,
            first_query=first_query,
            item_count=self.item_count,
            prior_row_count=self.prior_row_count,
            history=history,
            rows=rows,
            boosts=boosts,
        )
