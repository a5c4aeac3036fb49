from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from pipelines.audit.sample import draw, sheet_name
from tests.audit.conftest import TEXTS, made_of
from tests.laws.builds import malmoi


def drawn(build: Path, output: Path, *words: str, looks: Path | None = None):
    record = looks or output.with_suffix(".looks")
    return malmoi("audit", "pii", build, "--sample", "12", "-o", output, "--looks", record, *words)


def filled(sheets: Path, reader: int, say) -> None:
    """Fill a reader's sheet as a spreadsheet would save it: `say` gets a row and returns the cell."""
    path = sheets / sheet_name(reader)
    rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
    for row in rows:
        if row["doc_id"]:
            row["found"] = say(row)
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(b"\xef\xbb\xbf" + out.getvalue().encode())


def bounds(build: Path, sheets: Path) -> dict:
    done = malmoi("audit", "pii", build, "--verdicts", sheets, "--json")
    assert done.returncode == 0, done.stderr.decode()
    audit = json.loads(done.stdout)
    return audit | {"bounds": {(b["partner"], b["entity"]): b for b in audit["bounds"]}}


def test_anyone_draws_the_same_sample_again(clean, tmp_path):
    assert drawn(clean, tmp_path / "one").returncode == 0
    assert drawn(clean, tmp_path / "two").returncode == 0
    for name in ("sample.json", "reader-1.csv", "reader-2.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert draw(clean, size=12, seed=0)[0] != draw(clean, size=12, seed=1)[0]


def test_a_larger_sample_holds_the_smaller_one(clean):
    small, large = draw(clean, size=10, seed=0)[0], draw(clean, size=30, seed=0)[0]
    assert set(small.doc_ids) < set(large.doc_ids)
    assert {stratum.drawn for stratum in small.strata} == {5}


def test_a_sheet_holds_the_texts_of_the_shards_for_its_owner_alone(clean, tmp_path):
    drawn(clean, tmp_path / "sheets")
    text = (tmp_path / "sheets" / "reader-1.csv").read_text("utf-8-sig")
    assert any(one in text for one in TEXTS)
    assert (tmp_path / "sheets").stat().st_mode & 0o77 == 0
    assert (tmp_path / "sheets" / "reader-1.csv").stat().st_mode & 0o77 == 0


def test_who_drew_is_written_down_without_a_text(clean, tmp_path):
    drawn(clean, tmp_path / "sheets", looks=tmp_path / "looks.jsonl")
    (line,) = (tmp_path / "looks.jsonl").read_text().splitlines()
    assert json.loads(line)["shown"] == {"documents": 12}
    assert json.loads(line)["who"]
    assert not any(text in line for text in TEXTS)


def test_without_a_leak_the_bound_is_what_so_few_documents_can_say(clean, tmp_path):
    drawn(clean, tmp_path / "sheets")
    for reader in (1, 2):
        filled(tmp_path / "sheets", reader, lambda _: "none")
    audit = bounds(clean, tmp_path / "sheets")
    bound = audit["bounds"]["a_dot", "any class"]
    assert (bound["read"], bound["leaking"]) == (6, 0)
    assert bound["upper"] == pytest.approx(1 - 0.05 ** (1 / 6), abs=1e-6)
    assert (audit["agreement"], audit["kappa"], audit["unsettled"]) == (1.0, 1.0, [])


def test_one_reader_is_enough_for_a_leak_until_it_is_settled(clean, tmp_path):
    sheets = tmp_path / "sheets"
    drawn(clean, sheets)
    doc = json.loads((sheets / "sample.json").read_bytes())["doc_ids"][0]
    filled(sheets, 1, lambda row: "PERSON, KR_ADDRESS" if row["doc_id"] == doc else "none")
    filled(sheets, 2, lambda _: "없음")
    audit = bounds(clean, sheets)
    assert audit["bounds"]["a_dot", "PERSON"]["leaking"] == 1
    assert audit["bounds"]["every partner", "KR_ADDRESS"]["leaking"] == 1
    assert audit["unsettled"] == [doc]
    (sheets / "settled.csv").write_text(f"doc_id,found\n{doc},none\n")
    audit = bounds(clean, sheets)
    assert audit["bounds"]["a_dot", "any class"]["leaking"] == 0
    assert audit["unsettled"] == []


def test_what_a_contract_keeps_is_no_leak(tmp_path):
    build, sheets = made_of(tmp_path / "build", TEXTS, kept_label="PERSON"), tmp_path / "sheets"
    drawn(build, sheets)
    for reader in (1, 2):
        filled(sheets, reader, lambda _: "PERSON")
    assert bounds(build, sheets)["bounds"]["every partner", "any class"]["leaking"] == 0


@pytest.mark.parametrize(
    ("say", "message"),
    [
        (lambda _: "", "found is empty"),
        (lambda _: "홍길동", "no list of classes"),
    ],
)
def test_a_sheet_that_is_not_filled_is_sent_back_without_what_it_says(clean, tmp_path, say, message):
    drawn(clean, tmp_path / "sheets")
    filled(tmp_path / "sheets", 1, say)
    done = malmoi("audit", "pii", clean, "--verdicts", tmp_path / "sheets")
    assert done.returncode == 2
    assert message in done.stderr.decode()
    assert "홍길동" not in done.stderr.decode()


def test_sheets_of_another_build_are_refused(clean, leaking, tmp_path):
    drawn(clean, tmp_path / "sheets")
    said = json.loads((tmp_path / "sheets" / "sample.json").read_bytes())
    (tmp_path / "sheets" / "sample.json").write_text(json.dumps(said | {"doc_ids": said["doc_ids"][::-1]}))
    done = malmoi("audit", "pii", leaking, "--verdicts", tmp_path / "sheets")
    assert done.returncode == 2
    assert "not a sample of this build" in done.stderr.decode()


def test_sheets_are_never_written_over(clean, tmp_path):
    assert drawn(clean, tmp_path / "sheets").returncode == 0
    assert drawn(clean, tmp_path / "sheets").returncode == 2
