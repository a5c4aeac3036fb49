"""Short documents with a planted duplicate graph, on real reviews: clusters of copies, near copies and chains.

A document is one review or two, with a number of its own, so that only what is planted is alike.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

TEXTS = pa.schema([("id", pa.int64()), ("text", pa.string())])
PER_FILE = 100_000
EXACT, NEAR, LINK = 0.10, 0.08, 0.02  # shares of all documents that copy an earlier one


def reviews(handed: Path) -> list[str]:
    """The contents of the handed review files."""
    found = []
    for path in sorted((handed / "krafton").glob("reviews_[0-9].csv.gz")):
        with gzip.open(path, "rb") as file:
            rows = csv.DictReader(io.TextIOWrapper(file, encoding="utf-8-sig", newline=""))
            found += [" ".join(row["content"].split()) for row in rows if row["content"]]
    return found


def write_corpus(handed: Path, folder: Path, documents: int, *, seed: int = 1) -> dict[str, int]:
    """Arrow files of TEXTS, PER_FILE documents each; how many copies of each sort were planted.

    Copies are of documents of the same file or of the first ones of all, so that clusters span files. A near
    copy changes the number at the end; a link of a chain changes a near copy further.
    """
    folder.mkdir(parents=True)
    base = reviews(handed)
    random = np.random.default_rng(seed)
    planted = {"exact": 0, "near": 0, "link": 0}
    heads: list[str] = []
    for start in range(0, documents, PER_FILE):
        texts = list(_file(base, heads, random, start, min(PER_FILE, documents - start), planted))
        if len(heads) < 1000:
            heads = texts[:1000]
        ids = pa.array(np.arange(start, start + len(texts)))
        with pa.ipc.new_file(str(folder / f"{start // PER_FILE:05d}.arrow"), TEXTS) as writer:
            writer.write_table(pa.table([ids, pa.array(texts)], schema=TEXTS), max_chunksize=5000)
    return planted


def _file(
    base: list[str],
    heads: list[str],
    random: np.random.Generator,
    start: int,
    count: int,
    planted: dict[str, int],
) -> Iterator[str]:
    own: list[str] = []
    sorts = random.choice(4, count, p=[1 - EXACT - NEAR - LINK, EXACT, NEAR, LINK])
    first, second = random.integers(0, len(base), (2, count)).tolist()
    places = random.random(count).tolist()
    for number in range(count):
        sort = int(sorts[number])
        source = heads if heads and places[number] < 0.1 else own
        if sort == 0 or not source:
            text = f"{base[first[number]]} {base[second[number]]} {(start + number) * 7919 % 1000003:06d}"
        else:
            text = source[int(places[number] * 10 % 1 * len(source))]
            planted[("exact", "near", "link")[sort - 1]] += 1
            if sort == 2:
                text += f" {number % 97}"
            elif sort == 3:
                text = f"{number % 89} {text} 끝"
        own.append(text)
        yield text


def write_hot(kind: str, folder: Path, documents: int) -> None:
    """One of the hot cases: `copies` of one sentence, `near` copies of one, or `strangers` that share bands."""
    folder.mkdir(parents=True)
    sentence = "배송이 빠르고 포장도 꼼꼼해서 다음에도 여기에서 다시 주문하려고 합니다 정말 감사합니다"
    opening = "정말 재미있게 보았습니다 "
    for start in range(0, documents, PER_FILE):
        numbers = range(start, min(start + PER_FILE, documents))
        if kind == "copies":
            texts = [sentence] * len(numbers)
        elif kind == "near":
            texts = [f"{sentence} {number:x}" for number in numbers]
        else:
            tails = (
                "".join(chr(0xAC00 + number * 7919 * k % 11172) for k in (1, 3, 7)) for number in numbers
            )
            texts = [f"{opening}{tail}{number:x}" for number, tail in zip(numbers, tails, strict=True)]
        with pa.ipc.new_file(str(folder / f"{start // PER_FILE:05d}.arrow"), TEXTS) as writer:
            writer.write_table(
                pa.table([pa.array(numbers), pa.array(texts)], schema=TEXTS), max_chunksize=5000
            )
