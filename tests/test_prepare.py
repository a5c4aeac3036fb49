"""What leaves a partner through `malmoi prepare` is what the contract says, whole, or nothing."""

from __future__ import annotations

import ast
import json
import random
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.admit.one_drop import admit_drop
from pipelines.intake.column_policy import secret_id
from pipelines.intake.contracts import load_contract
from pipelines.intake.drop_json import read_drop_json, signature_holds
from pipelines.intake.drops import discover
from pipelines.intake.readers import read_split
from pipelines.intake.signatures import SigningKey
from pipelines.intake.splits import plan_file
from pipelines.prepare import Prepared, prepare, without_personal_data
from schemas.admission import FAULTS, Verdict
from schemas.documents import DOCUMENT, DROPPED, LEDGER, ROW_RIGHTS, STAGED
from schemas.drop import Period
from schemas.errors import InputUnreadable, LossExceeded, UsageError
from schemas.identity import file_sha256
from schemas.shards import SHARD
from tests.admit.posts import TODAY
from tests.folders import (
    ENDINGS,
    agreement,
    column,
    data_set,
    everything,
    read_rows,
    subject_key,
    unpacked,
    write_rows,
)
from tests.laws.builds import malmoi

KEY = column("id", required=True, role="key")
TEXT = column("text", required=True, role="text")
KEYED = re.compile("k1:[0-9a-f]{32}")
PHONE, MAIL, RRN = "010-0000-4821", "ha.neul@mail.example", "900101-1234568"


def contents(drop: Path) -> dict[str, bytes]:
    return {
        path.relative_to(drop).as_posix(): path.read_bytes() for path in drop.rglob("*") if path.is_file()
    }


def trips(form: str = "jsonl", **ours: Any) -> dict[str, Any]:
    """A data set with a column of each policy."""
    columns = [
        KEY,
        column("driver", role="subject"),
        column("plate", policy="key"),
        column("phone", policy="drop"),
        column("badge", policy="forbid"),
        column("lat", "number", policy="generalise", grid=0.01),
        column("at", "timestamp", policy="generalise", clock="hour"),
        column("stars", "integer", policy="keep"),
        TEXT,
    ]
    return data_set("trips", columns, form=form, **ours)


def trip(number: int, **changes: Any) -> dict[str, Any]:
    row = {
        "id": f"t{number}",
        "driver": f"canary-driver-{number % 3}",
        "plate": f"canary-plate-{number}",
        "phone": f"canary-phone-{number}",
        "lat": 37.123456 + number,
        "at": f"2026-10-03T21:{number % 60:02d}:17+09:00",
        "stars": number % 6,
        "text": f"오늘은 {number}번째 손님을 모셨습니다.",
        "unnamed": f"canary-unnamed-{number}",
    }
    return {name: value for name, value in {**row, **changes}.items() if value is not Ellipsis}


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


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_every_fault_of_every_row_is_told_by_line_and_byte(tmp_path: Path, form: str):
    contract = agreement(tmp_path, trips(form))
    name = "trips" + ENDINGS[form]
    rows = [trip(number, badge=None) for number in range(9)]
    rows[2] |= {"lat": "north", "at": "yesterday"}
    rows[5] |= {"badge": "canary-badge"}
    rows[7] |= {"text": f"주민등록번호 {RRN}"}
    write_rows(tmp_path / "raw" / name, rows)
    done = malmoi(
        "prepare", contract, tmp_path / "raw", "-o", tmp_path / "drop", "--subject-key", subject_key(tmp_path)
    )
    assert done.returncode == 1, done.stderr
    assert not (tmp_path / "drop").exists()
    rejects = read_rows(tmp_path / "drop.rejects.jsonl")
    told = {(entry["row"], entry["field"], entry["reason"]) for entry in rejects}
    assert told == {
        (2, "at", "invalid_date"),
        (2, "lat", "wrong_type"),
        (5, "badge", "forbidden_column"),
        (7, "text", "unique_identifier"),
    }
    data = unpacked(tmp_path / "raw" / name)
    for entry in rejects:
        line = data[entry["byte"] :].split(b"\n")[0].strip()
        assert f"t{entry['row']}".encode() in line
        assert data[: entry["byte"]].count(b"\n") == entry["line"] - 1
        where = f"{name}:{entry['line']}:{entry['byte']} row {entry['row']}"
        assert where in done.stdout.decode()
    said = done.stdout + done.stderr + (tmp_path / "drop.rejects.jsonl").read_bytes()
    assert not any(piece in said for piece in (b"north", b"yesterday", b"canary", RRN.encode()))


def test_the_dictionary_of_an_arrow_file_keeps_nothing_of_rows_that_are_left_out(tmp_path: Path):
    contract = agreement(
        tmp_path, data_set("posts", [KEY, column("city", policy="keep"), TEXT], form="arrow")
    )
    rows = {"id": ["a", "b"], "city": ["서울", "canary"], "text": ["좋아요", f"주민등록번호 {RRN}"]}
    table = pa.table({**rows, "city": pa.array(rows["city"]).dictionary_encode()})
    (tmp_path / "raw").mkdir()
    with pa.ipc.new_file(tmp_path / "raw" / "posts.arrow", table.schema) as writer:
        writer.write_table(table)
    done = prepare(contract, tmp_path / "raw", tmp_path / "drop", leave_out_bad_rows=True)
    assert done.rejected_rows == 1
    assert read_rows(tmp_path / "drop" / "posts.arrow") == [{"id": "a", "city": "서울", "text": "좋아요"}]
    assert b"canary" not in (tmp_path / "drop" / "posts.arrow").read_bytes()


def test_rejects_of_an_earlier_run_go_when_there_are_none(tmp_path: Path):
    contract = agreement(tmp_path, data_set("posts", [KEY, TEXT]))
    write_rows(tmp_path / "raw" / "posts.jsonl", [{"id": "a", "text": "좋아요"}, b"{"])
    prepare(contract, tmp_path / "raw", tmp_path / "drop")
    assert (tmp_path / "drop.rejects.jsonl").exists()
    write_rows(tmp_path / "raw" / "posts.jsonl", [{"id": "a", "text": "좋아요"}])
    assert prepare(contract, tmp_path / "raw", tmp_path / "drop").rejects is None
    assert not (tmp_path / "drop.rejects.jsonl").exists()
    assert sorted(path.name for path in tmp_path.iterdir() if "drop" in path.name) == ["drop"]


def test_a_row_that_no_longer_fits_once_it_is_pseudonymised_is_rejected_too(tmp_path: Path):
    text = {**TEXT, "logicalTypeOptions": {"maxLength": 20}}
    contract = agreement(
        tmp_path,
        data_set("posts", [KEY, text]),
        personalData={"PHONE_NUMBER": {"expected": True, "policy": "remove"}},
    )
    rows = [
        {"id": "a", "text": "짧은 글"},
        {"id": "b", "text": f"전화 {PHONE} 입니다"},
        {"id": "c", "text": "끝"},
    ]
    write_rows(tmp_path / "raw" / "posts.jsonl", rows)
    done = prepare(contract, tmp_path / "raw", tmp_path / "drop", leave_out_bad_rows=True)
    (reject,) = read_rows(done.rejects)
    assert (reject["row"], reject["line"], reject["reason"]) == (1, 2, "wrong_length")
    assert [row["id"] for row in read_rows(tmp_path / "drop" / "posts.jsonl")] == ["a", "c"]


def test_of_a_key_that_comes_twice_the_first_row_stays(tmp_path: Path):
    contract = agreement(tmp_path, data_set("posts", [KEY, TEXT]))
    write_rows(tmp_path / "raw" / "posts_1.jsonl", [{"id": "a", "text": "처음"}, {"id": "b", "text": "둘째"}])
    write_rows(tmp_path / "raw" / "posts_2.jsonl", [{"id": "c", "text": "셋째"}, {"id": "a", "text": "다시"}])
    done = prepare(contract, tmp_path / "raw", tmp_path / "drop", leave_out_bad_rows=True)
    (reject,) = read_rows(done.rejects)
    assert (reject["file"], reject["row"], reject["reason"]) == ("posts_2.jsonl", 1, "repeated_key")
    assert admit_drop(load_contract(contract), tmp_path / "drop", today=TODAY).verdict is Verdict.ADMITTED
    assert [row["id"] for row in read_rows(tmp_path / "drop" / "posts_2.jsonl")] == ["c"]


@pytest.mark.parametrize(("encoding", "delimiter"), [("cp949", ";"), ("utf-8", "\t")])
def test_files_are_written_in_the_encoding_of_the_contract(tmp_path: Path, encoding: str, delimiter: str):
    rows = [{"id": "a", "text": f'한글 "따옴표" {delimiter} 와\n줄'}, {"id": "b", "text": "쓩"}]
    contract = agreement(
        tmp_path, data_set("posts", [KEY, TEXT], form="csv", encoding=encoding, delimiter=delimiter)
    )
    write_rows(tmp_path / "raw" / "posts.csv.gz", rows, encoding=encoding, delimiter=delimiter)
    prepare(contract, tmp_path / "raw", tmp_path / "drop")
    assert read_rows(tmp_path / "drop" / "posts.csv.gz", encoding=encoding, delimiter=delimiter) == rows


def test_a_raw_delivery_is_copied_and_only_bad_rows_are_left_out(tmp_path: Path):
    contract = agreement(tmp_path, trips(), delivered_as="raw")
    rows = [trip(number) for number in range(5)]
    write_rows(tmp_path / "raw" / "trips.jsonl.zst", rows)
    (tmp_path / "raw" / "notes.txt").write_text("not named")
    done = prepare(contract, tmp_path / "raw", tmp_path / "drop", period="2026-10-01..2026-10-31")
    assert (tmp_path / "drop" / "trips.jsonl.zst").read_bytes() == (
        tmp_path / "raw" / "trips.jsonl.zst"
    ).read_bytes()
    assert sorted(contents(tmp_path / "drop")) == ["drop.json", "trips.jsonl.zst"]
    assert done.not_named == ("notes.txt",)
    assert done.manifest.subject_key_id is None
    assert done.manifest.period == Period("2026-10-01", "2026-10-31")
    write_rows(tmp_path / "raw" / "trips.jsonl.zst", [*rows, trip(9, badge="x")])
    assert prepare(contract, tmp_path / "raw", tmp_path / "held").manifest is None
    prepare(contract, tmp_path / "raw", tmp_path / "left", leave_out_bad_rows=True)
    named = {"id", "driver", "plate", "lat", "at", "stars", "text"}
    expected = [{name: value for name, value in row.items() if name in named} for row in rows]
    assert read_rows(tmp_path / "left" / "trips.jsonl.zst") == expected


def test_of_warc_files_the_responses_that_fit_are_delivered(tmp_path: Path, repository: Path):
    drops = repository / "examples" / "drops" / "liner"
    columns = [column("url", required=True, role="key"), column("html", required=True, role="text")]
    contract = agreement(tmp_path, data_set("handbook", columns, form="warc", kind="web", markup="html"))
    for name, refused in (("handbook_en.warc.gz", 0), ("handbook_ko.warc.gz", 1)):
        home = tmp_path / name
        (home / "raw").mkdir(parents=True)
        (home / "raw" / name).write_bytes((drops / name).read_bytes())
        done = prepare(contract, home / "raw", home / "drop", leave_out_bad_rows=True)
        assert done.rejected_rows == refused
        if not refused:
            assert (home / "drop" / name).read_bytes() == (drops / name).read_bytes()
            continue
        admission = admit_drop(load_contract(contract), home / "drop", today=TODAY)
        assert len(admission.faults) == 0
        before, after = unpacked(drops / name), unpacked(home / "drop" / name)
        records = [
            r for r in before.split(b"WARC/1.0\r\n") if b"WARC-Type: response" in r and b" 404 " not in r
        ]
        assert after.split(b"WARC/1.0\r\n")[1:] == records


def test_drop_json_says_what_was_written_and_is_signed(tmp_path: Path):
    contract = agreement(tmp_path, trips("parquet"), data_set("posts", [KEY, TEXT]))
    write_rows(tmp_path / "raw" / "trips_1.parquet", [trip(number) for number in range(30)])
    write_rows(tmp_path / "raw" / "posts.jsonl", [{"id": "a", "text": "좋아요"}])
    signing = SigningKey.create(tmp_path / "key.pem")
    key = subject_key(tmp_path)
    options = ("--subject-key", key, "--sign", tmp_path / "key.pem", "--period", "2026-10-01..2026-10-31")
    done = malmoi("prepare", contract, tmp_path / "raw", "-o", tmp_path / "drop", *options, "--json")
    assert done.returncode == 0, done.stderr
    sent = read_drop_json(tmp_path / "drop" / "drop.json")
    assert json.loads(done.stdout)["manifest"] == json.loads((tmp_path / "drop" / "drop.json").read_bytes())
    assert signature_holds(sent)
    assert sent.signature.key == signing.public
    assert sent.partner == "gaon"
    assert sent.contract.content_digest == load_contract(contract).content_digest
    assert sent.subject_key_id == secret_id(bytes.fromhex(key.read_text().strip()))
    for file in sent.files:
        path = tmp_path / "drop" / file.path
        assert (file.bytes, file.sha256) == (path.stat().st_size, file_sha256(path))
    assert [(file.path, file.rows) for file in sent.files] == [("posts.jsonl", 1), ("trips_1.parquet", 30)]


def test_a_new_subject_key_is_for_its_owner_alone_and_never_written_over(tmp_path: Path):
    path = tmp_path / "subject.key"
    assert malmoi("prepare", "--new-subject-key", path).returncode == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    assert re.fullmatch(b"[0-9a-f]{64}\n", before)
    again = malmoi("prepare", "--new-subject-key", path)
    assert again.returncode == 2
    assert path.read_bytes() == before
    assert before.strip() not in again.stdout + again.stderr


def run(tmp_path: Path, **changes: Any) -> Prepared:
    contract = agreement(tmp_path, trips())
    write_rows(tmp_path / "raw" / "trips.jsonl", [trip(1)])
    given = {
        "output": tmp_path / "drop",
        "folder": tmp_path / "raw",
        "subject_key": tmp_path / "key",
        **changes,
    }
    (tmp_path / "key").write_text("0" * 64 + "\n")
    (tmp_path / "key").chmod(0o600)
    return prepare(contract, given.pop("folder"), given.pop("output"), **given)


def test_wrong_use_is_told_and_writes_nothing(tmp_path: Path):
    full = tmp_path / "full"
    full.mkdir()
    (full / "x").touch()
    empty = tmp_path / "empty"
    empty.mkdir()
    bad = tmp_path / "bad.key"
    bad.write_text("secret")
    wrong: list[tuple[type[Exception], str, dict[str, Any]]] = [
        (UsageError, "exists already", {"output": full}),
        (UsageError, "lies inside", {"output": tmp_path / "raw" / "drop"}),
        (UsageError, "--subject-key", {"subject_key": None}),
        (UsageError, "is no subject key", {"subject_key": bad}),
        (UsageError, "cannot be read", {"subject_key": tmp_path / "nowhere"}),
        (UsageError, "is no period", {"period": "2026-10-31..2026-10-01"}),
        (UsageError, "is no period", {"period": "2026-10"}),
        (UsageError, "no such file", {"sign": tmp_path / "nowhere.pem"}),
        (InputUnreadable, "no such directory", {"folder": tmp_path / "nowhere"}),
        (LossExceeded, "no file that the contract names", {"folder": empty}),
    ]
    for kind, message, changes in wrong:
        with pytest.raises(kind, match=message):
            run(tmp_path, **changes)
    assert sorted(path.name for path in full.iterdir()) == ["x"]
    assert not any("drop" in path.name for path in tmp_path.iterdir())
    assert run(tmp_path).manifest is not None


def test_links_in_the_folder_are_not_followed(tmp_path: Path):
    contract = agreement(tmp_path, data_set("posts", [KEY, TEXT]))
    write_rows(tmp_path / "raw" / "posts.jsonl", [{"id": "a", "text": "좋아요"}])
    write_rows(tmp_path / "other" / "posts_2.jsonl", [{"id": "canary", "text": "남의 글"}])
    (tmp_path / "raw" / "posts_2.jsonl").symlink_to(tmp_path / "other" / "posts_2.jsonl")
    done = prepare(contract, tmp_path / "raw", tmp_path / "drop", leave_out_bad_rows=True)
    assert [(entry["file"], entry["reason"]) for entry in done.sample] == [("posts_2.jsonl", "outside_drop")]
    assert b"canary" not in everything(tmp_path / "drop")


def test_a_killed_prepare_leaves_nothing_that_looks_like_a_drop(tmp_path: Path):
    contract = agreement(tmp_path, trips(), data_set("posts", [KEY, TEXT]))
    write_rows(tmp_path / "raw" / "trips.jsonl", [trip(number) for number in range(6_000)])
    write_rows(tmp_path / "raw" / "posts.jsonl", [{"id": f"p{n}", "text": f"{n} 글"} for n in range(6_000)])
    key = subject_key(tmp_path)
    words = ["prepare", contract, tmp_path / "raw", "--subject-key", key]
    order = random.Random(5)
    seen = set()
    for number in range(4):
        drop = tmp_path / "out" / f"drop{number}"
        command = [sys.executable, "-m", "pipelines.cli", *map(str, words), "-o", str(drop)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if any((tmp_path / "out").glob(f".drop{number}.*.part/*")):
                time.sleep(order.uniform(0, 0.5))
                process.send_signal(signal.SIGKILL)
                process.wait()
        there = drop.exists()
        seen.add(there)
        if there:
            assert discover(drop, load_contract(contract)).faults == ()
            assert read_drop_json(drop / "drop.json").files
    assert False in seen
    assert malmoi(*words, "-o", tmp_path / "out" / "drop0").returncode in {0, 2}


# Law: a subject is joined across partners by nobody.


def test_the_same_persons_under_the_same_secret_share_nothing_at_two_partners(tmp_path: Path):
    (tmp_path / "key").write_text("7" * 64)
    found: dict[str, list[dict[str, Any]]] = {}
    for partner in ("gaon", "nuri"):
        home = tmp_path / partner
        contract = agreement(home, trips(), partner=partner)
        write_rows(home / "raw" / "trips.jsonl", [trip(number) for number in range(9)])
        prepare(contract, home / "raw", home / "drop", subject_key=tmp_path / "key")
        found[partner] = read_rows(home / "drop" / "trips.jsonl")
    for name in ("driver", "plate"):
        here, there = ({row[name] for row in rows} for rows in found.values())
        assert len(here) == len(there) > 1
        assert not here & there


def names_a_subject(path: Path) -> bool:
    """Whether a module's code (not its prose) speaks of the role: Role.SUBJECT, or the word itself."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr == "SUBJECT":
            return True
        if isinstance(node, ast.Constant) and node.value == "subject":
            return True
    return False


def test_only_reading_and_preparing_know_that_a_column_is_a_subject(repository: Path):
    modules = sorted((repository / "pipelines").rglob("*.py"))
    found = {
        path.relative_to(repository / "pipelines").as_posix() for path in modules if names_a_subject(path)
    }
    assert "intake/column_policy.py" in found
    assert found <= {
        "intake/column_policy.py",  # keys it, by partner
        "intake/column_rules.py",  # lint
        "intake/contract_values.py",  # reads the contract
        "intake/checks/cells.py",  # not among what a build reads
        "intake/checks/policies.py",  # is it keyed
    }


def test_nothing_that_flows_or_is_kept_has_a_place_for_a_subject(tmp_path: Path):
    for schema in (DOCUMENT, ROW_RIGHTS, STAGED, DROPPED, LEDGER, SHARD, FAULTS):
        assert not [name for name in schema.names if "subject" in name or "person" in name]
    path = agreement(tmp_path, trips())
    write_rows(tmp_path / "raw" / "trips.jsonl", [trip(number) for number in range(9)])
    prepare(path, tmp_path / "raw", tmp_path / "drop", subject_key=subject_key(tmp_path))
    contract = load_contract(path)
    (file,) = discover(tmp_path / "drop", contract).files
    where = contract.data_set("trips")
    plan = plan_file(tmp_path / "drop", file, where, partner="gaon", split_bytes=1 << 20)
    for split in plan.splits:
        for read in read_split(tmp_path / "drop", split, where, max_row_bytes=1 << 20):
            assert read.rows == 9
            assert "k1:" not in str(read.documents.to_pylist())
