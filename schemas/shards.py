"""What a shard is: its Arrow schema, where its tokens begin, its name, the codes in its columns."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

import pyarrow as pa

from schemas.documents import DOC_ID
from schemas.errors import BuildInconsistent

# An Arrow IPC stream of exactly one record batch with these columns, without compression or validity buffers.
# With 4 bytes of list offset and Megatron's 12 bytes of index, a document costs 38 bytes beside its tokens:
# 0.95 % at a mean of 1,000 tokens. A wider column would pass 1 %.
SHARD = pa.schema(
    [
        pa.field("input_ids", pa.list_(pa.int32()), nullable=False),
        pa.field("doc_id", DOC_ID, nullable=False),
        pa.field("contract", pa.int32(), nullable=False),  # code of the partner
        pa.field("language", pa.int16(), nullable=False),  # code of the language; NO_LANGUAGE where unknown
    ]
)
TOKENS_AT = 4096  # byte of the file where the token buffer (int32, little-endian) begins: one page
SPLITS = ("train", "validation")
NO_LANGUAGE = "und"  # ISO 639-3 for undetermined

_SHORT = re.compile(r"[a-z]{1,3}")  # ISO 639 codes among them
_PROGRAMS = 27**3  # code of the language "code", the first number that no three letters have


def shard_name(*, epoch: int, split: str, index: int) -> str:
    """The name of a shard, unique in its build: "0-train-00003"."""
    return f"{epoch}-{split}-{index:05d}"


def shard_path(*, epoch: int, split: str, index: int, count: int) -> str:
    """Where a shard lies in its build; the file name is the one that `datasets` gives its own."""
    return f"segments/{epoch}/{split}/data-{index:05d}-of-{count:05d}.arrow"


def partition_at(doc_id: bytes, partitions: int) -> int:
    """In which of equal ranges of ids a document lies; `pipelines.tokens.shards.partition_of` for one."""
    return int.from_bytes(doc_id[:4], "big") * partitions >> 32


def code_of(name: str) -> int:
    """The code of a partner or language, never negative; it depends on nothing but the name.

    Up to three small letters are a number in base 27, so languages fit in 16 bits and never collide; "code"
    is the number after them. Other names: the first 31 bits of their BLAKE2b.
    """
    if _SHORT.fullmatch(name):
        code = 0
        for letter in name:
            code = 27 * code + ord(letter) - ord("a") + 1
        return code
    if name == "code":
        return _PROGRAMS
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest(), "big") >> 1


def code_table(names: Iterable[str]) -> dict[str, int]:
    """Codes by name, names sorted; raises BuildInconsistent where two names share a code."""
    table: dict[str, int] = {}
    seen: dict[int, str] = {}
    for name in sorted(set(names)):
        code = code_of(name)
        if code in seen:
            raise BuildInconsistent(f"{seen[code]!r} and {name!r} share the code {code}: rename one of them")
        seen[code] = name
        table[name] = code
    return table
