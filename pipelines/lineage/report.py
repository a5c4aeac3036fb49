"""The report of a build: one HTML page in Korean and English, and its short form for a terminal.

Reads the manifest, the ledger (fates.py says which columns) and index/dedup.json. Holds counts, names, ids
and digests; no text. The same build gives the same bytes: nothing here knows a clock or a path.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.lineage.drops_report import contamination_section, drops_section
from pipelines.lineage.duplicates import Lost, losses, read_dedup_facts
from pipelines.lineage.duplicates_page import duplicates_section
from pipelines.lineage.fates import Fates, count_fates
from pipelines.lineage.flow_report import flow_sections
from pipelines.lineage.length_report import languages_section, lengths_section
from pipelines.lineage.origin_report import (
    epochs_section,
    laws,
    laws_section,
    origin_section,
    shards_section,
)
from pipelines.lineage.partner_report import data_sets_section, partner_sections
from pipelines.lineage.personal_report import personal_section
from pipelines.lineage.report_page import both, cards, code, escaped, page, report_script, share
from pipelines.lineage.rights_report import rights_sections
from pipelines.lineage.search_report import search_section
from schemas.manifest import DataSetFacts, Manifest

_CONTENTS = (
    ("search", "문서 찾기", "Find a document"),
    ("flow", "문서의 흐름", "Flow of documents"),
    ("tokens", "토큰의 흐름", "Flow of tokens"),
    ("conservation", "보존 법칙", "Conservation"),
    ("changes", "이전 빌드와 다른 점", "Changes since the parent"),
    ("epochs", "회차", "Epochs"),
    ("data-sets", "데이터 세트", "Data sets"),
    ("drops", "버린 까닭", "Why dropped"),
    ("languages", "언어", "Languages"),
    ("lengths", "문서의 길이", "Lengths"),
    ("duplicates", "중복", "Duplicates"),
    ("contamination", "평가 오염", "Contamination"),
    ("personal-data", "개인정보", "Personal data"),
    ("rights", "권리와 기한", "Rights and terms"),
    ("excluded", "제외된 파트너", "Left out"),
    ("warnings", "알림", "Warnings"),
    ("partners", "파트너별 명세", "Partner by partner"),
    ("shards", "샤드", "Shards"),
    ("origin", "재현 정보", "Made with"),
)


def render_report(
    manifest: Manifest,
    build: Path,
    *,
    changes: str = "",
    fates: Fates | None = None,
    lost: tuple[Lost, ...] | None = None,
) -> str:
    """The page of a whole build; `build` holds the ledger that the manifest names.

    `changes` is the section on what is new since a parent: see changes_report. `fates` and `lost` are what
    the ledger says (count_fates, losses), where it was counted already.
    """
    name = str(manifest.recipe.get("name", ""))
    fates = count_fates(build, manifest) if fates is None else fates
    lost = losses(build, manifest) if lost is None else lost
    shown = [one for one in _CONTENTS if changes or one[0] != "changes"]
    return page(
        f"말모이 {name}",
        _header(manifest, name, fates),
        search_section(manifest, build),
        *flow_sections(manifest, fates),
        laws_section(manifest, fates),
        changes,
        epochs_section(manifest, fates),
        data_sets_section(manifest),
        drops_section(manifest),
        languages_section(fates),
        lengths_section(fates),
        duplicates_section(manifest, read_dedup_facts(build, manifest), lost),
        contamination_section(manifest, fates),
        personal_section(manifest),
        *rights_sections(manifest),
        *partner_sections(manifest),
        shards_section(manifest),
        origin_section(manifest),
        script=report_script(),
        contents=[(place, both(korean, english)) for place, korean, english in shown],
    )


def report_summary(manifest: Manifest) -> list[dict[str, Any]]:
    """A row for each data set and one for all of them."""
    rows = [_summary(f"{facts.partner}/{facts.data_set}", [facts]) for facts in manifest.data_sets]
    return [*rows, _summary("total", list(manifest.data_sets))]


def _summary(name: str, facts: list[DataSetFacts]) -> dict[str, Any]:
    documents, kept = sum(f.documents for f in facts), sum(f.kept for f in facts)
    return {
        "data set": name,
        "rows": sum(f.rows_arrived for f in facts),
        "quarantined": sum(sum(f.quarantined.values()) for f in facts),
        "documents": documents,
        "dropped": sum(sum(f.dropped.values()) for f in facts),
        "kept": kept,
        "kept share": share(kept, documents),
        "tokens": sum(f.tokens for f in facts),
        "personal data": sum(sum(f.pii.values()) for f in facts),
    }


def _header(manifest: Manifest, name: str, fates: Fates) -> str:
    broken = sum(a != b for _, a, b in laws(manifest, fates))
    said = both("보존 법칙 모두 지켜짐", "all laws of conservation hold")
    if broken:
        said = both(f"보존 법칙 {broken}개가 깨짐", f"{broken} laws of conservation broken")
    css, mark = ("bad", "✗") if broken else ("good", "✓")
    purposes = manifest.recipe.get("purposes")
    uses = ", ".join(map(str, purposes)) if isinstance(purposes, list | tuple) else ""
    judged, what, made = (
        both("권리 기준일", "rights judged on").markup,
        both("목적", "for").markup,
        both("빌드 지문", "build identity").markup,
    )
    return (
        f"<header><h1>{both('말모이', 'Malmoi').markup} {escaped(name)}</h1>"
        f"<p>{judged} <b>{escaped(manifest.date)}</b> · {what} {escaped(uses)} · "
        f'<a href="#conservation"><span class="{css}">{mark} {said.markup}</span></a></p>'
        f'<p class="soft">{made} {code(manifest.identity).markup}</p></header>' + _totals(manifest)
    )


def _totals(manifest: Manifest) -> str:
    total = _summary("total", list(manifest.data_sets))
    return cards(
        [
            (total["tokens"], both("토큰", "tokens")),
            (total["kept"], both("남은 문서", "documents kept")),
            (total["kept share"], both("남은 비율", "kept share")),
            (total["dropped"], both("버린 문서", "documents dropped")),
            (total["rows"], both("도착한 행", "rows arrived")),
            (total["quarantined"], both("격리된 행", "rows quarantined")),
            (total["personal data"], both("찾은 개인정보", "personal data found")),
            (len({facts.partner for facts in manifest.data_sets}), both("파트너", "partners")),
            (len(manifest.shards), both("샤드", "shards")),
        ]
    )
