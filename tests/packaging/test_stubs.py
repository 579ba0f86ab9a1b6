"""The compiled modules have what their stubs say, and nothing else."""

import ast
import types
from pathlib import Path

import pytest

from recsys import _features, _items, _pages, _results, _scoring

MODULES = (_features, _items, _pages, _results, _scoring)


def stub_names(path: Path) -> dict[str, set[str]]:
    """Public names of a stub, and the methods and attributes of classes."""
    names: dict[str, set[str]] = {}
    for node in ast.parse(path.read_text("utf-8")).body:
        match node:
            case ast.ClassDef(name=name, body=body):
                methods = {item.name for item in body if isinstance(item, ast.FunctionDef)}
                fields = {
                    item.target.id
                    for item in body
                    if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
                }
                names[name] = {each for each in methods | fields if not each.startswith("_")}
            case ast.FunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                names[name] = set()
    return {name: inside for name, inside in names.items() if name != "_Fault"}


def module_names(module: types.ModuleType) -> dict[str, set[str]]:
    """The same of a module, less what it has imported."""
    names: dict[str, set[str]] = {}
    for name, value in vars(module).items():
        home = getattr(value, "__module__", module.__name__)
        if name.startswith("__") or isinstance(value, types.ModuleType) or home != module.__name__:
            continue
        public = {each for each in dir(value) if not each.startswith("_")}
        names[name] = public if isinstance(value, type) else set()
    return names


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.__name__))
def test_a_stub_names_exactly_what_its_module_has(
    module: types.ModuleType, repo_root: Path
) -> None:
    """Each public name, class and method of the stub exists, and the reverse."""
    stub = repo_root / f"{module.__name__.replace('.', '/')}.pyi"
    assert stub_names(stub) == module_names(module)


def test_the_check_itself_can_fail(tmp_path: Path) -> None:
    """A stub with one method too many or too few is noticed."""
    sound = stub_names(Path(__file__).parents[2] / "recsys/_items.pyi")
    stub = tmp_path / "wrong.pyi"
    stub.write_text("class ItemIds:\n    def find(self) -> int: ...\n")
    assert stub_names(stub) == {"ItemIds": {"find"}} != sound
