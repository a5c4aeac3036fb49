from __future__ import annotations

import random
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.intake.checks.batch import CheckedBatch
from pipelines.intake.checks.key_store import KeyStore, SortedKeys
from pipelines.intake.checks.keys import KeyIndex
from pipelines.intake.checks.siphash import siphash_128
from schemas.admission import FAULTS
from schemas.contract import DataSet, Delivery, Format, Role
from tests.intake.checks.checking import col, data_set

SECRET = bytes(range(32))
POSTS = data_set(Format.JSONL, (col("id", role=Role.KEY, required=True), col("text", role=Role.TEXT)))
# vectors_sip128 of the authors' reference code: key 00 to 0f, message 00 to length - 1.
VECTORS = {
    0: "a3817f04ba25a8e66df67214c7550293",
    1: "da87c1d86b99af44347659119b22fc45",
    2: "8177228da4a45dc7fca38bdef60affe4",
    3: "9c70b60c5267a94e5f33b6b02985ed51",
    4: "f88164c12d9c8faf7d0f6e7c7bcd5579",
    15: "5493e99933b0a8117e08ec0f97cfc3d9",
}


def sip(message: bytes, key: bytes) -> bytes:
    """SipHash-2-4-128 as the paper has it, in whole numbers: no code of ours."""
    m64 = (1 << 64) - 1
    k0, k1 = (int.from_bytes(key[i : i + 8], "little") for i in (0, 8))
    v = [
        0x736F6D6570736575 ^ k0,
        0x646F72616E646F6D ^ k1 ^ 0xEE,
        0x6C7967656E657261 ^ k0,
        0x7465646279746573 ^ k1,
    ]

    def turn(x: int, b: int) -> int:
        return ((x << b) | (x >> (64 - b))) & m64

    def rounds(count: int) -> None:
        for _ in range(count):
            v[0] = (v[0] + v[1]) & m64
            v[2] = (v[2] + v[3]) & m64
            v[1], v[3] = turn(v[1], 13) ^ v[0], turn(v[3], 16) ^ v[2]
            v[0] = turn(v[0], 32)
            v[2] = (v[2] + v[1]) & m64
            v[0] = (v[0] + v[3]) & m64
            v[1], v[3] = turn(v[1], 17) ^ v[2], turn(v[3], 21) ^ v[0]
            v[2] = turn(v[2], 32)

    padded = message + b"\0" * (7 - len(message) % 8) + bytes([len(message) & 255])
    for i in range(0, len(padded), 8):
        word = int.from_bytes(padded[i : i + 8], "little")
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xEE
    rounds(4)
    first = v[0] ^ v[1] ^ v[2] ^ v[3]
    v[1] ^= 0xDD
    rounds(4)
    return first.to_bytes(8, "little") + (v[0] ^ v[1] ^ v[2] ^ v[3]).to_bytes(8, "little")


def ours(messages: list[bytes], key: bytes) -> list[bytes]:
    offsets = np.cumsum([0, *map(len, messages)])
    data = np.frombuffer(b"".join(messages) or b"\0", np.uint8)
    high, low = siphash_128(data, offsets, key)
    return [
        int(h).to_bytes(8, "little") + int(x).to_bytes(8, "little") for h, x in zip(high, low, strict=True)
    ]


def test_digests_are_those_of_the_published_vectors() -> None:
    key = bytes(range(16))
    for length, digest in VECTORS.items():
        assert ours([bytes(range(length))], key)[0].hex() == digest
        assert sip(bytes(range(length)), key).hex() == digest


@settings(deadline=None, max_examples=100)
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5), st.binary(min_size=16, max_size=16))
def test_digests_are_those_of_a_second_implementation(messages: list[bytes], key: bytes) -> None:
    assert ours(messages, key) == [sip(message, key) for message in messages]


def batch(ids: list[str | None], *, refused: tuple[int, ...] = (), **columns: list[object]) -> CheckedBatch:
    table = pa.RecordBatch.from_pydict(
        {
            "row": pa.array(range(len(ids)), pa.int64()),
            "id": pa.array(ids, pa.string()),
            **{name: pa.array(values) for name, values in columns.items()},
        }
    )
    faults = [
        {
            "file": "a",
            "row": row,
            "line": 1,
            "offset": 0,
            "field": "x",
            "rule": "type",
            "reason": "wrong_type",
        }
        for row in refused
    ]
    nowhere = np.arange(len(ids))
    return CheckedBatch(
        table, pa.RecordBatch.from_pylist(faults, FAULTS), len(ids), 0, "a", nowhere + 1, nowhere * 10
    )


def index(wanted: DataSet = POSTS, *earlier: Path, **more: object) -> KeyIndex:
    return KeyIndex(wanted, partner="p", secret=SECRET, earlier=earlier, **more)  # type: ignore[arg-type]


def repeated(keys: KeyIndex, part: CheckedBatch, rule: str = "primaryKey") -> list[int]:
    return [int(at) for found in keys.add(part) if found.rule == rule for at in found.positions]


def test_the_first_of_a_key_stays_and_the_others_are_told_with_their_place() -> None:
    keys = index()
    assert repeated(keys, batch(["a", "b", "a", None, None])) == [2]
    second = batch(["c", "b", "c", "d"])
    told = second.with_faults(keys.add(second))
    assert told.faults.to_pylist() == [
        {
            "file": "a", "row": row, "line": row + 1, "offset": row * 10, "field": "id",
            "rule": "primaryKey", "reason": "repeated_key",
        }
        for row in (1, 2)
    ]  # fmt: skip
    assert told.refused.tolist() == [False, True, True, False]


def test_a_refused_row_delivers_no_key(tmp_path: Path) -> None:
    keys = index()
    assert repeated(keys, batch(["a", "a", "a"], refused=(0,))) == [2]
    assert keys.finish(tmp_path / "keys.arrow") == 1
    mended = index(POSTS, tmp_path / "keys.arrow")
    assert repeated(mended, batch(["a", "b"])) == [0]


def test_a_key_of_an_earlier_drop_is_told_unless_a_snapshot_replaces_it(tmp_path: Path) -> None:
    first = index()
    first.add(batch(["a", "b"]))
    first.finish(tmp_path / "keys.arrow")
    later = batch(["b", "c"])
    assert repeated(index(POSTS, tmp_path / "keys.arrow"), later) == [0]
    snapshot = replace(POSTS, delivery=Delivery.SNAPSHOT)
    assert repeated(index(snapshot, tmp_path / "keys.arrow"), later) == []


def test_of_an_upsert_the_version_is_part_of_the_key() -> None:
    columns = (*POSTS.columns, col("v", "integer", Role.VERSION), col("w", role=Role.VERSION))
    upsert = replace(POSTS, columns=columns, delivery=Delivery.UPSERT)
    part = batch(["a", "a", "a", "a"], v=[1, 2, None, 2], w=[None, "x", "2", ""])
    assert repeated(index(upsert), part) == [2, 3]
    assert repeated(index(replace(upsert, delivery=Delivery.APPEND)), part) == [1, 2, 3]


def test_parts_of_a_key_do_not_run_into_each_other() -> None:
    two = replace(POSTS, columns=(col("id", role=Role.KEY), col("no", role=Role.KEY)))
    assert repeated(index(two), batch(["a1", "a", "a:1", None], no=["1", "11", "", "1"])) == []
    assert repeated(index(two), batch(["a", None, "a"], no=["1", None, "1"])) == [2]


def test_a_row_that_takes_its_key_back_repeats_nothing() -> None:
    back = replace(POSTS, columns=(*POSTS.columns, col("gone", "boolean", Role.TOMBSTONE)))
    assert repeated(index(back), batch(["a", "a", "a"], gone=[False, True, False])) == [2]


def test_values_of_unique_columns_stand_once_in_a_drop() -> None:
    unique = replace(POSTS, columns=(*POSTS.columns, col("mark", "integer", unique=True)))
    keys = index(unique)
    assert repeated(keys, batch(["a", "b", "c", "d"], mark=[1, 1, None, None]), "unique") == [1]
    assert repeated(keys, batch(["e"], mark=[1]), "unique") == [0]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.lists(st.integers(0, 60), max_size=30), min_size=1, max_size=6),
    st.sets(st.integers(0, 60), max_size=20),
)
def test_a_store_that_spills_says_what_a_set_says(runs: list[list[int]], before: set[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        earlier = index()
        earlier.add(batch([str(key) for key in sorted(before)]))
        earlier.finish(Path(folder, "before.arrow"))
        keys = index(POSTS, Path(folder, "before.arrow"), slots=16)
        seen, own = set(before), set()
        for run in runs:
            expected = []
            for at, key in enumerate(run):
                if key in seen:
                    expected.append(at)
                else:
                    own.add(key)
                seen.add(key)
            assert repeated(keys, batch([str(key) for key in run])) == expected
        assert keys.finish(Path(folder, "keys.arrow")) == len(own)
        written = SortedKeys(Path(folder, "keys.arrow")).runs
        digests = [(int(h), int(x)) for high, low in written for h, x in zip(high, low, strict=True)]
        assert digests == sorted(set(digests))
        assert len(digests) == len(own)
        assert repeated(
            index(POSTS, Path(folder, "keys.arrow")), batch([str(k) for k in sorted(own)])
        ) == list(range(len(own)))


def test_partners_data_sets_and_secrets_have_no_digest_in_common(tmp_path: Path) -> None:
    def written(**changed: object) -> set[int]:
        options: dict[str, object] = {"partner": "p", "secret": SECRET, "data_set": POSTS, **changed}
        keys = KeyIndex(options.pop("data_set"), **options)  # type: ignore[arg-type]
        keys.add(batch(["a", "b"]))
        keys.finish(tmp_path / "keys.arrow")
        return {int(value) for high, _ in SortedKeys(tmp_path / "keys.arrow").runs for value in high}

    all_of_them = [
        written(),
        written(partner="q"),
        written(secret=bytes(32)),
        written(data_set=replace(POSTS, name="x")),
    ]
    assert len(set().union(*all_of_them)) == sum(map(len, all_of_them)) == 8
    assert written() == all_of_them[0]


def test_the_table_in_memory_stays_within_its_slots() -> None:
    store = KeyStore(slots=1 << 10)
    draw = np.random.default_rng(5)
    high = draw.integers(0, 1 << 63, 5000, np.uint64)
    yes, seen = np.ones(5000, np.bool_), np.zeros(5000, np.bool_)
    store.claim(high, high, yes, yes, seen)
    assert not seen.any()
    assert len(store._high) == 1 << 10
    store.claim(high, high, yes, yes, seen)
    assert seen.all()


@pytest.mark.slow
def test_two_million_keys_are_indexed_in_seconds(tmp_path: Path) -> None:
    keys = index(POSTS, slots=1 << 20)
    for start in range(0, 2_000_000, 20_000):
        keys.add(batch([f"document-{i:09d}" for i in range(start, start + 20_000)]))
    assert keys.finish(tmp_path / "keys.arrow") == 2_000_000
    again = index(POSTS, tmp_path / "keys.arrow")
    some = random.Random(3).sample(range(2_000_000), 1000)
    assert len(repeated(again, batch([f"document-{i:09d}" for i in some] + ["new"]))) == 1000
