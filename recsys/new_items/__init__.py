"""Items that a model does not know and the catalogue has; see docs/new-items.md."""

from recsys.new_items.index import LiveItems
from recsys.new_items.table import NewItemTable

__all__ = ["LiveItems", "NewItemTable"]
