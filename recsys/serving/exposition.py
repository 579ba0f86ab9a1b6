"""The metrics endpoint: the workers' counters summed up, and what the supervisor knows."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from recsys.errors import InvalidConfig
from recsys.serving.admission import Admission
from recsys.serving.children import Child
from recsys.serving.config import MetricsConfig


@dataclass(slots=True, eq=False)
class SupervisorState:
    """What the supervisor knows now.

    Attributes:
        admission: Which bundle may be served.
        workers: The worker processes.
        serving: Model version by worker; workers without a model are absent.
        fetch_failures: How often the registry could not be read, by reason.
        feed_time: Says when the catalogue was last written, in seconds since 1970-01-01
            UTC; None if never, or if that cannot be known.
    """

    admission: Admission
    workers: list[Child] = field(default_factory=list)
    serving: dict[str, str] = field(default_factory=dict)
    fetch_failures: dict[str, int] = field(default_factory=dict)
    feed_time: Callable[[], float | None] = lambda: None


class SupervisorCollector(Collector):
    """Reads the state at every scrape; nothing is kept, so nothing goes stale."""

    def __init__(self, state: SupervisorState) -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        """Yield the supervisor's metrics."""
        state = self._state
        alive = sum(worker.pid is not None for worker in state.workers)
        yield GaugeMetricFamily("recsys_workers_alive", "Worker processes alive.", value=alive)
        restarts = CounterMetricFamily(
            "recsys_worker_restarts", "Workers started again after dying.", labels=("worker",)
        )
        for worker in state.workers:
            restarts.add_metric((worker.name,), worker.restart_count)
        yield restarts
        versions = GaugeMetricFamily(
            "recsys_bundle_workers", "Workers that answer with a model.", labels=("model_version",)
        )
        serving = list(state.serving.values())
        for version in sorted(set(serving)):
            versions.add_metric((version,), serving.count(version))
        yield versions
        admitted = state.admission.admitted
        if admitted is not None:
            yield GaugeMetricFamily(
                "recsys_bundle_age_seconds",
                "Time since the bundle in service was published.",
                value=time.time() - admitted.publish_time,
            )
        feed_time = state.feed_time()
        if feed_time is not None:
            yield GaugeMetricFamily(
                "recsys_catalog_feed_age_seconds",
                "Time since items or stock were last written.",
                value=time.time() - feed_time,
            )
        yield _counter(
            "recsys_bundle_swap_failures",
            "Bundles refused, or not loaded by a worker.",
            state.admission.refusal_counts,
        )
        yield _counter(
            "recsys_fetch_failures", "Looks at the registry that failed.", state.fetch_failures
        )


def _counter(name: str, help_text: str, counts: dict[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, help_text, labels=("reason",))
    for reason, count in sorted(counts.items()):
        family.add_metric((reason,), count)
    return family


class MetricsEndpoint:
    """An HTTP server for Prometheus."""

    def __init__(self, server: Any, thread: Any) -> None:
        self._server = server
        self._thread = thread
        self.port: int = server.server_port

    @classmethod
    def start(cls, config: MetricsConfig, *, folder: Path, state: SupervisorState) -> Self:
        """Serve the counters kept in a folder together with the supervisor's.

        Raises:
            InvalidConfig: The address cannot be had.
        """
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]  # theirs
        registry.register(SupervisorCollector(state))
        try:
            server, thread = start_http_server(config.port, config.host, registry)
        except OSError as error:
            address = f"{config.host}:{config.port}"
            raise InvalidConfig(
                source="metrics", problem=f"cannot listen on {address}: {error}"
            ) from error
        return cls(server, thread)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
