import numpy as np
from numpy.typing import NDArray

class Chooser:
    room: int
    def __init__(
        self,
        scores: NDArray[np.float64],
        groups: NDArray[np.int32],
        held: NDArray[np.int32],
        count_max: NDArray[np.int32],
        shares: NDArray[np.uint8],
        due: NDArray[np.int64],
        room: int,
    ) -> None: ...
    @property
    def is_tight(self) -> bool: ...
    def in_order(self) -> NDArray[np.int32]: ...
    def diverse(self, vectors: NDArray[np.float32], trade: float) -> NDArray[np.int32]: ...
