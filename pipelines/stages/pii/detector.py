"""What a detector is: the shape it looks for, how it weighs a match, and what its findings stand with."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.stages.pii.evidence import Finding

LIKELY = 0.5  # from here on a finding is more likely the real thing than not


@dataclass(frozen=True)
class Detector:
    """Finds one family of personal data in folded text (`fold`): ASCII digits, '-' and ' ', composed Hangul.

    `pattern` matches within a line, or, where `lines` is more, within so many. `weigh` turns a match into one
    finding, or several, or None for a look-alike; of the text it sees the lines and 240 characters on either
    side. The rest is for the gate (first_look.py): a line in which the match of a finding begins holds one of
    `words` and, where there are any, one of `also` (in lower case; 0 stands for any digit), and at least so
    many digits, digits in a `run` with nothing but joints between, `points` between such digits, `marks`
    (points, colons, dashes), and letters and digits (with + and /) in a row. `spelled`: or a number in signs
    for digits instead of one of the words. `tail`: matches begin within so many characters of a line's end.
    """

    entities: tuple[str, ...]
    pattern: re.Pattern[str]
    weigh: Callable[[str, re.Match[str]], Finding | list[Finding] | None]
    words: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    digits: int = 0
    run: int = 0
    points: int = 0
    marks: int = 0
    letters: int = 0
    spelled: bool = False
    lines: int = 1
    tail: int = 0

    def find(self, text: str, begin: int, end: int, stop: int) -> list[Finding]:
        """Findings whose matches begin in text[begin:end] and end before `stop`, in order of their matches.

        begin and end must be line boundaries, or the ends of the text: so a text and its lines agree.
        Look-arounds and cues see the whole text. Behind a match that is nothing, the search goes on one
        character later: "02 010-..." hides no number.
        """
        search = self.pattern.search
        match = search(text, begin, stop)
        found: list[Finding] = []
        while match is not None and match.start() <= end:
            finding = self.weigh(text, match)
            if isinstance(finding, list):
                found += finding
                finding = None
            elif finding is not None:
                found.append(finding)
            likely = finding is not None and finding.score >= LIKELY
            match = search(text, match.end() if likely else match.start() + 1, stop)
        return found

    def second_look(
        self,
        texts: pa.Array,  # noqa: ARG002
        lines: npt.NDArray[np.int64],
        folds: npt.NDArray[np.bool_],  # noqa: ARG002
        bit: int,  # noqa: ARG002
    ) -> npt.NDArray[np.int64]:
        """The gate's lines (row, start, end, mask), less those that passed for this detector alone in vain.

        For a detector that can look at all lines of a column at once, for less than they cost one by one.
        `bit` is its own in the masks, `folds` tells which texts fold. Others leave the lines as they are.
        """
        return lines


def spelt(*parts: str | Sequence[str]) -> tuple[str, ...]:
    """Every choice of one of each part, joined; a string is one part with one choice."""
    choices = [[part] if isinstance(part, str) else part for part in parts]
    return tuple(map("".join, product(*choices)))
