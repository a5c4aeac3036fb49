"""One drop, read once against its contract and judged: what `malmoi admit` and builds on the fly share."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.admit.masks import Placeholders
from pipelines.admit.reading import Reading, Tally
from pipelines.admit.texts import LanguageSample
from pipelines.admit.verdict import Question, judge, receipt
from pipelines.intake.checks.keys import KeyIndex
from pipelines.intake.drops import Drop, discover
from pipelines.intake.quality_rules import RuleMeter, needs_copy, sql_results
from pipelines.intake.quarantine import (
    FAULTS_FILE,
    QUARANTINE_FILE,
    Spool,
    faults_bytes,
    sorted_faults,
    write_quarantine,
)
from pipelines.intake.service_levels import Previous
from pipelines.intake.sql_rules import Spill, SqlLimits
from schemas.admission import FAULTS, Admission
from schemas.contract import Contract
from schemas.receipt import ReceiptFaults, receipt_values
from schemas.registry import Head

if TYPE_CHECKING:
    from pipelines.admit.kept_out import KeptOut

MAX_ROW_BYTES = 64 << 20
NO_SECRET = b"malmoi admission without a registry"  # keyed digests need some key; these are kept nowhere


def admit_drop(
    contract: Contract,
    drop: Path,
    *,
    today: str,
    earlier_keys: Mapping[str, Sequence[Path]] | None = None,
    secret: bytes = NO_SECRET,
    without_drop_json: bool = False,
    mends: bool = False,
    max_row_bytes: int = MAX_ROW_BYTES,
    quarantine_to: Path | None = None,
    previous: Previous | None = None,
    log: Head | None = None,
    sql_limits: SqlLimits | None = None,
    kept_out: KeptOut | None = None,
) -> Admission:
    """Read a drop once and judge it.

    With `quarantine_to` (a directory), faults.parquet, quarantine.jsonl and keys-<data set>.arrow are written
    there. earlier_keys: the keys files of the drops before, by data set. kept_out: content that was taken
    down. Raises InputUnreadable where the drop or its drop.json cannot be read at all.
    """
    found = discover(drop, contract)
    delivered = {file.data_set for file in found.files}
    keys: list[Future[int]] = []
    with (
        tempfile.TemporaryDirectory(prefix="malmoi-admit-", dir=quarantine_to) as scratch,
        ThreadPoolExecutor(max_workers=2) as filing,
    ):
        home = Path(scratch)
        tallies = {
            data_set.name: Tally(
                data_set,
                LanguageSample(data_set, secret),
                RuleMeter(
                    data_set,
                    spill=Spill(home, f"set-{index}") if needs_copy(data_set, contract.data_sets) else None,
                    delivered=data_set.name in delivered,
                ),
                KeyIndex(
                    data_set,
                    partner=contract.partner,
                    secret=secret,
                    earlier=(earlier_keys or {}).get(data_set.name, ()),
                ),
            )
            for index, data_set in enumerate(contract.data_sets)
        }
        kept = quarantine_to is not None and contract.quarantine_days > 0
        spool = Spool(home, mask=Placeholders(), secret=secret) if kept else None
        reading = Reading(contract, drop, tallies, spool, max_row_bytes=max_row_bytes, kept_out=kept_out)
        facts = reading.read(found.files)
        if quarantine_to is not None:  # beside the verdict, as the quarantine
            keys = [
                filing.submit(tallies[name].keys.finish, quarantine_to / keys_file(name))
                for name in sorted(delivered)
            ]
        meters = [tally.meter for tally in tallies.values()]
        with reading.clock.of("sql rules"):
            rules = [
                *(result for meter in meters if meter.delivered for result in meter.results()),
                *sql_results(meters, sql_limits or SqlLimits()),
            ]
        faults = sorted_faults(pa.Table.from_batches([*reading.faults, _outside(found)], schema=FAULTS))
        put = filing.submit(_put_faults, quarantine_to, contract, faults, spool, today)
        asked = Question(contract, today, without_drop_json, mends, previous)
        judged = judge(asked, found, facts, tallies, faults, rules)
        digest = put.result()
        for written in keys:
            written.result()
    told = receipt(asked, found, judged, faults=ReceiptFaults(len(faults), digest), log=log)
    return Admission(
        receipt=receipt_values(told),
        verdict=judged.verdict,
        findings=judged.findings,
        faults=faults,
        refused=judged.refused,
    )


def _put_faults(
    directory: Path | None, contract: Contract, faults: pa.Table, spool: Spool | None, today: str
) -> str | None:
    """The digest of the faults, if there are any; with a directory, they and the quarantine are written."""
    if not len(faults):
        return None
    content = faults_bytes(faults)
    if directory is not None:
        (directory / FAULTS_FILE).write_bytes(content)
        write_quarantine(directory / QUARANTINE_FILE, contract, faults, spool, today=today)
    return hashlib.sha256(content).hexdigest()


def keys_file(data_set: str) -> str:
    """The name of the file of a data set's keys, in the directory of a drop."""
    return f"keys-{data_set}.arrow"


def _outside(drop: Drop) -> pa.RecordBatch:
    """Faults of links, paths that leave the drop and what is no regular file."""
    return pa.RecordBatch.from_pylist(
        [
            {"file": path, "row": -1, "line": -1, "offset": -1, "rule": "readable", "reason": refusal.value}
            for path, refusal in drop.refused
        ],
        schema=FAULTS,
    )
