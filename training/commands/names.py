"""Names of columns, as people give them on the command line."""

from collections.abc import Iterable

from recsys.errors import InvalidConfig


def parse_names(pairs: Iterable[str]) -> dict[str, str]:
    """Read pairs such as `session=user_id`: the files' own name and ours.

    Raises:
        InvalidConfig: A pair has no such form.
    """
    names = {}
    for pair in pairs:
        old, equals, new = pair.partition("=")
        if not equals or not old or not new:
            raise InvalidConfig(source="--map", problem=f"is {pair!r}; write old=new")
        names[old] = new
    return names
