# ruff: noqa: ANN001, ANN202 (compiled: numba infers the types)
"""Trains the model of players (pipelines/stages/pii/player_model.npz): about three minutes of one core.

    python benchmarks/pii_players_train.py [--drops DIR] [--print-only]

Positive: invented texts (pii_players_invented.py) and development cases. Negative: the rest of those, frames without
players, and real texts of the handed drops (reviews, comments, manuals, pages, dialogue, development halves of the
labelled ones), of which those lines count that hold a trigger and no player that the other detectors see. Words and
how often they begin a run of Hangul are counted in the same texts. Held-out cases and test halves are never read.
The second cases are for development, but not for training: what the model finds of them is printed, as a figure of
what it makes of texts by somebody else.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE)]

from pii_fit import Examples, fit, quantised  # noqa: E402
from pii_players_invented import Invented, frames, invented  # noqa: E402
from pii_split import DEVELOPMENT, half  # noqa: E402

from pipelines.kernels import njit  # noqa: E402
from pipelines.stages.pii import player_kernels as kernels  # noqa: E402
from pipelines.stages.pii import player_text_kernels as runs  # noqa: E402
from pipelines.stages.pii.code_points import points_of  # noqa: E402
from pipelines.stages.pii.players import MODEL, cue_tables  # noqa: E402
from tests.stages.pii.cases import SECOND, all_cases  # noqa: E402

TIMES = 40  # texts of a frame
SPOKEN = 60_000  # words of real texts that frames are loosened with
LEAST_COUNT = 3
MOST_WORDS = 100_000
LONGEST_LINE = 400
_RUN = re.compile("[가-힣]+")


def real_texts(drops: Path) -> Iterator[str]:
    """Texts of the handed drops that are for training."""
    for file in ("reviews_1", "reviews_2"):
        with gzip.open(drops / "krafton" / f"{file}.csv.gz") as raw:
            yield from (
                row["content"] or "" for row in csv.DictReader(io.TextIOWrapper(raw, "utf-8-sig", newline=""))
            )
    with (drops / "krafton" / "community.jsonl").open(encoding="utf-8") as lines:
        yield from {json.loads(line)["c"]: None for line in lines if line.strip()}
    with gzip.open(drops / "a_dot" / "daily_chat.jsonl.gz", "rt", encoding="utf-8", newline="\n") as lines:
        for line in lines:
            if line.strip().endswith("}"):
                row = json.loads(line)
                yield from (row["prompt"], row["response"])
    for file in ("manuals_1", "manuals_2"):
        yield from filter(
            None, pq.read_table(drops / "fortytwodot" / f"{file}.parquet")["body_md"].to_pylist()
        )
    yield from filter(
        None,
        pq.read_table(drops / "selectstar" / "labelled_comments.parquet").to_pandas().iloc[:, 1].map(str),
    )
    for file in ("ml_tutorials", "dl_textbook"):
        with pa.memory_map(str(drops / "snu_kaist" / f"{file}.arrow")) as source:
            table = pa.ipc.open_file(source).read_all()
        for name in table.column_names:
            if pa.types.is_string(table[name].type):
                yield from (text for text in table[name].to_pylist() if text and len(text) > 200)
    for file in ("klue_ner", "ko_pii_generated", "presidio"):
        with (drops / "pii" / f"{file}.jsonl").open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                if half(file, row) == DEVELOPMENT:
                    yield row["text"]


def cases(*, second: bool) -> Iterator[Invented]:
    """Lines of development cases, with the players that are marked in them."""
    for case in all_cases():
        if case.held_out or case.family.startswith(SECOND) is not second:
            continue
        begin = 0
        for line in case.text.split("\n"):
            end = begin + len(line)
            names = tuple(
                (s.start - begin, s.end - begin)
                for s in case.spans
                if s.label == "GAME_ID" and begin <= s.start and s.end <= end
            )
            yield Invented(line, names)
            begin = end + 1


def word_table(texts: Iterable[str], frames_: Iterable[str]) -> np.ndarray:
    """What begins runs of Hangul, and how often: the kernels' table."""
    counts: Counter[str] = Counter()
    for text in texts:
        for run in _RUN.findall(text):
            counts.update(run[:size] for size in range(2, min(len(run), 6) + 1))
    for text in frames_:
        counts.update({run: 4 for run in _RUN.findall(text) if len(run) > 1})
    kept = [(word, count) for word, count in counts.most_common(MOST_WORDS) if count >= LEAST_COUNT]
    hashes = np.array([runs.hash_run(points_of(word), 0, len(word)) for word, _ in kept], np.int64)
    levels = np.array([min(15, count.bit_length() - 1) for _, count in kept], np.int64)
    words = np.zeros(1 << runs.WORD_BITS, np.uint16)
    lost = runs.put_levels(words, hashes, levels)
    print(f"{len(kept):,} words, {lost:,} without a place")
    return words


@njit(cache=False)
def _signs(points, n, keys, values, particles, demands, words, names, signs, sizes, truths, at):  # type: ignore[no-untyped-def]
    """Candidates of a line with their signs, from `at` on; the number then."""
    tokens = np.empty((9, runs.MOST_TOKENS), np.int64)
    count, seen = runs.tokens_of(points, n, True, keys, values, words, tokens)
    if not seen & 1:
        return at
    found = np.empty((runs.MOST_ENDS, 5), np.int64)
    buf = np.empty(runs.MAX_SIGNS, np.int64)
    lowest = runs.least_known(tokens, count)
    for i in range(count):
        for k in range(kernels.candidates_of(points, n, tokens, count, i, particles, demands, found)):
            if at == len(sizes):
                return at
            size = kernels.signs_of(
                points,
                tokens,
                count,
                seen,
                i,
                found[k, 1],
                tokens[runs.START, i],
                found[k, 0],
                found[k, 2],
                found[k, 3],
                found[k, 4],
                words,
                lowest,
                buf,
            )
            for s in range(size):
                signs[at, s] = buf[s]
            sizes[at] = size
            truths[at] = False
            for name in range(len(names)):
                if names[name, 0] == tokens[runs.START, i] and names[name, 1] == found[k, 0]:
                    truths[at] = True
            at += 1
    return at


def spoken(lines: list[str]) -> list[str]:
    """Words of Hangul as real texts hold them, one of a line, in their order."""
    draw = random.Random(7)
    found = (_RUN.findall(line) for line in lines[:: max(1, len(lines) // SPOKEN)])
    return [draw.choice(words) for words in found if words]


class Candidates:
    """Candidates with their signs, as they come."""

    def __init__(self, words: np.ndarray, room: int) -> None:
        self.words, self.at = words, 0
        self.examples = Examples(
            np.zeros((room, runs.MAX_SIGNS), np.int32),
            np.zeros(room, np.int32),
            np.zeros(room, np.bool_),
            np.ones(room, np.float32),
        )

    def add(self, text: str, names: tuple[tuple[int, int], ...]) -> int:
        points = points_of(text)
        before = self.at
        marked = np.array(names, np.int64).reshape(-1, 2)
        signs, sizes, truths, _ = self.examples
        self.at = int(
            _signs(points, len(points), *cue_tables(), self.words, marked, signs, sizes, truths, before)
        )
        return self.at - before

    def added(self) -> Examples:
        return Examples(*(column[: self.at] for column in self.examples))


def figures(w: np.ndarray, words: np.ndarray, texts: Iterable[Invented], least: int) -> tuple[int, int, int]:
    """Names, those found exactly, and findings."""
    gold = right = said = 0
    spans = np.zeros((64, 3), np.int64)
    for text, names in texts:
        points = points_of(text)
        count = kernels.players_of(points, len(points), True, *cue_tables(), words, w, least, spans)
        found = {(int(a), int(b)) for a, b, _ in spans[:count]}
        gold += len(names)
        right += len(found & set(names))
        said += len(found)
    return gold, right, said


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--drops", type=Path, default=ROOT.parent / "shared" / "data")
    asked.add_argument("--print-only", action="store_true")
    asked.add_argument("--without-cases", action="store_true")
    given = asked.parse_args()
    positive, clean = frames("frames.txt"), frames("clean.txt")
    real = [line for text in real_texts(given.drops) for line in text.split("\n") if len(line) > 1]
    words = word_table(real, [re.sub(r"\{.\}[가-힣]*", " ", frame) for frame in (*positive, *clean)])
    data = Candidates(words, 3_500_000)
    said = spoken(real)
    for text, names in invented(positive, TIMES, 1, said):
        data.add(text, names)
    for text, _ in invented(clean, 2 * TIMES, 2, said):
        data.add(text, ())
    made = data.at
    if not given.without_cases:
        for text, names in cases(second=False):
            for _ in range(3):
                data.add(text, names)
    taught = data.at
    looked = [line[:LONGEST_LINE] for line in dict.fromkeys(real)]
    held = [line for line in looked if data.add(line, ())]
    print(
        f"{made:,} candidates of invented texts, {taught - made:,} of cases, {data.at - taught:,} of {len(held):,} real lines of {len(looked):,}"
    )
    weights = quantised(fit(data.added(), bits=runs.WEIGHT_BITS, epochs=6))
    fresh = list(invented(positive, 3, 99, said)) + list(invented(clean, 3, 98, said))
    second = list(cases(second=True))
    first = list(cases(second=False))
    draw = random.Random(5)
    sample = [Invented(line, ()) for line in draw.sample(held, min(6000, len(held)))]
    for least in (-32, -24, -16, -8, 0, 8, 16, 24, 32, 48):
        told = []
        for name, texts in (("invented", fresh), ("first", first), ("second", second), ("real", sample)):
            gold, right, found = figures(weights, words, texts, least)
            told.append(f"{name} {right / max(gold, 1):.3f}/{right / max(found, 1):.3f} ({found})")
        print(least, *told)
    if not given.print_only:
        place = ROOT / "pipelines" / "stages" / "pii" / MODEL
        np.savez_compressed(place, words=words, weights=weights)
        print(f"MODEL_SHA256 = {hashlib.sha256(place.read_bytes()).hexdigest()!r}")


if __name__ == "__main__":
    main()
