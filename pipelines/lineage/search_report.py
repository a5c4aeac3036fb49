"""The report's search: a document's fate by its id, from an index inside the page.

The index holds, sorted by id, what the ledger says of every document of a small build: columns of equal
length, little-endian, as Base64. Names stand in lists once and are meant by their places. No text.
"""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.lineage.ledger import read_ledger
from pipelines.lineage.report_page import both, code, section
from pipelines.lineage.report_words import REASONS, language_words, stage_words
from pipelines.lineage.verdicts import REPEATS_KEY
from schemas.manifest import Manifest
from schemas.reasons import REASON_WORDING, Reason
from schemas.shards import NO_LANGUAGE

MOST = 50_000  # documents of a build that has an index; each takes about 60 characters of the page
_SET, _FATE = ["partner", "data_set"], ["kept", "stage", "reason"]
NONE = 0xFFFFFFFF  # "no place" in a column of places
_COLUMNS = ["doc_id", "partner", "data_set", "drop", "file", "row", "language", "kept", "stage", "reason"]
_MORE = ["detail", "duplicate_of", "similarity", "tokens", "shard", "shard_row"]


def search_section(manifest: Manifest, build: Path) -> str:
    """The box and its index; of a large build, the command that answers instead."""
    documents = sum(facts.documents for facts in manifest.data_sets)
    title = both("문서 찾기", "Find a document")
    command = code("malmoi trace BUILD --doc ID").markup
    if documents > MOST:
        words = both(
            f"문서가 {documents:,}개라 이 쪽에 색인을 싣지 않았습니다. 명령으로 찾으십시오:",
            f"With {documents:,} documents this page has no index of them. Ask the command:",
        )
        return section("search", title, f"<p>{words.markup} {command}</p>")
    label = both(
        f"문서 id의 앞부분(16진수, 두 자리 이상). 문서 {documents:,}개 가운데서 찾습니다.",
        f"The beginning of a document's id, two hexadecimal digits at least, among {documents:,} documents.",
    )
    needs = both(
        "찾기에는 자바스크립트가 필요합니다. 같은 답을 주는 명령:",
        "Searching needs JavaScript. The command that gives the same answer:",
    )
    form = (
        f'<form class="find" role="search"><label for="doc">{label.markup}</label>'
        '<input id="doc" type="search" autocomplete="off" autocapitalize="off" spellcheck="false" '
        'maxlength="64">'
        f"<button>{both('찾기', 'Find').markup}</button></form>"
        f'<p class="instead">{needs.markup} {command}</p>'
        '<div id="found" role="status" aria-live="polite"></div>'
    )
    data = _json(index_of(build, manifest))
    return section("search", title, form, f'<script type="application/json" id="index">{data}</script>')


def index_of(build: Path, manifest: Manifest) -> dict[str, Any]:
    """The index as JSON values; rows are sorted by id, the row that counts of a repeated id first."""
    rows = pl.DataFrame(read_ledger(build, [*_COLUMNS, *_MORE], manifest=manifest)).with_columns(
        pl.col("language").fill_null(NO_LANGUAGE)
    )
    rows = rows.sort("doc_id", ~pl.col("kept"), REPEATS_KEY, "file", "row").with_row_index("at")
    sets = _distinct(rows, _SET, "set")
    fates = _distinct(rows, _FATE, "fate")
    first = rows.group_by("doc_id").agg(lostTo=pl.col("at").min())
    rows = rows.join(sets, on=_SET, how="left", maintain_order="left")
    rows = rows.join(fates, on=_FATE, how="left", maintain_order="left", nulls_equal=True)
    rows = rows.join(
        first, left_on="duplicate_of", right_on="doc_id", how="left", maintain_order="left"
    ).with_columns(pl.col("similarity").fill_null(-1))
    found: dict[str, Any] = {
        "documents": len(rows),
        "id": _base64(np.frombuffer(b"".join(rows["doc_id"].to_list()), np.uint8)),
        "sets": list(sets.select(_SET).iter_rows()),
        "fates": [_fate(*fate) for fate in fates.select(_FATE).iter_rows()],
        "similarity": _base64(rows["similarity"].to_numpy().astype("<f4")),
    }
    for name in ("drop", "file", "language", "detail", "shard"):
        known = rows[name].cast(pl.String).drop_nulls().unique().sort()
        found[name + "s"] = known.to_list()
        found[name] = _places(rows[name].cast(pl.String).cast(pl.Enum(known)).to_physical())
    found["languages"] = [language_words(name) for name in found["languages"]]
    for name in ("set", "fate", "lostTo", "row", "tokens", "shard_row"):
        found[name] = _places(rows[name])
    return found


def _distinct(rows: pl.DataFrame, columns: list[str], name: str) -> pl.DataFrame:
    """The different rows of some columns, sorted, each with its place."""
    return rows.select(columns).unique().sort(columns, nulls_last=True).with_row_index(name)


def _fate(kept: bool, stage: str | None, reason: str | None) -> list[list[str]]:
    """Words of a fate: what became of it, at which stage, why; each in Korean and English."""
    if kept:
        return [["남음", "kept"]]
    at = stage_words(stage or "")
    why = (reason or "", reason or "")
    if reason in list(Reason):
        why = (REASONS[Reason(reason)], REASON_WORDING.get(Reason(reason), reason))
    return [["버림", "dropped"], list(at), list(why)]


def _places(values: pl.Series) -> str:
    return _base64(values.cast(pl.Int64).fill_null(NONE).to_numpy().astype("<u4"))


def _base64(values: NDArray[Any]) -> str:
    return b64encode(values.tobytes()).decode()


def _json(value: Any) -> str:
    """JSON that cannot end the element it stands in, nor a line."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
