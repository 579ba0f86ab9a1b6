"""Where searches begin is decided well at publishing: counted in bytes, never timed."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys.item_codes import STAGES, encode_items
from recsys.item_table import calibrated, search_effort, trial_vectors

F32 = NDArray[np.float32]
N, F = 20_000, 64


def hard(rng: np.random.Generator) -> tuple[F32, F32]:
    """Unit norms, no preferred direction: nothing can be skipped."""
    items = rng.standard_normal((N, F), dtype=np.float32)
    queries = rng.standard_normal((30, F), dtype=np.float32)
    return items / np.linalg.norm(items, axis=1, keepdims=True), queries


def decaying(rng: np.random.Generator) -> tuple[F32, F32]:
    """Energy falls as in trained factors, and norms differ."""
    spectrum = np.arange(1, F + 1, dtype=np.float32) ** -0.5
    items = rng.standard_normal((N, F), dtype=np.float32) * spectrum
    items *= rng.lognormal(sigma=0.35, size=(N, 1)).astype(np.float32)
    return items, rng.standard_normal((30, F), dtype=np.float32) * spectrum


def clustered(rng: np.random.Generator) -> tuple[F32, F32]:
    """Topics: users like one, items belong to one."""
    topics = rng.standard_normal((50, F), dtype=np.float32)
    items = topics[rng.integers(0, 50, N)] + 0.3 * rng.standard_normal((N, F), dtype=np.float32)
    queries = topics[rng.integers(0, 50, 30)] + 0.3 * rng.standard_normal((30, F), dtype=np.float32)
    return items, queries


@pytest.mark.parametrize("make", [hard, decaying, clustered], ids=lambda make: make.__name__)
@pytest.mark.parametrize("k", [10, 100])
def test_the_choice_reads_hardly_more_than_any_other(make: object, k: int) -> None:
    """For users it has not tried: at most a tenth above a dense pass, or the best stage."""
    assert callable(make)
    items, queries = make(np.random.default_rng(1))
    codes = encode_items(items)
    effort = {
        stage: search_effort(replace(codes, first_stage=stage), items, queries, k=k)
        for stage in STAGES
    }
    chosen = effort[calibrated(codes, items).first_stage]
    assert chosen <= 1.1 * effort["all8"], effort
    assert chosen <= 1.1 * min(effort.values()), effort


def test_the_choice_is_always_the_same() -> None:
    """No chance and no clock: the same factors give the same bundle."""
    items, _ = decaying(np.random.default_rng(2))
    codes = encode_items(items)
    assert len({calibrated(codes, items).first_stage for _ in range(3)}) == 1
    assert trial_vectors(items).tobytes() == trial_vectors(items).tobytes()


@pytest.mark.parametrize("item_count", [1, 2, 63, 64, 65])
def test_few_items_are_enough_to_choose(item_count: int) -> None:
    """Trial users repeat them; huge values stay finite."""
    items = np.full((item_count, 40), 3e38, dtype=np.float32)
    assert np.isfinite(trial_vectors(items)).all()
    assert calibrated(encode_items(items), items).first_stage in STAGES
