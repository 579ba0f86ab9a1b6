"""Changing a part of what is said of an item."""

from collections.abc import Collection
from typing import Any, Final

import msgspec

from recsys.catalog.item import Item

ATTRIBUTE_PREFIX: Final = "attributes."
"""Begins the name of a part that is one attribute, such as `attributes.color`."""


def updated(before: Item, after: Item, parts: Collection[str]) -> Item:
    """Return an item with some parts of another.

    Args:
        before: What was said of it.
        after: Has the new parts; what it does not say of them is no longer said.
        parts: Fields of `Item`, or single attributes by `ATTRIBUTE_PREFIX`.
    """
    fields: dict[str, Any] = {
        name: getattr(after, name) for name in parts if not name.startswith(ATTRIBUTE_PREFIX)
    }
    names = [
        name.removeprefix(ATTRIBUTE_PREFIX) for name in parts if name.startswith(ATTRIBUTE_PREFIX)
    ]
    if names and "attributes" not in fields:
        kept = {name: one for name, one in before.attributes.items() if name not in names}
        said = {name: after.attributes[name] for name in names if name in after.attributes}
        fields["attributes"] = kept | said
    return msgspec.structs.replace(before, **fields)
