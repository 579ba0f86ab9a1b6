from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

def find_rows(
    item_ids: Sequence[str],
    id_bytes: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    slots: NDArray[np.int32],
    rows: NDArray[np.int32],
    positions: NDArray[np.int32],
) -> int: ...
def ids_of(
    rows: NDArray[np.int32], id_bytes: NDArray[np.uint8], offsets: NDArray[np.int64]
) -> list[str]: ...
