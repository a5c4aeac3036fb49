"""Which of a partner's documents a build may not use: by their own row's rights, or taken back since.

Reads ROW_RIGHTS of all rows that were read, with the split, data set, epoch and period they came in. What is
lost here is as if it had never come; the ledger says so with the stage `rights`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import polars as pl

from schemas.contract import Contract, DataSet, Delivery, Kind, Role
from schemas.reasons import Reason
from schemas.rights import OptOut, opted_out

SELECTION_VERSION = 3  # 2: crawl dates. 3: what was made of documents that were taken down
TAKEDOWN = "takedown"  # the detail of what a takedown takes out
_EPOCHS = 1 << 20  # more than there will be: order is version, then epoch
LOST = {"split": pl.Int32, "row": pl.Int64, "reason": pl.String, "detail": pl.String}
_DIGITS = re.compile(r"(\d+)")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def selection_identity(contract: Contract) -> list[Any]:
    """What of a contract decides here, for the digest that names the outcome."""
    sets = [
        (d.name, d.kind, d.delivery, d.row_licences, d.origin, d.machine_terms) for d in contract.data_sets
    ]
    return [SELECTION_VERSION, contract.partner, contract.rights.opt_outs, sets]


def dated(contract: Contract) -> bool:
    """Whether the outcome depends on the day itself: crawl dates are held against it."""
    return any(data_set.of_role(Role.CRAWL_DATE) for data_set in contract.data_sets)


def needs_looking(data_set: DataSet, contract: Contract) -> bool:
    """Whether anything here can take a document of the data set out."""
    columns = {column.role for column in data_set.columns}
    by_machine = Role.ORIGIN in columns or data_set.origin in ("machine", "mixed")
    return (
        bool(columns & {Role.CRAWL_DATE, Role.LICENCE, Role.SEED, Role.TOMBSTONE})
        or data_set.delivery is not Delivery.APPEND
        or (by_machine and data_set.machine_terms != "allowed")
        or (bool(contract.rights.opt_outs) and _has_hosts(data_set))
    )


def _has_hosts(data_set: DataSet) -> bool:
    return bool(data_set.of_role(Role.URL)) or data_set.kind is Kind.WEB


def lost_rows(
    rows: pl.DataFrame, contract: Contract, day: str, taken_down: pl.DataFrame | None = None
) -> pl.DataFrame:
    """LOST: split, row, reason and detail of every row that may not be used, one a row.

    rows: split, data_set, drop, epoch, period and the columns of ROW_RIGHTS. Of several reasons the first
    counts: taken back, superseded, not in the snapshot, opted out, crawl date, licence, machine terms, seed.

    An opt-out counts backwards, for whatever was crawled before it too, so no crawl date keeps a row in; it
    tells what a partner crawled against an owner's word. Without a date that has been nobody can tell: the
    row is not used.

    taken_down: split and row of documents that a takedown names. They are in the result for no such reason,
    but what was made of them is, as of a seed that may not be used, with TAKEDOWN as its detail.
    """
    taken = rows.select("split", "row", "data_set", "key", "seeds").with_columns(
        pl.Series("reason", [None] * len(rows), pl.String), pl.Series("detail", [None] * len(rows), pl.String)
    )
    for data_set in contract.data_sets:
        of_set = rows["data_set"] == data_set.name
        if not of_set.any() or not needs_looking(data_set, contract):
            continue
        judged = _judged(rows.filter(of_set), data_set, contract, day)
        taken = taken.update(judged, on=["split", "row"], how="left")
    if any(data_set.of_role(Role.SEED) for data_set in contract.data_sets):
        taken = _without_seeds(taken)
        if taken_down is not None and len(taken_down):
            taken = _without_taken_down(taken, taken_down)
    return taken.filter(pl.col("reason").is_not_null()).select(*LOST)


def _judged(rows: pl.DataFrame, data_set: DataSet, contract: Contract, day: str) -> pl.DataFrame:
    """split, row, reason and detail of one data set's rows; null where nothing is against them."""
    rows = _newest(rows, data_set)
    outs = tuple(out for out in contract.rights.opt_outs if out.since <= day and _has_hosts(data_set))
    domains = _opted_out(rows["host"], outs, day)
    domain = pl.col("host").replace_strict(
        {host: out.domain for host, out in domains.items()}, default=None, return_dtype=pl.String
    )
    since = pl.col("host").replace_strict(
        {host: out.since for host, out in domains.items()}, default=None, return_dtype=pl.String
    )
    crawled = pl.col("crawled")
    licences = {_spdx(one) for one in data_set.row_licences}
    unlisted = [
        licence for licence in rows["licence"].drop_nulls().unique() if not _all_listed(licence, licences)
    ]
    rules: list[tuple[Reason, pl.Expr, pl.Expr]] = [
        (Reason.TAKEN_BACK, pl.col("taken_back"), pl.lit(None)),
        (Reason.SUPERSEDED, pl.col("superseded"), pl.lit(None)),
        (Reason.NOT_IN_SNAPSHOT, pl.col("gone"), pl.lit(None)),
        (Reason.CRAWLED_AFTER_OPT_OUT, crawled.is_between(since, pl.lit(day)), domain),
        (
            Reason.OPTED_OUT,
            domain.is_not_null() | (pl.lit(bool(outs)) & pl.col("host").is_null()),
            domain.fill_null("no host in its URL"),
        ),
        (Reason.CRAWL_DATE, (crawled == "") | (crawled > day), crawled),
        (Reason.LICENCE_NOT_ALLOWED, pl.col("licence").is_in(unlisted), pl.lit(None)),
        (Reason.MACHINE_TERMS, _by_machine(data_set), _origin(data_set)),
    ]
    reason: Any = pl.lit(None, pl.String)
    detail: Any = pl.lit(None, pl.String)
    for name, broken, said in reversed(rules):
        reason = pl.when(broken).then(pl.lit(name.value)).otherwise(reason)
        detail = pl.when(broken).then(said).otherwise(detail)
    return rows.select("split", "row", reason=reason, detail=detail)


def _newest(rows: pl.DataFrame, data_set: DataSet) -> pl.DataFrame:
    """Adds taken_back, superseded and gone: what other rows of the same key say of a row.

    A tombstone takes back its key's rows up to its version or, of one version, up to its epoch.
    """
    versions = sorted(rows["version"].drop_nulls().unique(), key=_version_key)
    places = {version: place + 1 for place, version in enumerate(versions)}
    age = pl.col("version").replace_strict(places, default=0, return_dtype=pl.Int64)
    rows = rows.with_columns(order=age * _EPOCHS + pl.col("epoch"))
    of_key = rows.filter(pl.col("key").is_not_null()).group_by("key")
    by_key = of_key.agg(newest=pl.col("order").max(), grave=pl.col("order").filter(pl.col("tombstone")).max())
    rows = rows.join(by_key, on="key", how="left", maintain_order="left")
    superseded = pl.lit(data_set.delivery is Delivery.UPSERT) & (pl.col("order") < pl.col("newest"))
    rows = rows.with_columns(
        taken_back=pl.col("tombstone") | (pl.col("order") <= pl.col("grave")).fill_null(value=False),
        superseded=superseded.fill_null(value=False),
        gone=pl.lit(value=False),
    )
    return _of_snapshot(rows) if data_set.delivery is Delivery.SNAPSHOT else rows


def _of_snapshot(rows: pl.DataFrame) -> pl.DataFrame:
    """Of snapshots only the newest counts; of several that are equally new, what is in all of them."""
    epoch, period = rows.select("epoch", "period").unique().sort("epoch", "period").row(-1)
    newest = (pl.col("epoch") == epoch) & (pl.col("period") == period)
    current = rows.filter(newest)
    in_drops = current.group_by("key").agg(drops=pl.col("drop").n_unique())
    whole = in_drops.filter(pl.col("drops") == current["drop"].n_unique())["key"]
    there = pl.col("key").is_in(whole.implode()).fill_null(value=True)
    return rows.with_columns(gone=~there, superseded=there & ~newest)


def _version_key(version: str | None) -> tuple[int, Any]:
    """Numbers by size, then dates by time, then text with its digits by size; none comes first."""
    if version is None or not version.strip():
        return 0, 0
    text = version.strip()
    if _NUMBER.fullmatch(text):
        try:
            return 1, Decimal(text)
        except InvalidOperation:
            pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        pieces = _DIGITS.split(text)
        return 3, [(piece.isdecimal(), int(piece) if piece.isdecimal() else 0, piece) for piece in pieces]
    return 2, moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _opted_out(hosts: pl.Series, outs: tuple[OptOut, ...], day: str) -> dict[str, OptOut]:
    """The domain that opted out, by host, and since when: the narrowest domain, the earliest day."""
    found = {}
    for host in hosts.drop_nulls().unique():
        all_of_host = [out for out in outs if opted_out(host, (out,), day)]
        if all_of_host:
            domain = max((out.domain for out in all_of_host), key=len)
            found[host] = OptOut(domain, min(out.since for out in all_of_host))
    return found


def _spdx(expression: str) -> str:
    """SPDX expressions are compared without regard to case and spaces."""
    return " ".join(expression.split()).casefold()


def _all_listed(licences: str, allowed: set[str]) -> bool:
    return all(_spdx(one) in allowed for one in licences.split("\n"))


def _origin(data_set: DataSet) -> pl.Expr:
    """Who wrote the text: the row's word narrows the data set's, and of a mixture says which part it is."""
    said = pl.col("origin")
    silent = "mixed" if data_set.of_role(Role.ORIGIN) and data_set.origin != "people" else data_set.origin
    match data_set.origin:
        case "machine":
            return pl.lit("machine")
        case "people":
            return pl.when(said == "").then(pl.lit("people")).otherwise(said)
        case _:
            return pl.when(said == "").then(pl.lit(silent)).otherwise(said)


def _by_machine(data_set: DataSet) -> pl.Expr:
    if data_set.machine_terms == "allowed":
        return pl.lit(value=False)
    return _origin(data_set).is_in(["machine", "mixed"])


def _without_taken_down(taken: pl.DataFrame, taken_down: pl.DataFrame) -> pl.DataFrame:
    """After everything else, so that a takedown changes the reason of nobody who was out before it."""
    gone = taken.join(taken_down, on=["split", "row"], how="semi").filter(pl.col("reason").is_null())
    marked = gone.with_columns(reason=pl.lit(Reason.TAKEN_BACK.value))
    after = _without_seeds(taken.update(marked, on=["split", "row"], how="left"))
    made = after.filter(pl.col("reason") == Reason.SEED_WITHDRAWN.value).join(
        taken.filter(pl.col("reason").is_null()), on=["split", "row"], how="semi"
    )
    return taken.update(made.with_columns(detail=pl.lit(TAKEDOWN)), on=["split", "row"], how="left")


def _without_seeds(taken: pl.DataFrame) -> pl.DataFrame:
    """Texts made from documents that may not be used, or that nobody has seen, go too, and so on."""
    while True:
        standing = taken.filter(pl.col("reason").is_null())["key"].drop_nulls().unique()
        edges = taken.filter(pl.col("reason").is_null() & (pl.col("seeds").list.len() > 0)).explode("seeds")
        fallen = edges.filter(~pl.col("seeds").is_in(standing.implode())).select("split", "row").unique()
        if not len(fallen):
            return taken
        lost = fallen.with_columns(reason=pl.lit(Reason.SEED_WITHDRAWN.value), detail=pl.lit(None, pl.String))
        taken = taken.update(lost, on=["split", "row"], how="left")
