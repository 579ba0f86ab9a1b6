"""Threads with little stack, which some libraries and C libraries make: nothing large lies there."""

import subprocess
import sys

PROGRAM = """
import threading
import numpy as np
from recsys import _scoring
from recsys.features import FoldInConfig
from recsys.scoring import FoldIn, RaggedRows, Scorer

rng = np.random.default_rng(1)
factors = rng.standard_normal((3000, 1024)).astype(np.float32)
vectors = rng.standard_normal((130, 1024)).astype(np.float32)
rows = RaggedRows(np.arange(131, dtype=np.int64), np.arange(130, dtype=np.int32))
scorer = Scorer(item_count=3000, item_factors=factors)
fold_in = FoldIn.of_factors(factors[:, :64].copy(), FoldInConfig(alpha=1.0, regularization=1.0))

def ask(found):
    found.append(scorer.top_k(vectors, 20, excluded=rows).items.tobytes())
    found.append(scorer.top_k(vectors[:1], 20).scores.tobytes())
    found.append(scorer.contributions(vectors, rows).parts.tobytes())
    found.append(fold_in.solve(rows.rows[:30], np.ones(30, np.float32)).tobytes())

threading.stack_size(64 * 1024)
for simd in _scoring.available_simd():
    _scoring._force_simd(simd)
    usual, small = [], []
    ask(usual)
    thread = threading.Thread(target=ask, args=(small,))
    thread.start()
    thread.join()
    assert small == usual, f"answers differ on {simd}"
"""


def test_a_stack_of_64_kib_is_enough() -> None:
    """Single queries, batches, contributions and fold-ins, on every instruction set."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.returncode, done.stderr)
