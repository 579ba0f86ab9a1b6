"""`recsys train`, `models`, `promote` and `rollback` as a person types them."""

from pathlib import Path

import pytest
import typer
from click.testing import Result
from mlflow import MlflowClient
from typer.testing import CliRunner

from recsys.bundle import BundleStore
from recsys.errors import InvalidConfig, NotFound
from support.trained import Trained
from training.commands import registry, train
from training.config import TrainConfig, load_config
from training.dataset import Dataset


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    """The commands of training alone."""
    app = typer.Typer()
    train.register(app)
    registry.register(app)
    return app


def _run(app: typer.Typer, *words: str) -> Result:
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


def test_print_config_is_a_configuration_file(app: typer.Typer, tmp_path: Path) -> None:
    """It needs no data, and what it prints are the defaults."""
    printed = _run(app, "train", "--print-config")
    assert printed.exit_code == 0
    path = tmp_path / "model.toml"
    path.write_text(printed.stdout)
    assert load_config(path) == TrainConfig()


def test_print_config_shows_the_file_in_use(app: typer.Typer, tmp_path: Path) -> None:
    """With a file, its values among the defaults."""
    path = tmp_path / "model.toml"
    path.write_text("[model]\ntype = 'bm25'\nk1 = 2.5\n")
    printed = _run(app, "train", "--print-config", "--config", str(path))
    assert "k1 = 2.5" in printed.stdout
    assert "neighbours = 200" in printed.stdout


def test_data_is_asked_for(app: typer.Typer) -> None:
    """By the name of the option."""
    with pytest.raises(InvalidConfig, match="--data"):
        _run(app, "train")


def test_the_life_of_a_model_from_the_shell(
    app: typer.Typer, shop: Dataset, mlflow_uri: str, tmp_path: Path
) -> None:
    """Train twice, look, go back, and forward again."""
    config = tmp_path / "model.toml"
    config.write_text("[model]\nfactors = 8\n[evaluate]\nk = [5]\nprimary_k = 5\n")
    store = BundleStore(tmp_path / "bundles")
    where = ("--tracking-uri", mlflow_uri, "--model-name", "shell")
    stored = (*where, "--bundle-store", str(store.folder))
    names = []
    for seed in ("1", "2"):
        printed = _run(
            app, "train", "--data", str(shop.folder), "--config", str(config), "--seed", seed,
            "--experiment", "shell", *stored,
        )  # fmt: skip
        assert "champion" in printed.stdout, printed.stdout
        assert "gain over purchases only in new/ndcg_at_5" in printed.stdout
        current = store.current()
        assert current is not None
        names.append(current.name)
        assert current.name in printed.stdout
    listed = _run(app, "models", *where).stdout.splitlines()
    assert names[1] in listed[1]
    assert "champion" in listed[1]
    assert names[0] in listed[2]
    assert "champion" not in listed[2]
    assert names[0] in _run(app, "rollback", *stored).stdout
    assert store.current() == store.path(names[0])
    with pytest.raises(NotFound):
        _run(app, "rollback", *stored)
    assert names[1] in _run(app, "promote", *stored).stdout
    champion = MlflowClient(mlflow_uri).get_model_version_by_alias("shell", "champion")
    assert champion.tags["model_version"] == names[1]


def test_promoting_without_the_bundle_at_hand_downloads_it(
    app: typer.Typer, trained: Trained, mlflow_uri: str, tmp_path: Path
) -> None:
    """On another machine the store is empty; the champion arrives there."""
    words = ("--tracking-uri", mlflow_uri, "--model-name", "shop", "--bundle-store", str(tmp_path))
    printed = _run(app, "promote", trained.result.model_version, *words)
    assert printed.exit_code == 0
    assert BundleStore(tmp_path).current() == tmp_path / trained.result.model_version


@pytest.mark.parametrize("words", [["models"], ["promote"], ["rollback"]])
def test_a_registry_that_is_not_there_is_not_made(
    app: typer.Typer, words: list[str], tmp_path: Path
) -> None:
    """A mistyped address is named and leaves no empty database behind."""
    with pytest.raises(NotFound, match=r"no .*mistyped\.db; `recsys train`"):
        _run(app, *words, "--tracking-uri", f"sqlite:///{tmp_path}/mistyped.db")
    assert list(tmp_path.iterdir()) == []


def test_no_models_yet_is_said_kindly(app: typer.Typer, trained: Trained, mlflow_uri: str) -> None:
    """Not as an error."""
    del trained  # Made the registry.
    printed = _run(app, "models", "--tracking-uri", mlflow_uri, "--model-name", "nothing yet")
    assert printed.exit_code == 0
    assert "recsys train" in printed.stdout
