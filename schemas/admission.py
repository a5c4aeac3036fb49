"""What admission leaves behind: faults of rows, findings on the drop, its receipt, the refused rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.contract import Severity

RECEIPT_VERSION: Final = 3  # 3: the digest of what rows were judged by
# Every fault of every row; no value of the row.
FAULTS = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),  # path inside the drop
        pa.field("row", pa.int64(), nullable=False),  # from 0; -1: the file as a whole, or behind a break
        pa.field("line", pa.int64(), nullable=False),  # from 1; -1 where the format has no lines
        pa.field("offset", pa.int64(), nullable=False),  # byte in the uncompressed file; -1 where unknown
        pa.field("field", pa.string()),  # dotted; null where the row as a whole is meant
        pa.field(
            "rule", pa.string(), nullable=False
        ),  # what it broke: type, required, pattern, a rule's name, ...
        pa.field("reason", pa.string(), nullable=False),  # a Refusal
    ]
)


class Verdict(StrEnum):
    """What became of a drop."""

    ADMITTED = "admitted"
    ADMITTED_WITH_QUARANTINE = "admitted with quarantine"
    REFUSED = "refused"


@dataclass(frozen=True)
class DropFinding:
    """One thing to say of the drop as a whole: an error refuses it. `code` is stable; no value of any row."""

    severity: Severity
    code: str  # rights, volume, language_share, late, quality_rule, rows_sent, quarantine_share, ...
    where: str  # data set, data set.column, file, or "" for the drop
    message: str  # English, with numbers and the remedy
    korean: str


@dataclass(frozen=True)
class DataSetReceipt:
    """What came in one data set."""

    name: str
    rows: int
    documents: int
    quarantined: Mapping[str, int]  # rows by the Refusal of their first fault
    languages: Mapping[str, int]  # rows of the sample by language
    sampled: int
    pii: Mapping[str, int]  # rows with a span, by class
    rules: tuple[Mapping[str, Any], ...]  # name, type, severity, measured, passed
    unnamed_columns: tuple[str, ...]  # in the files, not in the contract; not read


@dataclass(frozen=True)
class Admission:
    """The verdict on a drop and what it stands on; the receipt is its JSON (`receipt`)."""

    receipt: Mapping[str, Any]
    verdict: Verdict
    findings: tuple[DropFinding, ...]
    faults: pa.Table  # FAULTS, sorted by file, row, field, rule
    refused: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)  # by file: row numbers, ascending


def fault_groups(faults: pa.Table) -> tuple[list[tuple[str | None, str, str]], NDArray[np.int64]]:
    """The (field, rule, reason) that occur in faults, few of many, and which of them each fault has."""
    names = ("field", "rule", "reason")
    codes = np.zeros(len(faults), np.int64)
    for name in names:
        words = faults[name].combine_chunks().dictionary_encode()
        count = len(words.dictionary)
        codes = codes * (count + 1) + words.indices.fill_null(count).to_numpy()
    _, first, which = np.unique(codes, return_index=True, return_inverse=True)
    told = faults.select(names).take(pa.array(first)).to_pylist()
    return [(one["field"], one["rule"], one["reason"]) for one in told], which
