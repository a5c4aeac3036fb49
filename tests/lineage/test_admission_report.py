"""The partner's page: every number of the receipt, positions and no value; trends against earlier drops."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import pyarrow as pa
import pytest

from pipelines.lineage.admission_report import place, render_admission
from pipelines.lineage.plots import line
from schemas.admission import FAULTS


def receipt(rows: int = 10, documents: int = 8, **changes: Any) -> dict[str, Any]:
    told = {
        "partner": "gaon",
        "contract": {"version": "1.0.0", "digest": "1" * 64, "content_digest": "2" * 64, "rules": "3" * 64},
        "drop": "3" * 64,
        "period": {"first": "2026-11-01", "last": "2026-11-07"},
        "verdict": "admitted with quarantine",
        "findings": [
            {
                "severity": "warning",
                "code": "late",
                "where": "",
                "message": "it <came> late",
                "korean": "늦음",
            }
        ],
        "files": [
            {
                "path": "posts.jsonl",
                "data_set": "posts",
                "bytes": 1234,
                "sha256": "4" * 64,
                "rows_sent": rows,
                "rows_arrived": rows,
                "documents": documents,
                "uncompressed_bytes": 1234,
                "quarantined": {"out_of_range": rows - documents},
            }
        ],
        "data_sets": [
            {
                "name": "posts",
                "rows": rows,
                "documents": documents,
                "quarantined": {"out_of_range": rows - documents},
                "languages": {"ko": 6, "en": 2},
                "sampled": 8,
                "pii": {"PHONE_NUMBER": 3},
                "rules": [
                    {
                        "name": "counted",
                        "severity": "error",
                        "measured": 8,
                        "passed": True,
                        "description": "Rows.",
                    }
                ],
                "unnamed_columns": ["extra"],
            }
        ],
        "not_named_by_contract": ["notes.txt"],
        "not_delivered": ["pictures"],
        "faults": {"count": 2, "sha256": "5" * 64},
    }
    return {**told, **changes}


def faults(count: int) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "file": "posts.jsonl",
                "row": n,
                "line": n + 1,
                "offset": 100 * n,
                "field": "stars",
                "rule": "maximum",
                "reason": "out_of_range",
            }
            for n in range(count)
        ],
        schema=FAULTS,
    )


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def words(page: str) -> str:
    parser = _Words()
    parser.feed(page)
    return " ".join(" ".join(parser.words).split())


def test_the_page_says_what_the_receipt_says_in_both_languages():
    page = render_admission(receipt(), faults(2), day="2026-11-24")
    said = words(page)
    for part in (
        "접수(일부 행 격리) admitted with quarantine",
        "늦음 it <came> late",
        "posts.jsonl:1:0",
        "posts.jsonl:2:100",
        "PHONE_NUMBER",
        "notes.txt",
        "extra",
        "pictures",
        "첫 납품입니다 this is the first drop",
        "20.0 %",
    ):
        assert part in said, part
    assert "it <came>" not in page
    assert not re.findall(r"<script|https?://|src=", page)


def test_examples_are_few_and_counts_are_whole():
    said = words(render_admission(receipt(), faults(1_000), day="2026-11-24"))
    assert said.count("posts.jsonl:") == 5
    assert "1,000" in said


def test_trends_are_drawn_for_every_earlier_drop():
    earlier = [("2026-10-01", receipt(rows=20)), ("2026-11-01", receipt(rows=30))]
    page = render_admission(receipt(), faults(2), day="2026-11-24", earlier=earlier)
    plots = re.findall(r'<svg class="plot".*?</svg>', page)
    assert len(plots) == 5  # rows, bytes, share refused, two languages
    for plot in plots:
        drawn = ET.fromstring(plot)
        assert len(drawn.find("polyline").get("points").split()) == 3
        assert "2026-10-01" in drawn.get("aria-label")


@pytest.mark.parametrize("values", [[], [0.0], [5.0], [0.0, 0.0], [1.0, 3.0, 2.0]])
def test_a_plot_stays_inside_its_frame(values):
    points = [(f"2026-01-{n + 1:02}", value) for n, value in enumerate(values)]
    drawn = ET.fromstring(line("rows", points, shown=str).markup)
    width, height = map(float, drawn.get("viewBox").split()[2:])
    for point in drawn.find("polyline").get("points").split():
        x, y = map(float, point.split(","))
        assert 0 <= x <= width
        assert 0 <= y <= height


def test_a_place_is_as_much_as_is_known():
    where = {"file": "a.jsonl", "row": 4, "line": 5, "offset": 99}
    assert place(where) == "a.jsonl:5:99"
    assert place({**where, "offset": -1}) == "a.jsonl:5"
    assert place({**where, "line": -1, "offset": -1}) == "a.jsonl row 4"
    assert place({**where, "row": -1, "line": -1, "offset": -1}) == "a.jsonl"
