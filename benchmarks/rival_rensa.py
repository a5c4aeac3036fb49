"""rensa's own deduplicator over JSON lines, as a process of its own: one line of JSON with its time.

    RENSA_PYTHON benchmarks/rival_rensa.py TEXTS OUTPUT --shingles words

Runs in an environment that holds rensa alone. As its page says: RMinHashDeduplicator with its index, tokens handed
over in batches; 112 functions in 14 bands, threshold 0.8. Shingles are made in Python, which is what it takes.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

from rensa import RMinHashDeduplicator

SIZE, ROWS = 5, 5000


def shingles(text: str, kind: str) -> list[str]:
    """Runs of five characters or words of the text, white space as single spaces; or the text where it has fewer."""
    words = text.split()
    if kind == "words":
        return [" ".join(words[i : i + SIZE]) for i in range(max(1, len(words) - SIZE + 1))]
    plain = " ".join(words)
    return [plain[i : i + SIZE] for i in range(max(1, len(plain) - SIZE + 1))]


def batches(folder: Path) -> Iterator[list[bytes]]:
    """Lines, some thousand at a time."""
    lines: list[bytes] = []
    for path in sorted(folder.glob("*.jsonl")):
        with path.open("rb") as file:
            for line in file:
                lines.append(line)
                if len(lines) == ROWS:
                    yield lines
                    lines = []
    if lines:
        yield lines


def main() -> None:
    """Deduplicate, write the kept lines and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--shingles", choices=["characters", "words"], default="words")
    given = parser.parse_args()
    begun, kept, number = time.monotonic(), 0, 0
    index = RMinHashDeduplicator(threshold=0.8, num_perm=112, use_lsh=True, num_bands=14)
    with given.output.open("wb") as out:
        for lines in batches(given.texts):
            texts = (json.loads(line)["text"] for line in lines)
            keep = index.add_pairs(
                [(str(number + row), shingles(text, given.shingles)) for row, text in enumerate(texts)]
            )
            out.writelines(line for line, stays in zip(lines, keep, strict=True) if stays)
            kept += sum(keep)
            number += len(lines)
    print(json.dumps({"seconds": {"all": round(time.monotonic() - begun, 3)}, "kept": kept}))


if __name__ == "__main__":
    main()
