"""Finished builds of a few given documents, for tests of what reads one: the shards and manifest are real."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from pipelines.intake.signatures import SigningKey
from pipelines.tokens.shards import write_shard
from schemas.content import content_root
from schemas.identity import document_ids
from schemas.manifest import (
    MANIFEST_VERSION,
    ContractFacts,
    Manifest,
    Segment,
    ShardFacts,
    TokenizerFacts,
    manifest_bytes,
)
from schemas.shards import shard_name, shard_path
from tests.agreements import ALL_RIGHTS

END = 2  # the token that ends a document, and pads
ROWS = pa.schema(
    [
        ("input_ids", pa.list_(pa.int32())),
        ("doc_id", pa.binary(16)),
        ("partner", pa.string()),
        ("language", pa.string()),
    ]
)


class Document(NamedTuple):
    """One document; its tokens are its own, so that each can be told from every other."""

    tokens: int
    partner: str = "p"
    language: str | None = "ko"


def ids_of(count: int) -> list[bytes]:
    """The ids of the documents of a build, by number over all shards."""
    return document_ids(partner="p", data_set="d", keys=[(str(n),) for n in range(count)])


def write_build(
    path: Path,
    segments: Sequence[Sequence[Sequence[Document]]],
    *,
    limits: Mapping[str, float] | None = None,
    recipe: Mapping[str, object] | None = None,
) -> dict[bytes, list[int]]:
    """A build of the documents of each shard of each segment (epoch); returns the tokens by document id.

    `limits` are the contracts' upsampling limits by partner, 4 where nothing is said.
    """
    documents = [document for shards in segments for shard in shards for document in shard]
    ids, first, number = ids_of(len(documents)), 100, 0
    by_id: dict[bytes, list[int]] = {}
    written = []
    for epoch, shards in enumerate(segments):
        facts = []
        for index, shard in enumerate(shards):
            lists = []
            for document in shard:
                lists.append(list(range(first, first + document.tokens)))
                first += document.tokens
                by_id[ids[number]] = lists[-1]
                number += 1
            mine = ids[number - len(shard) : number]
            columns = [lists, mine, [d.partner for d in shard], [d.language for d in shard]]
            place = shard_path(epoch=epoch, split="train", index=index, count=len(shards))
            (path / place).parent.mkdir(parents=True, exist_ok=True)
            done = write_shard(path / place, pa.table(columns, schema=ROWS))
            name = shard_name(epoch=epoch, split="train", index=index)
            facts.append(ShardFacts(name, place, done.bytes, done.sha256, done.rows, done.tokens))
        written.append(Segment(epoch, tuple(facts), (), ()))
    partners = sorted({document.partner for document in documents})
    write_manifest(path, written, partners, limits or {}, recipe or {})
    return by_id


def write_manifest(
    path: Path,
    segments: Sequence[Segment],
    partners: Sequence[str],
    limits: Mapping[str, float],
    recipe: Mapping[str, object],
) -> None:
    """The manifest and its digest."""
    contracts = tuple(
        ContractFacts(name, "1.0.0", "4" * 64, replace(ALL_RIGHTS, upsampling_limit=limits.get(name, 4)))
        for name in partners
    )
    manifest = Manifest(
        version=MANIFEST_VERSION,
        recipe=dict(recipe),
        date="2026-11-24",
        identity="0" * 64,
        stage_versions={},
        models={},
        runtime={},
        contracts=contracts,
        excluded=(),
        warnings=(),
        drops=(),
        data_sets=(),
        tokenizer=TokenizerFacts("test", "0" * 64, 1 << 30, END),
        segments=tuple(segments),
        other_files=(),
        root=content_root(segments),
    )
    path.mkdir(exist_ok=True)
    sign_manifest(path, manifest_bytes(manifest))


def sign_manifest(path: Path, content: bytes) -> None:
    """A manifest of these bytes, and its digest beside it."""
    (path / "manifest.json").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    (path / "manifest.sha256").write_text(f"{digest}  manifest.json\n")


def new_key(path: Path) -> SigningKey:
    """A key in a new file."""
    return SigningKey.create(path / "key.pem")
