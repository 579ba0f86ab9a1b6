"""The C code that reads histories, without Python: under sanitizers, with planted defects."""

import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="not installed: gcc")

FLAGS = ("-g", "-O1", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror",
         "-fsanitize=address,undefined", "-fno-sanitize-recover=all")  # fmt: skip
FOLDERS = ("items", "features")

DEFECTS = {
    "offsets before the ids": ("items/ids.h", "start < 0 || ", ""),
    "offsets behind the ids": ("items/ids.h", " || stop > table->byte_count", ""),
    "rows of no item": ("items/ids.h", "if (row < 0 || row >= table->item_count) return 0;", ""),
    "a separator too far": ("features/history.c", "text = stop + 1;", "text = stop + 2;"),
    "a type beyond the table": ("features/weights.c", "types[i] < weighting->type_count && ", ""),
    "a channel beyond the table": ("features/weights.c", "channels[i] < weighting->channel_count", "1"),
}  # fmt: skip


def fuzz(repo_root: Path, source: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Compile the code of a folder with the fuzz program, and run it."""
    program = folder / "fuzz"
    sources = [*source.glob("items/*.c"), *source.glob("features/*.c")]
    main = repo_root / "tests/features/native/fuzz.c"
    command = ["gcc", *FLAGS, f"-I{source}", main, *sources, "-lm", "-o", program]
    subprocess.run(list(map(str, command)), check=True)
    return subprocess.run([program, "400"], capture_output=True, text=True, check=False)


def test_sanitizers_find_nothing(repo_root: Path, tmp_path: Path) -> None:
    """No stray access and no undefined step, whatever the text and the table hold."""
    done = fuzz(repo_root, repo_root / "src", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(" lines\n")


@pytest.mark.parametrize("defect", DEFECTS)
def test_planted_defect_is_found(repo_root: Path, tmp_path: Path, defect: str) -> None:
    """Every check is needed: without it, something outside is read."""
    for folder in FOLDERS:
        shutil.copytree(repo_root / "src" / folder, tmp_path / "src" / folder)
    name, right, wrong = DEFECTS[defect]
    source = tmp_path / "src" / name
    text = source.read_text()
    assert text.count(right) == 1, f"{name} no longer has {right!r} once"
    source.write_text(text.replace(right, wrong))
    assert fuzz(repo_root, tmp_path / "src", tmp_path).returncode != 0
