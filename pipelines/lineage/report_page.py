"""The pieces of the report's HTML: page, cards, tables, bars. All text is escaped here.

The page is one file without scripts, fonts or pictures from elsewhere; it reads in light and dark, on paper
and with a screen reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"  # nothing from outside, no scripts
_CSS = """
:root{--ink:#1c2430;--soft:#5b6675;--line:#dde2e9;--back:#fbfbf9;--card:#fff;--kept:#1f7a5c;--lost:#c8742b;
--held:#8a94a3;--good:#1f7a5c;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa5b4;--line:#323a46;--back:#14181d;
--card:#1b2027;--kept:#4fb894;--lost:#e29a58;--held:#717c8b;--good:#4fb894;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:72rem;padding:2rem 1.25rem 4rem;background:var(--back);color:var(--ink);
font:15px/1.55 Pretendard,"Noto Sans KR","Apple SD Gothic Neo","Malgun Gothic",system-ui,sans-serif}
h1{font-size:1.9rem;margin:0;letter-spacing:-.02em}h2{font-size:1.2rem;margin:2.6rem 0 .7rem}
h3{font-size:1.02rem;margin:1.6rem 0 .4rem}p{margin:.3rem 0}a{color:inherit}
[lang=en]{color:var(--soft);font-weight:400;font-size:.86em}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.7rem;margin:1.4rem 0}
.card{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.75rem .9rem}
.card b{display:block;font-size:1.45rem;font-variant-numeric:tabular-nums;letter-spacing:-.01em}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;background:var(--card)}
th,td{padding:.38rem .6rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
thead th{font-size:.86rem;border-bottom:2px solid var(--line)}tbody th{font-weight:500}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.bar{display:flex;height:.65rem;min-width:7rem;border-radius:.35rem;overflow:hidden;background:var(--line);
margin:.35rem 0}.bar i{display:block;height:100%}
.kept{background:var(--kept)}.lost{background:var(--lost)}.held{background:var(--held)}
.good{color:var(--good);font-weight:600}.bad{color:var(--bad);font-weight:600}
code{font:.86em ui-monospace,SFMono-Regular,Menlo,monospace;word-break:break-all}
.key i{display:inline-block;width:.8rem;height:.65rem;border-radius:.2rem;margin:0 .3rem 0 .9rem}
nav{margin:.8rem 0;display:flex;flex-wrap:wrap;gap:.3rem 1rem}footer{margin-top:3rem;color:var(--soft)}
@media print{body{max-width:none;padding:0}h2{break-after:avoid}tr{break-inside:avoid}}
"""


@dataclass(frozen=True)
class Html:
    """Markup that is safe as it is."""

    markup: str


Cell = str | int | Html


def both(korean: str, english: str) -> Html:
    """A label in Korean with the English beside it."""
    if korean == english:
        return Html(escape(korean))
    return Html(f'{escape(korean)} <span lang="en">{escape(english)}</span>')


def code(text: str) -> Html:
    """A digest, name or path."""
    return Html(f"<code>{escape(text)}</code>")


def share(part: int, whole: int) -> str:
    """A share in percent with one digit; "-" of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


def bar(parts: Sequence[tuple[str, int, str]], *, whole: int) -> Html:
    """A bar of (class, size, label) parts, told in words to those who do not see it."""
    told = ", ".join(f"{label} {share(size, whole)}" for _, size, label in parts if size)
    pieces = "".join(
        f'<i class="{css}" style="width:{100 * size / whole:.3f}%"></i>'
        for css, size, _ in parts
        if size and whole
    )
    return Html(f'<div class="bar" role="img" aria-label="{escape(told or "-")}">{pieces}</div>')


def verdict(*, holds: bool) -> Html:
    """Whether a law holds, in colour and in words."""
    return Html(
        f'<span class="good">✓ {both("지켜짐", "holds").markup}</span>'
        if holds
        else f'<span class="bad">✗ {both("깨짐", "broken").markup}</span>'
    )


def cards(facts: Iterable[tuple[int | str, Html]]) -> str:
    """The large numbers at the top."""
    inner = "".join(f'<div class="card"><b>{_text(value)}</b>{label.markup}</div>' for value, label in facts)
    return f'<div class="cards">{inner}</div>'


def table(caption: str, heads: Sequence[Html], rows: Iterable[Sequence[Cell]]) -> str:
    """A table: numbers to the right, the first cell of each row its heading."""
    filled = [list(row) for row in rows]
    if not filled:
        return f"<p>{both('없음', 'none').markup}</p>"
    numeric = [isinstance(cell, int) for cell in filled[0]]
    head = "".join(
        f'<th scope="col"{_number(right)}>{cell.markup}</th>'
        for cell, right in zip(heads, numeric, strict=True)
    )
    body = []
    for first, *others in filled:
        cells = "".join(f"<td{_number(isinstance(cell, int))}>{_text(cell)}</td>" for cell in others)
        body.append(f'<tr><th scope="row">{_text(first)}</th>{cells}</tr>')
    return (
        f'<div class="wide"><table aria-label="{escape(caption)}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def section(name: str, title: Html, *content: str) -> str:
    """A part of the page, with a place to link to."""
    return f'<section id="{escape(name)}"><h2>{title.markup}</h2>{"".join(content)}</section>'


def page(title: str, *content: str) -> str:
    """The whole page."""
    return (
        '<!DOCTYPE html>\n<html lang="ko"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(title)}</title><style>{_CSS}</style></head>\n<body>"
        + "\n".join(content)
        + "</body></html>\n"
    )


def _number(right: bool) -> str:
    return ' class="n"' if right else ""


def _text(cell: Cell) -> str:
    if isinstance(cell, Html):
        return cell.markup
    return f"{cell:,}" if isinstance(cell, int) else escape(cell)
