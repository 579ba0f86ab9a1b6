"""Item-item nearest neighbours from `implicit`: cosine, BM25 and TF-IDF.

An item of the history adds its row of similarities to the scores. Rows keep
their `neighbours` best columns, so pruning is by history item: pruning by
candidate would cost far more quality for the same size.
"""

import warnings
from dataclasses import dataclass

import msgspec
import numpy as np
from implicit.nearest_neighbours import (
    BM25Recommender,
    CosineRecommender,
    ItemItemRecommender,
    TFIDFRecommender,
)
from implicit.utils import ParameterWarning
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from recsys.sparse import CsrMatrix
from training.models.checks import check_neighbours, check_weight
from training.models.popularity import unreached_prior
from training.models.protocol import (
    Interactions,
    IterationReport,
    ModelParts,
    ignore_iteration,
)
from training.models.threads import one_blas_thread, to_scipy


class _NeighbourConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    neighbours: int = 200
    self_weight: float = 1.0

    def __post_init__(self) -> None:
        check_neighbours(self.neighbours)
        check_weight("self_weight", self.self_weight)


class CosineConfig(_NeighbourConfig, tag="cosine", frozen=True, kw_only=True):
    """Cosine similarity of items over users.

    Attributes:
        neighbours: Similar items kept per item, 1 to 10000, itself included.
        self_weight: Factor on an item's similarity to itself, 0 or more: how much
            a history speaks for buying the same again.
    """


class TfidfConfig(_NeighbourConfig, tag="tfidf", frozen=True, kw_only=True):
    """Cosine similarity after TF-IDF: people who touch everything count less.

    Attributes:
        neighbours: Similar items kept per item, 1 to 10000, itself included.
        self_weight: Factor on an item's similarity to itself, 0 or more.
    """


class Bm25Config(_NeighbourConfig, tag="bm25", frozen=True, kw_only=True):
    """BM25-weighted co-occurrence: popular candidates keep an advantage.

    Attributes:
        neighbours: Similar items kept per item, 1 to 10000, itself included.
        self_weight: Factor on an item's similarity to itself, 0 or more.
        k1: How late repeated contact saturates, positive.
        b: How much popular items are held back, 0 to 1.
    """

    k1: float = 1.2
    b: float = 0.75

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.k1 < np.inf:
            raise ValueError(f"k1 is {self.k1}; it must be positive and finite")
        if not 0 <= self.b <= 1:
            raise ValueError(f"b is {self.b}; allowed 0 to 1")


NeighbourConfig = CosineConfig | TfidfConfig | Bm25Config


@dataclass(frozen=True, slots=True)
class NeighbourTrainer:
    """Learns a pruned item-item matrix and a small popularity prior."""

    config: NeighbourConfig

    def fit(
        self,
        interactions: Interactions,
        *,
        seed: int,
        start: NDArray[np.float32] | None = None,
        progress: bool = False,
        report: IterationReport = ignore_iteration,
    ) -> ModelParts:
        """Learn; deterministic without the seed. See `training.models.protocol.Trainer`."""
        del seed, start, report
        model = self._recommender()
        with one_blas_thread(), warnings.catch_warnings():
            # implicit complains of a matrix format that it chose itself.
            warnings.simplefilter("ignore", ParameterWarning)
            model.fit(to_scipy(interactions), show_progress=progress)
        assert model.similarity is not None, "fit makes it"
        item_item = _cleaned(model.similarity, self_weight=self.config.self_weight)
        return ModelParts(
            item_item=item_item,
            prior=unreached_prior(interactions.popularity, item_item.data),
            facts={"similarity_count": float(len(item_item.data))},
        )

    def _recommender(self) -> ItemItemRecommender:
        match self.config:
            case Bm25Config(neighbours=count, k1=k1, b=b):
                return BM25Recommender(K=count, K1=k1, B=b)
            case TfidfConfig(neighbours=count):
                return TFIDFRecommender(K=count)
            case CosineConfig(neighbours=count):
                return CosineRecommender(K=count)


def _cleaned(similarity: csr_matrix, *, self_weight: float) -> CsrMatrix:
    matrix = similarity.astype(np.float32)
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    matrix.data[rows == matrix.indices] *= np.float32(self_weight)
    # Neither speaks for a candidate: no co-occurrence, or an inverse document
    # frequency below 0 (almost everybody has the item).
    matrix.data[~(np.isfinite(matrix.data) & (matrix.data > 0))] = 0.0
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return CsrMatrix(
        indptr=matrix.indptr.astype(np.int64),
        indices=matrix.indices.astype(np.int32),
        data=matrix.data,
    )
