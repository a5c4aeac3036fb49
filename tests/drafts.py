"""A drafted contract, its open values filled in by machine, as a person would; and admitted, as its drop is."""

from __future__ import annotations

import re
from pathlib import Path

from pipelines.admit.one_drop import admit_drop
from pipelines.intake.contracts import load_contract
from schemas.admission import Admission

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
    """The draft with every TODO replaced by the answer to its field."""
    lines = []
    for line in draft.splitlines():
        if "TODO" in line:
            field = _FIELD.search(line)
            assert field is not None, f"a TODO that no field of the draft has: {line.split(':')[0]}"
            line = line.replace("TODO", DECIDED[field[1] or field[2]])
        lines.append(line)
    return "\n".join(lines) + "\n"


def admit_under(contract: Path, drop: Path) -> Admission:
    """What `malmoi admit` makes of a drop under a contract, drop.json or not; approvals are another matter."""
    return admit_drop(load_contract(contract), drop, today="2026-11-24", without_drop_json=True)
