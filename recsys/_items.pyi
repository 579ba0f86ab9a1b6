from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

class ItemIds:
    def __init__(
        self, id_bytes: NDArray[np.uint8], offsets: NDArray[np.int64], slots: NDArray[np.int32]
    ) -> None: ...
    def find(
        self, item_ids: Sequence[str], rows: NDArray[np.int32], positions: NDArray[np.int32]
    ) -> int: ...
    def ids(self, rows: NDArray[np.int32]) -> list[str]: ...
