"""The report's part on duplicates: who lost how much to whom, and what would be kept without whom."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.lineage.duplicates import DedupFacts, Lost
from pipelines.lineage.loss import came_to_deduplication
from pipelines.lineage.report_page import Cell, Heat, both, code, section, share, table
from schemas.manifest import Manifest

_COUNTED = {
    "repeated_keys": ("같은 키", "repeated keys"),
    "exact_duplicates": ("같은 글", "equal texts"),
    "near_duplicates": ("거의 같은 글", "nearly equal texts"),
    "edges": ("확인된 쌍", "verified pairs of a dropped and a kept document"),
    "capped_buckets": ("보이는 수를 제한한 무리", "buckets that showed no more than they may"),
    "unlisted": ("그 안에 보이지 않은 문서", "kept documents not shown there"),
}


def duplicates_section(manifest: Manifest, facts: DedupFacts, found: tuple[Lost, ...]) -> str:
    """What was counted, the matrix of who lost to whom, each pair with its share, and what without whom."""
    came, _ = came_to_deduplication(manifest.data_sets)
    counted: list[list[Cell]] = [
        [both(*words), facts.resolved[name]] for name, words in _COUNTED.items() if name in facts.resolved
    ]
    heads = [both("항목", "item"), both("수", "count")]
    return section(
        "duplicates",
        both("중복", "Duplicates"),
        _matrix(found, sorted({one.partner for one in manifest.data_sets})),
        _pairs(found, came),
        _without(facts.kept_without),
        table(both("중복 제거가 센 것", "What deduplication counted"), heads, counted),
    )


def _matrix(found: tuple[Lost, ...], partners: list[str]) -> str:
    """Rows lost to columns; on the diagonal a partner's own copies."""
    if not found:
        return ""
    counts = {(one.partner, one.to): one.documents for one in found}
    most = max(counts.values())
    heads = [
        both("잃은 쪽 ＼ 남은 쪽", "lost by ＼ kept by"),
        *(both(name, name) for name in partners),
        both("모두", "all"),
    ]
    rows: list[list[Cell]] = []
    for partner in partners:
        cells = [counts.get((partner, to), 0) for to in partners]
        rows.append([partner, *(Heat(count, most) for count in cells), sum(cells)])
    sums = [sum(counts.get((partner, to), 0) for partner in partners) for to in partners]
    rows.append([both("모두", "all"), *sums, sum(sums)])
    caption = both("파트너 사이의 중복 문서", "Duplicate documents between partners")
    return table(caption, heads, rows, total=True)


def _pairs(found: tuple[Lost, ...], came: Mapping[str, int]) -> str:
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
    caption = both(
        "누가 누구에게 얼마를 잃었는가", "Who lost how much to whom; tokens are those of the kept copies"
    )
    return table(caption, heads, rows)


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
    return table(
        both("어느 파트너가 없었다면 남았을 문서", "What would be kept without a partner"), heads, rows
    )
