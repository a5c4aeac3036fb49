"""The report of a build: one HTML page in Korean and English, and its short form for a terminal.

Reads the manifest, and language and tokens of the ledger. Holds counts, names and digests; no text.
"""

from __future__ import annotations

from collections import Counter
from html import escape
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from pipelines.lineage.duplicates_page import duplicates_table
from pipelines.lineage.ledger import balance, read_ledger
from pipelines.lineage.length_report import length_plots
from pipelines.lineage.personal_report import personal_data
from pipelines.lineage.report_page import (
    Cell,
    Html,
    bar,
    both,
    cards,
    code,
    page,
    section,
    share,
    table,
    verdict,
)
from pipelines.lineage.report_words import drop_words, refusal_words
from schemas.errors import UsageError
from schemas.manifest import DataSetFacts, Manifest
from schemas.shards import NO_LANGUAGE

_MAX_SHARDS = 200  # shown; the manifest has all
_LANGUAGES = {
    "ko": ("한국어", "Korean"),
    "en": ("영어", "English"),
    "zh": ("중국어", "Chinese"),
    "ja": ("일본어", "Japanese"),
    "es": ("스페인어", "Spanish"),
    "code": ("코드", "code"),
    NO_LANGUAGE: ("알 수 없음", "unknown"),
}
_LEGEND = (
    f'<p class="key"><i class="kept"></i>{both("남음", "kept").markup}'
    f'<i class="lost"></i>{both("버림", "dropped").markup}'
    f'<i class="held"></i>{both("격리", "quarantined").markup}</p>'
)


def render_report(manifest: Manifest, build: Path) -> str:
    """The page of a whole build; `build` holds the ledger that the manifest names."""
    name = str(manifest.recipe.get("name", ""))
    partners = sorted({facts.partner for facts in manifest.data_sets})
    links = "".join(_link(partner) for partner in partners)
    return page(
        f"말모이 {name}",
        f"<header><h1>말모이 {both(name, 'Malmoi').markup}</h1>",
        f"<p>{both('기준일', 'rights judged on').markup} {escape(manifest.date)} · "
        f"{code(manifest.identity).markup}</p></header>",
        _totals(manifest),
        section("data-sets", both("데이터 세트", "Data sets"), _LEGEND, _data_sets(manifest)),
        section("languages", both("언어별 토큰", "Tokens by language"), _languages(manifest, build)),
        section("duplicates", both("중복", "Duplicates"), duplicates_table(manifest, build)),
        section(
            "lengths",
            both("문서 길이와 파트너별 토큰", "Lengths of documents, tokens by partner"),
            length_plots(manifest, build),
        ),
        section("conservation", both("보존 법칙", "Law of conservation"), _conservation(manifest, build)),
        section("personal-data", both("개인정보", "Personal data"), personal_data(manifest)),
        section("rights", both("계약과 라이선스", "Contracts and licences"), _contracts(manifest)),
        section("excluded", both("제외된 파트너", "Excluded partners"), _excluded(manifest)),
        section("warnings", both("알림", "Warnings"), _warnings(manifest)),
        section("partners", both("파트너별 명세", "Partner by partner"), f"<nav>{links}</nav>"),
        *(partner_section(manifest, partner) for partner in partners),
        section("shards", both("샤드", "Shards"), _shards(manifest)),
        section("origin", both("재현 정보", "What it was made with"), _origin(manifest)),
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


def partner_section(manifest: Manifest, partner: str) -> str:
    """All of one partner's data sets: quarantine, losses and replaced personal data, by reason."""
    parts = []
    for facts in manifest.data_sets:
        if facts.partner != partner:
            continue
        quarantined, dropped = sum(facts.quarantined.values()), sum(facts.dropped.values())
        rows: list[list[Cell]] = [[both("도착한 행", "rows arrived"), facts.rows_arrived, ""]]
        for name, count in _largest(facts.quarantined):
            korean, english = refusal_words(name)
            label = both(f"격리: {korean}", f"quarantined: {english}")
            rows.append([label, count, share(count, facts.rows_arrived)])
        rows.append([both("문서", "documents"), facts.documents, share(facts.documents, facts.rows_arrived)])
        rows += [[both(*drop_words(n)), c, share(c, facts.documents)] for n, c in _largest(facts.dropped)]
        rows.append([both("남은 문서", "kept"), facts.kept, share(facts.kept, facts.documents)])
        rows.append([both("토큰", "tokens"), facts.tokens, ""])
        rows += [[both(f"치환: {n}", f"replaced: {n}"), c, ""] for n, c in _largest(facts.pii)]
        heads = [both("항목", "item"), both("수", "count"), both("비율", "share")]
        title = both(f"{partner} / {facts.data_set}", facts.kind)
        whole = facts.kept + dropped + quarantined
        parts.append(f"<h3>{title.markup}</h3>{_fate(facts, whole).markup}")
        parts.append(table(f"{partner} {facts.data_set}", heads, rows))
    if not parts:
        known = ", ".join(sorted({facts.partner for facts in manifest.data_sets}))
        raise UsageError(f"no partner {partner!r} in this build: name one of {known}")
    return section(f"partner-{partner}", both(partner, partner), *parts)


def _fate(facts: DataSetFacts, whole: int) -> Html:
    parts = [
        ("kept", facts.kept, "kept"),
        ("lost", sum(facts.dropped.values()), "dropped"),
        ("held", sum(facts.quarantined.values()), "quarantined"),
    ]
    return bar(parts, whole=whole)


def _link(partner: str) -> str:
    return f'<a href="#partner-{escape(partner)}">{escape(partner)}</a>'


def _largest(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _totals(manifest: Manifest) -> str:
    total = _summary("total", list(manifest.data_sets))
    return cards(
        [
            (total["tokens"], both("토큰", "tokens")),
            (total["kept"], both("남은 문서", "documents kept")),
            (total["kept share"], both("남은 비율", "kept share")),
            (total["documents"], both("문서", "documents")),
            (total["rows"], both("도착한 행", "rows arrived")),
            (total["quarantined"], both("격리된 행", "rows quarantined")),
            (total["personal data"], both("치환한 개인정보", "personal data replaced")),
            (len({facts.partner for facts in manifest.data_sets}), both("파트너", "partners")),
            (len(manifest.shards), both("샤드", "shards")),
        ]
    )


def _data_sets(manifest: Manifest) -> str:
    heads = [
        both("데이터 세트", "data set"),
        both("종류", "kind"),
        both("행", "rows"),
        both("격리", "quarantined"),
        both("문서", "documents"),
        both("남음", "kept"),
        both("남은 비율", "kept share"),
        both("토큰", "tokens"),
        both("개인정보", "personal data"),
    ]
    rows: list[list[Cell]] = []
    for facts in manifest.data_sets:
        quarantined = sum(facts.quarantined.values())
        fate = _fate(facts, facts.kept + sum(facts.dropped.values()) + quarantined)
        rows.append(
            [
                Html(f"{_link(facts.partner)} / {escape(facts.data_set)}"),
                facts.kind,
                facts.rows_arrived,
                quarantined,
                facts.documents,
                facts.kept,
                Html(share(facts.kept, facts.documents) + fate.markup),
                facts.tokens,
                sum(facts.pii.values()),
            ]
        )
    return table("data sets", heads, rows)


def _languages(manifest: Manifest, build: Path) -> str:
    ledger = read_ledger(build, ["language", "tokens"], pc.field("kept"), manifest=manifest)
    counted = ledger.group_by("language").aggregate([("tokens", "sum"), ("tokens", "count")]).to_pylist()
    counted.sort(key=lambda row: (-row["tokens_sum"], row["language"] or ""))
    whole = sum(row["tokens_sum"] for row in counted)
    rows: list[list[Cell]] = []
    for row in counted:
        name = row["language"] or NO_LANGUAGE
        measure = bar([("kept", row["tokens_sum"], name)], whole=whole)
        label = both(*_LANGUAGES.get(name, (name, name)))
        amount = Html(share(row["tokens_sum"], whole) + measure.markup)
        rows.append([label, row["tokens_count"], row["tokens_sum"], amount])
    heads = [
        both("언어", "language"),
        both("문서", "documents"),
        both("토큰", "tokens"),
        both("비율", "share"),
    ]
    return table("languages", heads, rows)


def _conservation(manifest: Manifest, build: Path) -> str:
    """The law of DESIGN.md section 3, from manifest and ledger counted separately."""
    counted = balance(build, manifest=manifest)
    facts = manifest.data_sets
    sent = [f for f in facts if f.rows_sent is not None]
    arrived = sum(f.rows_arrived for f in facts)
    quarantined = sum(sum(f.quarantined.values()) for f in facts)
    documents, dropped = sum(f.documents for f in facts), sum(sum(f.dropped.values()) for f in facts)
    kept, tokens = sum(f.kept for f in facts), sum(f.tokens for f in facts)
    laws = [
        (
            both("보낸 행 = 도착한 행", "rows sent = rows arrived"),
            (sum(f.rows_sent or 0 for f in sent), sum(f.rows_arrived for f in sent)),
        ),
        (
            both("도착한 행 = 문서 + 격리", "rows arrived = documents + quarantined"),
            (arrived, documents + quarantined),
        ),
        (both("문서 = 남음 + 버림", "documents = kept + dropped"), (documents, kept + dropped)),
        (both("문서 = 원장의 행", "documents = ledger rows"), (documents, sum(c.documents for c in counted))),
        (both("남음 = 샤드의 행", "kept = rows in shards"), (kept, sum(s.rows for s in manifest.shards))),
        (
            both("토큰 = 원장의 토큰", "tokens = tokens in the ledger"),
            (tokens, sum(c.tokens for c in counted)),
        ),
        (
            both("토큰 = 샤드의 토큰", "tokens = tokens in shards"),
            (tokens, sum(s.tokens for s in manifest.shards)),
        ),
    ]
    heads = [both("법칙", "law"), both("왼쪽", "left"), both("오른쪽", "right"), both("판정", "verdict")]
    return table("conservation", heads, [[law, a, b, verdict(holds=a == b)] for law, (a, b) in laws])


def _contracts(manifest: Manifest) -> str:
    tokens: Counter[str] = Counter()
    for facts in manifest.data_sets:
        tokens[facts.partner] += facts.tokens
    heads = [
        both("파트너", "partner"),
        both("판", "version"),
        both("라이선스", "licence"),
        both("허용 목적", "purposes"),
        both("기간", "term"),
        both("출처 표시", "attribution"),
        both("토큰", "tokens"),
        both("계약 지문", "contract digest"),
    ]
    return table(
        "contracts",
        heads,
        [
            [
                contract.partner,
                contract.version,
                contract.rights.licence,
                ", ".join(contract.rights.purposes),
                f"{contract.rights.starts} – {contract.rights.expires}",
                contract.rights.attribution,
                tokens[contract.partner],
                code(contract.digest[:16]),
            ]
            for contract in manifest.contracts
        ],
    )


def _excluded(manifest: Manifest) -> str:
    heads = [both("파트너", "partner"), both("까닭", "reason")]
    return table("excluded", heads, [[excluded.partner, excluded.reason] for excluded in manifest.excluded])


def _warnings(manifest: Manifest) -> str:
    """Contracts that end soon, and what a contract asks and nothing here does."""
    return table("warnings", [both("알림", "warning")], [[warning] for warning in manifest.warnings])


def _shards(manifest: Manifest) -> str:
    heads = [
        both("이름", "name"),
        both("문서", "documents"),
        both("토큰", "tokens"),
        both("바이트", "bytes"),
        both("지문", "SHA-256"),
    ]
    shown = manifest.shards[:_MAX_SHARDS]
    rows: list[list[Cell]] = [[s.name, s.rows, s.tokens, s.bytes, code(s.sha256[:16])] for s in shown]
    more = len(manifest.shards) - len(shown)
    note = f"<p>{both(f'그 밖에 {more:,}개는 manifest.json에', f'{more:,} more in manifest.json').markup}</p>"
    return table("shards", heads, rows) + (note if more else "")


def _origin(manifest: Manifest) -> str:
    tokenizer = manifest.tokenizer
    rows: list[list[Cell]] = [
        [
            both("토크나이저", "tokenizer"),
            f"{tokenizer.name}, {tokenizer.vocabulary:,}",
            code(tokenizer.sha256),
        ]
    ]
    for label, versions in (
        (both("모델", "model"), manifest.models),
        (both("단계", "stage"), {name: str(number) for name, number in manifest.stage_versions.items()}),
        (both("실행 환경", "runtime"), manifest.runtime),
    ):
        rows += [[label, name, code(version)] for name, version in sorted(versions.items())]
    return table(
        "origin", [both("무엇", "what"), both("이름", "name"), both("판·지문", "version, digest")], rows
    )
