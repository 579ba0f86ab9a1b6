"""Whether codes say what is true of the factors: measured again for a sample."""

import numpy as np
from numpy.typing import NDArray

from recsys.item_codes import GROUP, STAGES, ItemCodes

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

_SLACK = 1.0 + 2.0**-20
"""What measuring in another order of sums may differ by."""


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
    return _wide(values[places])


def _wide(halves: NDArray[np.uint16]) -> F64:
    return (halves.astype(np.uint32) << 16).view(np.float32).astype(np.float64)


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
    norms = np.maximum(np.linalg.norm(rows64, axis=1), np.linalg.norm(rotated, axis=1))
    slack = norms * 2.0**-40
    if (norms > codes.norms[groups][group_of] * _SLACK).any():
        return "codes: a norm is larger than it says"
    for stage, name in enumerate(STAGES):
        part = stages[name][real]
        losses = _losses(rotated, part)
        limit = codes.residuals[groups, stage].astype(np.float64)[group_of]
        if (losses > limit * _SLACK + slack).any():
            return f"codes: a residual of stage {name} is larger than it says"
        if name == "all4" and (losses > _halves(codes.rests, places)[real] * _SLACK + slack).any():
            return "codes: a rest is larger than it says"
    tails = _halves(codes.tails, places)[real]
    found = np.linalg.norm(rotated[:, stages["head8"].shape[1] :], axis=1)
    if (found > tails * _SLACK + slack).any():
        return "codes: a tail is larger than it says"
    if codes.digests is None:
        return None
    return _digest_problem(codes, places[real], rotated, norms)


def _losses(rotated: F64, part: F64) -> F64:
    losses: F64 = np.linalg.norm(rotated[:, : part.shape[1]] - part, axis=1)
    return losses


def _digest_problem(
    codes: ItemCodes, places: NDArray[np.intp], rotated: F64, norms: F64
) -> str | None:
    """Measure the digests of the items at some places."""
    assert codes.digests is not None
    digests = codes.digests[codes.order[places]]
    width = min(digests.shape[1] - 8, rotated.shape[1])
    steps, tails, residuals, own_norms = map(
        _wide, np.ascontiguousarray(digests[:, -8:]).view(np.uint16).T
    )
    part = steps[:, np.newaxis] * (digests[:, :width].astype(np.float64) - 128.0)
    slack = norms * 2.0**-40
    if (_losses(rotated, part) > residuals * _SLACK + slack).any():
        return "codes: a residual is larger than its digest says"
    if (np.linalg.norm(rotated[:, width:], axis=1) > tails * _SLACK + slack).any():
        return "codes: a tail is larger than its digest says"
    if (norms > own_norms * _SLACK).any():
        return "codes: a norm is larger than its digest says"
    return None
