"""Small corpora with any candidate graph, and the dominance set as plain Python works it out.

A document's text spells its shingle set ("3 5 8") and its bands are given, so that a test draws the graph.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from hypothesis import strategies as st

from pipelines.dedup.candidates import find_shared_buckets, write_bucket_keys
from pipelines.dedup.parts import Parts, divide
from pipelines.dedup.ranked import SplitRank
from pipelines.dedup.resolve import ResolveFacts, resolve
from pipelines.dedup.sketches import write_sketches
from schemas.documents import STAGED
from schemas.recipe import DedupSettings

BANDS = 14


@dataclass(frozen=True)
class Content:
    """What two equal texts have in common; `marker` tells texts of the same shingles apart."""

    shingles: frozenset[int]
    bands: tuple[int, ...]
    marker: int = 0

    @property
    def text(self) -> str:
        return " ".join(map(str, sorted(self.shingles)))

    @property
    def exact(self) -> bytes:
        return hashlib.blake2b(f"{self.text}|{self.marker}|{self.bands}".encode(), digest_size=16).digest()


@dataclass(frozen=True)
class Document:
    number: int  # its id
    content: Content
    quality: float = 0.5

    @property
    def doc_id(self) -> bytes:
        return hashlib.blake2b(str(self.number).encode(), digest_size=16).digest()


@dataclass(frozen=True)
class Split:
    name: str
    priority: int
    documents: tuple[Document, ...]


class Verdict(NamedTuple):
    reason: str
    duplicate_of: bytes
    similarity: float
    edges: tuple[tuple[bytes, float], ...]


def bands(**shared: int) -> tuple[int, ...]:
    """Bands of which only the named ones (b0=7) can be shared."""
    return tuple(shared.get(f"b{band}", -1) for band in range(BANDS))


def staged_batch(documents: Sequence[Document]) -> pa.RecordBatch:
    rows = [
        {
            "doc_id": document.doc_id,
            "row": row,
            "text": document.content.text,
            "language": None,
            "language_score": 1.0,
            "quality": document.quality,
            "spans": [],
            "exact": document.content.exact,
            # -1: a value that no other content has
            "bands": [
                value if value >= 0 else int.from_bytes(document.content.exact[:8], "big") ^ band
                for band, value in enumerate(document.content.bands)
            ],
        }
        for row, document in enumerate(documents)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=STAGED)


def shingles_spelt_out(batch: pa.RecordBatch) -> pa.Array:
    sets = [sorted({int(word) for word in text.split()}) for text in batch["text"].to_pylist()]
    return pa.array(sets, pa.list_(pa.uint64()))


def write_staged(path: Path, documents: Sequence[Document], *, rows_per_batch: int = 3) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, STAGED) as writer:
        for start in range(0, len(documents), rows_per_batch):
            writer.write_batch(staged_batch(documents[start : start + rows_per_batch]))


def resolved(
    directory: Path,
    splits: Sequence[Split],
    settings: DedupSettings,
    *,
    partitions: int = 2,
    rows_per_batch: int = 3,
    backwards: bool = False,
    part_documents: int = 5,
) -> tuple[dict[tuple[str, int], Verdict], ResolveFacts]:
    """Who was dropped, by (split name, position), through files as the build does it."""
    parts, sketches = prepared(
        directory,
        splits,
        partitions=partitions,
        rows_per_batch=rows_per_batch,
        backwards=backwards,
        part_documents=part_documents,
    )
    facts = resolve(parts, sketches, ranks=ranks_of(splits), settings=settings, directory=directory)
    return {
        (split.name, row["position"]): Verdict(
            row["reason"],
            row["duplicate_of"],
            row["similarity"],
            tuple((edge["doc_id"], edge["similarity"]) for edge in row["edges"]),
        )
        for number, split in enumerate(splits)
        for row in rows_of(directory / f"{number}.arrow")
    }, facts


def ranks_of(splits: Sequence[Split]) -> list[SplitRank]:
    return [SplitRank(split.name, split.priority) for split in splits]


def prepared(
    directory: Path,
    splits: Sequence[Split],
    *,
    partitions: int = 2,
    rows_per_batch: int = 3,
    backwards: bool = False,
    settled: Collection[int] = (),
    part_documents: int = 5,
) -> tuple[Parts, list[tuple[int, Path]]]:
    """Parts and sketches, as the build writes them; parts are small, so there are several."""
    directory.mkdir(parents=True, exist_ok=True)
    turn = -1 if backwards else 1
    keys = []
    for number, split in enumerate(splits):
        write_staged(directory / f"{number}.staged", split.documents, rows_per_batch=rows_per_batch)
        with pa.memory_map(str(directory / f"{number}.staged")) as source:
            table = pa.ipc.open_file(source).read_all()
        write_bucket_keys(table, directory / f"{number}.keys", partitions=partitions)
        keys.append((number, directory / f"{number}.keys"))
    shared = [directory / f"{partition}.shared" for partition in range(partitions)]
    for partition, path in enumerate(shared):
        find_shared_buckets(keys[::turn], partition=partition, path=path, settled=settled)
    parts = divide(shared[::turn], directory=directory, part_documents=part_documents)
    sketches = [(number, directory / f"{number}.sketches") for number in range(len(splits))]
    for number, path in sketches:
        write_sketches(
            directory / f"{number}.staged", parts, split=number, shingles=shingles_spelt_out, path=path
        )
    return parts, sketches[::turn]


def rows_of(path: Path) -> list[dict[str, object]]:
    with pa.OSFile(str(path)) as source:
        return pa.ipc.open_file(source).read_all().to_pylist()


def jaccard(a: frozenset[int], b: frozenset[int]) -> float:
    return len(a & b) / len(a | b) if a | b else 1.0


def by_rank(splits: Sequence[Split]) -> list[tuple[str, int, Document]]:
    rows = [
        (
            (
                split.priority,
                math.inf if math.isnan(document.quality) else -document.quality,
                document.doc_id,
                split.name,
                position,
            ),
            document,
        )
        for split in splits
        for position, document in enumerate(split.documents)
    ]
    rows.sort(key=lambda row: row[0])
    return [(rank[3], rank[4], document) for rank, document in rows]


def oracle(splits: Sequence[Split], threshold: float) -> dict[tuple[str, int], Verdict]:
    """The lexicographically first maximal independent set, straight from DESIGN.md section 4.

    "Exact duplicates collapse first": a copy of a text that was dropped shares its fate, edges and all, also
    where a document that resembles both was kept between them in rank.
    """
    fates: dict[bytes, Verdict] = {}  # of texts that were dropped as near duplicates
    dropped: dict[tuple[str, int], Verdict] = {}
    kept: list[Document] = []
    seen: set[bytes] = set()
    for name, position, document in by_rank(splits):
        own = document.content
        if document.doc_id in seen:
            dropped[name, position] = Verdict("repeated_key", document.doc_id, 1.0, ())
            continue
        seen.add(document.doc_id)
        if own.exact in fates:
            dropped[name, position] = fates[own.exact]
            continue
        edges: list[tuple[bytes, float]] = []
        same_text = False
        for other in kept:
            theirs = other.content
            meets = any(a == b >= 0 for a, b in zip(own.bands, theirs.bands, strict=True))
            if own.exact == theirs.exact:
                same_text = True
                edges.append((other.doc_id, 1.0))
            elif meets and jaccard(own.shingles, theirs.shingles) >= threshold:
                edges.append((other.doc_id, jaccard(own.shingles, theirs.shingles)))
        if edges:
            winner = max(edges, key=lambda edge: edge[1])  # the first of equals: the earliest rank
            reason = "exact_duplicate" if same_text else "near_duplicate"
            dropped[name, position] = Verdict(reason, *winner, tuple(edges))
            if not same_text:
                fates[own.exact] = dropped[name, position]
        else:
            kept.append(document)
    return dropped


def rounded(verdicts: dict[tuple[str, int], Verdict]) -> dict[tuple[str, int], Verdict]:
    """Similarities as the files hold them, to six digits."""
    return {
        where: Verdict(
            verdict.reason,
            verdict.duplicate_of,
            round(verdict.similarity, 6),
            tuple((doc_id, round(similarity, 6)) for doc_id, similarity in verdict.edges),
        )
        for where, verdict in verdicts.items()
    }


@st.composite
def contents(draw: st.DrawFn) -> list[Content]:
    """Chains, stars and cliques of similar sets: runs of small numbers that slide, in few shared buckets."""
    drawn = []
    for _ in range(draw(st.integers(1, 8))):
        start, length = draw(st.integers(0, 6)), draw(st.integers(0, 9))
        hole = draw(st.integers(0, 15))
        values = [draw(st.sampled_from([-1, 1, 2])) for _ in range(3)]
        drawn.append(
            Content(
                frozenset(range(start, start + length)) - {hole},
                bands(b0=values[0], b6=values[1], b13=values[2]),
                marker=draw(st.integers(0, 1)),
            )
        )
    return drawn


@st.composite
def corpora(draw: st.DrawFn, *, unique_ids: bool = False) -> list[Split]:
    texts = draw(contents())
    count = draw(st.integers(0, 24))
    numbers = (
        draw(st.permutations(range(count)))
        if unique_ids
        else draw(st.lists(st.integers(0, 20), min_size=count, max_size=count))
    )
    documents = [
        Document(number, draw(st.sampled_from(texts)), draw(st.sampled_from([0.25, 0.5, 0.5, 1.0, math.nan])))
        for number in numbers
    ]
    cuts = sorted(draw(st.lists(st.integers(0, count), min_size=0, max_size=3)))
    bounds = [0, *cuts, count]
    return [
        Split(f"file{number}", draw(st.integers(0, 2)), tuple(documents[start:end]))
        for number, (start, end) in enumerate(pairwise(bounds))
    ]
