"""The folder of a search: what it is about, its book of trials, and what comes out."""

import contextlib
import fcntl
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from recsys.errors import InvalidConfig
from training.auto.plan import Plan

_STATE, _BOOK, _MODEL, _CARD = "search.json", "trials.db", "MODEL.toml", "MODEL.md"
_LOCK = ".lock"
_READ_BYTES = 1 << 20


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What a search is about; it can only go on with the same.

    Attributes:
        fingerprint: Of the data.
        plan: What is held out and what counts.
        seed: Source of all chance.
        run_id: Its MLflow run.
    """

    fingerprint: str
    plan: Plan
    seed: int
    run_id: str


class Work:
    """The folder of one search."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.book = folder / _BOOK
        self.model = folder / _MODEL
        self.card = folder / _CARD
        folder.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other searches out of the folder.

        Raises:
            InvalidConfig: One is under way there.
        """
        with (self.folder / _LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InvalidConfig(
                    source=str(self.folder), problem="another search is under way there"
                ) from error
            yield

    def begun(self, *, fingerprint: str, plan: Plan, seed: int) -> State | None:
        """Return what an earlier call left here, None for nothing.

        Raises:
            InvalidConfig: It was about something else.
        """
        try:
            text = (self.folder / _STATE).read_bytes()
        except FileNotFoundError:
            return None
        found = msgspec.json.decode(text, type=State)
        for name, mine, theirs in (
            ("data", fingerprint, found.fingerprint),
            ("hold-out, metric or exclusions", plan, found.plan),
            ("seed", seed, found.seed),
        ):
            if mine != theirs:
                raise InvalidConfig(
                    source=str(self.folder),
                    problem=f"holds a search with other {name}; take another folder (--work), "
                    "or remove this one",
                )
        return found

    def begin(self, state: State) -> None:
        """Write down what the search is about."""
        path = self.folder / _STATE
        part = path.with_suffix(".part")
        part.write_bytes(msgspec.json.format(msgspec.json.encode(state)))
        part.replace(path)


def files_fingerprint(paths: Sequence[Path], names: Mapping[str, str]) -> str:
    """Return a digest of files and of how their columns are called."""
    digest = hashlib.sha256(msgspec.json.encode(sorted(names.items())))
    for path in paths:
        digest.update(b"\0file\0")
        with path.open("rb") as file:
            while block := file.read(_READ_BYTES):
                digest.update(block)
    return digest.hexdigest()
