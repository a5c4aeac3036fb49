"""Keys that come twice: inside a drop, and in the drops before it; values of unique columns inside a drop.

What is kept of a key is its digest under a secret, of 128 bits: two of 10^12 keys agree by chance once in
10^14 such sets. A row that is refused for another reason delivers no key: mended, it may come again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.intake.checks.batch import CheckedBatch, Found, Mask
from pipelines.intake.checks.key_store import KeyStore, SortedKeys, ascending
from pipelines.intake.checks.siphash import KEY_BYTES, U64s, siphash_128
from pipelines.intake.readers.row_rights import NOT_TRUE
from pipelines.intake.readers.rows import field_name
from schemas.contract import Column, DataSet, Delivery, Role
from schemas.reasons import Refusal

_PERSON = b"malmoi keys 1"


class KeyIndex:
    """The keys of one data set of a drop; batches come in the order of its files by path, then of rows.

    `earlier` are the keys files of the drops before, which a snapshot replaces and does not repeat.
    """

    def __init__(
        self,
        data_set: DataSet,
        *,
        partner: str,
        secret: bytes,
        earlier: Sequence[Path] = (),
        slots: int | None = None,
    ) -> None:
        self._keys = data_set.of_role(Role.KEY)
        versions = data_set.of_role(Role.VERSION)
        self._versions = versions if data_set.delivery is Delivery.UPSERT else ()
        self._tombstones = data_set.of_role(Role.TOMBSTONE)
        self._unique = [
            column
            for column in data_set.columns
            if column.limits.unique and len(column.path) == 1 and not self._is_key(column)
        ]
        self._secrets = {
            name: _secret(secret, partner, data_set.name, name)
            for name in ("", *(column.path[0] for column in self._unique))
        }
        bounds = () if slots is None else (slots,)
        self._stores = {name: KeyStore(*bounds) for name in self._secrets}
        is_snapshot = data_set.delivery is Delivery.SNAPSHOT
        self._earlier = [] if is_snapshot else [SortedKeys(path) for path in earlier]

    def _is_key(self, column: Column) -> bool:
        return column.role is Role.KEY and len(self._keys) == 1 and not self._versions

    def add(self, batch: CheckedBatch, *, refused: Mask | None = None) -> list[Found]:
        """Which rows of `batch.table` repeat a key or a unique value, ready for `batch.with_faults`.

        The first of a key stays. `refused` marks rows with other faults (by default those of the batch):
        they are looked for, and deliver no key.
        """
        count = len(batch.table)
        sound = ~(batch.refused if refused is None else refused)
        found: list[Found] = []
        if self._keys and count:
            texts = self._key_texts(batch.table)
            look = texts.is_valid().to_numpy(zero_copy_only=False) & ~self._taken_back(batch.table)
            repeated = self._repeated("", texts, look, sound)
            sound = sound & ~repeated
            name = field_name(self._keys[0])
            found.append(Found(np.flatnonzero(repeated), name, "primaryKey", Refusal.REPEATED_KEY))
        for column in self._unique if count else ():
            if column.path[0] in batch.table.schema.names:
                texts = _texts(batch.table[column.path[0]])
                look = texts.is_valid().to_numpy(zero_copy_only=False)
                twice = np.flatnonzero(self._repeated(column.path[0], texts, look, sound))
                found.append(Found(twice, field_name(column), "unique", Refusal.NOT_UNIQUE))
        return [one for one in found if len(one.positions)]

    def finish(self, path: Path) -> int:
        """Write the drop's keys, sorted, for the drops that come after; returns how many there are."""
        return self._stores[""].write(path)

    def _repeated(self, name: str, texts: pa.Array, look: Mask, sound: Mask) -> Mask:
        high, low = _digests(texts, self._secrets[name])
        seen = np.zeros(len(look), np.bool_)
        if self._earlier and not name:
            order = ascending(high, low, look)
            for keys in self._earlier:
                keys.find(high, low, order, seen)
        self._stores[name].claim(high, low, look, sound, seen)
        return seen

    def _key_texts(self, table: pa.RecordBatch) -> pa.Array:
        """One text a row that two keys share only where all their parts are the same; null without a key."""
        names = [column.path[0] for column in self._keys]
        parts = [_column(table, name) for name in names]
        if len(names) == 1 and not self._versions:
            return parts[0]
        given = parts[0].is_valid()
        for part in parts[1:]:  # of several keys, some may be empty; a faulty one is null and has its fault
            given = pc.or_(given, part.is_valid())
        if self._versions:
            version = pa.nulls(len(table), pa.string())
            for column in self._versions:
                text = _column(table, column.path[0])
                empty = pc.equal(text, "").fill_null(True)
                version = pc.coalesce(version, pc.if_else(empty, pa.scalar(None, pa.string()), text))
            parts.append(version)
        whole = [pc.fill_null(part, "") for part in parts]
        lengths = [pc.binary_length(part).cast(pa.string()) for part in whole]
        joined = pc.binary_join_element_wise(*lengths, *whole, ":")
        return pc.if_else(given, joined, pa.scalar(None, pa.string()))

    def _taken_back(self, table: pa.RecordBatch) -> Mask:
        """Rows that take a key back: it has come before, or it does not matter."""
        back = np.zeros(len(table), np.bool_)
        for column in self._tombstones:
            back |= taken_back(_column(table, column.path[0]))
        return back


def taken_back(texts: pa.Array) -> Mask:
    """Whether each value of a tombstone column says so: everything that is not plainly false does."""
    no = pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(texts.fill_null(""))), pa.array(sorted(NOT_TRUE)))
    return np.asarray(pc.invert(no).to_numpy(zero_copy_only=False))


def _secret(secret: bytes, partner: str, data_set: str, column: str) -> bytes:
    """The key for one purpose: digests of two partners, data sets or columns have nothing in common."""
    purpose = "\n".join((partner, data_set, column)).encode()
    return hashlib.blake2b(purpose, key=secret, digest_size=KEY_BYTES, person=_PERSON).digest()


def _column(table: pa.RecordBatch, name: str) -> pa.Array:
    if name not in table.schema.names:
        return pa.nulls(len(table), pa.string())
    return _texts(table[name])


def _texts(values: pa.Array) -> pa.Array:
    """Scalars as text: 1 and "1" are one key, as they are one in a document's id."""
    if pa.types.is_string(values.type):
        return values
    if pa.types.is_floating(values.type):
        return pa.array([None if value is None else str(value) for value in values.to_pylist()], pa.string())
    if pa.types.is_nested(values.type):
        return pa.array([None if value is None else repr(value) for value in values.to_pylist()], pa.string())
    return values.cast(pa.string())


def _digests(texts: pa.Array, key: bytes) -> tuple[U64s, U64s]:
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    data = texts.buffers()[2]
    bytes_ = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
    return siphash_128(bytes_, offsets, key)
