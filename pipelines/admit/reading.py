"""The one pass over a drop: row checks, personal data, language sample, rules and keys, file by file.

Parsing and the row checks run in this thread, what looks at the checked rows in others: all spend their time
in Arrow and compiled kernels, which let the others run. Nothing of a drop is held but counts, faults, digests
of keys and a bounded sample.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.admit.texts import LanguageSample, PersonalData, make_ready, personal_data
from pipelines.intake.checks import CheckedBatch, check_file
from pipelines.intake.checks.batch import Found
from pipelines.intake.checks.keys import KeyIndex
from pipelines.intake.drops import DropFile
from pipelines.intake.quality_rules import RuleMeter
from pipelines.intake.quarantine import Spool
from pipelines.intake.readers.rows import field_name
from schemas.contract import Contract, DataSet, DeliveredAs
from schemas.errors import InputUnreadable
from schemas.reasons import Refusal

if TYPE_CHECKING:
    from pipelines.admit.kept_out import KeptOut

_NO_ROWS = np.zeros(0, np.int64)
_WAITING = 2  # batches that may wait to be looked at
_ASIDE = 8  # batches whose refused rows may wait to be put aside
_SCANNERS = 2  # threads that look for personal data, the dearest part


@dataclass
class FileFacts:
    """What was read of a file."""

    file: DropFile
    bytes: int = 0  # on disk
    sha256: str = ""
    rows: int = 0
    uncompressed: int = 0
    changed: bool = False


@dataclass
class Tally:
    """What is counted of a data set while it is read."""

    data_set: DataSet
    sample: LanguageSample
    meter: RuleMeter
    keys: KeyIndex
    personal: Counter[str] = field(default_factory=Counter)  # rows by class
    unnamed: set[str] = field(default_factory=set)


@dataclass
class Clock:
    """Seconds spent on parts that are timed apart; not part of any result."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        """Add the time of the block to a part."""
        begin = perf_counter()
        try:
            yield
        finally:
            self.add(part, perf_counter() - begin)

    def add(self, part: str, seconds: float) -> None:
        """Add a time that was taken elsewhere."""
        self.seconds[part] = self.seconds.get(part, 0.0) + seconds


class Scan(NamedTuple):
    """Personal data of a batch, how long it took to find, and the rows whose content is kept out."""

    found: list[PersonalData]
    seconds: float
    kept_out: NDArray[np.int64]


@dataclass(frozen=True)
class _Threads:
    """Who works beside the parser."""

    in_order: ThreadPoolExecutor  # one, that takes batch after batch
    aside: ThreadPoolExecutor  # one, that puts refused rows aside
    scanners: ThreadPoolExecutor


class Reading:
    """Reads the files of a drop once."""

    def __init__(
        self,
        contract: Contract,
        drop: Path,
        tallies: dict[str, Tally],
        spool: Spool | None,
        *,
        max_row_bytes: int,
        kept_out: KeptOut | None = None,
    ) -> None:
        self.faults: list[pa.RecordBatch] = []
        self.clock = Clock()
        self._contract = contract
        self._drop = drop
        self._tallies = tallies
        self._spool = spool
        self._max_row_bytes = max_row_bytes
        self._kept_out = kept_out

    def read(self, files: Sequence[DropFile]) -> list[FileFacts]:
        """Every file, in order."""
        with (
            ThreadPoolExecutor(max_workers=1) as in_order,
            ThreadPoolExecutor(max_workers=1) as aside,
            ThreadPoolExecutor(max_workers=_SCANNERS) as scanners,
        ):
            scanners.submit(make_ready)
            threads = _Threads(in_order, aside, scanners)
            return [self._read(file, threads) for file in files]

    def _read(self, file: DropFile, threads: _Threads) -> FileFacts:
        tally = self._tallies[file.data_set]
        facts = FileFacts(file)
        path = self._drop / file.path
        before = _state(path)
        waiting: deque[Future[Future[None] | None]] = deque()
        aside: deque[Future[None]] = deque()
        for checked in self._checked(file, facts, before):
            facts.rows += checked.rows
            facts.uncompressed += checked.bytes
            facts.sha256 = checked.sha256 or facts.sha256
            tally.unnamed.update(checked.unnamed)
            scan = threads.scanners.submit(_scan, checked.table, tally.data_set, self._kept_out)
            waiting.append(threads.in_order.submit(self._look, tally, checked, scan, threads.aside))
            _wait(waiting, aside, _WAITING, _ASIDE)
        _wait(waiting, aside, 0, 0)
        facts.bytes = before[0]
        facts.changed = facts.changed or before != _state(path)
        return facts

    def _checked(
        self, file: DropFile, facts: FileFacts, before: tuple[int, int, int]
    ) -> Iterator[CheckedBatch]:
        data_set = self._tallies[file.data_set].data_set
        pseudonymised = self._contract.delivered_as is DeliveredAs.PSEUDONYMISED
        try:
            yield from check_file(
                self._drop,
                file,
                data_set,
                max_row_bytes=self._max_row_bytes,
                pseudonymised=pseudonymised,
            )
        except InputUnreadable:
            if _state(self._drop / file.path) == before:
                raise
            facts.changed = True  # a file that was rewritten under the reader is a finding, not an accident

    def _look(
        self, tally: Tally, checked: CheckedBatch, scan: Future[Scan], aside: ThreadPoolExecutor
    ) -> Future[None] | None:
        """What is done with checked rows, one batch at a time, in order; refused ones are put aside then."""
        file, table = checked.file, checked.table
        looked = scan.result()
        found = self._personal(tally, looked)
        found.append(Found(looked.kept_out, None, "rights/suppressed", Refusal.SUPPRESSED))
        good = table if not len(checked.faults) else table.filter(pa.array(~checked.refused))
        with self.clock.of("languages"):
            tally.sample.add(file, good)
        with self.clock.of("quality rules"):
            found += self._rules(tally, good, table)
        judged = checked.with_faults(found)
        with self.clock.of("keys"):
            judged = judged.with_faults(tally.keys.add(judged))
        if len(judged.faults):
            self.faults.append(judged.faults)
            if self._spool is not None:
                put = judged.refused
                put[looked.kept_out] = False  # nothing is kept of what was taken down
                rows = judged.table.take(pa.array(np.flatnonzero(put)))
                return aside.submit(self._put_aside, self._spool, tally.data_set, file, rows)
        return None

    def _put_aside(self, spool: Spool, data_set: DataSet, file: str, refused: pa.RecordBatch) -> None:
        with self.clock.of("quarantine"):
            spool.add(file, data_set, refused)

    def _personal(self, tally: Tally, scan: Scan) -> list[Found]:
        """Count the rows by class; those with an identifier that the contract calls absent are refused."""
        self.clock.add("personal data", scan.seconds)
        by_row: dict[int, set[str]] = {}
        forbidden: dict[str, set[int]] = {}
        absent = set(tally.data_set.absent_identifiers)
        for found in scan.found:
            by_row.setdefault(found.position, set()).update(found.labels)
            if found.labels & absent:
                forbidden.setdefault(field_name(found.column), set()).add(found.position)
        tally.personal.update(label for labels in by_row.values() for label in labels)
        rule, refusal = "malmoi.uniqueIdentifiers", Refusal.UNIQUE_IDENTIFIER
        return [
            Found(np.array(sorted(positions), np.int64), name, rule, refusal)
            for name, positions in sorted(forbidden.items())
        ]

    def _rules(self, tally: Tally, good: pa.RecordBatch, table: pa.RecordBatch) -> list[Found]:
        told = []
        for named in tally.meter.add(good):
            rows = good["row"].to_numpy()[named.positions]
            positions = np.flatnonzero(np.isin(table["row"].to_numpy(), rows))
            told.append(Found(positions, named.rule.column, named.rule.name, Refusal.INVALID_VALUE))
        return told


def _scan(table: pa.RecordBatch, data_set: DataSet, kept_out: KeptOut | None) -> Scan:
    begin = perf_counter()
    found = list(personal_data(table, data_set))
    seconds = perf_counter() - begin
    return Scan(found, seconds, _NO_ROWS if kept_out is None else kept_out.rows(table, data_set))


def _wait(
    looked: deque[Future[Future[None] | None]], aside: deque[Future[None]], waiting: int, held: int
) -> None:
    """Until at most `waiting` batches are not looked at, and the refused rows of `held` not put aside."""
    while len(looked) > waiting:
        if (put := looked.popleft().result()) is not None:
            aside.append(put)
    while len(aside) > held:
        aside.popleft().result()


def _state(path: Path) -> tuple[int, int, int]:
    """Size, time of the last change and inode: others mean another file or content; of no file, all -1."""
    try:
        state = path.stat()
    except FileNotFoundError:
        return -1, -1, -1
    return state.st_size, state.st_mtime_ns, state.st_ino
