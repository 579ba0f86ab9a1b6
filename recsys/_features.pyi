import numpy as np
from numpy.typing import NDArray

from recsys._items import ItemIds

class ItemWeights:
    kept_count: int
    seen_count: int
    unknown_count: int
    boosted_count: int
    links: ItemWeights | None
    folded: ItemWeights | None
    def __init__(self) -> None: ...
    @staticmethod
    def of(
        rows: NDArray[np.int32], weights: NDArray[np.float32], seen: NDArray[np.int32]
    ) -> ItemWeights: ...
    def __len__(self) -> int: ...
    @property
    def rows(self) -> NDArray[np.int32]: ...
    @property
    def weights(self) -> NDArray[np.float32]: ...
    @property
    def seen(self) -> NDArray[np.int32]: ...
    @property
    def boosted(self) -> NDArray[np.int32]: ...
    @property
    def boosts(self) -> NDArray[np.float32]: ...

class EventWeights:
    def __init__(
        self,
        table: NDArray[np.float64],
        *,
        decay_per_second: float,
        decay_min: float,
        weight_max: float,
        weight_min: float,
        step_decay: float = 1.0,
        length_exponent: float = 0.0,
        newest_boost: float = 0.0,
        decayed_vectors: bool = False,
    ) -> None: ...
    def of_events(
        self,
        types: NDArray[np.uint8],
        channels: NDArray[np.uint8],
        times: NDArray[np.float64],
        now: float,
        weights: NDArray[np.float64],
    ) -> None: ...
    def by_item(
        self, item_rows: NDArray[np.int32], event_weights: NDArray[np.float64]
    ) -> ItemWeights: ...
    def of_lines(
        self,
        ids: ItemIds,
        item_ids: str,
        types: bytes,
        channels: bytes,
        times: bytes,
        now: float,
    ) -> ItemWeights: ...
