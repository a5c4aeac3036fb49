"""Digests and document ids: what a thing is called, derived from what it is."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from functools import cache
from json.encoder import encode_basestring
from pathlib import Path
from typing import Any

DIGEST_SIZE = 16  # bytes of a BLAKE2b-128 document id or exact fingerprint


def canonical_json(value: Any) -> bytes:
    """The one JSON of a value, by RFC 8785: keys by their UTF-16 units, no spaces, numbers as ECMAScript's.

    Takes dicts with string keys, sequences, dataclasses, enums, frozen sets (sorted), texts, numbers, None.
    Integers beyond 2^53 - 1, which the RFC leaves to texts, are written whole. Raises TypeError on all else,
    ValueError for what JSON has not: NaN, infinities, halves of surrogate pairs.
    """
    written: list[str] = []
    _write(value, written.append)
    return "".join(written).encode()


def _write(value: Any, put: Callable[[str], None]) -> None:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        put(encode_basestring(value))
    elif value is None or isinstance(value, bool):
        put({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, int):
        put(int.__repr__(value))
    elif isinstance(value, float):
        put(_number(value))
    elif isinstance(value, list | tuple):
        _write_array(value, put)
    elif isinstance(value, dict):
        _write_object(value, put)
    elif isinstance(value, frozenset):
        _write_array(sorted(value), put)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        _write_fields(value, _keys_of(type(value)), put)
    elif isinstance(value, Mapping):  # last: of a class not seen yet, this asks every mapping there is
        _write_object(value, put)
    else:
        raise TypeError(f"{type(value).__name__} has no place in an identity")


def _write_fields(value: object, keys: Sequence[tuple[str, str]], put: Callable[[str], None]) -> None:
    """A dataclass as the object of its fields: their keys were written and put in order once."""
    before = "{"
    for name, key in keys:
        put(before)
        put(key)
        _write(getattr(value, name), put)
        before = ","
    put("}" if before == "," else "{}")


@cache
def _keys_of(kind: type) -> tuple[tuple[str, str], ...]:
    """The fields of a dataclass in their order, each with its key as it is written."""
    names = sorted((field.name for field in dataclasses.fields(kind)), key=_utf_16)
    return tuple((name, f"{encode_basestring(name)}:") for name in names)


def _write_object(value: Mapping[Any, Any], put: Callable[[str], None]) -> None:
    if not all(isinstance(key, str) for key in value):
        raise TypeError("a key that is no text has no place in an identity")
    before = "{"
    for key in sorted(value, key=_utf_16):
        put(f"{before}{encode_basestring(key)}:")
        _write(value[key], put)
        before = ","
    put("}" if value else "{}")


def _utf_16(key: str) -> bytes:
    return key.encode("utf-16-be")


def _write_array(value: Sequence[Any], put: Callable[[str], None]) -> None:
    before = "["
    for item in value:
        put(before)
        _write(item, put)
        before = ","
    put("]" if value else "[]")


def _number(value: float) -> str:
    """A double as ECMAScript writes it (Number::toString, ECMA-262 6.1.6.1.20): its digits are Python's."""
    if not math.isfinite(value):
        raise ValueError("NaN and infinities have no JSON")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, part = mantissa.partition(".")
    part = "" if part == "0" else part
    digits = (whole + part).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + part) - len(digits))  # before which digit
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def fingerprint(value: Any) -> str:
    """BLAKE2b-256 of the canonical JSON, 64 hexadecimal digits."""
    return hashlib.blake2b(canonical_json(value), digest_size=32).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal; reads in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def document_ids(*, partner: str, data_set: str, keys: Iterable[Sequence[str]]) -> list[bytes]:
    """One BLAKE2b-128 per key, 16 bytes each.

    A key is the contract's key column(s) (and version column), or (file digest, row number) where
    the contract has no key. Parts are length-prefixed, so no two keys share an encoding.
    """
    start = hashlib.blake2b(digest_size=DIGEST_SIZE)
    for part in (partner, data_set):
        encoded = part.encode()
        start.update(len(encoded).to_bytes(8, "little") + encoded)
    ids = []
    for key in keys:
        digest = start.copy()
        for part in key:
            encoded = part.encode()
            digest.update(len(encoded).to_bytes(8, "little") + encoded)
        ids.append(digest.digest())
    return ids
