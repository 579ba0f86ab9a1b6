"""What the core found wrong with a query, as the error that says so."""

from recsys import _scoring
from recsys.arrays import InvalidArray, NotFinite
from recsys.errors import InvalidInput
from recsys.row_lists import RaggedRows, broken_item_item, row_error
from recsys.sparse import CsrMatrix


def fault_error(
    fault: tuple[int, int, int],
    *,
    first_query: int,
    item_count: int,
    prior_row_count: int,
    history: CsrMatrix | None,
    rows: RaggedRows | None,
    boosts: CsrMatrix | None,
) -> InvalidInput:
    """Translate a fault of the core.

    Args:
        fault: What, in which query, where in it.
        first_query: Of the slice that the core got, in the batch.
        item_count: Number of items.
        prior_row_count: Number of rows of priors.
        history: As the call got it.
        rows: The exclusions, or the rows to be scored.
        boosts: As the call got them.
    """
    code, query = fault[0], fault[1] + first_query
    not_finite = {
        _scoring.FAULT_VECTOR: "user_vectors",
        _scoring.FAULT_WEIGHT: "history",
        _scoring.FAULT_BOOST_VALUE: "boosts",
    }
    if code in not_finite:
        return NotFinite(argument=not_finite[code], row=query)
    if code == _scoring.FAULT_PRIOR_ROW:
        return InvalidArray(
            argument="prior_rows",
            found=f"out of range for query {query}",
            allowed=f"-1 to {prior_row_count - 1}",
        )
    if code == _scoring.FAULT_LINKS:
        return broken_item_item()
    names = {
        _scoring.FAULT_HISTORY: ("history", history),
        _scoring.FAULT_EXCLUDED: ("excluded", rows),
        _scoring.FAULT_ROW: ("rows", rows),
        _scoring.FAULT_BOOST: ("boosts", boosts),
    }
    name, lists = names[code]
    assert lists is not None
    return row_error(lists, argument=name, query=query, item_count=item_count)
