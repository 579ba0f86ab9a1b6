"""The model in service: one reference that is swapped between calls."""

import gc
from dataclasses import dataclass
from pathlib import Path

from recsys.bundle import open_bundle
from recsys.errors import BundleUnavailable
from recsys.recommend import ServingModel


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A model and since when this process answers with it.

    Attributes:
        model: Ready to answer.
        load_time: Seconds since 1970-01-01 UTC.
    """

    model: ServingModel
    load_time: float


class ModelSlot:
    """Holds the model in service.

    Each call reads `current` once and keeps what it read: a swap in between
    neither drops the call nor mixes two models in one answer. The old model,
    and with it the old memory map, goes when the last call that uses it ends.
    """

    def __init__(self) -> None:
        self._loaded: LoadedModel | None = None

    def current(self) -> LoadedModel:
        """Return the model in service.

        Raises:
            BundleUnavailable: There is none yet.
        """
        if self._loaded is None:
            raise BundleUnavailable(source="the bundle store", problem="no bundle has been loaded")
        return self._loaded

    def swap(self, model: ServingModel, *, now: float) -> None:
        """Answer the next calls with this model."""
        replaced, self._loaded = self._loaded, LoadedModel(model, now)
        if replaced is not None:
            del replaced
            # An item index refers to itself (its cache is bound to it), so
            # counting references alone would keep the old map for a long time.
            gc.collect()


def load_model(folder: Path) -> ServingModel:
    """Map a verified bundle and make it ready; milliseconds, reads none of its large arrays.

    Raises:
        BundleError: It has changed since it was verified.
    """
    return ServingModel.from_bundle(open_bundle(folder))
