"""`malmoi export text`: the clean text of a build as Parquet, every document with where it came from.

OUTPUT/<shard>.parquet has the documents of a shard in its order, columns TEXT; OUTPUT/export.json, written
last, says from which build and day it is and who was left out. The same build and day give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date as calendar
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.engine.files import whole_directory
from pipelines.finished.shards import mapped_shard, new_directory, readable_build, spans
from pipelines.lineage.ledger import read_ledger
from pipelines.lineage.verify_rights import use_of
from pipelines.tokens.token_bytes import TokenBytes, read_token_bytes
from schemas.documents import LEDGER
from schemas.errors import BuildInconsistent, UsageError
from schemas.identity import canonical_json, file_sha256
from schemas.manifest import LedgerFacts, Manifest, ShardFacts, manifest_digest
from schemas.rights import denials

_FROM_LEDGER = [
    *("doc_id", "partner", "data_set", "kind", "drop", "file", "row", "language", "quality"),
    *("shard", "shard_row"),
]
_OF_CONTRACT = ["contract_version", "contract_digest", "licence", "attribution"]
TEXT = pa.schema(
    [
        *(LEDGER.field(name) for name in _FROM_LEDGER),
        *(pa.field(name, pa.string(), nullable=False) for name in _OF_CONTRACT),
        pa.field("text", pa.large_string(), nullable=False),
    ]
)


@dataclass(frozen=True)
class TextFile:
    """One Parquet file: its path in the output, documents, code points, size and digest."""

    path: str
    documents: int
    characters: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class TextExport:
    """What export.json says."""

    build: str  # SHA-256 of the manifest
    date: str
    left_out: dict[str, str]  # reason by partner
    files: tuple[TextFile, ...]

    @property
    def documents(self) -> int:
        """All documents."""
        return sum(file.documents for file in self.files)

    @property
    def characters(self) -> int:
        """All code points."""
        return sum(file.characters for file in self.files)


def export_text(
    build: Path,
    output: Path,
    *,
    date: str | None = None,
    tokenizers: Path = Path(),
    told: Callable[[Mapping[str, Iterable[int]]], None] | None = None,
) -> TextExport:
    """Write the text of all documents whose rights allow the recipe's use on the day, or nothing.

    As in a build, a partner whose contract does not allow it is left out and told. `told` is called with the
    rows by shard before any text is written. Raises UsageError for an
    output that is there or a tokenizer that loses text, BuildInconsistent for a damaged build or where no
    document may be exported.
    """
    manifest = readable_build(build)
    day = manifest.date if date is None else _day(date)
    left_out = dict(_left_out(manifest, day))
    allowed = sorted({contract.partner for contract in manifest.contracts} - left_out.keys())
    if templates := _templates(manifest):
        raise UsageError(
            f"the shards hold {', '.join(templates)} as dialogue templates write them: "
            "their text as it was is staged: write 'tokenizer: tekken_240911' into plain.yaml, "
            "'malmoi retokenise BUILD --tokenizer plain.yaml -o NEW', and export NEW"
        )
    table = read_token_bytes(manifest.tokenizer, tokenizers)
    place = new_directory(output, build)
    if told is not None:
        told(_rows(build, manifest, allowed))
    with whole_directory(place) as directory:
        files: list[TextFile] = []
        for segment in manifest.segments:
            shards = {shard.name: shard for shard in segment.shards}
            for ledger in segment.ledger:
                files += _export_part(build, ledger, shards, table, allowed, manifest, directory)
        if not sum(file.documents for file in files):
            raise BuildInconsistent(
                f"no document of {build.name} may be exported on {day}: {'; '.join(left_out.values())}"
            )
        found = TextExport(
            manifest_digest(build), day, left_out, tuple(sorted(files, key=lambda file: file.path))
        )
        (directory / "export.json").write_bytes(canonical_json(found) + b"\n")
    return found


def _rows(build: Path, manifest: Manifest, allowed: list[str]) -> dict[str, list[int]]:
    """The rows that are exported, by shard."""
    where = pc.field("kept") & pc.field("partner").isin(pa.array(allowed, pa.string()))
    rows = pl.DataFrame(read_ledger(build, ["shard", "shard_row"], where, manifest=manifest))
    by_shard = rows.partition_by("shard", as_dict=True)
    return {str(shard): part["shard_row"].to_list() for (shard,), part in by_shard.items()}


def _day(day: str) -> str:
    try:
        return calendar.fromisoformat(day).isoformat()
    except ValueError:
        raise UsageError(f"--date {day}: is no day of the calendar: write it as YYYY-MM-DD") from None


def _left_out(manifest: Manifest, day: str) -> Iterator[tuple[str, str]]:
    """Partners whose contract does not allow the recipe's use on the day, and why."""
    for contract in manifest.contracts:
        reasons = [
            denial.message for denial in denials(contract.partner, contract.rights, use_of(manifest, day))
        ]
        reasons += [
            f"{out.domain} has opted out on {out.since}, and its pages are known to a build only: build again"
            for out in contract.rights.opt_outs
            if manifest.date < out.since <= day
        ]
        if reasons:
            yield contract.partner, "; ".join(reasons)


def _templates(manifest: Manifest) -> list[str]:
    tokens = manifest.recipe.get("tokens")
    templates = tokens.get("templates") if isinstance(tokens, dict) else None
    return [str(one["data_set"]) for one in templates or ()]


def _export_part(
    build: Path,
    ledger: LedgerFacts,
    shards: dict[str, ShardFacts],
    table: TokenBytes,
    allowed: list[str],
    manifest: Manifest,
    directory: Path,
) -> Iterator[TextFile]:
    """The shards whose documents a ledger file holds; there is one ledger file for each."""
    try:
        if file_sha256(build / ledger.path) != ledger.sha256:
            raise pa.ArrowInvalid("digest")
        rows = pq.read_table(build / ledger.path, columns=_FROM_LEDGER, filters=pc.field("shard").is_valid())
    except (OSError, pa.ArrowException):
        raise BuildInconsistent(
            f"{ledger.path}: is not the ledger of the manifest: run `malmoi verify {build.name}`"
        ) from None
    for name in sorted(pc.unique(rows["shard"]).to_pylist()):
        placed = rows.filter(pc.equal(rows["shard"], name)).sort_by("shard_row")
        if name not in shards or len(placed) != shards[name].rows:
            raise BuildInconsistent(
                f"{ledger.path}: does not place the documents of {name}: run `malmoi verify {build.name}`"
            )
        with mapped_shard(build, shards[name]) as batch:
            if not placed["doc_id"].combine_chunks().equals(batch["doc_id"]):
                raise BuildInconsistent(
                    f"{name}: holds other documents than the ledger says: run `malmoi verify {build.name}`"
                )
            yield _write(directory, name, batch["input_ids"], placed, table, allowed, manifest)


def _write(
    directory: Path,
    name: str,
    lists: pa.ListArray,
    placed: pa.Table,
    table: TokenBytes,
    allowed: list[str],
    manifest: Manifest,
) -> TextFile:
    path, documents, characters = directory / f"{name}.parquet", 0, 0
    with pq.ParquetWriter(path, TEXT, compression="zstd") as writer:
        for first, last in spans(lists):
            rows = placed.slice(first, last - first).append_column(
                "text", table.texts(lists.slice(first, last - first))
            )
            rows = _with_contracts(
                rows.filter(pc.is_in(rows["partner"], pa.array(allowed, pa.string()))), manifest
            )
            documents += len(rows)
            characters += pc.sum(pc.utf8_length(rows["text"])).as_py() or 0
            if len(rows):
                writer.write_table(rows.select(TEXT.names).cast(TEXT))
    return TextFile(path.name, documents, characters, path.stat().st_size, file_sha256(path))


def _with_contracts(rows: pa.Table, manifest: Manifest) -> pa.Table:
    contracts = sorted(manifest.contracts, key=lambda contract: contract.partner)
    at = pc.index_in(rows["partner"], pa.array([contract.partner for contract in contracts], pa.string()))
    said = {
        "contract_version": [contract.version for contract in contracts],
        "contract_digest": [contract.digest for contract in contracts],
        "licence": [contract.rights.licence for contract in contracts],
        "attribution": [contract.rights.attribution for contract in contracts],
    }
    for name in _OF_CONTRACT:
        rows = rows.append_column(name, pc.take(pa.array(said[name], pa.string()), at))
    return rows
