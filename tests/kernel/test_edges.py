"""Sizes at the edges, on every instruction set and both ways through the items."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from kernel.cases import STYLES, Case, matrix
from kernel.ours import PASSES, as_ranking, ask, kernel_on
from kernel.reference import reference
from recsys import _scoring
from recsys.item_codes import GROUP, Stage, encode_items
from recsys.scoring import Scorer

# Rows at once: 8 bits of a bitmap byte, 16 items of a group, 64 of a tile and of a word
# of bits, 1,024 of a chunk.
EDGES = sorted({edge + step for edge in (8, GROUP, 64, 1024) for step in (-1, 0, 1)} | {0, 1})
WIDTHS = (1, 7, 8, 9, 31, 32, 33, 63, 64, 65, 1023, 1024)


def case_at(item_count: int, width: int, style: str, *, k: int = 11) -> Case:
    """Two queries, which a batch takes together."""
    rng = np.random.default_rng(item_count * 2000 + width)
    return Case(
        item_count=item_count,
        query_count=2,
        k=k,
        factors=matrix(rng, item_count, width, style),
        vectors=matrix(rng, 2, width, "normal"),
    )


@pytest.mark.parametrize("simd", _scoring.available_simd())
@pytest.mark.parametrize("path", PASSES)
def test_item_counts_at_the_edges(simd: str, path: str) -> None:
    """One more or one fewer than what is looked at together."""
    for item_count in EDGES:
        for width in (7, 40):
            case = case_at(item_count, width, "normal")
            assert kernel_on(simd, path)(case) == reference(case), (item_count, width)


@pytest.mark.parametrize("simd", _scoring.available_simd())
@pytest.mark.parametrize("path", PASSES)
def test_factor_counts_at_the_edges(simd: str, path: str) -> None:
    """From one factor to as many as there may be."""
    for width in WIDTHS:
        case = case_at(97, width, "normal")
        assert kernel_on(simd, path)(case) == reference(case), width


@pytest.mark.parametrize("simd", _scoring.available_simd())
@pytest.mark.parametrize("style", STYLES)
def test_values_at_the_edges(simd: str, style: str) -> None:
    """Denormal, huge, equal and mixed ones, at the widths where sums are longest."""
    for width in (1, 64, 1024):
        for path in PASSES:
            case = case_at(65, width, style, k=64)
            assert kernel_on(simd, path)(case) == reference(case), (width, path)


@pytest.mark.parametrize("simd", _scoring.available_simd())
@pytest.mark.parametrize("stage", get_args(Stage))
def test_every_first_stage_gives_the_same_answer(simd: str, stage: Stage) -> None:
    """Calibration decides about time alone."""
    before = _scoring.simd()
    _scoring._force_simd(simd)
    try:
        for style in ("normal", "decaying", "equal"):
            case = case_at(2500, 40, style, k=20)
            assert case.factors is not None
            codes = replace(encode_items(case.factors), first_stage=stage)
            scorer = Scorer(item_count=2500, item_factors=case.factors, codes=codes)
            assert as_ranking(ask(scorer, case)) == reference(case), style
    finally:
        _scoring._force_simd(before)
