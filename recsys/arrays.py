"""Checks of arrays that callers hand in: dtype, shape, layout. Errors name the argument."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys import limits
from recsys.errors import InvalidInput


class InvalidArray(InvalidInput):
    """An argument is not the kind of array that is needed."""

    reason = "INVALID_ARRAY"

    def __init__(self, *, argument: str, found: str, allowed: str) -> None:
        self.argument = argument
        self.found = found
        self.allowed = allowed
        super().__init__(f"{argument} is {found}; allowed {allowed}")


class NotFinite(InvalidInput):
    """An argument holds NaN or infinity."""

    reason = "NOT_FINITE"

    def __init__(self, *, argument: str, row: int) -> None:
        self.argument = argument
        self.row = row
        super().__init__(f"{argument} holds NaN or infinity in row {row}; allowed finite values")


class RowOutOfRange(InvalidInput):
    """An item row does not exist."""

    reason = "ROW_OUT_OF_RANGE"

    def __init__(self, *, argument: str, row: int, item_count: int) -> None:
        self.argument = argument
        self.row = row
        self.item_count = item_count
        super().__init__(f"{argument} holds row {row}; allowed 0 to {item_count - 1}")


class CountOutOfRange(InvalidInput):
    """A number is outside its bounds."""

    reason = "COUNT_OUT_OF_RANGE"

    def __init__(self, *, argument: str, count: int, count_min: int, count_max: int) -> None:
        self.argument = argument
        self.count = count
        self.count_min = count_min
        self.count_max = count_max
        super().__init__(f"{argument} is {count}; allowed {count_min} to {count_max}")


def row_magnitudes(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the largest absolute value of each row, shape (r,); NaN where a row has one."""
    # One reduction each way: an absolute value would copy the array.
    magnitudes: NDArray[np.float32] = np.maximum(
        values.max(axis=1, initial=0.0), -values.min(axis=1, initial=0.0)
    )
    return magnitudes


def describe(value: object) -> str:
    """Say what a value is: `float64 (3, 2), not C-contiguous` or `list`."""
    if not isinstance(value, np.ndarray):
        return type(value).__name__
    layout = "" if value.flags.c_contiguous else ", not C-contiguous"
    return f"{value.dtype} {value.shape}{layout}"


def _fits(found: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    if len(found) != len(wanted):
        return False
    for has, want in zip(found, wanted, strict=True):
        if want is not None and want != has:
            return False
    return True


def check_array(
    value: NDArray[Any], *, argument: str, dtype: type[np.generic], shape: tuple[int | None, ...]
) -> None:
    """Refuse an array of another dtype, shape or layout.

    Args:
        value: What was given.
        argument: Its name, for the message.
        dtype: The element type needed.
        shape: Length of each axis, None for any.

    Raises:
        InvalidArray: It is something else.
    """
    # Called several times per query: no generator, and no dtype made to compare with
    # where the usual one is seen at once.
    if (
        isinstance(value, np.ndarray)
        and ((value.dtype.type is dtype and value.dtype.isnative) or value.dtype == dtype)
        and value.flags.c_contiguous
        and (value.shape == shape or _fits(value.shape, shape))
    ):
        return
    lengths = ", ".join("any" if length is None else str(length) for length in shape)
    allowed = f"C-contiguous {np.dtype(dtype).name} ({lengths}{',' if len(shape) == 1 else ''})"
    raise InvalidArray(argument=argument, found=describe(value), allowed=allowed)


def check_count(count: int, *, argument: str, count_min: int, count_max: int) -> None:
    """Refuse a number outside its bounds.

    Raises:
        CountOutOfRange: It is.
    """
    if not count_min <= count <= count_max:
        raise CountOutOfRange(
            argument=argument, count=count, count_min=count_min, count_max=count_max
        )


def check_factors(item_factors: NDArray[np.float32], *, item_count: int | None) -> None:
    """Refuse item factors that are not float32 (n, f) with 1 <= f <= 1024.

    Raises:
        InvalidArray: Wrong dtype, shape or layout.
        CountOutOfRange: Too few or too many factors.
    """
    check_array(item_factors, argument="item_factors", dtype=np.float32, shape=(item_count, None))
    check_count(
        item_factors.shape[1],
        argument="length of item_factors' rows",
        count_min=1,
        count_max=limits.FACTOR_COUNT_MAX,
    )
