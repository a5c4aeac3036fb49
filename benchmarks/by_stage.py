"""Each stage alone, ours and datatrove's, on one core and the same documents: one line of JSON.

    python benchmarks/by_stage.py TEXTS --tokenizer FILE --model FILE

Bytes are those of the texts as they come in. Both sides run once before the clock starts; the median of
three runs counts.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
from datatrove.data import Document
from rival_datatrove import filters, signatures

EACH = 1000  # long and short documents in the sample
RUNS = 3


def sample(texts: Path) -> list[dict[str, Any]]:
    """Every n-th document, so that all drops are in it: EACH long ones, then EACH short ones."""
    rows = [orjson.loads(line) for path in sorted(texts.glob("*.jsonl")) for line in path.open("rb")]
    found: list[dict[str, Any]] = []
    for long in (True, False):
        group = [row for row in rows if row["metadata"]["long"] is long]
        found.extend(islice(group[:: max(1, len(group) // EACH)], EACH))
    return found


def megabytes_per_second(work: Callable[[], object], size: int) -> float:
    """Median of RUNS after one run that does not count."""
    work()
    seconds = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return size / 1e6 / statistics.median(seconds)


def ours(rows: list[dict[str, Any]]) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """MB/s of our stages, and the rows that the language stage kept: all later stages see those alone."""
    from pipelines.preview import data_set_of
    from pipelines.stages.fingerprint import fingerprint
    from pipelines.stages.language import language
    from pipelines.stages.pii.find import find_pii
    from pipelines.stages.pii.replace import replace_pii
    from pipelines.stages.quality import quality
    from pipelines.tokens.tokenizer import load_tokenizer
    from schemas.contract import Kind, Markup
    from schemas.documents import DOCUMENT
    from schemas.recipe import (
        FingerprintSettings,
        LanguageSettings,
        PiiSettings,
        QualitySettings,
        TokenSettings,
    )

    web = data_set_of(kind=Kind.WEB, markup=Markup.PLAIN, languages=())
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array([bytes.fromhex(row["id"]) for row in rows], pa.binary(16)),
            pa.array(range(len(rows)), pa.int64()),
            pa.array([row["text"] for row in rows], pa.string()),
            pa.nulls(len(rows), pa.string()),
        ],
        schema=DOCUMENT,
    )
    told = language(batch, LanguageSettings(), web).kept
    kept = [rows[row] for row in told["row"].to_pylist()]
    long = told.slice(0, sum(row["metadata"]["long"] for row in kept))
    found = find_pii(told, PiiSettings(), web).kept
    tokenizer = load_tokenizer(TokenSettings(), directory=Path())
    speeds = {
        "language": megabytes_per_second(lambda: language(batch, LanguageSettings(), web), size_of(rows)),
        "quality": megabytes_per_second(
            lambda: quality(long, QualitySettings(), web), size_of(kept[: len(long)])
        ),
        "personal data": megabytes_per_second(
            lambda: replace_pii(find_pii(told, PiiSettings(), web).kept, PiiSettings(), web), size_of(kept)
        ),
        "fingerprint": megabytes_per_second(
            lambda: fingerprint(found, FingerprintSettings(), web), size_of(kept)
        ),
        "tokens": megabytes_per_second(lambda: tokenizer.encode(told["text"]), size_of(kept)),
    }
    return speeds, kept


def theirs(
    rows: list[dict[str, Any]], kept: list[dict[str, Any]], *, model: Path, tokenizer: Path, scratch: str
) -> dict[str, float]:
    """MB/s of datatrove's blocks; a page that one filter drops is not shown to the next."""
    from tokenizers import Tokenizer

    identify, *rules, replace = filters(str(model))
    sign = signatures(scratch)
    encoder = Tokenizer.from_file(str(tokenizer))
    long = [row for row in kept if row["metadata"]["long"]]

    def documents(of: list[dict[str, Any]]) -> list[Document]:
        return [Document(text=row["text"], id=row["id"], metadata=dict(row["metadata"])) for row in of]

    def passes(document: Document) -> bool:
        return all(rule.filter(document) is True for rule in rules)

    return {
        "language": megabytes_per_second(
            lambda: [identify.filter(one) for one in documents(rows)], size_of(rows)
        ),
        "quality": megabytes_per_second(lambda: [passes(one) for one in documents(long)], size_of(long)),
        "personal data": megabytes_per_second(
            lambda: [replace.format(row["text"]) for row in kept], size_of(kept)
        ),
        "fingerprint": megabytes_per_second(
            lambda: [
                sign.get_signature(shingles)
                for row in kept
                if (shingles := sign.get_shingles(row["text"])).size
            ],
            size_of(kept),
        ),
        "tokens": megabytes_per_second(
            lambda: [one.ids for one in encoder.encode_batch([row["text"] for row in kept])],
            size_of(kept),
        ),
    }


def size_of(rows: list[dict[str, Any]]) -> int:
    """UTF-8 bytes of the texts."""
    return sum(len(row["text"].encode()) for row in rows)


def main() -> None:
    """Bind the process to one core, measure both, print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("texts", type=Path)
    arguments.add_argument("scratch")
    arguments.add_argument("--tokenizer", type=Path, required=True)
    arguments.add_argument("--model", type=Path, required=True)
    given = arguments.parse_args()
    os.environ["RAYON_NUM_THREADS"] = "1"
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    rows = sample(given.texts)
    us, kept = ours(rows)
    them = theirs(rows, kept, model=given.model, tokenizer=given.tokenizer, scratch=given.scratch)
    print(json.dumps({"documents": len(rows), "bytes": size_of(rows), "ours": us, "theirs": them}))


if __name__ == "__main__":
    main()
