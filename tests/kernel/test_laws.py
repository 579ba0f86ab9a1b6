"""The compiled kernel obeys every law on every instruction set of this machine."""

import pytest
from hypothesis import HealthCheck, given, settings

from kernel.broken import BROKEN, SHOWCASES
from kernel.cases import ITEM_COUNTS, Case, cases
from kernel.laws import LAWS, Kernel, Law, check_reference
from kernel.ours import PASSES, kernel_on
from kernel.reference import reference
from recsys import _scoring

BROKEN_PER_LAW_MIN = 3


def name_of(function: object) -> str:
    """Test id of a law or kernel."""
    return function.__name__


@pytest.mark.parametrize("law", LAWS, ids=name_of)
@pytest.mark.parametrize("simd", _scoring.available_simd())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases())
def test_kernel_obeys(simd: str, law: Law, case: Case) -> None:
    """Each law holds for hostile cases of all sizes around the block borders."""
    law(kernel_on(simd), case)


@pytest.mark.parametrize("simd", _scoring.available_simd())
@pytest.mark.parametrize("path", PASSES)
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases(item_counts=(*ITEM_COUNTS, 1000, 2500)))
def test_kernel_equals_brute_force(simd: str, path: str, case: Case) -> None:
    """The strongest law, on more and larger cases and both ways through the items."""
    assert kernel_on(simd, path)(case) == reference(case)


@pytest.mark.parametrize("law", LAWS, ids=name_of)
@pytest.mark.parametrize("case", SHOWCASES, ids=range(len(SHOWCASES)))
def test_showcases_pass(law: Law, case: Case) -> None:
    """Where broken kernels are shown to fail, ours and the reference do not."""
    law(kernel_on(_scoring.simd()), case)
    law(reference, case)


def breaks(law: Law, kernel: Kernel) -> bool:
    """Whether the law catches the kernel on some showcase."""
    for case in SHOWCASES:
        try:
            law(kernel, case)
        except AssertionError:
            return True
    return False


@pytest.mark.parametrize("law", LAWS, ids=name_of)
def test_law_catches_broken_kernels(law: Law) -> None:
    """A law that catches fewer than three planted defects would be too weak."""
    caught = [kernel.__name__ for kernel in BROKEN if breaks(law, kernel)]
    assert len(caught) >= BROKEN_PER_LAW_MIN, caught


@pytest.mark.parametrize("kernel", BROKEN, ids=name_of)
def test_broken_kernel_is_caught(kernel: Kernel) -> None:
    """The strongest law finds each planted defect."""
    assert breaks(check_reference, kernel)


@pytest.mark.parametrize("simd", _scoring.available_simd())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases(item_counts=(17, 1000, 1100, 2500), query_counts=(5, 6, 7, 12, 29, 30, 31, 65)))
def test_large_batches_equal_brute_force(simd: str, case: Case) -> None:
    """Tiles of items and queries, full and ragged, give each query its own answer."""
    assert kernel_on(simd)(case) == reference(case)
