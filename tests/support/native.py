"""Building C cores without Python, as they are or with a defect planted, and running them."""

import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

FLAGS = ("-g", "-O1", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror")
SANITIZED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
FUZZED = ("-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all", "-DFUZZER")
"""For clang: the program is a target of libFuzzer then."""


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip where a program is not installed."""
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cores:
    """C files with the program that runs them.

    Attributes:
        folders: Below `src`.
        program: The program's source, below the checkout.
        includes: Below `src`, searched for headers.
    """

    folders: tuple[str, ...]
    program: str
    includes: tuple[str, ...]

    def sources(self, root: Path) -> list[Path]:
        """All files but the program."""
        return [path for name in self.folders for path in sorted((root / "src" / name).glob("*.c"))]


@dataclass(frozen=True, slots=True)
class Build:
    """How cores are compiled.

    Attributes:
        cores: What.
        flags: Beside `FLAGS`.
        compiler: With what.
    """

    cores: Cores
    flags: tuple[str, ...] = ()
    compiler: str = "gcc"

    def objects(self, root: Path, folder: Path, *, src_root: Path | None = None) -> None:
        """Compile everything, two at a time."""
        folder.mkdir(exist_ok=True)
        sources = [*self.cores.sources(src_root or root), root / self.cores.program]
        self.compile(root, sources, folder, src_root=src_root or root)

    def compile(self, root: Path, sources: Sequence[Path], folder: Path, *, src_root: Path) -> None:
        """Compile some files; headers of the cores come from `src_root`."""
        include = [f"-I{src_root / 'src' / name}" for name in self.cores.includes]
        include.append(f"-I{root / 'tests/support/native'}")

        def one(source: Path) -> None:
            target = folder / f"{source.parent.name}-{source.stem}.o"
            subprocess.run(
                [self.compiler, *FLAGS, *self.flags, *include, "-c", source, "-o", target],
                check=True,
            )

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(one, sources))

    def link(self, folder: Path) -> Path:
        """Make the program of a folder's objects."""
        target = folder / "program"
        objects = sorted(folder.glob("*.o"))
        command = [self.compiler, *self.flags, *objects, "-lm", "-pthread", "-o", target]
        subprocess.run(command, check=True)
        return target

    def program(self, root: Path, folder: Path) -> Path:
        """Compile and link."""
        self.objects(root, folder)
        return self.link(folder)

    def planted(self, root: Path, folder: Path, sound: Path, defect: tuple[str, str, str]) -> Path:
        """Make the program with one text of one file below `src` replaced by another.

        Args:
            root: The checkout.
            folder: Empty; for the changed sources and the program.
            sound: Folder of the objects without the defect.
            defect: File, what is right in it once, and what is wrong.
        """
        name, right, wrong = defect
        for part in {*self.cores.folders, *self.cores.includes} - {"."}:
            shutil.copytree(root / "src" / part, folder / "src" / part, dirs_exist_ok=True)
        changed = folder / "src" / name
        text = changed.read_text()
        assert text.count(right) == 1, f"{name} no longer has {right!r} once"
        changed.write_text(text.replace(right, wrong))
        objects = folder / "objects"
        shutil.copytree(sound, objects)
        users = [
            source
            for source in [*self.cores.sources(folder), root / self.cores.program]
            if source == changed or changed.name in source.read_text()
        ]
        lenient = Build(self.cores, (*self.flags, "-Wno-error"), self.compiler)
        lenient.compile(root, users, objects, src_root=folder)
        return self.link(objects)


def run(*command: str | Path) -> tuple[int, str]:
    """Exit code and everything printed."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


def fuzz(program: Path, corpus: Path, *, runs: int) -> tuple[int, str]:
    """Let libFuzzer try so many inputs, always the same ones."""
    corpus.mkdir(exist_ok=True)
    return run(program, f"-runs={runs}", "-seed=1", "-verbosity=0", f"-artifact_prefix={corpus}/")
