"""Moving the champion by hand: through the gate, by force, or back."""

import datetime as dt
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import msgspec
from mlflow import MlflowClient

from recsys.bundle import Bundle, BundleStore, verify_bundle
from recsys.errors import BundleError, GateFailed, InvalidData
from recsys.storage.mlflow_bundles import MlflowBundleSource
from training.config import GateConfig
from training.dataset import find_dataset
from training.rematch import rematch_on
from training.serving_check import check_answers
from training.stored import Contestant
from training.tracking import tags
from training.tracking.contestants import EvaluationMissing
from training.tracking.data import data_places
from training.tracking.evaluations import Evaluations
from training.tracking.gate import Measured, gate_failures
from training.tracking.opposition import champion_elsewhere, opposition
from training.tracking.registry import RegisteredVersion, Registry


class Promoter:
    """Promotes and rolls back one registered model."""

    def __init__(
        self,
        client: MlflowClient,
        *,
        tracking_uri: str,
        model_name: str,
        store: BundleStore | None,
        told: Callable[[str], None] = lambda _note: None,
    ) -> None:
        """Hold the registry and the store that follows it.

        Args:
            client: MLflow.
            tracking_uri: Its address, to download bundles from.
            model_name: Name in the registry.
            store: A store whose current bundle follows the champion, or None.
            told: Hears what a person should know besides failures.
        """
        self._told = told
        self.registry = Registry(client, model_name)
        self._source = MlflowBundleSource(tracking_uri=tracking_uri, model_name=model_name)
        self._store = store
        self._evaluations = Evaluations(client, model_name=model_name)

    def promote(
        self,
        model_version: str,
        *,
        force: bool,
        now: dt.datetime,
        reason: str | None = None,
        data: Path | None = None,
    ) -> tuple[RegisteredVersion, list[str]]:
        """Make a version the champion.

        Args:
            model_version: The bundle's name, the registry's number, an alias or `latest`.
            force: Whether to promote it even if the gate fails; the failures are kept
                as the version's tag.
            now: The time of the promotion.
            reason: Why, for the registry; of use where the gate is overridden.
            data: The version's dataset, to fit the champion's configuration on if the champion
                was measured on another; None looks where it was, and beside that.

        Returns:
            The version, and the failures that were overridden.

        Raises:
            ModelNotRegistered: There is no such version.
            GateFailed: It is not good enough and `force` is off.
        """
        # Before the store is locked: this may fit a model.
        rematch = self._rematch(self.registry.find(model_version), data=data)
        with self._publishing():
            return self._promote(
                model_version, rematch=rematch, force=force, now=now, reason=reason
            )

    def _promote(
        self,
        model_version: str,
        *,
        rematch: Contestant | None,
        force: bool,
        now: dt.datetime,
        reason: str | None,
    ) -> tuple[RegisteredVersion, list[str]]:
        entry = self.registry.find(model_version)
        candidate, problem = self._candidate(entry)
        gate = _gate(entry)
        against = opposition(
            self.registry,
            self._evaluations,
            candidate=entry,
            rematch=rematch,
            config=gate,
        )
        failures = gate_failures(
            candidate,
            champion=against.champion,
            bundle_problem=problem,
            config=gate,
            segments=against.segments,
        )
        if failures and not force:
            raise GateFailed(model_version=entry.model_version, failures=failures)
        self.registry.set_tag(entry, tags.TAG_GATE, "; ".join(failures) or tags.GATE_PASSED)
        self.registry.promote(entry, now=now, forced=bool(failures), reason=reason)
        if problem is None:
            self._follow(entry)
        return entry, failures

    def rollback(self) -> RegisteredVersion:
        """Return to the champion before the present one.

        Raises:
            ModelNotRegistered: There is no earlier champion.
        """
        with self._publishing():
            entry = self.registry.rollback()
            self._follow(entry)
        return entry

    def _publishing(self) -> AbstractContextManager[None]:
        return nullcontext() if self._store is None else self._store.publishing()

    def _follow(self, entry: RegisteredVersion) -> None:
        if self._store is not None:
            self._store.set_current(self._source.bring(self._store, number=entry.number))

    def _rematch(self, entry: RegisteredVersion, *, data: Path | None) -> Contestant | None:
        """Return what the champion's configuration does on the data of a version.

        As it was asked when the version was trained; if there was another champion then,
        it is asked now, where the data are still there.
        """
        measured_on = entry.tags.get(tags.TAG_MEASURED_ON, "")
        champion = champion_elsewhere(self.registry, self._evaluations, measured_on)
        if champion is None:
            return None
        kept = self._evaluations.rematch_of(entry)
        if kept is not None and kept.stored.name == champion.stored.name:
            return kept
        try:
            candidate = self._evaluations.of_version(entry)
            run = self.registry.client.get_run(entry.run_id)
            dataset = find_dataset(
                entry.tags.get(tags.TAG_FINGERPRINT, ""), places=data_places(run), data=data
            )
            return rematch_on(dataset, champion, candidate=candidate)
        except (EvaluationMissing, InvalidData) as error:
            self._told(f"not compared with the champion {champion.stored.name}: {error}")
            return None

    def _candidate(self, entry: RegisteredVersion) -> tuple[Measured, str | None]:
        """Read what was measured from the bundle itself, every byte of it."""
        candidate = tags.measured(entry.tags)
        try:
            bundle = self._verified(entry)
            check_answers(bundle)
        except BundleError as error:
            return candidate, str(error)
        metrics = {**bundle.manifest.metrics, **candidate.metrics}
        return replace(candidate, metrics=metrics), None

    def _verified(self, entry: RegisteredVersion) -> Bundle:
        if self._store is not None:
            return verify_bundle(
                self._store.path(self._source.bring(self._store, number=entry.number))
            )
        with tempfile.TemporaryDirectory(prefix="recsys-gate-") as scratch:
            store = BundleStore(Path(scratch))
            return verify_bundle(store.path(self._source.bring(store, number=entry.number)))


def _gate(entry: RegisteredVersion) -> GateConfig:
    """Return the thresholds that the version was trained with."""
    text = entry.tags.get(tags.TAG_GATE_CONFIG)
    return GateConfig() if text is None else msgspec.json.decode(text, type=GateConfig)
