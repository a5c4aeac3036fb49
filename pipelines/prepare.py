"""A partner's folder made a drop, offline: checked, columns and texts as the contract says, drop.json last.

Nothing is put at the drop's name before all of it is on disk: the work is done beside it, in a directory
whose name ends in `.part`. What is written is read and checked once more before drop.json says so.

Where the contract says `deliveredAs: pseudonymised`, columns leave by their policy and personal data in
texts is replaced as a build does it. Of a raw delivery, and of WARC files, the files are copied as they are;
where rows of them are left out, the others are written again (of WARC files the responses alone).
"""

from __future__ import annotations

import datetime
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.intake.column_policy import secret_id
from pipelines.intake.contracts import load_contract
from pipelines.intake.delivered_columns import needs_secret
from pipelines.intake.drop_json import write_drop_json
from pipelines.intake.drops import Drop, discover
from pipelines.intake.new_files import sync_directory, sync_tree
from pipelines.intake.prepared_file import FilePreparation
from pipelines.intake.rejects import Rejects
from pipelines.intake.signatures import SigningKey
from pipelines.intake.subject_key import read_subject_key
from pipelines.stages.pii.find import find_pii
from pipelines.stages.pii.replace import replace_pii
from schemas.contract import Contract, DataSet, DeliveredAs, Format
from schemas.documents import DOCUMENT
from schemas.drop import DROP_VERSION, PART, DropManifest, Period, SentContract
from schemas.errors import InputUnreadable, LossExceeded, UsageError
from schemas.recipe import PiiSettings

# Texts that are mostly personal data are delivered with it replaced: whether they are kept is the build's.
_SETTINGS = PiiSettings(max_share=1.0)


@dataclass
class Prepared:
    """What became of a folder. `manifest` is None where no drop was written: rows were refused."""

    manifest: DropManifest | None
    faults: int  # of rows, all of them in `rejects`
    rejected_rows: int
    rejects: Path | None
    sample: list[dict[str, Any]]  # the first faults
    not_named: tuple[str, ...]  # files that no data set names: not copied
    not_delivered: tuple[str, ...]  # data sets, not optional, without a file
    columns_left_out: dict[
        str, list[str]
    ]  # by data set: columns of the files that the contract does not name
    warnings: list[str] = field(default_factory=list)


def prepare(
    contract_path: Path,
    folder: Path,
    output: Path,
    *,
    subject_key: Path | None = None,
    sign: Path | None = None,
    period: str | None = None,
    leave_out_bad_rows: bool = False,
) -> Prepared:
    """Write the drop of a folder. Rows that do not fit go to a file beside the drop, and hold the drop back.

    Raises ContractRejected, InputUnreadable, LossExceeded (no file of the contract, no row that fits), and
    UsageError: no subject key where one is needed, an output that exists, a period that is none.
    """
    contract = load_contract(contract_path)
    _check_places(folder, output)
    days = _period(period)
    found = discover(folder, contract)
    if not found.files:
        raise LossExceeded(f"{folder}: holds no file that the contract names: check 'malmoi.files'")
    warnings: list[str] = []
    key = _signing_key(sign, warnings)
    secret = _secret(contract, found, subject_key, warnings)
    with _beside(output) as work, Rejects(output) as rejects:
        for path, refusal in found.refused:
            rejects.add_file(path, refusal)
        ways = {
            data_set.name: FilePreparation(
                contract,
                data_set.name,
                secret=secret,
                texts=partial(without_personal_data, data_set=data_set),
                rejects=rejects,
            )
            for data_set in contract.data_sets
        }
        sent = [ways[file.data_set].run(folder, work, file) for file in found.files]
        manifest = DropManifest(
            version=DROP_VERSION,
            partner=contract.partner,
            contract=SentContract(contract.version, contract.content_digest),
            period=days,
            files=tuple(file for file in sent if file is not None),
            subject_key_id=None if secret is None else secret_id(secret),
        )
        written = bool(manifest.files) and (leave_out_bad_rows or not rejects.count)
        if written:
            sync_tree(work)
            manifest = write_drop_json(work, manifest, key=key)
            _put(work, output)
    warnings += _untouched(contract, found) if written else []
    return Prepared(
        manifest=manifest if written else None,
        faults=rejects.count,
        rejected_rows=rejects.rows,
        rejects=rejects.path if rejects.count else None,
        sample=rejects.sample,
        not_named=found.unnamed,
        not_delivered=found.missing,
        columns_left_out={name: sorted(way.unnamed) for name, way in ways.items() if way.unnamed},
        warnings=warnings,
    )


def without_personal_data(
    pieces: list[list[str]], ids: list[bytes], *, data_set: DataSet
) -> list[list[str] | None]:
    """The texts of each row with personal data replaced as the contract says of each class.

    The texts of a row are looked through together, so that one value has one surrogate in all of them. None
    for a row that holds an identifier that the contract says is absent.
    """
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array(ids, DOCUMENT.field("doc_id").type),
            pa.array(range(len(pieces)), pa.int64()),
            pa.array(["\n".join(texts) for texts in pieces], pa.string()),
            pa.nulls(len(pieces), pa.string()),
        ],
        schema=DOCUMENT,
    )
    kept = find_pii(batch, _SETTINGS, data_set).kept
    replaced = replace_pii(kept, _SETTINGS, data_set).kept
    result: list[list[str] | None] = [None] * len(pieces)
    rows = zip(*(kept[name].to_pylist() for name in ("row", "spans")), strict=True)
    after = zip(*(replaced[name].to_pylist() for name in ("text", "spans")), strict=True)
    for (row, old), (text, new) in zip(rows, after, strict=True):
        result[row] = _apart(text, pieces[row], old, new) if old else pieces[row]
    return result


def _apart(text: str, pieces: list[str], old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[str]:
    """A replaced text cut where its pieces were joined; what runs over a joint stays in the first piece.

    A particle behind a span may have another length than before: how far a joint has moved is how far the
    next span has, or the end of the text.
    """
    whole = len(text) - sum(map(len, pieces)) - len(pieces) + 1
    spans = list(zip(old, new, strict=True))
    found, start, end, at = [], 0, -1, 0
    for piece in pieces:
        end += 1 + len(piece)
        while at < len(spans) and spans[at][0]["end"] <= end:
            at += 1
        if at == len(spans):
            cut = end + whole
            following = cut + 1
        elif spans[at][0]["start"] < end:
            cut = following = spans[at][1]["end"]
        else:
            cut = end + spans[at][1]["start"] - spans[at][0]["start"]
            following = cut + 1
        found.append(text[start:cut])
        start = following
    return found


def _signing_key(path: Path | None, warnings: list[str]) -> SigningKey | None:
    if path is None:
        return None
    key = SigningKey.read(path)
    if key.exposed:
        warnings.append(f"{path}: others may read the key: chmod 600 {path}")
    return key


def _untouched(contract: Contract, found: Drop) -> Iterator[str]:
    """What a partner must know of texts that leave as they are."""
    warc = {data_set.name for data_set in contract.data_sets if data_set.format is Format.WARC}
    if contract.delivered_as is DeliveredAs.PSEUDONYMISED:
        for file in found.files:
            if file.data_set in warc:
                yield f"{file.path}: WARC is copied: personal data in its pages is replaced by the build"


def _check_places(folder: Path, output: Path) -> None:
    if not folder.is_dir():
        raise InputUnreadable(f"{folder}: no such directory: name the folder of the files")
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UsageError(f"{output}: exists already: name a new directory, drops are never written over")
    if output.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{output}: lies inside {folder}: put the drop elsewhere, or it is read next time")


def _period(text: str | None) -> Period | None:
    if text is None:
        return None
    first, _, last = text.partition("..")
    try:
        ordered = datetime.date.fromisoformat(first) <= datetime.date.fromisoformat(last)
    except ValueError:
        ordered = False
    if not ordered or len(text) != len("2026-10-01..2026-10-31"):
        raise UsageError("--period: is no period: write it as 2026-10-01..2026-10-31")
    return Period(first, last)


def _secret(contract: Contract, found: Drop, path: Path | None, warnings: list[str]) -> bytes | None:
    """The subject key, where the drop has a column to be keyed."""
    there = {file.data_set for file in found.files}
    if contract.delivered_as is DeliveredAs.RAW or not any(
        needs_secret(data_set) for data_set in contract.data_sets if data_set.name in there
    ):
        return None
    if path is None:
        raise UsageError(
            "the contract has columns to be keyed: name the key with --subject-key FILE; "
            "make one with 'malmoi prepare --new-subject-key FILE', and keep it"
        )
    secret, exposed = read_subject_key(path)
    if exposed:
        warnings.append(f"{path}: others may read the subject key: chmod 600 {path}")
    return secret


@contextmanager
def _beside(output: Path) -> Iterator[Path]:
    """A directory to work in, gone when the block ends."""
    output.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{output.name}.", suffix=PART, dir=output.parent))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _put(work: Path, output: Path) -> None:
    work.chmod(0o755)
    try:
        work.rename(output)
    except OSError:
        if not output.exists():
            raise
        raise UsageError(f"{output}: exists already: another prepare was quicker, or name another") from None
    sync_directory(output.parent)
