"""The part of the client that asks about people; see `recsys.serving.client`."""

import itertools
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import grpc

from recsys import limits
from recsys.consent import Consent
from recsys.domain import Identifier
from recsys.profiles import TierOutcome, TierStatement
from recsys.serving.client_errors import translated
from recsys.serving.encode import encode_identifier, put_moment
from recsys.serving.enum_words import enum_word
from recsys.serving.request_id import METADATA_KEY
from recsys.v1 import profile_pb2, profile_service_pb2, profile_service_pb2_grpc, subject_pb2

EXPORT_TIMEOUT_SECONDS: float = 600.0
"""Deadline of an export, and of an erasure, which wait for the disk."""


class ProfileClient:
    """Shows, exports and erases people. Safe between threads; errors as of `Client`."""

    def __init__(
        self, channel: grpc.Channel, *, ask: Callable[..., Any], timeout_seconds: float
    ) -> None:
        self._stub = profile_service_pb2_grpc.ProfileServiceStub(channel)  # type: ignore[no-untyped-call]  # generated
        self._ask = ask
        self._long_seconds = max(timeout_seconds, EXPORT_TIMEOUT_SECONDS)

    def show(self, identifiers: Sequence[Identifier]) -> profile_pb2.Profile:
        """Ask what is known of a person."""
        request = profile_service_pb2.GetProfileRequest(subject=subject_of(identifiers))
        response: profile_service_pb2.GetProfileResponse = self._ask(self._stub.GetProfile, request)
        return response.profile

    def set_consents(
        self, identifiers: Sequence[Identifier], statements: Sequence[Consent]
    ) -> list[profile_pb2.Consent]:
        """Say what a person allows, now; returns what counts over all of her identifiers."""
        request = profile_service_pb2.SetConsentRequest(
            subject=subject_of(identifiers),
            consents=[
                profile_pb2.Consent(
                    purpose=f"PURPOSE_{one.purpose.name}",
                    channel=f"CHANNEL_{one.channel.name}" if one.channel else None,
                    status=f"CONSENT_STATUS_{one.status.name}",
                    source=one.source,
                )
                for one in statements
            ],
        )
        response: profile_service_pb2.SetConsentResponse = self._ask(self._stub.SetConsent, request)
        return list(response.consents)

    def set_tiers(self, statements: Iterable[TierStatement]) -> dict[TierOutcome, int]:
        """Say which loyalty tiers cards and accounts have, any number; counts what became of it."""
        counts: dict[TierOutcome, int] = {}
        waiting = iter(statements)
        while some := list(itertools.islice(waiting, limits.LOYALTY_TIER_COUNT_MAX)):
            request = profile_service_pb2.SetLoyaltyTiersRequest(loyalty_tiers=map(_tier, some))
            response: profile_service_pb2.SetLoyaltyTiersResponse = self._ask(
                self._stub.SetLoyaltyTiers, request, timeout_seconds=self._long_seconds
            )
            for outcome in response.outcomes:
                word = TierOutcome(enum_word(profile_service_pb2.LoyaltyTierOutcome, outcome))
                counts[word] = counts.get(word, 0) + 1
        return counts

    def export(self, identifiers: Sequence[Identifier], *, destination: str = "") -> Iterator[str]:
        """Read everything held about a person, as JSON lines without their ends.

        Args:
            identifiers: Hers.
            destination: Where the lines will be kept; see `ExportProfileRequest`.
        """
        request = profile_service_pb2.ExportProfileRequest(
            subject=subject_of(identifiers), destination=destination
        )
        metadata = ((METADATA_KEY, str(uuid.uuid4())),)
        with translated():
            parts = self._stub.ExportProfile(request, timeout=self._long_seconds, metadata=metadata)
            for part in parts:
                yield from part.lines

    def erase(self, identifiers: Sequence[Identifier]) -> profile_pb2.Erasure:
        """Delete everything held about a person."""
        request = profile_service_pb2.EraseProfileRequest(subject=subject_of(identifiers))
        response: profile_service_pb2.EraseProfileResponse = self._ask(
            self._stub.EraseProfile, request, timeout_seconds=self._long_seconds
        )
        return response.erasure

    def link(
        self, identifiers: Sequence[Identifier], *, source: str
    ) -> profile_service_pb2.LinkIdentifiersResponse:
        """Say that identifiers are of one person, from now on."""
        request = profile_service_pb2.LinkIdentifiersRequest(
            identifiers=subject_of(identifiers).identifiers, source=source
        )
        response: profile_service_pb2.LinkIdentifiersResponse = self._ask(
            self._stub.LinkIdentifiers, request
        )
        return response

    def unlink(
        self, identifiers: Sequence[Identifier], *, source: str = ""
    ) -> profile_service_pb2.UnlinkIdentifiersResponse:
        """Forget the links between identifiers; only those of a source if one is named."""
        request = profile_service_pb2.UnlinkIdentifiersRequest(
            identifiers=subject_of(identifiers).identifiers, source=source
        )
        response: profile_service_pb2.UnlinkIdentifiersResponse = self._ask(
            self._stub.UnlinkIdentifiers, request
        )
        return response

    def links(self, identifier: Identifier) -> profile_service_pb2.ListLinksResponse:
        """Ask who is behind an identifier, and why."""
        request = profile_service_pb2.ListLinksRequest(
            identifier=subject_of([identifier]).identifiers[0]
        )
        response: profile_service_pb2.ListLinksResponse = self._ask(self._stub.ListLinks, request)
        return response


def _tier(statement: TierStatement) -> profile_service_pb2.LoyaltyTier:
    sent = profile_service_pb2.LoyaltyTier(
        identifier=encode_identifier(statement.identifier), name=statement.tier.name
    )
    put_moment(sent.tier_time, statement.tier.time)
    return sent


def subject_of(identifiers: Sequence[Identifier]) -> subject_pb2.Subject:
    """Say who is meant in the words of the wire."""
    return subject_pb2.Subject(identifiers=[encode_identifier(one) for one in identifiers])
