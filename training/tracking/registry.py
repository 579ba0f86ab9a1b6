"""The model registry: versions, the alias `champion`, and its history.

Every promotion adds one tag to the registered model, named by its time. Adding
needs no reading, so two trainers that promote at once lose nothing.
"""

import datetime as dt
from dataclasses import dataclass, replace

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    RESOURCE_ALREADY_EXISTS,
    RESOURCE_DOES_NOT_EXIST,
    ErrorCode,
)

from recsys.errors import NotFound
from training.tracking.gate import Measured
from training.tracking.tags import (
    TAG_MODEL_VERSION,
    TAG_PROMOTION,
    TAG_PROMOTION_REASON,
    measured,
)

CHAMPION = "champion"
CHALLENGER = "challenger"
"""The newest version that is not the champion: what to compare with it."""
_HISTORY_PREFIX = "champion_history."
_VERSION_COUNT_MAX = 200
_ALREADY_EXISTS = ErrorCode.Name(RESOURCE_ALREADY_EXISTS)
_MISSING = ErrorCode.Name(RESOURCE_DOES_NOT_EXIST)


class ModelNotRegistered(NotFound):
    """The registry has no such model or version."""

    reason = "MODEL_NOT_REGISTERED"

    def __init__(self, *, model_name: str, model_version: str) -> None:
        self.model_name = model_name
        self.model_version = model_version
        super().__init__(f"the registry has no {model_version!r} of model {model_name!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredVersion:
    """One version in the registry.

    Attributes:
        number: The registry's own number.
        model_version: The bundle's name.
        run_id: The run that made it.
        aliases: Such as `champion`.
        tags: All tags.
        create_time: When it was registered, UTC.
    """

    number: str
    model_version: str
    run_id: str
    aliases: tuple[str, ...]
    tags: dict[str, str]
    create_time: dt.datetime


class Registry:
    """The versions of one registered model."""

    def __init__(self, client: MlflowClient, model_name: str) -> None:
        self.client = client
        self.model_name = model_name

    def register(
        self, *, source: str, run_id: str, model_id: str | None, tags: dict[str, str]
    ) -> RegisteredVersion:
        """Add a version."""
        try:
            self.client.create_registered_model(self.model_name)
        except MlflowException as error:
            if error.error_code != _ALREADY_EXISTS:
                raise
        created = self.client.create_model_version(
            self.model_name, source, run_id=run_id, model_id=model_id, tags=tags
        )
        return _version(created, ())

    def versions(self) -> list[RegisteredVersion]:
        """Return the newest versions, newest first."""
        model = self._model()
        if model is None:
            return []
        found = self.client.search_model_versions(
            f"name='{self.model_name}'",
            max_results=_VERSION_COUNT_MAX,
            order_by=["version_number DESC"],
        )
        by_number: dict[str, list[str]] = {}
        for alias, number in model.aliases.items():
            by_number.setdefault(str(number), []).append(alias)
        return [_version(one, tuple(by_number.get(str(one.version), ()))) for one in found]

    def find(self, model_version: str) -> RegisteredVersion:
        """Return a version by the bundle's name, the registry's number, alias, or `latest`.

        Raises:
            ModelNotRegistered: There is none.
        """
        versions = self.versions()
        if model_version == "latest" and versions:
            return versions[0]
        for version in versions:
            if model_version in (version.model_version, version.number, *version.aliases):
                return version
        raise ModelNotRegistered(model_name=self.model_name, model_version=model_version)

    def champion(self) -> RegisteredVersion | None:
        """Return the version that the alias points at."""
        return next((one for one in self.versions() if CHAMPION in one.aliases), None)

    def measured_champion(self) -> Measured | None:
        """Return what was measured of the champion: all of its run, if that is still there."""
        champion = self.champion()
        if champion is None:
            return None
        found = measured(champion.tags)
        try:
            run = self.client.get_run(champion.run_id)
        except MlflowException as error:
            if error.error_code != _MISSING:
                raise
            return found
        return replace(found, metrics={**run.data.metrics, **found.metrics})

    def challenge(self, version: RegisteredVersion) -> None:
        """Make a version the challenger."""
        self.client.set_registered_model_alias(self.model_name, CHALLENGER, version.number)

    def promote(
        self,
        version: RegisteredVersion,
        *,
        now: dt.datetime,
        forced: bool,
        reason: str | None = None,
    ) -> None:
        """Point the alias at a version and remember it.

        Args:
            version: The new champion.
            now: The time of the promotion.
            forced: Whether the gate refused it.
            reason: Why somebody promoted it by hand, if she said so.
        """
        stamp = now.astimezone(dt.UTC).strftime("%Y%m%dT%H%M%S%f")
        # The alias first: killed in between, the history misses one entry and a
        # rollback still goes to the champion before. The number keeps two
        # promotions of one microsecond apart.
        self.client.set_registered_model_alias(self.model_name, CHAMPION, version.number)
        key = f"{_HISTORY_PREFIX}{stamp}.{version.number}"
        self.client.set_registered_model_tag(self.model_name, key, version.number)
        self.set_tag(version, TAG_PROMOTION, "forced" if forced else "gate passed")
        if reason:
            self.set_tag(version, TAG_PROMOTION_REASON, reason)
        model = self._model()
        if model is not None and str(model.aliases.get(CHALLENGER)) == version.number:
            self.client.delete_registered_model_alias(self.model_name, CHALLENGER)

    def set_tag(self, version: RegisteredVersion, name: str, value: str) -> None:
        """Set a tag of a version."""
        self.client.set_model_version_tag(self.model_name, version.number, name, value)

    def rollback(self) -> RegisteredVersion:
        """Point the alias at the champion before the present one; return it.

        Raises:
            ModelNotRegistered: There is no earlier champion.
        """
        champion = self.champion()
        history = self._history()
        present = None if champion is None else champion.number
        earlier = [(key, number) for key, number in history if number != present]
        known = {version.number: version for version in self.versions()}
        while earlier and earlier[-1][1] not in known:
            earlier.pop()  # its version was deleted meanwhile
        if not earlier:
            raise ModelNotRegistered(model_name=self.model_name, model_version="earlier champion")
        key_back_to, number = earlier[-1]
        self.client.set_registered_model_alias(self.model_name, CHAMPION, number)
        # What came after is undone, so a second rollback goes further back.
        for key, undone in history:
            if key > key_back_to:
                self.client.delete_registered_model_tag(self.model_name, key)
                if undone in known:
                    self.set_tag(known[undone], TAG_PROMOTION, "rolled back")
        return known[number]

    def _history(self) -> list[tuple[str, str]]:
        model = self._model()
        tags = {} if model is None else model.tags
        return sorted(
            (key, value) for key, value in tags.items() if key.startswith(_HISTORY_PREFIX)
        )

    def _model(self) -> RegisteredModel | None:
        found = self.client.search_registered_models(f"name='{self.model_name}'", max_results=1)
        return found[0] if found else None


def _version(found: ModelVersion, aliases: tuple[str, ...]) -> RegisteredVersion:
    return RegisteredVersion(
        number=str(found.version),
        model_version=found.tags.get(TAG_MODEL_VERSION, ""),
        run_id=found.run_id or "",
        aliases=aliases,
        tags=dict(found.tags),
        create_time=dt.datetime.fromtimestamp(found.creation_timestamp / 1000, dt.UTC),
    )
