"""A sample of a build's texts for two human readers: drawn by digest, so that anyone draws the same again.

The sample is a function of the build's identity, the seed and the size: of every partner's kept documents the
ones whose keyed digests are the smallest, as many of each partner as of every other (all, where there are
fewer). So the documents of a partner are a simple random sample of its kept documents. A sheet is a table in
CSV: one row a piece of a document, with empty cells to fill; each reader has an order of its own.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path

import polars as pl

from pipelines.audit.kept_texts import kept_documents, texts_at, tokenizer_of
from schemas.errors import UsageError
from schemas.manifest import read_manifest

READERS = (1, 2)
PIECE = 8_000  # characters of a text in one row of the sheet: a cell of a spreadsheet holds 32,767
COLUMNS = ("row", "partner", "doc_id", "piece", "text", "found", "remarks")
HOW_TO = (
    "found: none, or the class of each personal datum left in the text, with commas (PERSON, PHONE_NUMBER); "
    "invented ones ([KR_RRN], 뫼빛로, user..12345678, 010-0123-...) are none"
)


@dataclass(frozen=True)
class Stratum:
    """A partner's part of the sample."""

    partner: str
    kept: int  # documents of the build
    drawn: int


@dataclass(frozen=True)
class Sample:
    """What was drawn: enough to draw it again."""

    build: str  # the build's identity
    seed: int
    size: int
    strata: tuple[Stratum, ...]
    doc_ids: tuple[str, ...]  # hexadecimal, by partner, then by digest


def draw(build: Path, *, size: int, seed: int) -> tuple[Sample, pl.DataFrame]:
    """The sample, and the drawn rows of the ledger (doc_id, partner, shard, shard_row) in its order."""
    manifest = read_manifest(build)
    kept = kept_documents(build, manifest)
    key = blake2b(f"{manifest.identity}:{seed}".encode(), digest_size=32).digest()
    places = [blake2b(doc_id, digest_size=16, key=key).digest() for doc_id in kept["doc_id"]]
    ordered = kept.with_columns(pl.Series("place", places, pl.Binary)).sort("partner", "place")
    partners = ordered["partner"].unique().sort().to_list()
    if not partners or size < len(partners):
        raise UsageError(
            f"--sample {size}: {len(partners)} partners have kept documents: draw one of each at least"
        )
    shares = _even(size, {partner: len(rows) for (partner,), rows in ordered.group_by("partner")})
    drawn = pl.concat([ordered.filter(partner=partner).head(shares[partner]) for partner in partners])
    strata = tuple(
        Stratum(partner, ordered.filter(partner=partner).height, shares[partner]) for partner in partners
    )
    doc_ids = tuple(doc_id.hex() for doc_id in drawn["doc_id"])
    return Sample(manifest.identity, seed, size, strata, doc_ids), drawn


def _even(size: int, kept: dict[str, int]) -> dict[str, int]:
    """As many of each as of every other, none more than it has; names in order get what is left over."""
    shares = dict.fromkeys(kept, 0)
    left = min(size, sum(kept.values()))
    while left:
        open_ = sorted(name for name in kept if shares[name] < kept[name])
        each = max(1, left // len(open_))
        for name in open_:
            more = min(each, kept[name] - shares[name], left)
            shares[name] += more
            left -= more
    return shares


def write_sheets(build: Path, output: Path, *, size: int, seed: int, tokenizers: Path) -> Sample:
    """Write sample.json and a sheet a reader into a new directory; for its owner's eyes alone (mode 700)."""
    sample, drawn = draw(build, size=size, seed=seed)
    manifest = read_manifest(build)
    texts = texts_at(build, manifest, tokenizer_of(manifest, tokenizers), drawn)
    rows = [
        (partner, doc_id.hex(), f"{number}/{len(pieces)}", piece)
        for doc_id, partner in drawn.select("doc_id", "partner").iter_rows()
        for pieces in (list(_pieces(texts[doc_id])),)
        for number, piece in enumerate(pieces, start=1)
    ]
    try:
        output.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        raise UsageError(f"{output}: lies there already: name a new directory for the sheets") from None
    _write(output / "sample.json", json.dumps(asdict(sample), indent=2).encode() + b"\n")
    for reader in READERS:
        _write(output / sheet_name(reader), _sheet(rows, order=f"{sample.build}:{seed}:{reader}"))
    return sample


def sheet_name(reader: int) -> str:
    """The file of a reader's sheet."""
    return f"reader-{reader}.csv"


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, max(1, len(text)), PIECE):
        yield text[start : start + PIECE]


def _sheet(rows: list[tuple[str, str, str, str]], *, order: str) -> bytes:
    """A table as spreadsheets read it (UTF-8 with a mark); texts of one document stay together."""
    shuffled = sorted(rows, key=lambda row: blake2b(f"{order}:{row[1]}".encode(), digest_size=8).digest())
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerow(("", "", "", "", HOW_TO, "", ""))
    for number, (partner, doc_id, piece, text) in enumerate(shuffled, start=1):
        shown = f"'{text}" if text[:1] in {"=", "+", "-", "@"} else text  # no cell is ever a formula
        writer.writerow((number, partner, doc_id, piece, shown, "", ""))
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
