"""A drafted contract: its open values filled in by machine, and its drop admitted under it."""

from __future__ import annotations

import re
from pathlib import Path

from pipelines.admit.one_drop import admit_drop
from pipelines.draft import draft
from pipelines.intake.approving import approve
from pipelines.intake.contracts import load_contract
from pipelines.intake.signatures import SigningKey
from schemas.admission import Admission

TODAY = "2026-11-24"

EVIDENCE = "sha256:" + "1" * 64
DECIDED = {
    "purpose": "Texts of an invented partner.",
    "url": "mailto:corpus@partner.example",
    "malmoi.licence": "CC-BY-4.0",
    "malmoi.purposes": "pretraining",
    "malmoi.aiUse": "allowed",
    "malmoi.source": "own_service",
    "malmoi.legalBasis": f'"15-1-4", evidence: "{EVIDENCE}"',
    "malmoi.modelRelease": "closed",
    "malmoi.maxStudentParameters": "0",
    "malmoi.territory": "KR",
    "malmoi.starts": '"2026-01-01"',
    "malmoi.expires": '"2028-12-31"',
    "malmoi.retention": "{days: 30}",
    "malmoi.attribution": "An invented partner",
    "malmoi.upsamplingLimit": "1",
    "malmoi.noticeDays": "30",
    "frequency": "7",
    "malmoi.origin": "people",
    "malmoi.languages": "ko",
}
_FIELD = re.compile(r"property: ([\w.]+)|^\s*(purpose|url): TODO")


def decide(draft: str) -> str:
    """The draft with every TODO replaced by the answer to its field, and the status active."""
    return "\n".join(map(_decided, draft.replace("status: draft", "status: active").splitlines())) + "\n"


def _decided(line: str) -> str:
    if "TODO" not in line:
        return line
    field = _FIELD.search(line)
    assert field is not None, "a TODO that no field of the draft has"
    return line.replace("TODO", DECIDED[field[1] or field[2]])


def decided(drop: Path, partner: str, at: Path) -> Path:
    """A contract drafted from a drop, decided and approved, written to a file."""
    at.write_text(decide(draft(drop, partner=partner)), encoding="utf-8")
    return approved(at)


def approved(contract: Path) -> Path:
    """The contract with the approval of an invented officer written into it."""
    key = contract.with_suffix(".pem")
    approve(contract, by="Invented officer", on=TODAY, key=SigningKey.create(key))
    key.unlink()
    return contract


def admit_under(contract: Path, drop: Path) -> Admission:
    """What `malmoi admit` makes of a drop under a contract, with or without a drop.json."""
    return admit_drop(load_contract(contract), drop, today=TODAY, without_drop_json=True)
