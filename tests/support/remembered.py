"""What people did, as a recommender reads it, and what its answers show."""

from collections.abc import Iterable, Mapping, Sequence

from recsys.consent import ALWAYS, Permission
from recsys.domain import Channel, EventType, Identifier, ItemEvent, ItemId, ShortfallCause
from recsys.events import EMPTY_HISTORY, History, OneByOne
from recsys.recommend import Answer
from support.identity import account

NOW = 1_800_000_000.0
ANNA = account("anna")


def event(
    item: int | str,
    kind: EventType = EventType.DETAIL_PAGE_VIEW,
    *,
    age: float = 60.0,
    channel: Channel | None = Channel.WEB,
) -> ItemEvent:
    """What somebody did with an item or that of a row; a minute ago, unless said otherwise."""
    item_id = ItemId(item if isinstance(item, str) else f"item-{item}")
    return ItemEvent(item_id=item_id, event_type=kind, channel=channel, event_time=NOW - age)


class Memory(OneByOne):
    """Histories in a dictionary, which may grow, with what people allow.

    Attributes:
        of: What each did.
        read_count: How often somebody was looked up.
    """

    def __init__(
        self, histories: Mapping[Identifier, Iterable[ItemEvent]], *, consents: int = 0
    ) -> None:
        self.of = {who: list(events) for who, events in histories.items()}
        self.read_count = 0
        self._consents = consents

    def history(
        self,
        identifiers: Sequence[Identifier],
        *,
        event_count_max: int,
        permission: Permission = ALWAYS,
    ) -> History | None:
        """Return the newest of the first who is known; as the port."""
        self.read_count += 1
        if not permission.given_by(self._consents):
            return None
        for who in identifiers:
            if who in self.of:
                newest = sorted(self.of[who], key=lambda one: -one.event_time)
                return History.from_events(newest[:event_count_max])
        return EMPTY_HISTORY


def rows(answer: Answer) -> list[int]:
    """Rows in order."""
    return [int(one.item_id.removeprefix("item-")) for one in answer.results]


def causes(answer: Answer) -> dict[ShortfallCause, int]:
    """What is missing, by cause."""
    return {} if answer.shortfall is None else dict(answer.shortfall.parts)
