"""Turns of dialogues, moved along where a stage changes their text. Reads text, turns. Writes turns.

A stage that changes texts says where each byte of the old one went; that never puts one place before another,
so turns stay in order and apart, and no turn is ever lost: one of which nothing is left is empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple
from unicodedata import combining
from unicodedata import normalize as to_form

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.documents import TURN, TURNS, with_column

Places = npt.NDArray[np.int32]
_VISIBLE = re.compile(r"\S")


class Marks(NamedTuple):
    """Bytes of texts that are followed through a change: where each turn begins and ends, in order.

    Row i's are places[offsets[i]] to places[offsets[i + 1]].
    """

    places: Places
    offsets: npt.NDArray[np.int64]

    def of(self, row: int) -> Places:
        """Those of one text."""
        return self.places[self.offsets[row] : self.offsets[row + 1]]


def no_marks(rows: int) -> Marks:
    """Of texts that are no dialogues."""
    return Marks(np.empty(0, np.int32), np.zeros(rows + 1, np.int64))


def has_turns(batch: pa.RecordBatch) -> bool:
    """Whether the batch is of a data set with turns."""
    return TURNS.name in batch.schema.names


def marks_of(batch: pa.RecordBatch) -> Marks:
    """Begin and end of every turn of a batch; of one without turns, none."""
    if not has_turns(batch):
        return no_marks(len(batch))
    turns = batch[TURNS.name]
    flat = turns.flatten()
    places = np.empty(2 * len(flat), np.int32)
    places[0::2] = flat.field("start").to_numpy()
    places[1::2] = flat.field("end").to_numpy()
    counts = pc.list_value_length(turns).to_numpy(zero_copy_only=False).astype(np.int64)
    return Marks(places, np.concatenate(([0], 2 * np.cumsum(counts))))


def with_marks(batch: pa.RecordBatch, places: Places) -> pa.RecordBatch:
    """The batch with its turns where `places` says; one without turns as it is."""
    if not has_turns(batch):
        return batch
    turns = batch[TURNS.name]
    flat = turns.flatten()
    begin_and_end = [pa.array(np.ascontiguousarray(places[first::2])) for first in (0, 1)]
    moved = pa.StructArray.from_arrays(
        [*begin_and_end, flat.field("place"), flat.field("speaker")], fields=list(TURN)
    )
    offsets = pc.subtract(turns.offsets, turns.offsets[0]) if len(turns) else turns.offsets
    return with_column(batch, TURNS, pa.ListArray.from_arrays(offsets, moved, type=TURNS.type))


class Points(NamedTuple):
    """Bytes and code points of one text, each by the other."""

    of_byte: npt.NDArray[np.int64]  # how many code points begin before a byte
    byte: npt.NDArray[np.int64]  # where a code point begins; behind the last, the text's length


def points_of(text: str) -> Points:
    """The table of a text."""
    begins = (np.frombuffer(text.encode(), np.uint8) & 0xC0) != 0x80
    return Points(
        np.concatenate(([0], np.cumsum(begins))), np.concatenate((np.flatnonzero(begins), [len(begins)]))
    )


def moved_by_cut(places: Places, kept: Sequence[tuple[int, int]]) -> Places:
    """Where bytes of a text stand when only some stretches of it, in order, are kept."""
    starts = np.array([start for start, _ in kept], np.int64)
    lengths = np.array([end - start for start, end in kept], np.int64)
    before = np.concatenate(([0], np.cumsum(lengths)))
    number = np.searchsorted(starts, places, side="right") - 1
    inside = np.minimum(places - starts[number], lengths[number]) if len(kept) else np.zeros_like(places)
    return np.where(number < 0, 0, before[number] + inside).astype(np.int32)


def composed(text: str, places: Places) -> tuple[str, Places]:
    """A text in NFC, and where its bytes went.

    A place that would part what composes (the contract joins turns by nothing, and one begins with a vowel
    sign) moves behind it.
    """
    whole = to_form("NFC", text)
    if not len(places):
        return whole, places
    data, cuts = text.encode(), np.unique(places)
    pieces = [data[start:end].decode() for start, end in pairwise([0, *cuts.tolist(), len(data)])]
    parts = [to_form("NFC", piece) for piece in pieces]
    if "".join(parts) == whole:
        there = np.cumsum([len(part.encode()) for part in parts[:-1]])
    else:
        there = np.array(_apart(pieces))
    return whole, there[np.searchsorted(cuts, places)].astype(np.int32)


def _apart(pieces: Sequence[str]) -> list[int]:
    """For each piece but the first, where in the composed text it begins."""
    found, done, left = [], 0, pieces[0]
    for piece in pieces[1:]:
        moved = 0
        while moved < len(piece) and not _stand_apart(left + piece[:moved], piece[moved:]):
            moved += 1
            while moved < len(piece) and combining(piece[moved]):
                moved += 1
        left += piece[:moved]
        end = done + len(to_form("NFC", left).encode())
        found.append(end)
        if moved < len(piece):
            done, left = end, piece[moved:]
    return found


def _stand_apart(left: str, right: str) -> bool:
    return to_form("NFC", left + right) == to_form("NFC", left) + to_form("NFC", right)


def behind_markup(
    batch: pa.RecordBatch, texts: pa.Array, taken_out: Callable[[pa.Array], pa.Array], join: str
) -> pa.RecordBatch:
    """The batch with its turns where they stand in `texts`, what is left of its own without markup.

    `taken_out` takes the markup off texts. It is asked of each turn: where what can be seen of turns and
    joins is, in order, what can be seen of the text, that tells each turn's place. Where it is not, for a
    comment or a tag begins in one turn and ends in another, the text is cut where the turns are joined, as
    one that is delivered whole.
    """
    if not has_turns(batch):
        return batch
    changed = pc.not_equal(batch["text"], texts).to_pylist()
    if not any(changed):
        return batch
    marks, turns = marks_of(batch), batch[TURNS.name].to_pylist()
    for row in (row for row, differs in enumerate(changed) if differs):
        data, text = batch["text"][row].as_py().encode(), texts[row].as_py()
        cuts = [0, *marks.of(row).tolist(), len(data)]
        pieces = taken_out(pa.array([data[start:end].decode() for start, end in pairwise(cuts)]))
        found = _places_of(["".join(_VISIBLE.findall(piece)) for piece in pieces.to_pylist()], text)
        if found is None:
            turns[row] = _cut_at(text, join)
        else:
            for turn, (start, end) in zip(turns[row], found, strict=True):
                turn.update(start=start, end=end)
    return with_column(batch, TURNS, pa.array(turns, TURNS.type))


def _places_of(visible: Sequence[str], text: str) -> list[tuple[int, int]] | None:
    """Bytes of the turns (every second piece, from the second on) by what can be seen of all pieces."""
    at = [match.start() for match in _VISIBLE.finditer(text)]
    if "".join(visible) != "".join(text[point] for point in at):
        return None
    byte, found, done, last = points_of(text).byte, [], 0, 0
    for number, piece in enumerate(visible):
        if number % 2:
            end = at[done + len(piece) - 1] + 1 if piece else last
            start = at[done] if piece else last
            line = len(text[:start].rstrip(" \t"))  # its indentation belongs to it
            start = line if line > last and text[line - 1] == "\n" else start
            found.append((int(byte[start]), int(byte[end])))
            last = end
        elif piece:
            last = at[done + len(piece) - 1] + 1
        done += len(piece)
    return found


def _cut_at(text: str, join: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    at = 0
    for place, piece in enumerate(text.split(join) if join else [text]):
        end = at + len(piece.encode())
        found.append({"start": at, "end": end, "place": place, "speaker": None})
        at = end + len(join.encode())
    return found
