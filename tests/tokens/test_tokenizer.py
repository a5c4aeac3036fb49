"""Tokenizers as recipes name them: three kinds of files, pinned; what stands around documents and turns."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mistral_common.tokens.tokenizers.tekken import Tekkenizer
from tokenizers import AddedToken, models, pre_tokenizers
from tokenizers import Tokenizer as ReferenceTokenizer

from pipelines.tokens import tokenizer as subject
from pipelines.tokens.tokenizer import Tokenizer, load_tokenizer
from pipelines.tokens.vocabularies import SHIPPED, read_tekken
from schemas.documents import TURNS
from schemas.errors import BuildInconsistent, UsageError
from schemas.identity import file_sha256
from schemas.recipe import DialogueTemplate, TokenSettings
from tests.tokens.vocabularies import (
    TEXTS,
    settings_of,
    small_model,
    tekken,
    write_model,
    write_table,
)

DATA = Path(importlib.util.find_spec("mistral_common").origin).parent / "data"
SPECIAL_LOOKS = st.sampled_from(
    ["</s>", "<s>", "<unk>", "[INST]", "<SPECIAL_20>", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "[EOS]"]
)
CHARACTERS = st.characters(exclude_categories=["Cs"])
MIXED = st.lists(SPECIAL_LOOKS | st.text(CHARACTERS, max_size=8), max_size=8).map("".join)


@pytest.fixture(scope="module")
def ours() -> Tokenizer:
    return load_tokenizer(TokenSettings(), directory=Path())


@pytest.fixture(scope="module")
def mistral() -> Tekkenizer:
    return Tekkenizer.from_file(DATA / "tekken_240911.json")


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A small tokenizer.json and tekken as a .tiktoken table."""
    home = tmp_path_factory.mktemp("files")
    write_model(home / "tokenizer.json", small_model())
    write_table(home / "tekken.tiktoken", tekken()[1])
    return home


def table_settings(home: Path, **more) -> TokenSettings:
    given_ = {"special_tokens": {"<|endoftext|>": 130072}, "pattern": tekken()[0], **more}
    return settings_of(home / "tekken.tiktoken", **given_)


def encoded(tokenizer: Tokenizer, texts: list[str], **more: str) -> list[list[int]]:
    return tokenizer.encode(pa.array(texts, pa.string()), **more).to_pylist()


def test_ids_are_those_of_mistral_common_with_the_end_behind_each_document(ours, mistral):
    assert encoded(ours, TEXTS) == [mistral.encode(text, bos=False, eos=True) for text in TEXTS]
    assert (ours.vocabulary, ours.end_of_document) == (mistral.n_words, mistral.eos_id)


@pytest.mark.parametrize("name", SHIPPED)
def test_tokens_found_in_the_bytes_of_a_tekken_file_are_those_of_a_parser(name: str):
    content = (DATA / f"{name}.json").read_bytes()
    model = orjson.loads(content)
    wanted = model["config"], [entry["token_bytes"].encode() for entry in model["vocab"]]
    assert read_tekken(content) == wanted
    few = {"config": model["config"], "vocab": model["vocab"][:300]}
    few["vocab"][9]["token_str"] = '"token_bytes": "QQ==", "vocab": [ "rank": '
    wanted = model["config"], wanted[1][:300]
    for written in (few, dict(reversed(few.items()))):
        assert read_tekken(json.dumps(written).encode()) == wanted
        assert read_tekken(json.dumps(written, indent=2).encode()) == wanted
        assert read_tekken(orjson.dumps(written)) == wanted  # no blanks: parsed


def test_special_tokens_are_named_as_in_mistral_common(ours, mistral):
    names = [token["token_str"] for token in Tekkenizer.DEPRECATED_SPECIAL_TOKENS]
    named = ours.vocabulary_file.specials
    assert [named[str(getattr(name, "value", name))] for name in names] == list(range(len(names)))
    assert len(named) == mistral.num_special_tokens
    assert named["<SPECIAL_999>"] == 999


def test_the_older_vocabulary_loads_as_well():
    older = load_tokenizer(TokenSettings(tokenizer="tekken_240718"), directory=Path())
    mistral = Tekkenizer.from_file(DATA / "tekken_240718.json")
    assert encoded(older, TEXTS) == [mistral.encode(text, bos=False, eos=True) for text in TEXTS]
    assert [older.decode(ids) for ids in encoded(older, TEXTS)] == TEXTS


@given(st.lists(st.text(CHARACTERS), max_size=8))
@settings(max_examples=60)
def test_documents_encoded_together_are_as_if_encoded_alone_and_come_back(ours, texts):
    together = encoded(ours, texts)
    assert together == [ids for text in texts for ids in encoded(ours, [text])]
    assert [ours.decode(ids) for ids in together] == texts


def test_a_tiktoken_table_gives_the_ranks_as_ids(ours, home):
    table = load_tokenizer(table_settings(home), directory=home)
    shift = tekken()[2]
    expected = [[token - shift for token in ids[:-1]] + [130072] for ids in encoded(ours, TEXTS)]
    assert encoded(table, TEXTS) == expected
    assert (table.vocabulary, table.end_of_document) == (130073, 130072)
    assert [table.decode(ids) for ids in encoded(table, TEXTS)] == TEXTS


@pytest.fixture(scope="module", params=["tekken", "table", "json"])
def one_of_each(request, ours, home) -> Tokenizer:
    """A tokenizer of each kind of file."""
    if request.param == "tekken":
        return ours
    chosen = table_settings(home) if request.param == "table" else settings_of(home / "tokenizer.json")
    return load_tokenizer(chosen, directory=home)


@given(st.lists(MIXED, min_size=1, max_size=4))
@settings(max_examples=80)
def test_text_that_looks_like_a_special_token_is_never_encoded_as_one(one_of_each, texts):
    specials = set(one_of_each.vocabulary_file.specials.values())
    for text, ids in zip(texts, encoded(one_of_each, texts), strict=True):
        assert ids[-1] == one_of_each.end_of_document
        assert not specials & set(ids[:-1])
        assert one_of_each.decode(ids) == text


def test_a_special_token_that_is_a_word_of_the_vocabulary_too_is_still_text(tmp_path):
    model = small_model()
    vocabulary = dict(model.get_vocab()) | {"END": len(model.get_vocab())}
    path = write_model(tmp_path / "tokenizer.json", model, vocab=vocabulary, ignore_merges=True)
    plain = load_tokenizer(settings_of(path), directory=tmp_path)
    assert vocabulary["END"] in encoded(plain, ["END"])[0]  # the trap is set
    model = ReferenceTokenizer.from_file(str(path))
    model.add_special_tokens([AddedToken("END", special=True)])
    model.save(str(path))
    special = load_tokenizer(settings_of(path), directory=tmp_path)
    assert special.vocabulary_file.specials["END"] == vocabulary["END"]
    assert vocabulary["END"] not in encoded(special, ["END", "a END b"])[0]
    assert special.decode(encoded(special, ["END"])[0]) == "END"


def test_a_special_token_of_a_unigram_model_is_text_as_well(tmp_path):
    pieces = [("<unk>", 0.0), ("</s>", 0.0), ("▁", -1.0), *((c, -2.0) for c in "</s>ab")]
    model = ReferenceTokenizer(models.Unigram(pieces, unk_id=0))
    model.pre_tokenizer = pre_tokenizers.Metaspace()
    model.add_special_tokens(["<unk>", "</s>"])
    path = write_model(tmp_path / "tokenizer.json", model)
    (ids,) = encoded(load_tokenizer(settings_of(path), directory=tmp_path), ["a</s>b"])
    assert ids.count(1) == 1
    assert ids[-1] == 1


def test_what_the_recipe_puts_around_documents_stands_there(ours):
    around = load_tokenizer(TokenSettings(begin="<s>", end="[IMG_END]"), directory=Path())
    plain = encoded(ours, TEXTS)
    assert encoded(around, TEXTS) == [[1, *ids[:-1], 13] for ids in plain]
    assert (around.facts.begin_of_document, around.facts.end_of_document) == (1, 13)
    assert around.identity != ours.identity


CHATML = ("<|im_start|>", "{role}\n{text}", "<|im_end|>", "\n")


def chat(home: Path, **more) -> Tokenizer:
    template = DialogueTemplate("a_dot/chat", turn=CHATML, **more)
    return load_tokenizer(settings_of(home / "tokenizer.json", templates=(template,)), directory=home)


@given(st.lists(st.lists(st.text(alphabet="가나 ab.1", max_size=9), min_size=1, max_size=5), max_size=4))
@settings(max_examples=60)
def test_a_template_gives_the_ids_of_the_rendered_chat(home, dialogues):
    for then, roles in (("again", ["user", "assistant"] * 3), ("last", ["user", *["assistant"] * 5])):
        tokenizer = chat(home, then=then)
        model = ReferenceTokenizer.from_file(str(home / "tokenizer.json"))
        texts = ["\n".join(turns) for turns in dialogues]
        written = [
            "".join(
                f"<|im_start|>{role}\n{turn}<|im_end|>\n"
                for role, turn in zip(roles, text.split("\n"), strict=False)
            )
            for text in texts
        ]
        expected = [[*model.encode(text).ids, tokenizer.end_of_document] for text in written]
        assert encoded(tokenizer, texts, data_set="a_dot/chat") == expected


def written(tokenizer: Tokenizer, ids: list[int]) -> list[tuple[str, str]]:
    """(role, text) of every turn between the template's tokens, which are all of the document."""
    start, end = (tokenizer.vocabulary_file.specials[name] for name in ("<|im_start|>", "<|im_end|>"))
    assert ids.pop() == tokenizer.end_of_document
    found = []
    while ids:
        assert ids.pop(0) == start
        stop = ids.index(end)
        role, _, text = tokenizer.decode(ids[:stop]).partition("\n")
        found.append((role, text))
        ids = ids[stop + 1 :]
        assert tokenizer.decode(ids[:1]) == "\n"
        ids = ids[1:]
    return found


WHO = st.sampled_from([None, "user", "assistant", "bot", "#1", "#2", "#3"])


@given(
    st.lists(
        st.lists(
            st.tuples(st.text("가 \n<|im_end|>", min_size=1, max_size=9), st.integers(1, 3), WHO),
            min_size=1,
            max_size=5,
        ),
        max_size=4,
    ),
    st.sampled_from(["again", "last"]),
)
@settings(max_examples=100)
def test_known_turns_are_written_whole_under_their_roles(home, dialogues, then):
    tokenizer = chat(home, then=then, roles=("user", "assistant"), speakers={"bot": "assistant"})
    texts, turns, expected = [], [], []
    for dialogue in dialogues:
        known, left, at, place = [], [], 0, -1
        for text, step, speaker in dialogue:
            place += step  # turns between were empty
            end = at + len(text.encode())
            known.append({"start": at, "end": end, "place": place, "speaker": speaker})
            at = end + 1
            number = int(speaker[1]) - 1 if speaker and speaker.startswith("#") else place
            by_number = ("user", "assistant")[number % 2 if then == "again" else min(number, 1)]
            role = {"bot": "assistant", None: by_number}.get(speaker, speaker)
            left.append((by_number if role.startswith("#") else role, text.rstrip(" \n").lstrip("\n")))
        texts.append("\n".join(text for text, _, _ in dialogue))
        turns.append(known)
        expected.append([turn for turn in left if turn[1]] or left[:1])
    arrays = pa.array(["앞", *texts], pa.string()), pa.array([[], *turns], TURNS.type)
    ids = tokenizer.encode(arrays[0].slice(1), data_set="a_dot/chat", turns=arrays[1].slice(1)).to_pylist()
    assert [written(tokenizer, one) for one in ids] == expected


def test_a_speaker_without_a_role_is_an_error(home):
    turns = pa.array([[{"start": 0, "end": 1, "place": 0, "speaker": "guide"}]], TURNS.type)
    with pytest.raises(UsageError, match=r"templates.0.speakers: 'guide' .*say which"):
        chat(home).encode(pa.array(["a"]), data_set="a_dot/chat", turns=turns)


def test_a_turn_that_writes_the_template_s_tokens_is_only_text(home):
    tokenizer = chat(home)
    (ids,) = encoded(tokenizer, ["안녕<|im_end|>\n<|im_start|>system"], data_set="a_dot/chat", join="\n\n")
    named = tokenizer.vocabulary_file.specials
    assert [ids.count(named[name]) for name in ("<|im_start|>", "<|im_end|>", "<|endoftext|>")] == [1, 1, 1]


def test_a_template_is_for_its_data_set_alone(home):
    plain = load_tokenizer(settings_of(home / "tokenizer.json"), directory=home)
    assert encoded(chat(home), TEXTS, data_set="a_dot/other") == encoded(plain, TEXTS)
    assert encoded(chat(home), TEXTS) == encoded(plain, TEXTS)


def test_slices_chunks_and_nothing_at_all_are_encoded(ours, home):
    for tokenizer, data_set in ((ours, ""), (chat(home), "a_dot/chat")):
        array = pa.array(["가", "나다", "라", "마"], pa.string())
        one = tokenizer.encode(array, data_set=data_set)
        assert tokenizer.encode(array.slice(1, 2), data_set=data_set).to_pylist() == one.to_pylist()[1:3]
        chunked = pa.chunked_array([array.slice(0, 1), array.slice(1, 0), array.slice(1)])
        assert tokenizer.encode(chunked, data_set=data_set).to_pylist() == one.to_pylist()
        for empty in (array.slice(0, 0), pa.chunked_array([], pa.string())):
            assert tokenizer.encode(empty, data_set=data_set).type == pa.list_(pa.int32())
            assert len(tokenizer.encode(empty, data_set=data_set)) == 0


def test_groups_are_bounded_and_hold_every_text_once(monkeypatch):
    monkeypatch.setattr(subject, "_GROUP_BYTES", 10)
    texts = pa.array(["a" * 4, "b" * 5, "c" * 30, "", "d" * 10, "e"], pa.string()).slice(1)
    groups = [group.to_pylist() for group in subject._groups(texts)]
    assert [text for group in groups for text in group] == texts.to_pylist()
    assert all(len(group) == 1 or sum(map(len, group)) <= 10 for group in groups)


def test_a_null_text_is_an_error(ours):
    with pytest.raises(BuildInconsistent):
        ours.encode(pa.array(["가", None], pa.string()))


def test_a_file_is_read_once_a_process(ours):
    again = load_tokenizer(TokenSettings(begin="<s>"), directory=Path("elsewhere"))
    assert again.vocabulary_file is ours.vocabulary_file


def test_ids_decode_from_any_kind_of_list(ours):
    (ids,) = encoded(ours, ["말모이"])
    for given_ in (ids, np.array(ids, np.int32), pa.array(ids, pa.int32())):
        assert ours.decode(given_) == "말모이"


def test_every_error_names_its_field_and_what_to_do(home):
    digest = file_sha256(home / "tokenizer.json")
    (home / "broken.json").write_text("{}")
    (home / "text.tiktoken").write_text("=\n")
    write_table(home / "few.tiktoken", [b"a", b"b"])
    for settings_, words in (
        (
            TokenSettings(tokenizer="tokenizer.json", tokenizer_sha256="0" * 64),
            (digest, "0" * 64, "tokenizer.json"),
        ),
        (TokenSettings(tokenizer_sha256="0" * 64), ("tekken_240911", "0" * 64, "SHA-256")),
        (TokenSettings(tokenizer="tokenizer.json"), ("tokenizer_sha256",)),
        (TokenSettings(tokenizer="gpt2"), ("tekken_240911", ".tiktoken")),
        (TokenSettings(tokenizer="absent.json", tokenizer_sha256=digest), ("absent.json", "path")),
        (settings_of(home / "broken.json"), ("broken.json", "tokenizer.json")),
        (settings_of(home / "tekken.tiktoken"), ("tokens.pattern", "tekken.tiktoken")),
        (settings_of(home / "text.tiktoken", pattern="."), ("text.tiktoken:1", "base64")),
        (settings_of(home / "few.tiktoken", pattern="."), ("few.tiktoken", "256 bytes")),
        (table_settings(home, special_tokens={"<x>": 5}), ("tokens.special_tokens.<x>", "id 5")),
        (table_settings(home, special_tokens={}), ("tokens.end", "</s>")),
        (TokenSettings(vocabulary=131_071), ("tokens.vocabulary", "131071", "131072")),
        (settings_of(home / "tokenizer.json", vocabulary=300), ("tokens.vocabulary", "300")),
        (TokenSettings(begin="<bos>"), ("tokens.begin", "<bos>")),
        (TokenSettings(end="<eos>"), ("tokens.end", "<eos>")),
        (
            TokenSettings(templates=(DialogueTemplate("a/b", ("{role}",)),)),
            ("tokens.templates.0.turn", "{text}"),
        ),
    ):
        with pytest.raises(UsageError) as raised:
            load_tokenizer(settings_, directory=home)
        assert all(word in str(raised.value) for word in words), str(raised.value)
    with pytest.raises(UsageError, match=r"tokens\.pattern"):
        encoded(load_tokenizer(table_settings(home, pattern="("), directory=home), ["a"])


def test_a_vocabulary_of_exactly_the_declared_size_is_taken():
    assert load_tokenizer(TokenSettings(vocabulary=131_072), directory=Path()).vocabulary == 131_072
