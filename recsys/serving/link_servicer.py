"""`recsys.v1.ProfileService`: decode, ask the storage in its own thread, encode."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from recsys.errors import StorageMissing
from recsys.profiles import IdentityRules, ProfileStore
from recsys.serving import wire_links
from recsys.serving.call import Call
from recsys.serving.metrics import Metrics
from recsys.serving.storage import Storage
from recsys.v1 import profile_service_pb2 as service

ResultT = TypeVar("ResultT")


class LinkServicer:
    """Links and unlinks; what it has acknowledged is part of the very next answer."""

    def __init__(self, *, storage: Storage, rules: IdentityRules, metrics: Metrics) -> None:
        self._profiles = storage.profiles
        self._rules = rules
        self._metrics = metrics
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="profiles")

    async def link_identifiers(self, request: service.LinkIdentifiersRequest, call: Call) -> bytes:
        """Join identifiers."""
        links = wire_links.parse_link(request, self._rules, now=call.now)
        strongest = min((end for link in links for end in link.ends), key=self._rules.strength)
        refusals, profile = await self._ask(
            lambda profiles: (profiles.link(links), profiles.profile(strongest))
        )
        refused = wire_links.refused_links(links, refusals)
        self._metrics.links([refusals.get(link.name) for link in links])
        return service.LinkIdentifiersResponse(
            profile_id=profile.profile_id, refused_links=refused
        ).SerializeToString()

    async def unlink_identifiers(
        self, request: service.UnlinkIdentifiersRequest, call: Call
    ) -> bytes:
        """Part identifiers."""
        del call
        identifiers, source = wire_links.parse_unlink(request)
        count, profile_ids = await self._ask(
            lambda profiles: (
                profiles.unlink(identifiers, source=source),
                [profiles.profile(one).profile_id for one in identifiers],
            )
        )
        self._metrics.links_removed.inc(count)
        return service.UnlinkIdentifiersResponse(
            removed_count=count, profile_ids=profile_ids
        ).SerializeToString()

    async def list_links(self, request: service.ListLinksRequest, call: Call) -> bytes:
        """Say who somebody is, and why."""
        del call
        identifier = wire_links.parse_list(request)
        profile = await self._ask(lambda profiles: profiles.profile(identifier))
        return wire_links.list_response(profile).SerializeToString()

    async def close(self) -> None:
        """Finish what is under way."""
        await asyncio.to_thread(self._thread.shutdown)
        if self._profiles is not None:
            self._profiles.close()

    async def _ask(self, work: Callable[[ProfileStore], ResultT]) -> ResultT:
        profiles = self._profiles
        if profiles is None:
            raise StorageMissing
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, lambda: work(profiles)
        )
