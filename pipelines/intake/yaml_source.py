"""YAML read strictly, every value with its line and column: what contracts and recipes are parsed by.

The core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema) without its infinities:
dates stay the text they are, and `no` is a word. Refused, each with its line: aliases and anchors (a
few lines of them unfold to gigabytes), keys that stand twice, tags, more than one document.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from schemas.errors import InputUnreadable, Problem

MAX_BYTES = 1 << 20  # a contract is written by people: the largest known has 40 KB
MAX_DEPTH = 50  # of nesting; a contract with lists in lists needs 12
MAX_VALUES = 100_000  # scalars, lists and mappings; the largest known has 4,000

Address = tuple[str | int, ...]

_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
MAX_DIGITS = 18  # of a plain number: what fits 64 bits


@dataclass(frozen=True)
class Source:
    """A parsed YAML file: its value, and the line and column (from 1) at which each path of it begins.

    `problems` are those of the YAML itself; where `broken`, the value is not fit to be looked at.
    """

    file: str  # the name only: no directory of this machine gets into a message
    value: Any
    places: dict[Address, tuple[int, int]] = field(repr=False)
    problems: tuple[Problem, ...]
    broken: bool
    text: str = field(default="", repr=False)

    def problem(self, path: Address, message: str, rule: str = "", severity: str = "error") -> Problem:
        """A fault at a path, or at the nearest thing above it that is written down."""
        at = path
        while at and at not in self.places:
            at = at[:-1]
        line, column = self.places.get(at, (1, 1))
        return Problem(self.file, line, column, dotted(path), message, rule, severity)


def dotted(path: Address) -> str:
    """`schema[0].properties[2].name`, as it stands in messages."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text or "(the whole file)"


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """The remedy for an unknown name: the nearest known one, or all of them."""
    names = sorted(known)
    nearest = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    return f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(names)}"


def read_yaml(path: Path) -> Source:
    """Parse one file of at most MAX_BYTES; the faults of its YAML are in the result.

    Raises InputUnreadable where there is no file to be read.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputUnreadable(f"{path.name}: {reason}: check the path and its permissions") from None
    if len(raw) > MAX_BYTES:
        message = f"larger than {MAX_BYTES} bytes: keep data out of this file"
        return _unreadable(path.name, 1, message, "yaml-size")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        return _unreadable(path.name, line, "not UTF-8: save the file as UTF-8", "yaml-syntax")
    return _Reader(path.name).read(text)


def _unreadable(file: str, line: int, message: str, rule: str) -> Source:
    return Source(file, None, {}, (Problem(file, line, 1, dotted(()), message, rule),), broken=True)


@dataclass
class _Open:
    """A mapping or sequence whose end has not been reached."""

    value: dict[str, Any] | list[Any]
    path: Address
    key: str | None = None  # of a mapping: the key read last, whose value comes next
    skipping: bool = False  # the key stood before: its first value stays


class _Reader:
    """Builds the value from the parser's events: no recursion, so no depth of nesting can end it."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.places: dict[Address, tuple[int, int]] = {}
        self.problems: list[Problem] = []
        self.broken = False
        self.root: Any = None
        self.stack: list[_Open] = []

    def read(self, text: str) -> Source:
        try:
            documents = values = 0
            for event in self._events(text):
                if isinstance(event, DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        self._fault(event, (), "a second document: keep one to a file", "yaml-syntax")
                        self.broken = True
                        break
                if isinstance(event, NodeEvent):
                    values += 1
                    self._node(event)
                elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
                    self.stack.pop()
                if len(self.stack) > MAX_DEPTH:
                    self._fault(event, (), f"nested deeper than {MAX_DEPTH} levels: flatten it", "yaml-size")
                    self.broken = True
                    break
                if values > MAX_VALUES:
                    message = f"more than {MAX_VALUES:,} values: keep data out of this file"
                    self._fault(event, (), message, "yaml-size")
                    self.broken = True
                    break
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
            self._syntax(line, column, str(error.problem or error.context or "cannot be read"))
        except YAMLError as error:  # a character YAML does not allow
            position = getattr(error, "position", 0)
            before = text[: position if isinstance(position, int) else 0]
            column = len(before) - before.rfind("\n")
            self._syntax(before.count("\n") + 1, column, "a control character")
        problems = tuple(sorted(set(self.problems)))
        return Source(self.file, self.root, self.places, problems, self.broken, text)

    @staticmethod
    def _events(text: str) -> Iterator[Any]:
        return cast("Iterator[Any]", YAML(typ="safe", pure=True).parse(text))

    def _syntax(self, line: int, column: int, what: str) -> None:
        message = f"not YAML: {what}: mend the syntax"
        self.problems.append(Problem(self.file, line, column, dotted(()), message, "yaml-syntax"))
        self.broken = True

    def _fault(self, event: Any, path: Address, message: str, rule: str) -> None:
        self.problems.append(Problem(self.file, *_place(event), dotted(path), message, rule))

    def _node(self, event: Any) -> None:
        top = self.stack[-1] if self.stack else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            self._key(event, top)
            return
        path = self._path(top)
        if isinstance(event, AliasEvent):
            self._fault(event, path, "an alias: write the value out", "yaml-alias")
            self.broken = True
            self._place(top, None, path, event)
            return
        if event.anchor is not None:
            self._fault(event, path, "an anchor: remove it, aliases are not read", "yaml-alias")
        if event.tag is not None and not (isinstance(event, ScalarEvent) and str(event.tag) == "!"):
            self._fault(event, path, "a tag: remove it, values are read as they stand", "yaml-alias")
        if isinstance(event, ScalarEvent):
            if not _is_text(event.value):
                message = "half a surrogate pair, which is no character: write the character"
                self._fault(event, path, message, "yaml-syntax")
                self.broken = True
            plain = event.style is None or event.style == ""
            self._place(top, _plain_value(event.value) if plain else event.value, path, event)
            return
        value: dict[str, Any] | list[Any] = {} if isinstance(event, MappingStartEvent) else []
        self._place(top, value, path, event)
        self.stack.append(_Open(value, path))

    def _key(self, event: Any, top: _Open) -> None:
        if not isinstance(event, ScalarEvent):
            what = "an alias: write the key out" if isinstance(event, AliasEvent) else "a key that is no word"
            self._fault(event, top.path, f"{what}: keys are plain words", "yaml-syntax")
            self.broken = True
            if isinstance(event, (MappingStartEvent, SequenceStartEvent)):
                self.stack.append(_Open({} if isinstance(event, MappingStartEvent) else [], top.path))
            top.key = ""
            return
        if not _is_text(event.value):
            message = "a key with half a surrogate pair: keys are plain words"
            self._fault(event, top.path, message, "yaml-syntax")
            self.broken = True
        top.key = event.value
        path = (*top.path, event.value)
        if event.anchor is not None:
            self._fault(event, path, "an anchor: remove it, aliases are not read", "yaml-alias")
        top.skipping = event.value in top.value
        if top.skipping:
            message = f"stands twice (first in line {self.places[path][0]}): remove one"
            self._fault(event, path, message, "yaml-duplicate-key")
        else:
            self.places.setdefault(path, _place(event))

    @staticmethod
    def _path(top: _Open | None) -> Address:
        if top is None:
            return ()
        return (*top.path, top.key or "") if isinstance(top.value, dict) else (*top.path, len(top.value))

    def _place(self, top: _Open | None, value: Any, path: Address, event: Any) -> None:
        if top is None:
            self.root = value
            self.places.setdefault((), _place(event))
        elif isinstance(top.value, dict):
            if not top.skipping:
                top.value[top.key or ""] = value
            top.key = None
        else:
            top.value.append(value)
            self.places.setdefault(path, _place(event))


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _is_text(value: str) -> bool:
    """Whether a string can be written as UTF-8: an escape can make half of a surrogate pair."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _plain_value(text: str) -> Any:
    """A scalar without quotes, by the YAML 1.2 core schema; what is no such thing is a string."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if len(text) <= MAX_DIGITS and _INTEGER.fullmatch(text):
        return int(text)
    if len(text) <= MAX_DIGITS and _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text
