"""The report's section on what is new since a parent build."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import polars as pl

from pipelines.lineage.changes import Changes
from pipelines.lineage.report_page import Cell, Html, both, code, section, table
from pipelines.lineage.report_words import drop_words
from schemas.manifest import Manifest

_FATES = {"kept": ("남음", "kept"), "dropped": ("버림", "dropped"), "absent": ("없음", "absent")}
_SHARDS = {
    "same": ("그대로", "the same"),
    "changed": ("바뀜", "changed"),
    "new": ("새로 생김", "new"),
    "gone": ("없어짐", "gone"),
}
_LONG = 160  # characters of a setting that are shown


def changes_section(parent: Manifest, found: Changes) -> str:
    """Everything that differs, the documents that left first."""
    name = both("이전 빌드", "the parent")
    identity = f"<p>{name.markup} {code(parent.identity).markup}</p>"
    return section(
        "changes",
        both("이전 빌드와 다른 점", "Changes since the parent"),
        identity,
        _moves(found.documents),
        _left(found.documents),
        _data_sets(found),
        table(
            both("샤드", "Shards"),
            [both("무엇", "what"), both("수", "count")],
            [[both(*_SHARDS[name]), count] for name, count in found.shards.items()],
        ),
        _drops(found),
        _differing(both("계약", "Contracts"), found.contracts),
        _differing(both("레시피", "Recipe"), found.recipe),
        _differing(both("만든 도구", "Made with"), found.made_with),
    )


def _moves(documents: pl.DataFrame) -> str:
    """Rows: fate in the parent; columns: fate in this build."""
    counts: Counter[tuple[str, str]] = Counter()
    for before, after, count in documents.select("before", "after", "documents").iter_rows():
        counts[before, after] += count
    rows: list[list[Cell]] = [
        [both(*words), *(counts[before, after] for after in _FATES)] for before, words in _FATES.items()
    ]
    heads = [both("이전 ＼ 지금", "before ＼ now"), *(both(*words) for words in _FATES.values())]
    return table(
        both("문서의 처지가 어떻게 바뀌었는가", "Documents, by their fate before and now"), heads, rows
    )


def _left(documents: pl.DataFrame) -> str:
    left = documents.filter((pl.col("before") == "kept") & (pl.col("after") != "kept"))
    ordered = left.sort(["documents", "partner", "after", "why"], descending=[True, False, False, False])
    rows: list[list[Cell]] = [
        [partner, both(*_FATES[after]), both(*drop_words(why)) if why else "", count]
        for partner, _, after, why, count in ordered.iter_rows()
    ]
    heads = [
        both("파트너", "partner"),
        both("지금", "now"),
        both("까닭", "reason"),
        both("문서", "documents"),
    ]
    return table(both("말뭉치에서 나간 문서", "Documents that left the corpus"), heads, rows)


def _data_sets(found: Changes) -> str:
    rows: list[list[Cell]] = []
    for (partner, data_set), (before, after) in found.kept.items():
        was, now = found.tokens[partner, data_set]
        if (before, was) != (after, now):
            rows.append(
                [
                    f"{partner} / {data_set}",
                    before,
                    after,
                    _signed(after - before),
                    was,
                    now,
                    _signed(now - was),
                ]
            )
    heads = [
        both("데이터 세트", "data set"),
        both("남은 문서, 이전", "kept, before"),
        both("지금", "now"),
        both("차이", "difference"),
        both("토큰, 이전", "tokens, before"),
        both("지금", "now"),
        both("차이", "difference"),
    ]
    return table(both("달라진 데이터 세트", "Data sets that changed"), heads, rows)


def _signed(difference: int) -> Html:
    return Html(f'<span class="n">{difference:+,}</span>'.replace("-", "−"))


def _drops(found: Changes) -> str:
    rows: list[list[Cell]] = [[partner, left, came] for partner, (left, came) in found.drops.items()]
    heads = [
        both("파트너", "partner"),
        both("나간 납품", "drops that left"),
        both("들어온 납품", "drops that came"),
    ]
    return table(both("납품", "Drops"), heads, rows)


def _differing(caption: Html, found: Mapping[str, tuple[str | None, str | None]]) -> str:
    rows: list[list[Cell]] = [[name, _setting(old), _setting(new)] for name, (old, new) in found.items()]
    heads = [both("무엇", "what"), both("이전", "before"), both("지금", "now")]
    return f"<h3>{caption.markup}</h3>" + table(caption, heads, rows)


def _setting(value: str | None) -> Cell:
    if value is None:
        return "-"
    return code(value if len(value) <= _LONG else value[:_LONG] + "…")
