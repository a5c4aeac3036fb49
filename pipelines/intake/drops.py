"""What lies in a drop: the files each data set names, and those that nobody names or that are refused.

A drop is a directory under one contract. `drop.json`, where it is there, says what was sent:
`{"rows": {"path": n, ...}}`.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import orjson

from schemas.contract import Contract
from schemas.errors import InputUnreadable
from schemas.reasons import Refusal

MANIFEST = "drop.json"


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


def discover(drop: Path, contract: Contract) -> Drop:
    """The files of a drop by data set; never follows a symbolic link.

    Raises InputUnreadable where the drop is no directory, its drop.json is broken, or a file belongs
    to two data sets.
    """
    if not drop.is_dir():
        raise InputUnreadable(f"{contract.partner}: {drop} is no directory: name the directory of the drop")
    refused: dict[str, Refusal] = {}
    found: list[str] = []
    for path, mode in _walk(drop):
        if stat.S_ISREG(mode):
            found.append(path)
        else:
            refused[path] = Refusal.OUTSIDE_DROP if stat.S_ISLNK(mode) else Refusal.UNREADABLE
    globs = [(data_set.name, [_glob(glob) for glob in data_set.files]) for data_set in contract.data_sets]
    files, unnamed = [], []
    for path in found:
        name = unicodedata.normalize("NFC", path)
        owners = [data_set for data_set, wanted in globs if any(glob.fullmatch(name) for glob in wanted)]
        if len(owners) > 1:
            raise InputUnreadable(
                f"{contract.partner}: {path} belongs to the data sets {' and '.join(sorted(owners))}: "
                "narrow the file globs of the contract so that one of them names it"
            )
        if owners:
            files.append(DropFile(owners[0], path))
        elif path != MANIFEST:
            unnamed.append(path)
    rows_sent = _rows_sent(drop / MANIFEST) if MANIFEST in found else {}
    for path in rows_sent:
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            refused[path] = Refusal.OUTSIDE_DROP
    wanted = {data_set.name for data_set in contract.data_sets if not data_set.optional}
    present = {file.data_set for file in files}
    return Drop(
        partner=contract.partner,
        files=tuple(sorted(files)),
        unnamed=tuple(sorted(unnamed)),
        refused=tuple(sorted(refused.items())),
        missing=tuple(sorted(wanted - present)),
        rows_sent=tuple(sorted(rows_sent.items())),
    )


def _walk(drop: Path) -> Iterator[tuple[str, int]]:
    """Every entry that is no directory, with its mode; links are told, not followed."""
    for folder, directories, names in os.walk(drop, followlinks=False):
        links = [name for name in directories if (Path(folder) / name).is_symlink()]
        for name in [*names, *links]:
            path = Path(folder) / name
            yield path.relative_to(drop).as_posix(), path.lstat().st_mode


def _glob(pattern: str) -> re.Pattern[str]:
    """A contract's glob as an expression: `*` and `?` stay inside a folder, `**/` crosses folders.

    Names are compared in NFC: macOS hands in decomposed Hangul.
    """
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*/|\*\*|\*|\?|\[!?[^]/]+\])", unicodedata.normalize("NFC", pattern))
    wild = (p.replace("[!", "[^", 1) if p.startswith("[") and len(p) > 2 else None for p in pieces)
    return re.compile(
        "".join(parts.get(p) or w or re.escape(p) for p, w in zip(pieces, wild, strict=True)), re.DOTALL
    )


def _rows_sent(manifest: Path) -> dict[str, int]:
    try:
        document = orjson.loads(manifest.read_bytes())
    except ValueError:
        document = None
    rows = document.get("rows", {}) if isinstance(document, dict) else None
    if not isinstance(rows, dict) or not all(type(n) is int and n >= 0 for n in rows.values()):
        raise InputUnreadable(
            f'{manifest}: is not of the form {{"rows": {{"path": number}}}}: '
            "write it with 'malmoi prepare', or leave it out"
        )
    return rows
