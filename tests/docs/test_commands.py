"""What the documentation tells people to type exists."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
SHELL_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]+\]\(([^)#\s]+)")
RECSYS = [sys.executable, "-m", "recsys"]


def commands(text: str) -> Iterator[str]:
    """Lines of shell blocks, with continued lines joined and comments gone."""
    for block in SHELL_BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            command = line.partition("  #")[0].partition(" # ")[0].strip()
            if command and not command.startswith("#"):
                yield command


def pairs(program: str) -> list[tuple[str, str]]:
    """(page, command) of every documented command of a program, each once."""
    found = {
        (page.name, part.strip())
        for page in PAGES
        for command in commands(page.read_text())
        for part in re.split(r"&&|\|\||[|;&](?!&)", command)
        if re.match(rf"(?:[A-Z_]+=\S* )*{program}\b", part.strip())
    }
    return sorted(found)


@pytest.fixture(scope="module")
def help_of() -> dict[tuple[str, ...], str]:
    """Help texts by sub-command, each fetched once."""
    return {}


@pytest.mark.parametrize(("page", "command"), pairs("recsys"))
def test_documented_recsys_commands_exist(
    page: str, command: str, help_of: dict[tuple[str, ...], str]
) -> None:
    """The sub-command exists and knows every option that the page uses."""
    words = shlex.split(re.sub(r"[<>].*$", "", re.sub(r"^(?:[A-Z_]+=\S* )*", "", command)))[1:]
    names: list[str] = []
    for word in words[:2]:
        if not re.fullmatch(r"[a-z-]+", word) or word.startswith("-"):
            break
        names.append(word)
    groups = {"bundle", "catalog", "export", "offers", "profile", "segment", "triggers"}
    if len(names) == 2 and names[0] not in groups:
        names = names[:1]
    key = tuple(names)
    if key not in help_of:
        done = subprocess.run(
            [*RECSYS, *names, "--help"],
            capture_output=True,
            text=True,
            check=False,
            env={"COLUMNS": "200", "PATH": "/usr/bin:/bin", "TERM": "dumb", "HOME": str(ROOT)},
        )
        assert done.returncode == 0, f"{page}: {command}\n{done.stderr}"
        # What is left of [[tables]] that were taken for markup.
        assert "[]" not in done.stdout
        help_of[key] = done.stdout
    options = {word.partition("=")[0] for word in words if re.match(r"--?[a-zA-Z]", word)}
    unknown = {o for o in options if not re.search(rf"(?<![\w-]){re.escape(o)}\b", help_of[key])}
    assert not unknown, f"{page}: {command}"


@pytest.mark.parametrize(("page", "command"), pairs("make"))
def test_documented_make_targets_exist(page: str, command: str) -> None:
    """Each target stands in the Makefile."""
    words = [word for word in shlex.split(command)[1:] if "=" not in word]
    makefile = (ROOT / "Makefile").read_text()
    for word in words:
        assert re.search(rf"^{re.escape(word)}:", makefile, re.MULTILINE), f"{page}: {command}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """No page points at a file that is not there."""
    dead = [
        target
        for target in LINK.findall(page.read_text())
        if not target.startswith(("http:", "https:")) and not (page.parent / target).exists()
    ]
    assert not dead


def test_the_command_finder_finds_commands() -> None:
    """The checks above are not vacuous."""
    sample = (
        "text\n```sh\nrecsys serve --config x.toml  # start\nmake demo \\\n  ARGS=--once\n```\n"
    )
    assert list(commands(sample)) == ["recsys serve --config x.toml", "make demo    ARGS=--once"]
    assert len(pairs("recsys")) >= 10
    assert len(pairs("make")) >= 3
