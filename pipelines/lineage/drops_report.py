"""The report's account of what was lost and why: by reason and partner; benchmarks that were met."""

from __future__ import annotations

from collections import Counter, defaultdict

import polars as pl

from pipelines.lineage.fates import Fates
from pipelines.lineage.report_page import Cell, Heat, Html, both, code, measure, section, share, table
from pipelines.lineage.report_words import drop_words, refusal_words
from schemas.manifest import Manifest
from schemas.reasons import Reason, Stage

_ITEMS = 50  # benchmark items listed, the most met first


def drops_section(manifest: Manifest) -> str:
    """Every reason with its share of all documents, and how many each partner lost for it."""
    dropped: dict[str, Counter[str]] = defaultdict(Counter)
    refused: dict[str, Counter[str]] = defaultdict(Counter)
    for facts in manifest.data_sets:
        for name, count in facts.dropped.items():
            dropped[name][facts.partner] += count
        for name, count in facts.quarantined.items():
            refused[name][facts.partner] += count
    partners = sorted({facts.partner for facts in manifest.data_sets})
    documents = sum(facts.documents for facts in manifest.data_sets)
    rows = sum(facts.rows_arrived for facts in manifest.data_sets)
    return section(
        "drops",
        both("버린 까닭", "Why documents were dropped"),
        _by_reason(
            both("까닭과 파트너별 버린 문서", "Documents dropped, by reason and partner"),
            [(drop_words(name), counts) for name, counts in dropped.items()],
            partners,
            documents,
            "lost",
        ),
        _by_reason(
            both("까닭과 파트너별 격리한 행", "Rows quarantined, by reason and partner"),
            [(refusal_words(name), counts) for name, counts in refused.items()],
            partners,
            rows,
            "held",
        ),
    )


def _by_reason(
    caption: Html,
    found: list[tuple[tuple[str, str], Counter[str]]],
    partners: list[str],
    whole: int,
    css: str,
) -> str:
    ordered = sorted(found, key=lambda item: (-item[1].total(), item[0]))
    most = max((count for _, counts in found for count in counts.values()), default=0)
    largest = ordered[0][1].total() if ordered else 0
    rows: list[list[Cell]] = [
        [
            both(*words),
            counts.total(),
            measure(css, counts.total(), whole, full=largest),
            *(Heat(counts[partner], most) for partner in partners),
        ]
        for words, counts in ordered
    ]
    heads = [both("까닭", "reason"), both("수", "count"), both("비율", "share")]
    return table(caption, [*heads, *(both(name, name) for name in partners)], rows)


def contamination_section(manifest: Manifest, fates: Fates) -> str:
    """How many documents of whom held a benchmark's item, and which items were met most."""
    name = f"{Stage.DECONTAMINATE.value}/{Reason.CONTAMINATED.value}"
    compared = [one for one in sorted(manifest.models) if one.endswith(".jsonl")]
    words = both("견준 평가 자료", "Benchmarks compared with").markup
    listed = ", ".join(code(one).markup for one in compared) or both("없음", "none").markup
    rows: list[list[Cell]] = [
        [
            f"{facts.partner} / {facts.data_set}",
            facts.documents,
            facts.dropped[name],
            share(facts.dropped[name], facts.documents),
        ]
        for facts in manifest.data_sets
        if facts.dropped.get(name)
    ]
    heads = [
        both("데이터 세트", "data set"),
        both("문서", "documents"),
        both("평가 문항이 든 문서", "with a benchmark's item"),
        both("비율", "share"),
    ]
    items = (
        fates.contaminated.group_by("item")
        .agg(pl.col("documents").sum(), pl.col("partner").unique().sort().str.join(", "))
        .sort(["documents", "item"], descending=[True, False])
    )
    met: list[list[Cell]] = [
        [code(item), count, whose] for item, count, whose in items.head(_ITEMS).iter_rows()
    ]
    more = len(items) - len(met)
    note = f'<p class="note">{both(f"그 밖에 문항 {more:,}개", f"and {more:,} items more").markup}</p>'
    return section(
        "contamination",
        both("평가 오염", "Contamination"),
        f"<p>{words}: {listed}</p>",
        table(
            both("평가 문항이 들어 있어 버린 문서", "Documents dropped for a benchmark's item"), heads, rows
        ),
        table(
            both("가장 자주 나온 문항", "Items met most"),
            [both("문항", "item"), both("문서", "documents"), both("파트너", "partners")],
            met,
        )
        if met
        else "",
        note if more > 0 else "",
    )
