"""The C code that makes item-item rows, without Python: under sanitizers, with planted defects."""

from pathlib import Path

import pytest

from support.native import FUZZED, SANITIZED, Build, Cores, fuzz, needs, run

CORES = Cores(
    folders=("item_item",), program="tests/training/native/fuzz.c", includes=("item_item",)
)
SOUND = Build(CORES, SANITIZED)
LINKS = "item_item/links.c"

DEFECTS = {
    "a column twice": (LINKS, "if (scratch->sums[column] == 0.0f) scratch->touched", "scratch->touched"),
    "infinity times nothing": (LINKS, "if (!(amount > 0.0f)) return;", "if (amount == 0.0f) return;"),
    "sums left behind": (LINKS, "        scratch->sums[column] = 0.0f;\n", ""),
    "one too many kept": (LINKS, "if (count < keep) {", "if (count <= keep) {"),
    "the worst not replaced": (LINKS, "            heap[0] = found;\n", ""),
    "the item itself": (LINKS, "heap == NULL || column == row", "heap == NULL"),
    "a step too far": (LINKS, "pairs->steps[at] - step > pairs->gap", "pairs->steps[at] - step > pairs->gap + 1"),
    "the next sequence too": (LINKS, "pairs->sequences[at] != sequence || pairs->steps[at] - step", "pairs->steps[at] - step"),
}  # fmt: skip


@pytest.fixture(scope="module")
def sound_objects(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Objects of the code as it is."""
    folder = tmp_path_factory.mktemp("objects")
    SOUND.objects(repo_root, folder)
    return folder


@needs("gcc")
def test_rows_are_those_made_the_slow_way(sound_objects: Path) -> None:
    """To the last bit, without a stray access or an undefined step."""
    assert run(SOUND.link(sound_objects), "3000") == (0, "agree\n")


@needs("clang")
def test_a_fuzzer_that_sees_coverage_finds_nothing(repo_root: Path, tmp_path: Path) -> None:
    """Inputs chosen by what code they reach."""
    program = Build(CORES, FUZZED, "clang").program(repo_root, tmp_path / "objects")
    code, output = fuzz(program, tmp_path / "corpus", runs=5000)
    assert code == 0, output


@needs("gcc")
@pytest.mark.parametrize("defect", DEFECTS)
def test_planted_defect_is_found(
    repo_root: Path, tmp_path: Path, sound_objects: Path, defect: str
) -> None:
    """Without any of these steps, a row is wrong or something outside is touched."""
    program = SOUND.planted(repo_root, tmp_path, sound_objects, DEFECTS[defect])
    assert run(program, "3000")[0] != 0
