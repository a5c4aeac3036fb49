"""Recall and precision by class, from findings and labelled spans; counts only, never a text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pii_split import Truth


class Found(NamedTuple):
    """What an engine says: code points, end exclusive, our entity name."""

    start: int
    end: int
    entity: str


@dataclass(frozen=True)
class Labelled:
    """A text with its truth. `group` divides a class that is scored apart (persons in news, in dialogue)."""

    id: str
    text: str
    group: str
    truths: tuple[Truth, ...]
    judged: frozenset[str]

    @property
    def clean(self) -> bool:
        """Whether nothing in it is labelled, neutral spans included."""
        return not self.truths


class Mistake(NamedTuple):
    """A span that was missed or reported without reason; no text."""

    kind: str
    id: str
    key: str
    start: int
    end: int


@dataclass
class Score:
    """Counts of one class."""

    gold: int = 0
    recalled: int = 0  # labelled spans found exactly
    touched: int = 0  # labelled spans that a finding of their entity overlaps
    reported: int = 0  # findings that count
    right: int = 0  # of those, exact
    near: int = 0  # of those, overlapping a labelled span of their entity


@dataclass
class Scores:
    """Scores of one engine on one set of texts."""

    by_key: dict[str, Score] = field(default_factory=dict)
    clean: int = 0
    clean_hit: int = 0
    clean_by_entity: Counter[str] = field(default_factory=Counter)

    def of(self, key: str) -> Score:
        return self.by_key.setdefault(key, Score())


def key_of(entity: str, group: str) -> str:
    """The row of the table a span counts in: classes that the issue gives several numbers are divided."""
    if entity == "PERSON":
        kind = group.removeprefix("persons_")
        return f"PERSON ({'elsewhere' if kind.startswith('phones') else kind})"
    if group == "English" or (entity == "PHONE_NUMBER" and group in {"phones_spelled", "phones_foreign"}):
        return f"{entity} ({group.removeprefix('phones_')})"
    return entity


def score(
    texts: Sequence[Labelled], findings: Iterable[Sequence[Found]], mistakes: list[Mistake] | None = None
) -> Scores:
    """Findings against truth, text by text, in the same order."""
    scores = Scores()
    for text, found in zip(texts, findings, strict=True):
        counted = [f for f in dict.fromkeys(found) if f.entity in text.judged]
        if text.clean:
            scores.clean += 1
            scores.clean_hit += bool(counted)
            scores.clean_by_entity.update({f.entity for f in counted})
        for truth in text.truths:
            if truth.entity is not None:
                _recall(scores, text, truth, counted, mistakes)
        for one in counted:
            _precision(scores, text, one, mistakes)
    return scores


def _recall(
    scores: Scores, text: Labelled, truth: Truth, found: Sequence[Found], mistakes: list[Mistake] | None
) -> None:
    key = key_of(truth.entity or "", text.group)
    row = scores.of(key)
    row.gold += 1
    exact = any(f.entity == truth.entity and f[:2] in truth.forms for f in found)
    row.recalled += exact
    row.touched += any(f.entity == truth.entity and _overlap(f, truth) for f in found)
    if mistakes is not None and not exact:
        mistakes.append(Mistake("miss", text.id, key, truth.start, truth.end))


def _precision(scores: Scores, text: Labelled, found: Found, mistakes: list[Mistake] | None) -> None:
    touched = [truth for truth in text.truths if _overlap(found, truth)]
    own = [truth for truth in touched if truth.entity == found.entity]
    exact = any(found[:2] in truth.forms for truth in own)
    if not own and any(truth.entity is None for truth in touched):
        return  # neutral
    key = key_of(found.entity, text.group)
    row = scores.of(key)
    row.reported += 1
    row.right += exact
    row.near += bool(own)
    if mistakes is not None and not exact:
        mistakes.append(Mistake("extra", text.id, key, found.start, found.end))


def _overlap(found: Found, truth: Truth) -> bool:
    return found.start < truth.end and truth.start < found.end


def ratio(part: int, whole: int) -> str:
    """Three decimals, or a dash where there is nothing to count."""
    return f"{part / whole:.3f}" if whole else "-"


def rows(engines: dict[str, Scores], *, exact: bool) -> list[list[str]]:
    """One line a class: its name, labelled spans, then recall / precision of each engine.

    Classes without labelled spans stand in the table too where somebody reports them: false alarms count.
    """
    keys = sorted({key for scores in engines.values() for key in scores.by_key})
    lines = []
    for key in keys:
        cells = []
        for scores in engines.values():
            one = scores.by_key.get(key, Score())
            recall = ratio(one.recalled if exact else one.touched, one.gold)
            cells.append(f"{recall} / {ratio(one.right if exact else one.near, one.reported)}")
        gold = max(scores.by_key.get(key, Score()).gold for scores in engines.values())
        lines.append([key, f"{gold}", *cells])
    return lines
