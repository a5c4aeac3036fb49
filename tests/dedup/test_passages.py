"""Repeated passages, held against brute force over tokens that plain Python splits."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dedup.passages import Ranks, cut, find_repeats, write_passages
from pipelines.dedup.ranked import SplitRank
from pipelines.stages.passages import passage_tokens
from schemas.recipe import PassageSettings
from tests.stages.test_fingerprint import batch_of, mixed_text

Stretches = set[tuple[int, int, int, int]]  # split, position, start, end


def found(
    splits: Sequence[Sequence[str]], options: PassageSettings, *, partitions: int = 2, backwards: bool = False
) -> Stretches:
    """What goes, through files; a document's rank is its split, then its position."""
    with TemporaryDirectory() as name:
        home = Path(name)
        files = []
        for number, texts in enumerate(splits):
            half = len(texts) // 2
            parts = [(0, texts[:half]), (half, texts[half:])]
            batches = (
                (np.arange(first, first + len(part)), passage_tokens(batch_of(list(part))))
                for first, part in parts
            )
            write_passages(batches, options, partitions=partitions, path=home / f"{number}")
            files.append((number, home / f"{number}"))
        gone: Stretches = set()
        for partition in range(partitions):
            count = find_repeats(
                files[::-1] if backwards else files,
                partition=partition,
                ranks=[SplitRank(f"{number}", number) for number in range(len(splits))],
                rank_columns=lambda _, positions: Ranks(
                    np.stack([np.zeros(len(positions), np.uint64), positions.astype(np.uint64)], axis=1),
                    pa.nulls(len(positions), pa.string()),
                    np.zeros(len(positions), np.float32),
                ),
                settings=options,
                path=home / "repeats",
            )
            with pa.OSFile(str(home / "repeats")) as source:
                rows = pa.ipc.open_file(source).read_all().to_pylist()
            assert len(rows) == count
            gone |= {(row["split"], row["position"], row["start"], row["end"]) for row in rows}
    return gone


def spelt(text: str) -> list[tuple[str, int, int, int]]:
    """(token, start, end, line) of a text whose only white space is spaces and line ends."""
    tokens, at = [], 0
    for number, line in enumerate(text.split("\n")):
        for word in line.split(" "):
            if word:
                tokens.append((word, at, at + len(word.encode()), number))
            at += len(word.encode()) + 1
    return tokens


def brute_force(splits: Sequence[Sequence[str]], options: PassageSettings) -> Stretches:
    gone: Stretches = set()
    stood: dict[tuple, set[tuple[int, int]]] = {}
    for split, texts in enumerate(splits):
        for position, text in enumerate(texts):
            tokens, own = spelt(text), []
            if options.paragraph_documents:
                for line in {token[3] for token in tokens}:
                    part = [token for token in tokens if token[3] == line]
                    if part[-1][2] - part[0][1] >= options.min_paragraph_bytes:
                        own.append((("paragraph", *(t[0] for t in part)), part[0][1], part[-1][2]))
            if options.run_tokens:
                for first in range(len(tokens) - options.run_tokens + 1):
                    part = tokens[first : first + options.run_tokens]
                    own.append((("run", *(t[0] for t in part)), part[0][1], part[-1][2]))
            for key, start, end in own:
                allowed = options.paragraph_documents if key[0] == "paragraph" else 1
                if len(stood.get(key, set()) - {(split, position)}) >= allowed:
                    gone.add((split, position, start, end))
            for key, _, _ in own:
                stood.setdefault(key, set()).add((split, position))
    return gone


WORDS = st.sampled_from(["가", "나다", "라", "마바사", "a"])
TEXTS = st.lists(
    st.lists(st.sampled_from(["가", "나다", "라", "a", "\n"]), max_size=14).map(" ".join), max_size=5
)
OPTIONS = st.builds(
    PassageSettings,
    paragraph_documents=st.integers(0, 3),
    min_paragraph_bytes=st.integers(0, 8),
    run_tokens=st.integers(0, 4),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(TEXTS, min_size=1, max_size=3), OPTIONS, st.integers(1, 5))
def test_what_goes_is_what_brute_force_says_whatever_the_partitions(
    splits: list[list[str]], options: PassageSettings, partitions: int
) -> None:
    expected = brute_force(splits, options)
    assert found(splits, options, partitions=partitions) == expected
    assert found(splits, options, partitions=1, backwards=True) == expected


@settings(deadline=None, max_examples=60)
@given(st.lists(TEXTS, min_size=1, max_size=2), TEXTS, OPTIONS)
def test_what_ranks_later_takes_no_passage_of_what_was(
    splits: list[list[str]], later: list[str], options: PassageSettings
) -> None:
    together = found([*splits, later], options)
    assert {row for row in together if row[0] < len(splits)} == found(splits, options)


@settings(deadline=None, max_examples=150)
@given(st.lists(mixed_text, max_size=4))
def test_tokens_tile_the_text_but_for_white_space_and_end_between_characters(texts: list[str]) -> None:
    tokens = passage_tokens(batch_of(texts))
    for row, text in enumerate(texts):
        content, at = text.encode(), 0
        for token in range(tokens.offsets[row], tokens.offsets[row + 1]):
            start, end = int(tokens.starts[token]), int(tokens.ends[token])
            assert not content[at:start].decode().strip()
            word = content[start:end].decode()
            assert word
            assert not any(letter.isspace() for letter in word)
            assert (
                start == 0 or unicodedata.category(word[0]) != "Mn" or content[:start].decode()[-1].isspace()
            )
            assert tokens.begins_paragraph[token] == (
                token == tokens.offsets[row] or "\n" in content[at:start].decode()
            )
            at = end
        assert not content[at:].decode().strip()


def test_han_and_kana_are_tokens_by_themselves_with_their_marks() -> None:
    text = "日本語か\u3099 한국어 naïve 葛\U000e0100城カー"
    tokens = passage_tokens(batch_of([text]))
    words = [text.encode()[s:e].decode() for s, e in zip(tokens.starts, tokens.ends, strict=True)]
    assert words == ["日", "本", "語", "か\u3099", "한국어", "naïve", "葛\U000e0100", "城", "カー"]


def test_a_span_stands_as_its_class_inside_one_token() -> None:
    texts = ["번호는 010 0000 0000입니다 네", "번호는 02-000-0000입니다 네", "번호는 02-000-0000입니다 네"]
    spans = [[(4, 17, "PHONE_NUMBER")], [(4, 15, "PHONE_NUMBER")], [(4, 15, "EMAIL_ADDRESS")]]
    tokens = passage_tokens(batch_of(texts, spans))
    hashes = np.split(tokens.hashes, tokens.offsets[1:-1])
    assert [len(own) for own in hashes] == [3, 3, 3]
    assert hashes[0].tolist() == hashes[1].tolist()
    assert hashes[1][1] != hashes[2][1]


@pytest.mark.parametrize(
    ("text", "stretches", "left"),
    [
        ("하나 둘 셋", [(0, 6)], "둘 셋"),
        ("하나 둘 셋", [(7, 10)], "하나 셋"),
        ("하나 둘 셋", [(11, 14)], "하나 둘"),
        ("하나 둘 셋", [(0, 10), (7, 14)], ""),
        ("첫 줄\n둘째 줄\n셋째 줄", [(8, 18)], "첫 줄\n셋째 줄"),
        ("日本語", [(3, 6)], "日語"),
    ],
)
def test_cutting_leaves_no_double_space(text: str, stretches: list[tuple[int, int]], left: str) -> None:
    assert cut(text.encode(), stretches).decode() == left
