"""What a partner gets to know of a build: what became of each of its drops. No text, nobody else's numbers.

Reads the manifest, the receipts and the ledger. Of other partners there are only names: to whom copies lost.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.lineage.duplicates import copies_of, losses, read_dedup_facts
from pipelines.lineage.ledger import read_ledger
from pipelines.lineage.report_page import Cell, bar, both, cards, code, page, section, share, table
from pipelines.lineage.report_words import drop_words, refusal_words
from schemas.errors import BuildInconsistent, InputUnreadable, UsageError
from schemas.manifest import DropFacts, Manifest, read_manifest
from schemas.reasons import Stage
from schemas.receipt import Receipt, read_receipt

_COLUMNS = ["doc_id", "partner", "drop", "kept", "stage", "reason", "duplicate_of", "tokens", "pii"]


@dataclass(frozen=True)
class DropFeedback:
    """One drop: rows arrived = documents + quarantined; documents = kept + dropped."""

    drop: str
    epoch: int
    rows: int
    quarantined: dict[str, int]  # by Refusal
    documents: int
    kept: int
    tokens: int
    dropped: dict[str, int]  # by "stage/reason", most first
    lost_to: dict[str, int]  # duplicates among the dropped, by the partner that kept its copy
    pii: dict[str, int]  # in kept documents, by class and what was done


@dataclass(frozen=True)
class Feedback:
    """A partner's part of a build."""

    partner: str
    build: str  # the manifest's identity
    date: str
    excluded: str  # why the partner was left out whole; "" where it was not
    drops: tuple[DropFeedback, ...]
    document_share: float  # of the kept documents of all partners
    token_share: float
    lost_tokens: dict[str, int]  # to copies, by the partner that kept them: the tokens of those copies
    kept_without: dict[str, int]  # documents that would be kept had that partner never come, most first
    copies: int  # of others' documents that were dropped for kept ones of this partner


def feedback(build: Path, partner: str) -> Feedback:
    """What became of a partner's drops; raises UsageError for a partner that the build does not know."""
    manifest = read_manifest(build)
    excluded = {one.partner: one.reason for one in manifest.excluded}
    known = sorted({drop.partner for drop in manifest.drops} | excluded.keys())
    if partner not in known:
        raise UsageError(f"no partner {partner!r} in this build: name one of {', '.join(known)}")
    mine = read_ledger(build, _COLUMNS, pc.field("partner") == partner, manifest=manifest)
    rows, pii = _rows(build, manifest, mine), _pii(mine)
    drops = [
        _of_drop(build, drop, rows.filter(pl.col("drop") == drop.drop), pii[drop.drop])
        for drop in manifest.drops
        if drop.partner == partner
    ]
    lost = losses(build, manifest, partner)
    without = read_dedup_facts(build, manifest).kept_without
    kept = mine.filter(mine["kept"])["doc_id"].to_pylist()
    documents = sum(facts.kept for facts in manifest.data_sets)
    tokens = sum(facts.tokens for facts in manifest.data_sets)
    return Feedback(
        partner=partner,
        build=manifest.identity,
        date=manifest.date,
        excluded=excluded.get(partner, ""),
        drops=tuple(drops),
        document_share=sum(drop.kept for drop in drops) / max(1, documents),
        token_share=sum(drop.tokens for drop in drops) / max(1, tokens),
        lost_tokens={one.to: one.tokens for one in lost},
        kept_without=_largest(Counter({p: n[partner] for p, n in without.items() if partner in n})),
        copies=int(copies_of(build, manifest, kept).filter(pl.col("partner") != partner)["copies"].sum()),
    )


def _rows(build: Path, manifest: Manifest, mine: pa.Table) -> pl.DataFrame:
    """The partner's ledger rows, with the partner of the document that each duplicate lost to."""
    winners = mine["duplicate_of"].drop_null().unique()
    named = read_ledger(build, ["doc_id", "partner"], pc.field("doc_id").isin(winners), manifest=manifest)
    whose = pl.DataFrame(named).unique(subset="doc_id")
    return pl.DataFrame(mine.drop_columns("pii")).join(
        whose.rename({"doc_id": "duplicate_of", "partner": "winner"}), on="duplicate_of", how="left"
    )


def _pii(mine: pa.Table) -> dict[str, Counter[str]]:
    """Personal data in kept documents, by drop, then by class and what was done."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    kept = mine.filter(mine["kept"])
    for drop, spans in zip(kept["drop"].to_pylist(), kept["pii"].to_pylist(), strict=True):
        found[drop].update(dict(spans or ()))
    return found


def _of_drop(build: Path, drop: DropFacts, rows: pl.DataFrame, pii: Counter[str]) -> DropFeedback:
    receipt = _receipt(build, drop)
    quarantined: Counter[str] = Counter()
    for file in receipt.files:
        quarantined.update(file.quarantined)
    lost = rows.filter(~pl.col("kept"))
    reasons = Counter(f"{stage}/{why}" for stage, why in lost.select("stage", "reason").iter_rows())
    winners = Counter(lost.filter(pl.col("stage") == Stage.DEDUP.value)["winner"].drop_nulls().to_list())
    return DropFeedback(
        drop=drop.drop,
        epoch=drop.epoch,
        rows=sum(file.rows_arrived for file in receipt.files),
        quarantined=_largest(quarantined),
        documents=len(rows),
        kept=len(rows) - len(lost),
        tokens=int(rows["tokens"].sum()),
        dropped=_largest(reasons),
        lost_to=_largest(winners),
        pii=_largest(pii),
    )


def _receipt(build: Path, drop: DropFacts) -> Receipt:
    path = build / "receipts" / drop.partner / f"{drop.drop}.json"
    try:
        return read_receipt(path.read_bytes(), name=path.name)
    except (OSError, InputUnreadable):
        raise BuildInconsistent(
            f"{path.relative_to(build)}: cannot be read: run `malmoi verify {build.name}`"
        ) from None


def _largest(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def feedback_lines(found: Feedback) -> list[dict[str, str | int]]:
    """The feedback as rows for a terminal."""
    lines: list[dict[str, str | int]] = []
    for drop in found.drops:
        name = f"{drop.drop} (epoch {drop.epoch})"
        parts: list[tuple[str, int]] = [("rows arrived", drop.rows)]
        parts += [(f"quarantined: {refusal_words(why)[1]}", n) for why, n in drop.quarantined.items()]
        parts += [("documents", drop.documents)]
        parts += [(f"dropped: {drop_words(why)[1]}", n) for why, n in drop.dropped.items()]
        parts += [(f"of these, lost to {_whom(found, winner)[1]}", n) for winner, n in drop.lost_to.items()]
        parts += [("kept", drop.kept), ("tokens", drop.tokens)]
        parts += [(f"personal data: {label}", n) for label, n in drop.pii.items()]
        lines += [{"drop": name, "what": what, "count": count} for what, count in parts]
    whole: list[tuple[str, int]] = [
        (f"tokens lost to {_whom(found, one)[1]}", n) for one, n in found.lost_tokens.items()
    ]
    whole += [(f"would be kept without {one}", n) for one, n in found.kept_without.items()]
    whole += [("copies of others that your documents stand for", found.copies)]
    return lines + [{"drop": "all", "what": what, "count": count} for what, count in whole]


def render_feedback(found: Feedback) -> str:
    """The page for the partner, in Korean and English."""
    kept, tokens = sum(d.kept for d in found.drops), sum(d.tokens for d in found.drops)
    judged = both("기준일", "rights judged on").markup
    head = (
        f"<header><h1>말모이 {both(found.partner, found.partner).markup}</h1>"
        f"<p>{judged} {found.date} · {code(found.build).markup}</p></header>"
    )
    totals = cards(
        [
            (kept, both("남은 문서", "documents kept")),
            (tokens, both("토큰", "tokens")),
            (f"{found.document_share:.2%}", both("말뭉치 문서 중 비율", "share of the documents")),
            (f"{found.token_share:.2%}", both("말뭉치 토큰 중 비율", "share of the tokens")),
        ]
    )
    parts = [_drop_section(found, drop) for drop in found.drops]
    if found.drops:
        parts.append(_copies_section(found))
    if found.excluded:
        why = table("excluded", [both("까닭", "why")], [[found.excluded]])
        parts.insert(0, section("excluded", both("제외됨", "Left out"), why))
    return page(f"말모이 {found.partner}", head, totals, *parts)


def _drop_section(found: Feedback, drop: DropFeedback) -> str:
    lost, held = sum(drop.dropped.values()), sum(drop.quarantined.values())
    fate = bar(
        [("kept", drop.kept, "kept"), ("lost", lost, "dropped"), ("held", held, "quarantined")],
        whole=drop.kept + lost + held,
    )
    rows: list[list[Cell]] = [[both("도착한 행", "rows arrived"), drop.rows, ""]]
    for why, count in drop.quarantined.items():
        korean, english = refusal_words(why)
        label = both(f"격리: {korean}", f"quarantined: {english}")
        rows.append([label, count, share(count, drop.rows)])
    rows.append([both("문서", "documents"), drop.documents, share(drop.documents, drop.rows)])
    rows += [[both(*drop_words(why)), n, share(n, drop.documents)] for why, n in drop.dropped.items()]
    rows.append([both("남은 문서", "kept"), drop.kept, share(drop.kept, drop.documents)])
    rows.append([both("토큰", "tokens"), drop.tokens, ""])
    heads = [both("항목", "item"), both("수", "count"), both("비율", "share")]
    losses: list[list[Cell]] = [[both(*_whom(found, one)), n] for one, n in drop.lost_to.items()]
    classes: list[list[Cell]] = [[label, n] for label, n in drop.pii.items()]
    return section(
        f"drop-{drop.drop}",
        both(f"납품 {drop.drop}", f"drop, epoch {drop.epoch}"),
        fate.markup,
        table("fate", heads, rows),
        f"<h3>{both('중복으로 밀린 문서: 남은 쪽', 'Lost as duplicates, to whom').markup}</h3>",
        table("duplicates", [both("파트너", "partner"), both("문서", "documents")], losses),
        f"<h3>{both('남은 문서의 개인정보', 'Personal data in kept documents').markup}</h3>",
        table("personal data", [both("종류와 처리", "class and treatment"), both("수", "count")], classes),
    )


def _copies_section(found: Feedback) -> str:
    rows: list[list[Cell]] = [
        [both(f"잃은 토큰: {_whom(found, one)[0]}", f"tokens lost to {_whom(found, one)[1]}"), n]
        for one, n in found.lost_tokens.items()
    ]
    rows += [
        [both(f"{one} 없이 남았을 문서", f"kept without {one}"), n] for one, n in found.kept_without.items()
    ]
    rows.append([both("남은 문서가 대신하는 남의 사본", "copies of others they stand for"), found.copies])
    heads = [both("항목", "item"), both("수", "count")]
    return section("copies", both("중복의 손익", "What copies cost and spared"), table("copies", heads, rows))


def _whom(found: Feedback, winner: str) -> tuple[str, str]:
    return ("자체 중복", "your own documents") if winner == found.partner else (winner, winner)
