"""Names of the erased in events of others: taken out, as of those that come later.

An event of somebody else may name an identifier of hers beside his own, such as her card that he
has shown. The link that it has left says whose events these are, so the log is not searched.
"""

from collections.abc import Collection
from typing import Final

import msgspec

from recsys.domain import Identifier
from recsys.events import EventContent
from recsys.storage.sessions import Session

# The same letters in another case are found, too, and left alone when they are read.
_NAMING: Final = """
SELECT seq, content FROM events WHERE identifier_key = ANY(?) AND content LIKE ? ESCAPE '!'
"""
_REWRITE: Final = "UPDATE events SET content = ? WHERE seq = ?"

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(EventContent).decode


def forget_mentions(session: Session, names: Collection[Identifier]) -> None:
    """Take names out of the events of all who are linked with them.

    Ids and digests stay, so that a second sending is a duplicate.

    Args:
        session: Writes, alone.
        names: Identifiers of the erased, before their links are forgotten.
    """
    others: dict[Identifier, set[int]] = {}
    for link in session.links(list(names)):
        for name, other in (link.ends, link.ends[::-1]):
            if name in names and other not in names:
                others.setdefault(name, set()).add(session.keys.identifier(other))
    for name, keys in others.items():
        rows = []
        for seq, text in session.rows(_NAMING, sorted(keys), _pattern(name)):
            content = _decode(text)
            kept = tuple(one for one in content.identifiers if one not in names)
            if kept != content.identifiers:
                content = msgspec.structs.replace(content, identifiers=kept)
                rows.append((_encode(content).decode(), seq))
        session.change_each(_REWRITE, rows)


def _pattern(name: Identifier) -> str:
    text = _encode(name.value).decode()
    for special in "!%_":
        text = text.replace(special, f"!{special}")
    return f"%{text}%"
