"""The last word on messages: how often she gets one, and who is left alone."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final

from recsys.campaigns import FrequencyRules
from recsys.campaigns.habits import time_zone_of
from recsys.campaigns.suppression import is_held_out
from recsys.consent import Purpose
from recsys.profiles import Person
from recsys.triggers.message import Message, Proposal, TriggerCause
from recsys.triggers.trigger import Trigger

PURPOSE: Final = Purpose.MARKETING


class Bench:
    """Has the last word on proposals, where nobody else decides; implements `Judge`."""

    def __init__(
        self,
        people: Mapping[tuple[str, str], tuple[Trigger, Person]],
        rules: FrequencyRules,
        zones: Mapping[str, dt.tzinfo],
        time_zone: dt.tzinfo,
        *,
        now: float,
    ) -> None:
        """Remember what was read of people.

        Args:
            people: By trigger and event.
            rules: How often and when.
            zones: By store.
            time_zone: Where none is known.
            now: Seconds since 1970-01-01 UTC.
        """
        self._people = people
        self._rules = rules
        self._zones = zones
        self._time_zone = time_zone
        self._now = now

    def __call__(self, proposal: Proposal, hers: Sequence[Message]) -> TriggerCause | None:
        """Say why there is no message; as `Judge`."""
        if proposal.cause is not None:
            return proposal.cause
        trigger, person = self._people[proposal.trigger, proposal.event_id]
        cause = self.refusal(trigger, person, hers)
        if cause is None and any(
            one.trigger == proposal.trigger and one.decide_time > self._now - trigger.again_seconds
            for one in hers
        ):
            return TriggerCause.REPEATED
        name = trigger.holdout_name or proposal.trigger
        # Last of all, so that those who are left alone compare with those who are not.
        if cause is None and is_held_out(person, name, trigger.holdout_share):
            return TriggerCause.HOLDOUT
        return cause

    def refusal(
        self, trigger: Trigger, person: Person, hers: Sequence[Message]
    ) -> TriggerCause | None:
        """Say what of the frequency rules refuses a message.

        Args:
            trigger: What set it off.
            person: What she was shown.
            hers: The messages that count of her and are perhaps not among that yet.
        """
        zone = time_zone_of(person.events, self._zones, self._time_zone)
        cause = self._rules.refuses(
            [*person.events, *(one.as_shown() for one in hers)],
            channel=trigger.channel,
            purpose=PURPOSE,
            time_zone=zone,
            now=self._now,
        )
        return TriggerCause.of(cause)
