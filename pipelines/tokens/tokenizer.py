"""Text to token ids: the tekken vocabularies by tiktoken, any tokenizer.json by `tokenizers`.

Reads the text column. Writes input_ids: list<int32>, one list a document, ended by end_of_document.
"""

from __future__ import annotations

import base64
import functools
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import tiktoken
from tokenizers import Tokenizer as FastTokenizer

from schemas.errors import BuildInconsistent, UsageError
from schemas.identity import file_sha256
from schemas.manifest import TokenizerFacts
from schemas.recipe import TokenSettings

TOKENIZER_VERSION = 1
SHIPPED = ("tekken_240718", "tekken_240911")  # in the wheel mistral-common

# Documents that are encoded in one call are joined by a mark, which tiktoken takes for a special token.
# All its characters differ, so no ending of a document and beginning of the mark make up another mark.
_MARK = "\x00\x01\x02\x03"
_GROUP_BYTES = 1 << 20
# A run of about a million spaces overflows the stack of tiktoken's regex engine, and byte pair merges slow
# down past some hundred thousand letters: no text goes in longer than this many characters.
_PIECE = 1 << 18
_INT32_MAX = 2**31 - 1
# What ends a document in the tokenizers in use; the first that a tokenizer.json declares is taken.
_ENDS = ("</s>", "<|endoftext|>", "<|end_of_text|>", "<eos>", "<|im_end|>", "[EOS]")

Ids = npt.NDArray[np.int32]


class _Engine(Protocol):
    """What encodes a list of texts into one array and the length of each text in it, ends included."""

    def encode(self, texts: list[str]) -> tuple[Ids, npt.NDArray[np.int64]]: ...

    def decode(self, ids: list[int]) -> str: ...


@dataclass(frozen=True)
class Tokenizer:
    """A tokenizer, known by the digest of its vocabulary file."""

    name: str
    sha256: str
    vocabulary: int  # ids are smaller than this
    end_of_document: int
    _engine: _Engine = field(repr=False, compare=False)

    @property
    def facts(self) -> TokenizerFacts:
        """What the manifest says of it."""
        return TokenizerFacts(self.name, self.sha256, self.vocabulary, self.end_of_document)

    def encode(self, texts: pa.StringArray | pa.ChunkedArray) -> pa.ListArray:
        """One list<int32> a text, none null, each ended by end_of_document.

        Strings that look like a special token ("</s>") are text and never become its id.
        Raises BuildInconsistent for a null text and UsageError past 2^31 - 1 tokens in one call.
        """
        if texts.null_count:
            raise BuildInconsistent(
                "a document without text reached the tokenizer: this is a defect, report it"
            )
        ids: list[Ids] = []
        lengths: list[npt.NDArray[np.int64]] = []
        for chunk in texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]:
            for group in _groups(chunk):
                group_ids, group_lengths = self._engine.encode(group.to_pylist())
                ids.append(group_ids)
                lengths.append(group_lengths)
        offsets = np.zeros(len(texts) + 1, dtype=np.int64)
        if lengths:
            np.cumsum(np.concatenate(lengths), out=offsets[1:])
        if offsets[-1] > _INT32_MAX:
            raise UsageError(
                f"{offsets[-1]} tokens do not fit in one batch: lower tokens.shard_mib in the recipe"
            )
        values = np.concatenate(ids) if ids else np.zeros(0, dtype=np.int32)
        return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(values))

    def decode(self, ids: Sequence[int] | npt.NDArray[np.int32] | pa.Array) -> str:
        """The text of the ids; special ones are left out, bytes that are no UTF-8 become U+FFFD."""
        plain = ids.to_pylist() if isinstance(ids, pa.Array) else [int(token) for token in ids]
        return self._engine.decode(plain)


def load_tokenizer(settings: TokenSettings, *, directory: Path) -> Tokenizer:
    """The tokenizer a recipe names, loaded once a process; a path is relative to `directory`.

    Raises UsageError for an unknown name, a missing file, a missing or wrong digest.
    """
    name = settings.tokenizer
    if name in SHIPPED:
        return _load_tekken(name, settings.tokenizer_sha256)
    if not name.endswith(".json"):
        raise UsageError(
            f"tokens.tokenizer: {name!r} is none of {', '.join(SHIPPED)} and no path to a tokenizer.json: "
            "name one of them"
        )
    if settings.tokenizer_sha256 is None:
        raise UsageError(
            f"tokens.tokenizer: {name} needs tokenizer_sha256: write the file's SHA-256 beside it"
        )
    return _load_json(directory / name, name, settings.tokenizer_sha256)


@functools.cache
def _load_tekken(name: str, expected: str | None) -> Tokenizer:
    spec = importlib.util.find_spec("mistral_common")
    if spec is None or spec.origin is None:
        raise UsageError(f"tokens.tokenizer: {name} comes with the package mistral-common: install it")
    path = Path(spec.origin).parent / "data" / f"{name}.json"
    digest = _checked_digest(path, name, expected)
    model = orjson.loads(path.read_bytes())
    config = model["config"]
    special = config["default_num_special_tokens"]
    plain = config["default_vocab_size"] - special
    ranks = {base64.b64decode(token["token_bytes"]): token["rank"] for token in model["vocab"][:plain]}
    encoding = tiktoken.Encoding(
        name, pat_str=config["pattern"], mergeable_ranks=ranks, special_tokens={_MARK: plain}
    )
    end = 2  # </s> in both vocabularies: Tekkenizer.DEPRECATED_SPECIAL_TOKENS in mistral_common
    engine = _TekkenEngine(encoding, special=special, mark=plain, end=end)
    return Tokenizer(name, digest, plain + special, end, engine)


@functools.cache
def _load_json(path: Path, name: str, expected: str) -> Tokenizer:
    digest = _checked_digest(path, name, expected)
    try:
        model = FastTokenizer.from_str(path.read_bytes().decode())
    except Exception as error:  # `tokenizers` raises bare Exception for every fault of a file
        raise UsageError(
            f"tokens.tokenizer: {name} is not a tokenizer.json ({type(error).__name__}): check it"
        ) from None
    model.no_truncation()
    model.no_padding()
    model.encode_special_tokens = True  # "</s>" in a text is text
    declared = {
        token.content: number for number, token in model.get_added_tokens_decoder().items() if token.special
    }
    end = next((declared[text] for text in _ENDS if text in declared), None)
    if end is None:
        raise UsageError(
            f"tokens.tokenizer: {name} declares none of {', '.join(_ENDS)} as a special token: "
            "add the one that ends a document"
        )
    vocabulary = max(model.get_vocab(with_added_tokens=True).values()) + 1
    return Tokenizer(name, digest, vocabulary, end, _JsonEngine(model, end=end))


def _checked_digest(path: Path, name: str, expected: str | None) -> str:
    try:
        digest = file_sha256(path)
    except OSError as error:
        raise UsageError(
            f"tokens.tokenizer: {name} cannot be read ({error.strerror}): check the path"
        ) from None
    if expected is not None and digest != expected.lower():
        raise UsageError(
            f"tokens.tokenizer: {name} has SHA-256 {digest}, the recipe says {expected}: "
            "put the right file there, or correct tokenizer_sha256"
        )
    return digest


class _TekkenEngine:
    """tiktoken; ids are ranks moved up by the number of special tokens."""

    def __init__(self, encoding: tiktoken.Encoding, *, special: int, mark: int, end: int) -> None:
        self._encoding = encoding
        self._special = special
        self._mark = mark
        self._end = end
        self._marks = frozenset([_MARK])

    def encode(self, texts: list[str]) -> tuple[Ids, npt.NDArray[np.int64]]:
        """All texts in one call, divided by marks; one by one where a text is long or holds the mark."""
        if max(map(len, texts)) > _PIECE:
            return self._one_by_one(texts)
        joined = _MARK.join(texts) + _MARK
        ranks = self._encoding.encode_to_numpy(joined, allowed_special=self._marks, disallowed_special=())
        ends = np.flatnonzero(ranks == self._mark)
        if len(ends) != len(texts):
            return self._one_by_one(texts)
        ids = ranks.astype(np.int32) + np.int32(self._special)
        ids[ends] = self._end
        return ids, np.diff(ends, prepend=-1)

    def _one_by_one(self, texts: list[str]) -> tuple[Ids, npt.NDArray[np.int64]]:
        parts: list[Ids] = []
        lengths = np.zeros(len(texts), dtype=np.int64)
        end = np.array([self._end], dtype=np.int32)
        for index, text in enumerate(texts):
            document = [
                self._encoding.encode_to_numpy(
                    piece, allowed_special=frozenset(), disallowed_special=()
                ).astype(np.int32)
                + np.int32(self._special)
                for piece in _pieces(text)
            ]
            lengths[index] = sum(map(len, document)) + 1
            parts += [*document, end]
        return np.concatenate(parts), lengths

    def decode(self, ids: list[int]) -> str:
        """The text of all ids but the special ones."""
        return self._encoding.decode([token - self._special for token in ids if token >= self._special])


class _JsonEngine:
    """Hugging Face tokenizers; one thread unless RAYON_NUM_THREADS says otherwise."""

    def __init__(self, model: FastTokenizer, *, end: int) -> None:
        self._model = model
        self._end = end

    def encode(self, texts: list[str]) -> tuple[Ids, npt.NDArray[np.int64]]:
        """All texts in one call."""
        end = np.array([self._end], dtype=np.int32)
        parts: list[Ids] = []
        for encoding in self._model.encode_batch_fast(texts, add_special_tokens=False):
            parts += [np.array(encoding.ids, dtype=np.int32), end]
        lengths = np.fromiter(map(len, parts), dtype=np.int64, count=len(parts))
        return np.concatenate(parts), lengths.reshape(-1, 2).sum(axis=1)

    def decode(self, ids: list[int]) -> str:
        """The text of all ids but the special ones."""
        return str(self._model.decode(ids, skip_special_tokens=True))


def _groups(texts: pa.StringArray) -> Iterator[pa.StringArray]:
    """Slices of about a mebibyte of text; a longer text is a group of its own."""
    if not len(texts):
        return
    ends = np.cumsum(pc.binary_length(texts).to_numpy(zero_copy_only=False).astype(np.int64))
    start, done = 0, 0
    while start < len(texts):
        stop = max(start + 1, int(np.searchsorted(ends, done + _GROUP_BYTES, side="right")))
        yield texts.slice(start, stop - start)
        start, done = stop, int(ends[stop - 1])


def _pieces(text: str) -> list[str]:
    """A long text cut to at most _PIECE characters a piece, where no token is torn.

    Tekken's expression never goes from a line end on to a character that is neither white space nor "/"
    (its alternatives are words, one digit, marks with line ends and slashes behind them, and white space),
    so a cut there changes nothing. Only a line of more than half of _PIECE may be cut inside a token.
    """
    cuts, start = [0], 0
    while len(text) - start > _PIECE:
        cut = start + _PIECE
        line_end = text.rfind("\n", start + _PIECE // 2, cut)
        while line_end >= 0 and (text[line_end + 1] == "/" or text[line_end + 1].isspace()):
            line_end = text.rfind("\n", start + _PIECE // 2, line_end)
        start = line_end + 1 if line_end >= 0 else cut
        cuts.append(start)
    return [text[first:last] for first, last in pairwise([*cuts, len(text)])]
