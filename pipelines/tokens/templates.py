"""Dialogues as a recipe's template writes them: text between special tokens, turn by turn.

A template's turn is cut at its special tokens into stretches of text; the stretches go through the engine as
they are, the ids of the special tokens are put behind them. So no text can become a special token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import UsageError
from schemas.recipe import DialogueTemplate

Ids = npt.NDArray[np.int32]
_PLACES = re.compile(r"\{(text|role)\}")


@dataclass(frozen=True)
class Template:
    """A turn as stretches: the words of each (its literals and the places in between), the ids behind it.

    A stretch is a list of parts, each a literal, "{text}" or "{role}" by its kind.
    """

    stretches: tuple[tuple[tuple[str, str], ...], ...]  # of (literal | text | role, literal)
    behind: tuple[tuple[int, ...], ...]  # ids behind each stretch
    roles: tuple[str, ...]
    again: bool

    def turns(self, texts: pa.StringArray, join: str) -> tuple[pa.StringArray, npt.NDArray[np.int64]]:
        """The stretches of all turns of all texts in order, and how many turns each text has."""
        cut = pc.split_pattern(texts, join)
        counts = pc.list_value_length(cut).to_numpy(zero_copy_only=False).astype(np.int64)
        turns = cut.flatten()
        place = np.arange(len(turns)) - np.repeat(np.cumsum(counts) - counts, counts)
        last = len(self.roles) - 1
        speaker = place % len(self.roles) if self.again else np.minimum(place, last)
        roles = pa.array(self.roles, pa.string()).take(pa.array(speaker))
        columns = [self._stretch(parts, turns, roles) for parts in self.stretches]
        order = np.arange(len(columns) * len(turns)).reshape(len(columns), len(turns)).T.ravel()
        return pa.concat_arrays(columns).take(pa.array(order)), counts

    def _stretch(
        self, parts: tuple[tuple[str, str], ...], turns: pa.StringArray, roles: pa.StringArray
    ) -> pa.StringArray:
        found = {"text": turns, "role": roles}
        columns = [found.get(kind, pa.scalar(literal, pa.string())) for kind, literal in parts]
        if not any(kind in found for kind, _ in parts):
            return pa.repeat(pa.scalar("".join(literal for _, literal in parts), pa.string()), len(turns))
        return pc.binary_join_element_wise(*columns, "").cast(pa.string())


def read_template(template: DialogueTemplate, specials: Mapping[str, int], where: str) -> Template:
    """The template with the ids of a tokenizer. Raises UsageError where it holds no turn, or too many."""
    stretches: list[tuple[tuple[str, str], ...]] = []
    behind: list[tuple[int, ...]] = []
    for special, pieces in groupby(template.turn, key=lambda piece: piece in specials):
        if special:
            if not stretches:
                stretches.append(())
                behind.append(())
            behind[-1] = tuple(specials[piece] for piece in pieces)
        else:
            stretches.append(tuple(_parts("".join(pieces))))
            behind.append(())
    if [kind for parts in stretches for kind, _ in parts].count("text") != 1:
        raise UsageError(f"{where}.turn: {{text}} must stand in it once: mend it")
    return Template(tuple(stretches), tuple(behind), template.roles, template.then == "again")


def _parts(text: str) -> list[tuple[str, str]]:
    found = []
    for number, piece in enumerate(_PLACES.split(text)):
        if number % 2:
            found.append((piece, ""))
        elif piece:
            found.append(("literal", piece))
    return found
