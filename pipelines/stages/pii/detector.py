"""What a detector is: the shape it looks for, in two engines' common syntax, and how it weighs a match."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipelines.stages.pii.evidence import Finding

LIKELY = 0.5  # from here on a finding is more likely the real thing than not


@dataclass(frozen=True)
class Detector:
    """Finds one family of personal data in folded text (`fold`): ASCII digits, '-' and ' ', composed Hangul.

    `core` is RE2 syntax and matches within every line that `pattern` matches within. `sieve`: alternatives
    that together are a cheaper superset of the core, for the gate; without them the gate holds the core.
    `head`: what the gate's first look knows of
    it (first_look.py); every line that holds a finding, folding aside, holds one of them. `needs`: every match's line holds one of these in lower case; `digits`: and lies in a line with as many digits. `pattern` never matches a line feed. `weigh` turns a match into
    a finding, or None for a look-alike; of the text it sees the line and 240 characters on either side.
    """

    entities: tuple[str, ...]
    core: str
    pattern: re.Pattern[str]
    weigh: Callable[[str, re.Match[str]], Finding | None]
    sieve: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    digits: int = 0

    @property
    def gate(self) -> tuple[str, ...]:
        """The alternatives that it adds to the gate."""
        return self.sieve or (self.core,)

    def find(self, text: str, begin: int, end: int) -> Iterator[Finding]:
        """Findings that lie within text[begin:end], in order; look-arounds and cues see the whole text.

        begin and end must be line boundaries, or the ends of the text: so a text and its lines agree.
        Behind a match that is nothing, the search goes on one character later: "02 010-..." hides no number.
        """
        search = self.pattern.search
        match = search(text, begin, end)
        while match is not None:
            finding = self.weigh(text, match)
            if finding is not None:
                yield finding
            likely = finding is not None and finding.score >= LIKELY
            match = search(text, match.end() if likely else match.start() + 1, end)
