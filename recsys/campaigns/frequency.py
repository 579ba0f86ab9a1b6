"""How often, and when, somebody may be messaged, over all channels together.

[all]                            # every channel
gap_hours = 12
caps = [{ count_max = 4, days = 7 }]

[email]
caps = [{ count_max = 2, days = 7 }, { count_max = 1, days = 30, placements = ["email-survey"] }]
quiet_hours = "21:00-08:00"

What counts is what she was shown: impressions, of whichever campaign or program. Several
impressions of one answer, as their attribution tokens say, are one message.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from recsys import limits
from recsys.campaigns.people import NO_EVENTS, EventNeeds
from recsys.campaigns.suppression import SuppressionCause
from recsys.consent import Purpose
from recsys.domain import CHANNEL_BY_CODE, SECONDS_PER_DAY, Channel, EventType
from recsys.errors import InvalidRequest
from recsys.profiles import LoggedEvent
from recsys.recommend.attribution import decode_token
from recsys.toml_tables import read_toml_tables

ALL_CHANNELS: Final = "all"
MESSAGE_CHANNELS: Final = frozenset(
    {
        Channel.EMAIL,
        Channel.SMS,
        Channel.PUSH,
        Channel.MESSAGING,
        Channel.CALL_CENTER,
        Channel.SOCIAL,
    }
)
"""Channels on which people are messaged, rather than come by themselves."""

_SECONDS_PER_HOUR: Final = 3_600.0
_SHOWN: Final = EventType.IMPRESSION.code
_HOURS: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most so many messages in so many days.

    Attributes:
        count_max: How many, 0 and above.
        days: In how many days before the message; above 0.
        channels: On which channels; empty for those of the table.
        placements: Of which placements, as attribution tokens say; empty for all.
    """

    count_max: int
    days: float
    channels: tuple[Channel, ...] = ()
    placements: tuple[str, ...] = ()


class ChannelFrequency(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What holds for messages on a channel.

    Attributes:
        caps: All of them hold.
        gap_hours: Hours since her last message, at least; 0 for none.
        quiet_hours: When no message is sent, such as `21:00-08:00`, in her time zone;
            empty for never.
        purposes: For messages of which purposes.
    """

    caps: tuple[Limit, ...] = ()
    gap_hours: float = 0.0
    quiet_hours: str = ""
    purposes: tuple[Purpose, ...] = (Purpose.MARKETING,)

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield each key that is out of its bounds, and what is allowed."""
        hours_max = limits.FREQUENCY_DAYS_MAX * 24.0
        if not 0.0 <= self.gap_hours <= hours_max:
            yield "gap_hours", f"is {self.gap_hours:g}; allowed 0 to {hours_max:g}"
        if self.quiet_hours and (
            _HOURS.fullmatch(self.quiet_hours) is None or _ends(self.quiet_hours)[2]
        ):
            yield "quiet_hours", f"is {self.quiet_hours!r}; allowed two times such as 21:00-08:00"
        for at, cap in enumerate(self.caps):
            if cap.count_max < 0:
                yield f"caps[{at}].count_max", f"is {cap.count_max}; allowed 0 and above"
            if not 0.0 < cap.days <= limits.FREQUENCY_DAYS_MAX:
                allowed = f"above 0 to {limits.FREQUENCY_DAYS_MAX:g}"
                yield f"caps[{at}].days", f"is {cap.days:g}; allowed {allowed}"


NO_FREQUENCY: Final = ChannelFrequency()


@dataclass(frozen=True, slots=True)
class FrequencyRules:
    """What holds, by channel; `all` for every channel."""

    tables: Mapping[str, ChannelFrequency] = field(default_factory=dict)

    def of(
        self, channel: Channel | None, purpose: Purpose
    ) -> tuple[tuple[str, ChannelFrequency], ...]:
        """Return what holds for a message, by table."""
        names = (ALL_CHANNELS,) if channel is None else (ALL_CHANNELS, channel.value)
        found = ((name, self.tables.get(name, NO_FREQUENCY)) for name in names)
        return tuple(
            (name, one) for name, one in found if one != NO_FREQUENCY and purpose in one.purposes
        )

    def needs(self, channel: Channel | None, purpose: Purpose, *, now: float) -> EventNeeds:
        """Return which events have to be looked at."""
        days = 0.0
        has_hours = False
        for _, one in self.of(channel, purpose):
            has_hours |= bool(one.quiet_hours)
            days = max(days, one.gap_hours / 24.0, *(cap.days for cap in one.caps), 0.0)
        needs = NO_EVENTS
        if days:
            shown = frozenset({EventType.IMPRESSION})
            needs = EventNeeds(types=shown, since=now - days * SECONDS_PER_DAY)
        if has_hours:
            # Where she shops says in which time zone she lives.
            needs = needs.joined(
                EventNeeds(
                    types=frozenset({EventType.PURCHASE_COMPLETE, EventType.STORE_VISIT}),
                    since=now - limits.FREQUENCY_DAYS_MAX * SECONDS_PER_DAY,
                )
            )
        return needs

    def refuses(
        self,
        events: Sequence[LoggedEvent],
        *,
        channel: Channel | None,
        purpose: Purpose,
        time_zone: dt.tzinfo,
        now: float,
    ) -> SuppressionCause | None:
        """Say why a message must not be sent; None if it may.

        Args:
            events: Hers, those that `needs` says at least.
            channel: Of the message.
            purpose: Of the message.
            time_zone: Hers.
            now: When it is sent, seconds since 1970-01-01 UTC.
        """
        tables = self.of(channel, purpose)
        if any(one.quiet_hours and _is_quiet(one.quiet_hours, time_zone, now) for _, one in tables):
            return SuppressionCause.QUIET_HOURS
        shown = [one for one in events if one.event_type == _SHOWN]
        for name, one in tables:
            gap = one.gap_hours * _SECONDS_PER_HOUR
            counting = _channels(name)
            if gap and any(
                CHANNEL_BY_CODE.get(each.channel) in counting and each.event_time > now - gap
                for each in shown
            ):
                return SuppressionCause.MINIMUM_GAP
        for name, one in tables:
            if any(_is_reached(cap, _channels(name), shown, now) for cap in one.caps):
                return SuppressionCause.CAPPED
        return None


def read_frequency(text: str, *, source: str) -> FrequencyRules:
    """Read and check the rules of all channels.

    Args:
        text: TOML, a table for each channel, and `all`.
        source: What to call it in errors.

    Raises:
        InvalidConfig: With the channel, the key and what is allowed.
    """
    rules = read_toml_tables(
        text,
        ChannelFrequency,
        source=source,
        refused_name=_refused_name,
        problems=ChannelFrequency.problems,
    )
    return FrequencyRules(rules)


def _refused_name(name: str) -> str:
    names = [ALL_CHANNELS, *(one.value for one in Channel)]
    return "" if name in names else f"is no channel; allowed {', '.join(names)}"


def _channels(table: str) -> frozenset[Channel]:
    return MESSAGE_CHANNELS if table == ALL_CHANNELS else frozenset({Channel(table)})


def _is_reached(
    cap: Limit, channels: frozenset[Channel], shown: Sequence[LoggedEvent], now: float
) -> bool:
    counting = frozenset(cap.channels) or channels
    since = now - cap.days * SECONDS_PER_DAY
    messages: set[object] = set()
    for at, one in enumerate(shown):
        if one.event_time <= since or CHANNEL_BY_CODE.get(one.channel) not in counting:
            continue
        token = _token(one)
        if not cap.placements or _placement(token) in cap.placements:
            messages.add(token or at)
    return len(messages) >= cap.count_max


class _Content(msgspec.Struct):
    attribution_token: str = ""


_decode: Final = msgspec.json.Decoder(_Content).decode


def _token(one: LoggedEvent) -> str:
    return _decode(one.content).attribution_token if one.content else ""


def _placement(token: str) -> str:
    try:
        return decode_token(token).placement if token else ""
    except InvalidRequest:
        return ""  # Whoever sent the event has made it up.


def _ends(hours: str) -> tuple[int, int, bool]:
    """Return the minutes of the day of both ends, and whether they are the same."""
    found = _HOURS.fullmatch(hours)
    assert found is not None  # It was checked when it was read.
    start, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    return start, end, start == end


def _is_quiet(hours: str, time_zone: dt.tzinfo, now: float) -> bool:
    start, end, _ = _ends(hours)
    local = dt.datetime.fromtimestamp(now, time_zone)
    minute = local.hour * 60 + local.minute
    if start < end:
        return start <= minute < end
    return minute >= start or minute < end
