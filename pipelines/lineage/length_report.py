"""How long documents are and whose tokens they hold, for the report: from the ledger alone.

Bins of a histogram are powers of two: document lengths span seven of ten powers of ten.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.lineage.ledger import read_ledger
from pipelines.lineage.plots import STYLE, bars
from pipelines.lineage.report_page import Cell, Html, bar, both, share, table
from schemas.manifest import Manifest
from schemas.shards import NO_LANGUAGE

_SHOWN = 5  # languages with a plot of their own


def length_plots(manifest: Manifest, build: Path) -> str:
    """Histograms of the tokens in a document, over all and by language; tokens by partner."""
    ledger = read_ledger(build, ["partner", "language", "tokens"], pc.field("kept"), manifest=manifest)
    rows = pl.DataFrame(ledger).with_columns(pl.col("language").fill_null(NO_LANGUAGE))
    plots = [(both("모든 문서", "all documents"), _histogram("all documents", rows["tokens"]))]
    largest = (
        rows.group_by("language").agg(pl.col("tokens").sum()).sort("tokens", "language", descending=True)
    )
    for name in largest["language"].head(_SHOWN).to_list():
        of_language = rows.filter(pl.col("language") == name)["tokens"]
        plots.append((both(name, name), _histogram(name, of_language)))
    figures = "".join(f"<figure><figcaption>{t.markup}</figcaption>{p.markup}</figure>" for t, p in plots)
    return f'{STYLE}<div class="plots">{figures}</div>{_by_partner(rows)}'


def bins_of(tokens: NDArray[np.integer]) -> NDArray[np.int64]:
    """The bin of each number of tokens: the exponent of the largest power of two that is not larger."""
    exponents: NDArray[np.int64] = np.frexp(np.maximum(tokens, 1))[1].astype(np.int64)
    return exponents - 1  # below 2^53 a float64 is exact


def _histogram(label: str, tokens: pl.Series) -> Html:
    counts = np.bincount(bins_of(tokens.to_numpy()), minlength=1)
    first = int(np.flatnonzero(counts)[0]) if counts.any() else 0
    bins = [(f"{1 << k:,} +", int(count)) for k, count in enumerate(counts.tolist())][first:]
    return bars(f"tokens in a document, {label}", bins)


def _by_partner(rows: pl.DataFrame) -> str:
    counted = rows.group_by("partner").agg(documents=pl.len(), tokens=pl.col("tokens").sum())
    whole = int(rows["tokens"].sum())
    filled: list[list[Cell]] = []
    for partner, documents, tokens in counted.sort(
        ["tokens", "partner"], descending=[True, False]
    ).iter_rows():
        amount = Html(share(tokens, whole) + bar([("kept", tokens, partner)], whole=whole).markup)
        filled.append([partner, documents, tokens, tokens // max(documents, 1), amount])
    heads = [
        both("파트너", "partner"),
        both("문서", "documents"),
        both("토큰", "tokens"),
        both("문서당 토큰", "tokens a document"),
        both("비율", "share"),
    ]
    return table("tokens by partner", heads, filled)
