"""One file and the environment, checked once, errors that name the key."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import InvalidConfig
from recsys.serving.config import MetricsConfig, ServerConfig, ServingConfig


def test_the_defaults_survive_being_printed() -> None:
    """What `--print-config` prints is a configuration file."""
    defaults = ServingConfig.parse(environ={})
    assert ServingConfig.parse(defaults.to_toml(), environ={}) == defaults


@given(
    host=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    grace_seconds=st.floats(0, 3600),
    port=st.integers(0, 65535),
    enabled=st.booleans(),
    placements=st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5),
)
def test_any_configuration_survives_being_printed(
    host: str, grace_seconds: float, port: int, *, enabled: bool, placements: list[str]
) -> None:
    """Quotes, backslashes, control characters and all."""
    config = ServingConfig(
        server=ServerConfig(host=host, port=port, grace_seconds=grace_seconds),
        metrics=MetricsConfig(enabled=enabled, placements=tuple(placements)),
    )
    assert ServingConfig.parse(config.to_toml(), environ={}) == config


def test_every_key_is_printed_with_its_description() -> None:
    """`--print-config` is the reference."""
    lines = ServingConfig.parse(environ={}).to_toml().splitlines()
    for line, above in zip(lines[1:], lines, strict=False):
        if " = " in line and not line.startswith("#"):
            assert above.startswith("# "), line


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[server]\nport = 70000", "server.port: expected `int` <= 65535"),
        ("[server]\nport = '1'", "server.port: expected `int`, got `str`"),
        ("[server]\nprot = 1", "server.prot: no such key"),
        ("[sever]\nport = 1", "sever: no such key"),
        ("[server]\nworkers = 0", "server.workers: expected `int` >= 1"),
        ("[server]\ngrace_seconds = nan", "server.grace_seconds"),
        ("[log]\nlevel = 'loud'", "log.level: invalid enum value 'loud'"),
        ("[server", "end of document"),
    ],
)
def test_a_wrong_file_is_refused_with_the_key(text: str, key: str) -> None:
    """The operator learns where to look."""
    with pytest.raises(InvalidConfig) as caught:
        ServingConfig.parse(text, source="recsys.toml", environ={})
    assert key in str(caught.value)
    assert str(caught.value).startswith("recsys.toml: ")


def test_the_environment_wins_over_the_file() -> None:
    """Text of the environment becomes the type of its key."""
    config = ServingConfig.parse(
        "[server]\nport = 1\nworkers = 3",
        environ={
            "RECSYS_SERVER__PORT": "2",
            "RECSYS_METRICS__ENABLED": "false",
            "RECSYS_METRICS__PLACEMENTS": "home,cart",
            "RECSYS_SERVER__GRACE_SECONDS": "1.5",
            "RECSYS_IDENTITY__LIMITS": "loyalty_card=1, email_sha256=3",
            "RECSYS_IDENTITY__DEVICES": "",
            "RECSYS_DATA_DIR": "no key of ours",
            "PATH": "/bin",
        },
    )
    assert (config.server.port, config.server.workers, config.server.grace_seconds) == (2, 3, 1.5)
    assert config.metrics.enabled is False
    assert config.metrics.placements == ("home", "cart")
    assert config.identity.limits == {"loyalty_card": 1, "email_sha256": 3}
    assert config.identity.devices == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RECSYS_SERVER__PROT", "1"),
        ("RECSYS_PARSE__PORT", "1"),
        ("RECSYS_SERVER__PORT", "many"),
        ("RECSYS_SERVER__PORT", "70000"),
        ("RECSYS_LOG__LEVEL", "loud"),
        ("RECSYS_IDENTITY__DEVICES", "account"),
        ("RECSYS_IDENTITY__LIMITS", "loyalty_card=99"),
        ("RECSYS_IDENTITY__LIMITS", "loyalty_card"),
        ("RECSYS_IDENTITY__CONFIDENCE_MIN", "nan"),
    ],
)
def test_a_wrong_variable_is_refused_by_name(name: str, value: str) -> None:
    """Typing errors in deployments do not pass silently."""
    with pytest.raises(InvalidConfig, match=name):
        ServingConfig.parse(environ={name: value})


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """The path is in the message."""
    path = tmp_path / "none.toml"
    with pytest.raises(InvalidConfig, match=r"none\.toml"):
        ServingConfig.load(path, environ={})


def test_configurations_are_frozen() -> None:
    """Nothing changes after the start."""
    with pytest.raises(AttributeError):
        ServingConfig.load(None, environ={}).server.port = 1


def test_a_configuration_travels_to_children_as_json() -> None:
    """The supervisor hands its configuration on; nothing is lost."""
    config = ServingConfig.parse("[server]\nport = 0", environ={})
    assert msgspec.json.decode(msgspec.json.encode(config), type=ServingConfig) == config
