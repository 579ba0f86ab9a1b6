"""Which bundle may be served: the store's CURRENT, once every byte of it has been read.

Workers never choose. They open what this gate has let through, so a pointer
set by hand to a bad bundle, a truncated copy or a newer format changes nothing
for callers: it is refused, counted and logged once, and the model in service
goes on. The last bundle let through is remembered in the store (ADMITTED) and
is what a restarted server falls back to while CURRENT is bad.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from recsys.bundle import BundleLease, BundleStore
from recsys.bundle.store import ADMITTED
from recsys.errors import BundleUnavailable
from recsys.serving.children import spawn
from recsys.serving.pipes import Refused, Verified, decode_report

log = logging.getLogger(__name__)

_Identity = tuple[str, int, int]

Verify = Callable[[Path], Awaitable[Verified | Refused]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A bundle that may be served."""

    folder: Path
    model_version: str
    publish_time: float


async def verify_in_child(folder: Path) -> Verified | Refused:
    """Verify in a process of its own."""
    process = await spawn("recsys.serving.verifier", str(folder))
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:  # We are being stopped.
            process.kill()
            await process.wait()
    try:
        report = decode_report(output)
    except msgspec.DecodeError:
        report = None
    if isinstance(report, Verified | Refused):
        return report
    problem = f"the verifier ended with exit code {process.returncode}"
    return Refused(str(folder), "BUNDLE_CORRUPT", problem)


class Admission:
    """The gate.

    Attributes:
        admitted: What is let through now, or None before the first.
        refusal_counts: Refused bundles by reason.
    """

    def __init__(self, folder: Path, *, verify: Verify = verify_in_child) -> None:
        self.admitted: Admitted | None = None
        self.refusal_counts: dict[str, int] = {}
        self._store = BundleStore(folder)
        self._last_good = BundleStore(folder, pointer_name=ADMITTED)
        self._verify = verify
        self._identity: _Identity | None = None
        self._lease: BundleLease | None = None
        self._refused: set[_Identity] = set()

    async def look(self) -> bool:
        """Look at the pointer once; True if another bundle is to be served now."""
        if await self._consider(self._store):
            return True
        return self.admitted is None and await self._consider(self._last_good)

    def forget_refusals(self) -> None:
        """Give refused bundles another chance, because an operator asks for it."""
        self._refused.clear()

    def refuse(self, refused: Refused) -> None:
        """Count and log a bundle that cannot be served."""
        self.refusal_counts[refused.reason] = self.refusal_counts.get(refused.reason, 0) + 1
        serving = self.admitted.model_version if self.admitted else None
        log.error(
            "bundle_refused",
            extra={"reason": refused.reason, "problem": refused.problem, "still_serving": serving},
        )

    async def _consider(self, pointer: BundleStore) -> bool:
        try:
            folder = pointer.current()
        except (BundleUnavailable, ValueError) as error:
            identity: _Identity = (str(error), 0, 0)
            if identity not in self._refused:
                self._refused.add(identity)
                self.refuse(Refused(str(pointer.folder), "BUNDLE_CORRUPT", str(error)))
            return False
        if folder is None:
            return False
        identity = _identity(folder)
        if identity == self._identity or identity in self._refused:
            return False
        # From before the first look inside: nobody removes what is being read or served.
        lease = _leased(folder)
        report = await self._verify(folder)
        if isinstance(report, Refused):
            if lease is not None:
                lease.release()
            self._refused.add(identity)
            self.refuse(report)
            return False
        if self._lease is not None:
            self._lease.release()
        self._lease = lease
        self._identity = identity
        self.admitted = Admitted(
            folder=folder, model_version=report.model_version, publish_time=report.publish_time
        )
        log.info("bundle_admitted", extra={"model_version": report.model_version})
        self._remember(folder)
        return True

    def _remember(self, folder: Path) -> None:
        try:
            self._last_good.set_current(folder.name)
        except (OSError, BundleUnavailable) as error:
            # A read-only store serves all the same; only the way back is lost.
            log.warning("admission_not_remembered", extra={"problem": str(error)})


def _leased(folder: Path) -> BundleLease | None:
    """Take a lease; None where there is no bundle or no locking, which does not stop serving."""
    try:
        return BundleLease(folder)
    except OSError:
        return None


def _identity(folder: Path) -> _Identity:
    """Tell a bundle from one that was put in its place under the same name."""
    try:
        facts = (folder / "manifest.json").stat()
    except OSError:
        return (str(folder), 0, 0)
    return (str(folder), facts.st_ino, facts.st_mtime_ns)
