"""House rules that no linter knows. Each rule is tried on a bad sample too."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

SUPPRESSION = re.compile(r"#\s*(?:noqa|type:\s*ignore|cython-lint:\s*disable|nosec)\b(?P<rest>.*)$")
REASON = re.compile(r"(?:\s+[-\u2013#]\s*|\s{2,})\w+")
FILE_LINES_MAX = 480
GENERATED = "recsys/v1/"


def tracked(root: Path, *suffixes: str) -> Iterator[Path]:
    """Files that git tracks, or would, with one of these suffixes."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in listed:
        path = root / name
        if path.suffix in suffixes and not name.startswith(GENERATED) and path.is_file():
            yield path


def reasonless_suppressions(text: str) -> list[str]:
    """Lines that silence a tool without saying why."""
    wrong = []
    for line in text.splitlines():
        found = SUPPRESSION.search(line)
        if found and not REASON.search(found["rest"]):
            wrong.append(line.strip())
    return wrong


def test_every_suppression_gives_a_reason(repo_root: Path) -> None:
    """`noqa` and `type: ignore` are followed by why."""
    wrong = {
        str(path.relative_to(repo_root)): lines
        for path in tracked(repo_root, ".py", ".pyx", ".pyi")
        if path != Path(__file__).resolve() and (lines := reasonless_suppressions(path.read_text()))
    }
    assert not wrong


@pytest.mark.parametrize(
    ("line", "is_wrong"),
    [
        ("x = 1  # noqa: E501", True),
        ("x = 1  # type: ignore[misc]", True),
        ("x = 1  # noqa: E501 - the address cannot be broken", False),
        ("x = 1  # type: ignore[misc]  # the stub is wrong", False),
        ("x = 1  # an ordinary comment", False),
    ],
    ids=["bare noqa", "bare ignore", "noqa with reason", "ignore with reason", "comment"],
)
def test_the_suppression_check_tells_good_from_bad(line: str, is_wrong: bool) -> None:  # noqa: FBT001 - a table column
    """A reasonless suppression is found and a reasoned one is not."""
    assert bool(reasonless_suppressions(line)) == is_wrong


def test_files_stay_small(repo_root: Path) -> None:
    """A file that outgrows its room is split."""
    long = {
        str(path.relative_to(repo_root)): lines
        for path in tracked(repo_root, ".py", ".pyx", ".c", ".h")
        if (lines := len(path.read_text().splitlines())) > FILE_LINES_MAX
    }
    assert not long


def test_nothing_large_or_binary_is_committed(repo_root: Path) -> None:
    """Data, models and caches stay out of the repository."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=repo_root, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    large = {
        name
        for name in listed
        if (repo_root / name).exists() and (repo_root / name).stat().st_size > 200_000
    }
    assert not large


def test_constraints_name_no_address(repo_root: Path) -> None:
    """Pins are versions only, so that any registry can serve them."""
    lines = (repo_root / "constraints.txt").read_text().splitlines()
    assert lines
    assert all(
        re.match(r"^[a-z0-9._-]+==[^\s:/]+(\s*;.*)?$", line, re.IGNORECASE) for line in lines
    )
