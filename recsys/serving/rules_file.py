"""Files with rules that people write while they are in use, read again whenever they change."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from recsys.campaigns import FrequencyRules, read_frequency
from recsys.errors import InvalidConfig
from recsys.offers.learned import Learned, read_propensity
from recsys.offers.prices import NO_PRICES, Price, read_prices
from recsys.rules import Placements, read_placements
from recsys.serving.config import ServingConfig
from recsys.triggers import Triggers, read_triggers

RulesT = TypeVar("RulesT")
ReadT_co = TypeVar("ReadT_co", covariant=True)


class Reads(Protocol[ReadT_co]):
    """Reads and checks rules."""

    def __call__(self, text: str, *, source: str) -> ReadT_co:
        """Return what a text says; raises InvalidConfig."""
        ...


class RulesFile(Generic[RulesT]):
    """A file that people write while it is in use."""

    def __init__(self, path: str, read: Reads[RulesT], nothing: Callable[[], RulesT]) -> None:
        """Point at a file.

        Args:
            path: Where it is; empty for none.
            read: Reads and checks it.
            nothing: Says what holds without a file.
        """
        self._path = Path(path) if path else None
        self._read = read
        self._nothing = nothing
        self._mark: tuple[int, int, int] | None = None

    def read(self) -> RulesT:
        """Return what it says.

        Raises:
            InvalidConfig: It cannot be read, or something in it is wrong.
        """
        if self._path is None:
            return self._nothing()
        try:
            self._mark = self._look()
            text = self._path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidConfig(source=str(self._path), problem=str(error)) from error
        return self._read(text, source=str(self._path))

    def changed(self) -> RulesT | None:
        """Return what it says now, if it has changed since it was read or tried last.

        Raises:
            InvalidConfig: As `read`; once for each change.
        """
        if self._path is None:
            return None
        try:
            mark = self._look()
        except OSError:
            # Editors take a file away for a moment before they put the new one there.
            return None
        return None if mark == self._mark else self.read()

    def _look(self) -> tuple[int, int, int]:
        assert self._path is not None  # Else there is nothing to look at.
        found = self._path.stat()
        return found.st_ino, found.st_mtime_ns, found.st_size


def placements_file(path: str) -> RulesFile[Placements]:
    """Point at the rules of placements; an empty path for none."""
    return RulesFile(path, read_placements, Placements)


def frequency_file(path: str) -> RulesFile[FrequencyRules]:
    """Point at the rules of how often somebody may be messaged; an empty path for none."""
    return RulesFile(path, read_frequency, FrequencyRules)


def triggers_file(path: str) -> RulesFile[Triggers]:
    """Point at what sets messages off; an empty path for nothing."""
    return RulesFile(path, read_triggers, Triggers)


def prices_file(path: str) -> RulesFile[Mapping[str, Price]]:
    """Point at the prices of offers; an empty path for none."""
    return RulesFile(path, read_prices, lambda: NO_PRICES)


def propensity_file(path: str) -> RulesFile[Learned | None]:
    """Point at what was learned of who uses offers; an empty path for nothing."""
    return RulesFile(path, read_propensity, lambda: None)


def check_files(config: ServingConfig) -> None:
    """Read every file of rules once; raises InvalidConfig for the first that is wrong."""
    placements_file(config.rules.placements).read()
    frequency_file(config.campaigns.frequency).read()
    prices_file(config.offers.prices).read()
    propensity_file(config.offers.propensity).read()
    triggers_file(config.triggers.rules).read()
