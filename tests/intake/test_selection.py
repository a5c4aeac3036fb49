"""Selection takes out exactly what rows forbid, by a second way of deciding it."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.intake.readers.row_rights import row_rights
from pipelines.intake.selection import lost_rows
from schemas.contract import Column, Contract, DataSet, Delivery, Format, Kind, Markup, Role
from schemas.reasons import Reason
from schemas.rights import OptOut
from tests.agreements import ALL_RIGHTS, contract_of
from tests.laws.row_rights import DOMAIN, LICENCES, forbidden, rows

ROLES = {
    "id": Role.KEY,
    "rev": Role.VERSION,
    "url": Role.URL,
    "seen": Role.CRAWL_DATE,
    "lic": Role.LICENCE,
    "by": Role.ORIGIN,
    "of": Role.SEED,
    "gone": Role.TOMBSTONE,
}
DAY = "2026-11-24"


def data_set(*roles: Role, delivery: Delivery = Delivery.APPEND, **facts: object) -> DataSet:
    return replace(
        DataSet(
            name="posts",
            kind=Kind.SHORT_POST,
            files=("*",),
            format=Format.JSONL,
            encoding="utf-8",
            delimiter=",",
            markup=Markup.PLAIN,
            join="\n",
            delivery=delivery,
            languages=("ko",),
            columns=tuple(
                Column(name, role, "string", required=False, path=(name,))
                for name, role in ROLES.items()
                if role in roles
            ),
        ),
        **facts,
    )


def table(drawn: list[dict], described: DataSet, **came: object) -> pl.DataFrame:
    """ROW_RIGHTS as a reader gives them, with where the rows came from."""
    roles = {column.role: column.name for column in described.columns}

    def values(role: Role) -> list[list[str]]:
        return [[_text(row[roles[role]]) for row in drawn]] if role in roles else []

    read = row_rights(
        described,
        partner="p",
        rows=range(len(drawn)),
        keys=values(Role.KEY),
        versions=values(Role.VERSION)[0] if Role.VERSION in roles else None,
        values={role: values(role) for role in ROLES.values()},
    )
    where = {"split": 0, "data_set": "posts", "drop": "d", "epoch": 0, "period": "", **came}
    return pl.DataFrame(read).with_columns(
        pl.lit(value, pl.Int32 if name == "split" else None).alias(name) for name, value in where.items()
    )


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            return "\x1f".join(value)
    return str(value)


def reasons(frame: pl.DataFrame, contract: Contract) -> dict[tuple[int, int], str]:
    lost = lost_rows(frame, contract, DAY)
    assert lost.select("split", "row").is_unique().all()
    return {(split, row): reason for split, row, reason, _ in lost.iter_rows()}


@settings(max_examples=300)
@given(
    rows(14),
    st.sampled_from(["append", "upsert"]),
    st.sampled_from(["", "people", "mixed", "machine"]),
    st.sampled_from(["", "allowed", "forbidden"]),
)
def test_what_is_taken_out_is_what_the_rows_forbid(drawn, delivery, origin, terms):
    described = data_set(
        *ROLES.values(),
        delivery=Delivery(delivery),
        row_licences=LICENCES,
        origin=origin,
        machine_terms=terms,
    )
    rights = replace(ALL_RIGHTS, opt_outs=(OptOut(DOMAIN, "2026-06-01"),))
    found = reasons(table(drawn, described), contract_of(described, rights=rights))
    wanted = forbidden(drawn, delivery=delivery, origin=origin, terms=terms)
    assert {row for _, row in found} == wanted


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        *(("9", "10"), ("2026-01-02", "2026-11-01"), ("rev9", "rev10"), ("1.5", "1.25e")),
        *(("7", "2020-01-01"), ("2026-01-02T23:00:00+09:00", "2026-01-02T15:00:00")),
    ],
)
def test_versions_are_compared_as_numbers_dates_or_text(older: str, newer: str):
    described = data_set(Role.KEY, Role.VERSION, delivery=Delivery.UPSERT)
    drawn = [{"id": "1", "rev": newer}, {"id": "1", "rev": older}]
    assert reasons(table(drawn, described), contract_of(described)) == {(0, 1): Reason.SUPERSEDED}


def test_an_opt_out_counts_from_its_day_for_everything_that_was_crawled_before():
    described = data_set(Role.KEY, Role.URL)
    drawn = [
        {"id": "1", "url": "https://sub.later.example/"},
        {"id": "2", "url": "https://notlater.example/"},
    ]
    for since, lost in (("2026-11-24", {(0, 0): Reason.OPTED_OUT}), ("2026-11-25", {})):
        rights = replace(ALL_RIGHTS, opt_outs=(OptOut("later.example", since),))
        assert reasons(table(drawn, described), contract_of(described, rights=rights)) == lost


def test_of_snapshots_the_newest_counts():
    described = data_set(Role.KEY, delivery=Delivery.SNAPSHOT)
    old = table([{"id": "1"}, {"id": "2"}], described, split=0, drop="a", period="2026-09-30")
    new = table([{"id": "2"}, {"id": "3"}], described, split=1, drop="b", period="2026-10-31")
    assert reasons(pl.concat([old, new]), contract_of(described)) == {
        (0, 0): Reason.NOT_IN_SNAPSHOT,
        (0, 1): Reason.SUPERSEDED,
    }


def test_of_snapshots_that_are_equally_new_only_what_is_in_all_of_them_is_used():
    described = data_set(Role.KEY, delivery=Delivery.SNAPSHOT)
    one = table([{"id": "1"}, {"id": "2"}], described, split=0, drop="a")
    two = table([{"id": "2"}, {"id": "3"}], described, split=1, drop="b")
    assert set(reasons(pl.concat([one, two]), contract_of(described))) == {(0, 0), (1, 1)}


def test_a_row_that_comes_again_after_its_tombstone_stands_in_the_later_epoch():
    described = data_set(Role.KEY, Role.TOMBSTONE)
    first = table([{"id": "1", "gone": False}, {"id": "1", "gone": True}], described, split=0, epoch=0)
    again = table([{"id": "1", "gone": False}], described, split=1, epoch=1)
    assert set(reasons(pl.concat([first, again]), contract_of(described))) == {(0, 0), (0, 1)}
