# Types of the compiled core (`src/_allocation.pyx`); use `training.allocation` instead.
import numpy as np
from numpy.typing import NDArray

class Limits:
    def __init__(
        self,
        starts: NDArray[np.int64],
        limits: NDArray[np.int32],
        of_costs: NDArray[np.uint8],
        left: NDArray[np.float64],
    ) -> None: ...

class People:
    def __init__(
        self,
        starts: NDArray[np.int64],
        choices: NDArray[np.int32],
        values: NDArray[np.float32],
        costs: NDArray[np.float32],
        slots: NDArray[np.int32],
        choice_count: int,
        pairs_max: int,
        slots_max: int,
    ) -> None: ...
    def add(
        self,
        first: int,
        stop: int,
        unit: NDArray[np.float64],
        spend: NDArray[np.float64],
        smoothing: float,
        counts: NDArray[np.float64],
        spends: NDArray[np.float64],
    ) -> tuple[float, float]: ...
    def round(
        self,
        first: int,
        stop: int,
        unit: NDArray[np.float64],
        spend: NDArray[np.float64],
        smoothing: float,
        draws: NDArray[np.float64],
        chosen: NDArray[np.uint8],
    ) -> None: ...
    def take(
        self,
        limits: Limits,
        order: NDArray[np.int64],
        persons: NDArray[np.int64],
        slots_left: NDArray[np.int32],
        chosen: NDArray[np.uint8],
    ) -> int: ...
    def drop(
        self,
        limits: Limits,
        order: NDArray[np.int64],
        persons: NDArray[np.int64],
        slots_left: NDArray[np.int32],
        chosen: NDArray[np.uint8],
    ) -> int: ...
