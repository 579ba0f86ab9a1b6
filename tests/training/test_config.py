"""The training configuration: an empty one works, a wrong one names its key."""

import itertools
from pathlib import Path

import pytest

from recsys.errors import InvalidConfig
from training.config import TrainConfig, load_config, parse_config
from training.config_text import config_text


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    """Nothing needs to be written to start."""
    path = tmp_path / "model.toml"
    path.write_text("")
    assert load_config(path) == load_config(None) == TrainConfig()


def test_a_partly_written_section_keeps_the_other_defaults() -> None:
    """One key changes one key, also where the default differs from the bare struct's."""
    config = parse_config("[features]\nweight_max = 9.0\n[model]\nfactors = 8\n")
    defaults = TrainConfig()
    assert config.features.weight_max == 9.0
    assert config.features.half_life_days == defaults.features.half_life_days
    assert config.features.decay_min == defaults.features.decay_min
    assert config.model_type == "ials"


@pytest.mark.parametrize(
    "model",
    [
        "ials",
        "cooccurrence",
        "ordered",
        "ease",
        "als",
        "bpr",
        "cosine",
        "tfidf",
        "bm25",
        "popularity",
    ],
)
def test_the_printed_configuration_reads_back_as_itself(model: str) -> None:
    """`recsys train --print-config` is a configuration file."""
    config = parse_config(f"[model]\ntype = '{model}'")
    assert config.model_type == model
    assert parse_config(config_text(config)) == config


def test_committed_configurations_read_back_as_themselves(repo_root: Path) -> None:
    """Those behind the published figures, with their parts and tables."""
    paths = sorted((repo_root / "benchmarks" / "quality").glob("*.toml"))
    assert len(paths) >= 5
    for path in paths:
        config = load_config(path)
        assert parse_config(config_text(config)) == config, path


def test_the_printed_configuration_explains_every_key() -> None:
    """Each key of a section follows a comment; tables of weights explain themselves."""
    section = ""
    for before, text in itertools.pairwise(config_text(TrainConfig()).splitlines()):
        section = text if text.startswith("[") else section
        if " = " in text and not text.startswith("#") and "." not in section:
            assert before.startswith("#"), text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("extra = 1", "extra", id="unknown section"),
        pytest.param("[model]\nfactor = 8", "factor", id="unknown key"),
        pytest.param("[model]\ntype = 'svd'", "svd", id="unknown model"),
        pytest.param("[model]\nfactors = 0", "factors is 0", id="no factors"),
        pytest.param("[model]\nfactors = 'many'", "$.model.factors", id="wrong type"),
        pytest.param("[model]\nalpha = nan", "alpha is nan", id="not a number"),
        pytest.param("[model]\npopularity_weight = -1", "popularity_weight", id="negative weight"),
        pytest.param("[model]\ntype = 'bm25'\nb = 2", "b is 2", id="share above one"),
        pytest.param("[features.event_weights]\nbuy = 1", "buy", id="unknown event type"),
        pytest.param("[features.channel_weights]\nweb = -1", "web", id="negative channel"),
        pytest.param("[features]\ndecay_min = 2", "decay_min is 2", id="growing decay"),
        pytest.param("[filter]\nitem_users_min = -1", "item_users_min", id="filter below zero"),
        pytest.param("[split]\ntest_days = 0", "test_days", id="no test"),
        pytest.param("[split]\ncut_time = 2020-01-01T00:00:00", "time zone", id="naive time"),
        pytest.param("[evaluate]\nk = [20, 10]", "ascending", id="k falls"),
        pytest.param("[evaluate]\nprimary_k = 7", "primary_k is 7", id="primary k not measured"),
        pytest.param("[evaluate]\nprimary_metric = 'auc'", "auc", id="unknown metric"),
        pytest.param("[gate]\nloss_to_champion_max = 2", "loss_to_champion_max", id="gate"),
        pytest.param("[model", "TOML", id="no TOML"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_key(text: str, told: str) -> None:
    """The error says which key and what is allowed."""
    with pytest.raises(InvalidConfig) as caught:
        parse_config(text, source="model.toml")
    assert "model.toml" in str(caught.value)
    if told != "TOML":
        assert told in str(caught.value)


def test_a_missing_file_is_a_configuration_error(tmp_path: Path) -> None:
    """It does not silently train with the defaults."""
    with pytest.raises(InvalidConfig, match=r"absent\.toml"):
        load_config(tmp_path / "absent.toml")
