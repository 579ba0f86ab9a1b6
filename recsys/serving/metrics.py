"""What workers count. The supervisor adds its own view and serves all of it.

Only counters and histograms here: they survive a worker in the files that the
supervisor sums up. What is true *now* (bundle, age, workers alive) the
supervisor knows itself, so no gauge of a dead worker can ever linger.
"""

import bisect
import re
from collections import Counter as Counts
from collections.abc import Iterable, Sequence
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram

from recsys.domain import ReasonKind
from recsys.errors import FieldViolation
from recsys.events import Outcome
from recsys.offers import Asked, Reservation, Settled
from recsys.offers.query import PropensityBasis, RankedOffer
from recsys.profiles import Refusal
from recsys.recommend import Answer
from recsys.serving.enum_words import enum_word
from recsys.v1.catalog_service_pb2 import ItemOutcome, StockOutcome

OTHER: Final = "other"
_JOINED: Final = "joined"
_POSITION: Final = re.compile(r"\[\d+\]")
_ATTRIBUTE: Final = re.compile(r"\battributes\.\w+")
_FALLBACKS: Final = frozenset({ReasonKind.POPULAR_HERE, ReasonKind.POPULAR})

# From an answer of a small catalogue without waiting to one that nobody waits for.
_LATENCY_BUCKETS_SECONDS: Final = (
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
)  # fmt: skip


class _Latencies:
    """Observations of one method, kept as plain numbers until they are flushed."""

    __slots__ = ("_child", "_counts", "_sum")

    def __init__(self, child: Histogram) -> None:
        self._child = child
        self._counts = [0] * (len(_LATENCY_BUCKETS_SECONDS) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        self._counts[bisect.bisect_left(_LATENCY_BUCKETS_SECONDS, seconds)] += 1
        self._sum += seconds

    def flush(self) -> None:
        counts, total = self._counts, self._sum
        self._counts, self._sum = [0] * len(counts), 0.0
        for bucket, count in zip(self._child._buckets, counts, strict=True):  # noqa: SLF001 - the library observes one at a time only
            if count:
                bucket.inc(count)
        if total:
            self._child._sum.inc(total)  # noqa: SLF001 - as above


class Metrics:
    """Counters of one process.

    What every call counts is added up in plain numbers and handed to the library by
    `flush`, a few times per second: the library's locks and mapped files cost as much
    per call as a ranking. A killed process loses the counts of its last moment.
    """

    def __init__(
        self, *, placements: Sequence[str], registry: CollectorRegistry = REGISTRY
    ) -> None:
        """Declare the metrics.

        Args:
            placements: Those with a label of their own; others count as `other`.
            registry: Where to declare them; tests bring their own.
        """
        self._placements = frozenset(placements)
        self._calls = Counter(
            "recsys_calls", "Calls answered.", ("method", "placement", "code"), registry=registry
        )
        self._latency = Histogram(
            "recsys_call_seconds",
            "Time from the first look at a call to its answer.",
            ("method",),
            buckets=_LATENCY_BUCKETS_SECONDS,
            registry=registry,
        )
        self._results = Counter(
            "recsys_results", "Results returned, by reason.", ("reason",), registry=registry
        )
        self._answers = Counter(
            "recsys_answers",
            "Answers by what they consist of: personal (or similar), fallback, mixed, empty.",
            ("kind",),
            registry=registry,
        )
        self._notes = Counter(
            "recsys_notes", "What answers had to do without.", ("note",), registry=registry
        )
        self._invalid = Counter(
            "recsys_invalid_fields", "Wrong fields of requests.", ("field",), registry=registry
        )
        self._missing = Counter(
            "recsys_missing_results", "Results that pages were short of.", registry=registry
        )
        self.deadlines_missed = Counter(
            "recsys_deadlines_missed",
            "Calls not computed because their deadline had passed.",
            registry=registry,
        )
        self.bundle_loads_failed = Counter(
            "recsys_bundle_loads_failed",
            "Verified bundles that a worker could not load.",
            registry=registry,
        )
        self.placements_refused = Counter(
            "recsys_placements_refused",
            "Changes of the placements' file in which something was wrong.",
            registry=registry,
        )
        self.propensity_refused = Counter(
            "recsys_offer_propensity_refused",
            "Changes of the offers' learned propensity in which something was wrong.",
            registry=registry,
        )
        self.prices_refused = Counter(
            "recsys_offer_prices_refused",
            "Changes of the offers' prices in which something was wrong.",
            registry=registry,
        )
        self.frequency_refused = Counter(
            "recsys_frequency_refused",
            "Changes of the frequency rules' file in which something was wrong.",
            registry=registry,
        )
        self._events = Counter(
            "recsys_events", "Events sent, by what became of them.", ("outcome",), registry=registry
        )
        self._commits = Histogram(
            "recsys_commit_seconds",
            "Time that the storage took to keep a group of events.",
            buckets=_LATENCY_BUCKETS_SECONDS,
            registry=registry,
        )
        self._links = Counter(
            "recsys_links",
            "Links that were said, by calls or events: joined, or why not.",
            ("outcome",),
            registry=registry,
        )
        self._catalog_items = Counter(
            "recsys_catalog_items",
            "Items sent to the catalogue, by what became of them.",
            ("outcome",),
            registry=registry,
        )
        self._stock_cells = Counter(
            "recsys_stock_cells",
            "Counts and adjustments of stock, by what became of them.",
            ("outcome",),
            registry=registry,
        )
        self._settled = Counter(
            "recsys_offer_uses",
            "What was asked of the ledger of offers: reserve, commit, release; and what came of it.",
            ("asked", "outcome"),
            registry=registry,
        )
        self._offers = Counter(
            "recsys_offers",
            "Offers recommended, by how it was judged that they are wanted.",
            ("reason",),
            registry=registry,
        )
        self._triggers = Counter(
            "recsys_triggers",
            "Messages that events set off: decided, handed out, acknowledged; and what came of it.",
            ("trigger", "step", "outcome"),
            registry=registry,
        )
        self.triggers_refused = Counter(
            "recsys_triggers_refused",
            "Changes of the triggers' file in which something was wrong.",
            registry=registry,
        )
        self.links_removed = Counter(
            "recsys_links_removed", "Links that were forgotten.", registry=registry
        )
        self._calls_pending: dict[tuple[str, str, str], int] = {}
        self._results_pending = dict.fromkeys(ReasonKind, 0)
        self._answers_pending = dict.fromkeys(("personal", "fallback", "mixed", "empty"), 0)
        self._latencies: dict[str, _Latencies] = {}
        # What has not happened yet is 0 rather than absent.
        for kind in self._results_pending:
            self._results.labels(reason=kind.value)
        for name in self._answers_pending:
            self._answers.labels(kind=name)
        for outcome in Outcome:
            self._events.labels(outcome=outcome.name.lower())
        for basis in PropensityBasis:
            self._offers.labels(reason=basis.value)
        for name in (_JOINED, *Refusal):
            self._links.labels(outcome=name)
        for number in ItemOutcome.values()[1:]:
            self._catalog_items.labels(outcome=_label(ItemOutcome, number))
        for number in StockOutcome.values()[1:]:
            self._stock_cells.labels(outcome=_label(StockOutcome, number))

    def flush(self) -> None:
        """Hand what has been counted to the library; only the event loop's thread may."""
        for key, count in self._calls_pending.items():
            self._calls.labels(*key).inc(count)
        self._calls_pending.clear()
        for kind, count in self._results_pending.items():
            if count:
                self._results.labels(reason=kind.value).inc(count)
                self._results_pending[kind] = 0
        for name, count in self._answers_pending.items():
            if count:
                self._answers.labels(kind=name).inc(count)
                self._answers_pending[name] = 0
        for latencies in self._latencies.values():
            latencies.flush()

    def call(self, *, method: str, placement: str, code: str, seconds: float) -> None:
        """Count a finished call."""
        if placement not in self._placements:
            placement = OTHER
        key = (method, placement, code)
        self._calls_pending[key] = self._calls_pending.get(key, 0) + 1
        latencies = self._latencies.get(method)
        if latencies is None:
            latencies = self._latencies[method] = _Latencies(self._latency.labels(method))
        latencies.observe(seconds)

    def answer(self, answer: Answer) -> None:
        """Count what an answer consists of."""
        counts = answer.results.reason_counts()
        for kind, count in counts.items():
            self._results_pending[kind] += count
        fallbacks = len(counts.keys() & _FALLBACKS)
        if not counts:
            name = "empty"
        elif not fallbacks:
            name = "personal"
        else:
            name = "fallback" if fallbacks == len(counts) else "mixed"
        self._answers_pending[name] += 1
        for note in answer.notes:
            self._notes.labels(note=note).inc()
        if answer.shortfall is not None:
            self._missing.inc(answer.shortfall.missing_count)

    def commit(self, outcomes: Sequence[Outcome], *, seconds: float) -> None:
        """Count a group of events that the storage has kept or refused."""
        for outcome, count in Counts(outcomes).items():
            self._events.labels(outcome=outcome.name.lower()).inc(count)
        self._commits.observe(seconds)

    def links(self, refusals: Sequence[Refusal | None]) -> None:
        """Count links that were said, each with why it joins nothing, None if it does."""
        for refusal in refusals:
            self._links.labels(outcome=refusal or _JOINED).inc()

    def settled(self, asked: Asked, settled: Settled) -> None:
        """Count what came of something that was asked of the ledger: a state or a reason."""
        outcome = settled.state.name if isinstance(settled, Reservation) else settled.reason
        name = type(asked).__name__
        self._settled.labels(asked=name.lower(), outcome=outcome.lower()).inc()

    def offers(self, offers: Iterable[RankedOffer], notes: Iterable[str] = ()) -> None:
        """Count offers that were recommended, and what had to be done without."""
        for one in offers:
            self._offers.labels(reason=one.basis.value).inc()
        for note in notes:
            self._notes.labels(note=note).inc()

    def trigger(self, name: str, step: str, outcome: str) -> None:
        """Count what came of a message: when it was decided, handed out or acknowledged."""
        self._triggers.labels(trigger=name, step=step, outcome=outcome).inc()

    def catalog_items(
        self, outcomes: "Iterable[ItemOutcome]", violations: Iterable[FieldViolation]
    ) -> None:
        """Count items that were sent to the catalogue, and their wrong fields."""
        for number, count in Counts(outcomes).items():
            self._catalog_items.labels(outcome=_label(ItemOutcome, number)).inc(count)
        self.invalid(violations)

    def stock_cells(
        self, outcomes: "Iterable[StockOutcome]", violations: Iterable[FieldViolation]
    ) -> None:
        """Count what was said of stock, and its wrong fields."""
        for number, count in Counts(outcomes).items():
            self._stock_cells.labels(outcome=_label(StockOutcome, number)).inc(count)
        self.invalid(violations)

    def invalid_event(self, violations: Sequence[FieldViolation]) -> None:
        """Count an event that was refused for its fields."""
        self._events.labels(outcome="invalid").inc()
        self.invalid(violations)

    def invalid(self, violations: Iterable[FieldViolation]) -> None:
        """Count wrong fields; positions and names of lists and maps are dropped: few labels."""
        for violation in violations:
            field = _ATTRIBUTE.sub("attributes[]", _POSITION.sub("[]", violation.field))
            self._invalid.labels(field=field).inc()


def _label(outcomes: "type[ItemOutcome | StockOutcome]", number: int) -> str:
    """Return `unknown_item` of STOCK_OUTCOME_UNKNOWN_ITEM."""
    return enum_word(outcomes, number).replace("-", "_")
