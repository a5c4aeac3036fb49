"""Dialogues as a recipe's template writes them: text between special tokens, turn by turn.

A template's turn is cut at its special tokens into stretches of text; the stretches go through the engine as
they are, the ids of the special tokens are put behind them. So no text can become a special token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import BuildInconsistent, UsageError
from schemas.recipe import DialogueTemplate

Ids = npt.NDArray[np.int32]
_PLACES = re.compile(r"\{(text|role)\}")
_NUMBERED = re.compile("#[1-9][0-9]*")  # a speaker whom the contract does not list


@dataclass(frozen=True)
class Template:
    """A turn as stretches: the words of each (its literals and the places in between), the ids behind it.

    A stretch is a list of parts, each a literal, "{text}" or "{role}" by its kind.
    """

    stretches: tuple[tuple[tuple[str, str], ...], ...]  # of (literal | text | role, literal)
    behind: tuple[tuple[int, ...], ...]  # ids behind each stretch
    roles: tuple[str, ...]
    again: bool
    speakers: Mapping[str, str]
    where: str  # in the recipe

    def turns(
        self, texts: pa.StringArray, join: str, known: pa.ListArray | None
    ) -> tuple[pa.StringArray, npt.NDArray[np.int64]]:
        """The stretches of all turns of all texts in order, and how many turns each text has.

        `known` is the texts' TURNS; texts without any are cut at `join`. Of a known turn, line ends go at
        both ends and blanks at its end, as of a document; one of which nothing is left is not written, and
        the others keep their roles. Raises UsageError for a speaker who has no role.
        """
        said = _cut_at(texts, join) if known is None else _known(texts, known)
        roles = pa.array(self.roles, pa.string()).take(pa.array(self._roles_of(said)))
        columns = [self._stretch(parts, said.texts, roles) for parts in self.stretches]
        order = np.arange(len(columns) * len(roles)).reshape(len(columns), len(roles)).T.ravel()
        return pa.concat_arrays(columns).take(pa.array(order)), said.counts

    def _roles_of(self, said: _Said) -> npt.NDArray[np.int64]:
        """The role of each turn: its speaker's, or, where nobody is named, that of its place."""
        found = self._numbered(said.places)
        if said.speakers.null_count == len(said.speakers):
            return found
        coded = pc.dictionary_encode(said.speakers)
        named = np.array([self._role_of(name) for name in coded.dictionary.to_pylist()])
        codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
        return np.where(codes < 0, found, named[codes])

    def _numbered(self, number: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return number % len(self.roles) if self.again else np.minimum(number, len(self.roles) - 1)

    def _role_of(self, speaker: str) -> int:
        role = self.speakers.get(speaker, speaker)
        if role in self.roles:
            return self.roles.index(role)
        if _NUMBERED.fullmatch(speaker):
            return int(self._numbered(np.array([int(speaker[1:]) - 1]))[0])
        raise UsageError(unknown_speaker(self.where, speaker))

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
    again = template.then == "again"
    return Template(tuple(stretches), tuple(behind), template.roles, again, template.speakers, where)


def unknown_speaker(where: str, speaker: str) -> str:
    """What is said of a speaker without a role; the name is one that the contract lists."""
    return f"{where}.speakers: {speaker!r} speaks in its data set, but has no role: say which of the roles"


class _Said(NamedTuple):
    """The turns of some texts end to end."""

    texts: pa.StringArray
    counts: npt.NDArray[np.int64]  # by text
    places: npt.NDArray[np.int64]
    speakers: pa.StringArray  # null where nobody is named


def _cut_at(texts: pa.StringArray, join: str) -> _Said:
    cut = pc.split_pattern(texts, join)
    counts = pc.list_value_length(cut).to_numpy(zero_copy_only=False).astype(np.int64)
    turns = cut.flatten()
    places = np.arange(len(turns)) - np.repeat(np.cumsum(counts) - counts, counts)
    return _Said(turns, counts, places, pa.nulls(len(turns), pa.string()))


def _known(texts: pa.StringArray, known: pa.ListArray) -> _Said:
    """The turns that are known, but for empty ones: of a text of which no turn is left, the first alone.

    Raises BuildInconsistent for a text that never had a turn.
    """
    flat = known.flatten()
    counts = pc.list_value_length(known).to_numpy(zero_copy_only=False).astype(np.int64)
    if not counts.all():
        raise BuildInconsistent("a dialogue without turns reached the tokenizer: this is a defect, report it")
    rows = np.repeat(np.arange(len(counts)), counts)
    turns = _slices(texts, rows, flat.field("start").to_numpy(), flat.field("end").to_numpy())
    turns = pc.ascii_ltrim(pc.ascii_rtrim(turns, " \t\n"), "\n")
    there = pc.binary_length(turns).to_numpy(zero_copy_only=False) > 0
    left = np.bincount(rows[there], minlength=len(counts))
    there[(np.cumsum(counts) - counts)[left == 0]] = True
    keep = pa.array(there)
    return _Said(
        turns.filter(keep),
        np.maximum(left, 1),
        flat.field("place").to_numpy()[there].astype(np.int64),
        flat.field("speaker").filter(keep),
    )


def _slices(
    texts: pa.StringArray,
    rows: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int32],
    ends: npt.NDArray[np.int32],
) -> pa.StringArray:
    """Parts of texts, in order and apart: the texts' own bytes, cut at other places."""
    _, offsets, data = texts.buffers()
    first = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts)][rows]
    bounds = np.empty(2 * len(rows), np.int32)
    bounds[0::2], bounds[1::2] = first + starts, first + ends
    count = max(0, len(bounds) - 1)
    pieces = pa.StringArray.from_buffers(count, pa.py_buffer(bounds), data or pa.py_buffer(b""))
    return pieces.take(pa.array(np.arange(0, count, 2)))


def _parts(text: str) -> list[tuple[str, str]]:
    found = []
    for number, piece in enumerate(_PLACES.split(text)):
        if number % 2:
            found.append((piece, ""))
        elif piece:
            found.append(("literal", piece))
    return found
