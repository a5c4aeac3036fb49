"""The fast engine gives the ids of the reference engine, for every text."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as ReferenceTokenizer
from tokenizers import models, pre_tokenizers

from pipelines.tokens.engines import FastEngine, LightEngine, ReferenceEngine
from pipelines.tokens.tokenizer import Tokenizer, load_tokenizer
from schemas.recipe import TokenSettings
from tests.tokens.handed_texts import handed_texts
from tests.tokens.vocabularies import TEXTS, reference, settings_of, small_model, tekken, write_model

EVERY = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
# What goes together badly: blanks, line ends, digits, marks, capitals, jamo, joiners, quotes.
ODD = st.text(
    alphabet=list(" \t\n\r\u00a0\u3000'/-_.A9aé가ㅏ\u1100\u1161\u11a8\u0301\u200d\ufe0f👍🏽Ⅱ½中ǅʰ"),
    max_size=40,
)


@pytest.fixture(scope="module")
def fast() -> FastEngine:
    engine = load_tokenizer(TokenSettings(), directory=Path()).vocabulary_file.engine
    assert isinstance(engine, FastEngine)
    return engine


def by_tiktoken(texts: list[str]) -> list[list[int]]:
    shift = tekken()[2]
    return [[rank + shift for rank in reference().encode_ordinary(text)] for text in texts]


def as_lists(encoded) -> list[list[int]]:
    return [part.tolist() for part in np.split(encoded.ids, np.cumsum(encoded.lengths)[:-1])]


@given(st.lists(EVERY | ODD, min_size=1, max_size=8))
@settings(max_examples=150)
def test_every_text_has_the_ids_of_tiktoken(fast, texts):
    assert as_lists(fast.encode(texts)) == by_tiktoken(texts)


@given(st.lists(EVERY | ODD, min_size=1, max_size=8))
@settings(max_examples=50)
def test_the_engine_for_a_few_texts_gives_the_same_ids(fast, texts):
    light = load_tokenizer(TokenSettings(), directory=Path()).vocabulary_file.light
    assert isinstance(light, LightEngine)
    assert as_lists(light.encode(texts)) == as_lists(fast.encode(texts))


def test_the_engine_for_a_few_texts_gives_the_same_ids_for_long_ones(fast):
    light = load_tokenizer(TokenSettings(), directory=Path()).vocabulary_file.light
    texts = [text * 20 for text in TEXTS] + [
        "말모이 " * 2000
    ]  # more than tokens are looked for in one by one
    assert as_lists(light.encode(texts)) == as_lists(fast.encode(texts))


def test_every_character_of_unicode_is_cut_as_tiktoken_cuts_it(fast):
    for start in range(0, sys.maxunicode + 1, 1 << 14):
        found = [chr(code) for code in range(start, start + (1 << 14)) if not 0xD800 <= code < 0xE000]
        texts = [f"aB{c}cA{c}{c}가{c}1 {c}!{c}\n{c} {c}  {c}A" for c in found]
        expected = reference().encode_ordinary_batch(texts, num_threads=1)
        here = fast.encode(texts)
        there = np.concatenate([np.array(ids) for ids in expected] or [np.zeros(0, int)]) + tekken()[2]
        assert np.array_equal(here.ids, there), f"between U+{start:04X} and U+{start + (1 << 14):04X}"


@pytest.mark.timeout(600)
def test_all_handed_text_has_the_ids_of_tiktoken(fast, handed):
    texts = 0
    for some in handed_texts(handed):
        expected = np.concatenate([np.array(ids) for ids in by_tiktoken(some)])
        assert np.array_equal(fast.encode(some).ids, expected)
        texts += len(some)
    assert texts > 200_000


MODELS = {"plain": {}, "composed": {"nfc": True}, "digits": {"digits": True}}


@pytest.fixture(scope="module", params=MODELS)
def pair(request, tmp_path_factory) -> tuple[Tokenizer, ReferenceTokenizer]:
    """A tokenizer.json through us, and by `tokenizers` itself."""
    model = small_model(**MODELS[request.param])
    path = write_model(tmp_path_factory.mktemp("json") / "tokenizer.json", model)
    model.encode_special_tokens = True
    return load_tokenizer(settings_of(path), directory=path.parent), model


@given(st.lists(EVERY | ODD | st.sampled_from(TEXTS), min_size=1, max_size=6))
@settings(max_examples=100)
def test_a_tokenizer_json_gives_the_ids_of_tokenizers(pair, texts):
    ours, model = pair
    assert isinstance(ours.vocabulary_file.engine, FastEngine)
    expected = [model.encode(text, add_special_tokens=False).ids for text in texts]
    assert as_lists(ours.vocabulary_file.engine.encode(texts)) == expected


def test_a_file_that_is_no_byte_level_bpe_is_read_by_tokenizers(tmp_path):
    words = {"[UNK]": 0, "[EOS]": 1, "말": 2, "##모이": 3, "a": 4}
    model = ReferenceTokenizer(models.WordPiece(words, unk_token="[UNK]"))
    model.pre_tokenizer = pre_tokenizers.Whitespace()
    model.add_special_tokens(["[UNK]", "[EOS]"])
    path = write_model(tmp_path / "tokenizer.json", model)
    ours = load_tokenizer(settings_of(path), directory=tmp_path)
    assert isinstance(ours.vocabulary_file.engine, ReferenceEngine)
    assert ours.encode(pa.array(["말모이 a b", "[EOS]"])).to_pylist() == [[2, 3, 4, 0, 1], [0, 0, 0, 1]]


# tiktoken overflows its stack or takes hours on these; what it can still do is compared.
RUNS = {
    "spaces": " ",
    "tabs": "\t ",
    "line ends": "\n",
    "one syllable": "가",
    "one letter": "a",
    "signs": "=",
    "capitals": "aB",
    "emoji": "👍",
}


@pytest.mark.parametrize("unit", RUNS.values(), ids=RUNS)
def test_a_run_without_a_break_is_encoded_as_tiktoken_does(fast, unit):
    text = unit * (20_000 // len(unit)) + "끝."
    assert as_lists(fast.encode([text])) == by_tiktoken([text])


@pytest.mark.parametrize("unit", RUNS.values(), ids=RUNS)
def test_a_document_of_a_million_characters_without_a_break_takes_seconds(fast, unit):
    text = unit * (1_000_000 // len(unit))
    begun = time.process_time()
    found = fast.encode([text])
    assert time.process_time() - begun < 10
    assert load_tokenizer(TokenSettings(), directory=Path()).decode(found.ids) == text


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["letters", "syllables", *RUNS])
def test_a_document_of_ten_million_characters_takes_a_minute_at_most(fast, kind):
    draw = random.Random(1)
    alphabet = {"letters": "abcdefghijklmnopqrstuvwxyz", "syllables": "가나다라마바사아자차카타파하쿵뷁"}
    text = (
        "".join(draw.choices(alphabet[kind], k=10_000_000))
        if kind in alphabet
        else RUNS[kind] * (10_000_000 // len(RUNS[kind]))
    )
    begun = time.process_time()
    found = fast.encode([text])
    assert time.process_time() - begun < 60
    assert load_tokenizer(TokenSettings(), directory=Path()).decode(found.ids) == text
