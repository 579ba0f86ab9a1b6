"""Codes of the items of a mask alone, so that a repeated mask costs what it allows.

A subset is made from one state of a mask and stays right for every later one: what
has been forbidden since is still tested item by item, and what has been allowed since
is handed to the search as extra rows. Where those grow many it is made anew.
"""

import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final
from weakref import WeakKeyDictionary, ref

import numpy as np
from numpy.typing import NDArray

from recsys import _scoring
from recsys.item_codes import GROUP, ItemCodes
from recsys.masks import Mask, MaskState

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]

SUBSET_BYTES_MIN: Final = 2**24
"""A scorer keeps this many bytes of subsets, or as many as its codes have if more."""

_SHARE_MAX: Final = 0.75
"""Masks that allow more of the items gain too little."""

_EXTRA_MAX: Final = 512
"""Most rows that are scored out of turn before a subset is made anew."""

_ASKED_MIN: Final = 2
"""How often a mask is asked before it gets a subset."""


@dataclass(frozen=True, slots=True, eq=False)
class Subset:
    """The codes of the items that a mask allowed at some version."""

    compiled: _scoring.CodeSubset
    version: int
    size_bytes: int


class Subsets:
    """The subsets of one scorer: bounded, least recently used out first, thread-safe."""

    def __init__(
        self, codes: ItemCodes, code_prior: F32 | None, *, bytes_max: int | None = None
    ) -> None:
        self._codes = codes
        self._code_prior = code_prior
        own_bytes = sum(array.nbytes for array in codes.arrays().values())
        self._bytes_max = max(SUBSET_BYTES_MIN, own_bytes) if bytes_max is None else bytes_max
        self._lock = threading.Lock()
        self._made: OrderedDict[ref[Mask], Subset] = OrderedDict()
        self._asked: WeakKeyDictionary[Mask, int] = WeakKeyDictionary()
        self._under_way: set[ref[Mask]] = set()
        self._executor: ThreadPoolExecutor | None = None

    def find(self, mask: Mask, state: MaskState) -> tuple[_scoring.CodeSubset, I32] | None:
        """Return a subset that is right for a state, with the rows it lacks; or None.

        Where there is none, or none that is still worth it, one is ordered.
        """
        subset = self._made.get(ref(mask))
        if subset is None:
            self._order(mask)
            return None
        if subset.version > state.version:
            return None  # made from a later state than the one this call has taken
        extra = state.allowed_since(subset.version)
        if extra is None or len(extra) > _EXTRA_MAX // 2:
            self._order(mask, again=True)
        if extra is None or len(extra) > _EXTRA_MAX:
            return None
        with self._lock:
            if ref(mask) in self._made:
                self._made.move_to_end(ref(mask))
        return subset.compiled, extra

    def make(self, mask: Mask) -> None:
        """Make a mask's subset now; nothing if it would not pay or not fit."""
        state = mask.state
        subset = self._compact(state)
        with self._lock:
            self._made.pop(ref(mask), None)
            if subset is None:
                return
            self._made[ref(mask, self._forget)] = subset
            while sum(one.size_bytes for one in self._made.values()) > self._bytes_max:
                self._made.popitem(last=False)

    def _order(self, mask: Mask, *, again: bool = False) -> None:
        if not again and self._asked.get(mask, 0) >= _ASKED_MIN:
            return  # as of masks that allow too much for one
        with self._lock:
            self._asked[mask] = self._asked.get(mask, 0) + 1
            if ref(mask) in self._under_way or (not again and self._asked[mask] != _ASKED_MIN):
                return
            self._under_way.add(ref(mask))
            if self._executor is None:
                self._executor = ThreadPoolExecutor(1, thread_name_prefix="subsets")
            self._executor.submit(self._make_ordered, ref(mask))

    def _make_ordered(self, reference: ref[Mask]) -> None:
        try:
            mask = reference()
            if mask is not None:
                self.make(mask)
        finally:
            with self._lock:
                self._under_way.discard(reference)

    def _forget(self, reference: ref[Mask]) -> None:
        self._made.pop(reference, None)

    def _compact(self, state: MaskState) -> Subset | None:
        codes = self._codes
        item_count = len(codes.ranks)
        allowed = np.unpackbits(state.bitmap, count=item_count, bitorder="little").view(np.bool_)
        allowed_count = int(np.count_nonzero(allowed))
        if not 0 < allowed_count <= _SHARE_MAX * item_count:
            return None
        places = np.flatnonzero(allowed[codes.order[:item_count]])
        if (size := _subset_bytes(codes, len(places))) > self._bytes_max:
            return None
        compact, prior = compacted(codes, self._code_prior, places)
        return Subset(_scoring.CodeSubset(compact.compiled(), prior), state.version, size)


def _subset_bytes(codes: ItemCodes, count: int) -> int:
    groups = -(-count // GROUP)
    planes = sum(array[0].nbytes for array in _planes(codes).values())
    return int(groups * (planes + GROUP * 14 + 20))


def _planes(codes: ItemCodes) -> dict[str, NDArray[np.uint8]]:
    names = ("head_high", "head_low", "tail_high", "tail_low")
    found = {name: getattr(codes, name) for name in names}
    return {name: plane for name, plane in found.items() if plane is not None}


def compacted(
    codes: ItemCodes, code_prior: F32 | None, places: NDArray[np.intp]
) -> tuple[ItemCodes, F32 | None]:
    """Copy the items at some places, ascending, into codes of their own.

    Norms and residuals of a new group are the largest of the old groups it comes from.
    """
    group_count = -(-len(places) // GROUP)
    padded = np.full(group_count * GROUP, -1, dtype=np.intp)
    padded[: len(places)] = places
    real = padded >= 0
    sources = np.where(real, padded, places[-1])  # padding lies in the last item's group
    groups = sources // GROUP
    residuals = codes.residuals[groups].reshape(group_count, GROUP, -1).max(axis=1)
    planes = {
        name: _picked(plane, groups, sources % GROUP) for name, plane in _planes(codes).items()
    }
    compact = replace(
        codes,
        order=np.where(real, codes.order[sources], -1).astype(np.int32),
        steps=np.where(real, codes.steps[sources], 0).astype(np.uint16),
        tails=np.where(real, codes.tails[sources], 0).astype(np.uint16),
        rests=np.where(real, codes.rests[sources], 0).astype(np.uint16),
        norms=np.ascontiguousarray(codes.norms[groups[::GROUP]]),
        residuals=np.ascontiguousarray(residuals),
        head_high=planes["head_high"],
        head_low=planes["head_low"],
        tail_high=planes.get("tail_high"),
        tail_low=planes.get("tail_low"),
    )
    return compact, None if code_prior is None else code_prior[sources]


def _picked(
    plane: NDArray[np.uint8], groups: NDArray[np.intp], items: NDArray[np.intp]
) -> NDArray[np.uint8]:
    # (group, pair, item, byte): pick 4 bytes of each pair, in slices that fit a cache
    pairs = plane.shape[1] // (GROUP * 4)
    whole = plane.view(np.uint32).reshape(len(plane), pairs, GROUP)
    picked = np.empty((len(groups) // GROUP, pairs, GROUP), dtype=np.uint32)
    for pair in range(pairs):
        picked[:, pair, :] = whole[groups, pair, items].reshape(-1, GROUP)
    return picked.reshape(len(picked), -1).view(np.uint8)
