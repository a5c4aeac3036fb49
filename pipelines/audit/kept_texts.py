"""The texts that a build holds, as a reader of its shards has them: decoded from their tokens.

What was kept back on purpose (a contract's "keep") is known from the ledger's counts by class and action.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter

from pipelines.lineage.ledger import read_ledger
from pipelines.tokens.tokenizer import Tokenizer, load_tokenizer
from schemas.errors import BuildInconsistent
from schemas.identity import canonical_json
from schemas.manifest import Manifest
from schemas.recipe import TokenSettings
from schemas.shards import code_table

_COLUMNS = ["doc_id", "partner", "data_set", "pii", "shard", "shard_row"]
KEPT = ":kept"


class KeptText(NamedTuple):
    """A document of a shard."""

    doc_id: bytes
    partner: str
    text: str


def tokenizer_of(manifest: Manifest, directory: Path) -> Tokenizer:
    """The tokenizer of a build; one that was a file is looked for in `directory`."""
    said = canonical_json(manifest.recipe["tokens"])
    settings = TypeAdapter(TokenSettings).validate_json(said, strict=True)
    return load_tokenizer(replace(settings, tokenizer_sha256=manifest.tokenizer.sha256), directory=directory)


def kept_documents(build: Path, manifest: Manifest) -> pl.DataFrame:
    """doc_id, partner, data_set, shard, shard_row, kept_labels of every kept document, by id."""
    table = read_ledger(build, _COLUMNS, pc.field("kept"), manifest=manifest)
    kept_back = [
        [name.removesuffix(KEPT) for name, _ in counts or () if name.endswith(KEPT)]
        for counts in table["pii"].to_pylist()
    ]
    rows = pl.DataFrame(table.drop_columns(["pii"]))
    return rows.with_columns(pl.Series("kept_labels", kept_back, pl.List(pl.String))).sort("doc_id")


def texts_at(build: Path, manifest: Manifest, tokenizer: Tokenizer, wanted: pl.DataFrame) -> dict[bytes, str]:
    """The texts of some kept documents, by id; `wanted` holds doc_id, shard, shard_row."""
    paths = {shard.name: shard.path for shard in manifest.shards}
    found = {}
    for (shard,), rows in wanted.group_by("shard", maintain_order=True):
        if shard not in paths:
            raise BuildInconsistent(
                f"{shard}: no such shard in the manifest: run `malmoi verify {build.name}`"
            )
        batch = read_shard(build / paths[str(shard)])
        for doc_id, row in rows.select("doc_id", "shard_row").iter_rows():
            if row >= len(batch) or batch["doc_id"][row].as_py() != doc_id:
                raise BuildInconsistent(
                    f"{shard}, row {row}: not the document of the ledger: run `malmoi verify {build.name}`"
                )
            found[doc_id] = tokenizer.decode(batch["input_ids"][row].values)
    return found


def every_text(build: Path, manifest: Manifest, tokenizer: Tokenizer) -> Iterator[KeptText]:
    """Every document of every shard, in order."""
    names = {code: name for name, code in code_table(c.partner for c in manifest.contracts).items()}
    for shard in manifest.shards:
        batch = read_shard(build / shard.path)
        for row in range(len(batch)):
            partner = names.get(batch["contract"][row].as_py(), "")
            text = tokenizer.decode(batch["input_ids"][row].values)
            yield KeptText(batch["doc_id"][row].as_py(), partner, text)


def read_shard(path: Path) -> pa.RecordBatch:
    """The rows of a shard; raises BuildInconsistent where it is none."""
    try:
        with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as reader:
            return reader.read_next_batch()
    except (OSError, pa.ArrowException, StopIteration):
        raise BuildInconsistent(f"{path.name}: the shard cannot be read: run `malmoi verify`") from None
