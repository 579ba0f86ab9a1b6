"""What is in a bundle: the manifest and the table of arrays."""

import datetime as dt
import math
from pathlib import PurePosixPath
from typing import Final, Literal

import msgspec

from recsys.features import FeatureConfig, FoldInConfig, HistoryConfig

FORMAT_VERSION: Final = 8
"""Raised by one when older readers would misread a bundle. 2 adds codes; 3 adds
`history` and the unobserved weight and scaled regularization of `fold_in`; 4 adds
`priors`; 5 adds `newest_boost` and `decayed_vectors` to `history`; 6 has ranks and digests in
codes, where older ones have the place of each row; 7 adds the map for new items; 8 adds
links of baskets and habits of buying again."""

READABLE_VERSIONS: Final = (1, 2, 3, 4, 5, 6, 7, 8)

MANIFEST_NAME: Final = "manifest.json"

# Array names. Optional parts are absent, never empty.
ITEM_ID_BYTES: Final = "item_id_bytes"  # uint8 (b,): all ids in UTF-8, one after the other
ITEM_ID_OFFSETS: Final = "item_id_offsets"  # int64 (n + 1,): where each id begins
ITEM_ID_SLOTS: Final = "item_id_slots"  # int32 (s,): hash table id -> row, -1 is free
ITEM_FACTORS: Final = "item_factors"  # float32 (n, f)
GRAM: Final = "gram"  # float64 (f, f): item_factors^T item_factors, for fold-in
PRIOR: Final = "prior"  # float32 (n,): added to every score
PRIORS: Final = "priors"  # float32 (r, n): rows of which a query may add one
ITEM_ITEM_INDPTR: Final = "item_item_indptr"  # int64 (n + 1,)
ITEM_ITEM_INDICES: Final = "item_item_indices"  # int32 (z,): ascending within a row
ITEM_ITEM_DATA: Final = "item_item_data"  # float32 (z,)
POPULAR_INDPTR: Final = "popular_indptr"  # int64 (segments + 1,)
POPULAR_ROWS: Final = "popular_rows"  # int32 (p,): best first within a segment
POPULAR_SCORES: Final = "popular_scores"  # float32 (p,): descending within a segment
BASKET_INDPTR: Final = "basket_indptr"  # int64 (n + 1,)
BASKET_INDICES: Final = "basket_indices"  # int32 (z,): ascending within a row
BASKET_DATA: Final = "basket_data"  # float32 (z,)
REBUY_SHARES: Final = "rebuy_shares"  # float32 (n,)
REBUY_DAYS: Final = "rebuy_days"  # float32 (n,)
NEW_ITEM_FEATURES: Final = "new_item_features"  # uint64 (d,): ascending hashes
NEW_ITEM_WEIGHTS: Final = "new_item_weights"  # float32 (d + 1, f + 1): see NewItemMap

# The factors once more in codes; `recsys.item_codes.ItemCodes` says what each holds.
CODE_PREFIX: Final = "code_"
CODE_DTYPES: Final = {
    "code_order": "int32",
    "code_steps": "uint16",
    "code_tails": "uint16",
    "code_rests": "uint16",
    "code_norms": "float32",
    "code_residuals": "float32",
    "code_rotation": "float32",
    "code_head_high": "uint8",
    "code_head_low": "uint8",
}
CODE_TAIL_DTYPES: Final = {"code_tail_high": "uint8", "code_tail_low": "uint8"}
"""Absent up to 32 factors."""
CODE_RANKS: Final = "code_ranks"  # uint8 (n,): since format 6
CODE_DIGESTS: Final = "code_digests"  # uint8 (n, 32 to 64): since format 6, where they fit
CODE_PLACES: Final = "code_places"  # int32 (n,): before; nothing reads it any more
CODE_PRIOR: Final = "code_prior"  # float32 (16 g,): the prior in the order of the codes
CODE_PRIORS: Final = "code_priors"  # float32 (r, 16 g): likewise

DTYPES: Final = {
    ITEM_ID_BYTES: "uint8",
    ITEM_ID_OFFSETS: "int64",
    ITEM_ID_SLOTS: "int32",
    ITEM_FACTORS: "float32",
    GRAM: "float64",
    PRIOR: "float32",
    PRIORS: "float32",
    ITEM_ITEM_INDPTR: "int64",
    ITEM_ITEM_INDICES: "int32",
    ITEM_ITEM_DATA: "float32",
    POPULAR_INDPTR: "int64",
    POPULAR_ROWS: "int32",
    POPULAR_SCORES: "float32",
    BASKET_INDPTR: "int64",
    BASKET_INDICES: "int32",
    BASKET_DATA: "float32",
    REBUY_SHARES: "float32",
    REBUY_DAYS: "float32",
    NEW_ITEM_FEATURES: "uint64",
    NEW_ITEM_WEIGHTS: "float32",
    CODE_RANKS: "uint8",
    CODE_DIGESTS: "uint8",
    CODE_PLACES: "int32",
    CODE_PRIOR: "float32",
    CODE_PRIORS: "float32",
    **CODE_DTYPES,
    **CODE_TAIL_DTYPES,
}
REQUIRED: Final = frozenset(
    {
        ITEM_ID_BYTES,
        ITEM_ID_OFFSETS,
        ITEM_ID_SLOTS,
        POPULAR_INDPTR,
        POPULAR_ROWS,
        POPULAR_SCORES,
    }
)
TOGETHER: Final = (
    frozenset({ITEM_FACTORS, GRAM}),
    frozenset({NEW_ITEM_FEATURES, NEW_ITEM_WEIGHTS}),
    frozenset({ITEM_ITEM_INDPTR, ITEM_ITEM_INDICES, ITEM_ITEM_DATA}),
    frozenset({BASKET_INDPTR, BASKET_INDICES, BASKET_DATA}),
    frozenset({REBUY_SHARES, REBUY_DAYS}),
    frozenset(CODE_DTYPES),
    frozenset(CODE_TAIL_DTYPES),
)
"""Groups of arrays that come all or none."""


class ArrayEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One array file as the manifest describes it.

    Attributes:
        file: Name inside the bundle folder, in NumPy's .npy format.
        dtype: NumPy name of the element type, little-endian.
        shape: Length of each axis.
        size_bytes: Size of the whole file.
        sha256: Hex digest of the whole file.
    """

    file: str
    dtype: str
    shape: tuple[int, ...]
    size_bytes: int
    sha256: str

    def __post_init__(self) -> None:
        if PurePosixPath(self.file).name != self.file or self.file in {"", ".", ".."}:
            raise ValueError(f"file is {self.file!r}; it must be a plain name in the bundle")


class CodesInfo(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What belongs to the codes besides their arrays.

    Attributes:
        defect: How far the rotation is from orthogonal, 0 and above.
        first_stage: Where searches begin; found by calibration.
    """

    defect: float
    first_stage: Literal["head4", "head8", "all4", "all8"]


class PriorsInfo(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What belongs to the rows of priors besides their values.

    Attributes:
        names: What each row is for, such as `channel:web` or `store:s-1`; no name twice.
        largest: The largest absolute value of each row. Bounds of scores are made of it,
            so opening a bundle need not read the rows.
    """

    names: tuple[str, ...]
    largest: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.names or len(set(self.names)) != len(self.names):
            raise ValueError("priors have no name, or one twice")
        if len(self.largest) != len(self.names):
            raise ValueError(f"{len(self.names)} names but {len(self.largest)} largest values")


class RebuysInfo(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What belongs to the habits of buying again besides their arrays; see `Rebuys`.

    Attributes:
        ratios: Bounds of classes, positive, ascending.
        rates: Of each class, positive; one more than there are bounds.
    """

    ratios: tuple[float, ...]
    rates: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.rates) != len(self.ratios) + 1:
            raise ValueError(f"{len(self.ratios)} bounds but {len(self.rates)} rates")
        if list(self.ratios) != sorted(set(self.ratios)):
            raise ValueError("bounds are not in order")
        if not all(0.0 < one < math.inf for one in (*self.ratios, *self.rates)):
            raise ValueError("bounds and rates must be positive")


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a bundle says of itself (`manifest.json`).

    Attributes:
        format_version: See `FORMAT_VERSION`.
        model_version: Unique name of the model, made at publishing.
        model_type: Such as `als`, `bpr`, `item-item`.
        publish_time: When it was published, UTC.
        training_start_time: Oldest event trained on, UTC.
        training_end_time: Newest event trained on, UTC.
        data_fingerprint: Hex digest that names the data trained on.
        item_count: Items known, n.
        factor_count: Length of item vectors, 0 without vectors.
        features: How histories become weights.
        fold_in: How user vectors are solved for; None without vectors.
        history: How item weights are made ready for item-item rows.
        segments: Names of the popular lists, in the order of `popular_indptr`.
        metrics: What offline evaluation measured.
        lineage: Where it comes from: run id, git commit, configuration.
        arrays: The files.
        codes: What belongs to the codes; None without them.
        priors: What belongs to the rows of priors; None without them.
        rebuys: What belongs to the habits of buying again; None without them.
    """

    format_version: int
    model_version: str
    model_type: str
    publish_time: dt.datetime
    training_start_time: dt.datetime
    training_end_time: dt.datetime
    data_fingerprint: str
    item_count: int
    factor_count: int
    features: FeatureConfig
    fold_in: FoldInConfig | None
    segments: tuple[str, ...]
    metrics: dict[str, float]
    lineage: dict[str, str]
    arrays: dict[str, ArrayEntry]
    codes: CodesInfo | None = None
    history: HistoryConfig = HistoryConfig()
    priors: PriorsInfo | None = None
    rebuys: RebuysInfo | None = None
