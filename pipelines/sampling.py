"""A sample of a build's clean text to train a tokenizer on: weighted by the recipe, gated by rights.

A partner's share is that of its tokens times its upsampling in the recipe; within a partner documents are
drawn by a keyed hash of their ids, so the sample is a function of build, seed and size. Documents set
aside for validation are never in it. Texts come out of the shards, so nothing but the build is needed; what a
recipe's template wrote around the turns of a dialogue is part of them there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.audit.kept_texts import read_shard, tokenizer_of
from pipelines.engine.files import whole_file
from pipelines.lineage.ledger import read_ledger
from pipelines.lineage.verify_rights import use_of
from pipelines.tokens.tokenizer import Tokenizer
from schemas.errors import BuildInconsistent, LossExceeded, UsageError
from schemas.identity import canonical_json
from schemas.manifest import Excluded, Manifest, read_manifest
from schemas.rights import Purpose, Use, denials

SAMPLE = pa.schema(
    [
        pa.field("doc_id", pa.binary(16), nullable=False),
        pa.field("partner", pa.string(), nullable=False),
        pa.field("data_set", pa.string(), nullable=False),
        pa.field("language", pa.string()),
        pa.field("text", pa.string(), nullable=False),
    ]
)
_ROWS = 4096  # of a row group
_LEDGER = ["doc_id", "partner", "data_set", "language", "tokens", "shard", "shard_row"]


@dataclass(frozen=True)
class PartnerShare:
    """A partner's part of the sample, in tokens of the build's tokenizer."""

    partner: str
    documents: int
    tokens: int
    weight: float  # its upsampling in the recipe


@dataclass(frozen=True)
class Sample:
    """What was drawn: enough to draw it again. Stands in the file's metadata too."""

    build: str  # the build's identity
    purposes: tuple[str, ...]
    date: str
    seed: int
    asked: int | None
    shares: tuple[PartnerShare, ...]
    left_out: tuple[Excluded, ...]  # partners whose contract does not allow the purposes


def draw_sample(
    build: Path,
    output: Path,
    *,
    tokens: int | None = None,
    purposes: Sequence[str] = (Purpose.PRETRAINING.value,),
    on: str | None = None,
    seed: int = 0,
    tokenizers: Path = Path(),
    told: Callable[[Mapping[str, Iterable[int]]], None] | None = None,
) -> Sample:
    """Write a sample (SAMPLE, Parquet) of about so many tokens, or of all; the same bytes each time.

    The rights of every contract are judged for the purposes on a day (default: the build's), as the recipe
    asks otherwise; who does not allow them is left out and named. `tokenizers` is where the build's
    tokenizer lies, if it was a file. told is called with the rows by shard before any text is written.
    Raises LossExceeded where nobody allows them, UsageError where the tokenizer does not give texts back as
    they were.
    """
    manifest = read_manifest(build)
    tokenizer = tokenizer_of(manifest, tokenizers)
    if not tokenizer.vocabulary_file.lossless:
        raise UsageError(
            f"{tokenizer.name} does not give back the texts it encodes, so none can be taken from the build: "
            "draw the sample from a build with another tokenizer (malmoi retokenise)"
        )
    use = _use(manifest, purposes, on)
    left_out = tuple(_left_out(manifest, use))
    rows = _rows(build, manifest, {one.partner for one in left_out})
    if not len(rows):
        raise LossExceeded(
            f"no document may be used for {', '.join(use.purposes)} on {use.date}:\n"
            + "\n".join(f"{one.partner}: {one.reason}" for one in left_out)
        )
    weights = _weights(manifest, rows["partner"].unique().sort().to_list())
    drawn = _drawn(rows, weights, tokens, key=_key(manifest, seed))
    shares = tuple(
        PartnerShare(str(partner), len(part), int(part["tokens"].sum()), weights[str(partner)])
        for (partner,), part in sorted(drawn.partition_by("partner", as_dict=True).items())
    )
    sample = Sample(manifest.identity, use.purposes, use.date, seed, tokens, shares, left_out)
    if told is not None:
        by_shard = drawn.partition_by("shard", as_dict=True)
        told({str(shard): part["shard_row"].to_list() for (shard,), part in by_shard.items()})
    _write(output, sample, _texts(build, manifest, drawn, tokenizer))
    return sample


def _use(manifest: Manifest, purposes: Sequence[str], on: str | None) -> Use:
    known = [purpose.value for purpose in Purpose]
    if unknown := [purpose for purpose in purposes if purpose not in known]:
        raise UsageError(f"--purpose {unknown[0]}: is none of {', '.join(known)}: name one of them")
    return replace(use_of(manifest, on or manifest.date), purposes=tuple(sorted(set(purposes))))


def _left_out(manifest: Manifest, use: Use) -> Iterator[Excluded]:
    for contract in manifest.contracts:
        if reasons := denials(contract.partner, contract.rights, use):
            yield Excluded(contract.partner, "; ".join(reason.message for reason in reasons))


def _rows(build: Path, manifest: Manifest, left_out: set[str]) -> pl.DataFrame:
    """The ledger's kept documents of train shards, by id."""
    train = [shard.name for segment in manifest.segments for shard in segment.train]
    table = read_ledger(
        build,
        _LEDGER,
        pc.field("kept")
        & pc.field("shard").isin(pa.array(train, pa.string()))
        & ~pc.field("partner").isin(pa.array(sorted(left_out), pa.string())),
        manifest=manifest,
    )
    return pl.DataFrame(table).sort("doc_id", "shard", "shard_row")


def _weights(manifest: Manifest, partners: Sequence[str]) -> dict[str, float]:
    upsampling: Any = manifest.recipe["upsampling"]
    return {partner: float(upsampling.get(partner, 1.0)) for partner in partners}


def _key(manifest: Manifest, seed: int) -> np.uint64:
    digest = hashlib.blake2b(f"sample:{manifest.identity}:{seed}".encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def _drawn(
    rows: pl.DataFrame, weights: dict[str, float], asked: int | None, *, key: np.uint64
) -> pl.DataFrame:
    """Of each partner the documents with the smallest keyed hashes, up to its part of the tokens."""
    if asked is None or asked >= rows["tokens"].sum():
        return rows
    sizes = {str(name): int(part["tokens"].sum()) for (name,), part in rows.group_by("partner")}
    parts = _parts(sizes, weights, asked)
    ids = np.frombuffer(b"".join(rows["doc_id"].to_list()), "<u8").reshape(-1, 2)[:, 0]
    place = pl.Series("place", _mixed(ids ^ key))
    ordered = rows.with_columns(place).sort("partner", "place", "doc_id")
    before = pl.col("tokens").cum_sum().over("partner") - pl.col("tokens")
    part = pl.col("partner").replace_strict(parts, return_dtype=pl.Float64)
    # The document that crosses the line is taken too, so no partner with a part is without one.
    return ordered.filter(before < part).drop("place").sort("doc_id", "shard", "shard_row")


def _parts(sizes: dict[str, int], weights: dict[str, float], asked: int) -> dict[str, float]:
    """Tokens of each partner: by size times weight, none more than it has, the rest to the others."""
    parts: dict[str, float] = {}
    open_, left = set(sizes), float(asked)
    while open_:
        total = sum(sizes[name] * weights[name] for name in sorted(open_))
        full = {name for name in open_ if left * sizes[name] * weights[name] / total >= sizes[name]}
        for name in sorted(full or open_):
            parts[name] = float(sizes[name]) if full else left * sizes[name] * weights[name] / total
        left -= sum(parts[name] for name in sorted(full))
        open_ = open_ - full if full else set()
    return parts


def _mixed(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014): every bit of a word moves every other."""
    with np.errstate(over="ignore"):
        words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def _texts(
    build: Path, manifest: Manifest, drawn: pl.DataFrame, tokenizer: Tokenizer
) -> Iterator[pa.RecordBatch]:
    """The drawn documents as SAMPLE, shard by shard, in the order of their rows."""
    by_shard = drawn.partition_by("shard", as_dict=True)
    for shard in manifest.shards:
        wanted = by_shard.get((shard.name,))
        if wanted is None:
            continue
        batch = read_shard(build / shard.path)
        ordered = wanted.sort("shard_row")
        for start in range(0, len(ordered), _ROWS):
            rows = ordered.slice(start, _ROWS)
            mine = batch.take(pa.array(rows["shard_row"]))
            if mine["doc_id"].to_pylist() != rows["doc_id"].to_list():
                raise BuildInconsistent(
                    f"{shard.name}: rows are not those of the ledger: run `malmoi verify {build.name}`"
                )
            texts = [tokenizer.decode(ids.values) for ids in mine["input_ids"]]
            columns = [rows[name].to_arrow() for name in ("doc_id", "partner", "data_set", "language")]
            arrays = [
                column.cast(field.type)
                for column, field in zip([*columns, pa.array(texts, pa.string())], SAMPLE, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=SAMPLE)


def _write(output: Path, sample: Sample, batches: Iterator[pa.RecordBatch]) -> None:
    """The file, whole or not at all; its bytes know no clock."""
    schema = SAMPLE.with_metadata({"malmoi.sample": canonical_json(sample)})
    with whole_file(output) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch.replace_schema_metadata(schema.metadata))
