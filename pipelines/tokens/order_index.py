"""The documents of a build by source, in files that are mapped: what an order is computed from.

A source is (epoch, partner, language). In a shard documents lie by their id, sources mixed; to find the token
at a place in the stream of one source, the index has for each document with tokens where it begins in its
shard and how many tokens of its source stand before it in that shard: 8 bytes a document, never held in
memory. It is a function of the build's shards (and of the list of documents that are left out) and made at
first use, in one pass over offsets and lineage columns: no tokens are read. A stage that chooses documents
by length has an index of these alone.

DIRECTORY/documents.u32   (documents, 2): begin, before; by shard, source, row
DIRECTORY/groups.i64      (groups, 6): source, shard, first document, documents, tokens, tokens before it in
                          earlier groups of the source; by source and shard
DIRECTORY/shards.i64      (shards, 4): where tokens, list offsets and ids lie in the file; digest of the head
DIRECTORY/index.json      sources by number, counts, what it was made from; last
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.kernels import njit
from pipelines.tokens.finished import FinishedBuild
from pipelines.tokens.withdrawn import Withdrawn
from schemas.curriculum import EVERY_LENGTH, Lengths
from schemas.errors import BuildInconsistent
from schemas.identity import canonical_json
from schemas.shards import code_table

INDEX_VERSION = 1


@dataclass(frozen=True)
class Source:
    """The documents of one partner in one language and epoch; groups[first_group:last_group] are its."""

    epoch: int
    partner: str
    language: str
    documents: int
    tokens: int
    first_group: int
    last_group: int

    def __str__(self) -> str:
        return f"partner {self.partner}, language {self.language}, epoch {self.epoch}"


@dataclass(frozen=True)
class OrderIndex:
    """An opened index. Arrays are as in the module's docstring."""

    directory: Path
    sources: tuple[Source, ...]
    documents: NDArray[np.uint32]  # mapped
    groups: NDArray[np.int64]
    shards: NDArray[np.int64]


def open_index(build: FinishedBuild, directory: Path, left_out: Withdrawn | None = None) -> OrderIndex:
    """The index of a build, made where it is not there yet.

    Raises BuildInconsistent where a shard is missing or is not the one that the index was made from.
    """
    index = _open(build, build.heads(), directory, left_out, EVERY_LENGTH)
    if not index.sources:
        raise BuildInconsistent(f"{build.path.name}: nothing is left of its {build.split} split")
    return index


def index_of_lengths(
    build: FinishedBuild, whole: OrderIndex, lengths: Lengths, left_out: Withdrawn | None = None
) -> OrderIndex:
    """The index of the documents of some lengths, beside that of all, whose sources it has: some empty.

    `left_out` is what `whole` was opened with. Raises as `open_index` does.
    """
    if lengths == EVERY_LENGTH:
        return whole
    heads = whole.shards[:, 3].view(np.uint64)
    found = _open(build, heads, whole.directory.parent, left_out, lengths)
    mine = {(source.epoch, source.partner, source.language): source for source in found.sources}
    sources, group = [], 0
    for source in whole.sources:
        nothing = replace(source, documents=0, tokens=0, first_group=group, last_group=group)
        sources.append(mine.get((source.epoch, source.partner, source.language), nothing))
        group = sources[-1].last_group
    groups = np.array(found.groups, np.int64)
    for number, source in enumerate(sources):
        groups[source.first_group : source.last_group, 0] = number
    return replace(found, sources=tuple(sources), groups=groups)


def _open(
    build: FinishedBuild,
    heads: NDArray[np.uint64],
    directory: Path,
    left_out: Withdrawn | None,
    lengths: Lengths,
) -> OrderIndex:
    name = f"{build.digest[:16]}-{build.split}" + (f"-without-{left_out.digest[:16]}" if left_out else "")
    if lengths != EVERY_LENGTH:
        name += f"-tokens-{lengths.least or 1}-to-{lengths.most or 'any'}"
    place = directory / name
    if not (place / "index.json").is_file():
        with new_directory(place) as temporary:
            _write(build, heads, temporary, left_out, lengths)
    facts = orjson.loads((place / "index.json").read_bytes())
    shards = np.fromfile(place / "shards.i64", "<i8").reshape(-1, 4)
    if facts["version"] != INDEX_VERSION or facts["manifest"] != build.digest or len(shards) != len(heads):
        raise BuildInconsistent(f"{place}: is an index of another build or version: remove it")
    altered = np.flatnonzero(shards[:, 3] != heads.view(np.int64))
    if len(altered):
        raise BuildInconsistent(
            f"{build.shards[altered[0]].path}: is not the shard it was ({len(altered)} are not): "
            "fetch it again, or build"
        )
    sources = tuple(Source(**source) for source in facts["sources"])
    return OrderIndex(
        directory=place,
        sources=sources,
        documents=mapped(place / "documents.u32", np.dtype("<u4"), 2, facts["documents"]),
        groups=mapped(place / "groups.i64", np.dtype("<i8"), 6, facts["groups"]),
        shards=shards,
    )


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """A temporary directory, renamed to `path` when the block ends well.

    Where another process was faster, its directory stays: equal names hold equal bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield temporary
        for file in temporary.iterdir():
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
        temporary.chmod(0o755)
        try:
            temporary.rename(path)
        except OSError:
            if not path.is_dir():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def mapped(path: Path, dtype: np.dtype[Any], width: int, rows: int) -> Any:
    """A raw file of numbers as (rows, width), mapped; raises BuildInconsistent where its size is another."""
    if not path.is_file() or path.stat().st_size != rows * width * dtype.itemsize:
        raise BuildInconsistent(f"{path}: is not whole: remove {path.parent}, it is made again")
    if not rows:
        return np.empty((0, width), dtype)
    return np.memmap(path, dtype, "r", shape=(rows, width))


def _write(
    build: FinishedBuild,
    heads: NDArray[np.uint64],
    directory: Path,
    left_out: Withdrawn | None,
    lengths: Lengths,
) -> None:
    partners = {code: name for name, code in code_table(c.partner for c in build.manifest.contracts).items()}
    languages: dict[int, str] = {}
    numbers: dict[tuple[int, int, int], int] = {}  # (epoch, contract code, language code) by first sight
    groups: list[NDArray[np.int64]] = []
    places = np.empty((len(build.shards), 4), np.int64)
    places[:, 3] = heads.view(np.int64)
    first = 0
    with (directory / "documents.u32").open("wb") as file:
        for number, shard in enumerate(build.shards):
            found = _read_shard(build, number, left_out, lengths)
            places[number, :3] = found.places
            languages |= found.languages
            keys = found.sources
            for key in keys.tolist():
                if key >> 32 not in partners:
                    raise BuildInconsistent(
                        f"{shard.path}: names a contract that the manifest has not: fetch the build again"
                    )
                numbers.setdefault((build.epochs[number], key >> 32, key & 0xFFFFFFFF), len(numbers))
            file.write(found.documents.tobytes())
            rows = np.zeros((len(keys), 6), np.int64)
            rows[:, 0] = [numbers[build.epochs[number], key >> 32, key & 0xFFFFFFFF] for key in keys.tolist()]
            rows[:, 1] = number
            rows[:, 2] = first + np.cumsum(found.counts) - found.counts
            rows[:, 3] = found.counts
            rows[:, 4] = found.tokens
            groups.append(rows)
            first += len(found.documents)
    named = {
        number: (epoch, partners[contract], languages[language])
        for (epoch, contract, language), number in numbers.items()
    }
    table, sources = _by_source(np.concatenate(groups), named)
    table.astype("<i8").tofile(directory / "groups.i64")
    places.astype("<i8").tofile(directory / "shards.i64")
    facts = {
        "documents": first,
        "groups": len(table),
        "left_out": left_out.digest if left_out else None,
        **({} if lengths == EVERY_LENGTH else {"lengths": list(lengths)}),
        "manifest": build.digest,
        "sources": [asdict(source) for source in sources],
        "split": build.split,
        "version": INDEX_VERSION,
    }
    (directory / "index.json").write_bytes(canonical_json(facts) + b"\n")


def _by_source(
    groups: NDArray[np.int64], named: dict[int, tuple[int, str, str]]
) -> tuple[NDArray[np.int64], list[Source]]:
    """Groups by source and shard, sources numbered by their names; tokens before each group filled in."""
    in_order = sorted(named, key=lambda number: named[number])
    renumbered = np.empty(len(named), np.int64)
    renumbered[in_order] = np.arange(len(named))
    groups[:, 0] = renumbered[groups[:, 0]]
    groups = groups[np.lexsort((groups[:, 1], groups[:, 0]))]
    ends = np.searchsorted(groups[:, 0], np.arange(len(named) + 1))
    sources = []
    for place, number in enumerate(in_order):
        mine = groups[ends[place] : ends[place + 1]]
        mine[:, 5] = np.cumsum(mine[:, 4]) - mine[:, 4]
        epoch, partner, language = named[number]
        sources.append(
            Source(
                epoch=epoch,
                partner=partner,
                language=language,
                documents=int(mine[:, 3].sum()),
                tokens=int(mine[:, 4].sum()),
                first_group=int(ends[place]),
                last_group=int(ends[place + 1]),
            )
        )
    return groups, sources


@dataclass(frozen=True)
class _ShardDocuments:
    places: tuple[int, int, int]  # of tokens, list offsets, ids in the file
    languages: dict[int, str]
    sources: NDArray[np.int64]  # contract code << 32 | language code, rising
    counts: NDArray[np.int64]  # documents of each source
    tokens: NDArray[np.int64]  # tokens of each source
    documents: NDArray[np.uint32]  # (documents, 2): begin, before; by source and row


def _read_shard(
    build: FinishedBuild, number: int, left_out: Withdrawn | None, lengths: Lengths
) -> _ShardDocuments:
    shard = build.shards[number]
    fault = f"{shard.path}: is not the shard of the manifest: fetch it again, or build"
    try:
        with pa.memory_map(build.place(number)) as file:
            whole = file.read_buffer(shard.bytes)
            reader = pa.ipc.open_stream(whole)
            batches = list(reader)
    except (pa.ArrowInvalid, OSError):
        raise BuildInconsistent(fault) from None
    lists = batches[0]["input_ids"] if len(batches) == 1 else None
    if lists is None or len(lists) != shard.rows or len(lists.values) != shard.tokens:
        raise BuildInconsistent(fault)
    (batch,) = batches
    offsets = lists.offsets.to_numpy()
    ids = batch["doc_id"].buffers()[1]
    if left_out is None:
        without = np.zeros(len(lists), np.bool_)
    else:
        without = left_out.among(np.frombuffer(ids, np.uint8, 16 * len(lists)).reshape(-1, 16))
    if lengths != EVERY_LENGTH:
        tokens_of = np.diff(offsets)
        least, most = lengths.least or 1, lengths.most or np.iinfo(np.int32).max
        without = without | (tokens_of < least) | (tokens_of > most)
    keys = batch["contract"].to_numpy().astype(np.int64) << 32
    keys |= batch["language"].to_numpy().astype(np.int64)
    sources, counts, tokens, documents = _group(keys, offsets, without)
    values, places = lists.buffers()[3], lists.buffers()[1]
    return _ShardDocuments(
        places=tuple(buffer.address - whole.address for buffer in (values, places, ids)),
        languages={
            code: name
            for name, code in code_table(orjson.loads(reader.schema.metadata[b"malmoi.languages"])).items()
        },
        sources=sources,
        counts=counts,
        tokens=tokens,
        documents=documents,
    )


@njit(cache=True, nogil=True)
def _group(keys: Any, offsets: Any, without: Any) -> Any:
    """Rows with tokens by key, in their order: keys, documents and tokens of each, (begin, before) of all."""
    rows = len(keys)
    known = np.empty(64, np.int64)  # keys by first sight; a shard has few
    at = np.empty(rows, np.int32)
    n = 0
    for row in range(rows):
        at[row] = -1
        if without[row] or offsets[row] == offsets[row + 1]:
            continue
        k = 0
        while k < n and known[k] != keys[row]:
            k += 1
        if k == n:
            if n == len(known):
                wider = np.empty(2 * n, np.int64)
                wider[:n] = known
                known = wider
            known[n] = keys[row]
            n += 1
        at[row] = k
    order = np.argsort(known[:n])
    place = np.empty(n, np.int64)
    for i in range(n):
        place[order[i]] = i
    counts = np.zeros(n, np.int64)
    for row in range(rows):
        if at[row] >= 0:
            counts[place[at[row]]] += 1
    nexts = np.cumsum(counts) - counts
    tokens = np.zeros(n, np.int64)
    documents = np.empty((counts.sum(), 2), np.uint32)
    for row in range(rows):
        if at[row] >= 0:
            group = place[at[row]]
            documents[nexts[group], 0] = offsets[row]
            documents[nexts[group], 1] = tokens[group]
            nexts[group] += 1
            tokens[group] += offsets[row + 1] - offsets[row]
    return known[:n][order], counts, tokens, documents
