"""The wheel and the sdist work in an environment that has nothing but them."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.packaging

MANDATED = [
    "pyproject.toml",
    "setup.py",
    "README.md",
    "proto/recsys/v1/recommendation_service.proto",
    "recsys/py.typed",
    "src/_scoring.pyx",
    "training/__init__.py",
]


def run(*command: str | Path, cwd: Path, **environ: str) -> str:
    """Run a command that must succeed, and return what it printed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist of the checkout, and the wheel built from that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    python = sys.executable
    # From a clean export, so that files which git ignores cannot hide a hole.
    checkout = folder / "checkout"
    listed = run(
        "git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=repo_root
    ).splitlines()
    for name in listed:
        source = repo_root / name
        if source.is_file():
            target = checkout / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    run(python, "-m", "build", "--no-isolation", "--sdist", "--outdir", folder, cwd=checkout)
    sdist = next(folder.glob("*.tar.gz"))
    unpacked = folder / "unpacked"
    unpacked.mkdir()
    run("tar", "-xzf", sdist, "-C", unpacked, cwd=folder)  # tarfile's filters are newer than 3.11.0
    source = next(unpacked.iterdir())
    # What is in the wheel does not depend on how much the compiler thinks.
    run(
        python, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder,
        cwd=source, CFLAGS="-O1",
    )  # fmt: skip
    return sdist, next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(
    built: tuple[Path, Path], repo_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An environment that holds the wheel and what it depends on, nothing else."""
    folder = tmp_path_factory.mktemp("empty") / "env"
    uv = Path(sys.executable).with_name("uv")
    run(uv, "venv", "--quiet", "--python", sys.executable, folder, cwd=folder.parent)
    run(
        uv, "pip", "install", "--quiet", "--python", folder / "bin/python",
        "--constraint", repo_root / "constraints.txt", built[1],
        cwd=folder.parent,
    )  # fmt: skip
    return folder


def test_the_sdist_holds_what_a_build_needs(built: tuple[Path, Path]) -> None:
    """Sources, contract and documentation are in; generated C is not."""
    with tarfile.open(built[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names.issuperset(MANDATED)
    assert "src/_scoring.c" not in names


def test_the_wheel_holds_every_module_of_the_checkout(
    built: tuple[Path, Path], repo_root: Path
) -> None:
    """No package was forgotten in the explicit list."""
    with zipfile.ZipFile(built[1]) as archive:
        names = set(archive.namelist())
    modules = {
        str(path.relative_to(repo_root))
        for package in ("recsys", "training")
        for pattern in ("*.py", "*.pyi", "*.toml", "*.lark", "py.typed")
        for path in (repo_root / package).rglob(pattern)
    }
    assert not modules - names
    assert any(name.startswith("recsys/_scoring.") and name.endswith(".so") for name in names)
    assert not any(name.startswith(("tests/", "src/", "benchmarks/")) for name in names)


def test_a_serving_install_has_no_training_library(environment: Path) -> None:
    """The server's machine carries nothing that only training needs."""
    uv = Path(sys.executable).with_name("uv")
    listed = run(uv, "pip", "list", "--python", environment / "bin/python", cwd=environment)
    for name in ("implicit", "mlflow", "pandas", "scipy", "matplotlib", "polars"):
        assert f"\n{name} " not in listed


def test_a_serving_install_answers(environment: Path, repo_root: Path, tmp_path: Path) -> None:
    """The wheel alone loads a bundle and ranks with its compiled kernel."""
    assert "serve" in run(environment / "bin/recsys", "--help", cwd=tmp_path)
    program = (
        "import sys; from pathlib import Path; from recsys.bundle import verify_bundle;"
        "from recsys.recommend import Recommender, ServingModel, SimilarQuery;"
        "model = ServingModel.from_bundle(verify_bundle(Path(sys.argv[1])));"
        "query = SimilarQuery(item_id=model.items.id(0));"
        "print(len(Recommender(histories=None).similar(model, query, now=0.0).results))"
    )
    golden = repo_root / "tests/golden/bundle-v1"
    assert int(run(environment / "bin/python", "-c", program, golden, cwd=tmp_path)) > 0


def test_a_training_command_without_its_extra_says_what_to_install(
    environment: Path, tmp_path: Path
) -> None:
    """A serving install names the extra instead of showing a traceback."""
    done = subprocess.run(
        [environment / "bin/recsys", "simulate", "--size", "tiny", "--out", tmp_path / "shop"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "pip install 'recsys[training]'" in done.stderr
