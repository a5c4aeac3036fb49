"""What leaves a partner through `malmoi prepare`: columns by their policy, texts without personal data."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.admit.one_drop import admit_drop
from pipelines.intake.contracts import load_contract
from pipelines.intake.drops import discover
from pipelines.prepare import prepare, without_personal_data
from schemas.admission import Verdict
from tests.admit.posts import TODAY
from tests.folders import (
    ENDINGS,
    KEY,
    KEYED,
    MAIL,
    PHONE,
    RRN,
    TEXT,
    agreement,
    column,
    contents,
    data_set,
    everything,
    read_rows,
    subject_key,
    trip,
    trips,
    write_rows,
)


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet", "arrow"])
def test_columns_leave_by_their_policy(tmp_path: Path, form: str):
    contract = agreement(tmp_path, trips(form))
    name = "trips" + ENDINGS[form]
    write_rows(tmp_path / "raw" / name, [trip(number) for number in range(20)])
    drop = tmp_path / "drop"
    key = subject_key(tmp_path)
    done = prepare(contract, tmp_path / "raw", drop, subject_key=key)
    assert done.faults == 0
    assert done.columns_left_out == {"trips": ["unnamed"]}
    rows = read_rows(drop / name)
    assert [set(row) for row in rows] == [{"id", "driver", "plate", "lat", "at", "stars", "text"}] * 20
    assert len({row["driver"] for row in rows}) == 3
    assert len({row["plate"] for row in rows}) == 20
    assert all(KEYED.fullmatch(row[name]) for row in rows for name in ("driver", "plate"))
    assert [float(row["lat"]) for row in rows] == [float(f"{37.12 + number:.2f}") for number in range(20)]
    assert {row["at"] for row in rows} == {"2026-10-03T21:00:00+09:00"}
    assert [(row["id"], int(row["stars"]), row["text"]) for row in rows] == [
        (trip(n)["id"], trip(n)["stars"], trip(n)["text"]) for n in range(20)
    ]
    assert b"canary" not in everything(drop)
    assert key.read_text().strip().encode() not in everything(drop)


CELLS = st.text(
    st.characters(categories=["L", "N", "Z", "P"], include_characters='"\n,\t'), min_size=1, max_size=12
)
HIDDEN = ("subject", "key", "drop")


@st.composite
def folders(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]], list[dict[str, Any]], list[str]]:
    """A format, columns, rows that fit them, and the values that may not leave."""
    form = draw(st.sampled_from(["jsonl", "csv", "parquet", "arrow"]))
    kinds = draw(
        st.lists(st.sampled_from(["subject", "key", "drop", "forbid", "grid", "clock", "keep"]), max_size=6)
    )
    columns = [
        {**KEY, "customProperties": [*KEY["customProperties"], *draw(st.sampled_from([[], [KEYS]]))]},
        TEXT,
    ]
    made: dict[str, Any] = {}
    for at, kind in enumerate(kinds):
        name = f"c{at}"
        if kind == "subject":
            made[name] = column(name, role="subject")
        elif kind == "grid":
            made[name] = column(
                name, "number", policy="generalise", grid=draw(st.sampled_from([0.01, 0.5, 10]))
            )
        elif kind == "clock":
            clock = draw(st.sampled_from(["hour", "day", "month"]))
            made[name] = column(name, "timestamp", policy="generalise", clock=clock)
        else:
            made[name] = column(name, policy=kind)
    order = draw(st.permutations([*columns, *made.values()]))
    is_keyed = KEYS in columns[0]["customProperties"]
    prefix = "canary" if is_keyed else "row"
    rows = []
    for number in range(draw(st.integers(1, 12))):
        row: dict[str, Any] = {"id": f"{prefix}-id-{number}", "text": draw(CELLS) + f" 글 {number}"}
        for (name, _), kind in zip(made.items(), kinds, strict=True):
            if kind == "grid":
                row[name] = draw(st.floats(-1000, 1000).map(lambda value: round(value, 6)))
            elif kind == "clock":
                row[name] = draw(st.datetimes().filter(lambda t: t.year > 1900)).isoformat()
            elif kind == "forbid":
                row[name] = None
            elif kind == "keep":
                row[name] = draw(st.one_of(st.none(), CELLS))
            else:
                row[name] = draw(st.one_of(st.none(), CELLS.map(lambda text: f"canary-{text}")))
        rows.append(row)
    hidden = [row["id"] for row in rows if is_keyed]
    hidden += [row[c] for row in rows for c, k in zip(made, kinds, strict=True) if k in HIDDEN and row[c]]
    return form, list(order), rows, hidden


KEYS = {"property": "malmoi.policy", "value": "key"}


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(folders())
def test_what_is_prepared_is_admitted_and_holds_nothing_of_what_stays(
    tmp_path_factory: pytest.TempPathFactory, folder: tuple[Any, ...]
):
    form, columns, rows, hidden = folder
    home = tmp_path_factory.mktemp("home")
    path = agreement(home, data_set("rows", columns, form=form))
    write_rows(home / "raw" / f"rows{ENDINGS[form]}", rows)
    key = subject_key(home)
    done = prepare(path, home / "raw", home / "drop", subject_key=key)
    assert done.faults == 0, done.sample
    contract = load_contract(path)
    found = discover(home / "drop", contract)
    assert (found.faults, found.unnamed, found.refused, found.parts) == ((), (), (), ())
    admission = admit_drop(contract, home / "drop", today=TODAY)
    assert admission.verdict is Verdict.ADMITTED, admission.findings
    assert len(admission.faults) == 0
    (file,) = done.manifest.files
    assert file.rows == len(rows)
    out = everything(home / "drop")
    assert [value for value in hidden if value.encode() in out] == []
    assert b"canary" not in out
    prepare(path, home / "raw", home / "again", subject_key=key)
    assert contents(home / "again") == contents(home / "drop")


def test_lists_of_objects_keep_only_what_the_contract_names(tmp_path: Path):
    turns = column("turns", "array", required=True)
    del turns["customProperties"]
    inside = [
        column("text", required=True, role="text"),
        column("user", policy="key"),
        column("ip", policy="drop"),
    ]
    turns["items"] = {"name": "turn", "logicalType": "object", "properties": inside}
    for form in ("jsonl", "parquet"):
        home = tmp_path / form
        contract = agreement(home, data_set("talk", [KEY, turns], form=form, kind="dialogue"))
        rows = [
            {
                "id": f"d{number}",
                "turns": [
                    {
                        "user": "canary-1",
                        "ip": "canary-2",
                        "text": f"제 번호는 {PHONE}이에요",
                        "app": "canary-3",
                    },
                    {"user": None, "ip": None, "text": f"{PHONE} 맞나요? {number}", "app": None},
                ],
            }
            for number in range(3)
        ]
        write_rows(home / "raw" / f"talk{ENDINGS[form]}", rows)
        prepare(contract, home / "raw", home / "drop", subject_key=subject_key(home))
        first, *_ = read_rows(home / "drop" / f"talk{ENDINGS[form]}")
        assert [set(turn) for turn in first["turns"]] == [{"text", "user"}] * 2
        assert KEYED.fullmatch(first["turns"][0]["user"])
        assert first["turns"][1]["user"] is None
        surrogate = re.search(r"010-[01]\d{3}-\d{4}", first["turns"][0]["text"])[0]
        assert surrogate != PHONE
        assert surrogate in first["turns"][1]["text"]
        assert b"canary" not in everything(home / "drop")
        assert PHONE.encode() not in everything(home / "drop")


def test_personal_data_goes_by_the_policy_of_its_class(tmp_path: Path):
    policies = {
        "PHONE_NUMBER": {"expected": True, "policy": "remove"},
        "EMAIL_ADDRESS": {"expected": True, "policy": "keep", "why": "addresses of examples"},
    }
    identifiers = dict.fromkeys(("KR_RRN", "KR_FRN", "KR_PASSPORT", "KR_DRIVER_LICENSE"), "remove")
    contract = agreement(
        tmp_path, data_set("posts", [KEY, TEXT]), personalData=policies, uniqueIdentifiers=identifiers
    )
    text = f"전화 {PHONE}, 메일 {MAIL}, 주민등록번호 {RRN}"
    write_rows(tmp_path / "raw" / "posts.jsonl", [{"id": "a", "text": text}])
    prepare(contract, tmp_path / "raw", tmp_path / "drop")
    (row,) = read_rows(tmp_path / "drop" / "posts.jsonl")
    assert row["text"] == f"전화 [PHONE_NUMBER], 메일 {MAIL}, 주민등록번호 [KR_RRN]"


def test_a_row_with_an_identifier_that_is_absent_by_contract_is_rejected(tmp_path: Path):
    contract = agreement(tmp_path, data_set("posts", [KEY, TEXT]))
    rows = [
        {"id": "a", "text": "안녕하세요"},
        {"id": "b", "text": f"주민등록번호 {RRN}"},
        {"id": "c", "text": "네"},
    ]
    write_rows(tmp_path / "raw" / "posts.jsonl", rows)
    assert prepare(contract, tmp_path / "raw", tmp_path / "drop").manifest is None
    assert not (tmp_path / "drop").exists()
    done = prepare(contract, tmp_path / "raw", tmp_path / "drop", leave_out_bad_rows=True)
    assert [row["id"] for row in read_rows(tmp_path / "drop" / "posts.jsonl")] == ["a", "c"]
    (reject,) = read_rows(done.rejects)
    assert (reject["row"], reject["line"], reject["reason"]) == (1, 2, "unique_identifier")
    assert RRN.encode() not in done.rejects.read_bytes() + everything(tmp_path / "drop")


LINES = st.text(st.sampled_from("가나다 a1\n"), max_size=20)
FOUND = st.sampled_from([PHONE, MAIL, "010-0000-9999", ""])


@given(st.lists(st.lists(st.tuples(LINES, FOUND, LINES).map(" ".join), max_size=4), max_size=4))
def test_texts_of_a_row_are_replaced_as_the_build_replaces_them_joined(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
):
    where = load_contract(
        agreement(tmp_path_factory.mktemp("home"), data_set("posts", [KEY, TEXT]))
    ).data_set("posts")
    ids = [bytes([number]) * 16 for number in range(len(rows))]
    found = without_personal_data(rows, ids, data_set=where)
    assert [len(row) for row in found] == [len(row) for row in rows]
    joined = without_personal_data([["\n".join(row)] for row in rows], ids, data_set=where)
    assert ["\n".join(row) for row in found] == [text for (text,) in joined]
    assert not any(value in text for row in found for text in row for value in (PHONE, MAIL, "010-0000-9999"))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(st.sampled_from((f"{PHONE}이에요. ", f"{PHONE}은 ", "맞나요? ", "가나다 ")), max_size=6).map(
            "".join
        ),
        min_size=1,
        max_size=5,
    ),
    st.integers(0, 10**6),
)
def test_texts_of_a_row_come_apart_where_they_were_joined(tmp_path_factory, pieces, seed):
    home = tmp_path_factory.mktemp("apart")
    contract = agreement(home, data_set("talk", [KEY, TEXT], form="jsonl", kind="dialogue"))
    chat = load_contract(contract).data_sets[0]
    (apart,) = without_personal_data([pieces], [seed.to_bytes(16, "big")], data_set=chat)
    assert apart is not None

    def shape(text: str) -> str:
        return re.sub("이에요|예요|은|는", "?", re.sub("010-[0-9]{4}-[0-9]{4}", "N", text))

    assert list(map(shape, apart)) == list(map(shape, pieces))
    assert PHONE not in "".join(apart)
