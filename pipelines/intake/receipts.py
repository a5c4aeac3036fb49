"""The receipt of a drop: what came, what was refused and why, under which contract."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.intake.drops import Drop
from pipelines.intake.splits import PlannedFile
from schemas.contract import Contract
from schemas.errors import LossExceeded
from schemas.identity import fingerprint

RECEIPT_VERSION = 1


def receipt(
    contract: Contract,
    drop: Drop,
    files: Sequence[PlannedFile],
    *,
    counts: Mapping[str, Mapping[str, int]],
    quarantine: Mapping[str, Sequence[Mapping[str, Any]]],
) -> dict[str, Any]:
    """The receipt as JSON values. counts: rows, documents, bytes by file; quarantine: entries by file.

    Rows that drop.json announces and that lie behind a break of the file (an entry with row -1) are
    counted to that entry, so that rows sent = arrived = admitted + quarantined. Raises LossExceeded
    where they are missing without a break, or more came than was sent.
    """
    sent = dict(drop.rows_sent)
    entries: list[dict[str, Any]] = [
        {"file": path, "row": -1, "offset": -1, "field": None, "reason": refusal.value}
        for path, refusal in drop.refused
    ]
    delivered = []
    for file in files:
        rows, documents = counts[file.path]["rows"], counts[file.path]["documents"]
        refused = [{"file": file.path, **entry} for entry in quarantine.get(file.path, ())]
        entries.extend(refused)
        by_reason = Counter(entry["reason"] for entry in refused)
        expected = sent.get(file.path)
        if expected is not None and expected != rows:
            breaks = [entry["reason"] for entry in refused if entry["row"] < 0]
            if not breaks or rows > expected:
                raise LossExceeded(
                    f"{contract.partner}/{file.path}: drop.json announces {expected} rows, {rows} arrived: "
                    "send the file again, or correct drop.json"
                )
            by_reason[breaks[0]] += expected - rows
            rows = expected
        delivered.append(
            {
                "path": file.path,
                "data_set": file.data_set,
                "bytes": file.bytes,
                "sha256": file.sha256,
                "rows_sent": expected,
                "rows_arrived": rows,
                "documents": documents,
                "uncompressed_bytes": counts[file.path]["bytes"],
                "quarantined": dict(sorted(by_reason.items())),
            }
        )
    entries.sort(key=lambda entry: (entry["file"], entry["row"], entry["offset"], entry["reason"]))
    return {
        "version": RECEIPT_VERSION,
        "partner": contract.partner,
        "contract": {"version": contract.version, "digest": contract.digest},
        "drop": fingerprint([[file.path, file.sha256] for file in files]),
        "verdict": "admitted with quarantine" if entries else "admitted",
        "files": delivered,
        "not_named_by_contract": list(drop.unnamed),
        "not_delivered": list(drop.missing),
        "quarantine": entries,
    }
