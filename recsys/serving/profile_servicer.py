"""`recsys.v1.ProfileService`: decode, ask the storage in a thread, encode."""

import asyncio
import datetime as dt
import functools
import itertools
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor
from typing import Final

from recsys import limits
from recsys.catalog import ItemReader, categories_of
from recsys.errors import StorageMissing
from recsys.profiles import PeopleStore, traits
from recsys.serving import wire_profiles
from recsys.serving.call import Call
from recsys.v1 import profile_service_pb2 as service

_PART_BYTES: Final = limits.MESSAGE_BYTES_MAX // 4


class ProfileServicer:
    """Shows, exports and erases people."""

    def __init__(
        self,
        *,
        people: PeopleStore | None,
        items: ItemReader | None,
        time_zone: dt.tzinfo,
        pool: Executor,
    ) -> None:
        """Answer from a storage.

        Args:
            people: What is stored of people; None for a server without a storage.
            items: Knows the categories of items; None where nothing does.
            time_zone: Whose days and hours traits are said in.
            pool: Threads for what takes time.
        """
        self._people = people
        self._items = items
        self._time_zone = time_zone
        self._pool = pool

    async def get_profile(self, request: service.GetProfileRequest, call: Call) -> bytes:
        """Say what is known of a person."""
        who = wire_profiles.parse_subject(request.subject)
        people = self._store()

        def read() -> bytes:
            person = people.person(who, event_count_max=limits.PROFILE_EVENT_COUNT_MAX)
            found = traits(
                person.events,
                now=call.now,
                time_zone=self._time_zone,
                categories_of=functools.partial(categories_of, self._items, now=call.now),
            )
            known = wire_profiles.profile(person, found)
            return service.GetProfileResponse(profile=known).SerializeToString()

        return await call.compute(self._pool, read)

    async def set_consent(self, request: service.SetConsentRequest, call: Call) -> bytes:
        """Keep what a person says."""
        who, statements = wire_profiles.parse_set_consent(request, now=call.now)
        record = self._store().record_consents
        person = await call.compute(self._pool, record, who, statements, now=call.now)
        return service.SetConsentResponse(
            consents=wire_profiles.consents(person.decided_consents())
        ).SerializeToString()

    async def set_loyalty_tiers(self, request: service.SetLoyaltyTiersRequest, call: Call) -> bytes:
        """Keep what a loyalty programme says."""
        statements = wire_profiles.parse_tiers(request, now=call.now)
        outcomes = await call.compute(self._pool, self._store().record_tiers, statements)
        return wire_profiles.tiers_set(outcomes).SerializeToString()

    async def export_profile(
        self, request: service.ExportProfileRequest, call: Call
    ) -> AsyncIterator[bytes]:
        """Hand everything out that is held about a person."""
        who, to = wire_profiles.parse_export(request, now=call.now)
        parts = _messages(self._store().export(who, to=to))
        loop = asyncio.get_running_loop()
        while (part := await loop.run_in_executor(self._pool, next, parts, None)) is not None:
            call.check_deadline()
            yield part

    async def erase_profile(self, request: service.EraseProfileRequest, call: Call) -> bytes:
        """Delete everything of a person."""
        who = wire_profiles.parse_subject(request.subject)
        report = await call.compute(self._pool, self._store().erase, who, now=call.now)
        return service.EraseProfileResponse(
            erasure=wire_profiles.erasure(report)
        ).SerializeToString()

    def _store(self) -> PeopleStore:
        if self._people is None:
            raise StorageMissing
        return self._people


def _messages(parts: Iterator[list[bytes]]) -> Iterator[bytes]:
    """Cut lines into messages of a size that every client accepts."""
    waiting: list[str] = []
    size = 0
    for line in itertools.chain.from_iterable(parts):
        if waiting and size + len(line) > _PART_BYTES:
            yield service.ExportProfileResponse(lines=waiting).SerializeToString()
            waiting, size = [], 0
        waiting.append(line.decode())
        size += len(line)
    if waiting:
        yield service.ExportProfileResponse(lines=waiting).SerializeToString()
