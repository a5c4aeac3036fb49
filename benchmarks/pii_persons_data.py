"""What the model of persons is trained on: labelled development halves, corpora for counts, lists of words.

Nothing of a test half or a held-out case is read but to be left out: reviews that share a run of twelve
letters with any KLUE sentence do not count.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT)]

from pii_split import DEVELOPMENT, half, read_mapping, truths  # noqa: E402

from pipelines.stages.pii import person_words as words  # noqa: E402
from pipelines.stages.pii.person_kernels import (  # noqa: E402
    COUNT_BITS,
    ENGLISH,
    FOREIGN_GIVEN,
    FOREIGN_SURNAME,
    GIVEN,
    HANGUL,
    LEXICON_BITS,
    NOUN,
    PLACE,
    TITLE_WORD,
    VERB,
    hash_of,
    slot,
    tokens_of,
)
from pipelines.stages.pii.persons import char_kinds, context_table, edges, hash_text, points_of  # noqa: E402, F401

SHINGLE = 12
FILES = ("klue_ner", "ko_pii_generated", "presidio")
LEAST_COUNT = 4
_OKT = "org/openkoreantext/processor/util/"


class Text(NamedTuple):
    """A text with the spans of its persons and, apart, spans that are neither."""

    id: str
    text: str
    persons: tuple[tuple[int, int], ...]
    neutral: tuple[tuple[int, int], ...] = ()


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
            found.append(Text(row["id"], row["text"], persons, neutral))
    return found


def cases() -> list[Text]:
    """Our development cases."""
    from tests.stages.pii.cases import all_cases

    return [
        Text(
            c.id,
            c.text,
            tuple((s.start, s.end) for s in c.spans if s.label == "PERSON"),
            tuple((s.start, s.end) for s in c.spans if s.label == "?"),
        )
        for c in all_cases()
        if not c.held_out
    ]


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
    clean = [text for text in comments if taken.isdisjoint(_shingles(text, 1))]
    return {"reviews": reviews, "comments": clean, "manuals": manuals, "guides": guides, "chat": chat}


def _shingles(text: str, step: int) -> set[str]:
    letters = "".join(filter(str.isalnum, text))
    return {letters[at : at + SHINGLE] for at in range(0, max(1, len(letters) - SHINGLE + 1), step)}


def count_table(texts: Iterator[str], kinds: np.ndarray) -> np.ndarray:
    """uint8 floor(log2) of how often a run of Hangul begins with a string, and (hash + 11) is a whole run."""
    pieces = []
    for text in texts:
        points = points_of(text)
        pieces.append(_run_hashes(points, kinds))
    hashes, counts = np.unique(np.concatenate(pieces), return_counts=True)
    often = counts >= LEAST_COUNT
    buckets = np.minimum(15, np.log2(counts[often])).astype(np.uint8)
    table = np.zeros(1 << COUNT_BITS, np.uint8)
    places = np.array([slot(h, COUNT_BITS) for h in hashes[often]], np.int64)
    np.maximum.at(table, places, buckets)
    return table


from numba import njit  # noqa: E402


@njit(cache=True)
def _run_hashes(points: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    out = np.empty((3, len(points) + 1), np.int64)
    count = tokens_of(points, 0, len(points), kinds, out)
    hashes = np.empty(count * 7 + 1, np.int64)
    n = 0
    for i in range(count):
        if out[2, i] != HANGUL:
            continue
        s, e = out[0, i], out[1, i]
        for length in range(1 if e - s == 1 else 2, min(7, e - s) + 1):
            hashes[n] = hash_of(points, s, s + length)
            n += 1
        hashes[n] = hash_of(points, s, e) + 11
        n += 1
    return hashes[:n].copy()


def okt_lists(jar: Path) -> dict[str, list[str]]:
    """The word lists of Open Korean Text (Apache-2.0), by name."""
    with zipfile.ZipFile(jar) as archive:
        return {
            name.removeprefix(_OKT).removesuffix(".txt"): archive.read(name).decode("utf-8").split("\n")
            for name in archive.namelist()
            if name.startswith(_OKT) and name.endswith(".txt")
        }


def lexicon_table(lists: dict[str, list[str]]) -> np.ndarray:
    """uint8 bits of what lists say of a string."""
    table = np.zeros(1 << LEXICON_BITS, np.uint8)
    for bit, of in (
        (NOUN, lists["noun/nouns"]),
        (TITLE_WORD, lists["noun/wikipedia_title_nouns"]),
        (GIVEN, lists["substantives/given_names"] + given_names(lists)),
        (FOREIGN_GIVEN, words.FOREIGN_GIVEN),
        (FOREIGN_SURNAME, words.FOREIGN_SURNAMES),
        (PLACE, lists["noun/geolocations"] + lists["noun/company_names"]),
        (VERB, lists["verb/verb"] + lists["adjective/adjective"] + lists["adverb/adverb"]),
        (ENGLISH, words.ENGLISH_GIVEN),
    ):
        for word in of:
            if word.strip():
                table[slot(hash_text(word.strip()), LEXICON_BITS)] |= bit
    return table


def full_names(lists: dict[str, list[str]]) -> list[str]:
    """Three-syllable names of public lists (members of parliament, musicians): only their syllables count."""
    found = []
    for name in ("noun/congress", "noun/names", "noun/kpop"):
        found += [w.strip() for w in lists[name] if len(w.strip()) == 3 and w[0] in words.SURNAMES]
    return sorted(set(found))


def given_names(lists: dict[str, list[str]]) -> list[str]:
    """Given names that at least two of those share."""
    names = [name[1:] for name in full_names(lists)]
    return sorted({name for name in names if names.count(name) > 1})


def shape_table(lists: dict[str, list[str]], corpus: Iterator[str]) -> np.ndarray:
    """int8 by syllable: surname, first and second given syllable, transliteration, double surnames (two rows)."""
    table = np.zeros((6, 11_172), np.int8)
    for name, share in words.SURNAMES.items():
        if len(name) == 1:
            table[0, ord(name) - 0xAC00] = 2 + round(1.2 * float(np.log(share / 0.05)))
        else:
            table[4, ord(name[0]) - 0xAC00] = table[5, ord(name[1]) - 0xAC00] = list(words.SURNAMES).index(
                name
            )
    given = [*lists["substantives/given_names"], *(name[1:] for name in full_names(lists))]
    for row, own in ((1, words.GIVEN_FIRST), (2, words.GIVEN_SECOND)):
        counts = np.zeros(11_172)
        for name in given:
            if len(name) == 2:
                counts[ord(name[row - 1]) - 0xAC00] += 1
        for syllable in own:
            counts[ord(syllable) - 0xAC00] += 8
        table[row] = np.where(counts > 0, np.clip(np.round(1 + 1.4 * np.log1p(counts)), 0, 12), 0)
    foreign, common = np.full(11_172, 0.3), np.full(11_172, 30.0)
    for name in (*words.FOREIGN_GIVEN, *words.FOREIGN_SURNAMES):
        for c in name:
            foreign[ord(c) - 0xAC00] += 1
    for text in corpus:
        points = points_of(text)
        np.add.at(common, points[(points >= 0xAC00) & (points < 0xD7A4)] - 0xAC00, 1)
    odds = np.log(foreign / foreign.sum()) - np.log(common / common.sum())
    table[3] = np.clip(np.round(12 + 4 * odds), 0, 31)
    return table
