"""Options that take numbers, amounts and moments, with such as make no sense."""

import pytest
import typer
from typer.testing import CliRunner

from recsys.commands import ask, catalog, events, export, offers, segment, triggers

app = typer.Typer(rich_markup_mode=None)
for commands in (ask, catalog, events, export, offers, segment, triggers):
    commands.register(app)

HUGE = "99999999999999999999999"
NO_SECONDS = ("nan", "inf", "-inf", "-1", "0", "1e30")
OPTIONS = {
    "triggers watch me --lease": (*NO_SECONDS, "3601"),
    "triggers watch me --count": ("-1", HUGE),
    "offers reserve r free --hold": (*NO_SECONDS, "604801"),
    "offers reserve r free --cost": ("nanEUR", "infEUR", "-1EUR", "1e999999EUR", "EUR", "xEUR"),
    "offers commit r --cost": ("nanEUR", "1e9999999999EUR"),
    "offers recommend --count": ("-1", "0", "101", HUGE),
    "recommend --count": ("-1", "0", "101", HUGE),
    "locate item --count": ("-1", "0", "101", HUGE),
    "segment size --sample-size": ("-1", "0", "20001", HUGE),
    "audience item --count": ("-1", "0", "100001", HUGE),
    "export --out never --holdout": ("nan", "inf", "-0.1", "1.1"),
    "export --out never --patience": ("nan", "-1"),
    "export --out never --rows-per-part": ("0", "-1"),
    "export --out never --offer-count": ("0", "101", HUGE),
    "export --out never --count": ("0", "101", HUGE),
    "export --out never --as-of": ("999999d", "0001-01-01T00:00+14:00", "yesterday"),
    "export --out never --send-time": ("9999-12-31T23:59:59-14:00",),
    "catalog import none.csv --patience": ("nan", "-1"),
    "catalog list --count": ("0", "-1"),
    "events import none.csv --patience": ("nan", "-1"),
}


@pytest.mark.parametrize("words", OPTIONS)
def test_values_out_of_bounds_are_refused_by_the_name_of_their_option(words: str) -> None:
    """Before any server is asked; as a wrong use, and in words."""
    for value in OPTIONS[words]:
        found = CliRunner().invoke(app, [*words.split(), value, "--target", "127.0.0.1:9"])
        assert found.exit_code == 2, (value, found.exception)
        assert f"Invalid value for {words.rsplit(maxsplit=1)[-1]}" in found.output.replace(
            "'", ""
        ), value
