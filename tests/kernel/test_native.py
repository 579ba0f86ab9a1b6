"""The C cores without Python: under sanitizers, on another processor, with planted defects.

What a compiler or an emulator is missing for is skipped, and says so.
"""

import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

FUZZ = "tests/kernel/native/fuzz.c"
FLAGS = ("-g", "-O1", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror")


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip where a program is not installed."""
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def compile_all(root: Path, folder: Path, *flags: str, compiler: str = "gcc") -> None:
    """Compile the cores and the fuzz program to objects, two at a time."""
    folder.mkdir(exist_ok=True)
    sources = [*sorted((root / "src/scoring").glob("*.c")), root / FUZZ]
    with ThreadPoolExecutor(2) as pool:
        list(
            pool.map(
                lambda source: compile_one(root, source, folder, *flags, compiler=compiler), sources
            )
        )


def compile_one(root: Path, source: Path, folder: Path, *flags: str, compiler: str = "gcc") -> None:
    """Compile one file."""
    include = f"-I{root / 'src/scoring'}"
    target = str(folder / f"{source.stem}.o")
    command = [compiler, *FLAGS, *flags, include, "-c", str(source), "-o", target]
    subprocess.run(command, check=True)


def link(folder: Path, *flags: str, compiler: str = "gcc") -> Path:
    """Make the program of a folder's objects."""
    objects = [str(path) for path in sorted(folder.glob("*.o"))]
    target = folder / "fuzz"
    command = [compiler, *flags, *objects, "-lm", "-pthread", "-o", str(target)]
    subprocess.run(command, check=True)
    return target


def build(root: Path, folder: Path, *flags: str, compiler: str = "gcc") -> Path:
    """Compile and link."""
    compile_all(root, folder, *flags, compiler=compiler)
    return link(folder, *flags, compiler=compiler)


@pytest.fixture(scope="module")
def sound_objects(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Objects of the cores as they are."""
    folder = tmp_path_factory.mktemp("objects")
    compile_all(repo_root, folder)
    return folder


def run(*command: str | Path) -> tuple[int, str]:
    """Exit code and everything printed."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


@needs("gcc")
@pytest.mark.parametrize(
    ("sanitizers", "arguments"),
    [("address,undefined", ("20",)), ("thread", ("8", "1", "3"))],
    ids=["address and undefined behaviour", "threads"],
)
def test_sanitizers_find_nothing(
    repo_root: Path, tmp_path: Path, sanitizers: str, arguments: Sequence[str]
) -> None:
    """No stray access, no undefined step, no race, and brute force agrees."""
    program = build(
        repo_root, tmp_path, "-O0", f"-fsanitize={sanitizers}", "-fno-sanitize-recover=all"
    )
    code, output = run(program, *arguments)
    assert code == 0, output
    assert output.endswith(" agree\n")


@needs("aarch64-linux-gnu-gcc", "qemu-aarch64")
def test_arm_agrees(repo_root: Path, tmp_path: Path) -> None:
    """With the dot product of ARMv8.2 and without it."""
    program = build(repo_root, tmp_path, "-O2", "-static", compiler="aarch64-linux-gnu-gcc")
    assert run("qemu-aarch64", "-cpu", "max", program, "25") == (0, "portable neon agree\n")
    assert run("qemu-aarch64", "-cpu", "cortex-a53", program, "10") == (0, "portable agree\n")


DEFECTS = {
    "no residual of groups": (
        "codes_body.h",
        "c->residuals[group * STAGE_COUNT + measured] * b->per_residual",
        "0.0f",
    ),
    "no residual of items": ("codes_body.h", "lanes_mul(lanes_bf16(c->rests + first),\n                                            lanes_set(b->per_residual))", "lanes_set(0.0f)"),
    "no rest of tails": ("codes_body.h", "if (stage == STAGE_MIXED)\n        bound = lanes_fadd(", "if (0)\n        bound = lanes_fadd("),
    "groups that wait are dropped": ("pass_codes.c", "hit.items != 0) wait(cs, hit, which + 1)", "hit.items > 255) wait(cs, hit, which + 1)"),
    "no tails": ("codes_body.h", "lanes_bf16(c->tails + first)", "lanes_set(0.0f)"),
    "no prior in bounds": ("codes_body.h", "if (priors->shared != NULL)", "if (0)"),
    "no residual of queries": ("codes.c", "round_up(residual + codes->defect", "round_up(codes->defect"),
    "lower bounds too high": ("pass_codes.c", "(dots[place] - error) + prior", "(dots[place] + error) + prior"),
    "norms too small": ("pass_codes.c", "codes->norms[group] * s->query_norm", "0.8f * codes->norms[group] * s->query_norm"),
    "the last group left out": ("pass_codes.c", "group < stop;) {", "group < stop - 1;) {"),
    "queries of a tile mixed up": ("pass_batch.c", "lane *one = b->lanes[q];\n        for (int g", "lane *one = b->lanes[0];\n        for (int g"),
    "a mask not looked at": ("search.h", "!is_taken(s->scratch, row) && is_allowed(s->query, row)", "!is_taken(s->scratch, row)"),
}  # fmt: skip


@needs("gcc")
@pytest.mark.parametrize("defect", DEFECTS)
def test_planted_defect_is_found(
    repo_root: Path, tmp_path: Path, sound_objects: Path, defect: str
) -> None:
    """Every term of every bound is needed: without it, some answer is wrong."""
    name, right, wrong = DEFECTS[defect]
    shutil.copytree(repo_root / "src/scoring", tmp_path / "src/scoring")
    source = tmp_path / "src/scoring" / name
    text = source.read_text()
    assert text.count(right) == 1, f"{name} no longer has {right!r} once"
    source.write_text(text.replace(right, wrong))
    objects = tmp_path / "objects"
    shutil.copytree(sound_objects, objects)
    for user in sorted(source.parent.glob("*.c")):
        if user == source or f'"{name}"' in user.read_text():
            compile_one(tmp_path, user, objects, "-Wno-error")
    code, output = run(link(objects), "300")
    assert code != 0, output  # a crash is found too
