"""Data made to slip through the bounds if an error term were missing."""

import ctypes
import ctypes.util
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from numpy.typing import NDArray

from kernel.cases import Case
from kernel.ours import PASSES, kernel_on
from kernel.reference import reference
from recsys import _scoring

F = 64
DECOYS = 32
FE_UPWARD = {"x86_64": 0x800, "AMD64": 0x800, "aarch64": 0x400000, "arm64": 0x400000}
MXCSR_FLUSH_BITS = 0x8040


def case_of(items: list[NDArray[np.float64]], vector: NDArray[np.float64], k: int = 1) -> Case:
    """One query over a few rows."""
    return Case(
        item_count=len(items),
        query_count=1,
        k=k,
        factors=np.array(items, dtype=np.float32),
        vectors=np.array([vector], dtype=np.float32),
    )


def item_codes_fall_short() -> Case:
    """Decoys have exact codes and come first; the winner's codes all round down."""
    decoy = np.full(F, 10.0)
    decoy[0], decoy[1] = 127.0, 38.0
    winner = np.full(F, 10.49)
    winner[0] = 127.0
    return case_of([decoy] * DECOYS + [winner], np.ones(F))


def query_codes_fall_short() -> Case:
    """All items have exact codes; the query's round down where the winner counts."""
    query = np.full(F, 10.49)
    query[0] = 127.0
    decoy = np.full(F, 4.7)
    decoy[33:] = -4.7
    winner = np.ones(F)
    winner[0] = 0.0
    return case_of([decoy] * DECOYS + [winner], query)


def float32_sums_fall_short() -> Case:
    """The winner's small parts vanish beside a large one in float32."""
    decoy = np.zeros(F)
    decoy[0] = 1.0 + 2.0**-21
    winner = np.full(F, 2.0**-25 * 0.99)
    winner[0] = 1.0 + 2.0**-22
    return case_of([decoy] * 200 + [winner], np.ones(F))


def float32_overflows() -> Case:
    """The winner's first product is minus infinity in float32, its score is good."""
    decoy = np.full(F, 1e34)
    winner = np.full(F, 5.1e36)
    winner[0] = -3e38
    long = np.zeros(F)  # larger norms, so that the winner is not among the first seen
    long[0] = -3.3e38
    return case_of([decoy] * 200 + [winner] + [long] * 40, np.full(F, 2.0))


def float32_is_undefined() -> Case:
    """Partial sums are infinite both ways, which makes NaN of their sum."""
    rng = np.random.default_rng(5)
    signs = rng.choice([-1.0, 1.0], (300, F))
    return case_of(list(signs * 3e38 * rng.random((300, 1))), np.full(F, 2.0), k=7)


def float32_underflows() -> Case:
    """Every product is zero in float32 and differs in float64."""
    rng = np.random.default_rng(6)
    return case_of(list(rng.standard_normal((300, F)) * 1e-30), np.full(F, 1e-20), k=7)


def steps_are_denormal() -> Case:
    """Items so small that code steps lose most of their precision."""
    rng = np.random.default_rng(7)
    return case_of(list(rng.standard_normal((300, F)) * 1e-43), np.full(F, 1.0), k=7)


ADVERSARIES: tuple[Callable[[], Case], ...] = (
    item_codes_fall_short,
    query_codes_fall_short,
    float32_sums_fall_short,
    float32_overflows,
    float32_is_undefined,
    float32_underflows,
    steps_are_denormal,
)


@pytest.mark.parametrize("adversary", ADVERSARIES, ids=lambda build: build.__name__)
@pytest.mark.parametrize("path", PASSES)
@pytest.mark.parametrize("simd", _scoring.available_simd())
def test_bounds_hold(simd: str, path: str, adversary: Callable[[], Case]) -> None:
    """The winner is found where approximate scores put it behind the threshold."""
    case = adversary()
    assert kernel_on(simd, path)(case) == reference(case)


def test_code_adversaries_would_fool_codes() -> None:
    """Without error terms, codes do put the winner of these cases behind a decoy."""
    for case in (item_codes_fall_short(), query_codes_fall_short()):
        assert case.factors is not None
        assert case.vectors is not None
        coded = _through_codes(case.factors) @ _through_codes(case.vectors)[0]
        winner = reference(case)[0][0][0]
        assert winner == DECOYS
        assert coded[winner] < coded[0]


def _through_codes(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    steps = np.abs(rows).max(axis=1, keepdims=True).astype(np.float64) / 127
    decoded: NDArray[np.float64] = np.rint(rows / steps) * steps
    return decoded


@contextmanager
def rounding_upward() -> Iterator[None]:
    """Leave the processor rounding upward, as careless libraries do."""
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    before = libm.fegetround()
    assert libm.fesetround(FE_UPWARD[platform.machine()]) == 0
    try:
        yield
    finally:
        libm.fesetround(before)


@contextmanager
def flushing_to_zero() -> Iterator[None]:
    """Leave the processor flushing denormals, as libraries built with -ffast-math do."""
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    before, flushing = ctypes.create_string_buffer(32), ctypes.create_string_buffer(32)
    assert libm.fegetenv(before) == 0
    libm.fegetenv(flushing)
    words = ctypes.cast(flushing, ctypes.POINTER(ctypes.c_uint32))
    words[7] |= MXCSR_FLUSH_BITS
    libm.fesetenv(flushing)
    try:
        yield
    finally:
        libm.fesetenv(before)


@pytest.mark.skipif(platform.machine() not in FE_UPWARD, reason="rounding mode number unknown")
def test_rounding_mode_of_the_process_plays_no_part() -> None:
    """Scores are rounded to nearest whatever the calling thread is set to."""
    rng = np.random.default_rng(8)
    case = case_of(list(rng.standard_normal((300, F))), rng.standard_normal(F), k=50)
    with rounding_upward():
        answer = kernel_on(_scoring.simd())(case)
    assert answer == reference(case)


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64",
    reason="sets MXCSR through glibc's layout of fenv_t",
)
def test_flushed_denormals_play_no_part() -> None:
    """Tiny factors count although the calling thread treats them as zero."""
    case = steps_are_denormal()
    with flushing_to_zero():
        answer = kernel_on(_scoring.simd())(case)
    assert answer == reference(case)
