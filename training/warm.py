"""Starting a fit from a published bundle: its factors, item by item.

A bundle has seen every line up to its `training_end_time`. A model that is measured on what
lies after a cut may only start from a bundle that ended before it; else what is to be
foreseen would be in the factors already.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recsys.bundle import Bundle, BundleStore, verify_bundle
from recsys.errors import InvalidConfig
from training.models import AlsConfig, BlendConfig, IalsConfig, ModelConfig

LATEST = "latest"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WarmStart:
    """Factors of a bundle in the order of `Events.item_ids`.

    Attributes:
        model_version: The bundle's name.
        factors: Float32, shape (items, f); NaN where the bundle lacks an item, which then
            starts by chance.
        end_time: The newest line it has seen, seconds since 1970-01-01 UTC.
    """

    model_version: str
    factors: NDArray[np.float32]
    end_time: float


def find_bundle(name: str, store: BundleStore, *, option: str = "--warm-start") -> Bundle:
    """Open and check a bundle.

    Args:
        name: `latest` for the store's current one, a version in the store, or a folder.
        store: Where bundles are.
        option: What to call the name in errors.

    Raises:
        InvalidConfig: The store has no current bundle.
        BundleError: It is not there, or damaged.
    """
    if name != LATEST:
        folder = Path(name)
        return verify_bundle(folder if folder.is_dir() else store.path(folder.name))
    current = store.current()
    if current is None:
        raise InvalidConfig(source=option, problem="the store has no current bundle yet")
    return verify_bundle(current)


def warm_start(bundle: Bundle, item_ids: Sequence[str], *, model: ModelConfig) -> WarmStart:
    """Bring a bundle's factors into the order of some items.

    Args:
        bundle: Where to start from.
        item_ids: Those of the lines that will be fitted on.
        model: What will be fitted.

    Raises:
        InvalidConfig: Model and bundle do not have equally many factors.
    """
    wanted = _factor_count(model)
    found = None if bundle.item_factors is None else bundle.item_factors.shape[1]
    if wanted is None or found != wanted:
        raise InvalidConfig(
            source="--warm-start",
            problem=f"{bundle.manifest.model_version} has {found or 'no'} factors and the model "
            f"{wanted or 'none that can start from others'}; they must have equally many",
        )
    assert bundle.item_factors is not None, "it has as many as are wanted"
    factors = np.full((len(item_ids), found), np.nan, dtype=np.float32)
    row_of_item = {item: row for row, item in enumerate(item_ids)}
    for row in range(len(bundle.items)):
        here = row_of_item.get(bundle.items.id(row))
        if here is not None:
            factors[here] = bundle.item_factors[row]
    return WarmStart(
        model_version=bundle.manifest.model_version,
        factors=factors,
        end_time=bundle.manifest.training_end_time.timestamp(),
    )


def _factor_count(model: ModelConfig) -> int | None:
    """Return how many factors a model has that can start from others."""
    parts = model.parts if isinstance(model, BlendConfig) else (model,)
    return next((part.factors for part in parts if isinstance(part, AlsConfig | IalsConfig)), None)
