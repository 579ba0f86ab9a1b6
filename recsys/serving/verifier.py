"""Reads every byte of one bundle and reports whether it may be served.

    python -m recsys.serving.verifier FOLDER

A process of its own, because a bundle that shrinks while it is read kills the
reader (SIGBUS), and because the memory it needs goes back with it.
"""

import sys
from pathlib import Path

from recsys.bundle import verify_bundle
from recsys.errors import BundleError
from recsys.serving.pipes import ParentPipe, Refused, Verified


def main(folder: Path) -> None:
    """Verify and report."""
    pipe = ParentPipe()
    try:
        manifest = verify_bundle(folder).manifest
    except (BundleError, MemoryError, OSError) as error:
        reason = getattr(error, "reason", "BUNDLE_INVALID")
        pipe.report(Refused(str(folder), reason, str(error)))
    else:
        pipe.report(Verified(manifest.model_version, manifest.publish_time.timestamp()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
