"""The C cores without Python: under sanitizers, on another processor, with planted defects.

What a compiler or an emulator is missing for is skipped, and says so.
"""

from pathlib import Path

import pytest

from support.native import FUZZED, SANITIZED, Build, Cores, fuzz, needs, run

CORES = Cores(folders=("scoring",), program="tests/kernel/native/fuzz.c", includes=("scoring",))


@pytest.fixture(scope="module")
def sound_objects(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Objects of the cores as they are."""
    folder = tmp_path_factory.mktemp("objects")
    Build(CORES).objects(repo_root, folder)
    return folder


@needs("gcc")
@pytest.mark.parametrize(
    ("flags", "arguments"),
    [
        (SANITIZED, ("40",)),
        (("-fsanitize=thread", "-fno-sanitize-recover=all"), ("8", "1", "4")),
    ],
    ids=["address and undefined behaviour", "threads"],
)
def test_sanitizers_find_nothing(
    repo_root: Path, tmp_path: Path, flags: tuple[str, ...], arguments: tuple[str, ...]
) -> None:
    """No stray access, no undefined step, no race on shared items while a mask changes."""
    program = Build(CORES, ("-O0", *flags)).program(repo_root, tmp_path)
    code, output = run(program, *arguments)
    assert code == 0, output
    assert output.endswith(" agree\n")


@needs("clang")
def test_a_fuzzer_that_sees_coverage_finds_nothing(repo_root: Path, tmp_path: Path) -> None:
    """Inputs chosen by what code they reach: answers agree and nothing outside is touched."""
    program = Build(CORES, FUZZED, "clang").program(repo_root, tmp_path / "objects")
    code, output = fuzz(program, tmp_path / "corpus", runs=100)
    assert code == 0, output


@needs("aarch64-linux-gnu-gcc", "qemu-aarch64")
def test_arm_agrees(repo_root: Path, tmp_path: Path) -> None:
    """With the dot product of ARMv8.2 and without it."""
    build = Build(CORES, ("-O2", "-static"), "aarch64-linux-gnu-gcc")
    program = build.program(repo_root, tmp_path)
    assert run("qemu-aarch64", "-cpu", "max", program, "25") == (0, "portable neon agree\n")
    assert run("qemu-aarch64", "-cpu", "cortex-a53", program, "10") == (0, "portable agree\n")


DEFECTS = {
    "no residual of groups": (
        "scoring/codes_body.h",
        "c->residuals[group * STAGE_COUNT + measured] * b->per_residual",
        "0.0f",
    ),
    "no residual of items": ("scoring/codes_body.h", "lanes_mul(lanes_bf16(c->rests + first),\n                                            lanes_set(b->per_residual))", "lanes_set(0.0f)"),
    "no rest of tails": ("scoring/codes_body.h", "if (stage == STAGE_MIXED)\n        bound = lanes_fadd(", "if (0)\n        bound = lanes_fadd("),
    "groups that wait are dropped": ("scoring/pass_codes.c", "hit.items != 0) wait(cs, hit, which + 1)", "hit.items > 255) wait(cs, hit, which + 1)"),
    "no tail of digests": ("scoring/codes_body.h", "lanes_mul(lanes_bf16(halves[DIGEST_TAIL]),\n                                        lanes_set(query->per_tail))", "lanes_set(0.0f)"),
    "a rank in reach left out": ("scoring/pass_listed.c", "return beyond - 1;", "return beyond - 2;"),
    "priors left out of lists": ("scoring/pass_listed.c", "add_priors(s, row, bounds[i]);", "bounds[i];"),
    "no tails": ("scoring/codes_body.h", "lanes_mul(lanes_bf16(c->tails + first)", "lanes_mul(lanes_set(0.0f)"),
    "no prior in bounds": ("scoring/codes_body.h", "if (priors->shared != NULL)", "if (0)"),
    "no own prior in bounds": ("scoring/codes_body.h", "if (priors->own != NULL)", "if (0)"),
    "own priors of the first row": ("scoring/scan.c", "items->priors + own * items->item_count", "items->priors"),
    "no residual of queries": ("scoring/codes.c", "round_up(residual + codes->defect", "round_up(codes->defect"),
    "no tails in tiles": ("scoring/codes_body.h", "lanes_mul(scales->tails[g], lanes_set(one->bound.per_tail))", "lanes_set(0.0f)"),
    "no priors in tiles": ("scoring/codes_body.h", "if (with_priors)\n        bound", "if (0)\n        bound"),
    "dots of the first group of a tile": ("scoring/pass_batch.c", "found.dots[q][g]);", "found.dots[q][0]);"),
    "what is taken not looked at": ("scoring/search.h", "s->taken_count == 0 ||", "1 ||"),
    "masks left out before groups wait": ("scoring/pass_codes.c", "kept &= ~((bit ^ 1) << place);", "kept &= ~(bit << place);"),
    "lower bounds too high": ("scoring/pass_codes.c", "(item.dot - item.error) + prior", "(item.dot + item.error) + prior"),
    "norms too small": ("scoring/pass_codes.c", "codes->norms[group] * s->query_norm", "0.8f * codes->norms[group] * s->query_norm"),
    "the last group left out": ("scoring/pass_codes.c", "group < stop;) {", "group < stop - 1;) {"),
    "queries of a tile mixed up": ("scoring/pass_batch.c", "find(c, b->lanes[q], b->stage", "find(c, b->lanes[0], b->stage"),
    "a mask not looked at": ("scoring/search.h", "row < 0 || !is_allowed(s->query, row)", "row < 0"),
    "one mask of several": ("scoring/search.h", "mask < query->allowed_count; mask++)\n        if (!(query", "mask < query->allowed_count && mask < 1; mask++)\n        if (!(query"),
    "touched items once more": ("scoring/scan.c", "    take(s->scratch, row);\n    s->taken_count++;\n", ""),
    "scratch left behind": ("scoring/scan.c", "        scratch->keys[slot] = -1;\n", ""),
    "a history not checked": ("scoring/scan.c", "if (!is_row(items, query->history_rows[h])) return SCAN_HISTORY;", ""),
    "links not checked": ("scoring/scan.c", "!is_row(items, item) || ", ""),
}  # fmt: skip


@needs("gcc")
@pytest.mark.parametrize("defect", DEFECTS)
def test_planted_defect_is_found(
    repo_root: Path, tmp_path: Path, sound_objects: Path, defect: str
) -> None:
    """Every term of every bound and every check is needed: without it, an answer is wrong."""
    program = Build(CORES).planted(repo_root, tmp_path, sound_objects, DEFECTS[defect])
    code, output = run(program, "1500")
    assert code != 0, output  # a crash is found too
