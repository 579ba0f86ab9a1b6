"""Where offers are written, and how workers follow them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from recsys.offers.offer import Offer


class KeyedOffer(NamedTuple):
    """An offer as workers follow it.

    Attributes:
        offer_id: Its id.
        offer: What it is; None if it was deleted.
    """

    offer_id: str
    offer: Offer | None


class OfferChanges(NamedTuple):
    """What has changed, each offer as it is now.

    Attributes:
        seq: The number of the last change.
        offers: Those that were written or deleted.
    """

    seq: int
    offers: Sequence[KeyedOffer]


class OfferPage(NamedTuple):
    """Some offers in the order of their ids.

    Attributes:
        offers: Ids and offers.
        next_id: After which id the next page begins; None if this was the last one.
    """

    offers: Sequence[tuple[str, Offer]]
    next_id: str | None


class OfferFeed(Protocol):
    """What workers follow. All methods raise StorageUnavailable."""

    def last_seq(self) -> int:
        """Return the number of the last change; 0 where nothing was ever written."""
        ...

    def changes(self, after: int) -> OfferChanges:
        """Return what has changed after a number; after 0, all that there is."""
        ...


class OfferStore(Protocol):
    """Where offers are written. All methods raise StorageUnavailable; nothing is written then."""

    def upsert_offers(self, offers: Mapping[str, Offer], *, now: float) -> Sequence[str]:
        """Write offers, whether or not they exist; what was used of them stays.

        Returns:
            Those that are other than before.

        Raises:
            InvalidRequest: Of stacking or of too many offers; none was written. Fields are
                named as those of `offers[N]`, in the order of the mapping.
        """
        ...

    def find_offers(self, offer_ids: Sequence[str]) -> Mapping[str, Offer]:
        """Return those of these offers that exist."""
        ...

    def list_offers(self, *, after: str | None, count_max: int) -> OfferPage:
        """Return offers whose ids come after one, in the order of their UTF-8 bytes."""
        ...

    def delete_offers(self, offer_ids: Sequence[str], *, now: float) -> Sequence[str]:
        """Delete offers; return those that existed. What was used of them stays."""
        ...
