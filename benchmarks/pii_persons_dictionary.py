"""What a dictionary of mecab-ko-dic (Apache 2.0) tells of names and of words that are none.

`names` and `words` never enter a model: only how often syllables follow each other in names, drawn over all
of them, and words that are nobody's name. The dictionary is read from the compiled file of the wheel
python-mecab-ko-dic: a double array (Darts) of keys, tokens of 16 bytes, and their features as text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pii_persons_lists as lists

_HEADER = 72  # bytes; ten numbers, then the name of the encoding
_TOKEN = np.dtype(
    [("left", "<u2"), ("right", "<u2"), ("pos", "<u2"), ("cost", "<i2"), ("feature", "<u4"), ("parts", "<u4")]
)
_HANGUL = re.compile(r"[가-힣]+\Z")
_OPEN = ("NNG", "NNP", "MAG", "MAJ", "XR", "IC", "NP", "NR", "MM", "VV", "VA", "VX")


class Dictionary(NamedTuple):
    """Names of people, parts of names with how many bear them, words that are no names, places among them."""

    names: frozenset[str]
    parts: Counter[str]  # of transliterated names
    given: Counter[str]  # two syllables behind a surname
    words: frozenset[str]
    places: frozenset[str]
    nouns: frozenset[str]  # words that are no proper nouns
    doubtful: frozenset[str]  # names that are words or other proper nouns too


def entries(path: Path) -> Iterator[tuple[str, list[str]]]:
    """(key, features) of a compiled mecab dictionary, one for each reading."""
    raw = np.fromfile(path, np.uint8)
    sizes = raw[:40].view(np.uint32)
    units, tokens, features = (int(size) for size in sizes[6:9])
    array = raw[_HEADER : _HEADER + units].view(np.int32).reshape(-1, 2)
    base, check = array[:, 0], array[:, 1].view(np.uint32)
    at = _HEADER + units
    token = raw[at : at + tokens].view(_TOKEN)
    text = raw[at + tokens : at + tokens + features].tobytes()
    stack = [(0, b"")]
    while stack:
        place, key = stack.pop()
        begin = int(base[place])
        if 0 <= begin < len(base) and check[begin] == begin and base[begin] < 0:
            value = -int(base[begin]) - 1
            for k in range(value >> 8, (value >> 8) + (value & 255)):
                start = int(token[k]["feature"])
                said = text[start : text.index(b"\0", start)]
                yield key.decode("utf-8", "replace"), said.decode("utf-8", "replace").split(",")
        follow = np.arange(begin + 1, min(begin + 257, len(base)))
        for unit in follow[check[follow] == begin].tolist():
            stack.append((unit, key + bytes([unit - begin - 1])))


def read_dictionary(path: Path) -> Dictionary:
    """Sorted out; only what is written in Hangul alone."""
    names: set[str] = set()
    parts: Counter[str] = Counter()
    given: Counter[str] = Counter()
    words: set[str] = set()
    places: set[str] = set()
    nouns: set[str] = set()
    for key, said in entries(path):
        if not _HANGUL.match(key):
            continue
        if said[0] == "NNP" and said[1] == "인명":
            if key in names:
                continue
            names.add(key)
            whole = len(said) < 8 or said[4] != "Preanalysis"
            if not whole:
                parts.update(part.split("/")[0] for part in said[-1].split("+"))
            elif len(key) == 3 and key[0] in lists.SURNAMES:
                given[key[1:]] += 1
            elif len(key) > 1:
                parts[key] += 1
        elif said[0].split("+")[0] in _OPEN:
            words.add(key)
            if said[0].split("+")[0] != "NNP":
                nouns.add(key)
            elif said[1] == "지명":
                places.add(key)
    proper = words - nouns - places  # among other proper nouns the dictionary holds some people too
    words -= {w for w in proper if len(w) == 3 and w[0] in lists.SURNAMES and w[1:] in given}
    parts = Counter({part: count for part, count in parts.items() if _HANGUL.match(part)})
    return Dictionary(
        frozenset(names),
        parts,
        given,
        frozenset(words - {w for w in names if w not in nouns}),
        frozenset(places),
        frozenset(nouns),
        frozenset(names & words),
    )


UNITS = 1024  # syllables that the tables of pairs tell apart; 0 is any other, 1 the edge of a word
_SMOOTH = 5.0
SEEN = 2.0  # times that a pair stands in a name or a word
GIVEN_UNSEEN = -1.0  # nats, for a pair that no given name and no other word holds there
SHARED = 3  # people who bear a given name that is counted


def syllable_units(dictionary: Dictionary) -> np.ndarray:
    """int16 unit of every Hangul syllable: those that stand in names most often have one of their own."""
    seen: Counter[str] = Counter()
    for source in (dictionary.parts, dictionary.given):
        for key, count in source.items():
            for syllable in key:
                seen[syllable] += min(count, 20)
    table = np.zeros(11_172, np.int16)
    order = sorted(seen, key=lambda syllable: (-seen[syllable], syllable))[: UNITS - 2]
    for unit, syllable in enumerate(order):
        table[ord(syllable) - 0xAC00] = unit + 2
    return table


def _pairs(words: dict[str, float], units: np.ndarray, *, edges: bool) -> np.ndarray:
    """How often a unit follows another."""
    table = np.zeros((UNITS, UNITS))
    for word, count in words.items():
        codes = [int(units[ord(c) - 0xAC00]) for c in word]
        if edges:
            codes = [1, *codes, 1]
        for a, b in pairwise(codes):
            table[a, b] += count
    return table


def _log_chance(table: np.ndarray) -> np.ndarray:
    """log P(b | a), interpolated with P(b)."""
    single = (table.sum(axis=0) + 0.5) / (table.sum() + 0.5 * len(table))
    return np.log((table + _SMOOTH * single) / (table.sum(axis=1, keepdims=True) + _SMOOTH))


def pair_tables(dictionary: Dictionary, units: np.ndarray, others: list[str]) -> np.ndarray:
    """int8 (2, UNITS, UNITS): quarters of a nat for a transliterated name, and for a given name behind a surname.

    `others` are runs of letters that name nobody. A pair that is hardly seen tells nothing (0), and halves of a
    nat are all that is kept: the file of the model stays small.
    """
    sounds = {part: min(count, 5) ** 0.5 for part, count in dictionary.parts.items() if 1 < len(part) < 8}
    plain = {word: 1.0 for word in (*dictionary.words, *others) if 1 < len(word) < 8 and word not in sounds}
    names, words = _pairs(sounds, units, edges=True), _pairs(plain, units, edges=True)
    foreign = np.where(names + words < SEEN, 0, _log_chance(names) - _log_chance(words))
    tails: Counter[str] = Counter()
    for word in plain:
        if len(word) > 2 and word[0] in lists.SURNAMES:
            tails[word[1:3]] += 1
    born = {pair: float(count) for pair, count in dictionary.given.items() if count >= SHARED}
    one, two = _pairs(born, units, edges=False), _pairs(dict(tails), units, edges=False)
    given = np.where(one + two < 1, GIVEN_UNSEEN, _joint(one) - _joint(two))
    return np.stack([np.clip(2 * np.round(2 * t), -40, 40) for t in (foreign, given)]).astype(np.int8)


def _joint(table: np.ndarray) -> np.ndarray:
    """log P(a, b), interpolated with P(a) P(b)."""
    first, second = table.sum(axis=1) + 0.5, table.sum(axis=0) + 0.5
    apart = np.outer(first / first.sum(), second / second.sum())
    share = 0.1 * table.sum()
    return np.log((table + share * apart) / (table.sum() + share))
