"""SPDX licence expressions: whether they are known, and what they forbid.

The list is that of the package license-expression; `LicenseRef-*` stands for an agreement of one's own.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from license_expression import (  # type: ignore[import-untyped]
    ExpressionError,
    Licensing,
    build_spdx_licensing,
    get_license_index,
)

from pipelines.intake.yaml_source import did_you_mean

LICENCE_REF = re.compile(r"(DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+")
# Korea Open Government Licence (kogl.or.kr): type 2 and 4 forbid commercial use, type 3 and 4 changes.
_KOGL = re.compile(r"KOGL[-_ ]?(?:Type[-_ ]?)?([1-4])", re.IGNORECASE)
_NON_COMMERCIAL, _NO_DERIVATIVES = "non-commercial use only", "no derivatives"


def licence_fault(expression: str) -> str:
    """What is wrong with an expression, with the remedy; "" where every name in it is known."""
    try:
        parsed = parsed_licence(expression)
    except ExpressionError:
        return "is no SPDX expression: join licences with AND, OR, WITH and brackets"
    for name in _names(parsed):
        if LICENCE_REF.fullmatch(name) or name in _known():
            continue
        if korean := _KOGL.search(name):
            return f"SPDX does not list {name}: write LicenseRef-KOGL-Type-{korean[1]}, with malmoi.agreement"
        remedy = did_you_mean(name, _known()).split("known are")[0] or "write LicenseRef-..."
        return f"SPDX does not list {name}: {remedy}"
    return ""


def own_licences(expression: str) -> tuple[str, ...]:
    """The LicenseRef-* of an expression, in order; none where it cannot be read."""
    try:
        return tuple(name for name in _names(parsed_licence(expression)) if LICENCE_REF.fullmatch(name))
    except ExpressionError:
        return ()


def forbidden_by(expression: str) -> tuple[str, ...]:
    """What a licence forbids whichever of its alternatives is chosen: of OR the mildest, of AND all."""
    try:
        alternatives = _alternatives(parsed_licence(expression))
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
    return [str(key) for key in Licensing().license_keys(parsed)] if parsed is not None else []


@lru_cache
def parsed_licence(expression: str) -> Any:
    """The expression read, None where it is empty; raises ExpressionError where it is none.

    Of the list only what occurs in it is taken in: all 2,500 names cost 15 ms.
    """
    written = expression.lower()
    occurring = [licence for licence in _listed() if any(name.lower() in written for name in _keys(licence))]
    try:
        return build_spdx_licensing(occurring or _listed()[:1]).parse(expression)
    except (AssertionError, IndexError, TypeError) as error:  # what its parser says of a side that is missing
        raise ExpressionError(str(error)) from None


def _keys(licence: dict[str, Any]) -> tuple[str, ...]:
    return licence["spdx_license_key"], *licence["other_spdx_license_keys"]


@lru_cache
def _known() -> frozenset[str]:
    return frozenset(licence["spdx_license_key"] for licence in _listed())


@lru_cache
def _listed() -> list[dict[str, Any]]:
    return [licence for licence in get_license_index() if licence.get("spdx_license_key")]
