"""Making the codes that searches read instead of the factors; `docs/kernel.md` says why.

They are made once, when a bundle is published, and mapped from it afterwards: 1M
items of 128 factors take some seconds. The bounds that the compiled core proves hold
for whatever is in here, because every residual is measured; a rotation that fits the
data worse, or codes made on another machine, cost time and never an answer.
"""

from dataclasses import dataclass, fields
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from recsys import _scoring
from recsys.arrays import NotFinite

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

GROUP: Final = 16
Stage = Literal["head4", "head8", "all4", "all8"]
STAGES: Final[tuple[Stage, ...]] = ("head4", "head8", "all4", "all8")

_SHARE_MAX: Final = 0.4
"""Codes take at most this share of the factors' bytes ..."""

_SMALL_BYTES: Final = 2**20
"""... or this many bytes."""

_BY_ROW: Final = frozenset({"ranks", "digests"})
"""Arrays in the order of the rows, of which subsets hold none of their own."""

_BLOCK: Final = 16_384
"""Rows rotated at a time; a multiple of the group."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ItemCodes:
    """Item factors in codes; `src/scoring/codes.h` describes each array.

    Attributes:
        order: The row at each place, -1 beyond the last, int32, shape (16 g,).
        ranks: Which 256th of the order each row is in, uint8, shape (n,).
        steps: Upper halves of float32 (bfloat16), uint16, shape (16 g,).
        tails: Likewise.
        rests: Likewise.
        norms: float32, shape (g,).
        residuals: float32, shape (g, 4).
        rotation: float32, shape (f, f).
        head_high: uint8, shape (g, 64 * pairs of the head); `head_low` likewise.
        head_low: See above.
        tail_high: uint8, shape (g, 64 * other pairs), or None without any.
        tail_low: See above.
        digests: A line of memory for each row, uint8, shape (n, 64) or a little less; None
            where they would take too much room.
        defect: How far the rotation is from orthogonal.
        first_stage: Where searches begin, one of `STAGES`.
    """

    order: NDArray[np.int32]
    ranks: NDArray[np.uint8]
    steps: NDArray[np.uint16]
    tails: NDArray[np.uint16]
    rests: NDArray[np.uint16]
    norms: F32
    residuals: F32
    rotation: F32
    head_high: NDArray[np.uint8]
    head_low: NDArray[np.uint8]
    tail_high: NDArray[np.uint8] | None
    tail_low: NDArray[np.uint8] | None
    digests: NDArray[np.uint8] | None
    defect: float
    first_stage: Stage

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that there are, by name."""
        named = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: value for name, value in named if isinstance(value, np.ndarray)}

    def compiled(self) -> _scoring.CodeArrays:
        """Hand them to the core."""
        arrays = {name: array for name, array in self.arrays().items() if name not in _BY_ROW}
        return _scoring.CodeArrays(
            factor_count=len(self.rotation),
            defect=self.defect,
            first_stage=STAGES.index(self.first_stage),
            **_with_tails(arrays),
        )

    def in_order(self, values: F32) -> F32:
        """Bring a value per row, shape (..., n), into the order of the places, zero-padded."""
        ordered = values[..., np.maximum(self.order, 0)]
        ordered[..., self.order < 0] = 0.0
        return np.ascontiguousarray(ordered)


def code_bytes(item_count: int, factor_count: int) -> int:
    """Return how many bytes the codes of so many items take, the rotation included."""
    size = _bytes_without_digests(item_count, factor_count)
    return size + item_count * digest_width(item_count, factor_count)


def codes_pay(item_count: int, factor_count: int) -> bool:
    """Say whether there are items, and their codes small enough beside their factors.

    All that a search needs stays below 1.4 times the float32 factors, small models apart.
    """
    size = _bytes_without_digests(item_count, factor_count)
    return item_count * factor_count > 0 and size <= _bytes_max(item_count, factor_count)


def _bytes_without_digests(item_count: int, factor_count: int) -> int:
    head, tail, stages = _scoring.code_bytes(factor_count)
    group = 2 * (head + tail) + GROUP * (4 + 2 + 2 + 2) + 4 * (1 + stages)
    return -(-item_count // GROUP) * group + item_count + 4 * factor_count**2


def digest_width(item_count: int, factor_count: int) -> int:
    """Return how many bytes a digest has: as many as fit beside the rest; 0 for no digests."""
    least, most = _scoring.DIGEST_WIDTHS
    size = _bytes_without_digests(item_count, factor_count)
    room = int(_bytes_max(item_count, factor_count) - size) // max(item_count, 1)
    width = min(room, most, -(-factor_count // 8) * 8 + 8) // 8 * 8
    return max(width, least) if room >= least else 0


def _bytes_max(item_count: int, factor_count: int) -> float:
    return max(_SHARE_MAX * 4 * item_count * factor_count, _SMALL_BYTES)


def code_shapes(item_count: int, factor_count: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each array that codes of so many items have; they may lack digests."""
    head, tail, stages = _scoring.code_bytes(factor_count)
    groups = -(-item_count // GROUP)
    shapes: dict[str, tuple[int, ...]] = {
        "order": (groups * GROUP,),
        "ranks": (item_count,),
        "digests": (item_count, digest_width(item_count, factor_count)),
        "steps": (groups * GROUP,),
        "tails": (groups * GROUP,),
        "rests": (groups * GROUP,),
        "norms": (groups,),
        "residuals": (groups, stages),
        "rotation": (factor_count, factor_count),
        "head_high": (groups, head),
        "head_low": (groups, head),
    }
    if tail:
        shapes |= {"tail_high": (groups, tail), "tail_low": (groups, tail)}
    return shapes


def encode_items(item_factors: F32) -> ItemCodes:
    """Encode all items.

    Args:
        item_factors: Shape (n, f), n >= 1, finite, C-contiguous.

    Raises:
        NotFinite: NaN or infinity.
    """
    item_count, width = item_factors.shape
    norms = row_norms(item_factors)
    rotation, defect = _rotation(item_factors)
    shapes = code_shapes(item_count, width)
    order = np.full(shapes["order"], -1, dtype=np.int32)
    order[:item_count] = np.argsort(-norms, kind="stable")
    has_tail = "tail_high" in shapes
    has_digests = shapes["digests"][1] > 0
    codes = ItemCodes(
        order=order,
        ranks=ranks_of(order, item_count),
        steps=np.zeros(shapes["steps"], dtype=np.uint16),
        tails=np.zeros(shapes["tails"], dtype=np.uint16),
        rests=np.zeros(shapes["rests"], dtype=np.uint16),
        norms=np.zeros(shapes["norms"], dtype=np.float32),
        residuals=np.zeros(shapes["residuals"], dtype=np.float32),
        rotation=rotation,
        head_high=np.zeros(shapes["head_high"], dtype=np.uint8),
        head_low=np.zeros(shapes["head_low"], dtype=np.uint8),
        tail_high=np.zeros(shapes["tail_high"], dtype=np.uint8) if has_tail else None,
        tail_low=np.zeros(shapes["tail_low"], dtype=np.uint8) if has_tail else None,
        digests=np.zeros(shapes["digests"], dtype=np.uint8) if has_digests else None,
        defect=defect,
        first_stage="head8" if has_tail else "all8",
    )
    _fill(codes, item_factors, norms)
    # Scans stop where norms have fallen too low, so rounding may not lift one.
    codes.norms[:] = np.maximum.accumulate(codes.norms[::-1])[::-1]
    return codes


def row_norms(item_factors: F32) -> F32:
    """Return an upper bound of each row's norm, float32, shape (n,).

    Raises:
        NotFinite: NaN or infinity.
    """
    norms = np.zeros(len(item_factors), dtype=np.float32)
    bad_row = _scoring.row_norms(item_factors, norms)
    if bad_row >= 0:
        raise NotFinite(argument="item_factors", row=bad_row)
    return norms


def _fill(codes: ItemCodes, item_factors: F32, norms: F32) -> None:
    rotation = codes.rotation.astype(np.float64)
    targets = codes.arrays()
    for name in ("order", "rotation", *_BY_ROW):
        targets.pop(name, None)
    for start in range(0, len(item_factors), _BLOCK):
        rows = codes.order[start : start + _BLOCK]
        rows = rows[rows >= 0]
        first = start // GROUP
        parts = {
            name: array[start:] if name in {"steps", "tails", "rests"} else array[first:]
            for name, array in targets.items()
        }
        digests = None
        if codes.digests is not None:
            digests = np.zeros((len(rows), codes.digests.shape[1]), dtype=np.uint8)
        _scoring.encode(
            item_factors[rows].astype(np.float64) @ rotation,
            norms[rows],
            digests=digests,
            **_with_tails(parts),
        )
        if codes.digests is not None and digests is not None:
            codes.digests[rows] = digests


def _with_tails(arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    return {"tail_high": None, "tail_low": None, **arrays}


def ranks_of(order: NDArray[np.int32], item_count: int) -> NDArray[np.uint8]:
    """Return which 256th of an order of groups each row is in, shape (n,)."""
    groups_each = -(-(len(order) // GROUP) // _scoring.RANK_COUNT)
    ranks = np.empty(item_count, dtype=np.uint8)
    ranks[order[:item_count]] = np.arange(item_count) // (GROUP * groups_each)
    return ranks


def _rotation(item_factors: F32) -> tuple[F32, float]:
    """Principal directions of the rows, largest energy first, and their defect."""
    width = item_factors.shape[1]
    energy = np.zeros((width, width), dtype=np.float64)
    scale = float(np.abs(item_factors).max(initial=0.0)) or 1.0
    for start in range(0, len(item_factors), _BLOCK):
        block = item_factors[start : start + _BLOCK].astype(np.float64) / scale
        energy += block.T @ block
    try:
        directions = np.linalg.eigh(energy)[1][:, ::-1]
    except np.linalg.LinAlgError:
        directions = np.eye(width)
    rotation = np.ascontiguousarray(directions, dtype=np.float32)
    return rotation, rotation_defect(rotation)


def rotation_defect(rotation: F32) -> float:
    """Return how far a rotation is from orthogonal, rounded up.

    The margin is more than what two ways to sum f^2 products of f terms can differ by,
    so what one machine says of a rotation holds where another measures it again.
    """
    rounding = len(rotation) ** 2 * 2.0**-51
    return rotation_distance(rotation) * (1.0 + 2.0**-20) + max(rounding, 2.0**-40)


def rotation_distance(rotation: F32) -> float:
    """Return how far a rotation is from orthogonal, as measured here; see `rotation_defect`."""
    precise = rotation.astype(np.float64)
    return float(np.linalg.norm(precise @ precise.T - np.eye(len(precise))))
