"""The rules that `malmoi contract lint` holds a contract to: each with an id, a severity, and its reason.

The table is schemas/house-rules.json; `malmoi contract lint --rules` prints it, and
tests/intake/test_contract_rules.py breaks every rule once. An error keeps a contract from being read, but for
the rules that are JUDGED_LATER. A warning says what the contract does not allow yet.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files

from pipelines.intake.yaml_source import Address, Source
from schemas.errors import Problem


@dataclass(frozen=True)
class Rule:
    """One rule: its stable id (kebab-case), severity, sentence in English and Korean, and the reason."""

    id: str
    severity: str
    english: str
    korean: str
    why: str


def breach(source: Source, rule: str, address: Address, message: str) -> Problem:
    """A fault against a rule, at its place in the file; the message ends in the remedy."""
    return source.problem(address, message, rule, RULES[rule].severity)


def _read() -> dict[str, Rule]:
    listed = json.loads(files("schemas").joinpath("house-rules.json").read_text("utf-8"))
    return {entry["id"]: Rule(**entry) for entry in listed}


RULES = _read()
# The contract is read all the same: `denials` and admission decide, never for more than it says.
JUDGED_LATER = frozenset(
    {"approval-stale", "approval-signature", "expired", "purpose-verb", "purpose-release", "student-size"}
)
