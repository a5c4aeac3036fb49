"""Small plots as inline SVG: one line over the drops of a partner, the newest marked; bars of a histogram."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipelines.lineage.report_page import Html, escaped

_WIDTH, _HEIGHT = 340, 132
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 12, 24
_TALL, _BASE = _HEIGHT - _TOP - _BOTTOM, _HEIGHT - _BOTTOM


def line(label: str, points: Sequence[tuple[str, float]], *, shown: Callable[[float], str]) -> Html:
    """Values by day (ISO), in the order given, from 0 on; told in words to those who do not see it."""
    top = max((value for _, value in points), default=0.0) or 1.0
    step = (_WIDTH - _LEFT - _RIGHT) / max(len(points) - 1, 1)
    places = [(_LEFT + step * i, _TOP + _TALL * (1 - value / top)) for i, (_, value) in enumerate(points)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>' for x, y in places[:-1])
    newest = "".join(f'<circle class="new" cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in places[-1:])
    told = [(day, shown(value)) for day, value in points]
    return _plot(label, told, (shown(0), shown(top)), f'<polyline points="{path}"/>{dots}{newest}')


def bars(label: str, counts: Sequence[tuple[str, int]]) -> Html:
    """A histogram: (name of the bin, count), in the order given; first and last bin are named."""
    top = max((count for _, count in counts), default=0) or 1
    wide = (_WIDTH - _LEFT - _RIGHT) / max(len(counts), 1)
    rects = "".join(
        f'<rect x="{_LEFT + wide * i + 1:.1f}" y="{_BASE - _TALL * count / top:.1f}" '
        f'width="{max(wide - 2, 1):.1f}" height="{_TALL * count / top:.1f}"/>'
        for i, (_, count) in enumerate(counts)
    )
    told = [(name, f"{count:,}") for name, count in counts]
    return _plot(label, told, ("0", f"{top:,}"), rects)


def _plot(label: str, told: Sequence[tuple[str, str]], ends: tuple[str, str], inside: str) -> Html:
    """Axes, the least and the largest value beside them, the first and the last name below, all in words."""
    least, largest = ends
    named = [(_LEFT, "start", told[0][0]), (_WIDTH - _RIGHT, "end", told[-1][0])] if told else []
    words = "".join(
        f'<text x="{x}" y="{_BASE + 16}" text-anchor="{anchor}">{escaped(name)}</text>'
        for x, anchor, name in named
    )
    said = ", ".join(f"{name}: {value}" for name, value in told)
    return Html(
        f'<svg class="plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escaped(f"{label}: {said}")}">'
        f'<path class="axis" d="M{_LEFT},{_TOP}V{_BASE}H{_WIDTH - _RIGHT}"/>'
        f'<text x="{_LEFT - 6}" y="{_TOP + 8}" text-anchor="end">{escaped(largest)}</text>'
        f'<text x="{_LEFT - 6}" y="{_BASE}" text-anchor="end">{escaped(least)}</text>{inside}{words}</svg>'
    )
