"""A flow as inline SVG (a Sankey diagram): nodes in columns, links as wide as what goes along them.

Where everything lies is computed from the values and the order given, so the same counts give the same bytes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.lineage.report_page import Html, escaped

_TALL = 300.0  # units, of the largest column's values
_GAP = 7.0  # between two nodes of a column
_LINE = 16.0  # units a node with its label beside it takes at least
_THICK = 11.0  # of a node, across
_LEAST = 1.2  # units of a link that carries anything at all
_TOP, _HEADED, _LANE = 10.0, 52.0, 18.0  # above the nodes, without and with labels there


@dataclass(frozen=True)
class Node:
    """A place in a column. Of lane 1 are those below: what left. `side` is where the label stands."""

    name: str
    label: tuple[str, str]  # Korean, English
    column: int
    side: str = "right"  # left, right, above, below
    css: str = "kept"
    lane: int = 0


@dataclass(frozen=True)
class Link:
    """What goes from one node to another; links leave and arrive in the order given."""

    source: str
    target: str
    value: int
    css: str = ""
    told: str = ""  # of whom, for the tooltip


@dataclass(frozen=True)
class Placed:
    """A node with its upper left corner, its height and what goes through it."""

    node: Node
    x: float
    y: float
    height: float
    value: int


def flow(
    nodes: Sequence[Node],
    links: Sequence[Link],
    *,
    captioned: str,
    told: str,
    wide: float,
    margins: tuple[float, float],
    small: bool = False,
) -> Html:
    """The drawing. `captioned` is the id of the element that names it, `told` describes it in both languages.

    A link's title and data-value say what it carries; nodes without anything are left out.
    """
    carried = [link for link in links if link.value > 0]
    values = _values(nodes, carried)
    scale = _TALL / max((_columns(nodes, values) or {0: 1}).values())
    placed = _place([node for node in nodes if values[node.name]], values, scale, wide, margins)
    tall = max((one.y + one.height for one in placed.values()), default=_TOP) + 40
    drawn = [*_ribbons(placed, carried, scale), *map(_box, placed.values())]
    css = ' class="small"' if small else ""
    return Html(
        f'<svg{css} viewBox="0 0 {wide:.0f} {tall:.0f}" role="img" aria-labelledby="{captioned}">'
        f"<desc>{escaped(told)}</desc>{''.join(drawn)}</svg>"
    )


def _values(nodes: Sequence[Node], links: Sequence[Link]) -> dict[str, int]:
    into, out = dict.fromkeys((n.name for n in nodes), 0), dict.fromkeys((n.name for n in nodes), 0)
    for link in links:
        out[link.source] += link.value
        into[link.target] += link.value
    return {name: max(into[name], out[name]) for name in into}


def _columns(nodes: Sequence[Node], values: dict[str, int]) -> dict[int, int]:
    """What goes through each column of lane 0; only those through which something goes."""
    found: dict[int, int] = defaultdict(int)
    for node in nodes:
        if node.lane == 0:
            found[node.column] += values[node.name]
    return {column: value for column, value in found.items() if value}


def _place(
    nodes: Sequence[Node],
    values: dict[str, int],
    scale: float,
    wide: float,
    margins: tuple[float, float],
) -> dict[str, Placed]:
    left, right = margins
    top = _HEADED if any(node.side == "above" for node in nodes) else _TOP
    last = max((node.column for node in nodes), default=0)
    step = (wide - left - right - _THICK) / max(last, 1)
    below: dict[tuple[int, int], float] = {}
    placed: dict[str, Placed] = {}
    for lane in (0, 1):
        for node in (one for one in nodes if one.lane == lane):
            above = below.get((0, node.column), top) + _LANE if lane else top
            y = below.get((lane, node.column), above)
            height = max(values[node.name] * scale, _LEAST)
            placed[node.name] = Placed(node, left + step * node.column, y, height, values[node.name])
            beside = node.side in ("left", "right")
            below[lane, node.column] = y + max(height, _LINE if beside else 0.0) + _GAP
    return placed


def _ribbons(placed: dict[str, Placed], links: Sequence[Link], scale: float) -> list[str]:
    """Each link from where its source has got to, down its right side, to where its target has got to."""
    leaves: dict[str, float] = defaultdict(float)
    comes: dict[str, float] = defaultdict(float)
    drawn = []
    for link in links:
        source, target = placed[link.source], placed[link.target]
        thick = link.value * scale
        x0, x1 = source.x + _THICK, target.x
        y0, y1 = source.y + leaves[link.source], target.y + comes[link.target]
        leaves[link.source] += thick
        comes[link.target] += thick
        seen = max(thick, _LEAST)
        middle = (x0 + x1) / 2
        path = (
            f"M{x0:.1f},{y0:.1f}C{middle:.1f},{y0:.1f} {middle:.1f},{y1:.1f} {x1:.1f},{y1:.1f}"
            f"v{seen:.2f}C{middle:.1f},{y1 + seen:.1f} {middle:.1f},{y0 + seen:.1f} {x0:.1f},{y0 + seen:.1f}z"
        )
        whose = f"{link.told}: " if link.told else ""
        names = [" ".join(dict.fromkeys(p.node.label)) for p in (source, target)]
        title = f"{whose}{names[0]} → {names[1]}: {link.value:,}"
        drawn.append(
            f'<path class="link{" " + link.css if link.css else ""}" data-value="{link.value}" d="{path}">'
            f"<title>{escaped(title)}</title></path>"
        )
    return drawn


def _box(one: Placed) -> str:
    middle, right = one.y + one.height / 2 + 4.5, one.x + _THICK + 6
    centre = one.x + _THICK / 2
    at = {
        "left": (one.x - 6, middle, "end"),
        "right": (right, middle, "start"),
        "above": (centre, one.y - 21, "middle"),
        "below": (centre, one.y + one.height + 15, "middle"),
    }
    x, y, anchor = at[one.node.side]
    count = f'<tspan class="count">{one.value:,}</tspan>'
    rect = (
        f'<rect class="{one.node.css}" x="{one.x:.1f}" y="{one.y:.1f}" width="{_THICK:.0f}" '
        f'height="{one.height:.2f}"/>'
    )
    if one.node.side in ("left", "right"):
        return rect + label(x, y, one.node.label, anchor, css="side", after=f" {count}")
    if one.node.side == "below":
        return rect + f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">−{one.value:,}</text>'
    number = f'<text x="{x:.1f}" y="{y + 15:.1f}" text-anchor="middle">{count}</text>'
    return rect + label(x, y, one.node.label, anchor) + number


def label(
    x: float, y: float, words: tuple[str, str], anchor: str = "start", *, css: str = "", after: str = ""
) -> str:
    """A label in each language at one place; where both are seen, the page moves the English one up.

    One with the class "side" has no room above it: there the Korean one is seen alone.
    """
    korean, english = words
    name = f'class="{css}" ' if css else ""
    if korean == english:
        return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escaped(korean)}{after}</text>'
    at = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return (
        f'<text {name}lang="ko" {at}>{escaped(korean)}{after}</text>'
        f'<text {name}lang="en" {at}>{escaped(english)}{after}</text>'
    )
