"""Weights summed per item in compiled code are those that a dictionary would hold."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys import _features
from recsys.features import WEIGHT_MIN, EventWeighting, FeatureConfig

weights = st.floats(-3, 3) | st.sampled_from([0.0, 1.0, -1.0, 1e-6, 1e300])
lines = st.lists(st.tuples(st.integers(0, 9) | st.just(2**31 - 1), weights), max_size=300)


@given(lines, st.floats(0.5, 60))
def test_sums_equal_a_dictionary(some: list[tuple[int, float]], weight_max: float) -> None:
    """To the last bit: lines are added in their order, bounded, rounded, and cut off."""
    sums: dict[int, float] = {}
    for row, weight in some:
        sums[row] = sums.get(row, 0.0) + weight
    bounded = {row: np.float32(min(total, weight_max)) for row, total in sums.items()}
    expected = {
        row: kept for row, kept in sorted(bounded.items()) if kept >= np.float32(WEIGHT_MIN)
    }
    rows, kept, seen = EventWeighting(FeatureConfig(weight_max=weight_max)).item_weights_and_seen(
        item_rows=np.array([row for row, _ in some], dtype=np.int32),
        event_weights=np.array([weight for _, weight in some], dtype=np.float64),
    )
    assert (rows.dtype, kept.dtype, seen.dtype) == (np.int32, np.float32, np.int32)
    assert rows.tolist() == list(expected)
    assert kept.tolist() == list(expected.values())
    assert seen.tolist() == sorted({row for row, weight in some if weight})


def test_arrays_of_another_length_are_refused() -> None:
    """Nothing is ever written past the end."""
    two = np.zeros(2, dtype=np.int32)
    with pytest.raises(ValueError, match="differ in length"):
        _features.sum_by_item(
            two, np.zeros(2), 1.0, 0.0, two.copy(), np.zeros(1, dtype=np.float32), two.copy()
        )


def test_the_stub_names_what_is_there(repo_root: Path) -> None:
    """`_features.pyi` and the compiled module agree."""
    functions = [name for name in vars(_features) if name.endswith("_by_item")]
    stub = (repo_root / "recsys/_features.pyi").read_text()
    assert [f"def {name}(" in stub for name in functions] == [True]
    assert stub.count("def ") == 1
