"""datatrove's four MinHash stages over JSON lines, as a process of its own: one line of JSON with its times.

    python benchmarks/rival_minhash.py TEXTS OUTPUT --shingles words --workers 2

14 bands of 8 functions, as ours. Words are split at white space, which is the cheapest splitter; characters are
handed to it as words of one letter. Files between the steps are not compressed and workers are forked.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashDedupBuckets
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers.jsonl import JsonlWriter
from rival_datatrove import MINHASH, SplitAtWhiteSpace


class SplitAtCharacters(SplitAtWhiteSpace):
    """Every code point is a word."""

    def word_tokenize(self, text: str) -> list[str]:
        return list(text)


def main() -> None:
    """Run the stages one after the other and print what each took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--shingles", choices=["characters", "words"], default="words")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    words = SplitAtWhiteSpace() if given.shingles == "words" else SplitAtCharacters()
    signed, buckets, removals, kept = (
        str(given.output / n) for n in ("signatures", "buckets", "removals", "kept")
    )
    reader = JsonlReader(str(given.texts))
    plan = [
        (
            "signatures",
            given.workers,
            [reader, MinhashDedupSignature(signed, config=MINHASH, language=words)],
        ),
        ("buckets", MINHASH.num_buckets, [MinhashDedupBuckets(signed, buckets, config=MINHASH)]),
        ("cluster", 1, [MinhashDedupCluster(buckets, removals, config=MINHASH)]),
        (
            "filter",
            given.workers,
            [reader, MinhashDedupFilter(removals), JsonlWriter(kept, compression=None)],
        ),
    ]
    seconds, forwarded = {}, 0
    for name, tasks, pipeline in plan:
        begun = time.monotonic()
        done = LocalPipelineExecutor(
            pipeline,
            tasks=tasks,
            workers=min(tasks, given.workers),
            logging_dir=str(given.output / "logs" / name),
            start_method="fork",
        ).run()
        seconds[name] = round(time.monotonic() - begun, 3)
        if name == "filter":
            forwarded = int(done.stats[1].stats["forwarded"].total)
    print(json.dumps({"seconds": seconds, "kept": forwarded}))


if __name__ == "__main__":
    main()
