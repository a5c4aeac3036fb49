"""The report's languages and lengths: tokens by language, histograms of document lengths, tokens by partner.

Bins of a histogram are powers of two: document lengths span seven of ten powers of ten.
"""

from __future__ import annotations

import polars as pl

from pipelines.lineage.fates import Fates
from pipelines.lineage.plots import bars
from pipelines.lineage.report_page import Cell, Heat, Html, both, measure, section, table
from pipelines.lineage.report_words import language_words

_SHOWN = 5  # languages with a plot of their own
_SUMS = [pl.col("documents").sum(), pl.col("tokens").sum()]


def languages_section(fates: Fates) -> str:
    """Kept documents and tokens by language, with what was dropped."""
    counted = (
        fates.fates.group_by("language")
        .agg(
            kept=pl.col("documents").filter("kept").sum(),
            dropped=pl.col("documents").filter(~pl.col("kept")).sum(),
            tokens=pl.col("tokens").sum(),
        )
        .sort(["tokens", "language"], descending=[True, False])
    )
    whole = int(counted["tokens"].sum())
    rows: list[list[Cell]] = []
    for name, kept, dropped, tokens in counted.iter_rows():
        amount = measure("kept", tokens, whole, label=name)
        rows.append([_language(name), kept, dropped, tokens, tokens // max(kept, 1), amount])
    heads = [
        both("언어", "language"),
        both("남은 문서", "documents kept"),
        both("버린 문서", "dropped"),
        both("토큰", "tokens"),
        both("문서당 토큰", "tokens a document"),
        both("토큰 비율", "share of tokens"),
    ]
    return section(
        "languages",
        both("언어", "Languages"),
        table(both("언어별 문서와 토큰", "Documents and tokens by language"), heads, rows),
    )


def lengths_section(fates: Fates) -> str:
    """Histograms of the tokens in a document, over all and by language; the same as a table; by partner."""
    cells = fates.kept.group_by("language", "bin").agg(_SUMS).sort("language", "bin")
    languages = (
        cells.group_by("language")
        .agg(_SUMS)
        .sort(["tokens", "language"], descending=[True, False])["language"]
        .to_list()
    )
    found = {(language, low): count for language, low, count, _ in cells.iter_rows()}
    low, high = (min(cells["bin"], default=0), max(cells["bin"], default=-1))
    bins = range(low, high + 1)
    names = [f"{1 << at:,} +" for at in bins]
    whole = [sum(found.get((language, at), 0) for language in languages) for at in bins]
    plots = [_figure(both("모든 문서", "all documents"), "all documents", names, whole)]
    plots += [
        _figure(_language(name), name, names, [found.get((name, at), 0) for at in bins])
        for name in languages[:_SHOWN]
    ]
    most = max(found.values(), default=0)
    rows: list[list[Cell]] = [
        [name, total, *(Heat(found.get((language, at), 0), most) for language in languages)]
        for name, at, total in zip(names, bins, whole, strict=True)
    ]
    heads = [both("토큰", "tokens"), both("문서", "documents"), *map(_language, languages)]
    return section(
        "lengths",
        both("문서의 길이", "Lengths of documents"),
        f'<div class="plots">{"".join(plots)}</div>',
        table(
            both("문서의 토큰 수와 언어별 문서", "Documents by their number of tokens and language"),
            heads,
            rows,
        ),
        _by_partner(fates),
    )


def _language(name: str) -> Html:
    return both(*language_words(name))


def _figure(title: Html, label: str, names: list[str], counts: list[int]) -> str:
    drawn = bars(f"tokens in a document, {label}", list(zip(names, counts, strict=True)))
    return f"<figure><figcaption>{title.markup}</figcaption>{drawn.markup}</figure>"


def _by_partner(fates: Fates) -> str:
    counted = fates.kept.group_by("partner").agg(_SUMS).sort(["tokens", "partner"], descending=[True, False])
    whole = int(counted["tokens"].sum())
    rows: list[list[Cell]] = []
    for partner, documents, tokens in counted.iter_rows():
        amount = measure("kept", tokens, whole, label=partner)
        rows.append([partner, documents, tokens, tokens // max(documents, 1), amount])
    heads = [
        both("파트너", "partner"),
        both("문서", "documents"),
        both("토큰", "tokens"),
        both("문서당 토큰", "tokens a document"),
        both("비율", "share"),
    ]
    return table(both("파트너별 토큰", "Tokens by partner"), heads, rows)
