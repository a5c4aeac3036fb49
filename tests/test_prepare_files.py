"""Files of a prepared drop: written as the contract says, whole or not at all, every reject told."""

from __future__ import annotations

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

from pipelines.admit.one_drop import admit_drop
from pipelines.intake.column_policy import secret_id
from pipelines.intake.contracts import load_contract
from pipelines.intake.drop_json import read_drop_json, signature_holds
from pipelines.intake.drops import discover
from pipelines.intake.signatures import SigningKey
from pipelines.prepare import Prepared, prepare
from schemas.admission import Verdict
from schemas.drop import Period
from schemas.errors import InputUnreadable, LossExceeded, UsageError
from schemas.identity import file_sha256
from tests.admit.posts import TODAY
from tests.folders import (
    ENDINGS,
    KEY,
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
    unpacked,
    write_rows,
)
from tests.laws.builds import malmoi


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
                time.sleep(order.uniform(0, 0.5) if number > 1 else 0)  # two at once, two somewhere later
                process.send_signal(signal.SIGKILL)
                process.wait()
        there = drop.exists()
        seen.add(there)
        if there:
            assert discover(drop, load_contract(contract)).faults == ()
            assert read_drop_json(drop / "drop.json").files
    assert False in seen
    assert malmoi(*words, "-o", tmp_path / "out" / "drop0").returncode in {0, 2}
