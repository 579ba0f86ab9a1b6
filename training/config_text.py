"""A configuration as TOML with every key explained, from the docstrings of `training.config`."""

import datetime as dt
import enum
import inspect
import re
import textwrap
import typing
from typing import Any

import msgspec

from training.config import TrainConfig
from training.models import ModelConfig

_WIDTH = 88
_ATTRIBUTE = re.compile(r"^(\w+): (.*)$")
_TOML_ABSENT = "not set"
_MODEL_TYPES = " or ".join(kind.__struct_config__.tag for kind in typing.get_args(ModelConfig))


def config_text(config: TrainConfig) -> str:
    """Render a configuration; `training.config.parse_config` reads it back."""
    parts = []
    for section in config.__struct_fields__:
        struct = getattr(config, section)
        parts.append("\n".join(_section(section, struct)))
    return "\n\n".join(parts) + "\n"


def brief_text(config: TrainConfig) -> str:
    """Render only what differs from the defaults, without explanations."""
    parts = []
    for section in config.__struct_fields__:
        struct = getattr(config, section)
        lines = _brief_section(section, struct, usual=getattr(TrainConfig(), section))
        if lines:
            parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _brief_section(
    name: str, struct: msgspec.Struct, *, usual: msgspec.Struct, header: str = "[{}]"
) -> list[str]:
    tag = struct.__struct_config__.tag
    lines = [] if tag is None else [f'type = "{tag}"']
    tables: list[str] = []
    for key in struct.__struct_fields__:
        value = getattr(struct, key)
        if value is None or (hasattr(usual, key) and value == getattr(usual, key)):
            continue
        if isinstance(value, dict):
            tables += [
                "",
                f"[{name}.{key}]",
                *(f"{_toml(k)} = {_toml(v)}" for k, v in value.items()),
            ]
        elif value and isinstance(value, tuple) and isinstance(value[0], msgspec.Struct):
            for part in value:
                tables += [
                    "",
                    *_brief_section(f"{name}.{key}", part, usual=type(part)(), header="[[{}]]"),
                ]
        else:
            lines.append(f"{key} = {_toml(value)}")
    return [header.format(name), *lines, *tables] if lines or tables else []


def _section(name: str, struct: msgspec.Struct, *, header: str = "[{}]") -> list[str]:
    summary, attributes = _explained(type(struct))
    lines = [*_comment(summary), header.format(name)]
    tag = struct.__struct_config__.tag
    if tag is not None:
        lines += [*_comment(_MODEL_TYPES), f'type = "{tag}"']
    tables = []
    for key in struct.__struct_fields__:
        value = getattr(struct, key)
        lines += _comment(attributes.get(key, ""))
        if isinstance(value, dict):
            # A table inside the section must come after its plain keys.
            tables += [
                "",
                f"[{name}.{key}]",
                *(f"{_toml(k)} = {_toml(v)}" for k, v in value.items()),
            ]
            lines.append(f"# see [{name}.{key}] below")
        elif value and isinstance(value, tuple) and isinstance(value[0], msgspec.Struct):
            for part in value:
                tables += ["", *_section(f"{name}.{key}", part, header="[[{}]]")]
            lines.append(f"# see [[{name}.{key}]] below")
        elif value is None:
            lines.append(f"# {key} = ...  ({_TOML_ABSENT})")
        else:
            lines.append(f"{key} = {_toml(value)}")
    return lines + tables


def _explained(struct: type[msgspec.Struct]) -> tuple[str, dict[str, str]]:
    """Return the summary and the text of each attribute of a Google-style docstring."""
    summary, _, rest = inspect.cleandoc(struct.__doc__ or "").partition("\n\nAttributes:\n")
    attributes: dict[str, str] = {}
    key = ""
    for line in textwrap.dedent(rest).splitlines():
        if match := _ATTRIBUTE.match(line):
            key = match.group(1)
            attributes[key] = match.group(2)
        elif key:
            attributes[key] += f" {line.strip()}"
    return " ".join(summary.split()), attributes


def _comment(text: str) -> list[str]:
    plain = text.replace("`", "")
    return [f"# {line}" for line in textwrap.wrap(plain, _WIDTH)]


def _toml(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case enum.Enum():
            return f'"{value.value}"'
        case str():
            return f'"{value}"'
        case dt.datetime():
            return value.isoformat()
        case tuple() | list():
            return f"[{', '.join(_toml(part) for part in value)}]"
        case _:
            return repr(value)
