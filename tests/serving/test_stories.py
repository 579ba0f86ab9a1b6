"""The stories that must never fail again, by real processes on each kind of storage."""

from pathlib import Path
from typing import Any

import grpc

from recsys.v1 import (
    catalog_pb2,
    catalog_service_pb2,
    catalog_service_pb2_grpc,
    event_service_pb2,
    event_service_pb2_grpc,
    profile_service_pb2_grpc,
    recommendation_service_pb2_grpc,
)
from recsys.v1 import profile_service_pb2 as profiles
from recsys.v1.context_pb2 import Context
from recsys.v1.event_pb2 import (
    CHANNEL_STORE,
    CHANNEL_WEB,
    EVENT_TYPE_DETAIL_PAGE_VIEW,
    Event,
    ItemLine,
)
from recsys.v1.recommendation_service_pb2 import RecommendRequest
from recsys.v1.subject_pb2 import Identifier, Subject
from support.processes import WAIT_SECONDS, WatchedServer, serving

ODD = ["item-1", "item-3"]


class Channels:
    """Connections of their own, which the kernel spreads over the workers; each in its turn."""

    def __init__(self, server: WatchedServer) -> None:
        options = [("grpc.use_local_subchannel_pool", 1)]
        self._channels = [grpc.insecure_channel(server.address, options) for _ in range(8)]
        self._turn = 0

    def next(self) -> grpc.Channel:
        """The next connection."""
        self._turn += 1
        return self._channels[self._turn % len(self._channels)]

    def browse(self, subject: Subject, items: list[str]) -> None:
        """Let somebody look at items in the web shop."""
        for item in items:
            event = Event(
                event_id=f"{self._turn}",
                event_type=EVENT_TYPE_DETAIL_PAGE_VIEW,
                channel=CHANNEL_WEB,
                subject=subject,
                lines=[ItemLine(item_id=item)],
            )
            stub = event_service_pb2_grpc.EventServiceStub(self.next())
            stub.WriteEvent(event_service_pb2.WriteEventRequest(event=event), timeout=WAIT_SECONDS)

    def answers(self, subject: Subject, **context: Any) -> set[tuple[str, ...]]:
        """Ask every worker for a person; the distinct lists of items."""
        request = RecommendRequest(subject=subject, context=Context(**context), page_size=5)
        found = set()
        for _ in self._channels:
            stub = recommendation_service_pb2_grpc.RecommendationServiceStub(self.next())
            found.add(
                tuple(one.item_id for one in stub.Recommend(request, timeout=WAIT_SECONDS).results)
            )
        return found

    @property
    def people(self) -> profile_service_pb2_grpc.ProfileServiceStub:
        """Links and unlinks, on the next connection."""
        return profile_service_pb2_grpc.ProfileServiceStub(self.next())

    def close(self) -> None:
        """Close all connections."""
        for channel in self._channels:
            channel.close()


def is_odd(items: tuple[str, ...]) -> bool:
    """Whether all items are of the odd world."""
    return all(int(item.removeprefix("item-")) % 2 for item in items)


def test_a_web_customer_is_known_in_the_shop_once_her_card_is_linked(
    folder: Path, storage: dict[str, Any]
) -> None:
    """The till links the card; the clerk's tablet asks by the card alone, on any worker."""
    account, card = Subject(user_id="anna"), Identifier(namespace="loyalty_card", value="26001")
    with serving(folder, storage=storage, server={"workers": 2}) as server:
        channels = Channels(server)
        channels.browse(account, ODD)
        at_the_till = Subject(identifiers=[card])
        shop = {"channel": CHANNEL_STORE, "store_id": "s-1"}
        (before,) = channels.answers(at_the_till, **shop)
        assert not is_odd(before)
        linked = channels.people.LinkIdentifiers(
            profiles.LinkIdentifiersRequest(
                identifiers=[Identifier(namespace="account", value="anna"), card], source="till"
            ),
            timeout=WAIT_SECONDS,
        )
        assert not linked.refused_links
        (after,) = channels.answers(at_the_till, **shop)
        assert is_odd(after)
        assert not set(after) & set(ODD)
        assert {after} == channels.answers(account, **shop)
        assert server.metric('recsys_links_total{outcome="joined"}') == 1
        channels.close()


def test_a_login_joins_two_devices_and_unlinking_parts_them_again(
    folder: Path, storage: dict[str, Any]
) -> None:
    """She browses on the phone and logs in on the web; both answer from all she did."""
    phone, web = Subject(visitor_id="phone"), Subject(visitor_id="web")
    account = Identifier(namespace="account", value="anna")
    with serving(folder, storage=storage, server={"workers": 2}) as server:
        channels = Channels(server)
        channels.browse(phone, ODD)
        (on_phone,) = channels.answers(phone)
        (on_web,) = channels.answers(web)
        assert is_odd(on_phone)
        assert not is_odd(on_web)
        channels.browse(Subject(user_id="anna", visitor_id="phone"), ["item-5"])
        channels.browse(Subject(user_id="anna", visitor_id="web"), ["item-7"])
        (joined,) = channels.answers(phone)
        assert {joined} == channels.answers(web) == channels.answers(Subject(user_id="anna"))
        assert not set(joined) & {*ODD, "item-5", "item-7"}
        for device in ("phone", "web"):
            parted = channels.people.UnlinkIdentifiers(
                profiles.UnlinkIdentifiersRequest(
                    identifiers=[account, Identifier(namespace="visitor", value=device)]
                ),
                timeout=WAIT_SECONDS,
            )
            assert parted.removed_count == 1
            assert len(set(parted.profile_ids)) == 2
        assert channels.answers(phone) == {on_phone}
        assert channels.answers(web) == {on_web}
        channels.close()


def test_rules_of_the_environment_decide_who_is_who(folder: Path) -> None:
    """One card a person, says the environment; the next server says four and all is made anew."""
    storage = {"histories": str(folder / "store.sqlite")}
    account = Identifier(namespace="account", value="anna")
    cards = [Identifier(namespace="loyalty_card", value=value) for value in "ab"]

    def people(server: WatchedServer, *, linking: bool) -> tuple[int, list[int]]:
        channels = Channels(server)
        refused = []
        for card in cards if linking else ():
            request = profiles.LinkIdentifiersRequest(identifiers=[account, card])
            answer = channels.people.LinkIdentifiers(request, timeout=WAIT_SECONDS)
            refused += [one.refusal for one in answer.refused_links]
        found = {
            channels.people.ListLinks(
                profiles.ListLinksRequest(identifier=one), timeout=WAIT_SECONDS
            ).profile_id
            for one in (account, *cards)
        }
        channels.close()
        return len(found), refused

    one_worker = {"workers": 1}
    limits = {"RECSYS_IDENTITY__LIMITS": "loyalty_card=1"}
    with serving(folder, environ=limits, storage=storage, server=one_worker) as server:
        assert people(server, linking=True) == (2, [profiles.LINK_REFUSAL_NAMESPACE_LIMIT])
    with serving(folder, storage=storage, server=one_worker) as server:
        assert people(server, linking=False) == (1, [])


def test_what_a_shop_has_sold_is_not_offered_for_pick_up_there(
    folder: Path, storage: dict[str, Any]
) -> None:
    """The till sells the last piece; the web shop's next answer, on any worker, is without it."""
    with serving(folder, storage=storage, server={"workers": 2}) as server:
        channels = Channels(server)
        catalog = catalog_service_pb2_grpc.CatalogServiceStub(channels.next())
        items = [catalog_pb2.Item(item_id=f"item-{row}", title=str(row)) for row in range(30)]
        catalog.UpsertItems(
            catalog_service_pb2.UpsertItemsRequest(items=items), timeout=WAIT_SECONDS
        )
        store = catalog_pb2.Store(store_id="s-1")
        catalog.UpsertStores(
            catalog_service_pb2.UpsertStoresRequest(stores=[store]), timeout=WAIT_SECONDS
        )

        def count(item_id: str, quantity: int) -> None:
            stub = catalog_service_pb2_grpc.CatalogServiceStub(channels.next())
            one = catalog_pb2.StockCount(item_id=item_id, store_id="s-1", quantity=quantity)
            request = catalog_service_pb2.SetInventoryRequest(counts=[one])
            (result,) = stub.SetInventory(request, timeout=WAIT_SECONDS).results
            assert result.outcome == catalog_service_pb2.STOCK_OUTCOME_WRITTEN

        for item_id in ("item-2", "item-4"):
            count(item_id, 1)
        anna = Subject(user_id="anna")
        channels.browse(anna, ["item-0"])
        for round_ in range(3):
            assert channels.answers(anna, store_id="s-1") == {("item-2", "item-4")}
            count("item-2", 0)
            assert channels.answers(anna, store_id="s-1") == {("item-4",)}
            count("item-2", round_ + 2)
        assert len(channels.answers(anna).pop()) == 5
        channels.close()
