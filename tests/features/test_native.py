"""The C code that reads histories, without Python: under sanitizers, with planted defects."""

from pathlib import Path

import pytest

from support.native import FUZZED, SANITIZED, Build, Cores, fuzz, needs, run

CORES = Cores(
    folders=("items", "features"), program="tests/features/native/fuzz.c", includes=(".",)
)
SOUND = Build(CORES, SANITIZED)

DEFECTS = {
    "offsets before the ids": ("items/ids.h", "start < 0 || ", ""),
    "offsets behind the ids": ("items/ids.h", " || stop > table->byte_count", ""),
    "rows of no item": ("items/ids.h", "if (row < 0 || row >= table->item_count) return 0;", ""),
    "a separator too far": ("features/history.c", "text = stop + 1;", "text = stop + 2;"),
    "a type beyond the table": ("features/weights.c", "types[i] < weighting->type_count && ", ""),
    "a channel beyond the table": ("features/weights.c", "channels[i] < weighting->channel_count", "1"),
}  # fmt: skip


@pytest.fixture(scope="module")
def sound_objects(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Objects of the code as it is."""
    folder = tmp_path_factory.mktemp("objects")
    SOUND.objects(repo_root, folder)
    return folder


@needs("gcc")
def test_sanitizers_find_nothing(sound_objects: Path) -> None:
    """No stray access and no undefined step, whatever the text and the table hold."""
    code, output = run(SOUND.link(sound_objects), "400")
    assert code == 0, output
    assert output.endswith(" lines\n")


@needs("clang")
def test_a_fuzzer_that_sees_coverage_finds_nothing(repo_root: Path, tmp_path: Path) -> None:
    """Inputs chosen by what code they reach touch nothing outside."""
    program = Build(CORES, FUZZED, "clang").program(repo_root, tmp_path / "objects")
    code, output = fuzz(program, tmp_path / "corpus", runs=3000)
    assert code == 0, output


@needs("gcc")
@pytest.mark.parametrize("defect", DEFECTS)
def test_planted_defect_is_found(
    repo_root: Path, tmp_path: Path, sound_objects: Path, defect: str
) -> None:
    """Every check is needed: without it, something outside is read."""
    program = SOUND.planted(repo_root, tmp_path, sound_objects, DEFECTS[defect])
    assert run(program, "400")[0] != 0
