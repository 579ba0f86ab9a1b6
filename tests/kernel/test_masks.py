"""Masks that change, repeat and combine: speed may depend on them, answers never."""

import gc
import itertools
import threading
import time
from dataclasses import replace
from functools import cache
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kernel.cases import Case, cases, csr, matrix
from kernel.ours import as_ranking, scorer_of
from kernel.reference import Ranking, reference
from recsys import _scoring, slices
from recsys.arrays import InvalidArray, RowOutOfRange
from recsys.item_codes import ItemCodes, encode_items
from recsys.masks import Mask
from recsys.scoring import RaggedRows, Scorer

N = 3000


def bitmap(allowed: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Pack flags as masks do."""
    return np.packbits(allowed, bitorder="little")


def flags(mask: Mask) -> NDArray[np.bool_]:
    """Which items a mask allows now."""
    bits = np.unpackbits(mask.state.bitmap, count=mask.item_count, bitorder="little")
    return bits.astype(np.bool_)


def shop(*, f: int = 40, seed: int = 0, prior: bool = True) -> Case:
    """Some queries over enough items for tiles."""
    rng = np.random.default_rng(seed)
    return Case(
        item_count=N,
        query_count=7,
        k=12,
        factors=matrix(rng, N, f, "normal"),
        vectors=matrix(rng, 7, f, "normal"),
        prior=matrix(rng, N, 1, "normal")[:, 0].copy() if prior else None,
    )


def answers(scorer: Scorer, case: Case, *masks: Mask | NDArray[np.uint8]) -> Ranking:
    """Ask with masks."""
    return as_ranking(scorer.top_k(case.vectors, case.k, allowed=masks))


def expected(case: Case, *allowed: NDArray[np.bool_]) -> Ranking:
    """What the reference says with all of the flags."""
    return reference(
        Case(
            item_count=case.item_count,
            query_count=case.query_count,
            k=case.k,
            factors=case.factors,
            vectors=case.vectors,
            prior=case.prior,
            allowed=np.logical_and.reduce(allowed),
        )
    )


changes = st.lists(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 300), st.booleans()), max_size=6
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    share=st.sampled_from((0.0, 0.002, 0.05, 0.5, 0.99)),
    changes=changes,
    f=st.sampled_from((3, 40)),
)
def test_changes_are_seen_at_once(
    share: float, changes: list[tuple[int, int, bool]], f: int
) -> None:
    """After every change the answer is that of the changed bitmap, from old codes or new."""
    case, rng = shop(f=f), np.random.default_rng(1)
    scorer = scorer_of(case)
    mask = Mask(bitmap(rng.random(N) < share), item_count=N)
    scorer.prepare_mask(mask)
    assert answers(scorer, case, mask) == expected(case, flags(mask))
    for seed, count, remake in changes:
        rows = np.random.default_rng(seed).integers(0, N, 2 * count).astype(np.int32)
        before = flags(mask)
        mask.change(allow=rows[:count], forbid=rows[count:])
        before[rows[:count]] = True
        before[rows[count:]] = False
        assert (flags(mask) == before).all()
        assert answers(scorer, case, mask) == expected(case, before)
        if remake:
            scorer.prepare_mask(mask)
            assert answers(scorer, case, mask) == expected(case, before)


@cache
def many(style: str) -> tuple[Case, ItemCodes]:
    """Items in several groups for each rank."""
    rng = np.random.default_rng(7)
    factors = matrix(rng, 9000, 100, style)
    case = Case(
        item_count=9000,
        query_count=2,
        k=11,
        factors=factors,
        vectors=matrix(rng, 2, 100, "normal"),
        prior=3.0 * matrix(rng, 9000, 1, "normal")[:, 0],
    )
    return case, replace(encode_items(factors), first_stage="head4")


@pytest.mark.parametrize("simd", _scoring.available_simd())
@pytest.mark.parametrize("way", ["digests", "rows"])
@pytest.mark.parametrize("style", ["decaying", "normal", "integer"])
def test_sparse_masks_equal_the_reference(simd: str, way: str, style: str) -> None:
    """Through ranks and digests, or ranks and rows alone, with a prior and without."""
    case, codes = many(style)
    assert codes.digests is not None
    if way == "rows":
        codes = replace(codes, digests=None)
    rng = np.random.default_rng(8)
    before = _scoring.simd()
    for share, prior in itertools.product((0.0005, 0.05, 0.1), (case.prior, None)):
        allowed = rng.random(9000) < share
        scorer = Scorer(item_count=9000, item_factors=case.factors, prior=prior, codes=codes)
        _scoring._force_simd(simd)
        try:
            found = [answers(scorer, case.only(query), bitmap(allowed)) for query in range(2)]
        finally:
            _scoring._force_simd(before)
        assert [ranked for (ranked,) in found] == expected(replace(case, prior=prior), allowed)


def test_a_replaced_bitmap_is_seen_at_once() -> None:
    """Whole new bitmaps are changes too."""
    case, rng = shop(), np.random.default_rng(2)
    scorer = scorer_of(case)
    mask = Mask(bitmap(rng.random(N) < 0.1), item_count=N)
    scorer.prepare_mask(mask)
    for share in (0.1, 0.02, 0.4, 0.0):
        allowed = rng.random(N) < share
        mask.replace(bitmap(allowed))
        assert answers(scorer, case, mask) == expected(case, allowed)


def test_more_changes_than_are_remembered_are_seen_all_the_same() -> None:
    """A subset too old to be mended is left aside."""
    case, rng = shop(), np.random.default_rng(3)
    scorer = scorer_of(case)
    mask = Mask(bitmap(rng.random(N) < 0.02), item_count=N)
    scorer.prepare_mask(mask)
    for _ in range(80):
        mask.change(allow=rng.integers(0, N, 2).astype(np.int32))
    assert answers(scorer, case, mask) == expected(case, flags(mask))


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    shares=st.lists(st.sampled_from((0.01, 0.3, 0.7, 1.0)), min_size=1, max_size=8),
    prepared=st.lists(st.booleans(), min_size=8, max_size=8),
)
def test_all_masks_must_allow_an_item(shares: list[float], prepared: list[bool]) -> None:
    """Several masks and bitmaps mean their intersection, with subsets or without."""
    case, rng = shop(), np.random.default_rng(len(shares))
    scorer = scorer_of(case)
    allowed = [rng.random(N) < share for share in shares]
    masks: list[Mask | NDArray[np.uint8]] = []
    for one, is_prepared in zip(allowed, prepared, strict=False):
        mask = Mask(bitmap(one), item_count=N)
        if is_prepared:
            scorer.prepare_mask(mask)
        masks.append(mask if is_prepared else bitmap(one))
    assert answers(scorer, case, *masks) == expected(case, *allowed)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases(item_counts=(1, 17, 64, 1000, 2500)), share=st.sampled_from((0.02, 0.5)))
def test_prepared_masks_change_nothing(case: Case, share: float) -> None:
    """With every other part at play, a subset gives the reference's answer."""
    rng = np.random.default_rng(5)
    allowed = rng.random(case.item_count) < share
    scorer = scorer_of(case)
    mask = Mask(bitmap(allowed), item_count=case.item_count)
    scorer.prepare_mask(mask)
    with_mask = Case(**{**vars(case), "allowed": allowed})
    ranked = scorer.top_k(
        case.vectors,
        case.k,
        history=case.history,
        allowed=mask,
        excluded=case.excluded,
        boosts=case.boosts,
        prior_rows=case.prior_rows,
    )
    assert as_ranking(ranked) == reference(with_mask)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kinds=st.lists(st.sampled_from(("shared", "each", "mask", "prepared")), max_size=8),
    shares=st.lists(st.sampled_from((0.02, 0.6, 0.95, 1.0)), min_size=8, max_size=8),
    threads=st.sampled_from((1, 3)),
    query_count=st.sampled_from((1, 7, 70)),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_kind_of_mask_combines_with_exclusions_in_batches_on_threads(
    kinds: list[str], shares: list[float], threads: int, query_count: int, seed: int
) -> None:
    """Bitmaps for all queries, for each query, masks with subsets and without, ragged lists."""
    rng = np.random.default_rng(seed)
    item_count, width = 1500, 12
    excluded = csr(rng, query_count, item_count, 30)
    allowed = np.ones((query_count, item_count), dtype=bool)
    factors, vectors = (matrix(rng, rows, width, "normal") for rows in (item_count, query_count))
    scorer = Scorer(item_count=item_count, item_factors=factors)
    given_masks: list[Mask | NDArray[np.uint8]] = []
    for kind, share in zip(kinds, shares, strict=False):
        shape = (query_count, item_count) if kind == "each" else (item_count,)
        flagged = rng.random(shape) < share
        allowed &= flagged
        packed = np.packbits(flagged, axis=-1, bitorder="little")
        if kind in {"mask", "prepared"}:
            mask = Mask(packed, item_count=item_count)
            if kind == "prepared":
                scorer.prepare_mask(mask)
            given_masks.append(mask)
        else:
            given_masks.append(packed)
    lists = RaggedRows(excluded.indptr, excluded.indices)
    case = Case(
        item_count=item_count,
        query_count=query_count,
        k=9,
        factors=factors,
        vectors=vectors,
        allowed=allowed,
        excluded=lists,
    )
    with patch.object(slices, "_WORK_MAX", 2**16):
        ranked = scorer.top_k(vectors, 9, allowed=given_masks, excluded=lists, threads=threads)
    assert as_ranking(ranked) == reference(case)


def test_a_repeated_mask_gets_its_subset_by_itself() -> None:
    """After some calls the codes of its items are there; nothing else changes."""
    case = shop()
    scorer = scorer_of(case)
    mask = Mask(bitmap(np.arange(N) % 20 == 0), item_count=N)
    wanted = expected(case, flags(mask))
    subsets = scorer._subsets
    assert subsets is not None
    for _ in range(200):
        assert answers(scorer, case, mask) == wanted
        if subsets.find(mask, mask.state) is not None:
            break
        time.sleep(0.02)
    assert subsets.find(mask, mask.state) is not None
    assert answers(scorer, case, mask) == wanted


def test_subsets_are_bounded_and_go_with_their_masks() -> None:
    """The least recently used is dropped first, and a dead mask holds nothing."""
    case = shop()
    scorer = scorer_of(case)
    subsets = scorer._subsets
    assert subsets is not None
    masks = [Mask(bitmap(np.arange(N) % 10 == i), item_count=N) for i in range(4)]
    for mask in masks:
        subsets.make(mask)
    assert len(subsets._made) == 4
    subsets._bytes_max = 3 * next(iter(subsets._made.values())).size_bytes
    assert subsets.find(masks[0], masks[0].state) is not None
    subsets.make(masks[3])
    assert subsets.find(masks[1], masks[1].state) is None
    assert subsets.find(masks[0], masks[0].state) is not None
    del masks, mask
    gc.collect()
    assert not subsets._made


def test_changing_while_asking_gives_one_of_the_states() -> None:
    """Each answer is exact for a state that the mask had during the call."""
    case = shop(prior=False)
    scorer = scorer_of(case)
    states = [np.arange(N) % 2 == 0, np.arange(N) % 2 == 1]
    mask = Mask(bitmap(states[0]), item_count=N)
    scorer.prepare_mask(mask)
    allowed_answers = [expected(case, state) for state in states]
    stop = threading.Event()

    def flip() -> None:
        turn = 1
        while not stop.is_set():
            mask.replace(bitmap(states[turn]))
            turn = 1 - turn

    changer = threading.Thread(target=flip)
    changer.start()
    try:
        for _ in range(150):
            assert answers(scorer, case, mask) in allowed_answers
    finally:
        stop.set()
        changer.join()


def test_bad_masks_are_refused() -> None:
    """Rows outside, other sizes and too many of them are named."""
    mask = Mask(np.zeros(2, dtype=np.uint8), item_count=10)
    with pytest.raises(RowOutOfRange, match="allow holds row 10"):
        mask.change(allow=np.array([10], dtype=np.int32))
    with pytest.raises(RowOutOfRange, match="forbid holds row -1"):
        mask.change(forbid=np.array([-1], dtype=np.int32))
    with pytest.raises(InvalidArray, match="bitmap"):
        Mask(np.zeros(1, dtype=np.uint8), item_count=10)
    case = shop()
    with pytest.raises(InvalidArray, match="a mask of 10 items; allowed 3000 items"):
        answers(scorer_of(case), case, mask)
    with pytest.raises(
        InvalidArray, match=r"allowed is uint8 \(374,\); allowed C-contiguous uint8 \(375,\)"
    ):
        answers(scorer_of(case), case, np.zeros(374, dtype=np.uint8))
