"""Admit a drop without building: read it whole against its contract, write the receipt."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from pipelines.intake.contracts import load_contract
from pipelines.intake.drops import discover
from pipelines.intake.readers import read_split
from pipelines.intake.receipts import receipt
from pipelines.intake.splits import plan_file
from schemas.errors import InputUnreadable, LossExceeded
from schemas.identity import canonical_json

SPLIT_BYTES = 1 << 40  # a drop is read in order here; pieces are for the build


def admit(contract_path: Path, drop_path: Path, registry: Path, *, max_row_mib: int = 64) -> dict[str, Any]:
    """The receipt of a drop, also written to REGISTRY/receipts/<partner>-<drop digest>.json.

    The same drop handed in again gives the same receipt and is written once. Raises ContractRejected,
    InputUnreadable (no such directory), LossExceeded (nothing named, or rows lost on the way).
    """
    contract = load_contract(contract_path)
    if not drop_path.is_dir():
        raise InputUnreadable(f"{drop_path.name}: no such directory: give the directory of the drop")
    drop = discover(drop_path, contract)
    if not drop.files:
        raise LossExceeded(f"{drop_path.name}: holds no file that the contract names: check 'malmoi.files'")
    sets = {data_set.name: data_set for data_set in contract.data_sets}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    quarantine: dict[str, list[dict[str, Any]]] = defaultdict(list)
    files = []
    for file in drop.files:
        data_set = sets[file.data_set]
        planned = plan_file(drop_path, file, data_set, partner=contract.partner, split_bytes=SPLIT_BYTES)
        files.append(planned)
        for split in planned.splits:
            for read in read_split(drop_path, split, data_set, max_row_bytes=max_row_mib << 20):
                counts[file.path].update(rows=read.rows, documents=len(read.documents), bytes=read.bytes)
                quarantine[file.path].extend(read.quarantine.to_pylist())
    content = receipt(contract, drop, files, counts=counts, quarantine=quarantine)
    directory = registry / "receipts"
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{contract.partner}-{content['drop'][:16]}-{contract.digest[:16]}.json"
    try:
        with path.open("xb") as target:
            target.write(canonical_json(content) + b"\n")
    except FileExistsError:
        pass  # admitted before: the same drop under the same contract
    return content
