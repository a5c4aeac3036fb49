"""The handed labelled texts in two halves, and what of their labels counts: pure functions, no data.

Fixed on 2026-11-24, before the recognizers of issue 5, and by digest, never by order: a text whose digest is
even is for development (to be read, to be tuned and trained on), an odd one is for the test and is only
scored. Of presidio.jsonl the template is digested, so that no template stands in both halves.
Which label is which entity is said by ../shared/data/pii/mapping.csv and by its notes, which `truths` carries
out: neutral spans neither reward nor punish; some spans have two right forms.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

FILES = ("ko_pii_generated", "klue_ner", "presidio")
DEVELOPMENT, TEST = "development", "test"
_MASKED_BELOW = 13  # digits of a resident number
_MARKED_EVERYWHERE = 5  # characters of a value
_BIRTH_SUFFIX = re.compile(r"\s*생\Z")
_DIGITS = re.compile(r"[0-9](?:.*[0-9])?", re.DOTALL)


class Truth(NamedTuple):
    """One labelled span: its entity (None: neutral) and every form of it that counts as exact."""

    entity: str | None
    forms: tuple[tuple[int, int], ...]

    @property
    def start(self) -> int:
        return min(start for start, _ in self.forms)

    @property
    def end(self) -> int:
        return max(end for _, end in self.forms)


def half(file: str, row: Mapping[str, Any]) -> str:
    """DEVELOPMENT or TEST, for ever."""
    key = row["template"] if file == "presidio" else row["text"]
    return TEST if blake2b(str(key).encode(), digest_size=8).digest()[-1] % 2 else DEVELOPMENT


def read_mapping(lines: Iterable[str]) -> dict[tuple[str, str], str | None]:
    """(file, label) to entity, None where the label is neutral; from the lines of mapping.csv."""
    return {(row["file"], row["label"]): row["entity"] or None for row in csv.DictReader(lines)}


def judged(file: str, mapping: Mapping[tuple[str, str], str | None]) -> frozenset[str]:
    """The entities that a file's labels tell of: findings of other entities are not judged on it."""
    return frozenset(entity for (of, _), entity in mapping.items() if of == file and entity)


def truths(
    file: str, row: Mapping[str, Any], mapping: Mapping[tuple[str, str], str | None]
) -> tuple[Truth, ...]:
    """The labelled spans of a row, in order of place."""
    text = row["text"]
    found = []
    for span in sorted(row["spans"], key=lambda span: (span["start"], span["end"])):
        entity = mapping.get((file, span["label"]))
        found.append(truth_of(text, span["start"], span["end"], entity))
    if file == "ko_pii_generated":
        found = sorted([*found, *_again(text, found)], key=lambda truth: truth.start)
    return tuple(found)


def _again(text: str, found: list[Truth]) -> list[Truth]:
    """Other places of short values, neutral: the set marks a value of fewer than 5 characters once.

    (../shared/data/README.md: "each value is marked at its first free place in reading order, and values of 5
    characters or more at every place".)
    """
    taken = [(truth.start, truth.end) for truth in found]
    values = {text[start:end] for start, end in taken if 1 < end - start < _MARKED_EVERYWHERE}
    return [
        Truth(None, (match.span(),))
        for value in sorted(values)
        for match in re.finditer(re.escape(value), text)
        if not any(start < match.end() and match.start() < end for start, end in taken)
    ]


def truth_of(text: str, start: int, end: int, entity: str | None) -> Truth:
    """One span by the notes of mapping.csv: neutral, or with the forms that count as exact."""
    value = text[start:end]
    forms = [(start, end)]
    if entity in {"KR_RRN", "KR_FRN"} and ("*" in value or sum(map(str.isdigit, value)) < _MASKED_BELOW):
        return Truth(None, tuple(forms))
    if entity == "PERSON" and len(value) == 1:
        return Truth(None, tuple(forms))
    if entity == "KR_BANK_ACCOUNT" and (number := _DIGITS.search(value)):
        forms.append((start + number.start(), start + number.end()))
    if entity == "DATE_OF_BIRTH":
        if suffix := _BIRTH_SUFFIX.search(value):
            forms.append((start, start + suffix.start()))
        elif behind := re.compile(r"\s?생(?![가-힣])").match(text, end):
            forms.append((start, behind.end()))
    return Truth(entity, tuple(dict.fromkeys(forms)))
