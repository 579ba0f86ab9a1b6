"""What is asked of an answer, and what comes of it."""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from recsys.bundle import ItemIndex
from recsys.catalog import Place
from recsys.domain import Identifier, StoreId
from recsys.events import History
from recsys.rules.arrangement import Arrangement
from recsys.rules.permitted import Permitted
from recsys.rules.rules import NO_RULES, Rules

I32 = NDArray[np.int32]

NOTE_STOCK_UNAVAILABLE: Final = "stock-unavailable"
NOTE_CATALOG_UNAVAILABLE: Final = "catalog-unavailable"
NOTE_PIN_LEFT_OUT: Final = "pin-left-out"


class Model(Protocol):
    """A model, as far as rules look at one."""

    @property
    def items(self) -> ItemIndex:
        """Its items."""
        ...

    @property
    def item_factors(self) -> NDArray[np.float32] | None:
        """Their vectors, float32, shape (n, f), if it has any."""
        ...

    def vectors_of(self, rows: I32) -> NDArray[np.float32]:
        """Return the vectors of rows, new items included; only if it has any."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """What rules are looked up and resolved for.

    Attributes:
        placement: The slot of the frontend.
        rules: The request's own.
        store_id: Of the context.
        place: Of the context.
        buyer_age: How old the buyer is, in years; None if it is not said.
        history: What is known that she did, and may be used.
        now: Seconds since 1970-01-01 UTC.
        identifiers: How she is known; empty for nobody in particular.
    """

    placement: str
    rules: Rules
    store_id: StoreId | None
    place: Place | None
    buyer_age: int | None
    history: History
    now: float
    identifiers: tuple[Identifier, ...] = ()

    @property
    def person(self) -> str:
        """Tells her from others, the same in every order of what she is known by."""
        return " ".join(f"{one.namespace}:{one.value}" for one in sorted(self.identifiers))

    @property
    def asks_nothing(self) -> bool:
        """Whether neither the request nor where it comes from restricts anything."""
        return self.rules is NO_RULES and self.store_id is None and self.buyer_age is None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InForce:
    """Rules as they are for one answer.

    Attributes:
        rules: The placement's and the request's in one.
        permitted: What may appear.
        excluded: Rows that may not, for what she did with them; ascending.
        arrangement: How the page is put together; None for simply the best.
    """

    rules: Rules
    permitted: Permitted
    excluded: I32
    arrangement: Arrangement | None
