import numpy as np
from numpy.typing import NDArray

def sum_by_item(
    item_rows: NDArray[np.int32],
    event_weights: NDArray[np.float64],
    weight_max: float,
    weight_min: float,
    rows: NDArray[np.int32],
    weights: NDArray[np.float32],
    seen: NDArray[np.int32],
) -> tuple[int, int]: ...
