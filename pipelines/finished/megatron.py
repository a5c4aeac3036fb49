"""`malmoi export megatron`: an index and a link for each shard; no token is copied.

OUTPUT/<shard>.idx points into the shard, OUTPUT/<shard>.bin is a link to it, so that OUTPUT/<shard> is a data
path of Megatron.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pipelines.engine.files import whole_directory
from pipelines.finished.shards import mapped_shard, new_directory, readable_build
from pipelines.tokens.megatron import index_of


@dataclass(frozen=True)
class Indexed:
    """A shard as Megatron sees it: `prefix` is its data path inside the output."""

    prefix: str
    split: str  # train or validation
    documents: int
    tokens: int


def export_megatron(build: Path, output: Path, *, documents: bool = False) -> tuple[Indexed, ...]:
    """Write the indices of all shards with documents, or nothing; what was written, in the manifest's order.

    `documents` keeps each document a document for Megatron's data sets for BERT and T5 (20 bytes of index a
    document instead of 12). The links are relative: output and build move together. Raises UsageError for an
    output that is there, BuildInconsistent for a shard that is missing or altered.
    """
    manifest = readable_build(build)
    place = new_directory(output, build)
    found = []
    with whole_directory(place) as directory:
        for segment in manifest.segments:
            for split, shards in (("train", segment.train), ("validation", segment.validation)):
                for shard in shards:
                    if not shard.rows:  # Megatron opens no empty data set
                        continue
                    with mapped_shard(build, shard) as batch:
                        index = index_of(batch["input_ids"], documents=documents)
                    (directory / f"{shard.name}.idx").write_bytes(index)
                    link = os.path.relpath((build / shard.path).resolve(), place)
                    (directory / f"{shard.name}.bin").symlink_to(link)
                    found.append(Indexed(shard.name, split, shard.rows, shard.tokens))
    return tuple(found)
