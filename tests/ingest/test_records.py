"""A CSV file's bytes on their way to the parser: what is broken costs its own line."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.ingest import records
from training.ingest.records import Utf8Records


def read(data: bytes, *, separator: str = ",", encoding: str = "utf-8") -> tuple[str, list[str]]:
    """Return the text for the parser, and the broken lines."""
    broken: list[str] = []
    stream = Utf8Records(
        io.BytesIO(data), encoding=encoding, separator=separator, on_broken=broken.append
    )
    return stream.read().decode(), broken


HEAD = "a,b\n"
CASES = {
    "plain": ("1,2\n3,4\n", "1,2\n3,4\n", []),
    "no newline at the end": ("1,2", "1,2\n", []),
    "carriage returns": ("1,2\r\n3,4\r5,6\n", "1,2\n3,4\n5,6\n", []),
    "quoted": ('"1","2, 3"\n', '"1","2, 3"\n', []),
    "quoted quotes": ('"say ""hi""",2\n', '"say ""hi""",2\n', []),
    "a quote inside a field is a letter": ('17" screen,2\n1,2\n', '17" screen,2\n1,2\n', []),
    "over two lines": ('"x\ny",2\n1,2\n', '"x\ny",2\n1,2\n', []),
    "empty lines": ("\n1,2\n\n", "\n1,2\n\n", []),
    "never closed": ('1,"2\n3,4\n5,6\n', "3,4\n5,6\n", ['1,"2']),
    "never closed at the end": ('3,4\n1,"2', "3,4\n", ['1,"2']),
    "closed by another one's quote": ('1,"2\n3,4\n"5",6\n', '3,4\n"5",6\n', ['1,"2']),
    "two in a row": ('1,"2\n"3,4\n5,6\n', "5,6\n", ['1,"2', '"3,4']),
    "too few fields is the parser's business": ('"1"\n1,2\n', '"1"\n1,2\n', []),
}


@pytest.mark.parametrize("block_bytes", [1, 5, 1 << 20])
@pytest.mark.parametrize(("text", "kept", "broken"), CASES.values(), ids=CASES)
def test_broken_quotes_cost_their_line(
    monkeypatch: pytest.MonkeyPatch, text: str, kept: str, broken: list[str], block_bytes: int
) -> None:
    """However the file is cut into blocks."""
    monkeypatch.setattr(records, "_BLOCK_BYTES", block_bytes)
    assert read((HEAD + text).encode()) == (HEAD + kept, broken)


def test_a_line_without_end_costs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it is somewhere or at the end; its beginning is reported."""
    monkeypatch.setattr(records, "_BLOCK_BYTES", 16)
    monkeypatch.setattr(records, "LINE_BYTES_MAX", 40)
    text, broken = read((HEAD + "1,2\n" + "x" * 500 + ",y\n3,4\n" + "z" * 100).encode())
    assert text == HEAD + "1,2\n3,4\n"
    assert [line[0] for line in broken] == ["x", "z"]


def test_a_record_that_spans_too_much_is_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """An open quote can swallow no more than a bounded piece of a file."""
    monkeypatch.setattr(records, "RECORD_BYTES_MAX", 30)
    text, broken = read((HEAD + '1,"2\n' + "3,4\n" * 20 + '5,6"\n').encode())
    assert broken == ['1,"2']
    assert text == HEAD + "3,4\n" * 20 + '5,6"\n'


def test_any_encoding_becomes_utf_8() -> None:
    """What is no text in it is marked as lost."""
    assert read("a;b\nZoë;1\n".encode("latin-1"), separator=";", encoding="latin-1") == (
        "a;b\nZoë;1\n",
        [],
    )
    assert read(b"a,b\n\xff,1\n") == (f"a,b\n{records.LOST},1\n", [])


FIELD = st.text(st.sampled_from('ab,;"\n|é '), max_size=6)


@settings(deadline=None)
@given(
    rows=st.lists(st.lists(FIELD, min_size=3, max_size=3), min_size=1, max_size=8),
    separator=st.sampled_from(",;|"),
    block_bytes=st.integers(1, 40),
)
def test_what_a_proper_writer_wrote_passes_unchanged(
    rows: list[list[str]], separator: str, block_bytes: int
) -> None:
    """Quotes, separators and newlines inside fields included."""
    target = io.StringIO()
    writer = csv.writer(target, delimiter=separator, lineterminator="\n")
    writer.writerows([["x", "y", "z"], *rows])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "_BLOCK_BYTES", block_bytes)
        assert read(target.getvalue().encode(), separator=separator) == (target.getvalue(), [])
