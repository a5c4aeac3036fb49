"""What the model of persons is trained on: labelled development halves, corpora for counts, lists of words.

Nothing of a test half or a held-out case is read but to be left out: reviews that share a run of twelve
letters with any KLUE sentence do not count.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT)]

import pii_persons_lists as lists  # noqa: E402
from pii_split import DEVELOPMENT, half, read_mapping, truths  # noqa: E402

from pipelines.kernels import njit  # noqa: E402
from pipelines.stages.pii.code_points import points_of  # noqa: E402
from pipelines.stages.pii.hash_kernels import Ints  # noqa: E402
from pipelines.stages.pii.person_kernels import tail_of  # noqa: E402
from pipelines.stages.pii.person_text_kernels import (  # noqa: E402
    COUNT,
    ENGLISH,
    FOREIGN,
    GIVEN,
    HABITS,
    HANGUL,
    HOPELESS,
    NOUN,
    PLACE,
    WHOLE,
    WORD_BITS,
    Points,
    Tables,
    hash_of,
    put_words,
    tokens_of,
)
from pipelines.stages.pii.persons import hash_text  # noqa: E402

SHINGLE = 12
RUNS = 2
_MARK = re.compile(r"\{\{PERSON:([^}]+)\}\}")
_RUN = re.compile(r"(?<![가-힣])[가-힣]{2,7}(?![가-힣])")
FILES = ("klue_ner", "ko_pii_generated", "presidio")
LEAST_COUNT = 4
COMMON = 7  # a listed noun counts as if seen 2**COMMON times
CASES = (
    "persons_",
    "second_",
    "lookalikes",
)  # families trained on; others grow while other classes are mended


class Text(NamedTuple):
    """A text with the spans of its persons, apart, spans that are neither, and common nouns as far as known."""

    id: str
    text: str
    persons: tuple[tuple[int, int], ...]
    neutral: tuple[tuple[int, int], ...] = ()
    nouns: tuple[tuple[int, int], ...] = ()


def labelled(directory: Path, file: str) -> list[Text]:
    """The development half of one handed file."""
    with (directory / "mapping.csv").open(encoding="utf-8") as lines:
        mapping = read_mapping(lines)
    found = []
    with (directory / f"{file}.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if half(file, row) != DEVELOPMENT:
                continue
            spans = truths(file, row, mapping)
            persons = tuple((s.start, s.end) for s in spans if s.entity == "PERSON")
            neutral = tuple(
                (s.start, s.end)
                for s in spans
                if s.entity is None and (file != "klue_ner" or s.end - s.start == 1)
            )
            found.append(Text(row["id"], row["text"], _everywhere(row["text"], persons), neutral))
    return found


def _everywhere(text: str, persons: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """The persons, and where else in the text their names of three characters or more stand."""
    found = set(persons)
    for value in sorted({text[start:end] for start, end in persons}, key=lambda name: (-len(name), name)):
        at = text.find(value) if len(value) > 2 else -1
        while at >= 0:
            if not any(start < at + len(value) and at < end for start, end in found):
                found.add((at, at + len(value)))
            at = text.find(value, at + 1)
    return tuple(sorted(found))


def cases(families: tuple[str, ...] = CASES) -> list[Text]:
    """Our development cases of the families that begin so."""
    from tests.stages.pii.cases import all_cases

    return [
        Text(
            c.id,
            c.text,
            tuple((s.start, s.end) for s in c.spans if s.label == "PERSON"),
            tuple((s.start, s.end) for s in c.spans if s.label == "?"),
        )
        for c in all_cases()
        if not c.held_out and c.family.startswith(families)
    ]


def written() -> list[Text]:
    """Texts written for the training alone: benchmarks/pii_persons_texts, a text a line."""
    found = []
    for path in sorted((HERE / "pii_persons_texts").glob("*.txt")):
        for place, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
            if line and not line.startswith("#"):
                found.append(_unmarked(f"written-{path.stem}-{place}", line.replace("\\n", "\n")))
    return found


def digest() -> bytes:
    """SHA-256 of what the repository holds of the training's data: our texts, cases and lists.

    The model's file carries it; a test tells where the two differ, so that the model has to be made again.
    """
    held = [(one.text, one.persons, one.neutral) for one in (*written(), *cases())]
    named = sorted((name, value) for name, value in vars(lists).items() if name.isupper())
    return sha256(repr((held, named)).encode()).digest()


def _unmarked(name: str, marked: str) -> Text:
    """A text from one with marks: {{PERSON:name}}."""
    text, persons, read = "", [], 0
    for mark in _MARK.finditer(marked):
        text += marked[read : mark.start()]
        persons.append((len(text), len(text) + len(mark[1])))
        text += mark[1]
        read = mark.end()
    return Text(name, text + marked[read:], tuple(persons))


def _reviews(path: Path) -> Iterator[str]:
    with gzip.open(path) as raw:
        for row in csv.DictReader(io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")):
            yield row["content"] or ""


def corpora(drops: Path) -> dict[str, list[str]]:
    """Unlabelled text, by kind; reviews without those that share words with a KLUE sentence."""
    with (drops / "pii" / "klue_ner.jsonl").open(encoding="utf-8") as lines:
        taken = {s for line in lines for s in _shingles(json.loads(line)["text"], 1)}
    reviews = [
        text
        for name in ("reviews_1", "reviews_2")
        for text in _reviews(drops / "krafton" / f"{name}.csv.gz")
        if taken.isdisjoint(_shingles(text, 1))
    ]
    comments: dict[str, None] = {}
    with (drops / "krafton" / "community.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            comments.setdefault(json.loads(line)["c"])
    manuals = []
    for name in ("manuals_1", "manuals_2"):
        column = pq.read_table(drops / "fortytwodot" / f"{name}.parquet", columns=["body_md"])["body_md"]
        manuals += [text for text in column.to_pylist() if text]
    guides = []
    with (drops / "fortytwodot" / "vehicle_guide.jsonl").open(encoding="utf-8") as lines:
        guides += [json.loads(line)["markdown"] for line in lines]
    for name in ("ml_tutorials", "dl_textbook"):
        with pa.OSFile(str(drops / "snu_kaist" / f"{name}.arrow")) as source:
            table = pa.ipc.open_file(source).read_all()
        for column in table.column_names:
            if pa.types.is_string(table[column].type) or pa.types.is_large_string(table[column].type):
                guides += [text for text in table[column].to_pylist() if text and len(text) > 200]
    chat = []
    with gzip.open(
        drops / "a_dot" / "daily_chat.jsonl.gz", "rt", encoding="utf-8", errors="replace"
    ) as lines:
        for line in lines:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            chat += [str(row.get("prompt") or ""), str(row.get("response") or "")]
    news = []
    for name in ("klue_nli_dev", "klue_sts_dev", "kornli_test", "korsts_test"):
        with (drops / "eval" / f"{name}.jsonl").open(encoding="utf-8") as lines:
            news += [part for line in lines for part in _strings(json.loads(line)["parts"])]
    news = [text for text in dict.fromkeys(news) if taken.isdisjoint(_shingles(text, 1))]
    clean = [text for text in comments if taken.isdisjoint(_shingles(text, 1))]
    return {
        "reviews": reviews,
        "comments": clean,
        "manuals": manuals,
        "guides": guides,
        "chat": chat,
        "news": news,
    }


def _strings(parts: Any) -> list[str]:
    if isinstance(parts, str):
        return [parts]
    inner = parts.values() if isinstance(parts, dict) else parts
    return [text for part in inner for text in _strings(part)]


def _shingles(text: str, step: int) -> set[str]:
    letters = "".join(filter(str.isalnum, text))
    return {letters[at : at + SHINGLE] for at in range(0, max(1, len(letters) - SHINGLE + 1), step)}


_ACTS = frozenset("하되된될됩돼했한할합적화들")  # behind a noun of doing: 시작하다, 시작된
_AT = frozenset(("에", "에서", "에는", "에도", "에서는", "에서의", "로", "으로", "에만"))
_OBJECT = frozenset(("을", "를"))


@njit(cache=True)
def _heads(points: Points, t: Tables, acts: Ints, at: Ints, objects: Ints) -> tuple[Ints, Ints]:
    """Hashes of the heads of runs that a name could be, each with what follows: 0 acts 1 at 2 object 3 nothing 4."""
    out = np.empty((3, len(points) + 1), np.int32)
    count = tokens_of(points, 0, len(points), t.chars, out)
    hashes, after = np.empty(count * 8, np.int64), np.empty(count * 8, np.int64)
    n = 0
    for i in range(count):
        if out[2, i] != HANGUL:
            continue
        s, e = out[0, i], out[1, i]
        for length in range(1 if e - s == 1 else 2, min(7, e - s) + 1):
            what = np.int64(0)
            if length == e - s:
                what = 4
            else:
                tail = hash_of(points, s + length, e)
                for c in acts:
                    what = 1 if points[s + length] == c else what
                for h in at:
                    what = 2 if tail == h else what
                for h in objects:
                    what = 3 if tail == h else what
                if what == 0 and tail_of(points, s + length, e, t.keys, t.kinds, t.shape) < 0:
                    continue
            hashes[n], after[n] = hash_of(points, s, s + length), what
            n += 1
        if e - s <= 7:
            hashes[n], after[n] = hash_of(points, s, e) + WHOLE, 0
            n += 1
    return hashes[:n], after[:n]


@njit(cache=True)
def _runs_of(points: Points, t: Tables, names: Ints) -> Ints:
    """Keys of the whole runs that begin with one of the names (hashes, ascending)."""
    out = np.empty((3, len(points) + 1), np.int32)
    count = tokens_of(points, 0, len(points), t.chars, out)
    found = np.empty(count, np.int64)
    n = 0
    for i in range(count):
        s, e = out[0, i], out[1, i]
        if out[2, i] != HANGUL or e - s > 7:
            continue
        for length in range(2, e - s + 1):
            h = hash_of(points, s, s + length)
            at = np.searchsorted(names, h)
            if at < len(names) and names[at] == h:
                found[n] = hash_of(points, s, e) + WHOLE
                n += 1
                break
    return found[:n]


def with_runs(names: Ints, texts: Iterable[str], t: Tables) -> Ints:
    """The names (hashes), and the keys of the runs that begin with one: neither may stand in the table."""
    names = np.unique(names)
    return np.unique(np.concatenate([names, *(_runs_of(points_of(text), t, names) for text in texts)]))


class Counts(NamedTuple):
    """Strings of corpora by hash: how often, and of that how often each of four things follows."""

    hashes: Ints
    often: Ints
    habits: Ints  # (n, 4)


def counts_of(texts: Iterable[str], t: Tables) -> Counts:
    """What stands how often at the beginning of a run of Hangul, LEAST_COUNT times at least."""
    acts = np.array([ord(c) for c in sorted(_ACTS)], np.int64)
    at = np.array([hash_text(word) for word in sorted(_AT)], np.int64)
    objects = np.array([hash_text(word) for word in sorted(_OBJECT)], np.int64)
    found = [_heads(points_of(text), t, acts, at, objects) for text in texts]
    hashes, place = np.unique(np.concatenate([one for one, _ in found]), return_inverse=True)
    after = np.concatenate([two for _, two in found])
    often = np.bincount(place)
    habits = np.stack([np.bincount(place, after == what, len(hashes)) for what in (1, 2, 3, 4)], axis=1)
    kept = often >= LEAST_COUNT
    return Counts(hashes[kept], often[kept], habits[kept].astype(np.int64))


def word_table(
    counts: Counts,
    names: Ints,
    nouns: Iterable[str] = (),
    places: Collection[str] = (),
    parts: Iterable[str] = (),
    hopeless: Iterable[int] = (),
) -> npt.NDArray[np.uint32]:
    """The table of words: the counted strings without those that are taken for names, lists, nouns of a dictionary.

    `hopeless` are keys of whole runs in which no name weighs enough.
    """
    keep = ~np.isin(counts.hashes, names)
    hashes, often, habits = (part[keep] for part in counts)
    levels = np.digitize(habits / often[:, None], (0.02, 0.1, 0.3))
    values = np.minimum(COUNT, np.log2(often)).astype(np.int64)
    for place in range(4):
        values |= levels[:, place].astype(np.int64) << (HABITS + 2 * place)
    known = dict(zip(hashes.tolist(), values.tolist(), strict=True))
    for bit, of in (
        (GIVEN, lists.GIVEN),
        (FOREIGN, (*lists.FOREIGN_GIVEN, *lists.FOREIGN_SURNAMES, *parts)),
        (PLACE, (*lists.PLACES, *places)),
        (ENGLISH, lists.ENGLISH_GIVEN),
        (0, lists.NOUNS),
    ):
        for word in of:
            key = hash_text(word)
            known[key] = known.get(key, 0) | bit
            if not bit and known[key] & COUNT < COMMON:
                known[key] = (known[key] & ~COUNT) | COMMON
    towns = set(places)
    for noun in nouns:
        key = hash_text(noun)
        known[key] = known.get(key, 1) | (0 if noun in towns else NOUN)  # 1 is less than what is counted
    for key in hopeless:
        if key in known:
            known[key] |= HOPELESS
    order = sorted(known, key=lambda key: (-(known[key] & COUNT), key))
    table = np.zeros(1 << WORD_BITS, np.uint32)
    lost = put_words(table, np.array(order, np.int64), np.array([known[key] for key in order], np.int64))
    print(f"{len(order):,} words in {len(table):,} places, {lost:,} without one", flush=True)
    return table


def runs_of(texts: Iterable[str], least: int = RUNS) -> list[str]:
    """Runs of Hangul that stand `least` times, of two to seven syllables."""
    seen = Counter(run for text in texts for run in _RUN.findall(text))
    return sorted(run for run, count in seen.items() if count >= least)


def shape_table(corpus: Iterable[str]) -> npt.NDArray[np.int8]:
    """int8 by syllable: surname, first and second given syllable, transliteration, double surnames (two rows)."""
    table = np.zeros((6, 11_172), np.int8)
    for name, share in lists.SURNAMES.items():
        if len(name) == 1:
            table[0, ord(name) - 0xAC00] = 2 + round(1.2 * float(np.log(share / 0.05)))
        else:
            table[4, ord(name[0]) - 0xAC00] = table[5, ord(name[1]) - 0xAC00] = list(lists.SURNAMES).index(
                name
            )
    for row, own in ((1, lists.GIVEN_FIRST), (2, lists.GIVEN_SECOND)):
        counts = np.zeros(11_172)
        for name in lists.GIVEN:
            counts[ord(name[row - 1]) - 0xAC00] += 1
        for syllable in own:
            counts[ord(syllable) - 0xAC00] += 3
        table[row] = np.where(counts > 0, np.clip(np.round(1 + 2.2 * np.log1p(counts)), 0, 12), 0)
    foreign, common = np.full(11_172, 0.3), np.full(11_172, 30.0)
    for name in (*lists.FOREIGN_GIVEN, *lists.FOREIGN_SURNAMES):
        for c in name:
            foreign[ord(c) - 0xAC00] += 1
    for text in corpus:
        points = points_of(text)
        np.add.at(common, points[(points >= 0xAC00) & (points < 0xD7A4)] - 0xAC00, 1)
    odds = np.log(foreign / foreign.sum()) - np.log(common / common.sum())
    table[3] = np.clip(np.round(12 + 4 * odds), 0, 31)
    return table
