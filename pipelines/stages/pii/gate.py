"""The gate: which lines of a column of texts can hold personal data at all, by RE2 inside Arrow.

SIEVE lets through a superset of what any detector can find: the union of their sieves, and every line with a
character that folding changes (those are rare). No pattern matches a line feed; so a text can hold something
iff a line can, and only lines that pass are looked at. Cues are read from the text around the line.
"""

from __future__ import annotations

from collections.abc import Iterator
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
from pipelines.stages.pii.handles import GAME, MESSENGER
from pipelines.stages.pii.identity_numbers import BUSINESS, CORPORATE, LICENCE, PASSPORT, RESIDENT
from pipelines.stages.pii.network import DISGUISED_EMAIL, EMAIL, IPV4, IPV6, MAC
from pipelines.stages.pii.plates import PLATE
from pipelines.stages.pii.positions import POSITION
from pipelines.stages.pii.profile_urls import PROFILE_URL
from pipelines.stages.pii.scan import find_in_line, lines_of, resolve

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
    *(ADDRESS, BIRTH_DATE, MESSENGER, GAME, PROFILE_URL, *CREDENTIALS),
)
ENTITIES = frozenset(entity for detector in DETECTORS for entity in detector.entities)
SIEVE = "|".join((FOLDABLE, *dict.fromkeys(part for detector in DETECTORS for part in detector.gate)))
_LINES = 1 << 15  # that pass, looked at together: what Python holds of a column at a time


class Window(NamedTuple):
    """A line that passed the gate, in code points of its text; end exclusive."""

    row: int
    start: int
    end: int


def passing_rows(texts: pa.Array) -> np.ndarray:
    """int64 positions of the texts that pass the sieve, ascending."""
    return _matching(texts, SIEVE)


def _matching(texts: pa.Array, expression: str) -> np.ndarray:
    return np.flatnonzero(pc.match_substring_regex(texts, expression).to_numpy(zero_copy_only=False))


def windows(texts: pa.Array) -> Iterator[Window]:
    """The lines that pass, by text and place; `row` counts within the array given."""
    lines = pc.split_pattern(texts, "\n")
    flat = lines.flatten()
    hits = _matching(flat, SIEVE)
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
    return [
        finding
        for line in lines_of(text, begin, end)
        for found in find_in_line(text, *line, DETECTORS)
        for finding in found
    ]
