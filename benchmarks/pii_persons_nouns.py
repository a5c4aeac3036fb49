"""Other nouns in the place of a text's own: words that no corpus counts stand in training as they do in texts.

Counts and training texts come from the same corpora, so a noun that the table holds as uncounted stands hardly
ever among the examples of no name, and often among invented names. A tagger says where common nouns stand.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable

from pii_persons_data import Text
from pii_persons_invented import closed

_HANGUL = re.compile(r"[가-힣]")
Spans = list[tuple[int, int]]


def free_nouns(text: str, tokens: list[tuple[int, int, str]]) -> Spans:
    """Where a common noun of two to five syllables begins a run, with a particle or nothing behind it.

    `tokens` are (start, end, tag) in order of place, without particles.
    """
    found: Spans = []
    for place, (start, end, tag) in enumerate(tokens):
        if tag != "NNG" or not 2 <= end - start <= 5:
            continue
        if start and _HANGUL.match(text[start - 1]):
            continue
        glued = place + 1 < len(tokens) and tokens[place + 1][0] <= end
        if not glued or not _HANGUL.match(text, end):
            found.append((start, end))
    return found


class Nouns:
    """Draws nouns by their last sound; the same seed draws the same."""

    def __init__(self, seed: int, words: Iterable[str]) -> None:
        self.random = random.Random(seed)
        self.by_sound: dict[bool, list[str]] = {True: [], False: []}
        for word in words:
            self.by_sound[closed(word)].append(word)

    def instead(self, one: Text, share: float) -> Text:
        """The text with a share of its nouns replaced; its names and neutral spans stay what they are."""
        taken = (*one.persons, *one.neutral)
        pieces, read, moved = [], 0, [(0, 0)]
        for start, end in one.nouns:
            if self.random.random() >= share or any(start < e and s < end for s, e in taken):
                continue
            new = self.random.choice(self.by_sound[closed(one.text[start:end])])
            pieces += [one.text[read:start], new]
            read = end
            moved.append((end, moved[-1][1] + len(new) - (end - start)))
        persons, neutral = (
            tuple((_moved(s, moved), _moved(e, moved)) for s, e in spans)
            for spans in (one.persons, one.neutral)
        )
        return Text(one.id, "".join(pieces) + one.text[read:], persons, neutral)


def _moved(at: int, moved: Spans) -> int:
    """Where a place went."""
    return at + next(by for end, by in reversed(moved) if end <= at)
