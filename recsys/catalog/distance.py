"""How far apart places are."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.catalog.stock import Store, StoreKind
from recsys.domain import StoreId

_EARTH_RADIUS_KM: Final = 6_371.0088
"""Mean radius (IUGG)."""


class Place(NamedTuple):
    """A point on the earth: degrees north and east."""

    latitude: float
    longitude: float


class NearStore(NamedTuple):
    """A store and how far away it is."""

    store_id: StoreId
    distance_km: float


def great_circle_km(
    place: Place, latitudes: NDArray[np.float64], longitudes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the distances of some points from a place, on a sphere.

    By haversines, which are exact also for points close to each other (Sinnott, "Virtues of
    the haversine", Sky and Telescope 68, 1984). The earth is flatter than a sphere by 0.3 %,
    and so are these.

    Args:
        place: From where.
        latitudes: Degrees north, shape (m,).
        longitudes: Degrees east, shape (m,).
    """
    north, east = np.radians(place.latitude), np.radians(place.longitude)
    up = np.sin((np.radians(latitudes) - north) / 2.0) ** 2
    along = np.sin((np.radians(longitudes) - east) / 2.0) ** 2
    chord = up + np.cos(north) * np.cos(np.radians(latitudes)) * along
    distances: NDArray[np.float64] = (
        2.0 * _EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(chord, 0.0, 1.0)))
    )
    return distances


class StoreMap:
    """Where the physical stores are, as far as that is known. Immutable."""

    def __init__(self, stores: Iterable[Store]) -> None:
        """Note the places of some stores."""
        known = [
            (store.store_id, place)
            for store in stores
            if store.kind is StoreKind.PHYSICAL and (place := place_of(store)) is not None
        ]
        # Of those that are equally far, the first by id comes first.
        known.sort()
        self._ids = [store_id for store_id, _ in known]
        self._latitudes = np.array([place.latitude for _, place in known], dtype=np.float64)
        self._longitudes = np.array([place.longitude for _, place in known], dtype=np.float64)

    def nearest(self, place: Place, *, count_max: int, km_max: float = np.inf) -> list[NearStore]:
        """Return the nearest stores, the nearest first.

        Args:
            place: From where.
            count_max: At most so many.
            km_max: None that is further away.
        """
        distances = great_circle_km(place, self._latitudes, self._longitudes)
        order = np.argsort(distances, kind="stable")[:count_max].tolist()
        return [
            NearStore(self._ids[at], float(distances[at]))
            for at in order
            if distances[at] <= km_max
        ]


def place_of(store: Store | None) -> Place | None:
    """Return where a store is; None where that is not known."""
    if store is None or store.latitude is None or store.longitude is None:
        return None
    return Place(store.latitude, store.longitude)
