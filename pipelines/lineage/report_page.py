"""The pieces of the reports' HTML: page, cards, tables, bars. All text is escaped here.

A page is one file with nothing from elsewhere. Its policy names the digests of its own style and script: no
other can run, whatever a name from a drop says. It reads in light and dark, on paper, with a keyboard and a
screen reader; which language is seen is chosen by three radio buttons, without a script.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib import resources

_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; style-src {style}; script-src {script}"
_SWITCH = (
    '<fieldset class="switch"><legend class="unseen"><span lang="ko">언어</span> '
    '<span lang="en">Language</span></legend>'
    '<label lang="ko"><input type="radio" name="lang" id="lang-ko">한국어</label>'
    '<label lang="en"><input type="radio" name="lang" id="lang-en">English</label>'
    '<label lang="ko"><input type="radio" name="lang" id="lang-both" checked>한·En</label></fieldset>'
)
_SKIP = (
    '<a class="skip" href="#main"><span lang="ko">본문으로</span> <span lang="en">Skip to content</span></a>'
)
# Controls, and what turns the direction of writing: a name must not show as another one.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


@dataclass(frozen=True)
class Html:
    """Markup that is safe as it is."""

    markup: str


@dataclass(frozen=True)
class Heat:
    """A number in a matrix, the darker the nearer it is to `most`."""

    count: int
    most: int


Cell = str | int | Html | Heat


def escaped(text: str) -> str:
    """Text as markup; characters that do not show are written out by their numbers."""
    return escape(_UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def both(korean: str, english: str) -> Html:
    """A label in Korean and English, of which the reader sees one or both."""
    if korean == english:
        return Html(escaped(korean))
    return Html(f'<span lang="ko">{escaped(korean)}</span> <span lang="en">{escaped(english)}</span>')


def english(text: str) -> Html:
    """What is there in English only, seen whatever the language."""
    return Html(f'<div lang="en">{escaped(text)}</div>')


def code(text: str) -> Html:
    """A digest, name or path."""
    return Html(f"<code>{escaped(text)}</code>")


def day(iso: str) -> Html:
    """A date, not to be broken."""
    return Html(f"<time>{escaped(iso)}</time>")


def share(part: int, whole: int) -> str:
    """A share in percent with one digit; "-" of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


def bar(parts: Sequence[tuple[str, int, str]], *, whole: int) -> Html:
    """A bar of (class, size, label) parts, told in words to those who do not see it."""
    told = ", ".join(f"{label} {share(size, whole)}" for _, size, label in parts if size)
    pieces, at = [], 0
    for css, size, _ in parts:
        if size and whole:
            left, wide = 1000 * at / whole, 1000 * size / whole
            pieces.append(f'<rect class="{css}" x="{left:.2f}" width="{wide:.2f}" height="10"/>')
        at += size
    return Html(
        '<svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" '
        f'aria-label="{escaped(told or "-")}">{"".join(pieces)}</svg>'
    )


def measure(css: str, part: int, whole: int, *, full: int | None = None, label: str = "") -> Html:
    """A share as a bar and in percent; the bar is full at `full`, else at the whole."""
    drawn = bar([(css, part, label)], whole=whole if full is None else full)
    return Html(f'<span class="measure">{drawn.markup}{share(part, whole)}</span>')


def verdict(*, holds: bool) -> Html:
    """Whether a law holds, in colour and in words."""
    return Html(
        f'<span class="good">✓ {both("지켜짐", "holds").markup}</span>'
        if holds
        else f'<span class="bad">✗ {both("깨짐", "broken").markup}</span>'
    )


def figure(name: str, title: Html, picture: Html) -> str:
    """A drawing that may be wider than the page, under the title by whose id it is named."""
    return (
        f'<figure><figcaption id="{name}">{title.markup}</figcaption>'
        f'<div class="drawn" tabindex="0">{picture.markup}</div></figure>'
    )


def cards(facts: Iterable[tuple[int | str, Html]]) -> str:
    """The large numbers at the top."""
    inner = "".join(f'<div class="card"><b>{_text(value)}</b>{label.markup}</div>' for value, label in facts)
    return f'<div class="cards">{inner}</div>'


def table(
    caption: str | Html, heads: Sequence[Html], rows: Iterable[Sequence[Cell]], *, total: bool = False
) -> str:
    """A table: numbers to the right, the first cell of each row its heading; `total`: the last row is a sum.

    A caption that is a plain string is heard and not seen.
    """
    filled = [list(row) for row in rows]
    if not filled:
        return f"<p>{both('없음', 'none').markup}</p>"
    numeric = [isinstance(cell, int | Heat) for cell in filled[0]]
    head = "".join(
        f'<th scope="col"{_class("n" if right else "")}>{cell.markup}</th>'
        for cell, right in zip(heads, numeric, strict=True)
    )
    body = []
    for first, *others in filled:
        cells = "".join(f"<td{_css(cell)}>{_text(cell)}</td>" for cell in others)
        body.append(f'<tr><th scope="row"{_css(first)}>{_text(first)}</th>{cells}</tr>')
    foot = f"<tfoot>{body.pop()}</tfoot>" if total else ""
    name = caption.markup if isinstance(caption, Html) else f'<b lang="en">{escaped(caption)}</b>'
    seen = "" if isinstance(caption, Html) else ' class="unseen"'
    return (
        f'<div class="wide" tabindex="0"><table><caption{seen}>{name}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody>{foot}</table></div>"
    )


def section(name: str, title: Html, *content: str) -> str:
    """A part of the page, with a place to link to."""
    return f'<section id="{escaped(name)}"><h2>{title.markup}</h2>{"".join(content)}</section>'


def page(
    title: str,
    *content: str,
    css: str = "",
    script: str = "",
    contents: Sequence[tuple[str, Html]] = (),
) -> str:
    """The whole page; `contents` are the names and titles of its sections to jump to."""
    style = _asset("report.css") + css
    policy = _POLICY.format(style=_source(style), script=_source(script) if script else "'none'")
    links = "".join(f'<li><a href="#{escaped(name)}">{told.markup}</a></li>' for name, told in contents)
    jump = f"<ol>{links}</ol>" if links else ""
    return (
        '<!DOCTYPE html>\n<html lang="ko"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escaped(title)}</title><style>{style}</style></head>\n"
        f"<body{_class('told' if links else '')}>{_SKIP}"
        f'<nav class="top" aria-label="목차 Contents">{_SWITCH}{jump}</nav>\n<main id="main">'
        + "\n".join(content)
        + "</main>"
        + (f"<script>{script}</script>" if script else "")
        + "</body></html>\n"
    )


def report_script() -> str:
    """The script of the build's report: search, and the page's language as the reader chose it."""
    return _asset("report.js")


@cache
def _asset(name: str) -> str:
    return resources.files("pipelines.lineage").joinpath(name).read_text(encoding="utf-8")


def _source(inline: str) -> str:
    """The policy's word for one inline style or script: its SHA-256."""
    return f"'sha256-{b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'"


def _css(cell: Cell) -> str:
    if isinstance(cell, Heat):
        return _class(f"n heat{-(-5 * cell.count // max(cell.most, 1))}" if cell.count else "n zero")
    return _class("n" if isinstance(cell, int) else "")


def _class(names: str) -> str:
    return f' class="{names}"' if names else ""


def _text(cell: Cell) -> str:
    if isinstance(cell, Html):
        return cell.markup
    if isinstance(cell, Heat):
        return f"{cell.count:,}" if cell.count else "·"
    return f"{cell:,}" if isinstance(cell, int) else escaped(cell)
