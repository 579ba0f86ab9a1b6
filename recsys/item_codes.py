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

_BLOCK: Final = 16_384
"""Rows rotated at a time; a multiple of the group."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ItemCodes:
    """Item factors in codes; `src/scoring/codes.h` describes each array.

    Attributes:
        order: The row at each place, -1 beyond the last, int32, shape (16 g,).
        places: The place of each row, int32, shape (n,).
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
        defect: How far the rotation is from orthogonal.
        first_stage: Where searches begin, one of `STAGES`.
    """

    order: NDArray[np.int32]
    places: NDArray[np.int32]
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
    defect: float
    first_stage: Stage

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that there are, by name."""
        named = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: value for name, value in named if isinstance(value, np.ndarray)}

    def compiled(self) -> _scoring.CodeArrays:
        """Hand them to the core."""
        arrays = self.arrays()
        del arrays["places"]
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
    head, tail, stages = _scoring.code_bytes(factor_count)
    group = 2 * (head + tail) + GROUP * (4 + 4 + 2 + 2 + 2) + 4 * (1 + stages)
    return -(-item_count // GROUP) * group + 4 * factor_count**2


def codes_pay(item_count: int, factor_count: int) -> bool:
    """Say whether there are items, and their codes small enough beside their factors.

    All that a search needs stays below 1.4 times the float32 factors, small models apart.
    """
    factor_bytes = 4 * item_count * factor_count
    limit = max(_SHARE_MAX * factor_bytes, _SMALL_BYTES)
    return factor_bytes > 0 and code_bytes(item_count, factor_count) <= limit


def code_shapes(item_count: int, factor_count: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each array that codes of so many items have."""
    head, tail, stages = _scoring.code_bytes(factor_count)
    groups = -(-item_count // GROUP)
    shapes: dict[str, tuple[int, ...]] = {
        "order": (groups * GROUP,),
        "places": (item_count,),
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
    codes = ItemCodes(
        order=order,
        places=_inverse(order, item_count),
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
    for name in ("order", "places", "rotation"):
        del targets[name]
    for start in range(0, len(item_factors), _BLOCK):
        rows = codes.order[start : start + _BLOCK]
        rows = rows[rows >= 0]
        first = start // GROUP
        parts = {
            name: array[start:] if name in {"steps", "tails", "rests"} else array[first:]
            for name, array in targets.items()
        }
        _scoring.encode(
            item_factors[rows].astype(np.float64) @ rotation,
            norms[rows],
            **_with_tails(parts),
        )


def _with_tails(arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    return {"tail_high": None, "tail_low": None, **arrays}


def _inverse(order: NDArray[np.int32], item_count: int) -> NDArray[np.int32]:
    places = np.empty(item_count, dtype=np.int32)
    places[order[:item_count]] = np.arange(item_count, dtype=np.int32)
    return places


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
    """Return how far a rotation is from orthogonal, rounded up; never below 2^-40."""
    precise = rotation.astype(np.float64)
    off = float(np.linalg.norm(precise @ precise.T - np.eye(len(precise))))
    return off * (1.0 + 2.0**-20) + 2.0**-40


def decoded(codes: ItemCodes, groups: NDArray[np.intp]) -> dict[str, F64]:
    """Return what each stage takes the rotated rows of some groups for.

    Returns:
        Shape (16 x groups, f) by name of a stage; the head stages give the head alone.
    """
    high, low = _plane(codes.head_high, groups), _plane(codes.head_low, groups)
    head_width = high.shape[1]
    if codes.tail_high is not None and codes.tail_low is not None:
        high = np.hstack([high, _plane(codes.tail_high, groups)])
        low = np.hstack([low, _plane(codes.tail_low, groups)])
    width = len(codes.rotation)
    places = (groups[:, np.newaxis] * GROUP + np.arange(GROUP)).ravel()
    steps64 = _halves(codes.steps, places)[:, np.newaxis]
    all8 = steps64 * (16.0 * high + low - 128.0)
    all4 = steps64 * (16.0 * high + 7.5 - 128.0)
    head = slice(None, min(head_width, width))
    return {
        "head4": all4[:, head],
        "head8": all8[:, head],
        "all4": all4[:, :width],
        "all8": all8[:, :width],
    }


def _halves(values: NDArray[np.uint16], places: NDArray[np.intp]) -> F64:
    """Read bfloat16 at some places."""
    wide = (values[places].astype(np.uint32) << 16).view(np.float32)
    return wide.astype(np.float64)


def _plane(plane: NDArray[np.uint8], groups: NDArray[np.intp]) -> F64:
    # (group, pair, item, byte) -> (group, item, pair, half, byte): low bits come first
    bytes_ = plane[groups].reshape(len(groups), -1, GROUP, 4).transpose(0, 2, 1, 3)
    halves = np.stack([bytes_ & 15, bytes_ >> 4], axis=3)
    return halves.reshape(len(groups) * GROUP, -1).astype(np.float64)


def sample_problem(
    codes: ItemCodes, item_factors: F32, *, group_count_max: int = 256
) -> str | None:
    """Measure some groups again and say what is wrong with them, or None."""
    groups = np.unique(
        np.linspace(0, len(codes.norms) - 1, group_count_max).round().astype(np.intp)
    )
    stages = decoded(codes, groups)
    places = (groups[:, np.newaxis] * GROUP + np.arange(GROUP)).ravel()
    rows = codes.order[places]
    real = rows >= 0
    rows64 = item_factors[rows[real]].astype(np.float64)
    rotated = rows64 @ codes.rotation.astype(np.float64)
    group_of = np.repeat(np.arange(len(groups)), GROUP)[real]
    slack = 1.0 + 2.0**-20
    norms = np.maximum(np.linalg.norm(rows64, axis=1), np.linalg.norm(rotated, axis=1))
    if (norms > codes.norms[groups][group_of] * slack).any():
        return "codes: a norm is larger than it says"
    for stage, name in enumerate(STAGES):
        part = stages[name][real]
        losses = np.linalg.norm(rotated[:, : part.shape[1]] - part, axis=1)
        limit = codes.residuals[groups, stage].astype(np.float64)[group_of]
        if (losses > limit * slack + norms * 2.0**-40).any():
            return f"codes: a residual of stage {name} is larger than it says"
        if name == "all4" and (losses > _halves(codes.rests, places)[real] * slack).any():
            return "codes: a rest is larger than it says"
    tails = _halves(codes.tails, places)[real]
    found = np.linalg.norm(rotated[:, stages["head8"].shape[1] :], axis=1)
    if (found > tails * slack + norms * 2.0**-40).any():
        return "codes: a tail is larger than it says"
    return None
