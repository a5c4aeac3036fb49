"""The handed near-duplicate truth: texts by id, and every pair with its exact similarity."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import NamedTuple

import zstandard


class Pair(NamedTuple):
    a: str
    b: str
    jaccard: float


def handed_texts(handed: Path) -> dict[str, str]:
    with (handed / "dedup" / "sql_revisions.jsonl.zst").open("rb") as file:
        lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), encoding="utf-8")
        rows = [json.loads(line) for line in lines]
    return {row["id"]: row["text"] for row in rows}


def handed_pairs(handed: Path) -> list[Pair]:
    with gzip.open(handed / "dedup" / "sql_pairs.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return [Pair(row["a"], row["b"], float(row["jaccard"])) for row in csv.DictReader(file)]
