"""The shards of a finished build, opened only when they are what the manifest says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipelines.lineage.verify import misplaced
from schemas.errors import BuildInconsistent, UsageError
from schemas.identity import file_sha256
from schemas.manifest import Manifest, ShardFacts, read_manifest
from schemas.shards import SHARD


def readable_build(build: Path) -> Manifest:
    """The manifest of a build that has tokens, and whose shards have the names and paths of their places.

    Raises BuildInconsistent: a path in a manifest is written by others and may climb out of the build.
    """
    manifest = read_manifest(build)
    for _, name, _ in misplaced(manifest):
        raise BuildInconsistent(
            f"{build.name}: the shard in the place of {name} has another name or path: "
            f"run `malmoi verify {build.name}`"
        )
    if not sum(shard.tokens for shard in manifest.shards):
        raise BuildInconsistent(f"{build.name} holds no tokens: there is nothing to read")
    return manifest


_TOKENS = 1 << 24  # 64 MiB of them, of which about as much text comes


@contextmanager
def mapped_shard(build: Path, shard: ShardFacts) -> Iterator[pa.RecordBatch]:
    """The one batch of a shard, memory mapped; nothing of it may be used after the block.

    Raises BuildInconsistent, which names the shard, where its bytes are not those of the manifest.
    """
    path = build / shard.path
    with ExitStack() as open_files:
        try:
            if path.stat().st_size != shard.bytes or file_sha256(path) != shard.sha256:
                raise BuildInconsistent(
                    f"{shard.path}: has other bytes than the manifest says: run `malmoi verify {build.name}`"
                )
            source = open_files.enter_context(pa.memory_map(str(path)))
            batch = pa.ipc.open_stream(source).read_next_batch()
            if not batch.schema.equals(SHARD) or len(batch) != shard.rows:
                raise pa.ArrowInvalid("no shard")
        except (OSError, StopIteration, pa.ArrowException) as error:
            raise BuildInconsistent(
                f"{shard.path}: cannot be read ({type(error).__name__}): run `malmoi verify {build.name}`"
            ) from None
        yield batch


def spans(lists: pa.ListArray) -> Iterator[tuple[int, int]]:
    """Rows (first, last) that are decoded at once: 2^24 tokens, or one longer document."""
    ends = lists.offsets.to_numpy()[1:].astype(np.int64)
    first, done = 0, int(lists.offsets[0].as_py()) if len(lists) else 0
    while first < len(lists):
        last = max(first + 1, int(np.searchsorted(ends, done + _TOKENS, side="right")))
        yield first, last
        first, done = last, int(ends[last - 1])


def new_directory(output: Path, build: Path) -> Path:
    """Where an export may go; UsageError where something lies there or it is inside the build."""
    resolved = output.resolve()
    if resolved.is_relative_to(build.resolve()):
        raise UsageError(f"{output.name} lies inside the build, which holds nothing else: give another -o")
    if resolved.exists():
        raise UsageError(f"{output.name} is there already: give another -o")
    return resolved
