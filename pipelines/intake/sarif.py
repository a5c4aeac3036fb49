"""Faults of contracts as SARIF 2.1.0 (OASIS), which code hosts and editors show beside the line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipelines.intake.house_rules import RULES, Rule
from schemas.errors import Problem

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(problems: Iterable[Problem], *, version: str, uris: dict[str, str]) -> dict[str, Any]:
    """One run of the linter. uris: by a problem's file name, the path that was asked for."""
    places = {rule: index for index, rule in enumerate(RULES)}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "malmoi",
                        "version": version,
                        "rules": [_rule(rule) for rule in RULES.values()],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(problem, places, uris) for problem in problems],
            }
        ],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.english},
        "fullDescription": {"text": f"{rule.english} {rule.why}"},
        "help": {"text": f"{rule.english}\n{rule.korean}\n{rule.why}"},
        "defaultConfiguration": {"level": rule.severity},
    }


def _result(problem: Problem, places: dict[str, int], uris: dict[str, str]) -> dict[str, Any]:
    return {
        "ruleId": problem.rule,
        "ruleIndex": places[problem.rule],
        "level": problem.severity,
        "message": {"text": f"{problem.path}: {problem.message}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": uris.get(problem.file, problem.file)},
                    "region": {"startLine": problem.line, "startColumn": problem.column},
                },
                "logicalLocations": [{"fullyQualifiedName": problem.path}],
            }
        ],
    }
