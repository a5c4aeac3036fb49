"""Law: a subject is found by its own partner, and joined across partners by nobody."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from pipelines.intake.contracts import load_contract
from pipelines.intake.drops import discover
from pipelines.intake.readers import read_split
from pipelines.intake.splits import plan_file
from pipelines.prepare import prepare
from schemas.admission import FAULTS
from schemas.documents import DOCUMENT, DROPPED, LEDGER, ROW_RIGHTS, STAGED
from schemas.shards import SHARD
from tests.folders import (
    agreement,
    read_rows,
    subject_key,
    trip,
    trips,
    write_rows,
)


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
        "takedown/persons.py",  # whose rows a request names, by partner and that partner's keys
        "takedown/erase.py",  # these rows in that partner's quarantine
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
