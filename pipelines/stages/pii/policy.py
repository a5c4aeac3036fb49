"""What a contract says of each class of personal data: remove, surrogate or keep.

A class the contract does not name gets a surrogate. Unique identifiers (PIPA Art. 24) are never kept.
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.contract import DataSet
from schemas.rights import UNIQUE_IDENTIFIERS

REMOVE, SURROGATE, KEEP = "remove", "surrogate", "keep"
_PAST = {REMOVE: "removed", KEEP: "kept"}


def action(label: str, data_set: DataSet) -> str:
    """What becomes of a span of this class in the data set's texts."""
    said = dict(data_set.pii_policy).get(label, SURROGATE)
    return REMOVE if said == KEEP and label in UNIQUE_IDENTIFIERS else said


def wanted(entities: tuple[str, ...], data_set: DataSet) -> frozenset[str]:
    """The classes to look for: the recipe's, and all that the contract speaks of."""
    return frozenset((*entities, *dict(data_set.pii_policy), *data_set.absent_identifiers))


def placeholder(label: str) -> str:
    """What stands where a value was removed."""
    return f"[{label}]"


def counted_as(label: str, data_set: DataSet) -> str:
    """How the ledger counts a span: its class, with the action where that is not a surrogate."""
    past = _PAST.get(action(label, data_set))
    return label if past is None else f"{label}:{past}"


def counted(counts: Mapping[str, int], data_set: DataSet) -> dict[str, int]:
    """Counts by class as counts by class and action, sorted."""
    return dict(sorted((counted_as(label, data_set), count) for label, count in counts.items()))
