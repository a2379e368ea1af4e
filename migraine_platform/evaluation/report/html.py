"""Parts of a page: sections, tables, figures; every text that goes in is escaped.

Belongs here: markup that several reports share. Does not: what they say.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from migraine_platform.evaluation.report.style import CSS

MARKS = {
    "better": ("well", "✓"), "passed": ("well", "✓"), "agreed": ("well", "✓"),
    "not told apart": ("dim", "·"), "not known": ("dim", "·"),
    "worse": ("failed", "✕"), "not passed": ("failed", "✕"),
}  # fmt: skip
"""Word -> its colour's name and its sign."""


class Drawn(NamedTuple):
    """A figure: its title, the picture, what it shows in words, and how to read it."""

    title: str
    png: bytes
    alt: str
    caption: str


class Cell(NamedTuple):
    """A value with small text below it."""

    text: str
    small: str = ""


def document(title: str, body: str) -> str:
    """A whole page that needs no network."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>{CSS}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def header(kind: str, title: str, body: str) -> str:
    """The head of a page.

    Args:
        kind: `well`, `look`, `failed` or nothing: its colour.
        body: markup.
    """
    return f'<header class="{escape(kind)}"><h1>{escape(title)}</h1>{body}</header>\n'


def section(name: str, title: str, body: str) -> str:
    """A part of the page under its heading; `name` is its anchor."""
    return f'<section id="{escape(name)}"><h2>{escape(title)}</h2>{body}</section>\n'


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of plain text."""
    return f'<p class="{escape(kind)}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def heading(text: str) -> str:
    """A heading within a section."""
    return f"<h3>{escape(text)}</h3>"


def mark(word: str) -> str:
    """A verdict with its sign, coloured."""
    kind, sign = MARKS.get(word, ("dim", "·"))
    return f'<span class="mark {kind}">{sign} {escape(word)}</span>'


def bullets(texts: Iterable[str]) -> str:
    """A list of plain texts."""
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>"


def pairs(rows: Iterable[tuple[str, str]]) -> str:
    """A list of names with what belongs to them, both plain texts."""
    found = (
        f'<li><div class="row"><b>{escape(name)}</b><span>{escape(value)}</span></div></li>' for name, value in rows
    )
    return f"<ul>{''.join(found)}</ul>"


def folded(summary: str, body: str) -> str:
    """Markup that opens on demand."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"


def table(
    label: str, columns: Sequence[str | Cell], rows: Iterable[tuple[bool, Sequence[str | Cell]]], words: bool = False
) -> str:
    """A table in a box of its own that scrolls sideways.

    Args:
        label: what it holds, for readers who do not see it.
        rows: whether the row stands out, and its cells; a cell may be markup made by `mark`.
        words: the cells are text rather than numbers.
    """
    head = "".join(f'<th scope="col">{_cell(column)}</th>' for column in columns)
    lines = []
    for ours, (first, *others) in rows:
        cells = "".join(f"<td>{_cell(cell)}</td>" for cell in others)
        kind = ' class="ours"' if ours else ""
        lines.append(f'<tr{kind}><th scope="row">{_cell(first)}</th>{cells}</tr>')
    kind = ' class="words"' if words else ""
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{escape(label)}"><table{kind}>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _cell(cell: str | Cell) -> str:
    text, small = cell if isinstance(cell, Cell) else (cell, "")
    shown = text if text.startswith('<span class="mark') else escape(text)
    return f"{shown}<small>{escape(small)}</small>" if small else shown


def figures(drawn: Iterable[Drawn | None], otherwise: str) -> str:
    """Figures beside each other where there is room; a sentence if there is none."""
    shown = [_figure(one) for one in drawn if one is not None]
    return f'<div class="figures">{"".join(shown)}</div>' if shown else paragraph(otherwise)


def _figure(drawn: Drawn) -> str:
    data = base64.b64encode(drawn.png).decode()
    return (
        f'<figure><img alt="{escape(drawn.alt)}" src="data:image/png;base64,{data}">'
        f"<figcaption><b>{escape(drawn.title)}.</b> {escape(drawn.caption)}</figcaption></figure>"
    )
