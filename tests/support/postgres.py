"""A PostgreSQL server for the tests: found or installed, started, and stopped by its pid."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1:] + [
    Path(found).parent for found in [shutil.which("postgres")] if found
]
START_SECONDS = 60


def missing() -> str:
    """Say why there can be no server; empty if there can."""
    if not BINARIES:
        return "PostgreSQL IS NOT TESTED: no postgres here; install postgresql (see .ci/run)"
    return ""


class Server:
    """A running server with a superuser `recsys` and no password, on a socket of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        """Address of a database."""
        return f"postgresql://recsys@/{database}?host={self._folder}"

    def prepare(self) -> None:
        """Make the server's files."""
        self._run("initdb", "-D", "data", "-U", "recsys", "-A", "trust", "-E", "UTF8", "--no-sync")

    def start(self) -> None:
        """Start and wait until it answers."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._folder),
            # A crash of the machine is not under test, and tests are to be quick.
            "fsync": "off",
            "max_connections": "60",
        }
        options = [word for pair in settings.items() for word in ("-c", "=".join(pair))]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binary("postgres"), "-D", "data", *options],
                cwd=self._folder, stdout=log, stderr=log, user=_user(), group=_group(),
                extra_groups=[] if os.getuid() == 0 else None,
            )  # fmt: skip
        wait = ["-h", str(self._folder), "-U", "recsys", "-t", str(START_SECONDS), "-d", "postgres"]
        for _ in range(START_SECONDS * 20):
            with contextlib.suppress(subprocess.CalledProcessError):
                self._run("pg_isready", *wait)
                return
            self._process.poll()
            assert self._process.returncode is None, (self._folder / "log").read_text()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.05)
        raise AssertionError((self._folder / "log").read_text())

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop: SIGINT in order (but not waiting for clients), SIGQUIT as in a crash."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(START_SECONDS)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._binary(program), *arguments],
            cwd=self._folder, check=True, capture_output=True, user=_user(), group=_group(),
            extra_groups=[] if os.getuid() == 0 else None,
        )  # fmt: skip

    def _binary(self, name: str) -> str:
        return str(BINARIES[0] / name)


@contextlib.contextmanager
def running_postgres() -> Iterator[Server]:
    """Run a server until the block ends."""
    # Paths of sockets are short, and pytest's folders are for their owner only.
    folder = Path(tempfile.mkdtemp(prefix="recsys-pg-"))
    try:
        if os.getuid() == 0:
            os.chown(folder, _entry().pw_uid, _entry().pw_gid)
        folder.chmod(0o755)
        server = Server(folder)
        server.prepare()
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _entry() -> pwd.struct_passwd:
    # PostgreSQL refuses to run as root.
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _user() -> int | None:
    return _entry().pw_uid if os.getuid() == 0 else None


def _group() -> int | None:
    return _entry().pw_gid if os.getuid() == 0 else None
