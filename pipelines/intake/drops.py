"""What lies in a drop: the files each data set names, and those that nobody names or that are refused.

A drop is a directory under one contract. `drop.json`, where it is there, says what was sent; what it says
is held against what lies there (`discover`) and against what was read (`announced_faults`).
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipelines.intake.drop_json import read_drop_json, signature_holds
from schemas.contract import Contract
from schemas.drop import DROP_JSON, PART, DropManifest
from schemas.errors import InputUnreadable
from schemas.reasons import Refusal

# (code, path inside the drop or "" for the drop, message): what drop.json and the drop do not agree on.
AnnouncedFault = tuple[str, str, str]


@dataclass(frozen=True, order=True)
class DropFile:
    """A file of a data set; `path` is POSIX and relative to the drop."""

    data_set: str
    path: str


@dataclass(frozen=True)
class Drop:
    """A drop as it was found; every tuple is sorted."""

    partner: str
    files: tuple[DropFile, ...]
    unnamed: tuple[str, ...]  # files that no data set names
    refused: tuple[tuple[str, Refusal], ...]  # links, paths that leave the drop, what is no regular file
    missing: tuple[str, ...]  # data sets, not optional, without a file
    rows_sent: tuple[tuple[str, int], ...]  # (path, rows) of drop.json, empty without one
    sent: DropManifest | None = None  # drop.json; None: the drop is not complete
    parts: tuple[str, ...] = ()  # files that end in .part: still being written, not there
    faults: tuple[AnnouncedFault, ...] = ()  # that are seen without reading: see `announced_faults`


def discover(drop: Path, contract: Contract) -> Drop:
    """The files of a drop by data set; never follows a symbolic link.

    Raises InputUnreadable where the drop is no directory, its drop.json is broken or another partner's, or
    a file belongs to two data sets.
    """
    if not drop.is_dir():
        raise InputUnreadable(f"{contract.partner}: {drop} is no directory: name the directory of the drop")
    refused: dict[str, Refusal] = {}
    found: list[str] = []
    parts: list[str] = []
    for path, mode in _walk(drop):
        if stat.S_ISREG(mode):
            (parts if path.endswith(PART) else found).append(path)
        else:
            refused[path] = Refusal.OUTSIDE_DROP if stat.S_ISLNK(mode) else Refusal.UNREADABLE
    globs = [(data_set.name, [_glob(glob) for glob in data_set.files]) for data_set in contract.data_sets]
    files, unnamed = [], []
    for path in found:
        if path == DROP_JSON:
            continue
        name = _name(path)
        owners = [data_set for data_set, wanted in globs if any(glob.fullmatch(name) for glob in wanted)]
        if len(owners) > 1:
            raise InputUnreadable(
                f"{contract.partner}: {path} belongs to the data sets {' and '.join(sorted(owners))}: "
                "narrow the file globs of the contract so that one of them names it"
            )
        if owners:
            files.append(DropFile(owners[0], path))
        else:
            unnamed.append(path)
    sent = read_drop_json(drop / DROP_JSON) if DROP_JSON in found else None
    for file in sent.files if sent else ():
        if _leaves(file.path):
            refused[file.path] = Refusal.OUTSIDE_DROP
    wanted = {data_set.name for data_set in contract.data_sets if not data_set.optional}
    present = {file.data_set for file in files}
    there = {_name(path): path for path in found}
    return Drop(
        partner=contract.partner,
        files=tuple(sorted(files)),
        unnamed=tuple(sorted(unnamed)),
        refused=tuple(sorted(refused.items())),
        missing=tuple(sorted(wanted - present)),
        rows_sent=tuple(sorted((there.get(_name(file.path), file.path), file.rows) for file in sent.files))
        if sent
        else (),
        sent=sent,
        parts=tuple(sorted(parts)),
        faults=tuple(sorted(_faults_of(sent, contract, found, refused))) if sent else (),
    )


def announced_faults(drop: Drop, facts: Mapping[str, tuple[int, str, int]]) -> tuple[AnnouncedFault, ...]:
    """Where drop.json and the drop do not agree, sorted; nothing where there is no drop.json.

    facts: by path of the files that were read, (bytes on disk, SHA-256, rows with the refused ones).
    Codes: file_missing, file_not_announced, file_size, file_digest, rows_sent, contract_version,
    contract_digest, signature. The rows of a broken file are fewer than were sent: whether the rest lies
    behind its break is for the caller to see.
    """
    faults = list(drop.faults)
    announced = {_name(file.path): file for file in drop.sent.files} if drop.sent else {}
    for path, (size, sha256, rows) in facts.items():
        file = announced.get(_name(path))
        if file is None:
            continue
        if size != file.bytes:
            message = f"{file.bytes:,} bytes were sent, {size:,} arrived: send the file again"
            faults.append(("file_size", path, message))
        elif sha256 != file.sha256:
            message = "its SHA-256 is not the one in drop.json: send the file again"
            faults.append(("file_digest", path, message))
        if rows != file.rows:
            message = (
                f"{file.rows:,} rows were sent, {rows:,} arrived: send the file again, or mend drop.json"
            )
            faults.append(("rows_sent", path, message))
    return tuple(sorted(faults))


def _faults_of(
    sent: DropManifest, contract: Contract, found: list[str], refused: Mapping[str, Refusal]
) -> Iterator[AnnouncedFault]:
    """What is seen without reading a file."""
    if sent.partner != contract.partner:
        raise InputUnreadable(
            f"{DROP_JSON}: partner: is not {contract.partner}: "
            "name the contract of the partner who sent the drop"
        )
    if sent.contract.version != contract.version:
        message = f"made under the contract's version {sent.contract.version[:40]!a}, not {contract.version}"
        yield "contract_version", "", f"{message}: prepare the drop under the contract that counts"
    elif sent.contract.content_digest not in {None, contract.content_digest}:
        message = f"made under another contract that is also called version {contract.version}"
        yield "contract_digest", "", f"{message}: compare the two files, and prepare the drop again"
    if signature_holds(sent) is False:
        yield "signature", "", f"the signature of {DROP_JSON} is not of what it says: sign it again"
    there = {_name(path) for path in (*found, *refused)}
    announced = {_name(file.path) for file in sent.files}
    for file in sent.files:
        if _name(file.path) not in there:
            yield "file_missing", file.path, f"announced in {DROP_JSON} and not there: send it"
    for path in found:
        if _name(path) not in announced and path != DROP_JSON:
            yield (
                "file_not_announced",
                path,
                f"there and not announced in {DROP_JSON}: prepare the drop again",
            )


def _name(path: str) -> str:
    """Names are compared in NFC: macOS hands in decomposed Hangul."""
    return unicodedata.normalize("NFC", path)


def _leaves(path: str) -> bool:
    """Whether a path of drop.json leads out of the drop."""
    return PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts


def _walk(drop: Path) -> Iterator[tuple[str, int]]:
    """Every entry that is no directory, with its mode; links are told, not followed."""
    for folder, directories, names in os.walk(drop, followlinks=False):
        links = [name for name in directories if (Path(folder) / name).is_symlink()]
        for name in [*names, *links]:
            path = Path(folder) / name
            yield path.relative_to(drop).as_posix(), path.lstat().st_mode


def _glob(pattern: str) -> re.Pattern[str]:
    """A contract's glob as an expression: `*` and `?` stay inside a folder, `**/` crosses folders."""
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*/|\*\*|\*|\?|\[!?[^]/]+\])", _name(pattern))
    wild = (p.replace("[!", "[^", 1) if p.startswith("[") and len(p) > 2 else None for p in pieces)
    return re.compile(
        "".join(parts.get(p) or w or re.escape(p) for p, w in zip(pieces, wild, strict=True)), re.DOTALL
    )
