"""What workers count. The supervisor adds its own view and serves all of it.

Only counters and histograms here: they survive a worker in the files that the
supervisor sums up. What is true *now* (bundle, age, workers alive) the
supervisor knows itself, so no gauge of a dead worker can ever linger.
"""

import re
from collections.abc import Sequence
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram

from recsys.domain import ReasonKind
from recsys.errors import FieldViolation
from recsys.recommend import Answer

OTHER: Final = "other"
_POSITION: Final = re.compile(r"\[\d+\]")
_FALLBACKS: Final = frozenset({ReasonKind.POPULAR_HERE, ReasonKind.POPULAR})

# From an answer of a small catalogue without waiting to one that nobody waits for.
_LATENCY_BUCKETS_SECONDS: Final = (
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
)  # fmt: skip


class Metrics:
    """Counters of one process. Children are looked up once and kept: a lookup costs a lock."""

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
        self._call_children: dict[tuple[str, str, str], Counter] = {}
        self._latency_children: dict[str, Histogram] = {}
        self._result_children = {
            kind: self._results.labels(reason=kind.value) for kind in ReasonKind
        }
        self._answer_children = {
            kind: self._answers.labels(kind=kind)
            for kind in ("personal", "fallback", "mixed", "empty")
        }

    def call(self, *, method: str, placement: str, code: str, seconds: float) -> None:
        """Count a finished call."""
        if placement not in self._placements:
            placement = OTHER
        key = (method, placement, code)
        child = self._call_children.get(key)
        if child is None:
            child = self._call_children[key] = self._calls.labels(*key)
        child.inc()
        latency = self._latency_children.get(method)
        if latency is None:
            latency = self._latency_children[method] = self._latency.labels(method)
        latency.observe(seconds)

    def answer(self, answer: Answer) -> None:
        """Count what an answer consists of."""
        counts: dict[ReasonKind, int] = {}
        for result in answer.results:
            kind = result.reason.kind
            counts[kind] = counts.get(kind, 0) + 1
        for kind, count in counts.items():
            self._result_children[kind].inc(count)
        fallbacks = len(counts.keys() & _FALLBACKS)
        if not counts:
            name = "empty"
        elif not fallbacks:
            name = "personal"
        else:
            name = "fallback" if fallbacks == len(counts) else "mixed"
        self._answer_children[name].inc()
        for note in answer.notes:
            self._notes.labels(note=note).inc()
        if answer.shortfall is not None:
            self._missing.inc(answer.shortfall.missing_count)

    def invalid(self, violations: Sequence[FieldViolation]) -> None:
        """Count wrong fields; list positions are dropped, so labels stay few."""
        for violation in violations:
            self._invalid.labels(field=_POSITION.sub("[]", violation.field)).inc()
