# Types of the compiled core (`src/_item_item.pyx`); use `training.models.links` instead.
from typing import Final

import numpy as np
from numpy.typing import NDArray

MEASURE_POWER: Final[int]
MEASURE_LLR: Final[int]

class Products:
    def __init__(
        self,
        source_starts: NDArray[np.int64],
        source_users: NDArray[np.int32],
        source_values: NDArray[np.float32],
        target_starts: NDArray[np.int64],
        target_items: NDArray[np.int32],
        target_values: NDArray[np.float32],
    ) -> None: ...
    def rows(
        self,
        first: int,
        row_scale: NDArray[np.float32],
        column_scale: NDArray[np.float32],
        measure: int,
        total: float,
        out_counts: NDArray[np.int32],
        out_columns: NDArray[np.int32],
        out_values: NDArray[np.float32],
    ) -> None: ...

class Pairs:
    def __init__(
        self,
        items: NDArray[np.int32],
        sequences: NDArray[np.int32],
        steps: NDArray[np.int32],
        source_values: NDArray[np.float32],
        target_values: NDArray[np.float32],
        item_starts: NDArray[np.int64],
        item_positions: NDArray[np.int64],
        ahead: NDArray[np.float32],
        back: NDArray[np.float32],
    ) -> None: ...
    def rows(
        self,
        first: int,
        row_scale: NDArray[np.float32],
        column_scale: NDArray[np.float32],
        measure: int,
        total: float,
        out_counts: NDArray[np.int32],
        out_columns: NDArray[np.int32],
        out_values: NDArray[np.float32],
    ) -> None: ...
