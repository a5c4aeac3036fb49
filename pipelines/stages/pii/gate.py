"""The gate: which lines of a column of texts can hold personal data at all, and which detectors look at them.

One pass over the characters (first_look.py) lets through a superset of what can be found. Lines with a
character that folding changes are for all detectors; clean text holds next to none. No pattern matches a
line feed (but those over several `lines`, which begin in one); so a text can hold something iff a line can,
and only lines that pass are looked at. Cues are read from the text around.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipelines.stages.pii.accounts import ACCOUNT
from pipelines.stages.pii.address import ADDRESS, ADDRESS_OVER
from pipelines.stages.pii.answers import ANSWER, COLUMN
from pipelines.stages.pii.birth_date import BIRTH_COLUMN, BIRTH_DATE
from pipelines.stages.pii.contacts import CARD, PHONE
from pipelines.stages.pii.credentials import CREDENTIALS
from pipelines.stages.pii.detector import Detector
from pipelines.stages.pii.devices import IMEI, VIN
from pipelines.stages.pii.evidence import PERSON, Finding
from pipelines.stages.pii.first_look import FirstLook
from pipelines.stages.pii.foreign_phones import FOREIGN_PHONE
from pipelines.stages.pii.game_names import GAME_NAMES
from pipelines.stages.pii.handles import HANDLES
from pipelines.stages.pii.identity_numbers import (
    BUSINESS,
    CORPORATE,
    LICENCE,
    NAMED_LICENCE,
    PASSPORT,
    RESIDENT,
)
from pipelines.stages.pii.loose_email import LOOSE_EMAIL
from pipelines.stages.pii.network import BARE_MAC, DISGUISED_EMAIL, EMAIL, IPV4, IPV6, MAC, POINTED_MAC
from pipelines.stages.pii.plates import PLATE
from pipelines.stages.pii.positions import POSITION
from pipelines.stages.pii.profile_urls import PROFILE_URL
from pipelines.stages.pii.scan import Line, find_in_line, find_over_lines, find_spans, lines_of, resolve
from pipelines.stages.pii.spelled_phones import SPELLED_PHONE, SPLIT_PHONE

__all__ = (
    "DETECTORS",
    "ENTITIES",
    "Window",
    "every_finding",
    "find_whole",
    "found_rows",
    "resolve",
    "windows",
)
DETECTORS: tuple[Detector, ...] = (
    RESIDENT,
    CORPORATE,
    BUSINESS,
    PHONE,
    CARD,
    LICENCE,
    NAMED_LICENCE,
    PASSPORT,
    EMAIL,
    IPV4,
    IPV6,
    DISGUISED_EMAIL,
    LOOSE_EMAIL,
    MAC,
    POINTED_MAC,
    BARE_MAC,
    ACCOUNT,
    PLATE,
    IMEI,
    VIN,
    POSITION,
    FOREIGN_PHONE,
    SPELLED_PHONE,
    *(
        ADDRESS,
        ADDRESS_OVER,
        BIRTH_DATE,
        BIRTH_COLUMN,
        *HANDLES,
        *GAME_NAMES,
        PROFILE_URL,
        *CREDENTIALS,
        SPLIT_PHONE,
        ANSWER,
        COLUMN,
    ),
)
ENTITIES = frozenset({PERSON, *(entity for detector in DETECTORS for entity in detector.entities)})
_LINES = 1 << 15  # that pass, looked at together: what Python holds of a column at a time


class Window(NamedTuple):
    """A line that passed the gate, in code points of its text, end exclusive; and who looks at it."""

    row: int
    start: int
    end: int
    mask: int  # bit i: DETECTORS[i]


@cache
def first_look() -> FirstLook:
    """The gate of all detectors."""
    return FirstLook(DETECTORS)


@lru_cache(1 << 12)
def chosen(mask: int) -> tuple[tuple[Detector, ...], tuple[Detector, ...]]:
    """The detectors of a window's mask, in their order: those of one line, those of several."""
    return _by_lines(detector for bit, detector in enumerate(DETECTORS) if mask >> bit & 1)


def _by_lines(detectors: Iterable[Detector]) -> tuple[tuple[Detector, ...], tuple[Detector, ...]]:
    able = tuple(detectors)
    return tuple(d for d in able if d.lines == 1), tuple(d for d in able if d.lines > 1)


def windows(texts: pa.Array) -> Iterator[Window]:
    """The lines that pass, by text and place; `row` counts within the array given."""
    return map(Window._make, _told(_looked(texts)[0]))


def _looked(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The lines that pass, and which texts fold."""
    lines, folds = first_look().lines(texts)
    for bit, detector in enumerate(DETECTORS):
        lines = detector.second_look(texts, lines, folds, 1 << bit)
    return lines, folds


def _told(lines: np.ndarray) -> Iterator[list[int]]:
    """Row, start, end and mask of each line, as Python's numbers."""
    for low in range(0, len(lines), _LINES):
        yield from lines[low : low + _LINES].tolist()


def found_rows(texts: pa.Array, min_score: float) -> Iterator[tuple[int, Iterator[Finding]]]:
    """The findings that stand in each text that passes the gate, with its row; null is no text."""
    for row, text, lines, plain in _passing(texts):
        yield row, find_spans(text, lines, min_score, plain=plain)


def find_whole(text: str, min_score: float, detectors: Iterable[Detector] = DETECTORS) -> Iterator[Finding]:
    """The findings that stand in a text, without the gate."""
    single, several = _by_lines(detectors)
    return find_spans(text, ((*line, single, several) for line in lines_of(text)), min_score)


def every_finding(texts: pa.Array) -> Iterator[tuple[int, list[Finding]]]:
    """All findings in each text that passes the gate, of any score, with its row; they may overlap."""
    for row, text, lines, plain in _passing(texts):
        found: list[Finding] = []
        for start, end, single, several in lines:
            for piece in find_in_line(text, start, end, single, plain=plain):
                found += piece
            if several:
                found += find_over_lines(text, start, end, several, plain=plain)
        yield row, found


def _passing(texts: pa.Array) -> Iterator[tuple[int, str, Iterator[Line], bool]]:
    """Each text that passes, with its row, its lines and their detectors, and whether nothing in it folds."""
    passing, folds = _looked(texts)
    for row, group in groupby(_told(passing), key=itemgetter(0)):
        lines = ((start, end, *chosen(mask)) for _, start, end, mask in group)
        yield row, texts[row].as_py(), lines, not folds[row]
