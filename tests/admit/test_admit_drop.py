"""A drop read once and judged: every facet of the verdict, every fault of every row."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.admit import admit_drop
from pipelines.intake.contracts import load_contract
from pipelines.intake.drop_json import write_drop_json
from pipelines.intake.service_levels import Previous
from pipelines.intake.sql_rules import SqlLimits
from schemas.admission import Admission, Verdict
from schemas.contract import Severity
from schemas.drop import DropManifest, Period, SentContract
from tests.admit.posts import TODAY, Agreement, post, write_drop

# Nobody's: it would be of somebody born in 2030.
RRN_IN_TEXT = "300101-3123456"


def admitted(home: Path, rows: list[Any], agreement: Agreement | None = None, **options: Any) -> Admission:
    """A drop of one file under the contract."""
    announced = options.pop("announced", True)
    drop = write_drop(home / "drop", {"posts.jsonl": rows}, announced=announced)
    contract = load_contract((agreement or Agreement()).write(home))
    return admit_drop(contract, drop, **{"today": TODAY, **options})


def codes(admission: Admission, severity: Severity | None = None) -> set[str]:
    return {told.code for told in admission.findings if severity in (None, told.severity)}


def test_a_drop_as_agreed_is_admitted_without_a_word(tmp_path):
    told = admitted(tmp_path, [post(number) for number in range(50)])
    assert (told.verdict, told.findings, len(told.faults)) == (Verdict.ADMITTED, (), 0)
    assert told.receipt["data_sets"][0]["languages"] == {"ko": 50}


def test_every_fault_of_every_row_is_told_with_its_place(tmp_path):
    rows = [
        post(0),
        post(1, stars=9, text=...),
        b"[1]",
        post(2, id=None, stars="many"),
        post(0),
        post(5, text=f"제 번호는 {RRN_IN_TEXT}입니다"),
    ]
    told = admitted(tmp_path, rows)
    found = [(f["row"], f["line"], f["field"], f["reason"]) for f in told.faults.to_pylist()]
    assert found == [
        (1, 2, "stars", "out_of_range"),
        (1, 2, "text", "missing_column"),
        (2, 3, None, "not_an_object"),
        (3, 4, "id", "missing_value"),
        (3, 4, "stars", "wrong_type"),
        (4, 5, "id", "repeated_key"),
        (5, 6, "text", "unique_identifier"),
    ]
    content = (tmp_path / "drop" / "posts.jsonl").read_bytes()
    starts = [0] + [at + 1 for at, byte in enumerate(content) if byte == ord("\n")]
    assert all(f["offset"] == starts[f["line"] - 1] for f in told.faults.to_pylist())
    assert told.refused["posts.jsonl"].tolist() == [1, 2, 3, 4, 5]
    assert told.receipt["files"][0]["quarantined"] == {
        "missing_value": 1,
        "not_an_object": 1,
        "out_of_range": 1,
        "repeated_key": 1,
        "unique_identifier": 1,
    }
    assert "quarantine_share" in codes(told, Severity.ERROR)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bad=st.lists(st.sampled_from(["fine", "stars", "text", "broken", "twice"]), max_size=40))
def test_rows_arrived_are_those_admitted_and_refused(bad, tmp_path):
    rows: list[Any] = []
    wrong = set()
    for number, kind in enumerate(bad):
        changes: dict[str, Any] = {"stars": {"stars": 77}, "text": {"text": ...}}.get(kind, {})
        rows.append(b"{" if kind == "broken" else post(number, **changes))
        if kind == "twice" and number and isinstance(rows[0], dict) and 0 not in wrong:
            rows[-1] = post(number, id=rows[0]["id"])
        elif kind in ("fine", "twice"):
            continue
        wrong.add(number)
    told = admitted(tmp_path, rows)
    assert set(told.refused.get("posts.jsonl", ())) == wrong
    if rows:
        file = told.receipt["files"][0]
        assert (file["rows_arrived"], file["documents"]) == (len(rows), len(rows) - len(wrong))
        assert sum(file["quarantined"].values()) == len(wrong)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"status": "retired"}, "status"),
        ({"status": "draft"}, "status"),
        ({"malmoi.starts": "2026-12-01"}, "not_started"),
        ({"malmoi.starts": "2025-01-01", "malmoi.expires": "2026-11-23"}, "expired"),
    ],
)
def test_a_contract_that_does_not_stand_refuses(change, code, tmp_path):
    agreement = Agreement()
    for name, value in change.items():
        if name.startswith("malmoi."):
            agreement.custom(name, value)
        else:
            agreement.document[name] = value
    told = admitted(tmp_path, [post(1)], agreement)
    assert told.verdict is Verdict.REFUSED
    assert code in codes(told, Severity.ERROR)


def test_an_approval_that_is_missing_refuses(tmp_path):
    assert codes(admitted(tmp_path, [post(1)], Agreement(approved=False)), Severity.ERROR) == {"unapproved"}


def test_a_drop_without_drop_json_is_taken_only_on_record(tmp_path):
    told = admitted(tmp_path, [post(1)], announced=False)
    assert (told.verdict, codes(told, Severity.ERROR)) == (Verdict.REFUSED, {"drop_json_missing"})
    told = admitted(tmp_path, [post(1)], announced=False, without_drop_json=True)
    assert (told.verdict, codes(told, Severity.WARNING)) == (Verdict.ADMITTED, {"drop_json_missing"})
    assert told.receipt["drop_json"] is False


def test_what_was_sent_is_compared_with_what_arrived(tmp_path):
    drop = write_drop(tmp_path / "drop", {"posts.jsonl": [post(1), post(2)], "posts_b.jsonl": [post(3)]})
    (drop / "posts_b.jsonl").unlink()
    (drop / "posts_c.jsonl.part").write_text("half")
    (drop / "readme.txt").write_text("hello")
    content = (drop / "posts.jsonl").read_bytes()
    (drop / "posts.jsonl").write_bytes(content.replace(b"p1", b"p9"))
    told = admit_drop(load_contract(Agreement().write(tmp_path)), drop, today=TODAY)
    assert codes(told, Severity.ERROR) == {"file_digest", "file_missing"}
    assert codes(told, Severity.WARNING) == {"file_not_announced", "not_named_by_contract", "part_file"}
    (drop / "posts_d.jsonl").write_bytes(b"")
    told = admit_drop(load_contract(Agreement().write(tmp_path)), drop, today=TODAY)
    assert "file_not_announced" in codes(told, Severity.ERROR)


def test_a_drop_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch):
    """The file is written to between its first and its last batch."""
    import pipelines.admit.reading as reading

    drop = write_drop(tmp_path / "drop", {"posts.jsonl": [post(n) for n in range(30)]}, announced=False)
    real = reading.check_file

    def check_and_change(home: Path, file: Any, *arguments: Any, **options: Any) -> Any:
        for batch in real(home, file, *arguments, **options):
            yield batch
            path = home / file.path
            path.write_bytes(path.read_bytes().replace(b"p1", b"q1"))
            os.utime(path, ns=(1, 1))

    monkeypatch.setattr(reading, "check_file", check_and_change)
    told = admit_drop(load_contract(Agreement().write(tmp_path)), drop, today=TODAY, without_drop_json=True)
    assert codes(told, Severity.ERROR) == {"file_changed"}


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_the_share_of_refused_rows_is_held_to_the_contract(share, tmp_path):
    agreement = Agreement()
    agreement.custom("malmoi.maxQuarantined", share, of=agreement.posts)
    rows = [post(n) for n in range(3)] + [post(3, stars=6)]
    told = admitted(tmp_path, rows, agreement)
    assert ("quarantine_share" in codes(told)) is (share == 0.0)
    assert told.verdict is (Verdict.REFUSED if share == 0.0 else Verdict.ADMITTED_WITH_QUARANTINE)


def quality(agreement: Agreement, **entry: Any) -> Agreement:
    agreement.posts["quality"] = [{"id": "a_rule", "description": "가상", **entry}]
    return agreement


def test_a_rule_on_values_sends_its_rows_to_quarantine_up_to_its_threshold(tmp_path):
    entry = {"type": "library", "metric": "invalidValues", "mustBeLessThan": 30, "unit": "percent"}
    agreement = Agreement()
    agreement.custom("malmoi.maxQuarantined", 0.0, of=agreement.posts)
    column = agreement.posts["properties"][1]
    column["quality"] = [{"id": "polite", **entry, "arguments": {"pattern": "[^!]*"}}]
    told = admitted(tmp_path, [post(n) for n in range(9)] + [post(9, text="뭐라고!!!")], agreement)
    assert told.verdict is Verdict.ADMITTED_WITH_QUARANTINE
    assert [(f["row"], f["rule"], f["reason"]) for f in told.faults.to_pylist()] == [
        (9, "polite", "invalid_value")
    ]
    told = admitted(tmp_path, [post(n) for n in range(2)] + [post(9, text="뭐라고!!!")], agreement)
    assert codes(told, Severity.ERROR) == {"quality_rule"}


@pytest.mark.parametrize(("severity", "refused"), [("error", True), ("warning", False)])
def test_a_broken_sql_rule_refuses_or_is_reported_as_its_severity_says(severity, refused, tmp_path):
    query = "SELECT count(*) FROM ${table} WHERE stars > 2"
    agreement = quality(Agreement(), type="sql", query=query, mustBe=0, severity=severity)
    told = admitted(tmp_path, [post(n) for n in range(6)], agreement)
    assert codes(told) == {"quality_rule"}
    assert (told.verdict is Verdict.REFUSED) is refused
    assert told.receipt["data_sets"][0]["rules"][0]["measured"] == 3


def test_a_rule_that_cannot_be_run_refuses_whatever_its_severity(tmp_path):
    query = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b, ${table}"
    agreement = quality(Agreement(), type="sql", query=query, mustBe=0, severity="warning")
    told = admitted(tmp_path, [post(1)], agreement, sql_limits=SqlLimits(seconds=0.5))
    assert codes(told, Severity.ERROR) == {"rule_not_run"}


def sla(agreement: Agreement, **entry: Any) -> Agreement:
    agreement.document["slaProperties"].append(entry)
    return agreement


def test_volume_outside_the_agreed_range_refuses(tmp_path):
    agreement = sla(Agreement(), property="malmoi.rows", element="posts", value=5, valueExt=10)
    assert "volume" in codes(admitted(tmp_path, [post(1)], agreement), Severity.ERROR)
    assert "volume" not in codes(admitted(tmp_path, [post(n) for n in range(5)], agreement))
    assert "volume" not in codes(admitted(tmp_path, [post(1)], agreement, mends=True))


def test_languages_outside_the_agreed_shares_refuse(tmp_path):
    agreement = Agreement()
    agreement.document["slaProperties"] = [
        {"property": "malmoi.languageShare.ko", "element": "posts", "value": 0.8, "valueExt": 1}
    ]
    text = "The harbour was quiet when the first boat came in that morning."
    english = [post(n, text=text) for n in range(9)]
    assert "language_share" in codes(admitted(tmp_path, [*english, post(9)], agreement), Severity.ERROR)
    korean = [post(n) for n in range(9)]
    assert "language_share" not in codes(admitted(tmp_path, korean, agreement))


def test_a_late_drop_and_a_gap_in_its_days_are_told(tmp_path):
    agreement = sla(Agreement(), property="frequency", value=1, unit="w")
    agreement = sla(agreement, property="latency", value=1, unit="d")
    drop = write_drop(tmp_path / "drop", {"posts.jsonl": [post(1)]})
    sent = json.loads((drop / "drop.json").read_bytes())["files"][0]
    manifest = DropManifest(
        1, "gaon", SentContract("1.0.0"), Period("2026-11-10", "2026-11-16"), (_sent(sent),)
    )
    write_drop_json(drop, manifest)
    contract = load_contract(agreement.write(tmp_path))
    on_time = Previous("2026-11-16", Period("2026-11-03", "2026-11-09"))
    assert not codes(admit_drop(contract, drop, today=TODAY, previous=on_time))
    late = Previous("2026-11-15", Period("2026-11-01", "2026-11-07"))
    told = admit_drop(contract, drop, today=TODAY, previous=late)
    assert codes(told, Severity.WARNING) == {"late", "period_gap"}
    assert told.verdict is Verdict.ADMITTED


def _sent(values: dict[str, Any]) -> Any:
    from schemas.drop import SentFile

    return SentFile(**values)


def test_personal_data_against_a_basis_of_none_refuses_unless_the_contract_says_what_is_done(tmp_path):
    mail = [post(n, text=f"문의는 gil{n}@gaon.example 로 보내 주세요") for n in range(5)]
    agreement = Agreement()
    agreement.custom("malmoi.legalBasis", {"article": "none"})
    agreement.custom("malmoi.personalData", {"PHONE_NUMBER": {"expected": False, "policy": "surrogate"}})
    assert "legal_basis_contradicted" in codes(admitted(tmp_path, mail, agreement), Severity.ERROR)
    agreement.custom("malmoi.personalData", {"EMAIL_ADDRESS": {"expected": False, "policy": "surrogate"}})
    told = admitted(tmp_path, mail, agreement)
    assert (told.verdict, codes(told)) == (Verdict.ADMITTED, {"pii_unexpected"})
    assert told.receipt["data_sets"][0]["pii"] == {"EMAIL_ADDRESS": 5}


def test_no_finding_and_no_fault_holds_a_value_of_a_row(tmp_path):
    rows = [
        post(1, text=f"비밀문장 {RRN_IN_TEXT}", stars=7654321),
        post(2, stars="여덟개"),
        '{"비밀키": '.encode(),
    ]
    agreement = quality(
        Agreement(), type="sql", query="SELECT max(text) FROM ${table}", mustBe="x", severity="error"
    )
    told = admitted(tmp_path, rows, agreement)
    said = json.dumps(told.receipt, ensure_ascii=False) + str(told.faults.to_pylist())
    for value in ("비밀문장", "3123456", "여덟개", "비밀키", "7654321"):
        assert value not in said


def test_the_same_drop_gives_the_same_receipt(tmp_path):
    rows = [post(n, stars=n) for n in range(200)]
    first, again = admitted(tmp_path, rows), admitted(tmp_path, rows)
    assert first.receipt == again.receipt
    assert first.faults.equals(again.faults)
