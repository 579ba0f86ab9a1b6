"""Whether somebody is where an offer holds, and whether a border can be one."""

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from recsys.catalog import Place, Store, StoreKind, place_of
from recsys.catalog.distance import great_circle_km
from recsys.domain import StoreId
from recsys.offers.offer import Geofence, Polygon

_HALF_TURN: Final = 180.0


def is_within(
    geofence: Geofence,
    place: Place,
    *,
    store_ids: Collection[StoreId],
    stores: Mapping[StoreId, Store],
) -> bool:
    """Whether a place is in any of the areas of a fence.

    Args:
        geofence: The areas.
        place: Where somebody is.
        store_ids: The offer's stores; empty for all physical ones.
        stores: All that there are.
    """
    points = [(one.latitude, one.longitude, one.radius_km) for one in geofence.circles]
    if geofence.store_radius_km is not None:
        points += [
            (*where, geofence.store_radius_km) for where in _places(store_ids or stores, stores)
        ]
    if points:
        latitudes, longitudes, radii = np.array(points, dtype=np.float64).T
        if (great_circle_km(place, latitudes, longitudes) <= radii).any():
            return True
    return any(contains(polygon, place) for polygon in geofence.polygons)


def _places(
    store_ids: Iterable[StoreId], stores: Mapping[StoreId, Store]
) -> Iterable[tuple[float, float]]:
    for store_id in store_ids:
        store = stores.get(store_id)
        where = place_of(store)
        if store is not None and where is not None and store.kind is StoreKind.PHYSICAL:
            yield where.latitude, where.longitude


def contains(polygon: Polygon, place: Place) -> bool:
    """Whether a polygon contains a place; by the crossings of a ray to the east.

    Each edge has its southern end and not its northern one, so that of polygons that
    share a border each point belongs to one (Haines, "Point in polygon strategies",
    Graphics Gems IV, 1994).
    """
    inside = False
    for one, other in _edges(polygon.corners):
        if (one.latitude <= place.latitude) == (other.latitude <= place.latitude):
            continue
        share = (place.latitude - one.latitude) / (other.latitude - one.latitude)
        if place.longitude < one.longitude + share * (other.longitude - one.longitude):
            inside = not inside
    return inside


def problem_of(polygon: Polygon) -> str:
    """Say why a polygon cannot be a border; empty if it can. Its corners are places."""
    edges = list(_edges(polygon.corners))
    for number, (one, other) in enumerate(edges):
        if one == other:
            return f"has a corner twice in a row, at {number}; allowed once"
        if abs(one.longitude - other.longitude) > _HALF_TURN:
            return (
                f"crosses the date line after corner {number};"
                " allowed are two polygons, one on each side"
            )
    count = len(edges)
    for first, second in itertools.combinations(range(count), 2):
        are_neighbours = second - first in {1, count - 1}
        touches = _fold_back if are_neighbours else _touch
        if touches(edges[first], edges[second]):
            return f"crosses itself: the lines after corners {first} and {second} meet"
    return ""


_Edge = tuple[Place, Place]


def _edges(corners: Sequence[Place]) -> Iterable[_Edge]:
    return zip(corners, [*corners[1:], *corners[:1]], strict=True)


def _turn(one: Place, two: Place, three: Place) -> float:
    """Return above 0 where the way bends left, below where it bends right."""
    return (two.longitude - one.longitude) * (three.latitude - one.latitude) - (
        two.latitude - one.latitude
    ) * (three.longitude - one.longitude)


def _touch(first: _Edge, second: _Edge) -> bool:
    """Whether two lines have a point in common."""
    (a, b), (c, d) = first, second
    turns = _turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b)
    if turns[0] * turns[1] < 0 and turns[2] * turns[3] < 0:
        return True
    on_line = zip(turns, (first, first, second, second), (c, d, a, b), strict=True)
    return any(turn == 0 and _spans(line, point) for turn, line, point in on_line)


def _fold_back(first: _Edge, second: _Edge) -> bool:
    """Whether of two lines with a common end one runs back along the other."""
    shared = {*first} & {*second}
    if len(shared) > 1:
        return True
    (common,) = shared
    (one,), (other,) = {*first} - shared, {*second} - shared
    return _turn(common, one, other) == 0 and (
        _spans((common, one), other) or _spans((common, other), one)
    )


def _spans(line: _Edge, point: Place) -> bool:
    """Whether a point in line with two others lies between them."""
    one, other = line
    return min(one.latitude, other.latitude) <= point.latitude <= max(
        one.latitude, other.latitude
    ) and min(one.longitude, other.longitude) <= point.longitude <= max(
        one.longitude, other.longitude
    )
