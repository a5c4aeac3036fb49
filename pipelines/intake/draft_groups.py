"""Files into data sets: same format, encoding and delimiter, most columns the same, and a name in common."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from pipelines.intake.draft_sample import COMPRESSIONS, ENDINGS, FileSample
from schemas.contract import Format

FILES_ALIKE = 16
_SHARED = 0.5  # of the smaller file's columns that two files of one data set have in common
# What tells the files of one data set apart: numbers, days, parts, encodings, languages.
_VARYING = re.compile(
    r"^(?:v?[0-9][0-9.\-]*|part|split|shard|chunk|batch|day|dt|of"
    r"|cp949|cp932|euckr|utf8|sjis|gbk"
    r"|ko|kr|kor|en|eng|ja|jp|jpn|zh|cn|zho|es|spa|de|fr|ru|vi|th)$"
)
_ENCODED = re.compile(r"([-_.]?(cp949|cp932|euckr|utf8|sjis|gbk)|[-_.]?[0-9]+)+$")
_PIECES = re.compile(r"[_\-. =]+")


@dataclass(frozen=True)
class FileGroup:
    """The files of one data set to be."""

    name: str
    globs: tuple[str, ...]
    samples: tuple[FileSample, ...]
    more: tuple[str, ...] = ()  # files of the same name that were not sampled


def to_sample(paths: list[str]) -> list[str]:
    """Of files that are named alike FILES_ALIKE at most, the first and the last among them."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for path in paths:
        alike.setdefault(_names(path), []).append(path)
    chosen = []
    for named in alike.values():
        step = max(1.0, (len(named) - 1) / (FILES_ALIKE - 1))
        chosen += sorted({named[min(len(named) - 1, round(n * step))] for n in range(FILES_ALIKE)})
    return sorted(chosen)


def _names(path: str) -> tuple[str, str, str]:
    return _folder(path), _stem(path), _bare(path)[1]


def group_files(
    samples: Iterable[FileSample], paths: list[str], unread: Collection[str] = ()
) -> list[FileGroup]:
    """Data sets of sampled files, sorted by name; no glob takes one of `paths`, all files, by accident.

    Files that were not sampled, and are not `unread`, go with those that are named like them.
    """
    groups: dict[tuple[str, str, Format, str, str], list[list[FileSample]]] = {}
    for sample in samples:
        key = (_folder(sample.path), _stem(sample.path), sample.format, sample.encoding, sample.delimiter)
        for group in groups.setdefault(key, []):
            if _alike(group[0], sample):
                group.append(sample)
                break
        else:
            groups[key].append([sample])
    sampled = {sample.path for group in groups.values() for part in group for sample in part}
    left = {path: _names(path) for path in paths if path not in sampled and path not in unread}
    taken: set[str] = set()
    found = []
    for key in sorted(groups):
        for group in groups[key]:
            name = _name(group, taken)
            own = {sample.path for sample in group}
            named = {_names(path) for path in own}
            more = tuple(path for path in left if left[path] in named)
            for path in more:
                del left[path]
            own.update(more)
            found.append(FileGroup(name, _globs(own, set(paths) - own), tuple(group), more))
    return sorted(found, key=lambda group: group.name)


def _alike(one: FileSample, other: FileSample) -> bool:
    a, b = set(one.names), set(other.names)
    return len(a & b) >= _SHARED * min(len(a), len(b))


def _bare(path: str) -> tuple[str, str]:
    """A file's name without its endings, and the endings."""
    name = PurePosixPath(path).name
    rest = name
    for compression in COMPRESSIONS:
        rest = rest.removesuffix(compression)
    for ending in ENDINGS:
        if rest.lower().endswith(ending):
            rest = rest[: -len(ending)]
            break
    return rest, name[len(rest) :]


def _folder(path: str) -> str:
    return "/".join(re.sub(r"[0-9][0-9.\-]*", "*", part) for part in PurePosixPath(path).parent.parts)


def _stem(path: str) -> str:
    """The words of a file's name that its neighbours share: reviews_2026-10-01 is reviews."""
    words = [word for word in _PIECES.split(_bare(path)[0]) if word]
    while len(words) > 1 and _VARYING.match(words[-1].lower()):
        words.pop()
    words[-1] = re.sub(r"(?<=[^\W\d])[0-9]+$", "", words[-1]) or words[-1]
    return "_".join(words)


def _name(group: list[FileSample], taken: set[str]) -> str:
    """A word of a-z, 0-9 and _; of a single file all of its name, of several what they share."""
    first = group[0].path
    said = _stem(first) if len(group) > 1 else _ENCODED.sub("", _bare(first)[0])
    folder = PurePosixPath(first).parent.name
    for candidate in (said, folder, "data_set"):
        name = re.sub(r"[^a-z0-9]+", "_", candidate.lower()).strip("_")
        if re.match(r"[a-z]", name) and not _VARYING.match(name):
            break
    number, wanted = 1, name
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    taken.add(name)
    return name


def _globs(own: set[str], others: set[str]) -> tuple[str, ...]:
    """The widest of a few globs that takes all files of the group and no other; else the names themselves."""
    found: list[str] = []
    for endings in sorted({_bare(path)[1] for path in own}):
        ours = sorted(path for path in own if _bare(path)[1] == endings)
        folder = _folder(ours[0])
        if any(_folder(path) != folder for path in ours) or "**" in folder:
            folder = ""
        stem = _stem(ours[0])
        raw = _bare(ours[0])[0]
        begins = next((raw[:n] for n in range(len(raw), 0, -1) if _same_word(raw[:n], stem)), raw)
        prefix = f"{folder}/" if folder else ""
        digits = f"{prefix}{_literal(begins)}[-_.]*[0-9]*{_literal(endings)}"
        wide = f"{prefix}{_literal(begins)}*{_literal(endings)}"
        number = f"{prefix}{_literal(begins)}_[0-9]*{_literal(endings)}"
        for glob in (wide, number, digits):
            if all(_fits(path, glob) for path in ours) and not any(_fits(path, glob) for path in others):
                found.append(glob)
                break
        else:
            found += [_literal(path) for path in ours]
    return tuple(unicodedata.normalize("NFC", glob) for glob in found)


def _same_word(raw: str, stem: str) -> bool:
    return "_".join(word for word in _PIECES.split(raw) if word) == stem and raw[-1:] not in "_-. ="


def _literal(name: str) -> str:
    """A name as a glob: its own wildcards stand for themselves, an opening bracket for any sign."""
    return re.sub(r"([*?])", r"[\1]", name.replace("[", "\0")).replace("\0", "?")


def _fits(path: str, glob: str) -> bool:
    parts, globs = (
        unicodedata.normalize("NFC", path).split("/"),
        unicodedata.normalize("NFC", glob).split("/"),
    )
    return len(parts) == len(globs) and all(map(fnmatchcase, parts, globs))
