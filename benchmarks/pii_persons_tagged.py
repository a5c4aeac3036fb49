"""Texts that nobody labelled, labelled by a dictionary and a tagger where both are sure.

Kiwi (kiwipiepy, LGPL) cuts and tags; mecab-ko-dic (Apache 2.0) says what is a name or a word. A span is a name
where both say so, none where neither does, and neutral where they disagree. The names are replaced by invented
ones before anything is learned.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pii_persons_dictionary import Dictionary

PACKAGES = ("python-mecab-ko-dic==2.1.1.post2", "kiwipiepy==0.24.1", "kiwipiepy_model==0.24.0")
NO_NAMES = frozenset(
    "애니 느와르 미드 헐리우드 레전드 워스트 싸이코 프레데터 할리우드 코로나 디즈니 스토 한국 중국 미국 일본".split()  # noqa: SIM905
)  # words of reviews that the dictionary holds as names
Spans = list[tuple[int, int]]
_TAG = """
import json, sys, kiwipiepy
kiwi = kiwipiepy.Kiwi(num_workers=1)
with open(sys.argv[1], encoding="utf-8") as lines, open(sys.argv[2], "w", encoding="utf-8") as out:
    for tokens in kiwi.tokenize(json.loads(line) for line in lines):
        out.write(json.dumps([(t.start, t.start + t.len, t.tag) for t in tokens if t.tag[0] != "J"]) + "\\n")
"""


def environment() -> tuple[Path, Path]:
    """A throw-away environment with the packages: its interpreter, and the dictionary in it."""
    place = Path(tempfile.gettempdir()) / "malmoi-train-persons"
    python = place / "bin" / "python"
    uv = str(Path(sys.executable).with_name("uv"))
    if not (place / ".made").is_file():
        shutil.rmtree(place, ignore_errors=True)
        for command in (
            [uv, "venv", "--quiet", "--python", sys.executable, str(place)],
            [uv, "pip", "install", "--quiet", "--python", str(python), *PACKAGES],
        ):
            subprocess.run(command, check=True, timeout=600)
        (place / ".made").touch()
    return python, next(place.glob("lib/python*/site-packages/mecab_ko_dic/dictionary/sys.dic"))


def tagged(texts: list[str], python: Path, place: Path) -> Iterator[list[tuple[int, int, str]]]:
    """(start, end, tag) of the morphemes of each text, particles left out; by Kiwi in the environment `python`."""
    source, target = place / "texts.jsonl", place / "tags.jsonl"
    with source.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(text) + "\n" for text in texts)
    subprocess.run([str(python), "-c", _TAG, str(source), str(target)], check=True)
    with target.open(encoding="utf-8") as lines:
        for line in lines:
            yield [tuple(token) for token in json.loads(line)]


def judged(
    text: str, candidates: Spans, tags: list[tuple[int, int, str]], known: Dictionary
) -> tuple[Spans, Spans]:
    """Names among the candidates, and those of which neither can be said."""
    starts = {start: tag for start, _, tag in tags}
    ends = {end for _, end, _ in tags}
    names: Spans = []
    unsure: Spans = []
    for start, end in candidates:
        covered = (
            start in starts
            and end in ends
            and all(tag == "NNP" for s, e, tag in tags if s < end and start < e)
        )
        listed = is_name(text[start:end], known)
        if covered and listed is True:
            names.append((start, end))
        elif (covered and listed is not False) or listed is True:
            unsure.append((start, end))
    names = [(s, e) for s, e in names if not any(a <= s and e <= b and e - s < b - a for a, b in names)]
    return names, [span for span in unsure if not any(span[0] < e and s < span[1] for s, e in names)]


def is_name(value: str, known: Dictionary) -> bool | None:
    """What the dictionary says of a string: a name, a word, or nothing of it."""
    whole = value.replace(" ", "")
    if value in NO_NAMES:
        return False
    if value != whole:
        runs = value.split(" ")
        if whole in known.names and len(whole) > 3:
            return True
        return None if all(run in known.names or known.parts[run] for run in runs) else False
    if len(value) == 2:
        shared = known.given[value] > 2 or known.parts[value] > 2
        if value in known.words or value in known.places:
            return None if shared else False
        return True if shared else None
    if value in known.names:
        return True if value not in known.doubtful else None
    return False if value in known.words else None
