"""What a placement, or a single request, asks of the items in its answers."""

import enum

import msgspec


class StockRule(enum.StrEnum):
    """Where an item must be in stock to be shown."""

    AUTO = "auto"
    """In the store of the context, if one is named that the catalogue knows."""
    STORE = "store"
    """In the store of the context, which must be named."""
    ONLINE = "online"
    """Where the web shop sells from."""
    ANYWHERE = "anywhere"
    """Nowhere in particular: stock is not looked at."""


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked. What is None is not said.

    Attributes:
        in_stock: Where items must be in stock.
    """

    in_stock: StockRule | None = None


NO_RULES = Rules()
