"""What queries come as: dtypes, shapes and lengths; values are the core's to check."""

import numpy as np
from numpy.typing import NDArray

from recsys.arrays import InvalidArray, check_array
from recsys.row_lists import RaggedRows, check_csr, check_ragged
from recsys.sparse import CsrMatrix

F32 = NDArray[np.float32]


def check_queries(
    user_vectors: F32 | None,
    history: CsrMatrix | None,
    rows: RaggedRows | None,
    *,
    factor_count: int,
    rows_name: str,
) -> int:
    """Return how many queries there are: as many as vectors, else histories, else lists, else 1.

    Args:
        user_vectors: Shape (m, f), or None without factors.
        history: One row per query, or None.
        rows: Exclusions or rows to be scored, or None.
        factor_count: f, 0 without factors.
        rows_name: What the caller calls `rows`.

    Raises:
        InvalidArray: An argument is something else.
    """
    query_count = 1
    if history is not None:
        query_count = history.row_count
    elif rows is not None:
        query_count = len(rows.indptr) - 1
    if user_vectors is not None:
        check_array(
            user_vectors, argument="user_vectors", dtype=np.float32, shape=(None, factor_count)
        )
        query_count = len(user_vectors)
    elif factor_count:
        raise InvalidArray(
            argument="user_vectors",
            found="None",
            allowed=f"C-contiguous float32 (any, {factor_count})",
        )
    if history is not None:
        check_csr(history, argument="history", row_count=query_count)
    if rows is not None:
        check_ragged(rows, argument=rows_name, query_count=query_count)
    return query_count


def check_additions(
    boosts: CsrMatrix | None, prior_rows: NDArray[np.int32] | None, query_count: int
) -> None:
    """Refuse boosts and rows of priors that are not one per query.

    Raises:
        InvalidArray: An argument is something else.
    """
    if boosts is not None:
        check_csr(boosts, argument="boosts", row_count=query_count)
    if prior_rows is not None:
        check_array(prior_rows, argument="prior_rows", dtype=np.int32, shape=(query_count,))
