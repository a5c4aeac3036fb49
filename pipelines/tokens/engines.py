"""What turns texts into ids: `fastokens`, and `tokenizers` for files that only it reads.

fastokens is the fastest of the engines that give the ids of tiktoken and of `tokenizers` for every text
(benchmarks/tokenizer_speed.py measures them; tests/tokens/test_engines.py holds it against both). Its time
goes with the length of a text, so none is cut.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import fastokens
import numpy as np
import numpy.typing as npt
import orjson
from tokenizers import Tokenizer as ReferenceTokenizer

from schemas.errors import UsageError

Ids = npt.NDArray[np.int32]

_SHORT = 8192  # bytes of texts in which each of 131,072 tokens is looked for sooner than all are taken in
# What a tokenizer.json may consist of for fastokens to read it: byte-level BPE, cut by expressions. For these
# the tests hold it against `tokenizers`; every other file is read by `tokenizers` itself.
_WORD_CUTTERS = {"ByteLevel", "Split", "Digits"}
# Both engines encode this once a file is loaded, and where they differ `tokenizers` is taken.
_PROBE = (
    "말모이는 우리말을 모은 첫 사전이다. 12,345원 3.14 1/2\n\n\t  def f(x):\r\n    return x**2 # 주석 ",
    "\u1106\u1161\u11af\u1106\u1169\u110b\u1175 e\u0301 ﬁ Ⅱ ½ ㅋㅋㅋ 👍🏽 🇰🇷 \u200d\ufeff\x00",
    "中文 ひらがな ไทย हिन्दी עברית it's WE'LL don’t",
    "   ",
    "",
)


class Encoded(NamedTuple):
    """All ids, one text behind the other, and how many each text has."""

    ids: Ids
    lengths: npt.NDArray[np.int64]


class Engine(Protocol):
    """Texts to ids. Nothing in a text is ever a special token."""

    def encode(self, texts: list[str]) -> Encoded:
        """All texts in one call."""


class FastEngine:
    """fastokens; its threads are as many as RAYON_NUM_THREADS says, or one a core."""

    def __init__(self, model: fastokens.Tokenizer, *, shift: int = 0) -> None:
        self._model = model
        self._shift = np.int32(shift)

    @classmethod
    def of_table(cls, table: bytes, pattern: str, *, shift: int = 0) -> FastEngine:
        """From the lines of a .tiktoken table; ids are the table's ranks moved up by `shift`."""
        with tempfile.NamedTemporaryFile(suffix=".tiktoken") as file:  # it reads no table from memory
            file.write(table)
            file.flush()
            model = fastokens.Tokenizer.from_tiktoken(file.name, pattern=pattern, special_tokens={})
        return cls(model, shift=shift)

    def encode(self, texts: list[str]) -> Encoded:
        """All texts in one call; no object a token is made."""
        ids, ends = self._model.encode_batch_flat(texts)
        found = np.frombuffer(ids, dtype="<i4")
        return Encoded(
            found + self._shift if self._shift else found,
            np.diff(np.frombuffer(ends, dtype="<u8").astype(np.int64)),
        )


class LightEngine:
    """tiktoken: ready in a tenth of a second, where the fast one takes half; for a few texts."""

    def __init__(self, make: Callable[[dict[bytes, int]], Any], tokens: Sequence[bytes], shift: int) -> None:
        self._make = make
        self._tokens = tokens
        self._shift = np.int32(shift)

    @classmethod
    def of_tokens(cls, tokens: Sequence[bytes], pattern: str, *, shift: int = 0) -> LightEngine | None:
        """From the tokens in the order of their ranks; None where tiktoken is not installed."""
        try:
            from tiktoken import Encoding
        except ImportError:
            return None

        def make(ranks: dict[bytes, int]) -> Any:
            return Encoding("light", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})

        return cls(make, tokens, shift)

    @cached_property
    def _whole(self) -> Any:
        return self._make(dict(zip(self._tokens, range(len(self._tokens)), strict=True)))

    def _model(self, texts: Sequence[str]) -> Any:
        """Of a few short texts, with the tokens alone that stand in them: no other can be asked for.

        Pairs are merged inside a text, so whatever is looked up is a part of it.
        """
        said = b"".join(text.encode() for text in texts)
        if len(said) > _SHORT:
            return self._whole
        starts = {said[at : at + 3] for at in range(len(said))}
        return self._make(
            {
                token: rank
                for rank, token in enumerate(self._tokens)
                if len(token) < 3 or (token[:3] in starts and token in said)
            }
        )

    def encode(self, texts: list[str]) -> Encoded:
        """One text after the other."""
        model = self._model(texts)
        parts = [np.array(model.encode_ordinary(text), np.int32) + self._shift for text in texts]
        lengths = np.array([len(part) for part in parts], np.int64)
        return Encoded(np.concatenate([np.zeros(0, np.int32), *parts]), lengths)


class ReferenceEngine:
    """Hugging Face tokenizers: slow, and right by definition for a tokenizer.json."""

    def __init__(self, model: ReferenceTokenizer) -> None:
        self._model = model

    def encode(self, texts: list[str]) -> Encoded:
        """All texts in one call."""
        parts = [
            np.array(encoding.ids, dtype=np.int32)
            for encoding in self._model.encode_batch_fast(texts, add_special_tokens=False)
        ]
        lengths = np.fromiter(map(len, parts), dtype=np.int64, count=len(parts))
        return Encoded(np.concatenate(parts) if parts else np.zeros(0, np.int32), lengths)


def engine_of_json(content: dict[str, Any], name: str) -> Engine:
    """The fastest exact engine for a tokenizer.json, given without special tokens. Raises UsageError."""
    text = orjson.dumps(content).decode()
    reference = ReferenceEngine(read_reference(text, name))
    if not is_plain_bpe(content):
        return reference
    try:
        fast = FastEngine(fastokens.Tokenizer.from_json_str(text))
        here, there = fast.encode(list(_PROBE)), reference.encode(list(_PROBE))
    except (ValueError, RuntimeError, TypeError):
        return reference
    same = np.array_equal(here.ids, there.ids) and np.array_equal(here.lengths, there.lengths)
    return fast if same else reference


def read_reference(text: str, name: str) -> ReferenceTokenizer:
    """A tokenizer.json by `tokenizers`; raises UsageError where it is none."""
    try:
        model = ReferenceTokenizer.from_str(text)
    except Exception as error:  # `tokenizers` raises bare Exception for every fault of a file
        raise UsageError(
            f"tokens.tokenizer: {name} is not a tokenizer.json ({type(error).__name__}): check it"
        ) from None
    model.no_truncation()
    model.no_padding()
    model.encode_special_tokens = True
    return model


def is_plain_bpe(content: dict[str, Any]) -> bool:
    """Whether a tokenizer.json is byte-level BPE, which gives back every (composed) text it encodes."""
    model, cutter, normalizer = content["model"], content.get("pre_tokenizer"), content.get("normalizer")
    odd = ("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback")
    steps = cutter.get("pretokenizers", [cutter]) if cutter else []
    kinds = [step.get("type") for step in steps]
    return (
        model.get("type") == "BPE"
        and not any(model.get(name) for name in odd)
        and (normalizer is None or normalizer.get("type") == "NFC")
        and kinds[-1:] == ["ByteLevel"]
        and set(kinds) <= _WORD_CUTTERS
    )
