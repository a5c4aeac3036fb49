"""The gate: which lines of a column of texts can hold personal data at all.

Two looks, each letting through a superset of what can be found: the first (first_look.py) passes over the
bytes once; the second, RE2 inside Arrow over the union of the detectors' sieves, reads the lines that are
left, where those are many. Lines with a character that folding changes pass both; clean text holds next to
none. No pattern matches a line feed (but CROSSING's: whose texts hold a line that passes too); so a text can
hold something iff a line can, and only lines that pass are looked at. Cues are read from the text around.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.stages.pii.accounts import ACCOUNT
from pipelines.stages.pii.address import ADDRESS
from pipelines.stages.pii.answers import ANSWER, COLUMN
from pipelines.stages.pii.birth_date import BIRTH_COLUMN, BIRTH_DATE
from pipelines.stages.pii.contacts import CARD, PHONE
from pipelines.stages.pii.credentials import CREDENTIALS
from pipelines.stages.pii.detector import Detector
from pipelines.stages.pii.devices import IMEI, VIN
from pipelines.stages.pii.evidence import Finding
from pipelines.stages.pii.first_look import FirstLook, line_texts
from pipelines.stages.pii.fold import FOLDABLE, foldable_characters
from pipelines.stages.pii.foreign_phones import FOREIGN_PHONE
from pipelines.stages.pii.game_names import GAME_NAMES
from pipelines.stages.pii.handles import HANDLES
from pipelines.stages.pii.identity_numbers import BUSINESS, CORPORATE, LICENCE, PASSPORT, RESIDENT
from pipelines.stages.pii.network import DISGUISED_EMAIL, EMAIL, IPV4, IPV6, MAC
from pipelines.stages.pii.persons import PERSON
from pipelines.stages.pii.plates import PLATE
from pipelines.stages.pii.positions import POSITION
from pipelines.stages.pii.profile_urls import PROFILE_URL
from pipelines.stages.pii.scan import find_across, find_in_line, lines_of, resolve
from pipelines.stages.pii.spelled_phones import SPELLED_PHONE, SPLIT_PHONE

__all__ = ("DETECTORS", "ENTITIES", "SIEVE", "Window", "find_within", "passing_rows", "resolve", "windows")
DETECTORS: tuple[Detector, ...] = (
    RESIDENT,
    CORPORATE,
    BUSINESS,
    PHONE,
    CARD,
    LICENCE,
    PASSPORT,
    EMAIL,
    IPV4,
    IPV6,
    DISGUISED_EMAIL,
    MAC,
    ACCOUNT,
    PLATE,
    IMEI,
    VIN,
    POSITION,
    FOREIGN_PHONE,
    SPELLED_PHONE,
    *(ADDRESS, BIRTH_DATE, BIRTH_COLUMN, *HANDLES, *GAME_NAMES, PROFILE_URL, *CREDENTIALS),
)
CROSSING: tuple[Detector, ...] = (SPLIT_PHONE, ANSWER, COLUMN)  # look across lines, at whole texts
ENTITIES = frozenset({PERSON, *(entity for detector in DETECTORS for entity in detector.entities)})
SIEVE = tuple(dict.fromkeys((FOLDABLE, *(part for detector in DETECTORS for part in detector.gate))))
FIRST_LOOK = FirstLook((head for detector in DETECTORS for head in detector.head), foldable_characters())
CROSSING_SIEVE = "|".join((FOLDABLE, *(part for detector in CROSSING for part in detector.gate)))
_GROUP = 700  # characters of an expression of the second look: RE2 keeps few states for each
_FEW = 400  # lines: so few are looked at sooner than the second look's expressions are compiled
_LINES = 1 << 15  # that pass, looked at together: what Python holds of a column at a time


class Window(NamedTuple):
    """A line that passed the gate, in code points of its text; end exclusive."""

    row: int
    start: int
    end: int


def passing_rows(texts: pa.Array) -> np.ndarray:
    """int64 positions of the texts in which a line, or something across lines, can be found, ascending."""
    return np.unique(FIRST_LOOK.lines(texts)[:, 0])


def crossing_rows(texts: pa.Array) -> deque[int]:
    """Positions of the texts that can hold something across lines, ascending."""
    return deque(np.flatnonzero(_any(texts, (CROSSING_SIEVE,))).tolist())


def _any(texts: pa.Array, expressions: Sequence[str]) -> np.ndarray:
    """A mask of the texts in which one of the expressions matches."""
    passed = np.zeros(len(texts), np.bool_)
    for expression in expressions:
        matches = pc.fill_null(pc.match_substring_regex(texts, expression), fill_value=False)  # null: no text
        passed |= matches.to_numpy(zero_copy_only=False)
    return passed


def second_look(lines: pa.Array) -> np.ndarray:
    """Whether each of the lines passes the sieve."""
    groups: list[str] = []
    for part in SIEVE:
        if groups and len(groups[-1]) + len(part) < _GROUP:
            groups[-1] += f"|{part}"
        else:
            groups.append(part)
    return _any(lines, groups)


def gated_rows(texts: pa.Array) -> np.ndarray:
    """int64 positions of the texts with a line that passes, or something across lines, ascending."""
    passing = passing_rows(texts)
    chosen = texts.take(pa.array(passing))
    rows = {window.row for window in windows(chosen)} | set(crossing_rows(chosen))
    return passing[np.array(sorted(rows), np.int64)]


def windows(texts: pa.Array) -> Iterator[Window]:
    """The lines that pass, by text and place; `row` counts within the array given."""
    lines = FIRST_LOOK.lines(texts)
    if len(lines) > _FEW:
        lines = lines[second_look(line_texts(texts, lines))]
    for low in range(0, len(lines), _LINES):
        yield from map(Window._make, lines[low : low + _LINES, :3].tolist())


def find_within(text: str, begin: int, end: int) -> list[Finding]:
    """All findings of all detectors in text[begin:end], which must be whole lines; they may overlap."""
    found = [
        finding
        for line in lines_of(text, begin, end)
        for found in find_in_line(text, *line, DETECTORS)
        for finding in found
    ]
    whole = (begin, end) == (0, len(text))
    return found + find_across(text, CROSSING, 0.0) if whole else found
