"""What every use of `implicit` needs around it."""

from collections.abc import Iterator
from contextlib import contextmanager

from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from training.models.protocol import Interactions


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread.

    `implicit` runs a thread per core of its own; BLAS threads below them would
    fight for the same cores (it warns of that) and change the rounding.
    """
    with threadpool_limits(1, "blas"):
        yield


def to_scipy(interactions: Interactions) -> csr_matrix:
    """Return a SciPy matrix, users x items, with its own copy of the values."""
    weights = interactions.weights
    return csr_matrix(
        (weights.data.copy(), weights.indices, weights.indptr),
        shape=(interactions.user_count, interactions.item_count),
    )
