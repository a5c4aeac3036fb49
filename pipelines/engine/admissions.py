"""The admission of every drop of a build, before anything is cleaned.

STAGING/admissions/<digest>/ holds, of a drop under a contract on a day,
    receipt.json       the receipt
    faults.parquet     FAULTS: every fault of every row; absent where there is none
so that a second build does not read the drop again. Of a drop out of the registry, its own are taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.engine.drops import BuildDrop, receipt_in
from pipelines.engine.files import whole_directory
from pipelines.intake.quarantine import FAULTS_FILE, faults_bytes
from pipelines.intake.splits import Split
from schemas.admission import RECEIPT_VERSION, Admission, Verdict
from schemas.contract import Contract, Severity
from schemas.documents import QUARANTINE
from schemas.errors import LossExceeded
from schemas.identity import canonical_json, fingerprint
from schemas.receipt import RECEIPT_JSON, Receipt


class Admit(Protocol):
    """`pipelines.admit.admit_drop`, which lies above the engine."""

    def __call__(
        self, contract: Contract, drop: Path, *, today: str, without_drop_json: bool, max_row_bytes: int
    ) -> Admission:
        """Read a drop once and judge it."""


ADMISSION_VERSION = 1  # bump when admission finds other faults in the same drop
_SPAWNED = 8 << 20  # bytes of drops from which on processes of their own are worth their start
_SHOWN = 20  # findings of a refused drop that the error names


@dataclass(frozen=True)
class Admitted:
    """Where the receipt and the faults of a drop lie."""

    directory: Path
    receipt: Receipt


def refused_in(directory: Path, path: str) -> pa.Table:
    """QUARANTINE of the rows of a file that a fault refuses, each once, by its first fault; ascending."""
    if not (directory / FAULTS_FILE).is_file():
        return QUARANTINE.empty_table()
    faults = pq.read_table(
        directory / FAULTS_FILE, filters=(pc.field("file") == path) & (pc.field("row") >= 0)
    )
    rows = faults["row"].to_numpy()
    first = np.ones(len(rows), np.bool_)
    first[1:] = rows[1:] != rows[:-1]
    return faults.filter(pa.array(first)).select(QUARANTINE.names).cast(QUARANTINE)


def refused_between(refused: pa.Table, split: Split, stop_row: int | None) -> pa.Table:
    """Those of a split's rows; stop_row is the first row of the next one."""
    rows = refused["row"].to_numpy()
    stop = len(rows) if stop_row is None else int(np.searchsorted(rows, stop_row))
    start = int(np.searchsorted(rows, split.first_row))
    return refused.slice(start, stop - start)


def admit_all(
    drops: Sequence[BuildDrop],
    contracts: Mapping[str, Contract],
    *,
    admit: Admit,
    today: str,
    without_drop_json: Sequence[str],
    max_row_bytes: int,
    staging: Path,
    workers: int,
) -> dict[tuple[str, str], Admitted]:
    """The admission of each drop by (partner, name).

    Raises LossExceeded with the findings of those that are refused.
    """
    places = {(drop.partner, drop.name): drop.admitted for drop in drops}
    todo: list[tuple[Path, dict[str, Any]]] = []
    for drop in sorted(drops, key=lambda drop: -sum(file.bytes for file in drop.files)):
        contract, bare = contracts[drop.partner], drop.partner in without_drop_json
        if drop.admitted is not None:
            continue  # judged when it was admitted
        name = fingerprint(
            [
                *(ADMISSION_VERSION, RECEIPT_VERSION, contract.digest, drop.digest, _around(drop)),
                *(today, bare, max_row_bytes),
            ]
        )
        directory = staging / "admissions" / name
        if not (directory / RECEIPT_JSON).is_file():
            given = {"contract": contract, "drop": drop.directory, "today": today}
            todo.append((directory, {**given, "without_drop_json": bare, "max_row_bytes": max_row_bytes}))
        places[drop.partner, drop.name] = directory
    _carry_out(todo, admit, workers)
    found = {key: Admitted(place, receipt_in(place)) for key, place in places.items() if place}
    _all_stand(found)
    return found


def _around(drop: BuildDrop) -> list[Any]:
    """What lies in the drop beside the files that the contract names."""
    return [drop.drop.sent, drop.drop.refused, drop.drop.unnamed, drop.drop.parts]


def _carry_out(todo: Sequence[tuple[Path, dict[str, Any]]], admit: Admit, workers: int) -> None:
    drops: list[Path] = [given["drop"] for _, given in todo]
    size = sum(file.stat().st_size for drop in drops for file in drop.rglob("*") if file.is_file())
    if len(todo) < 2 or workers < 2 or size < _SPAWNED:
        for directory, arguments in todo:
            _one(admit, directory, arguments)
        return
    # spawn: the parent has threads (Arrow, Beam), which a fork does not carry over
    with ProcessPoolExecutor(min(workers, len(todo)), mp_context=get_context("spawn")) as pool:
        for future in [pool.submit(_one, admit, directory, arguments) for directory, arguments in todo]:
            future.result()


def _one(admit: Admit, directory: Path, arguments: dict[str, Any]) -> None:
    admission = admit(**arguments)
    with whole_directory(directory) as temporary:
        if len(admission.faults):
            (temporary / FAULTS_FILE).write_bytes(faults_bytes(admission.faults))
        (temporary / RECEIPT_JSON).write_bytes(canonical_json(admission.receipt) + b"\n")


def _all_stand(found: Mapping[tuple[str, str], Admitted]) -> None:
    said = []
    for (partner, name), admitted in sorted(found.items()):
        if admitted.receipt.verdict is not Verdict.REFUSED:
            continue
        errors = [f for f in admitted.receipt.findings if f.severity is Severity.ERROR]
        for finding in errors[:_SHOWN]:
            where = f"{partner}/{finding.where}" if finding.where else f"{partner}: drop {name}"
            said.append(f"{where}: {finding.message}")
        if len(errors) > _SHOWN:
            said.append(f"{partner}: {len(errors) - _SHOWN} findings more: run 'malmoi admit'")
    if said:
        raise LossExceeded(
            "\n".join(said) + "\nMend the drop (malmoi admit says every fault), or take the partner out of "
            "the recipe"
        )
