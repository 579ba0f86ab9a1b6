"""Pages of lists in the order of ids: how many are wanted, and after which one."""

import base64
from typing import Protocol

from recsys.violations import Violations


class PageRequest(Protocol):
    """A request for a page."""

    @property
    def page_size(self) -> int:
        """Entries wanted; 0 for the default."""
        ...

    @property
    def page_token(self) -> str:
        """Of the page before; empty for the first."""
        ...


def parse_page(request: PageRequest, *, default: int, most: int) -> tuple[int, str]:
    """Return how many entries are wanted, and after which id; empty for the beginning.

    Args:
        request: Anything that arrived.
        default: Entries where no number is given.
        most: Entries at most; more are cut to it.

    Raises:
        InvalidRequest: The number is negative, or the token none of `page_token`.
    """
    wrong = Violations()
    if request.page_size < 0:
        wrong.add("page_size", f"is {request.page_size}; allowed 0 to {most}")
    after = ""
    try:
        after = base64.b64decode(request.page_token, altchars=b"-_", validate=True).decode()
    except ValueError:
        wrong.add("page_token", "is none of ours; allowed is next_page_token of the page before")
    wrong.raise_any()
    return min(request.page_size or default, most), after


def page_token(last_id: str) -> str:
    """Return the token of what comes after an id; empty for nothing more."""
    return base64.urlsafe_b64encode(last_id.encode()).decode()
