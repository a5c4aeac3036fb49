"""Small plots as inline SVG: one line over the drops of a partner, the newest marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from pipelines.lineage.report_page import Html

_WIDTH, _HEIGHT = 340, 132
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 12, 24


def line(label: str, points: Sequence[tuple[str, float]], *, shown: Callable[[float], str]) -> Html:
    """Values by day (ISO), in the order given, from 0 on; told in words to those who do not see it."""
    top = max((value for _, value in points), default=0.0) or 1.0
    step = (_WIDTH - _LEFT - _RIGHT) / max(len(points) - 1, 1)
    height = _HEIGHT - _TOP - _BOTTOM
    places = [(_LEFT + step * i, _TOP + height * (1 - value / top)) for i, (_, value) in enumerate(points)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>' for x, y in places[:-1])
    newest = "".join(f'<circle class="new" cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in places[-1:])
    base = _TOP + height
    days = [(_LEFT, "start", points[0][0]), (_WIDTH - _RIGHT, "end", points[-1][0])] if points else []
    words = "".join(
        f'<text x="{x}" y="{base + 16}" text-anchor="{anchor}">{escape(day)}</text>'
        for x, anchor, day in days
    )
    told = ", ".join(f"{day}: {shown(value)}" for day, value in points)
    return Html(
        f'<svg class="plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(f"{label}: {told}")}">'
        f'<path class="axis" d="M{_LEFT},{_TOP}V{base}H{_WIDTH - _RIGHT}"/>'
        f'<text x="{_LEFT - 6}" y="{_TOP + 8}" text-anchor="end">{escape(shown(top))}</text>'
        f'<text x="{_LEFT - 6}" y="{base}" text-anchor="end">{escape(shown(0))}</text>'
        f'<polyline points="{path}"/>{dots}{newest}{words}</svg>'
    )
