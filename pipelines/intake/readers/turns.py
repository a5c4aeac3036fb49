"""The turns of dialogues where they are still apart: where each lies in the text they are joined to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.intake.readers.text_values import literal
from schemas.contract import DataSet, Role
from schemas.documents import TURN, TURNS

Said = tuple[str, str | None]  # a part of the text, and who says it


class Turns:
    """Finds the turns of a data set's rows, a row at a time."""

    def __init__(self, data_set: DataSet) -> None:
        self._texts = [column.path for column in data_set.of_role(Role.TEXT)]
        self._speakers = {column.path[0]: column.path[-1] for column in data_set.of_role(Role.SPEAKER)}
        self._listed = data_set.speakers
        self._join = len(data_set.join.encode())

    def array(self, texts: Sequence[Sequence[Any]], rows: Sequence[int]) -> pa.Array:
        """TURNS of some rows; `texts` holds the cells of each text column, in the contract's order."""
        counts = [0]
        starts: list[int] = []
        ends: list[int] = []
        places: list[int] = []
        speakers: list[str | None] = []
        for row in rows:
            end = -self._join
            numbers: dict[str, str] = {}
            for place, (text, speaker) in enumerate(self._parts(texts, row)):
                if text:
                    starts.append(end + self._join)
                    ends.append(end := starts[-1] + len(text.encode()))
                    places.append(place)
                    speakers.append(self._name(speaker, numbers))
            counts.append(len(starts))
        found = [pa.array(np.array(numbers, np.int32)) for numbers in (starts, ends, places)]
        flat = pa.StructArray.from_arrays([*found, pa.array(speakers, pa.string())], fields=list(TURN))
        return pa.ListArray.from_arrays(pa.array(counts, pa.int32()), flat, type=TURNS.type)

    def _parts(self, texts: Sequence[Sequence[Any]], row: int) -> Iterator[Said]:
        """What the row's text is joined of, in order, and the empty parts that are left out of it."""
        for (first, *inside), cells in zip(self._texts, texts, strict=True):
            yield from _said(cells[row], inside, self._speakers.get(first, ""), None)

    def _name(self, speaker: str | None, numbers: dict[str, str]) -> str | None:
        if not speaker or self._listed:
            return speaker if speaker in self._listed else None
        return numbers.setdefault(speaker, f"#{len(numbers) + 1}")


def _said(value: Any, path: Sequence[str], key: str, speaker: str | None) -> Iterator[Said]:
    if isinstance(value, list):
        for item in value:
            yield from _said(item, path, key, speaker)
    elif path and isinstance(value, dict):
        who = value.get(key)
        yield from _said(value.get(path[0]), path[1:], key, literal(who) if _is_name(who) else None)
    else:
        yield ("" if path else literal(value)), speaker


def _is_name(value: Any) -> bool:
    return isinstance(value, str | int)
