"""A file of a partner's folder made part of a drop: checked, written, and checked again as it was written."""

from __future__ import annotations

import secrets
import shutil
from array import array
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.intake.checks import check_file
from pipelines.intake.checks.keys import KeyIndex
from pipelines.intake.delivered_columns import DeliveredColumns, Fault, TextChange, picked
from pipelines.intake.drop_writers import row_writer
from pipelines.intake.drops import DropFile
from pipelines.intake.raw_rows import RawRows, raw_rows
from pipelines.intake.readers.warc import RECORD
from pipelines.intake.rejects import Rejects, elsewhere
from schemas.contract import Contract, DeliveredAs, Format
from schemas.drop import SentFile
from schemas.errors import BuildInconsistent, InputUnreadable
from schemas.identity import file_sha256
from schemas.reasons import Refusal

MAX_ROW_BYTES = 64 << 20  # as recipes have it
_ROUNDS = 3  # of leaving out what the second check refuses: what is left changes no other row

Numbers = NDArray[np.int64]


@dataclass
class Written:
    """Where the rows of a written file came from: one entry a row."""

    rows: array[int] = field(default_factory=lambda: array("q"))
    lines: array[int] = field(default_factory=lambda: array("q"))
    offsets: array[int] = field(default_factory=lambda: array("q"))

    def note(self, raw: RawRows) -> None:
        """Rows were written."""
        self.rows.extend(raw.rows)
        self.lines.extend(raw.lines)
        self.offsets.extend(raw.offsets)

    @property
    def places(self) -> tuple[Numbers, Numbers, Numbers]:
        """Rows, lines and bytes of the file they came from."""
        rows, lines, offsets = (np.array(n, np.int64) for n in (self.rows, self.lines, self.offsets))
        return rows, lines, offsets


class FilePreparation:
    """How the files of one data set are prepared, in the order of their paths.

    `texts` replaces personal data in the texts of rows. A raw delivery and WARC files are copied; where
    rows of them are left out the others are written again, with their values as they were.
    """

    def __init__(
        self, contract: Contract, data_set: str, *, secret: bytes | None, texts: TextChange, rejects: Rejects
    ) -> None:
        self._data_set = contract.data_set(data_set)
        self._pseudonymised = contract.delivered_as is DeliveredAs.PSEUDONYMISED
        self._rejects = rejects
        self._is_warc = self._data_set.format is Format.WARC
        self._copied = self._is_warc or not self._pseudonymised
        self._columns = DeliveredColumns(
            self._data_set,
            partner=contract.partner,
            secret=secret,
            texts=None if self._copied else texts,
        )
        # Digests that are kept nowhere: of a key that comes twice in the folder, the first row stays.
        self._keys = KeyIndex(self._data_set, partner=contract.partner, secret=secrets.token_bytes(32))
        self.unnamed: set[str] = set()  # columns met that the contract does not name

    def run(self, folder: Path, work: Path, file: DropFile) -> SentFile | None:
        """The file as it is sent; None where no row of it can be."""
        source, target = folder / file.path, work / file.path
        before = _state(source)
        refused, rows, digest, whole = self._check_source(folder, file)
        target.parent.mkdir(parents=True, exist_ok=True)
        if self._copied and whole and not len(refused):
            shutil.copyfile(source, target)
            if file_sha256(target) != digest:
                raise _changed(file)
            return SentFile(file.path, target.stat().st_size, rows, digest)
        for _ in range(_ROUNDS):
            written, lost = self._write(folder, file, target, refused)
            if _state(source) != before:
                raise _changed(file)
            if not written.rows:
                target.unlink()
                return None
            late, digest = self._check_target(work, file, written)
            if not len(late):
                return SentFile(file.path, target.stat().st_size, len(written.rows), digest)
            refused = np.union1d(refused, np.union1d(late, np.array(sorted(lost), np.int64)))
            target.unlink()
        raise BuildInconsistent(
            f"{file.path}: what was written does not fit the contract: this is an error of Malmoi; report it"
        )

    def _check_source(self, folder: Path, file: DropFile) -> tuple[Numbers, int, str, bool]:
        """Rows to leave out, all rows, the file's digest, and whether it could be read to its end."""
        refused, rows, digest, whole = [np.empty(0, np.int64)], 0, "", True
        for checked in check_file(folder, file, self._data_set, max_row_bytes=MAX_ROW_BYTES):
            repeated = self._keys.add(checked)
            batch = checked.with_faults(repeated) if repeated else checked
            self._rejects.add_table(batch.faults)
            numbers = batch.faults["row"].to_numpy()
            whole = whole and bool((numbers >= 0).all())
            refused.append(np.unique(numbers[numbers >= 0]))
            rows += batch.rows
            digest = batch.sha256 or digest
            self.unnamed.update(batch.unnamed)
        found = np.unique(np.concatenate(refused))
        self._rejects.rows += len(found)
        return found, rows, digest, whole

    def _write(
        self, folder: Path, file: DropFile, target: Path, refused: Numbers
    ) -> tuple[Written, set[int]]:
        """Write the rows that are not refused, each as it is delivered; also the rows that cannot be."""
        written, lost = Written(), set[int]()
        names = (*self._columns.names, RECORD) if self._is_warc else self._columns.names
        with row_writer(target, self._data_set, names) as writer:
            for batch in raw_rows(folder, file, self._data_set, names=names, max_row_bytes=MAX_ROW_BYTES):
                kept = np.flatnonzero(~np.isin(np.asarray(batch.rows, np.int64), refused))
                if not len(kept):
                    continue
                raw = picked(batch, kept.tolist())
                columns, faults = self._columns.change(raw, path=file.path)
                changed = replace(raw, columns=columns)
                if faults:
                    lost |= self._reject(file, raw, faults)
                    changed = _without(changed, {fault.at for fault in faults})
                if not changed.rows:
                    continue
                places = writer.write(changed.columns, len(changed.rows))
                if places:
                    faults = [Fault(at, None, "encoding", Refusal.INVALID_ENCODING) for at in places]
                    lost |= self._reject(file, changed, faults)
                    changed = _without(changed, set(places))
                written.note(changed)
        return written, lost

    def _check_target(self, work: Path, file: DropFile, written: Written) -> tuple[Numbers, str]:
        """Rows, by their numbers at their source, that admission would refuse as written; the digest."""
        late, rows, digest = [np.empty(0, np.int64)], 0, ""
        places = written.places
        for batch in check_file(
            work, file, self._data_set, max_row_bytes=MAX_ROW_BYTES, pseudonymised=self._pseudonymised
        ):
            if batch.faults.num_rows:
                numbers = batch.faults["row"].to_numpy()
                self._rejects.add_table(elsewhere(batch.faults, places))
                late.append(places[0][np.unique(numbers[numbers >= 0])])
            rows += batch.rows
            digest = batch.sha256 or digest
        if rows != len(written.rows):
            raise BuildInconsistent(
                f"{file.path}: {len(written.rows)} rows were written and {rows} are read: "
                "this is an error of Malmoi; report it"
            )
        found = np.unique(np.concatenate(late))
        self._rejects.rows += len(found)
        return found, digest

    def _reject(self, file: DropFile, raw: RawRows, faults: list[Fault]) -> set[int]:
        self._rejects.add(file.path, raw, faults)
        rows = {raw.rows[fault.at] for fault in faults}
        self._rejects.rows += len(rows)
        return rows


def _without(raw: RawRows, places: set[int]) -> RawRows:
    return picked(raw, [at for at in range(len(raw.rows)) if at not in places])


def _state(path: Path) -> tuple[int, int, int]:
    """What changes when a file is written to."""
    facts = path.stat()
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def _changed(file: DropFile) -> InputUnreadable:
    return InputUnreadable(f"{file.path}: changed while it was read: prepare the drop when it is complete")
