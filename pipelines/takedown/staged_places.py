"""Where rows of the ledger stand in the staged splits of a build."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.dedup.component import Codes, StagedFiles
from pipelines.engine.made import MadeSplit


def rows_by_split(
    splits: Iterable[MadeSplit], rows: pl.DataFrame
) -> list[tuple[MadeSplit, NDArray[np.int64]]]:
    """The splits that rows (drop, file, row) lie in, by index, each with the rows' numbers rising."""
    of_file: dict[tuple[object, ...], list[MadeSplit]] = defaultdict(list)
    for split in splits:
        of_file[split.drop, split.path].append(split)
    found = []
    for file, own in rows.group_by(["drop", "file"]):
        numbers = np.sort(own["row"].to_numpy())
        pieces = sorted(of_file[file], key=lambda split: split.first_row)
        bounds = [*np.searchsorted(numbers, [split.first_row for split in pieces]), len(numbers)]
        for split, (first, last) in zip(pieces, pairwise(bounds), strict=True):
            if first < last:
                found.append((split, numbers[first:last]))
    return sorted(found, key=lambda item: item[0].index)


def codes_of(splits: Sequence[MadeSplit], staged: StagedFiles, rows: pl.DataFrame) -> Codes:
    """The codes of rows (drop, file, row), sorted; one that a stage dropped has none."""
    found = [np.empty(0, np.int64)]
    for split, wanted in rows_by_split(splits, rows):
        there = np.flatnonzero(np.isin(staged.rows(split.index), wanted))
        found.append(np.int64(split.index) << 32 | there.astype(np.int64))
    return np.concatenate(found)


def places_of(splits: Sequence[MadeSplit], staged: StagedFiles, codes: Codes) -> list[tuple[str, str, int]]:
    """(drop, file, row) of documents by their codes, split by split."""
    found = []
    for index in np.unique(codes >> 32).tolist():
        split, positions = splits[index], codes[codes >> 32 == index] & 0xFFFFFFFF
        found += [(split.drop, split.path, row) for row in staged.rows(index)[positions].tolist()]
    return found
