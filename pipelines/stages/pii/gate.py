"""The gate: which lines of a column of texts can hold personal data at all, by RE2 inside Arrow.

Two expressions, each letting through a superset of what can be found. SIEVE is small, so that RE2 keeps few
states and reads the whole column at full speed: seven digits with all that a detector allows in between, the
@ of an e-mail, IP addresses, a passport of the new form. GATE, the union of the detectors' own cores, reads
the lines that are left. No pattern matches a line feed; so a text can hold something iff a line can,
and only lines that pass are looked at: the window around a hit is its line. Cues are read from the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.stages.pii.characters import DIGIT, LETTER, LOOSE_JOINT
from pipelines.stages.pii.contacts import CARD, EMAIL, IPV4, IPV6, PHONE
from pipelines.stages.pii.detector import Detector
from pipelines.stages.pii.evidence import SURROGATE_SCORE, Finding
from pipelines.stages.pii.identity_numbers import BUSINESS, LICENCE, PASSPORT, RESIDENT

DETECTORS: tuple[Detector, ...] = (RESIDENT, BUSINESS, PHONE, CARD, LICENCE, PASSPORT, EMAIL, IPV4, IPV6)
ENTITIES = frozenset(entity for detector in DETECTORS for entity in detector.entities)
SIEVE = "|".join(
    (
        f"{DIGIT}(?:{LOOSE_JOINT.replace('{0,3}', '*')}{DIGIT}){{6}}",
        EMAIL.gate,
        f"{DIGIT}[.．]{DIGIT}{{1,3}}[.．]{DIGIT}{{1,3}}[.．]{DIGIT}",
        "[23][0-9A-Fa-f]{3}:[0-9A-Fa-f]*:",
        f"{LETTER}{DIGIT}{{3}}{LETTER}{DIGIT}{{4}}",
    )
)
GATE = "|".join(detector.gate for detector in DETECTORS)


class Window(NamedTuple):
    """A line that passed the gate, in code points of its text; end exclusive."""

    row: int
    start: int
    end: int


def passing_rows(texts: pa.Array) -> np.ndarray:
    """int64 positions of the texts that pass the sieve, ascending."""
    return _matching(texts, SIEVE)


def gated_rows(texts: pa.Array) -> np.ndarray:
    """int64 positions of the texts with a line that passes sieve and gate, ascending; no text is null."""
    sieved = passing_rows(texts)
    return sieved[_matching(texts.take(pa.array(sieved)), GATE)] if len(sieved) else sieved


def _matching(texts: pa.Array, expression: str) -> np.ndarray:
    return np.flatnonzero(pc.match_substring_regex(texts, expression).to_numpy(zero_copy_only=False))


def windows(texts: pa.Array) -> Iterator[Window]:
    """The lines that pass sieve and gate, by text and place; `row` counts within the array given."""
    lines = pc.split_pattern(texts, "\n")
    flat = lines.flatten()
    sieved = _matching(flat, SIEVE)
    hits = sieved[_matching(flat.take(pa.array(sieved)), GATE)]
    if not len(hits):
        return
    counts = pc.list_value_length(lines).to_numpy()
    first_line = np.concatenate(([0], np.cumsum(counts)))
    lengths = pc.utf8_length(flat).to_numpy().astype(np.int64)
    behind = np.concatenate(([0], np.cumsum(lengths + 1)))  # where each line starts, all texts end to end
    rows = np.searchsorted(first_line, hits, side="right") - 1
    starts = behind[hits] - behind[first_line[rows]]
    for row, start, length in zip(rows.tolist(), starts.tolist(), lengths[hits].tolist(), strict=True):
        yield Window(row, start, start + length)


def find_within(text: str, begin: int, end: int) -> list[Finding]:
    """All findings of all detectors in text[begin:end], which must be whole lines; they may overlap."""
    return [finding for detector in DETECTORS for finding in detector.find(text, begin, end)]


def resolve(findings: list[Finding], min_score: float) -> list[Finding]:
    """The findings that stand, in order of place: of those that overlap the likeliest, then the longest.

    Our own surrogates beat everything on their place, and then leave.
    """
    able = [finding for finding in findings if finding.score >= min_score]
    if len(able) > 1:
        able.sort(key=lambda f: (-f.score, f.start - f.end, f.start, f.label))
        origin = min(finding.start for finding in able)
        taken = bytearray(max(finding.end for finding in able) - origin)
        standing = []
        for finding in able:
            start, end = finding.start - origin, finding.end - origin
            if taken.find(1, start, end) < 0:
                taken[start:end] = b"\x01" * (end - start)
                standing.append(finding)
        able = sorted(standing)
    return [finding for finding in able if finding.score != SURROGATE_SCORE]
