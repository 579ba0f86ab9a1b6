"""The codes of a bundle: when they are worth their bytes, and whether they are right."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from recsys.bundle import format as fmt
from recsys.bundle.priors import PriorRows
from recsys.code_checks import sample_problem
from recsys.item_codes import (
    GROUP,
    ItemCodes,
    code_shapes,
    codes_pay,
    encode_items,
    ranks_of,
    rotation_distance,
)
from recsys.item_table import calibrated

F32 = NDArray[np.float32]

_RANKS_SINCE: Final = 6
"""Format version."""


def publish_codes(item_factors: F32 | None) -> ItemCodes | None:
    """Encode the factors for a bundle, unless codes would take too much room.

    Raises:
        NotFinite: A factor is NaN or infinite.
    """
    if item_factors is None or not codes_pay(*item_factors.shape):
        return None
    item_factors = np.ascontiguousarray(item_factors)
    return calibrated(encode_items(item_factors), item_factors)


def code_arrays(
    codes: ItemCodes, prior: F32 | None, priors: PriorRows | None
) -> dict[str, NDArray[Any]]:
    """Name the arrays of codes as the format does, with all priors in their order."""
    arrays = {fmt.CODE_PREFIX + name: array for name, array in codes.arrays().items()}
    if prior is not None:
        arrays[fmt.CODE_PRIOR] = codes.in_order(prior)
    if priors is not None:
        arrays[fmt.CODE_PRIORS] = codes.in_order(priors.values)
    return arrays


def mapped_codes(manifest: fmt.Manifest, arrays: dict[str, NDArray[Any]]) -> ItemCodes | None:
    """Put the codes of an opened bundle together; None where it has none."""
    if manifest.codes is None:
        return None
    parts = {name: arrays.get(name) for name in (*fmt.CODE_DTYPES, *fmt.CODE_TAIL_DTYPES)}
    ranks = arrays.get(fmt.CODE_RANKS)
    if ranks is None:
        ranks = ranks_of(arrays["code_order"], manifest.item_count)
    return ItemCodes(
        **{name.removeprefix(fmt.CODE_PREFIX): array for name, array in parts.items()},  # type: ignore[arg-type]  # a manifest with codes has them all
        ranks=ranks,
        digests=arrays.get(fmt.CODE_DIGESTS),
        defect=manifest.codes.defect,
        first_stage=manifest.codes.first_stage,
    )


def expected_shapes(manifest: fmt.Manifest) -> dict[str, tuple[int, ...]]:
    """What shape each array of the codes must have, if there are codes."""
    if manifest.codes is None or manifest.item_count == 0 or manifest.factor_count == 0:
        return {}
    shapes = code_shapes(manifest.item_count, manifest.factor_count)
    place_count = -(-manifest.item_count // GROUP) * GROUP
    named = {fmt.CODE_PREFIX + name: shape for name, shape in shapes.items()}
    if manifest.format_version < _RANKS_SINCE:
        del named[fmt.CODE_RANKS], named[fmt.CODE_DIGESTS]
        named[fmt.CODE_PLACES] = (manifest.item_count,)
    row_count = 0 if manifest.priors is None else len(manifest.priors.names)
    return {
        **named,
        fmt.CODE_PRIOR: (place_count,),
        fmt.CODE_PRIORS: (row_count, place_count),
    }


def missing_codes(manifest: fmt.Manifest, names: frozenset[str]) -> frozenset[str]:
    """Which arrays of the codes are missing, or there for no reason."""
    present = frozenset(name for name in names if name.startswith(fmt.CODE_PREFIX))
    expected = frozenset(expected_shapes(manifest))
    expected -= {fmt.CODE_DIGESTS} - names
    if fmt.PRIOR not in names:
        expected -= {fmt.CODE_PRIOR}
    if fmt.PRIORS not in names:
        expected -= {fmt.CODE_PRIORS}
    return present ^ expected


def codes_problem(
    codes: ItemCodes, item_factors: F32, prior: F32 | None, code_prior: F32 | None
) -> str | None:
    """Say what is wrong with codes, or None; residuals are measured again for a sample."""
    every_row = np.arange(len(item_factors))
    ordered = codes.order[: len(every_row)]
    is_prior_right = prior is None or (
        code_prior is not None and np.array_equal(codes.in_order(prior), code_prior)
    )
    problems = {
        "the order does not hold each row once": not np.array_equal(np.sort(ordered), every_row),
        "rows beyond the last": bool((codes.order[len(every_row) :] != -1).any()),
        "the rotation is further from orthogonal than it says": not (
            np.isfinite(codes.rotation).all() and codes.defect >= rotation_distance(codes.rotation)
        ),
        "norms rise": bool(np.isnan(codes.norms).any() or (np.diff(codes.norms) > 0).any()),
        "a residual is not a number": bool(np.isnan(codes.residuals).any()),
        "the prior is not in their order": not is_prior_right,
    }
    for problem, is_there in problems.items():
        if is_there:
            return f"codes: {problem}"
    if not np.array_equal(codes.ranks, ranks_of(codes.order, len(every_row))):
        return "codes: ranks are not those of the order"
    return sample_problem(codes, item_factors)
