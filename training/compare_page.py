"""A comparison as one HTML file: no script, no other files but the items' own pictures.

Every text is escaped and pictures come from http(s) addresses only; a policy in the page
forbids everything else, so a hostile title stays a title.
"""

from collections.abc import Iterator, Sequence
from html import escape
from urllib.parse import urlsplit

from training.compare import Comparison, Difference, SampledPair
from training.compare_style import STYLE
from training.samples import ItemFacts
from training.show_evaluation import verdict

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src http: https:"
_PLOT_WIDTH, _PLOT_ROW = 300, 26


def comparison_page(comparison: Comparison) -> str:
    """Render a comparison."""
    title = f"{comparison.second} against {comparison.first}"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
        *_header(comparison),
        "<main>",
        *_by_lists(comparison),
        *_all_metrics(comparison),
        *_settings(comparison),
        *_people(comparison),
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _header(comparison: Comparison) -> Iterator[str]:
    yield "<header><h1>Two models, the same people</h1><dl class='models'>"
    for letter, name, kind in (
        ("A", comparison.first, comparison.first_type),
        ("B", comparison.second, comparison.second_type),
    ):
        yield f"<div><dt>{letter}</dt><dd>{escape(name)} <small>{escape(kind)}</small></dd></div>"
    yield "</dl>"
    yield f"<p class='verdict'>{escape(verdict(comparison))}</p>"
    yield f"<p class='note'>Measured on {escape(comparison.measured_on)}</p></header>"


def _by_lists(comparison: Comparison) -> Iterator[str]:
    metric = comparison.primary.rpartition("/")[2]
    rows = [
        each
        for each in comparison.differences
        if each.metric == metric
        and each.low is not None
        and not each.lists.startswith("popularity")
    ]
    yield f"<section><h2>Where they differ: {escape(metric)}</h2>"
    yield (
        "<p class='note'>B minus A, with 95 % intervals: people are drawn again, each with both "
        "of her lists. p: how often exchanging the two lists of people at random differs as "
        "much. One of twenty true zeros looks certain by chance; the marked row decides.</p>"
    )
    yield "<div class='wide'><table><thead><tr>"
    for heading in ("Lists", "People", "A", "B", "B − A", "95 % interval", "p", ""):  # noqa: RUF001 - a minus sign
        yield f"<th scope='col'>{heading}</th>"
    yield "</tr></thead><tbody>"
    bound = max((abs(end) for row in rows for end in (row.low or 0, row.high or 0)), default=0)
    for row in rows:
        decides = " class='decides'" if row.name == comparison.primary else ""
        yield f"<tr{decides}>{_cells(row, row.lists or 'everybody')}<td>{_bar(row, bound)}</td></tr>"
    yield "</tbody></table></div>"
    for lists, reason in comparison.left_out.items():
        yield f"<p class='note'>Not compared: {escape(lists or 'everybody')} ({escape(reason)})</p>"
    yield "</section>"


def _cells(row: Difference, name: str) -> str:
    tested = row.low is not None and row.high is not None and row.p_value is not None
    interval = f"{row.low:+.4f} to {row.high:+.4f}" if tested else ""
    p_value = f"{row.p_value:.4f}" if tested else ""
    users = f"{row.users:,}" if row.users else ""
    numbers = (users, f"{row.first:.4f}", f"{row.second:.4f}", f"{row.difference:+.4f}")
    cells = "".join(f"<td class='number'>{text}</td>" for text in (*numbers, interval, p_value))
    return f"<th scope='row'>{escape(name)}</th>{cells}"


def _bar(row: Difference, bound: float) -> str:
    """Draw an interval around zero; the table says the same in numbers."""
    if bound <= 0 or row.low is None or row.high is None:
        return ""

    def at(value: float) -> float:
        return _PLOT_WIDTH / 2 + value / bound * (_PLOT_WIDTH / 2 - 6)

    certain = row.low > 0 or row.high < 0
    kind = ("gain" if row.low > 0 else "loss") if certain else "open"
    middle = _PLOT_ROW / 2
    return (
        f"<svg aria-hidden='true' width='{_PLOT_WIDTH}' height='{_PLOT_ROW}' class='{kind}'>"
        f"<line class='zero' x1='{at(0):.1f}' x2='{at(0):.1f}' y1='0' y2='{_PLOT_ROW}'/>"
        f"<line x1='{at(row.low):.1f}' x2='{at(row.high):.1f}' y1='{middle}' y2='{middle}'/>"
        f"<circle cx='{at(row.difference):.1f}' cy='{middle}' r='4.5'/></svg>"
    )


def _all_metrics(comparison: Comparison) -> Iterator[str]:
    yield "<section><details><summary>Every metric</summary><div class='wide'><table><thead><tr>"
    for heading in ("Metric", "People", "A", "B", "B − A", "95 % interval", "p"):  # noqa: RUF001 - as above
        yield f"<th scope='col'>{heading}</th>"
    yield "</tr></thead><tbody>"
    for row in comparison.differences:
        yield f"<tr>{_cells(row, row.name)}</tr>"
    yield "</tbody></table></div></details></section>"


def _settings(comparison: Comparison) -> Iterator[str]:
    if not comparison.settings:
        return
    yield "<section><h2>Settings that differ</h2><div class='wide'><table><thead><tr>"
    yield "<th scope='col'>Setting</th><th scope='col'>A</th><th scope='col'>B</th></tr></thead>"
    yield "<tbody>"
    for name, (first, second) in comparison.settings.items():
        yield f"<tr><th scope='row'>{escape(name)}</th>"
        yield f"<td>{escape(first)}</td><td>{escape(second)}</td></tr>"
    yield "</tbody></table></div></section>"


def _people(comparison: Comparison) -> Iterator[str]:
    if not comparison.people:
        return
    yield f"<section><h2>{len(comparison.people)} people</h2>"
    yield (
        "<p class='note'>Drawn by chance from those with something to be found. People are "
        "numbers of the data set. ✓ marks what she went on to buy; ◇ what only one model "
        "shows.</p>"
    )
    for pair in comparison.people:
        yield from _person(pair, comparison)
    yield "</section>"


def _person(pair: SampledPair, comparison: Comparison) -> Iterator[str]:
    person, bought = pair.first, set(pair.first.bought)
    found = [len(bought & set(each.shown)) for each in (pair.first, pair.second)]
    yield (
        f"<article><h3>Person {person.user}: {found[0]} right in A, {found[1]} in B, "
        f"of {len(bought)}</h3><div class='columns'>"
    )
    first, second = set(pair.first.shown), set(pair.second.shown)
    columns = (
        ("What she had, newest first", person.history, bought, None),
        ("A shows", pair.first.shown, bought, second),
        ("B shows", pair.second.shown, bought, first),
        ("What she bought then", person.bought, set[str](), None),
    )
    for heading, shown, right, others in columns:
        yield f"<div><h4>{heading}</h4>"
        yield from _items(shown, right, others, comparison.items)
        yield "</div>"
    yield "</div></article>"


def _items(
    shown: Sequence[str],
    right: set[str],
    others: set[str] | None,
    facts: dict[str, ItemFacts],
) -> Iterator[str]:
    if not shown:
        yield "<p class='note'>nothing</p>"
        return
    yield "<ol>"
    for item_id in shown:
        marks = ""
        if item_id in right:
            marks += "<span class='mark' role='img' aria-label='bought later'>✓</span>"
        if others is not None and item_id not in others:
            marks += "<span class='mark' role='img' aria-label='only here'>◇</span>"
        kind = " class='right'" if item_id in right else ""
        yield f"<li{kind}>{_item(item_id, facts.get(item_id, ItemFacts()))}{marks}</li>"
    yield "</ol>"


def _item(item_id: str, facts: ItemFacts) -> str:
    title = facts.title or item_id
    about = [facts.category or "", "" if facts.price is None else f"{facts.price:,.2f}"]
    if facts.title:
        about.append(item_id)
    small = " · ".join(text for text in about if text)
    return (
        f"{_picture(facts.image_url)}<span class='item'>{escape(title)}"
        f"<small>{escape(small)}</small></span>"
    )


def _picture(address: str | None) -> str:
    try:
        allowed = address is not None and urlsplit(address).scheme in ("http", "https")
    except ValueError:
        allowed = False
    if not allowed:
        return ""
    return f'<img src="{escape(address or "")}" alt="" loading="lazy" width="36" height="36">'
