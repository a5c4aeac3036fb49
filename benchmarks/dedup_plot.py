"""The curve of deduplication over the number of documents, as a small SVG without any library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

WIDTH, HEIGHT, MARGIN = 420, 240, 56


@dataclass(frozen=True)
class Curve:
    """A line over the documents, with the limit that was asked for."""

    title: str
    values: Sequence[float]
    limit: float


def _panel(documents: Sequence[int], curve: Curve, left: int) -> list[str]:
    """One curve with its axes; documents are on a logarithmic axis, values start at nought."""
    low, high = math.log10(documents[0]), math.log10(documents[-1])
    top = max(*curve.values, curve.limit) * 1.15
    inner, tall = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN

    def x(count: int) -> float:
        share = (math.log10(count) - low) / (high - low) if high > low else 0.5
        return left + MARGIN + share * inner

    def y(value: float) -> float:
        return HEIGHT - MARGIN - value / top * tall

    points = [(x(count), y(value)) for count, value in zip(documents, curve.values, strict=True)]
    line = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
    begin, end, base = left + MARGIN, left + WIDTH - MARGIN, HEIGHT - MARGIN
    drawn = [
        f'<text x="{left + WIDTH / 2}" y="24" text-anchor="middle">{curve.title}</text>',
        f'<path d="M{begin} {MARGIN}V{base}H{end}" fill="none" stroke="#888"/>',
        f'<path d="M{begin} {y(curve.limit):.1f}H{end}" stroke="#c33" stroke-dasharray="5 4"/>',
        f'<text x="{end}" y="{y(curve.limit) - 5:.1f}" text-anchor="end" fill="#c33">asked: {curve.limit:,.4g}</text>',
        f'<polyline points="{line}" fill="none" stroke="#247" stroke-width="2"/>',
    ]
    for (a, b), count, value in zip(points, documents, curve.values, strict=True):
        drawn += [
            f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.5" fill="#247"/>',
            f'<text x="{a:.1f}" y="{b + 18:.1f}" text-anchor="middle" fill="#247">{value:,.4g}</text>',
            f'<text x="{a:.1f}" y="{base + 18}" text-anchor="middle">{count / 1e6:g} M</text>',
        ]
    return drawn


def write_plot(path: Path, documents: Sequence[int], curves: Sequence[Curve]) -> None:
    """Write the curves side by side."""
    panels = [line for place, curve in enumerate(curves) for line in _panel(documents, curve, place * WIDTH)]
    size = f'width="{WIDTH * len(curves)}" height="{HEIGHT}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
    back = '<rect width="100%" height="100%" fill="white"/>'
    path.write_text("\n".join([head, back, *panels, "</svg>", ""]), encoding="utf-8")
