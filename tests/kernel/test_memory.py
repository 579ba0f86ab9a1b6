"""What a scorer takes beside the factors: bounded for every shape, and shared."""

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from kernel.cases import Case
from kernel.test_bundle import published
from recsys.item_codes import code_bytes, codes_pay
from recsys.scoring import Scorer

SHARE_MAX = 0.4
SMALL_BYTES = 2**20


@pytest.mark.parametrize("factor_count", [3, 4, 8, 16, 24, 29, 30, 32, 48, 64, 100, 128, 256, 1024])
@pytest.mark.parametrize("item_count", [1_000, 40_000, 1_000_000, 10_000_000])
def test_codes_or_norms_take_four_tenths_at_most(item_count: int, factor_count: int) -> None:
    """Codes where they are that small, else 4 bytes per item for norms."""
    extra = 4 * item_count
    if codes_pay(item_count, factor_count):
        extra = code_bytes(item_count, factor_count)
    assert extra <= max(SHARE_MAX * 4 * item_count * factor_count, SMALL_BYTES)


@pytest.mark.parametrize(("item_count", "factor_count"), [(40_000, 8), (20_000, 24), (20_000, 40)])
def test_a_scorer_of_plain_arrays_obeys_the_law(item_count: int, factor_count: int) -> None:
    """What is really allocated when it makes its own codes, or does without."""
    factors = np.ones((item_count, factor_count), dtype=np.float32)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        scorer = Scorer(item_count=item_count, item_factors=factors)
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert scorer.factor_count == factor_count
    assert taken <= max(SHARE_MAX * factors.nbytes, SMALL_BYTES) + 2**16


SERVER = """
import sys
from pathlib import Path
import numpy as np
from recsys.bundle import open_bundle
from recsys.scoring import Scorer

def taken(*kinds):
    lines = [line.split() for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]]
    return 1024 * sum(int(line[1]) for line in lines if line[0][:-1] in kinds)

rng = np.random.default_rng(1)
vectors = rng.standard_normal((200, int(sys.argv[2]))).astype(np.float32)
before = taken("Rss"), taken("Private_Dirty")
scorer = Scorer.from_bundle(open_bundle(Path(sys.argv[1])))
for _ in range(3):
    scorer.top_k(vectors, 20)
    scorer.top_k(vectors[:1], 20)
print(taken("Rss") - before[0], taken("Private_Dirty") - before[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_serving_process_maps_and_shares(tmp_path: Path) -> None:
    """All that is resident after many searches, and what of it is the process's own."""
    item_count, width = 60_000, 64
    factors = np.random.default_rng(2).standard_normal((item_count, width)).astype(np.float32)
    published(tmp_path / "v1", Case(item_count=item_count, query_count=1, k=1, factors=factors))
    done = subprocess.run(
        [sys.executable, "-c", SERVER, tmp_path / "v1", str(width)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    resident, own = map(int, done.stdout.split())
    assert resident <= (1 + SHARE_MAX) * factors.nbytes + 6 * SMALL_BYTES, resident / factors.nbytes
    assert own <= 6 * SMALL_BYTES, own
