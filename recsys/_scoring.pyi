# Types of the compiled core (`src/_scoring.pyx`); use `recsys.scoring` instead.
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recsys._features import ItemWeights

FAULT_VECTOR: Final[int]
FAULT_EXCLUDED: Final[int]
FAULT_HISTORY: Final[int]
FAULT_WEIGHT: Final[int]
FAULT_LINKS: Final[int]
FAULT_ROW: Final[int]
FAULT_BOOST: Final[int]
FAULT_BOOST_VALUE: Final[int]
FAULT_PRIOR_ROW: Final[int]
MASK_COUNT_MAX: Final[int]
SCORE_PART_COUNT: Final[int]
BATCH_MAX: Final[int]
DIGEST_WIDTHS: Final[tuple[int, int]]
RANK_COUNT: Final[int]
SCRATCH_KEPT_MAX: Final[int]
FOLD_IN_FAULT_ROW: Final[int]
FOLD_IN_FAULT_WEIGHT: Final[int]
FOLD_IN_FAULT_SYSTEM: Final[int]

_Fault: TypeAlias = tuple[int, int, int] | None

class Ragged:
    def __init__(
        self,
        indptr: NDArray[np.int64],
        rows: NDArray[np.int32],
        values: NDArray[np.float32] | None = None,
    ) -> None: ...

class Scratch:
    def __init__(self, item_count: int, touched_max: int, wanted: int) -> None: ...

class BatchRoom:
    def __init__(self) -> None: ...

class Masks:
    def __init__(
        self,
        bitmaps: tuple[NDArray[np.uint8], ...],
        subset: CodeSubset | None,
        extra: NDArray[np.int32] | None,
    ) -> None: ...

class CodeSubset:
    def __init__(self, codes: CodeArrays, prior: NDArray[np.float32] | None) -> None: ...
    def place_count(self) -> int: ...

class CodeArrays:
    def __init__(
        self,
        *,
        factor_count: int,
        order: NDArray[np.int32],
        steps: NDArray[np.uint16],
        tails: NDArray[np.uint16],
        rests: NDArray[np.uint16],
        norms: NDArray[np.float32],
        residuals: NDArray[np.float32],
        head_high: NDArray[np.uint8],
        head_low: NDArray[np.uint8],
        tail_high: NDArray[np.uint8] | None,
        tail_low: NDArray[np.uint8] | None,
        rotation: NDArray[np.float32],
        defect: float,
        first_stage: int,
    ) -> None: ...

class ItemTable:
    def __init__(
        self,
        *,
        item_count: int,
        factors: NDArray[np.float32] | None,
        norms: NDArray[np.float32] | None,
        norm_max: float,
        prior: NDArray[np.float32] | None,
        prior_max: float,
        priors: NDArray[np.float32] | None,
        priors_max: NDArray[np.float32] | None,
        head: NDArray[np.int32] | None,
        codes: CodeArrays | None,
        ranks: NDArray[np.uint8] | None,
        digests: NDArray[np.uint8] | None,
        code_prior: NDArray[np.float32] | None,
        code_priors: NDArray[np.float32] | None,
        link_starts: NDArray[np.int64] | None,
        link_items: NDArray[np.int32] | None,
        link_values: NDArray[np.float32] | None,
    ) -> None: ...
    def top_k(
        self,
        vectors: NDArray[np.float32] | None,
        history: Ragged | None,
        allowed: tuple[NDArray[np.uint8], ...],
        excluded: Ragged | None,
        boosts: Ragged | None,
        prior_rows: NDArray[np.int32] | None,
        subset: CodeSubset | None,
        extra: NDArray[np.int32] | None,
        out_items: NDArray[np.int32],
        out_scores: NDArray[np.float64],
        out_counts: NDArray[np.int32],
    ) -> _Fault: ...
    def score(
        self,
        vectors: NDArray[np.float32] | None,
        history: Ragged | None,
        rows: Ragged,
        boosts: Ragged | None,
        prior_rows: NDArray[np.int32] | None,
        out_scores: NDArray[np.float64],
        out_parts: NDArray[np.float64] | None,
    ) -> _Fault: ...
    def link_terms(
        self,
        history: Ragged,
        rows: Ragged,
        out_ends: NDArray[np.int64],
        out_positions: NDArray[np.int32] | None,
        out_terms: NDArray[np.float64] | None,
    ) -> None: ...
    def effort(self) -> int: ...

class Ranking:
    count: int
    def __init__(self) -> None: ...
    @staticmethod
    def of(rows: NDArray[np.int32], scores: NDArray[np.float64]) -> Ranking: ...
    def __len__(self) -> int: ...
    @property
    def rows(self) -> NDArray[np.int32]: ...
    @property
    def scores(self) -> NDArray[np.float64]: ...

class SolveScratch:
    def __init__(self, factor_count: int) -> None: ...

class FoldInModel:
    def __init__(
        self,
        factors: NDArray[np.float32],
        gram: NDArray[np.float64],
        *,
        alpha: float,
        regularization: float,
        regularization_exponent: float,
        unobserved: float,
        is_diagonal: bool,
    ) -> None: ...

class PersonRanker:
    def __init__(
        self, table: ItemTable, fold_in: FoldInModel | None, *, releases_gil: bool
    ) -> None: ...
    def rank(
        self,
        weights: ItemWeights,
        excluded: NDArray[np.int32] | None,
        without_seen: bool,
        k: int,
        prior_row: int,
        masks: Masks | None,
        out_vector: NDArray[np.float32] | None,
    ) -> Ranking | tuple[int, int]: ...

def code_bytes(factor_count: int) -> tuple[int, int, int]: ...
def encode(
    rotated: NDArray[np.float64],
    row_norms: NDArray[np.float32],
    *,
    steps: NDArray[np.uint16],
    tails: NDArray[np.uint16],
    rests: NDArray[np.uint16],
    norms: NDArray[np.float32],
    residuals: NDArray[np.float32],
    head_high: NDArray[np.uint8],
    head_low: NDArray[np.uint8],
    tail_high: NDArray[np.uint8] | None,
    tail_low: NDArray[np.uint8] | None,
    digests: NDArray[np.uint8] | None,
) -> None: ...
def row_norms(factors: NDArray[np.float32], out_norms: NDArray[np.float32]) -> int: ...
def fold_in(model: FoldInModel, histories: Ragged, out_vectors: NDArray[np.float32]) -> _Fault: ...
def fold_in_split(
    model: FoldInModel,
    rows: NDArray[np.int32],
    weights: NDArray[np.float32],
    ranked: NDArray[np.int32],
    out_parts: NDArray[np.float64],
) -> _Fault: ...
def available_simd() -> tuple[str, ...]: ...
def simd() -> str: ...
def _force_simd(name: str) -> None: ...
