"""data_contracts/README.md followed word by word, and the reference and template beside it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.intake.contracts import lint_contract, load_contracts
from pipelines.intake.field_reference import described_fields, field_reference
from pipelines.intake.odcs import malmoi_schema
from tests.intake.test_contracts import CONTRACTS

README = CONTRACTS / "README.md"
TEMPLATE = CONTRACTS / "templates" / "contract.yaml"
_ANSWER = re.compile(r"^\| `([\w.]+)` \| `(.+?)` \|", re.MULTILINE)
_FIELD = re.compile(r"property: ([\w.]+)|^\s*(purpose|url): TODO")


def commands() -> list[tuple[str, int]]:
    """Every command of the README's blocks in order, with the exit code that it is said to have."""
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.strip()]
    parts = [line.partition(" # exit ") for line in lines]
    return [(command, int(code or 0)) for command, _, code in parts]


def decide(contract: Path) -> None:
    """Step 3: every TODO replaced by the answer of the README's table."""
    answers = dict(_ANSWER.findall(README.read_text("utf-8")))
    lines = contract.read_text("utf-8").splitlines()
    for number, line in enumerate(lines):
        field = _FIELD.search(line)
        name = (field[1] or field[2]) if field else ""
        if "TODO" in line:
            lines[number] = line.replace("TODO", answers.pop(name))
        elif name == "malmoi.deliveredAs":
            lines[number] = line.replace("value: raw", f"value: {answers.pop(name)}")
        elif line.startswith("status: draft"):
            lines[number] = line.replace("draft", answers.pop("status"), 1)
    assert not answers, "the README decides what the draft does not ask"
    contract.write_text("\n".join(lines) + "\n", "utf-8")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the README's commands see of the checkout, and `malmoi` on the path."""
    (tmp_path / "examples").symlink_to(CONTRACTS.parent / "examples")
    script = tmp_path / "bin" / "malmoi"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pipelines.cli "$@"\n')
    script.chmod(0o755)
    return tmp_path


def test_a_newcomer_gets_from_a_folder_to_an_admitted_drop(checkout: Path):
    environment = {
        **os.environ,
        "PATH": f"{checkout / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(CONTRACTS.parent),
    }
    told = ""
    for command, code in commands():
        done = subprocess.run(
            command, shell=True, cwd=checkout, env=environment, capture_output=True, timeout=120, check=False
        )
        told_by_it = done.stdout.decode() + done.stderr.decode()
        assert done.returncode == code, f"{command}\n{told_by_it}"
        told += done.stdout.decode()
        if command.startswith("malmoi contract lint") and code == 1:
            decide(checkout / "tour" / "my_company.yaml")
    assert "my_company: admitted" in told
    (report,) = (checkout / "tour").rglob("report.html")
    assert "한국어" in report.read_text("utf-8") or "행" in report.read_text("utf-8")


def test_the_reference_of_fields_is_that_of_the_schema():
    assert (CONTRACTS / "FIELDS.md").read_text("utf-8") == field_reference()


def test_every_field_is_documented_in_english_and_korean():
    names = []
    for name, field in described_fields():
        names.append(name)
        assert field.get("description", "").strip(), name
        assert any("가" <= character <= "힣" for character in field.get("x-ko", "")), name
    tops = [
        name
        for level in ("contract", "data_set", "column")
        for name in malmoi_schema()["$defs"][level]["properties"]
    ]
    assert set(tops) <= set(names)


def test_the_template_waits_for_decisions_and_nothing_else():
    assert {p.rule for p in lint_contract(TEMPLATE)} == {"todo", "not-active", "approval-missing"}
    assert {contract.partner for contract in load_contracts(CONTRACTS)}  # it is no contract of the directory
    text = TEMPLATE.read_text("utf-8")
    for name in malmoi_schema()["$defs"]["contract"]["properties"]:
        assert name in text or name == "malmoi.approvals", f"the template does not show {name}"
