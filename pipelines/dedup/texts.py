"""Deduplicate texts held in memory, for `malmoi dedup`: the build's own steps over temporary files.

Reads id, text and what ranks them. Writes kept, duplicate_of, similarity for each, in order.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dedup.candidates import find_shared_buckets, write_bucket_keys
from pipelines.dedup.parts import divide
from pipelines.dedup.ranked import SplitRank
from pipelines.dedup.resolve import resolve
from pipelines.dedup.sketches import Shingles, write_sketches
from schemas.documents import SPANS, STAGED
from schemas.errors import UsageError
from schemas.identity import DIGEST_SIZE
from schemas.recipe import DedupSettings

Fingerprint = Callable[[pa.RecordBatch], pa.RecordBatch]
_TEXTS_PER_BATCH = 4096


@dataclass(frozen=True)
class Text:
    """One text and what decides its rank: epoch, partner, quality (higher first), then the id's bytes."""

    id: str
    text: str
    epoch: int = 0
    partner: str = ""
    quality: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """What became of a text: the kept id it lost to and their similarity (1.0 for exact), or neither."""

    kept: bool
    duplicate_of: str | None = None
    similarity: float | None = None


@dataclass(frozen=True)
class Met:
    """A kept text that a dropped one was found alike: how much, and in which buckets they met."""

    id: str
    similarity: float
    bands: tuple[int, ...]  # numbers of the MinHash bands that are equal
    equal_text: bool


@dataclass(frozen=True)
class Explanation:
    """What became of one text, and by what."""

    id: str
    verdict: Verdict
    edges: tuple[Met, ...]  # every kept text it was found alike, in rank order; the winner is among them
    stands_for: tuple[str, ...]  # of a kept text: those that lost to it, in rank order


class _Decided(NamedTuple):
    """What a deduplication in memory leaves: rows in rank order, fingerprints and DUPLICATES of them."""

    ranked: list[int]
    fingerprints: pa.Table  # exact, bands
    duplicates: pa.Table


def deduplicate(
    texts: Sequence[Text], settings: DedupSettings, *, fingerprint: Fingerprint, shingles: Shingles
) -> list[Verdict]:
    """A verdict for each text, in the order given, which decides nothing.

    `fingerprint` adds exact and bands to a batch of the other STAGED columns (no spans); `shingles` is as in
    `write_sketches`. Raises UsageError for a repeated id and for a text that is no Unicode.
    """
    ranked, _, duplicates = _decided(texts, settings, fingerprint=fingerprint, shingles=shingles)
    verdicts = [Verdict(kept=True)] * len(texts)
    columns = (duplicates[column].to_pylist() for column in ("position", "duplicate_of", "similarity"))
    for position, kept, similarity in zip(*columns, strict=True):
        winner = texts[ranked[int.from_bytes(kept, "big")]]
        verdicts[ranked[position]] = Verdict(kept=False, duplicate_of=winner.id, similarity=similarity)
    return verdicts


def explain_duplicate(
    texts: Sequence[Text],
    settings: DedupSettings,
    name: str,
    *,
    fingerprint: Fingerprint,
    shingles: Shingles,
) -> Explanation:
    """Why the text of that id is kept or dropped; raises UsageError where no text has it."""
    ranked, prints, duplicates = _decided(texts, settings, fingerprint=fingerprint, shingles=shingles)
    rank = next((place for place, row in enumerate(ranked) if texts[row].id == name), None)
    if rank is None:
        raise UsageError(f"no row has the id {name}: name one of the input's")
    lost = duplicates.filter(pc.field("position") == rank).to_pylist()
    own = rank.to_bytes(DIGEST_SIZE, "big")
    if not lost:
        followers = duplicates.filter(pc.field("duplicate_of") == pa.scalar(own, pa.binary(DIGEST_SIZE)))
        names = [texts[ranked[position]].id for position in followers["position"].to_pylist()]
        return Explanation(name, Verdict(kept=True), (), tuple(names))
    edges = []
    for edge in lost[0]["edges"]:
        other = int.from_bytes(edge["doc_id"], "big")
        pairs = zip(prints["bands"][rank].as_py(), prints["bands"][other].as_py(), strict=True)
        edges.append(
            Met(
                id=texts[ranked[other]].id,
                similarity=edge["similarity"],
                bands=tuple(band for band, (ours, theirs) in enumerate(pairs) if ours == theirs),
                equal_text=prints["exact"][rank] == prints["exact"][other],
            )
        )
    winner = texts[ranked[int.from_bytes(lost[0]["duplicate_of"], "big")]].id
    return Explanation(name, Verdict(False, winner, lost[0]["similarity"]), tuple(edges), ())


def _decided(
    texts: Sequence[Text], settings: DedupSettings, *, fingerprint: Fingerprint, shingles: Shingles
) -> _Decided:
    """The build's own steps over files of one split."""
    ranked = _by_rank(texts)
    with TemporaryDirectory(prefix="malmoi-dedup-") as name:
        directory = Path(name)
        staged, keys, shared, sketches = (
            directory / part for part in ("staged", "keys", "shared", "sketches")
        )
        _write_staged(texts, ranked, fingerprint, staged)
        with pa.memory_map(str(staged)) as source:
            reader = pa.ipc.open_file(source)
            batches = (reader.get_batch(index) for index in range(reader.num_record_batches))
            write_bucket_keys(batches, keys, partitions=1)
        find_shared_buckets([(0, keys)], partition=0, path=shared)
        parts = divide([shared], directory=directory)
        write_sketches(staged, parts, split=0, shingles=shingles, path=sketches)
        resolve(parts, [(0, sketches)], ranks=[SplitRank("", 0)], settings=settings, directory=directory)
        with pa.OSFile(str(staged)) as result:
            prints = pa.ipc.open_file(result).read_all().select(["exact", "bands"])
        with pa.OSFile(str(directory / "0.arrow")) as result:
            return _Decided(ranked, prints, pa.ipc.open_file(result).read_all())


def _by_rank(texts: Sequence[Text]) -> list[int]:
    """Where the texts stand in `texts`, in rank order."""
    first: dict[str, int] = {}
    for row, text in enumerate(texts):
        if first.setdefault(text.id, row) != row:
            raise UsageError(
                f"rows {first[text.id] + 1} and {row + 1} have the same id: give every row an id of its own"
            )

    def rank(row: int) -> tuple[int, bytes, float, bytes]:
        text = texts[row]
        worse = -text.quality if text.quality == text.quality else float("inf")  # NaN ranks last
        return text.epoch, _encoded(text.partner, row), worse, _encoded(text.id, row)

    return sorted(range(len(texts)), key=rank)


def _write_staged(texts: Sequence[Text], ranked: Sequence[int], fingerprint: Fingerprint, path: Path) -> None:
    """Write the texts in rank order; a document's id is its rank, so nothing is lost to a column's type."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, STAGED) as writer:
        for start in range(0, len(ranked), _TEXTS_PER_BATCH):
            rows = ranked[start : start + _TEXTS_PER_BATCH]
            ranks = range(start, start + len(rows))
            columns = {
                "doc_id": pa.array(
                    [rank.to_bytes(DIGEST_SIZE, "big") for rank in ranks], pa.binary(DIGEST_SIZE)
                ),
                "row": pa.array(ranks, pa.int64()),
                "text": pa.array(
                    [_encoded(unicodedata.normalize("NFC", texts[row].text), row) for row in rows],
                    pa.binary(),
                ).cast(pa.string()),
                "language": pa.nulls(len(rows), pa.string()),
                "language_score": pa.array(np.zeros(len(rows), np.float32)),
                "quality": pa.array(np.zeros(len(rows), np.float32)),
                "spans": pa.array([[]] * len(rows), SPANS),
            }
            schema = pa.schema([STAGED.field(name) for name in columns])
            batch = fingerprint(pa.RecordBatch.from_arrays(list(columns.values()), schema=schema))
            writer.write_batch(batch.select(STAGED.names))


def _encoded(text: str, row: int) -> bytes:
    """UTF-8; a half of a surrogate pair, which JSON can hold, has none."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"row {row + 1}: half of a surrogate pair at character {error.start}: write it as UTF-8"
        ) from None
