"""SPDX licence expressions: whether they are known, and what they forbid.

The list is that of the package license-expression; `LicenseRef-*` stands for an agreement of one's own.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from license_expression import ExpressionError, get_spdx_licensing  # type: ignore[import-untyped]

from pipelines.intake.yaml_source import did_you_mean

LICENCE_REF = re.compile(r"(DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+")
# Korea Open Government Licence (kogl.or.kr): type 2 and 4 forbid commercial use, type 3 and 4 changes.
_KOGL = re.compile(r"KOGL[-_ ]?(?:Type[-_ ]?)?([1-4])", re.IGNORECASE)
_NON_COMMERCIAL, _NO_DERIVATIVES = "non-commercial use only", "no derivatives"


def licence_fault(expression: str) -> str:
    """What is wrong with an expression, with the remedy; "" where every name in it is known."""
    try:
        parsed = _licensing().parse(expression)
    except ExpressionError:
        return "is no SPDX expression: join licences with AND, OR, WITH and brackets"
    for name in _names(parsed):
        if LICENCE_REF.fullmatch(name) or name in _licensing().known_symbols:
            continue
        if korean := _KOGL.search(name):
            return f"SPDX does not list {name}: write LicenseRef-KOGL-Type-{korean[1]}, with malmoi.agreement"
        remedy = (
            did_you_mean(name, _licensing().known_symbols).split("known are")[0] or "write LicenseRef-..."
        )
        return f"SPDX does not list {name}: {remedy}"
    return ""


def own_licences(expression: str) -> tuple[str, ...]:
    """The LicenseRef-* of an expression, in order; none where it cannot be read."""
    try:
        return tuple(name for name in _names(_licensing().parse(expression)) if LICENCE_REF.fullmatch(name))
    except ExpressionError:
        return ()


def forbidden_by(expression: str) -> tuple[str, ...]:
    """What a licence forbids whichever of its alternatives is chosen: of OR the mildest, of AND all."""
    try:
        alternatives = _alternatives(_licensing().parse(expression))
    except ExpressionError:
        return ()
    mildest: frozenset[str] = min(alternatives, key=_harshness)
    return tuple(sorted(mildest))


def _alternatives(parsed: Any) -> list[frozenset[str]]:
    operator = getattr(parsed, "operator", "").strip()
    if operator == "OR":
        return [forbids for part in parsed.args for forbids in _alternatives(part)]
    if operator == "AND":  # the mildest choice in each part: what is forbidden does not depend on the others
        parts = [min(_alternatives(part), key=_harshness) for part in parsed.args]
        return [frozenset(thing for part in parts for thing in part)]
    return [frozenset(forbids for name in _names(parsed) for forbids in _forbids(name))]


def _harshness(forbids: frozenset[str]) -> tuple[int, list[str]]:
    return len(forbids), sorted(forbids)


def _forbids(name: str) -> tuple[str, ...]:
    if korean := _KOGL.search(name):
        return ((), (_NON_COMMERCIAL,), (_NO_DERIVATIVES,), (_NON_COMMERCIAL, _NO_DERIVATIVES))[
            int(korean[1]) - 1
        ]
    parts = set(name.upper().split("-"))
    non_commercial = "NC" in parts or "NONCOMMERCIAL" in parts
    return (_NON_COMMERCIAL,) * non_commercial + (_NO_DERIVATIVES,) * ("ND" in parts)


def _names(parsed: Any) -> list[str]:
    return [str(key) for key in _licensing().license_keys(parsed)] if parsed is not None else []


@lru_cache
def _licensing() -> Any:
    return get_spdx_licensing()
