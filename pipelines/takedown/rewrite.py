"""A new build of an old one's files: linked where nothing changes, written anew where something does.

Reads ledger, edges and shards of the parts concerned. What is written is what the pipeline writes.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.engine.files import facts_of, whole_file, write_index, write_whole
from pipelines.engine.finish import publish
from pipelines.engine.partition import ledger_rows
from pipelines.lineage.balance import count_rows
from pipelines.lineage.duplicates import (
    DEDUP_JSON,
    DedupFacts,
    copies_changed,
    copies_path,
    dedup_facts_bytes,
    losses,
    read_dedup_facts,
)
from pipelines.lineage.fates import count_fates
from pipelines.lineage.fingerprints import read_fingerprints, without_documents, write_fingerprints
from pipelines.lineage.ledger import write_ledger
from pipelines.lineage.loss import check_balance
from pipelines.lineage.report import render_report
from pipelines.takedown.direct import Changed, Decided, NotDirect, Parent
from pipelines.takedown.ledger_parts import Part
from pipelines.takedown.returned import tokens_of
from pipelines.tokens.shards import write_dataset_files, write_shard
from schemas.content import content_root
from schemas.documents import DOC_ID, EDGES, LEDGER
from schemas.manifest import (
    DataSetFacts,
    FileFacts,
    LedgerFacts,
    Manifest,
    Segment,
    ShardFacts,
    manifest_digest,
)
from schemas.reasons import Stage

_THREADS = 4  # they write, sync and count: little of it is Python's
_NOT_COUNTED = {"documents", "comparisons"}  # of a resolution: how much was compared says nothing


class Rewritten(NamedTuple):
    """The new build's manifest, and ledger pieces of both builds as they were read or written, by SHA-256."""

    manifest: Manifest
    digest: str
    tables: dict[str, pa.Table]


@dataclass(frozen=True)
class _Anew:
    """A part as it is to be: who changes, its rows before and after, the tokens of who comes back by row."""

    part: Part
    changed: Sequence[Changed]
    at: Mapping[int, int]  # by code, in which row
    before: pa.Table
    rows: pa.Table
    given: Mapping[int, np.ndarray]

    @property
    def other_shard(self) -> bool:
        """Whether the shard changes."""
        return any(one.after.kept is not one.before.kept for one in self.changed)


def rewrite(parent: Parent, decided: Decided, output: Path, *, identity: str) -> Rewritten:
    """Write the build without those who leave, whole or not at all.

    Files are written, synced and counted side by side. Raises LossExceeded where it breaks a limit of the
    recipe, as the pipeline would.
    """
    by_part = _by_part(parent, decided.changed)
    for stray in output.parent.glob(f".{output.name}.takedown-*"):  # of a run that was killed
        shutil.rmtree(stray)
    output.parent.mkdir(parents=True, exist_ok=True)
    child = Path(tempfile.mkdtemp(prefix=f".{output.name}.takedown-", dir=output.parent))
    try:
        child.chmod(0o755)
        with ThreadPoolExecutor(_THREADS) as pool:
            written = _write(parent, decided, by_part, child, identity, pool)
        if output.is_dir():
            output.rmdir()  # empty, as was seen to before
        child.rename(output)
    finally:
        shutil.rmtree(child, ignore_errors=True)
    return written


def _write(
    parent: Parent,
    decided: Decided,
    by_part: Mapping[Part, Sequence[Changed]],
    child: Path,
    identity: str,
    pool: Executor,
) -> Rewritten:
    """All files of the new build in `child`. What waits for nothing else is begun first."""
    files = [
        *[pool.submit(_write_edges, parent, child, part, changed) for part, changed in by_part.items()],
        *[
            pool.submit(_write_fingerprints, parent, child, part, gone)
            for part, changed in by_part.items()
            if (gone := [one.doc_id for one in changed if one.after.stage == Stage.RIGHTS.value])
        ],
    ]
    if decided.changed:
        files.append(pool.submit(_write_dedup_facts, parent, decided, child))
    tokens = tokens_of(parent, decided)
    parts = [_anew(parent, part, changed, tokens) for part, changed in by_part.items()]
    shards_of = pool.map(partial(_write_shard, parent, child), [one for one in parts if one.other_shard])
    counts: Counter[tuple[str, str, str]] = Counter()
    for one in parts:
        counts.update(_difference(one))
    data_sets = tuple(_recounted(facts, counts) for facts in parent.manifest.data_sets)
    check_balance(data_sets, parent.recipe)

    (child / "ledger").mkdir()
    ledgers = {facts.path: facts for facts in pool.map(partial(_write_ledger, child), parts)}
    _link(parent, child, [one.path for s in parent.manifest.segments for one in s.ledger])
    segments = tuple(_segment(segment, ledgers, {}) for segment in parent.manifest.segments)
    manifest = replace(parent.manifest, identity=identity, data_sets=data_sets, segments=segments)
    fates, lost = pool.submit(count_fates, child, manifest), pool.submit(losses, child, manifest)
    epochs = sorted({one.part.epoch for one in parts})
    files += [pool.submit(_write_copies, parent, child, epoch, parts) for epoch in epochs]
    fresh = {facts.path: facts for facts in (one.result() for one in files)}
    shards = {facts.name: facts for facts in shards_of}
    _link(parent, child, [file.path for file in parent.manifest.files if file.path != "report.html"])
    segments = tuple(_segment(segment, ledgers, shards) for segment in parent.manifest.segments)
    _write_data_set_files(segments, shards, child, fresh)
    others = [
        fresh.get(file.path, file) for file in parent.manifest.other_files if file.path != "report.html"
    ]
    manifest = replace(
        manifest,
        segments=segments,
        other_files=tuple(others),
        root=content_root(segments),
        parent=manifest_digest(parent.build),
    )
    page = render_report(manifest, child, fates=fates.result(), lost=lost.result())
    write_whole(child / "report.html", page.encode())
    manifest = replace(manifest, other_files=(*others, facts_of(child, "report.html")))
    tables = {one.part.ledger.sha256: one.before for one in parts}
    tables |= {ledgers[one.part.ledger.path].sha256: one.rows for one in parts}
    return Rewritten(manifest, publish(child, manifest), tables)


def _by_part(parent: Parent, changed: Sequence[Changed]) -> dict[Part, list[Changed]]:
    """The changed documents by the part that their ids say."""
    found: dict[Part, list[Changed]] = defaultdict(list)
    for epoch in {one.split.epoch for one in changed}:
        own = [one for one in changed if one.split.epoch == epoch]
        partitions = parent.parts.partitions(epoch, [one.doc_id for one in own])
        for one, partition in zip(own, partitions, strict=True):
            found[parent.parts.parts[epoch, partition]].append(one)
    return dict(sorted(found.items(), key=lambda item: (item[0].epoch, item[0].partition)))


def _anew(parent: Parent, part: Part, changed: Sequence[Changed], tokens: Mapping[int, np.ndarray]) -> _Anew:
    """A part's rows as they are to be, and the tokens that its shard is to hold besides."""
    before = parent.parts.table(part)
    at = _places(before, changed)
    after = _rows_after(before, at, changed, {code: len(own) for code, own in tokens.items()})
    rows = ledger_rows(after.drop_columns(["shard", "shard_row"]), part.shard.name)
    given = {at[one.code]: tokens[one.code] for one in changed if one.code in tokens}
    return _Anew(part, changed, at, before, rows, given)


def _write_ledger(child: Path, one: _Anew) -> LedgerFacts:
    path = one.part.ledger.path
    return LedgerFacts(path, *write_ledger(child / path, one.rows))


def _write_edges(parent: Parent, child: Path, part: Part, changed: Sequence[Changed]) -> FileFacts:
    path = part.edges
    write_index(child / path, _edges_after(parent.build / path, changed))
    return facts_of(child, path)


def _write_copies(parent: Parent, child: Path, epoch: int, parts: Sequence[_Anew]) -> FileFacts:
    """The copies of an epoch: the parent's, where those of changed rows are counted anew."""
    path = copies_path(epoch)
    mine = [one for one in parts if one.part.epoch == epoch]
    before = pa.concat_tables([one.before.take(pa.array(sorted(one.at.values()))) for one in mine])
    after = pa.concat_tables([one.rows.take(pa.array(sorted(one.at.values()))) for one in mine])
    copies = copies_changed(pq.read_table(parent.build / path), before, after)
    write_index(child / path, copies)
    return facts_of(child, path)


def _write_dedup_facts(parent: Parent, decided: Decided, child: Path) -> FileFacts:
    write_whole(child / DEDUP_JSON, dedup_facts_bytes(_dedup_facts(parent, decided)))
    return facts_of(child, DEDUP_JSON)


def _write_fingerprints(parent: Parent, child: Path, part: Part, gone: Sequence[bytes]) -> FileFacts:
    """The index of a part without those who leave it."""
    path = part.fingerprints
    with pa.memory_map(str(parent.build / path)) as source, whole_file(child / path) as temporary:
        rows = without_documents(read_fingerprints(source), pa.array(gone, DOC_ID))
        write_fingerprints(temporary, rows)
    return facts_of(child, path)


def _write_shard(parent: Parent, child: Path, one: _Anew) -> ShardFacts:
    name, path = one.part.shard.name, one.part.shard.path
    (child / path).parent.mkdir(parents=True, exist_ok=True)
    rows = _shard_after(parent.build / path, one.before, one.rows, one.given)
    shard = write_shard(child / path, rows)
    return ShardFacts(name, path, shard.bytes, shard.sha256, shard.rows, shard.tokens)


def _difference(one: _Anew) -> Counter[tuple[str, str, str]]:
    """What a part adds to the counts of data sets, below zero where it takes away."""
    mine = pa.array(sorted(one.at.values()))
    found = _counts(one.rows.take(mine))
    found.subtract(_counts(one.before.take(mine)))
    return found


def _places(ledger: pa.Table, changed: Sequence[Changed]) -> dict[int, int]:
    """By code, where each document stands in a part of the ledger."""
    ids = pa.array([one.doc_id for one in changed], pa.binary(16))
    rows = np.flatnonzero(np.asarray(pc.is_in(ledger["doc_id"], ids)))
    found = ledger.select(["drop", "file", "row"]).take(pa.array(rows)).to_pylist()
    by_place = {(r["drop"], r["file"], r["row"]): int(n) for r, n in zip(found, rows, strict=True)}
    try:
        return {one.code: by_place[one.split.drop, one.split.path, one.row] for one in changed}
    except KeyError:
        raise NotDirect("a document is not in the part of the ledger that its id says") from None


def _rows_after(
    ledger: pa.Table, at: Mapping[int, int], changed: Sequence[Changed], counted: Mapping[int, int]
) -> pa.Table:
    """The ledger's rows with the changed documents' fates; the kept without tokens yet are `counted`."""
    order = sorted(changed, key=lambda one: at[one.code])
    mask = np.zeros(len(ledger), np.bool_)
    mask[[at[one.code] for one in order]] = True
    values = {
        "kept": [one.after.kept for one in order],
        "stage": [one.after.stage for one in order],
        "reason": [one.after.reason for one in order],
        "detail": [one.after.detail for one in order],
        "duplicate_of": [one.after.duplicate_of for one in order],
        "similarity": [one.after.similarity for one in order],
    }
    own = ledger["tokens"].to_pylist() if any(one.after.kept and one.before.kept for one in order) else []
    values["tokens"] = [
        0 if not one.after.kept else counted[one.code] if not one.before.kept else own[at[one.code]]
        for one in order
    ]
    for name, found in values.items():
        field = LEDGER.field(name)
        column = ledger[name].combine_chunks()
        column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
        replaced = pc.replace_with_mask(column, pa.array(mask), pa.array(found, field.type))
        ledger = ledger.set_column(ledger.schema.get_field_index(name), field, replaced)
    return ledger


def _edges_after(path: Path, changed: Sequence[Changed]) -> pa.Table:
    """EDGES of a part in the order of its ledger: by document, then as they were found."""
    ids = pa.array([one.doc_id for one in changed if one.before.edges or one.after.edges], pa.binary(16))
    old = pq.read_table(path).cast(EDGES)
    old = old.filter(pc.invert(pc.is_in(old["doc_id"], ids)))
    new = [
        {"doc_id": one.doc_id, "kept": kept, "similarity": similarity}
        for one in changed
        for kept, similarity in one.after.edges
    ]
    whole = pa.concat_tables([old, pa.Table.from_pylist(new, EDGES)]).combine_chunks()
    return whole.take(pc.sort_indices(whole, [("doc_id", "ascending")])).cast(EDGES)  # stable


def _shard_after(shard: Path, before: pa.Table, rows: pa.Table, given: Mapping[int, np.ndarray]) -> pa.Table:
    """What the shard holds now: runs of the old one's tokens, and those of who comes back."""
    with pa.memory_map(str(shard)) as source:
        lists = pa.ipc.open_stream(source).read_next_batch()["input_ids"]
        offsets, values = lists.offsets.to_numpy(), lists.values.to_numpy()
        kept = rows["kept"].to_numpy()
        old = pc.fill_null(before["shard_row"], -1).to_numpy()
        numbers = np.flatnonzero(kept)
        source_rows = old[numbers]
        come_back = source_rows < 0
        breaks = np.flatnonzero((np.diff(source_rows) != 1) | come_back[1:] | come_back[:-1]) + 1
        pieces = []
        for run in np.split(np.arange(len(numbers)), breaks):
            if not len(run):
                continue
            first, last = source_rows[run[0]], source_rows[run[-1]]
            if first < 0:
                pieces.append(given[int(numbers[run[0]])])
            else:
                pieces.append(values[offsets[first] : offsets[last + 1]])
        tokens = np.concatenate([np.empty(0, np.int32), *pieces])
        kept_rows = rows.filter(rows["kept"])
        starts = np.concatenate([[0], np.cumsum(kept_rows["tokens"].to_numpy())]).astype(np.int32)
        columns = {"input_ids": pa.ListArray.from_arrays(pa.array(starts), pa.array(tokens))}
        return pa.table(columns | {name: kept_rows[name] for name in ("doc_id", "partner", "language")})


def _counts(rows: pa.Table) -> Counter[tuple[str, str, str]]:
    counted = count_rows(rows).to_pylist()
    return Counter({(one["partner"], one["data_set"], one["measure"]): one["value"] for one in counted})


def _recounted(facts: DataSetFacts, difference: Mapping[tuple[str, str, str], int]) -> DataSetFacts:
    own = {m: n for (p, d, m), n in difference.items() if (p, d) == (facts.partner, facts.data_set)}
    if not own:
        return facts

    def under(prefix: str, counts: Mapping[str, int]) -> dict[str, int]:
        more = {m.removeprefix(prefix): n for m, n in own.items() if m.startswith(prefix)}
        whole = {name: counts.get(name, 0) + more.get(name, 0) for name in counts.keys() | more.keys()}
        return {name: n for name, n in sorted(whole.items()) if n}

    return replace(
        facts,
        kept=facts.kept + own.get("kept", 0),
        tokens=facts.tokens + own.get("tokens", 0),
        dropped=under("dropped/", facts.dropped),
        pii=under("pii/", facts.pii),
    )


def _dedup_facts(parent: Parent, decided: Decided) -> DedupFacts:
    known = read_dedup_facts(parent.build, parent.manifest)
    without = {partner: Counter(counts) for partner, counts in known.kept_without.items()}
    for partner, more in decided.kept_without.items():
        changed = without.setdefault(partner, Counter())
        for name, count in more.items():
            changed[name] += count
    return DedupFacts(
        resolved={
            name: count + (0 if name in _NOT_COUNTED else decided.resolved.get(name, 0))
            for name, count in known.resolved.items()
        },
        kept_without={partner: dict(+counts) for partner, counts in sorted(without.items()) if +counts},
    )


def _segment(
    segment: Segment, ledgers: Mapping[str, LedgerFacts], shards: Mapping[str, ShardFacts]
) -> Segment:
    return replace(
        segment,
        train=tuple(shards.get(shard.name, shard) for shard in segment.train),
        validation=tuple(shards.get(shard.name, shard) for shard in segment.validation),
        ledger=tuple(ledgers.get(file.path, file) for file in segment.ledger),
    )


def _write_data_set_files(
    segments: Iterable[Segment], shards: Mapping[str, ShardFacts], child: Path, fresh: dict[str, FileFacts]
) -> None:
    """The files by which `datasets` knows a directory, where a shard of it is another."""
    for segment in segments:
        for part in (segment.train, segment.validation):
            if any(shard.name in shards for shard in part):
                home = PurePosixPath(part[0].path).parent
                names = [PurePosixPath(shard.path).name for shard in part]
                write_dataset_files(child / home, names, [shard.rows for shard in part])
                for name in ("dataset_info.json", "state.json"):
                    fresh[f"{home}/{name}"] = facts_of(child, f"{home}/{name}")


def _link(parent: Parent, child: Path, paths: Iterable[str]) -> None:
    """Files of the parent that were not written anew: a hard link each, or a copy where there are none."""
    for path in paths:
        target = child / path  # inside it: read_manifest takes no other paths
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(parent.build / path, target)
        except OSError:
            shutil.copyfile(parent.build / path, target)
