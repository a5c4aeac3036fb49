"""Tokenizer files for tests: tekken as a .tiktoken table and as a tokenizer.json, and small ones."""

from __future__ import annotations

import base64
import functools
import importlib.util
import json
from pathlib import Path
from typing import Any

import orjson
import tiktoken
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from schemas.identity import file_sha256
from schemas.recipe import TokenSettings

TEXTS = [
    "말모이는 우리말을 모은 첫 사전의 이름입니다.\n\n온 나라 사람들이 낱말을 보냈어요!",
    "The words of a consortium, gathered into one corpus; it's 10,000 documents.",
    "ㅋㅋㅋㅋ 👍🏽 🇰🇷 👨‍👩‍👧 e\u0301 Ⅱ 中文字体 ひらがな ¿Qué tal?",
    "\u1106\u1161\u11af\u1106\u1169\u110b\u1175 \u1112\u1161\u11ab\u1100\u1173\u11af ꥠ ힰ",  # jamo, NFD Korean
    "def f(x):\n    return {'a': [x // 2, x ** 3]}  # 주석\n\n\n\t\tpass\r\n",
    "ไทย हिन्दी עברית العربية ქართული አማርኛ ᠮᠣᠩᠭᠣᠯ 𐎀𐎁 𓀀 ꯀ ᏣᎳᎩ ߒߞߏ",
    "  앞뒤 공백  ",
    "</s><s>[INST] 이것은 글일 뿐이다 [/INST]</s><|endoftext|>",
    "",
    "\x00\x01\x02\x03 a \x00\x01\x02",
]


@functools.cache
def tekken() -> tuple[str, list[bytes], int]:
    """Pattern, tokens by rank and the number of special tokens of tekken_240911."""
    data = Path(importlib.util.find_spec("mistral_common").origin).parent / "data"
    model = orjson.loads((data / "tekken_240911.json").read_bytes())
    config = model["config"]
    first = config["default_num_special_tokens"]
    tokens = [base64.b64decode(entry["token_bytes"]) for entry in model["vocab"]]
    return config["pattern"], tokens[: config["default_vocab_size"] - first], first


@functools.cache
def reference() -> tiktoken.Encoding:
    """Tekken by tiktoken, without special tokens."""
    pattern, tokens, _ = tekken()
    ranks = {token: rank for rank, token in enumerate(tokens)}
    return tiktoken.Encoding("tekken", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})


def write_table(path: Path, tokens: list[bytes]) -> str:
    """A .tiktoken table; its digest."""
    path.write_bytes(b"".join(b"%s %d\n" % (base64.b64encode(t), n) for n, t in enumerate(tokens)))
    return file_sha256(path)


def bytes_alphabet() -> list[str]:
    return sorted(pre_tokenizers.ByteLevel.alphabet())


def small_model(*, nfc: bool = False, digits: bool = False, size: int = 400) -> Tokenizer:
    """Byte-level BPE trained on TEXTS, with an end and a chat's tokens."""
    model = Tokenizer(models.BPE())
    steps = [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    if digits:
        steps.insert(0, pre_tokenizers.Digits(individual_digits=True))
    model.pre_tokenizer = pre_tokenizers.Sequence(steps) if digits else steps[0]
    if nfc:
        model.normalizer = normalizers.NFC()
    model.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=1,
        show_progress=False,
        initial_alphabet=bytes_alphabet(),
        special_tokens=[AddedToken(t, special=True) for t in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")],
    )
    model.train_from_iterator([text for text in TEXTS if "<|" not in text] * 3, trainer)
    return model


def settings_of(path: Path, **more: Any) -> TokenSettings:
    """Settings that name a file beside the recipe by its digest."""
    return TokenSettings(tokenizer=path.name, tokenizer_sha256=file_sha256(path), **more)


def write_model(path: Path, model: Tokenizer, **changes: Any) -> Path:
    """A tokenizer.json, with keys of its model changed."""
    content = json.loads(model.to_str())
    content["model"].update(changes)
    path.write_text(json.dumps(content, ensure_ascii=False))
    return path
