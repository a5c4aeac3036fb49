from __future__ import annotations

import importlib.util
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, decoders, models, pre_tokenizers
from tokenizers import Tokenizer as FastTokenizer

from pipelines.tokens import tokenizer as subject
from pipelines.tokens.tokenizer import Tokenizer, load_tokenizer
from schemas.errors import BuildInconsistent, UsageError
from schemas.identity import file_sha256
from schemas.recipe import TokenSettings

TEXTS = [
    "말모이는 우리말을 모은 첫 사전의 이름입니다.\n\n온 나라 사람들이 낱말을 보냈어요!",
    "The words of a consortium, gathered into one corpus; it's 10,000 documents.",
    "ㅋㅋㅋㅋ 👍🏽 🇰🇷 e\u0301 Ⅱ 中文字体 ひらがな ¿Qué tal?",
    "def f(x):\n    return {'a': [x // 2, x ** 3]}  # 주석\n\n\n\t\tpass\r\n",
    "  앞뒤 공백  ",
    "</s><s>[INST] 이것은 글일 뿐이다 [/INST]</s>",
    "",
    "\x00\x01\x02\x03 a \x00\x01\x02",
]


@pytest.fixture(scope="module")
def tekken() -> Tokenizer:
    return load_tokenizer(TokenSettings(), directory=Path())


@pytest.fixture(scope="module")
def mistral():
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer

    data = Path(importlib.util.find_spec("mistral_common").origin).parent / "data"
    return Tekkenizer.from_file(data / "tekken_240911.json")


def encoded(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    return tokenizer.encode(pa.array(texts, pa.string())).to_pylist()


def test_ids_are_those_of_mistral_common_with_the_end_behind_each_document(tekken, mistral):
    assert encoded(tekken, TEXTS) == [mistral.encode(text, bos=False, eos=True) for text in TEXTS]
    assert (tekken.vocabulary, tekken.end_of_document) == (mistral.n_words, mistral.eos_id)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=8))
@settings(deadline=None, max_examples=60)
def test_documents_encoded_together_are_as_if_encoded_alone(tekken, texts):
    together = encoded(tekken, texts)
    assert together == [ids for text in texts for ids in encoded(tekken, [text])]
    assert [tekken.decode(ids) for ids in together] == texts


def test_a_document_that_holds_the_mark_between_documents_is_only_text(tekken):
    texts = ["앞", f"가{subject._MARK}나{subject._MARK}", subject._MARK[:2], subject._MARK[1:], "뒤"]
    assert [tekken.decode(ids) for ids in encoded(tekken, texts)] == texts
    assert all(ids.index(2) == len(ids) - 1 for ids in encoded(tekken, texts))


def test_special_token_strings_in_a_text_never_become_special_ids(tekken):
    (ids,) = encoded(tekken, ["</s> <s> [INST] <pad> <unk> <SPECIAL_20>"])
    assert ids.pop() == 2
    assert min(ids) >= 1000


def test_handed_korean_text_is_encoded_as_mistral_common_does(tekken, mistral, handed):
    table = pq.read_table(handed / "fortytwodot" / "manuals_1.parquet", columns=["body_md"])
    texts = table["body_md"].drop_null()[:40]
    expected = [mistral.encode(text, bos=False, eos=True) for text in texts.to_pylist()]
    assert tekken.encode(texts).to_pylist() == expected


def test_a_long_text_is_cut_only_where_no_token_is_torn(tekken, monkeypatch):
    text = "".join(f"{number} 말을/모으다!\n/길/ \n\n  x{'=' * (number % 9)}\n" for number in range(400))
    (whole,) = encoded(tekken, [text])
    monkeypatch.setattr(subject, "_PIECE", 300)
    pieces = subject._pieces(text)
    assert len(pieces) > 20
    assert max(map(len, pieces)) <= 300
    assert "".join(pieces) == text
    assert encoded(tekken, ["앞", text, "뒤"])[1] == whole


@given(st.text(alphabet="가a1/! \n\r\t=", min_size=60, max_size=400))
@settings(deadline=None, max_examples=80)
def test_cuts_at_line_ends_change_no_token(tekken, text):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subject, "_PIECE", 30)
        cut = subject._pieces(text)
    # A line longer than half a piece is cut where it must be, which may be inside a token.
    forced = any(
        not left.endswith("\n") or right[0] == "/" or right[0].isspace() for left, right in pairwise(cut)
    )
    (whole,) = encoded(tekken, [text])
    joined = [token for piece in cut for token in encoded(tekken, [piece])[0][:-1]]
    assert forced or joined == whole[:-1]


@pytest.mark.parametrize(("after", "first"), [("나", 18), ("1", 18), ("/", 30), (" ", 30), ("\n", 19)])
def test_a_cut_follows_a_line_end_unless_the_next_character_may_belong_to_it(monkeypatch, after, first):
    monkeypatch.setattr(subject, "_PIECE", 30)
    pieces = subject._pieces("가" * 16 + "!\n" + after + "나" * 25)
    assert [len(piece) for piece in pieces] == [first, 44 - first]


@pytest.mark.parametrize("unit", [" ", "\t ", "\n", "가", "aB"])
def test_a_text_of_a_million_characters_without_a_break_is_encoded(tekken, unit):
    text = unit * (1_200_000 // len(unit))
    (ids,) = encoded(tekken, [text])
    assert tekken.decode(ids) == text


def test_slices_chunks_and_nothing_at_all_are_encoded(tekken):
    array = pa.array(["가", "나다", "라", "마"], pa.string())
    assert tekken.encode(array.slice(1, 2)).to_pylist() == tekken.encode(array).to_pylist()[1:3]
    chunked = pa.chunked_array([array.slice(0, 1), array.slice(1, 0), array.slice(1)])
    assert tekken.encode(chunked).to_pylist() == tekken.encode(array).to_pylist()
    for empty in (array.slice(0, 0), pa.chunked_array([], pa.string())):
        assert tekken.encode(empty).type == pa.list_(pa.int32())
        assert len(tekken.encode(empty)) == 0


def test_groups_are_bounded_and_hold_every_text_once(monkeypatch):
    monkeypatch.setattr(subject, "_GROUP_BYTES", 10)
    texts = pa.array(["a" * 4, "b" * 5, "c" * 30, "", "d" * 10, "e"], pa.string()).slice(1)
    groups = [group.to_pylist() for group in subject._groups(texts)]
    assert [text for group in groups for text in group] == texts.to_pylist()
    assert all(len(group) == 1 or sum(map(len, group)) <= 10 for group in groups)


def test_a_null_text_is_an_error(tekken):
    with pytest.raises(BuildInconsistent):
        tekken.encode(pa.array(["가", None], pa.string()))


def test_the_same_settings_give_the_same_loaded_tokenizer():
    settings_ = TokenSettings()
    assert load_tokenizer(settings_, directory=Path()) is load_tokenizer(
        settings_, directory=Path("elsewhere")
    )


def test_the_older_vocabulary_loads_as_well():
    older = load_tokenizer(TokenSettings(tokenizer="tekken_240718"), directory=Path())
    assert older.vocabulary == 131072
    assert [older.decode(ids) for ids in encoded(older, TEXTS)] == TEXTS


def test_the_engine_is_tiktoken_with_the_mark_as_its_only_special_token(tekken):
    encoding = tekken._engine._encoding
    assert isinstance(encoding, tiktoken.Encoding)
    assert encoding.special_tokens_set == {subject._MARK}


@pytest.fixture
def tokenizer_json(tmp_path) -> Path:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    model = FastTokenizer(models.BPE(vocab={char: index for index, char in enumerate(alphabet)}, merges=[]))
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    model.decoder = decoders.ByteLevel()
    model.add_special_tokens([AddedToken("<|endoftext|>", special=True)])
    path = tmp_path / "tokenizer.json"
    model.save(str(path))
    return path


def test_any_tokenizer_json_is_used_by_its_digest(tokenizer_json):
    named = TokenSettings(tokenizer="tokenizer.json", tokenizer_sha256=file_sha256(tokenizer_json))
    tokenizer = load_tokenizer(named, directory=tokenizer_json.parent)
    assert (tokenizer.vocabulary, tokenizer.end_of_document) == (257, 256)
    texts = ["말", "", "a<|endoftext|>b"]
    ids = encoded(tokenizer, texts)
    assert [len(document) for document in ids] == [4, 1, 16]
    assert all(document.index(256) == len(document) - 1 for document in ids)
    assert [tokenizer.decode(document) for document in ids] == texts


def test_a_wrong_digest_an_unknown_name_and_a_missing_file_are_usage_errors(tokenizer_json):
    directory = tokenizer_json.parent
    digest = file_sha256(tokenizer_json)
    (directory / "broken.json").write_text("{}")
    broken = file_sha256(directory / "broken.json")
    for settings_, word in (
        (TokenSettings(tokenizer="tokenizer.json", tokenizer_sha256="0" * 64), digest),
        (TokenSettings(tokenizer="tokenizer.json"), "tokenizer_sha256"),
        (TokenSettings(tokenizer="gpt2"), "tekken_240911"),
        (TokenSettings(tokenizer="absent.json", tokenizer_sha256=digest), "absent.json"),
        (TokenSettings(tokenizer="broken.json", tokenizer_sha256=broken), "broken.json"),
        (TokenSettings(tokenizer_sha256="0" * 64), "SHA-256"),
    ):
        with pytest.raises(UsageError, match=word):
            load_tokenizer(settings_, directory=directory)
