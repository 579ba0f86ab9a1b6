"""From what is asked to what is in force for one answer."""

import threading
import weakref
from collections.abc import Iterator
from typing import Final

import numpy as np

from recsys.catalog import CatalogFeed
from recsys.domain import ItemId, ShortfallCause
from recsys.errors import StorageUnavailable
from recsys.rules.asked import NOTE_CATALOG_UNAVAILABLE, Asked, InForce, Model
from recsys.rules.assortment import Assortment
from recsys.rules.composed import arrangement_of
from recsys.rules.contact import Contact, contact_of, excluded_rows
from recsys.rules.filter_rules import filter_parts
from recsys.rules.permitted import Part, Permitted, refusing
from recsys.rules.placements import Placements
from recsys.rules.refusals import Refusal, refusals
from recsys.rules.rules import NO_RULES, Rules
from recsys.rules.stock_rules import check_stock_rule, stock_part

_NO_ROWS: Final = np.empty(0, dtype=np.int32)


class Permissions:
    """Knows what may be shown of each model in service. Safe to share between threads."""

    def __init__(self, catalog: CatalogFeed, placements: Placements) -> None:
        """Follow a catalogue.

        Args:
            catalog: What changes.
            placements: The rules of each.
        """
        self.placements = placements
        self._catalog = catalog
        # A model that is not in service any more takes its assortment along.
        self._assortments: weakref.WeakKeyDictionary[Model, Assortment]
        self._assortments = weakref.WeakKeyDictionary()
        self._succession = threading.Lock()
        self._plain: weakref.WeakKeyDictionary[Assortment, InForce] = weakref.WeakKeyDictionary()

    def prepare(self, model: Model, *, now: float) -> None:
        """Read what the catalogue says of a model's items; raises StorageUnavailable."""
        self._refreshed(model, now=now)

    def follow(self, *, now: float) -> None:
        """Take in what has changed before anybody asks; raises StorageUnavailable."""
        for model in list(self._assortments):
            self._refreshed(model, now=now)

    def in_force(self, model: Model, asked: Asked, *, count: int, notes: set[str]) -> InForce:
        """Resolve the rules of a request, as of this moment.

        Args:
            model: Whose items.
            asked: By whom, where and what.
            count: Results wanted.
            notes: Gets what had to be done without.

        Raises:
            InvalidRequest: The rules need a store and none is named, or a filter of the
                request is wrong.
        """
        placed = self.placements.of(asked.placement)
        assortment = self._fresh(model, notes, now=asked.now)
        if asked.asks_nothing and placed is NO_RULES and not assortment.has_variants:
            return self._whatever(assortment)
        rules = placed if asked.rules is NO_RULES else asked.rules.over(placed)
        check_stock_rule(rules, asked)
        contact = contact_of(rules, asked, model.items)
        parts = self._parts(placed, rules, asked, assortment, contact, notes)
        permitted = Permitted(len(model.items), assortment.row_count, tuple(parts))
        return InForce(
            rules=rules,
            permitted=permitted,
            excluded=excluded_rows(rules, contact, assortment, asked),
            arrangement=arrangement_of(
                rules, permitted, assortment, model, asked, count=count, notes=notes
            ),
        )

    @property
    def catalog(self) -> CatalogFeed:
        """What is followed."""
        return self._catalog

    def refusals(
        self, in_force: InForce, row: int, item_id: ItemId, *, now: float
    ) -> list[Refusal]:
        """Say which rules do not let an item through, and why; raises StorageUnavailable."""
        parts = refusing(in_force.permitted.parts, row)
        return refusals(parts, item_id, self._catalog, now=now)

    def _whatever(self, assortment: Assortment) -> InForce:
        """Return what is in force where nobody asks for anything, which is most of the time."""
        found = self._plain.get(assortment)
        # What is offered is one mask, which changes; but first there may be none, and items
        # may come that the model does not know.
        if (
            found is None
            or bool(found.permitted.parts) != (assortment.offered is not None)
            or found.permitted.item_count != assortment.item_count
        ):
            parts: tuple[Part, ...] = ()
            if assortment.offered is not None:
                parts = (Part(ShortfallCause.NOT_OFFERED, assortment.offered),)
            permitted = Permitted(assortment.item_count, assortment.row_count, parts)
            found = self._plain[assortment] = InForce(
                rules=NO_RULES, permitted=permitted, excluded=_NO_ROWS, arrangement=None
            )
        return found

    def _parts(
        self,
        placed: Rules,
        rules: Rules,
        asked: Asked,
        assortment: Assortment,
        contact: Contact | None,
        notes: set[str],
    ) -> Iterator[Part]:
        if assortment.offered is not None:
            yield Part(ShortfallCause.NOT_OFFERED, assortment.offered)
        stocked = stock_part(rules, asked, assortment, notes)
        if stocked is not None:
            yield stocked
        yield from filter_parts(placed, rules, asked, assortment, contact)

    def _fresh(self, model: Model, notes: set[str], *, now: float) -> Assortment:
        try:
            return self._refreshed(model, now=now)
        except StorageUnavailable:
            # What was known a moment ago is better than nothing, and than everything.
            notes.add(NOTE_CATALOG_UNAVAILABLE)
            return self.assortment(model)

    def _refreshed(self, model: Model, *, now: float) -> Assortment:
        """Bring a model's assortment up to date; raises StorageUnavailable."""
        while True:
            assortment = self.assortment(model)
            assortment.refresh(now=now)
            if not assortment.is_outgrown:
                return assortment
            # One reads all of it anew; the others wait, for the old one knows no more changes.
            with self._succession:
                if self._assortments.get(model) is assortment:
                    # Whoever answers with the old one keeps masks that are all of one length.
                    successor = Assortment(model.items, self._catalog)
                    successor.refresh(now=now)
                    self._assortments[model] = successor

    def assortment(self, model: Model) -> Assortment:
        """Return what is known of a model's items; as of the last answer."""
        found = self._assortments.get(model)
        if found is None:
            found = self._assortments.setdefault(model, Assortment(model.items, self._catalog))
        return found
