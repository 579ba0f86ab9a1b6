"""The features of views, as serving would have made them at that moment."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.catalog import KeyedItem, NoCatalog
from recsys.domain import CHANNEL_BY_CODE, Channel
from recsys.events import NoHistories
from recsys.offers.features import FEATURE_NAMES, PairFeatures
from recsys.offers.propensity import PropensityQuestion
from recsys.offers.query import OfferQuery
from recsys.offers.rates import Rates
from recsys.offers.tastes import Tastes
from recsys.recommend import Recommender, ServingModel
from recsys.recommend.known import Known
from recsys.storage.log_snapshot import LogSnapshot
from recsys.storage.offers_snapshot import has_live_catalog
from training.progress import ShowStep, no_show
from training.propensity.exposures import Exposures, Lines
from training.propensity.pairs import Pairs, Prior, rates_by_day
from training.propensity.units import Units

F32 = NDArray[np.float32]

_PEOPLE_AT_ONCE: Final = 256
STEP: Final = "features"


class SnapshotCatalog(NoCatalog):
    """The items of one moment of a storage; all that it lists is in stock. As `CatalogFeed`."""

    def __init__(self, log: LogSnapshot) -> None:
        """Share a snapshot, which is read by whoever asks for all items."""
        self._log = log
        self._seq = int(has_live_catalog(log))

    def last_seq(self) -> int:
        """Return 1, or 0 where the catalogue was never written to."""
        return self._seq

    def snapshot(self) -> Iterator[tuple[int, Sequence[KeyedItem]]]:
        """Give the items."""
        key = 0
        yield self._seq, ()
        for some in self._log.items():
            keyed = [KeyedItem(key + at, *one) for at, one in enumerate(some, start=1)]
            key += len(some)
            yield self._seq, keyed


class FeatureMaker:
    """Makes features of views. Used by one thread at a time, and from the past to the present."""

    def __init__(self, log: LogSnapshot, model: ServingModel, exposures: Exposures) -> None:
        """Read the items.

        Args:
            log: One moment of a storage.
            model: Ranks items.
            exposures: What became of offers.
        """
        recommender = Recommender(histories=NoHistories(), catalog=SnapshotCatalog(log))
        recommender.prepare(model, now=float(exposures.views.times[0]))
        self._model = model
        self._exposures = exposures
        self._tastes = Tastes(recommender)
        self._features = PairFeatures(self._tastes)
        uses = exposures.uses
        order = np.lexsort((uses.times, uses.people))
        self._use_times = uses.times[order]
        self._use_starts = np.searchsorted(
            uses.people[order], np.arange(exposures.people.count + 1)
        )

    def matrix(
        self,
        pairs: Pairs,
        lines: Lines,
        known: Pairs,
        prior: Prior,
        *,
        horizon_seconds: float,
        threads: int = 1,
        show: ShowStep = no_show,
    ) -> F32:
        """Return the features of each pair.

        Args:
            pairs: In the order of time.
            lines: What they did.
            known: All pairs there are, also of other people: what rates are made of.
            prior: Of offers that nobody has seen.
            horizon_seconds: How long it takes until something is known of a view.
            threads: Slices to compute at the same time.
            show: Told how far it is.

        Returns:
            Shape (m, len(FEATURE_NAMES)).
        """
        found = np.empty((len(pairs.redeemed), len(FEATURE_NAMES)), dtype=np.float32)
        ids = self._exposures.offer_ids
        for day, rates in rates_by_day(
            known, pairs.views.times, prior, ids, horizon_seconds=horizon_seconds
        ):
            for rows in _batches(pairs, day):
                asked = [self._question(pairs, some, lines) for some in rows]
                made = self._features.of(asked, rates, threads=threads)
                for some, features in zip(rows, made, strict=True):
                    found[some] = features
            show(STEP, day.stop / len(found))
        return found

    def of_units(self, units: Units, lines: Lines, rates: Rates, *, threads: int = 1) -> F32:
        """Return the features of units at their moments, shape (m, len(FEATURE_NAMES)).

        The rate of the offer is that of today for all of them: it is one offer.
        """
        found = np.empty((len(units.people), len(FEATURE_NAMES)), dtype=np.float32)
        order = np.argsort(units.times, kind="stable")
        for first in range(0, len(order), _PEOPLE_AT_ONCE):
            rows = order[first : first + _PEOPLE_AT_ONCE].tolist()
            moments = [(int(units.people[row]), float(units.times[row])) for row in rows]
            asked = [
                self._asked(person, now, None, [units.offer_id], lines) for person, now in moments
            ]
            made = self._features.of(asked, rates, threads=threads)
            for row, features in zip(rows, made, strict=True):
                found[row] = features[0]
        return found

    def bought(self, units: Units, lines: Lines, horizon_seconds: float) -> NDArray[np.bool_]:
        """Say of each unit whether she bought in the offer's scope within the horizon."""
        found = np.zeros(len(units.people), dtype=np.bool_)
        table, offers = self._tastes.table(self._model), self._exposures.offers
        for row, (person, begin) in enumerate(
            zip(units.people.tolist(), units.times.tolist(), strict=True)
        ):
            ids = lines.bought(person, begin, begin + horizon_seconds)
            rows = self._model.items.find(ids)[0] if ids else np.empty(0, dtype=np.int32)
            rows = rows[rows < table.assortment.row_count]
            if len(rows):
                ones = np.ones(len(rows))
                (lines_in_scope,) = table.shares(
                    offers, [units.offer_id], rows, ones, now=begin
                ).tolist()
                found[row] = lines_in_scope > 0
        return found

    def _question(self, pairs: Pairs, rows: NDArray[np.int64], lines: Lines) -> PropensityQuestion:
        """Ask what serving would have been asked of a view."""
        views, first, ids = pairs.views, rows[0], self._exposures.offer_ids
        return self._asked(
            int(views.people[first]),
            float(views.times[first]),
            CHANNEL_BY_CODE.get(int(views.channels[first])),
            [ids[at] for at in views.offers[rows].tolist()],
            lines,
        )

    def _asked(
        self, person: int, now: float, channel: Channel | None, wanted: list[str], lines: Lines
    ) -> PropensityQuestion:
        history = lines.before(person, now)
        known = Known(
            history=history,
            weights=self._model.item_weights(history, now=now),
            from_storage=len(history) > 0,
            is_allowed=True,
            cause=None,
        )
        hers = self._use_times[self._use_starts[person] : self._use_starts[person + 1]]
        return PropensityQuestion(
            model=self._model,
            query=OfferQuery(channel=channel),
            known=known,
            offers=self._exposures.offers,
            wanted=wanted,
            now=now,
            redeemed_count=int(np.searchsorted(hers, now)),
        )


def _batches(pairs: Pairs, day: slice) -> Iterator[list[NDArray[np.int64]]]:
    """Yield rows of one person, moment and channel each, some of them at a time."""
    views = pairs.views
    people, times = views.people[day], views.times[day]
    channels = views.channels[day]
    order = np.lexsort((channels, people, times))
    is_new = np.zeros(len(order), dtype=np.bool_)
    for column in (people[order], times[order], channels[order]):
        is_new[1:] |= column[1:] != column[:-1]
    groups = np.split(order + day.start, np.flatnonzero(is_new))
    for first in range(0, len(groups), _PEOPLE_AT_ONCE):
        yield groups[first : first + _PEOPLE_AT_ONCE]
