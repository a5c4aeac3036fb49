"""Builds of invented documents, of any size: what a ledger holds of real ones, by the build's own writers.

Ledger pieces hold ranges of document ids; one document in nine is dropped (half of them as copies), and columns have
about as many different values as those of the handed drops. Tokens, where they are asked for, are random.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1]))

from pipelines.engine.files import facts_of, write_index
from pipelines.lineage.balance import count_rows
from pipelines.lineage.duplicates import copies_path, count_copies, edges_of, edges_path
from pipelines.lineage.ledger import DataSetBalance, balance_of, write_ledger
from pipelines.tokens.shards import write_dataset_files, write_shard
from schemas.content import content_root
from schemas.documents import EDGE, LEDGER
from schemas.manifest import (
    MANIFEST_VERSION,
    ContractFacts,
    DataSetFacts,
    DropFacts,
    FileFacts,
    LedgerFacts,
    Manifest,
    Segment,
    ShardFacts,
    TokenizerFacts,
)
from schemas.receipt import drop_of
from schemas.rights import Rights
from schemas.shards import shard_name, shard_path
from tests.agreements import ALL_RIGHTS
from tests.lineage.small_build import publish, write_receipt

SETS = (
    ("a_dot", "daily_chat", "dialogue"),
    ("liner", "help", "web"),
    ("liner", "handbook", "document"),
    ("krafton", "reviews", "short_post"),
    ("krafton", "community", "short_post"),
    ("snu_kaist", "tutorials", "document"),
)
PARTNERS = tuple(sorted({partner for partner, _, _ in SETS}))
FILES = {name: f"2026-11/{name}-{number:03d}.jsonl.gz" for number, (_, name, _) in enumerate(SETS)}
DROPS = {
    partner: drop_of({FILES[name]: "2" * 64 for owner, name, _ in SETS if owner == partner})
    for partner in PARTNERS
}
RIGHTS = replace(ALL_RIGHTS, attribution="")
VOCABULARY, END = 131_072, 2
LOST = ("too_short", "language_unsure", "exact_duplicate", "near_duplicate")
STAGE = {"too_short": "quality", "language_unsure": "language"}


def write_generated(
    build: Path, *, documents: int, pieces: int, tokens: int = 0, rights: Rights = RIGHTS
) -> Manifest:
    """Write a build of one epoch; `tokens` is the mean of a document's, 0: no shards are written."""
    (build / "ledger").mkdir(parents=True)
    ledger, shards, others, counts = [], [], [], []
    for index in range(pieces):
        name = shard_name(epoch=0, split="train", index=index)
        path = shard_path(epoch=0, split="train", index=index, count=pieces)
        share = documents * (index + 1) // pieces - documents * index // pieces
        rows, edges = _rows(index, pieces, share, tokens)
        if tokens:
            shards.append(_write_shard(build, path, name, rows))
            write_index(build / edges_path(epoch=0, partition=index), edges)
            others.append(facts_of(build, edges_path(epoch=0, partition=index)))
        else:
            kept = int(rows["kept"].to_numpy().sum())
            shards.append(ShardFacts(name, path, 0, "0" * 64, kept, int(rows["tokens"].to_numpy().sum())))
        facts = write_ledger(build / f"ledger/part-0-{index:05d}.parquet", rows)
        ledger.append(LedgerFacts(f"ledger/part-0-{index:05d}.parquet", *facts))
        counts.append(count_rows(rows))
    balances = {(one.partner, one.data_set): one for one in balance_of(counts)}
    data_sets = tuple(_facts(balances[partner, name], kind) for partner, name, kind in SETS)
    if tokens:
        others += _side_files(build, shards, ledger, data_sets)
    segments = (Segment(0, tuple(shards), (), tuple(ledger)),)
    manifest = Manifest(
        version=MANIFEST_VERSION,
        recipe={
            "name": "invented",
            "purposes": ["pretraining"],
            "release": "open",
            "territory": ["KR"],
            "student_parameters": 0,
        },
        date="2026-11-24",
        identity="0" * 64,
        stage_versions={},
        models={},
        runtime={},
        contracts=tuple(ContractFacts(partner, "1.0.0", "4" * 64, rights) for partner in PARTNERS),
        excluded=(),
        warnings=(),
        drops=tuple(
            DropFacts(
                partner,
                DROPS[partner][:16],
                DROPS[partner],
                0,
                tuple(
                    FileFacts(FILES[name], 9, "2" * 64) for owner, name, _ in sorted(SETS) if owner == partner
                ),
            )
            for partner in PARTNERS
        ),
        data_sets=data_sets,
        tokenizer=TokenizerFacts("random", "3" * 64, VOCABULARY, END),
        segments=segments,
        other_files=tuple(others),
        root=content_root(segments),
    )
    publish(build, manifest)
    return manifest


def _rows(index: int, pieces: int, count: int, mean: int) -> tuple[pa.Table, pa.Table]:
    """LEDGER of a piece's documents (with input_ids where there is a mean), and EDGES of its copies."""
    random = np.random.default_rng(index)
    first, last = -(-(index << 32) // pieces), -(-((index + 1) << 32) // pieces)
    raw = random.integers(0, 256, (count, 16), np.uint8)
    raw[:, :4] = np.sort(random.integers(first, last, count)).astype(">u4").view(np.uint8).reshape(-1, 4)
    raw = raw[np.lexsort(raw[:, :8].copy().view(">u8").T)]
    ids = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), count, [None, pa.py_buffer(raw.tobytes())])
    kept = random.random(count) > 0.11
    kept[0] = True
    of_set = random.choice(len(SETS), count, p=[0.1, 0.1, 0.05, 0.5, 0.2, 0.05])
    lost = random.integers(len(LOST), size=count)
    copies = ~kept & (lost >= 2)
    winners = random.choice(np.flatnonzero(kept), count)
    sizes = np.maximum(1, random.lognormal(np.log(mean or 300) - 0.5, 1, count)).astype(np.int32)
    sizes[~kept] = 0
    similarity = np.where(lost == 2, 1.0, random.integers(800, 1000, count) / 1000).astype(np.float32)
    found = random.random(count) < 0.08
    shard_row = (np.cumsum(kept) - 1).astype(np.int32)
    columns = {
        "doc_id": ids,
        "partner": _named([one[0] for one in SETS], of_set),
        "data_set": _named([one[1] for one in SETS], of_set),
        "kind": _named([one[2] for one in SETS], of_set),
        "drop": _named([DROPS[one[0]][:16] for one in SETS], of_set),
        "file": _named([FILES[one[1]] for one in SETS], of_set),
        "row": pa.array(random.integers(0, 10**8, count)),
        "language": _named(["ko", "en", "ja"], random.choice(3, count, p=[0.8, 0.15, 0.05])),
        "kept": pa.array(kept),
        "stage": _named([STAGE.get(name, "dedup") for name in LOST], lost, kept),
        "reason": _named(LOST, lost, kept),
        "detail": _named(["12 characters", "0.41", "", ""], lost, kept | copies),
        "duplicate_of": ids.take(pa.array(winners, mask=~copies)),
        "similarity": pa.array(similarity, mask=~copies),
        "quality": pa.array((random.integers(0, 1001, count) / 1000).astype(np.float32)),
        "pii": pa.MapArray.from_arrays(
            pa.array(np.concatenate([[0], np.cumsum(found)]).astype(np.int32)),
            _named(["PHONE_NUMBER", "EMAIL_ADDRESS:removed"], random.integers(2, size=int(found.sum()))),
            pa.array(random.integers(1, 5, int(found.sum())).astype(np.int32)),
        ),
        "tokens": pa.array(sizes),
        "shard": _named([shard_name(epoch=0, split="train", index=index)], np.zeros(count, np.int64), ~kept),
        "shard_row": pa.array(shard_row, mask=~kept),
    }
    table = pa.table([columns[name] for name in LEDGER.names], schema=LEDGER)
    edge = pa.StructArray.from_arrays([columns["duplicate_of"], columns["similarity"]], fields=list(EDGE))
    ends = np.concatenate([[0], np.cumsum(copies)]).astype(np.int32)
    edges = pa.ListArray.from_arrays(pa.array(ends), edge.filter(pa.array(copies)))
    return table, edges_of(pa.table({"doc_id": ids, "edges": edges}))


def _named(
    names: list[str] | tuple[str, ...], which: np.ndarray, missing: np.ndarray | None = None
) -> pa.Array:
    return pa.array(names).take(pa.array(which, mask=missing))


def _write_shard(build: Path, path: str, name: str, rows: pa.Table) -> ShardFacts:
    kept = rows.filter(rows["kept"])
    ends = np.concatenate([[0], np.cumsum(kept["tokens"].to_numpy())])
    values = np.random.default_rng(7).integers(3, VOCABULARY, int(ends[-1]), np.int32)
    values[ends[1:] - 1] = END
    lists = pa.ListArray.from_arrays(pa.array(ends.astype(np.int32)), pa.array(values))
    (build / path).parent.mkdir(parents=True, exist_ok=True)
    columns = {"input_ids": lists} | {column: kept[column] for column in ("doc_id", "partner", "language")}
    return ShardFacts(name, path, **write_shard(build / path, pa.table(columns))._asdict())


def _side_files(
    build: Path, shards: list[ShardFacts], ledger: list[LedgerFacts], data_sets: tuple[DataSetFacts, ...]
) -> list[FileFacts]:
    directory = "segments/0/train"
    write_dataset_files(build / directory, [Path(s.path).name for s in shards], [s.rows for s in shards])
    write_index(build / copies_path(0), count_copies(build / one.path for one in ledger))
    paths = [f"{directory}/dataset_info.json", f"{directory}/state.json", copies_path(0)]
    for partner in PARTNERS:
        files = {FILES[one.data_set]: one for one in data_sets if one.partner == partner}
        paths.append(write_receipt(build, partner=partner, drop=DROPS[partner], files=files))
    return [facts_of(build, path) for path in paths]


def _facts(one: DataSetBalance, kind: str) -> DataSetFacts:
    return DataSetFacts(
        one.partner, one.data_set, kind, None, one.documents, {}, one.documents, one.kept, one.dropped, 1, one.tokens,
        one.pii,
    )  # fmt: skip
