"""Documents by rank: what the sketches say of each, and who comes before whom.

Reads position, doc_id, language, quality, exact, shingles.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.dedup.candidates import binary_words
from pipelines.dedup.sketches import batches_of_part
from schemas.recipe import Recipe


@dataclass(frozen=True)
class SplitRank:
    """How the documents of a split rank: by priority, lower first; the name breaks the last tie of all."""

    name: str  # its own among the splits
    priority: int
    by_language: Mapping[str, int] = field(default_factory=dict)  # the priority of documents in a language

    def priorities(self, languages: pa.Array) -> NDArray[np.int32]:
        """The priority of each document."""
        if not self.by_language:
            return np.full(len(languages), self.priority, np.int32)
        coded = pc.dictionary_encode(languages)
        known = [self.by_language.get(language, self.priority) for language in coded.dictionary.to_pylist()]
        places = np.array([*known, self.priority], np.int32)  # the last one where no language is known
        at = pc.fill_null(coded.indices, len(known)).to_numpy(zero_copy_only=False)
        return np.asarray(places[at])


class RankedSplit(Protocol):
    """What of a split decides the rank of its documents."""

    @property
    def name(self) -> str:
        """Its own among the splits."""

    @property
    def partner(self) -> str:
        """Whose it is."""

    @property
    def epoch(self) -> int:
        """When it came."""


def split_ranks(splits: Sequence[RankedSplit], recipe: Recipe) -> list[SplitRank]:
    """Rank by epoch, then by the partners' order in the document's language."""
    default = {partner: place for place, partner in enumerate(recipe.partners)}
    orders = {
        language: {partner: place for place, partner in enumerate(dict.fromkeys((*first, *recipe.partners)))}
        for language, first in recipe.dedup.partners_by_language.items()
    }
    return [
        SplitRank(
            split.name,
            split.epoch * len(default) + default[split.partner],
            {
                language: split.epoch * len(default) + order[split.partner]
                for language, order in orders.items()
            },
        )
        for split in splits
    ]


@dataclass(frozen=True)
class Documents:
    """The sketched documents of a part, in the order of (split, position)."""

    number: NDArray[np.int64]  # in the part, as its buckets name them
    numbered: int  # documents of the part, those that are left out too
    split: NDArray[np.int32]
    priority: NDArray[np.int32]
    position: NDArray[np.int32]
    doc_id: NDArray[np.uint64]  # (documents, 2)
    quality: NDArray[np.float32]
    exact: NDArray[np.uint64]  # (documents, 2)
    addresses: NDArray[np.uint64]  # of their shingles, inside the mapped files
    lengths: NDArray[np.int64]
    mapped: list[pa.RecordBatch]  # holds the mappings open


def read_sketches(
    sketches: Sequence[tuple[int, Path]],
    ranks: Sequence[SplitRank],
    *,
    part: int,
    without: Collection[int] = (),
) -> Documents:
    """Map the sketches of a part, of all splits in order; nothing of the shingles is read here.

    Documents of the splits `without` are left out, their numbers too.
    """
    splits, batches, priorities, numbers, numbered = [], [], [], [np.empty(0, np.int64)], 0
    for split, path in sketches:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        for batch in batches_of_part(reader, part):
            if split not in without:
                batches.append(batch)
                splits.append(np.full(len(batch), split, np.int32))
                priorities.append(ranks[split].priorities(batch["language"]))
                numbers.append(np.arange(numbered, numbered + len(batch)))
            numbered += len(batch)
    addresses, lengths = [], []
    for batch in batches:
        lists = batch["shingles"]
        offsets = lists.offsets.to_numpy()
        addresses.append(np.uint64(lists.values.buffers()[1].address) + offsets[:-1].astype(np.uint64) * 8)
        lengths.append(np.diff(offsets))
    return Documents(
        number=np.concatenate(numbers),
        numbered=numbered,
        split=np.concatenate([np.empty(0, np.int32), *splits]),
        priority=np.concatenate([np.empty(0, np.int32), *priorities]),
        position=np.concatenate([np.empty(0, np.int32), *(b["position"].to_numpy() for b in batches)]),
        doc_id=np.concatenate([np.empty((0, 2), np.uint64), *(binary_words(b["doc_id"]) for b in batches)]),
        quality=np.concatenate([np.empty(0, np.float32), *(b["quality"].to_numpy() for b in batches)]),
        exact=np.concatenate([np.empty((0, 2), np.uint64), *(binary_words(b["exact"]) for b in batches)]),
        addresses=np.concatenate([np.empty(0, np.uint64), *addresses]),
        lengths=np.concatenate([np.empty(0, np.int64), *lengths]),
        mapped=batches,
    )


def rank_order(documents: Documents, ranks: Sequence[SplitRank]) -> NDArray[np.int64]:
    """Document numbers in rank order."""
    place = {name: index for index, name in enumerate(sorted(rank.name for rank in ranks))}
    places = np.array([place[rank.name] for rank in ranks], np.int64)
    worse = np.where(np.isnan(documents.quality), np.inf, -documents.quality)
    ranked: NDArray[np.int64] = np.lexsort(
        (
            documents.position,
            places[documents.split],
            documents.doc_id[:, 1],
            documents.doc_id[:, 0],
            worse,
            documents.priority,
        )
    )
    return ranked
