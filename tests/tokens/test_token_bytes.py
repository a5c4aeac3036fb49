from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from pipelines.tokens.token_bytes import read_token_bytes
from pipelines.tokens.tokenizer import load_tokenizer
from schemas.errors import BuildInconsistent, UsageError
from schemas.identity import file_sha256
from schemas.manifest import TokenizerFacts
from schemas.recipe import TokenSettings

TEXTS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    | st.sampled_from(
        ["</s>", "각각", "e\u0301", "🐧‍❄️", "\u1100\u1161\u11a8", "ⅡⅡ", "\x00", "def f():\n\treturn 1"]
    ),
    max_size=12,
)


@pytest.fixture(scope="module")
def tekken():
    return load_tokenizer(TokenSettings(), directory=Path())


def trained(path: Path, *, lossless: bool) -> TokenizerFacts:
    """A byte-level tokenizer.json of our own; with a normaliser it loses upper case."""
    model = Tokenizer(models.BPE())
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = decoders.ByteLevel()
    if not lossless:
        model.normalizer = normalizers.Lowercase()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    model.train_from_iterator(["말모이는 사전 이름이다", "the name of a dictionary"] * 4, trainer)
    model.save(str(path))
    return TokenizerFacts(path.name, file_sha256(path), model.get_vocab_size(), 0)


@given(TEXTS)
@settings(deadline=None, max_examples=60)
def test_texts_come_back_exactly_and_their_characters_are_counted_without_them(tekken, texts):
    found = read_token_bytes(tekken.facts, Path())
    lists = tekken.encode(pa.array(texts, pa.string()))
    assert found.texts(lists).to_pylist() == texts
    assert found.character_counts(lists).tolist() == [len(text) for text in texts]
    part = lists.slice(1, max(len(lists) - 2, 0))
    assert found.texts(part).to_pylist() == texts[1 : 1 + len(part)]
    assert found.character_counts(part).tolist() == [len(text) for text in texts[1 : 1 + len(part)]]


@given(TEXTS)
@settings(deadline=None, max_examples=30)
def test_a_tokenizer_json_of_bytes_gives_texts_back(tmp_path_factory, texts):
    directory = tmp_path_factory.mktemp("json")
    facts = trained(directory / "own.json", lossless=True)
    tokenizer = load_tokenizer(
        TokenSettings(tokenizer="own.json", tokenizer_sha256=facts.sha256), directory=directory
    )
    lists = tokenizer.encode(pa.array(texts, pa.string()))
    found = read_token_bytes(facts, directory)
    assert found.texts(lists).to_pylist() == texts
    assert found.character_counts(lists).sum() == sum(map(len, texts))


def test_a_tokenizer_that_changes_what_it_reads_is_refused(tmp_path):
    facts = trained(tmp_path / "lower.json", lossless=False)
    with pytest.raises(UsageError, match="malmoi retokenise BUILD"):
        read_token_bytes(facts, tmp_path)


def test_a_tiktoken_table_gives_bytes(tmp_path):
    import base64

    lines = [f"{base64.b64encode(bytes([byte])).decode()} {byte}" for byte in range(256)]
    (tmp_path / "t.tiktoken").write_text("\n".join(lines) + "\n")
    facts = TokenizerFacts("t.tiktoken", file_sha256(tmp_path / "t.tiktoken"), 257, 256)
    lists = pa.array([[*"각".encode(), 256], [256]], pa.list_(pa.int32()))
    assert read_token_bytes(facts, tmp_path).texts(lists).to_pylist() == ["각", ""]


def test_another_file_a_missing_one_and_half_a_character_are_told(tekken, tmp_path):
    facts = trained(tmp_path / "own.json", lossless=True)
    with pytest.raises(UsageError, match="SHA-256"):
        read_token_bytes(replace(facts, sha256="0" * 64), tmp_path)
    with pytest.raises(UsageError, match="name its directory"):
        read_token_bytes(replace(facts, name="gone.json"), tmp_path)
    (tmp_path / "no.json").write_text(json.dumps({"model": {"type": "WordPiece", "vocab": {}}}))
    pieces = TokenizerFacts("no.json", file_sha256(tmp_path / "no.json"), 9, 0)
    with pytest.raises(UsageError, match="byte-level"):
        read_token_bytes(pieces, tmp_path)
    found = read_token_bytes(tekken.facts, Path())
    byte = next(n for n, token in enumerate(found.table.to_pylist()) if token == b"\xea")
    with pytest.raises(BuildInconsistent, match="no text"):
        found.texts(pa.array([[byte]], pa.list_(pa.int32())))


def test_ten_million_tokens_of_one_document_come_back(tekken):
    found = read_token_bytes(tekken.facts, Path())
    ids = np.random.default_rng(7).choice(
        np.flatnonzero([token.isalpha() for token in found.table.to_pylist()]), 10_000_000
    )
    lists = pa.ListArray.from_arrays(pa.array([0, len(ids)], pa.int32()), pa.array(ids.astype(np.int32)))
    (text,) = found.texts(lists).to_pylist()
    assert len(text) == found.character_counts(lists)[0]
    assert text.startswith(found.table[int(ids[0])].as_py().decode())
