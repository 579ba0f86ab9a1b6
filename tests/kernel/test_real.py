"""Laws on factors as training leaves them: trained on public check-ins."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from kernel.cases import Case, csr
from kernel.laws import LAWS, Law, check_reference
from kernel.ours import kernel_on
from recsys import _scoring
from recsys.features import FoldInConfig
from recsys.scoring import FoldIn, RaggedRows
from recsys.sparse import CsrMatrix
from training.models import Interactions
from training.models.ials import IalsConfig, IalsTrainer

QUERIES = 3


@pytest.fixture(scope="module")
def trained(real_data_dir: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Item factors of Gowalla, and the vectors of some of its users."""
    file = real_data_dir / "gowalla_m1" / "train.parquet"
    if not file.is_file():
        pytest.skip(f"{file} is absent")
    events = pl.read_parquet(file).unique().sort("user_id", "item_id")
    users, items = events["user_id"].to_numpy(), events["item_id"].to_numpy()
    item_count = int(items.max()) + 1
    counts = np.bincount(users)
    seen = CsrMatrix(
        np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        items.astype(np.int32),
        np.ones(len(items), dtype=np.float32),
    )
    popularity = np.bincount(items, minlength=item_count).astype(np.float64)
    interactions = Interactions(weights=seen, item_count=item_count, popularity=popularity)
    config = IalsConfig(factors=64, iterations=2)
    factors = IalsTrainer(config=config).fit(interactions, seed=1).item_factors
    assert factors is not None
    fold_in = FoldIn.of_factors(
        factors,
        FoldInConfig(
            alpha=config.alpha,
            regularization=config.regularization,
            regularization_exponent=config.regularization_exponent,
            unobserved_weight=config.unobserved_weight,
        ),
    )
    some = np.linspace(0, len(counts) - 1, QUERIES).round().astype(int)
    return factors, np.stack([fold_in.solve(*seen.row(user)) for user in some])


@pytest.mark.parametrize(
    ("path", "law"),
    [*(("codes", law) for law in LAWS), ("rows", check_reference)],
    ids=lambda one: one if isinstance(one, str) else one.__name__,
)
def test_laws_hold_for_trained_factors(
    trained: tuple[NDArray[np.float32], NDArray[np.float32]], path: str, law: Law
) -> None:
    """On the best instruction set, with exclusions, a mask, and a prior that follows popularity."""
    law(kernel_on(_scoring.simd(), path), problem(*trained, k=20))


@pytest.mark.parametrize("simd", _scoring.available_simd())
def test_every_instruction_set_ranks_trained_factors_alike(
    trained: tuple[NDArray[np.float32], NDArray[np.float32]], simd: str
) -> None:
    """As the portable one does over plain rows, with many results too."""
    case = problem(*trained, k=300)
    assert kernel_on(simd)(case) == kernel_on("portable", "rows")(case)


def problem(factors: NDArray[np.float32], vectors: NDArray[np.float32], *, k: int) -> Case:
    """Real vectors with parts beside them."""
    rng, count = np.random.default_rng(4), len(factors)
    lists = csr(rng, QUERIES, count, 200)
    return Case(
        item_count=count,
        query_count=QUERIES,
        k=k,
        factors=factors,
        vectors=vectors,
        prior=(rng.pareto(2.0, count) * 0.01).astype(np.float32),
        allowed=rng.random(count) < 0.9,
        excluded=RaggedRows(lists.indptr, lists.indices),
    )
