"""The report's part on duplicates: who lost how much to whom, and what would be kept without whom."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipelines.lineage.duplicates import Lost, losses, read_dedup_facts
from pipelines.lineage.loss import came_to_deduplication
from pipelines.lineage.report_page import Cell, both, code, share, table
from schemas.manifest import Manifest

_COUNTED = {
    "repeated_keys": ("같은 키", "repeated keys"),
    "exact_duplicates": ("같은 글", "equal texts"),
    "near_duplicates": ("거의 같은 글", "nearly equal texts"),
    "edges": ("확인된 쌍", "verified pairs of a dropped and a kept document"),
    "capped_buckets": ("보이는 수를 제한한 무리", "buckets that showed no more than they may"),
    "unlisted": ("그 안에 보이지 않은 문서", "kept documents not shown there"),
}


def duplicates_table(manifest: Manifest, build: Path) -> str:
    """The matrix of losses, one row a pair; tokens are those of the kept copies."""
    facts = read_dedup_facts(build, manifest)
    came, _ = came_to_deduplication(manifest.data_sets)
    counted: list[list[Cell]] = [
        [both(*words), facts.resolved[name]] for name, words in _COUNTED.items() if name in facts.resolved
    ]
    return (
        table("deduplication", [both("항목", "item"), both("수", "count")], counted)
        + _matrix(losses(build, manifest), came)
        + _without(facts.kept_without)
    )


def _matrix(found: tuple[Lost, ...], came: Mapping[str, int]) -> str:
    heads = [
        both("잃은 쪽", "lost by"),
        both("남은 쪽", "kept by"),
        both("문서", "documents"),
        both("비율", "share of its documents"),
        both("토큰", "tokens"),
        both("보기", "examples"),
    ]
    rows: list[list[Cell]] = [
        [
            one.partner,
            one.to,
            one.documents,
            share(one.documents, came.get(one.partner, 0)),
            one.tokens,
            code(" ".join(example[:16] for example in one.examples)),
        ]
        for one in found
    ]
    return table("losses", heads, rows)


def _without(counts: dict[str, dict[str, int]]) -> str:
    heads = [
        both("이 파트너가 없다면", "without this partner"),
        both("이 파트너의", "documents of"),
        both("남았을 문서", "would have been kept"),
    ]
    rows: list[list[Cell]] = [
        [partner, whose, documents]
        for partner, others in sorted(counts.items())
        for whose, documents in sorted(others.items())
    ]
    return table("kept without", heads, rows)
