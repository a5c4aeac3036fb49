"""The gate: which lines of a column of texts can hold personal data at all, by RE2 inside Arrow.

Two looks, each letting through a superset of what can be found. The first is one small expression over all
texts (four digits, an @, a cue word's beginning), so that RE2 keeps few states and compiles in no time; the
second, the union of the detectors' sieves, reads the lines that are left, where those are many. Lines with a
character that folding changes pass both; clean text holds next to none. No pattern matches a line feed (but
CROSSING's, which have a look of their own); so a text can hold something iff a line can, and only lines that
pass are looked at. Cues are read from the text around the line.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.stages.pii.address import ADDRESS
from pipelines.stages.pii.birth_date import BIRTH_DATE
from pipelines.stages.pii.accounts import ACCOUNT
from pipelines.stages.pii.contacts import CARD, PHONE
from pipelines.stages.pii.credentials import CREDENTIALS
from pipelines.stages.pii.detector import Detector
from pipelines.stages.pii.devices import IMEI, VIN
from pipelines.stages.pii.evidence import Finding
from pipelines.stages.pii.fold import FOLDABLE
from pipelines.stages.pii.foreign_phones import FOREIGN_PHONE
from pipelines.stages.pii.handles import BEHIND, GAME, MESSENGER, TAGGED
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
    *(ADDRESS, BIRTH_DATE, MESSENGER, BEHIND, GAME, TAGGED, PROFILE_URL, *CREDENTIALS),
)
CROSSING: tuple[Detector, ...] = (SPLIT_PHONE,)  # look across lines, at whole texts
ENTITIES = frozenset({PERSON, *(entity for detector in DETECTORS for entity in detector.entities)})
SIEVE = tuple(dict.fromkeys((FOLDABLE, *(part for detector in DETECTORS for part in detector.gate))))
_FIRST = tuple(dict.fromkeys((FOLDABLE, *(part for detector in DETECTORS for part in detector.first_look))))
# Expressions that count (with braces) stand alone: together they would need a state for each pair of counts.
HEADS = ("|".join(part for part in _FIRST if "{" not in part), *(part for part in _FIRST if "{" in part))
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
    return np.flatnonzero(_any(texts, (*HEADS, CROSSING_SIEVE)))


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
    """Positions of the lines that pass the sieve, ascending."""
    groups: list[str] = []
    for part in SIEVE:
        if groups and len(groups[-1]) + len(part) < _GROUP:
            groups[-1] += f"|{part}"
        else:
            groups.append(part)
    return np.flatnonzero(_any(lines, groups))


def windows(texts: pa.Array) -> Iterator[Window]:
    """The lines that pass, by text and place; `row` counts within the array given."""
    lines = pc.split_pattern(texts, "\n")
    flat = lines.flatten()
    hits = np.flatnonzero(_any(flat, HEADS))
    if len(hits) > _FEW:
        hits = hits[second_look(flat.take(pa.array(hits)))]
    if not len(hits):
        return
    counts = pc.list_value_length(lines).to_numpy()
    first_line = np.concatenate(([0], np.cumsum(counts)))
    lengths = pc.utf8_length(flat).to_numpy().astype(np.int64)
    behind = np.concatenate(([0], np.cumsum(lengths + 1)))  # where each line starts, all texts end to end
    for low in range(0, len(hits), _LINES):
        some = hits[low : low + _LINES]
        rows = np.searchsorted(first_line, some, side="right") - 1
        starts = behind[some] - behind[first_line[rows]]
        for row, start, length in zip(rows.tolist(), starts.tolist(), lengths[some].tolist(), strict=True):
            yield Window(row, start, start + length)


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
