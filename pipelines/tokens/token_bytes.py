"""What each token id stands for, so that text comes back from tokens exactly and by the column.

A byte-level vocabulary loses nothing: the bytes of a document's tokens, one after the other, are its text. So
the text of a shard is one lookup (Arrow's `take`) over its token buffer, and the number of its characters one
sum. A vocabulary that changes what it reads (a normaliser, an unknown token) cannot give the text back, and
is refused: its build is made again with one of bytes, from staged text.
"""

from __future__ import annotations

import base64
import binascii
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from pipelines.tokens.vocabularies import shipped_path
from schemas.errors import BuildInconsistent, UsageError
from schemas.identity import file_sha256
from schemas.manifest import TokenizerFacts


@dataclass(frozen=True)
class TokenBytes:
    """`table[id]` is the token's bytes, empty for special tokens; `characters[id]` how many begin in it."""

    table: pa.LargeBinaryArray
    characters: npt.NDArray[np.uint8]  # bytes that are no continuation of UTF-8; tokens are short

    def texts(self, lists: pa.ListArray) -> pa.LargeStringArray:
        """The text of each list of ids; BuildInconsistent where it is no UTF-8."""
        offsets = lists.offsets.to_numpy().astype(np.int64)
        ids = lists.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0]))
        taken = self.table.take(ids)
        _, ends, data = taken.buffers()
        starts = np.frombuffer(ends, np.int64)[offsets - offsets[0]] if len(ids) else np.zeros_like(offsets)
        texts = pa.LargeStringArray.from_buffers(
            len(lists), pa.py_buffer(np.ascontiguousarray(starts)), data or pa.py_buffer(b"")
        )
        try:
            texts.validate(full=True)
        except pa.ArrowInvalid:
            raise BuildInconsistent(
                "a document's tokens are no text of this tokenizer: give the one it was made with"
            ) from None
        return texts

    def character_counts(self, lists: pa.ListArray) -> npt.NDArray[np.int64]:
        """Code points of each list's text; reads the ids, makes no text."""
        offsets = lists.offsets.to_numpy().astype(np.int64)
        ids = lists.values.to_numpy()[offsets[0] : offsets[-1]]
        if not len(ids):
            return np.zeros(len(lists), np.int64)
        ends = np.concatenate([[0], np.cumsum(self.characters[ids], dtype=np.int64)])
        return np.diff(ends[offsets - offsets[0]])


def read_token_bytes(facts: TokenizerFacts, directory: Path) -> TokenBytes:
    """The bytes of a build's tokens; a tokenizer that was a file is looked for in `directory`.

    Raises UsageError where it is not there, is another file, or is not byte-level.
    """
    return _read(facts.name, facts.sha256, facts.vocabulary, directory)


@functools.cache
def _read(name: str, sha256: str, size: int, directory: Path) -> TokenBytes:
    path = directory / name if name.endswith((".json", ".tiktoken")) else shipped_path(name)
    try:
        digest = file_sha256(path)
    except OSError as error:
        raise UsageError(
            f"{name}: the build's tokenizer cannot be read ({error.strerror}): name its directory"
        ) from None
    if digest != sha256:
        raise UsageError(f"{name} has SHA-256 {digest}, the build's has {sha256}: put the right file there")
    try:
        found = _entries(path)
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise UsageError(
            f"{name}: its tokens are no bytes (a normaliser, an unknown token, no byte-level decoder), so "
            "text does not come back from them exactly. Clean text is staged, so this loses nothing: "
            "'malmoi retokenise BUILD --tokenizer tekken_240911 -o NEW', and export NEW"
        ) from None
    tokens = [b""] * size
    for number, token in found.items():
        tokens[number] = token
    table = pa.array(tokens, pa.large_binary())
    _, ends, data = table.buffers()
    begins = (np.frombuffer(data, np.uint8) & 0xC0) != 0x80
    counted = np.concatenate([[0], np.cumsum(begins)])
    return TokenBytes(table, np.diff(counted[np.frombuffer(ends, np.int64)[: size + 1]]).astype(np.uint8))


def _entries(path: Path) -> dict[int, bytes]:
    """Bytes by id of a tekken file, a tokenizer.json or a .tiktoken table; ValueError for any other."""
    content = path.read_bytes()
    if path.suffix == ".tiktoken":
        lines = [line.split() for line in content.splitlines() if line.strip()]
        return {int(rank): base64.b64decode(token, validate=True) for token, rank in lines}
    model = orjson.loads(content)
    if "config" in model:
        first = model["config"]["default_num_special_tokens"]
        plain = model["vocab"][: model["config"]["default_vocab_size"] - first]
        return {first + rank: base64.b64decode(token["token_bytes"]) for rank, token in enumerate(plain)}
    return _of_json(model)


def _of_json(model: dict[str, Any]) -> dict[int, bytes]:
    """A tokenizer.json of byte-level BPE, whose tokens are spelt with GPT-2's letter for each byte."""
    decoder = model.get("decoder") or {}
    steps = [step["type"] for step in decoder.get("decoders", [decoder]) if step]
    if model.get("normalizer") or model["model"].get("type", "BPE") != "BPE" or steps != ["ByteLevel"]:
        raise ValueError
    byte_of = {letter: byte for byte, letter in enumerate(_byte_letters())}
    found = {number: bytes(byte_of[c] for c in token) for token, number in model["model"]["vocab"].items()}
    for added in model.get("added_tokens") or ():
        found[added["id"]] = b"" if added["special"] else added["content"].encode()
    return found


def _byte_letters() -> list[str]:
    """GPT-2's letter for each byte: printable ones stand for themselves, the others from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]
