"""What a sample says of one column: its type, whether it is always there, its values, whom they may point at.

Nothing of a text stays in a profile: only counts, lengths, shapes, and the distinct values of short columns.
"""

from __future__ import annotations

import datetime
import decimal
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.intake.draft_personal import DIRECT_CONTENT, Personal, personal_by_name
from pipelines.intake.draft_sample import FileSample

MAX_ENUM = 12  # distinct values that an enumeration may have
MAX_ENUM_LENGTH = 24  # code points of one of them
_MOSTLY = 0.95  # share of values of one type from which the others count as faults
_TYPE_OF: dict[type, str] = {
    str: "string",
    bytes: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    decimal.Decimal: "number",
    datetime.date: "date",
    datetime.datetime: "timestamp",
    datetime.time: "time",
    dict: "object",
    list: "array",
}
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?")
_LETTER = re.compile(r"[^\W\d_]")
_EAST_ASIAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_TAG = re.compile(r"</[a-zA-Z][a-zA-Z0-9]*>|<!doctype html|<br ?/?>", re.IGNORECASE)
_MARKDOWN = re.compile(r"^#{1,6} \S|^```|\]\(\S+\)|^---\n\w+:|^\s*[*-] \[", re.MULTILINE)
_CODE = re.compile(
    r"^\s*(def |class |import |from \w+ import|#include|function |return\b|public |private |package |if \()"
    r"|[;{}]\s*$",
    re.MULTILINE,
)


_SURNAMES = set(
    "김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허유남심노하곽성차주우구민나지엄채원천방공현함변염여추도소석선설마길연위표명기반왕금옥육인맹제모"
)
_SHAPES = 6  # pieces of an id; longer ones say nothing
_SHAPE = re.compile(r"[0-9]+|[a-z]+|[A-Z]+|.", re.DOTALL)


@dataclass
class ColumnProfile:
    """What the values of one column are like. `path` has two parts inside a list of objects."""

    path: tuple[str, ...]
    physical: str = ""
    rows: int = 0  # rows, or items of the list, that could have it
    given: int = 0  # with a value that is not null
    empty: int = 0  # of the given, ""
    types: Counter[str] = field(default_factory=Counter)
    characters: int = 0
    longest: int = 0
    words: int = 0  # values of two words or eight East Asian letters: prose
    tagged: int = 0  # of the values with tags of HTML
    marked: int = 0  # ... of Markdown
    coded: int = 0  # ... that look like a program
    personal: int = 0  # values that hold what points at a person
    integers: int = 0  # texts that are whole numbers, numbers, days, times
    numbers: int = 0
    days: int = 0
    times: int = 0
    least: float | None = None
    most: float | None = None
    values: Counter[Any] | None = field(default_factory=Counter)  # None: too many
    shapes: set[str] | None = field(default_factory=set)
    hashes: list[npt.NDArray[np.int64]] = field(
        default_factory=list
    )  # one entry a row, 0 where there is none

    @property
    def name(self) -> str:
        """The column as contracts name it."""
        return ".".join(self.path)

    @property
    def scalars(self) -> int:
        """Values that are no null."""
        return sum(self.types.values())

    @property
    def logical_type(self) -> str | None:
        """Its ODCS logicalType; None where no type holds nearly all of the values."""
        kinds = set(self.types)
        if not kinds:
            return "string"
        if kinds <= {"integer", "number"}:
            return "number" if "number" in kinds else "integer"
        kind, count = self.types.most_common(1)[0]
        if count < _MOSTLY * self.scalars:
            return None
        if kind == "string" and self.given and self.empty == 0:
            if self.days == self.given:
                return "date"
            if self.times == self.given:
                return "timestamp"
        return kind

    @property
    def misfits(self) -> int:
        """Values of another type than the column's."""
        logical = self.logical_type
        kinds = {"string"} if logical in ("date", "timestamp", "string") else set()
        kinds |= {"integer", "number"} if logical == "number" else {logical or ""}
        return sum(count for kind, count in self.types.items() if kind not in kinds)

    @property
    def always(self) -> bool:
        """Whether it was there, and not null, in every row."""
        return self.rows == self.given > 0

    @property
    def mean_length(self) -> float:
        """Code points of a text, on the average."""
        return self.characters / max(1, self.types["string"])

    @property
    def prose(self) -> bool:
        """Whether most of its texts are sentences of a language, or programs."""
        texts = self.types["string"]
        varied = self.values is None or len(self.values) > 0.3 * texts
        return texts > 0.5 * max(1, self.scalars) and self.words >= 0.5 * texts and varied

    def hash_rows(self) -> npt.NDArray[np.int64]:
        """The hash of every row's value, 0 where there is none."""
        return np.concatenate(self.hashes) if self.hashes else np.empty(0, np.int64)


def profiles_of(sample: FileSample) -> list[ColumnProfile]:
    """The columns of one file's sample, lists of objects opened one level, in the file's order."""
    found: list[ColumnProfile] = []
    for name in sample.names:
        values = [row.get(name) for row in sample.rows]
        lists = [value for value in values if isinstance(value, list)]
        items = [item for value in lists for item in value]
        given = sum(value is not None for value in values)
        if items and len(lists) == given and all(isinstance(item, dict) for item in items):
            counts = Counter(key for item in items for key in item)
            for key in counts:
                if counts[key] >= max(1, len(items) // 100) and 0 < len(key.strip()) <= 64:
                    found.append(_profile((name, key), "", [item.get(key) for item in items]))
        else:
            found.append(_profile((name,), sample.types.get(name, ""), values))
    return found


def merge(one: ColumnProfile, other: ColumnProfile) -> ColumnProfile:
    """The profile of the values of both."""
    merged = ColumnProfile(one.path, one.physical or other.physical)
    for name in ("rows", "given", "empty", "characters", "words", "tagged", "marked", "coded", "personal"):
        setattr(merged, name, getattr(one, name) + getattr(other, name))
    for name in ("integers", "numbers", "days", "times"):
        setattr(merged, name, getattr(one, name) + getattr(other, name))
    merged.types = one.types + other.types
    merged.longest = max(one.longest, other.longest)
    ends = [value for value in (one.least, other.least) if value is not None]
    merged.least = min(ends, default=None)
    merged.most = max((value for value in (one.most, other.most) if value is not None), default=None)
    both = None if one.values is None or other.values is None else one.values + other.values
    merged.values = both if both is not None and len(both) <= 4 * MAX_ENUM else None
    shapes = None if one.shapes is None or other.shapes is None else one.shapes | other.shapes
    merged.shapes = shapes if shapes is not None and len(shapes) <= 4 else None
    merged.hashes = one.hashes + other.hashes
    return merged


def absent(profile: ColumnProfile, rows: int) -> ColumnProfile:
    """The profile of a column in a file that does not have it."""
    return ColumnProfile(profile.path, rows=rows, hashes=[np.zeros(rows, np.int64)])


def _profile(path: tuple[str, ...], physical: str, values: list[Any]) -> ColumnProfile:
    profile = ColumnProfile(path, physical, rows=len(values))
    hashes = np.zeros(len(values), np.int64)
    for index, value in enumerate(values):
        if value is None:
            continue
        profile.given += 1
        kind = _TYPE_OF.get(type(value), "object")
        profile.types[kind] += 1
        if kind in ("object", "array"):
            profile.values = profile.shapes = None
            if kind == "array":  # a list of texts may be a document's paragraphs
                _texts_of_list(profile, value)
            continue
        hashes[index] = hash(value) or 1
        if kind == "string":
            _text(profile, value if isinstance(value, str) else value.decode("utf-8", "replace"))
        elif kind in ("integer", "number"):
            number = float(value)
            profile.least = number if profile.least is None else min(profile.least, number)
            profile.most = number if profile.most is None else max(profile.most, number)
        if profile.values is not None:
            profile.values[value] += 1
            if len(profile.values) > 4 * MAX_ENUM:
                profile.values = None
    profile.hashes = [hashes]
    return profile


def _texts_of_list(profile: ColumnProfile, items: Iterable[Any]) -> None:
    for item in items:
        if isinstance(item, str):
            _measure(profile, item)


def _text(profile: ColumnProfile, value: str) -> None:
    profile.empty += not value
    _measure(profile, value)
    if profile.shapes is not None:
        profile.shapes.add(shape(value) if len(value) <= 64 else "")
        if len(profile.shapes) > 4:
            profile.shapes = None
    if len(value) <= 40:
        profile.integers += _INTEGER.fullmatch(value) is not None
        if _NUMBER.fullmatch(value) is not None:
            profile.numbers += 1
            number = float(value)
            profile.least = number if profile.least is None else min(profile.least, number)
            profile.most = number if profile.most is None else max(profile.most, number)
        profile.days += _DATE.fullmatch(value) is not None and _exists(value)
        profile.times += _TIMESTAMP.fullmatch(value) is not None and _exists(value)


def _measure(profile: ColumnProfile, value: str) -> None:
    """What the beginning of a text tells: 2,000 characters are enough to know prose from an id."""
    head = value[:2000]
    profile.characters += len(value)
    profile.longest = max(profile.longest, len(value))
    letters = len(_LETTER.findall(head))
    spaced = len(head.split())
    dense = len(_EAST_ASIAN.findall(head)) >= 8
    profile.words += (spaced >= 2 or dense) and 2 * letters >= len("".join(head.split()))
    profile.tagged += _TAG.search(head) is not None
    profile.marked += _MARKDOWN.search(head) is not None
    profile.coded += len(_CODE.findall(head)) >= 3
    profile.personal += len(value) <= 80 and DIRECT_CONTENT.search(value) is not None


def _exists(text: str) -> bool:
    try:
        datetime.datetime.fromisoformat(text.replace(",", "."))
    except ValueError:
        return False
    return True


def shape(value: str) -> str:
    """An id with each run of letters or digits as its class: tr-06 is `[a-z]+-[0-9]+`; "" beyond bounds."""
    pieces = []
    for piece in _SHAPE.findall(value):
        if piece[0].isascii() and piece[0].isalnum():
            pieces.append("[0-9]+" if piece[0].isdigit() else "[a-z]+" if piece[0].islower() else "[A-Z]+")
        elif piece in "-_.:/#":
            pieces.append("[.]" if piece == "." else piece)
        else:
            return ""
    return "".join(pieces) if 0 < len(pieces) <= _SHAPES else ""


def id_pattern(profile: ColumnProfile) -> str | None:
    """A pattern where all values have one shape; no value is in it."""
    shapes = profile.shapes or set()
    if profile.types.keys() != {"string"} or "" in shapes or profile.empty:
        return None
    return next(iter(shapes)) if len(shapes) == 1 else None


def looks_personal(profile: ColumnProfile) -> Personal | None:
    """By the words of its name, then by its contents: a fifth of its values, or days and times."""
    named = personal_by_name(profile.path)
    if named not in (None, Personal.TIME):
        return named
    if not profile.prose and profile.personal >= 0.2 * max(1, profile.given):
        return Personal.DIRECT
    return Personal.TIME if profile.logical_type in ("date", "timestamp", "time") else named


def enumeration(profile: ColumnProfile, *, whole: bool) -> list[Any] | None:
    """Values of a short category, sorted; None where listing them could list a text or a person.

    Two to MAX_ENUM words of at most MAX_ENUM_LENGTH characters, thirty rows a word in all and each in five or
    more (twenty, where the files were not read to their ends); no numbered things (r0, r1), fewer than half
    that look like Korean names, in a column that does not look personal.
    """
    values = profile.values
    if not values or looks_personal(profile) or profile.empty or not 2 <= len(values) <= MAX_ENUM:
        return None
    if profile.types.keys() != {"string"} or min(values.values()) < (5 if whole else 20):
        return None
    if profile.given < 30 * len(values) or all(re.search("[0-9]", value) for value in values):
        return None
    if not all(re.fullmatch(rf"[\w.+-]{{1,{MAX_ENUM_LENGTH}}}", value) for value in values):
        return None
    names = sum(2 <= len(value) <= 4 and value[0] in _SURNAMES and _all_hangul(value) for value in values)
    return sorted(values) if 2 * names < len(values) else None


def _all_hangul(value: str) -> bool:
    return all("가" <= letter <= "힣" for letter in value)


def merge_files(samples: Iterable[FileSample]) -> Iterator[ColumnProfile]:
    """The columns of a data set's files together, in the order of their first appearance."""
    merged: dict[tuple[str, ...], ColumnProfile] = {}
    rows = 0
    for sample in samples:
        here = {profile.path: profile for profile in profiles_of(sample)}
        for path in [*merged, *(path for path in here if path not in merged)]:
            before = merged.get(path) or absent(here[path], rows)
            merged[path] = merge(before, here.get(path) or absent(before, len(sample.rows)))
        rows += len(sample.rows)
    yield from merged.values()
