# Types of the compiled core (`src/_ials.pyx`); use `training.models.ials` instead.
from typing import Final

import numpy as np
from numpy.typing import NDArray

LANES: Final[int]

class HalfStep:
    def __init__(
        self,
        factors: NDArray[np.float32],
        gram: NDArray[np.float32],
        unobserved: float,
        starts: NDArray[np.int64],
        columns: NDArray[np.int32],
        weights: NDArray[np.float32],
        ridges: NDArray[np.float32],
        steps_max: int,
        tolerance: float,
    ) -> None: ...
    def solve(self, first: int, stop: int, vectors: NDArray[np.float32]) -> int: ...
    def seen_loss(self, first: int, stop: int, vectors: NDArray[np.float32]) -> float: ...
