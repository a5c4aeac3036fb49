"""malmoi contract lint: exit codes, JSON, SARIF, the list of rules, bounded time for what is no contract."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from pipelines.intake.column_limits import pattern_fault
from pipelines.intake.contract_rules import MAX_COLUMNS
from pipelines.intake.contracts import MAX_FAULTS, lint_contract
from pipelines.intake.house_rules import RULES
from tests.intake.test_contracts import CONTRACTS, mutated
from tests.laws.builds import malmoi

TODAY = "2026-11-24"


def linted(*arguments: str | Path) -> tuple[int, str]:
    """Exit code and output of malmoi contract lint."""
    done = malmoi("contract", "lint", "--on", TODAY, *map(str, arguments))
    assert b"Traceback" not in done.stdout + done.stderr
    return done.returncode, done.stdout.decode()


def test_errors_exit_1_warnings_0_and_1_when_strict(tmp_path: Path):
    clean = CONTRACTS / "a_dot.yaml"
    warned, _ = mutated(tmp_path, "liner", "property: malmoi.approvals", "property: approvals")
    broken, line = mutated(tmp_path, "krafton", "status: active", "status: 3")
    assert linted(clean) == (0, "1 contract, 0 errors, 0 warnings\n")
    code, output = linted(clean, warned)
    assert code == 0
    assert "warning: nobody has approved" in output
    assert linted("--strict", warned)[0] == 1
    code, output = linted(clean, warned, broken)
    assert code == 1
    assert f"krafton.yaml:{line}:1: status: is integer and must be string" in output
    assert linted(tmp_path / "gone.yaml")[0] == 2


def test_an_expired_contract_is_refused_on_the_day_after_its_end(tmp_path: Path):
    path, _ = mutated(tmp_path, "a_dot", "2029-12-31", "2026-11-24")
    assert "expired" not in {problem.rule for problem in lint_contract(path, today="2026-11-24")}
    assert "expired" in {problem.rule for problem in lint_contract(path, today="2026-11-25")}
    assert "expired" not in {problem.rule for problem in lint_contract(path)}


def test_json_has_every_fault_with_its_place_and_rule(tmp_path: Path):
    path, line = mutated(tmp_path, "a_dot", "value: [KR]", "value: [Korea]")
    told = json.loads(linted("--json", path)[1])
    (fault,) = [one for one in told if one["rule"] == "wrong-form"]
    assert (fault["file"], fault["line"], fault["severity"]) == ("a_dot.yaml", line, "error")
    text = path.read_text("utf-8").splitlines()[fault["line"] - 1]
    assert text[fault["column"] - 1 :].startswith("Korea")


def essentials(log: dict[str, Any]) -> None:
    """What SARIF 2.1.0 (OASIS) requires of the objects that are used."""
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"]
    identifiers = [rule["id"] for rule in driver["rules"]]
    assert len(set(identifiers)) == len(identifiers)
    for rule in driver["rules"]:
        assert rule["help"]["text"]
        assert rule["shortDescription"]["text"].endswith(".")
        assert rule["defaultConfiguration"]["level"] in {"none", "note", "warning", "error"}
    for result in run["results"]:
        assert identifiers[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in {"none", "note", "warning", "error"}
        assert result["message"]["text"]
        (location,) = result["locations"]
        region = location["physicalLocation"]["region"]
        assert region["startLine"] >= 1
        assert region["startColumn"] >= 1
        assert not location["physicalLocation"]["artifactLocation"]["uri"].startswith("file:")


def test_sarif_has_the_rules_and_a_place_for_every_result(tmp_path: Path):
    path, line = mutated(tmp_path, "a_dot", "value: dialogue", "value: dialog")
    code, output = linted("--sarif", path)
    log = json.loads(output)
    essentials(log)
    assert code == 1
    results = log["runs"][0]["results"]
    (found,) = [result for result in results if result["ruleId"] == "unknown-value"]
    place = found["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == path.as_posix()
    assert place["region"]["startLine"] == line


def test_sarif_of_a_clean_contract_has_no_result():
    code, output = linted("--sarif", CONTRACTS / "liner.yaml")
    assert code == 0
    essentials(json.loads(output))
    assert json.loads(output)["runs"][0]["results"] == []


def test_the_rules_are_printed_with_their_reasons():
    output = linted("--rules")[1]
    for rule in RULES.values():
        assert f"{rule.id} ({rule.severity})" in output
        assert rule.why in output
    assert len(json.loads(linted("--rules", "--json")[1])) == len(RULES)


def test_wrong_use_is_told_in_a_sentence():
    for arguments in ((), ("--json", "--sarif", str(CONTRACTS / "liner.yaml"))):
        done = malmoi("contract", "lint", *arguments)
        assert done.returncode == 2
        assert done.stderr.startswith(b"malmoi: ")
    assert malmoi("contract", "lint", "--on", "2026-02-30", str(CONTRACTS / "liner.yaml")).returncode == 2


def column(number: int) -> str:
    policy = "{property: malmoi.policy, value: drop}"
    return f"{{name: c{number}, logicalType: string, customProperties: [{policy}]}}"


def test_a_contract_of_100_000_properties_is_refused_in_bounded_time(tmp_path: Path):
    path = tmp_path / "wide.yaml"
    path.write_text(
        "schema: [{name: x, properties: [" + ",".join(f"{{name: c{n}}}" for n in range(70_000)) + "]}]"
    )
    start = time.process_time()
    (fault, *_) = lint_contract(path)
    assert fault.rule == "yaml-size"
    path.write_text("schema: [{name: x, properties: [" + ",".join(map(column, range(100_000))) + "]}]")
    (fault,) = lint_contract(path)
    assert fault.rule == "yaml-size"
    assert time.process_time() - start < 60


def test_more_columns_than_are_allowed_are_one_fault(tmp_path: Path):
    path = tmp_path / "wide.yaml"
    columns = ",".join(f"{{name: c{n}}}" for n in range(MAX_COLUMNS + 1))
    path.write_text(f"schema: [{{name: x, properties: [{columns}]}}]")
    (fault,) = lint_contract(path)
    assert f"{MAX_COLUMNS + 1:,} columns" in fault.message


def test_what_is_all_faults_is_named_in_bounded_number_and_time(tmp_path: Path):
    path = tmp_path / "noise.yaml"
    path.write_text("\n".join(f"unheard{n}: {n}" for n in range(40_000)))
    start = time.process_time()
    faults = lint_contract(path)
    assert MAX_FAULTS < len(faults) <= 2 * MAX_FAULTS
    assert any("faults: mend those" in fault.message for fault in faults)
    assert time.process_time() - start < 30


@pytest.mark.parametrize(
    "pattern",
    [r"(a)\1", "(?=a)b", "(?<!a)b", "(", "a{2,1}", "[z-a]", "((a{99}){99}){99}", "(" * 900 + ")" * 900],
)
def test_a_pattern_that_could_not_run_in_linear_time_is_refused_with_a_remedy(pattern: str):
    start = time.process_time()
    assert ": " in pattern_fault(pattern)
    assert time.process_time() - start < 1


def test_a_pattern_that_runs_for_ever_elsewhere_runs_here():
    assert pattern_fault("^(a+)+$") == ""
