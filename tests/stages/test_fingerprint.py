"""The fingerprint stage, held against a slow reference and the handed near-duplicate truth."""

from __future__ import annotations

import hashlib
import re
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pipelines.stages.fingerprint as stage
from pipelines.stages import fingerprint_kernels as kernels
from pipelines.stages.fingerprint import FINGERPRINT_VERSION, canonical_texts, fingerprint, shingle_sets
from schemas.contract import DataSet, Delivery, Format, Kind, Markup
from schemas.documents import SPANS, STAGED
from schemas.errors import BuildInconsistent
from schemas.recipe import FingerprintSettings, Shingles
from tests.dedup.handed_pairs import handed_pairs, handed_texts

DATA_SET = DataSet(
    name="posts",
    kind=Kind.SHORT_POST,
    files=("*.jsonl",),
    format=Format.JSONL,
    encoding="utf-8",
    delimiter=",",
    markup=Markup.PLAIN,
    join="\n",
    delivery=Delivery.APPEND,
    languages=("ko",),
    columns=(),
)
MASK = (1 << 64) - 1
BASE, UNIT, BAND = (n | 1 for n in kernels._splitmix64(int.from_bytes(b"malmoi", "big"), 3))
NUMBERS = kernels._splitmix64(kernels._SEED, 8 * 40)
SETTINGS = FingerprintSettings()
BANDS, ROWS_PER_BAND = SETTINGS.bands, SETTINGS.rows


def batch_of(texts: list[str], spans: list[list[tuple[int, int, str]]] | None = None) -> pa.RecordBatch:
    found = spans or [[] for _ in texts]
    lists = [[{"start": s, "end": e, "label": label, "score": 1.0} for s, e, label in row] for row in found]
    columns = {
        "doc_id": pa.array([number.to_bytes(16, "big") for number in range(len(texts))], pa.binary(16)),
        "row": pa.array(range(len(texts)), pa.int64()),
        "text": pa.array(texts, pa.string()),
        "language": pa.nulls(len(texts), pa.string()),
        "language_score": pa.array([1.0] * len(texts), pa.float32()),
        "quality": pa.array([0.5] * len(texts), pa.float32()),
        "spans": pa.array(lists, SPANS),
    }
    return pa.RecordBatch.from_arrays(
        list(columns.values()), schema=pa.schema([STAGED.field(name) for name in columns])
    )


def fingerprinted(batch: pa.RecordBatch, settings: FingerprintSettings = SETTINGS) -> pa.RecordBatch:
    return fingerprint(batch, settings, DATA_SET).kept


def sets_of(batch: pa.RecordBatch, settings: FingerprintSettings = SETTINGS) -> pa.ListArray:
    return shingle_sets(batch, settings)


def canonical_strings(batch: pa.RecordBatch) -> list[str]:
    canonical = canonical_texts(batch)
    return [canonical.data[s:e].tobytes().decode() for s, e in pairwise(canonical.offsets)]


def reference_canonical(text: str, spans: list[tuple[int, int, str]] = ()) -> str:
    for start, end, label in reversed(spans):
        text = f"{text[:start]}\ue000{label}\ue001{text[end:]}"
    return " ".join(text.split())


def mix(value: int) -> int:
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD & MASK
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 & MASK
    return value ^ value >> 33


def unit_values(text: str, words: bool) -> list[int]:
    if not words:
        return [(ord(c) + 1) * UNIT & MASK for c in text]
    values = []
    for word in text.split():
        value = 0
        for byte in word.encode():
            value = (value + byte + 1) * UNIT & MASK
            value ^= value >> 32
        values.append(mix(value))
    return values


def reference_shingles(text: str, settings: FingerprintSettings = SETTINGS) -> set[int]:
    units = unit_values(text, settings.shingles is Shingles.WORDS)
    if len(units) < settings.size:
        value = len(units) + 1
        for unit in units:
            value = mix(value * BASE + unit & MASK)
        return {mix(value ^ BAND)}
    found = set()
    for start in range(len(units) - settings.size + 1):
        value = 0
        for unit in units[start : start + settings.size]:
            value = value * BASE + unit & MASK
        found.add(mix(value))
    return found


def reference_bands(text: str, settings: FingerprintSettings = SETTINGS) -> list[int]:
    seen = [shingle >> 32 for shingle in reference_shingles(text, settings)]
    minima = [
        min((x * (number >> 32 | 1) + (number & 0xFFFFFFFF)) & 0xFFFFFFFF for x in seen)
        for number in NUMBERS[: settings.bands * settings.rows]
    ]
    bands = []
    for band in range(settings.bands):
        value = band * BAND & MASK
        for j in range(band * settings.rows, (band + 1) * settings.rows):
            value = mix(value * BASE + minima[j] & MASK)
        bands.append(value)
    return bands


SHAPES = st.builds(
    FingerprintSettings,
    shingles=st.sampled_from(Shingles),
    size=st.integers(1, 8),
    bands=st.integers(1, 20),
    rows=st.integers(1, 16),
).filter(lambda shape: shape.bands * shape.rows <= len(NUMBERS))


mixed_text = st.text(
    st.one_of(
        st.sampled_from("가나다말모이 한글\t\n\u3000\u00a0\u2009\u2028\x1c\x85é漢字🙂"),
        st.characters(codec="utf-8"),
    ),
    max_size=60,
)


@settings(deadline=None, max_examples=150)
@given(st.lists(mixed_text, max_size=6))
def test_canonical_text_is_stripped_with_single_spaces_as_python_splits(texts: list[str]) -> None:
    assert canonical_strings(batch_of(texts)) == [reference_canonical(text) for text in texts]


@settings(deadline=None, max_examples=80)
@given(st.lists(mixed_text, min_size=1, max_size=4), st.one_of(st.just(SETTINGS), SHAPES))
def test_digest_bands_and_shingles_are_those_of_the_slow_reference(
    texts: list[str], shape: FingerprintSettings
) -> None:
    batch = fingerprinted(batch_of(texts), shape)
    expected = [reference_canonical(text) for text in texts]
    assert batch["exact"].to_pylist() == [
        hashlib.blake2b(t.encode(), digest_size=16).digest() for t in expected
    ]
    assert batch["bands"].to_pylist() == [reference_bands(text, shape) for text in expected]
    assert sets_of(batch, shape).to_pylist() == [sorted(reference_shingles(text, shape)) for text in expected]


@pytest.mark.parametrize(
    "shape", [SETTINGS, FingerprintSettings(shingles=Shingles.WORDS, size=3, bands=5, rows=4)]
)
@pytest.mark.parametrize("length", [4094, 4095, 4096, 4097, 4100, 4101, 8192, 8200, 12000])
def test_a_text_longer_than_a_block_has_the_bands_of_the_slow_reference(
    length: int, shape: FingerprintSettings
) -> None:
    units = [chr(0xAC00 + number * 37 % 11172) for number in range(length)]
    text = (" " if shape.shingles is Shingles.WORDS else "").join(units)
    batch = batch_of([text])
    assert fingerprinted(batch, shape)["bands"].to_pylist() == [reference_bands(text, shape)]
    assert sets_of(batch, shape).to_pylist() == [sorted(reference_shingles(text, shape))]


@settings(deadline=None, max_examples=150)
@given(st.lists(mixed_text, min_size=1, max_size=4), st.one_of(st.just(SETTINGS), SHAPES), st.integers(1, 60))
def test_shingles_of_long_texts_made_piece_by_piece_are_those_of_the_whole(
    texts: list[str], shape: FingerprintSettings, long: int
) -> None:
    whole = sets_of(batch_of(texts), shape).to_pylist()
    with patch.object(stage, "_LONG", long):
        assert sets_of(batch_of(texts), shape).to_pylist() == whole


def test_fingerprints_of_version_2_stay_what_they_are() -> None:
    """A change here needs a higher FINGERPRINT_VERSION: staged files are named by it."""
    batch = fingerprinted(batch_of(["말과 글은 나라의 정신이다."]))
    assert FINGERPRINT_VERSION == 2
    assert hashlib.sha256(repr(batch["bands"].to_pylist()).encode()).hexdigest()[:16] == "20e35c66ce179310"
    assert hashlib.sha256(repr(sets_of(batch).to_pylist()).encode()).hexdigest()[:16] == "e873d6dd33caf83f"


def test_nothing_is_dropped_and_the_staged_schema_comes_out() -> None:
    batch = batch_of(["하나", "", "둘"])
    outcome = fingerprint(batch, SETTINGS, DATA_SET)
    assert outcome.kept.schema.equals(STAGED)
    assert outcome.kept.select(batch.schema.names).equals(batch)
    assert len(outcome.dropped) == 0


def test_an_empty_batch_gives_an_empty_staged_batch() -> None:
    batch = fingerprinted(batch_of([]))
    assert batch.schema.equals(STAGED)
    assert len(batch) == len(sets_of(batch)) == 0


def test_two_texts_that_differ_in_their_telephone_numbers_only_are_one_text() -> None:
    first, second = "문의는 010-0000-0000 으로 주세요", "문의는 02-000-0000\n으로  주세요"
    batch = fingerprinted(batch_of([first, second], [[(4, 17, "PHONE_NUMBER")], [(4, 15, "PHONE_NUMBER")]]))
    assert canonical_strings(batch)[0] == "문의는 \ue000PHONE_NUMBER\ue001 으로 주세요"
    assert batch["exact"][0] == batch["exact"][1]
    assert batch["bands"][0] == batch["bands"][1]


def test_two_classes_in_one_place_are_two_texts() -> None:
    batch = fingerprinted(batch_of(["연락 000", "연락 000"], [[(3, 6, "PHONE_NUMBER")], [(3, 6, "KR_RRN")]]))
    assert batch["exact"][0] != batch["exact"][1]


@st.composite
def text_with_spans(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """Ordinary pieces around found ones: pieces[0] found[0] pieces[1] ..."""
    found = draw(st.lists(st.sampled_from(["PHONE_NUMBER", "EMAIL_ADDRESS", "KR_RRN"]), max_size=4))
    return [draw(mixed_text) for _ in range(len(found) + 1)], found


def assembled(
    pieces: list[str], labels: list[str], values: list[str]
) -> tuple[str, list[tuple[int, int, str]]]:
    text, spans = pieces[0], []
    for piece, label, value in zip(pieces[1:], labels, values, strict=True):
        spans.append((len(text), len(text) + len(value), label))
        text += value + piece
    return text, spans


@settings(deadline=None, max_examples=100)
@given(text_with_spans(), st.data())
def test_replacing_the_spans_changes_no_fingerprint(
    parts: tuple[list[str], list[str]], data: st.DataObject
) -> None:
    pieces, labels = parts
    value = st.text(st.sampled_from("0123-@ 가é🙂"), min_size=1, max_size=12)
    before = assembled(pieces, labels, [data.draw(value) for _ in labels])
    after = assembled(pieces, labels, [data.draw(value) for _ in labels])
    batch = fingerprinted(batch_of([before[0], after[0]], [before[1], after[1]]))
    assert canonical_strings(batch)[0] == reference_canonical(*before)
    assert batch["exact"][0] == batch["exact"][1]
    assert batch["bands"][0] == batch["bands"][1]
    assert sets_of(batch)[0] == sets_of(batch)[1]


@settings(deadline=None, max_examples=40)
@given(st.lists(text_with_spans(), min_size=1, max_size=6), st.data())
def test_a_slice_is_fingerprinted_as_its_rows_are_in_the_whole(
    parts: list[tuple[list[str], list[str]]], data: st.DataObject
) -> None:
    rows = [assembled(pieces, labels, ["010"] * len(labels)) for pieces, labels in parts]
    whole = batch_of([text for text, _ in rows], [spans for _, spans in rows])
    start = data.draw(st.integers(0, len(rows)))
    length = data.draw(st.integers(0, len(rows) - start))
    for column in ("exact", "bands"):
        assert (
            fingerprinted(whole.slice(start, length))[column].to_pylist()
            == fingerprinted(whole)[column].slice(start, length).to_pylist()
        )
    assert sets_of(whole.slice(start, length)).to_pylist() == sets_of(whole).to_pylist()[start:][:length]


@pytest.mark.parametrize(
    "spans",
    [[(0, 2, "A"), (1, 3, "A")], [(2, 3, "A"), (0, 1, "A")], [(1, 9, "A")], [(9, 10, "A")], [(1, 1, "A")]],
)
def test_spans_that_cannot_be_are_an_error_that_names_the_document_and_not_its_text(
    spans: list[tuple[int, int, str]],
) -> None:
    with pytest.raises(BuildInconsistent) as caught:
        fingerprinted(batch_of(["비밀", "비밀이다"], [[], spans]))
    assert str(caught.value).startswith(f"document {(1).to_bytes(16, 'big').hex()}: ")
    assert "비밀" not in str(caught.value)


def test_texts_shorter_than_a_shingle_are_alike_only_when_equal() -> None:
    batch = fingerprinted(batch_of(["좋다", "좋다 ", "좋", "\x00좋다", "", "좋다좋다좋다"]))
    sets = [tuple(row) for row in sets_of(batch).to_pylist()]
    assert sets[0] == sets[1]
    assert len({*sets}) == 5


def shared_bands(batch: pa.RecordBatch, first: list[int], second: list[int]) -> np.ndarray:
    bands = batch["bands"].flatten().to_numpy().reshape(-1, BANDS)
    return bands[first] == bands[second]


@pytest.mark.parametrize("changed", [2, 6, 14, 30])
def test_independent_pairs_share_bands_as_often_as_their_similarity_says(changed: int) -> None:
    """A band is shared with probability s^8, any band with 1 - (1 - s^8)^14 (Broder 1997)."""
    random = np.random.default_rng(changed)
    pairs = 1500
    texts = random.integers(0xAC00, 0xD7A4, (pairs, 200))
    edited = texts.copy()
    for row in range(pairs):
        edited[row, random.choice(200, changed, replace=False)] = random.integers(0xAC00, 0xD7A4, changed)
    strings = ["".join(map(chr, row)) for row in [*texts.tolist(), *edited.tolist()]]
    grams = [{text[i : i + 5] for i in range(196)} for text in strings]
    similarity = np.array(
        [len(a & b) / len(a | b) for a, b in zip(grams[:pairs], grams[pairs:], strict=True)]
    )
    shared = shared_bands(fingerprinted(batch_of(strings)), [*range(pairs)], [*range(pairs, 2 * pairs)])
    of_band = similarity**ROWS_PER_BAND
    of_any = 1 - (1 - of_band) ** BANDS
    for seen, expected, trials in ((shared, of_band, pairs * BANDS), (shared.any(axis=1), of_any, pairs)):
        deviation = np.sqrt((expected * (1 - expected)).mean() / trials)
        assert seen.mean() == pytest.approx(expected.mean(), abs=4 * deviation + 1e-9)


def test_shared_bands_are_as_many_as_the_handed_similarities_say(handed: Path) -> None:
    texts = handed_texts(handed)
    names = {name: row for row, name in enumerate(texts)}
    pairs = handed_pairs(handed)
    similarity = np.array([pair.jaccard for pair in pairs])
    batch = fingerprinted(batch_of(list(texts.values())))
    shared = shared_bands(batch, [names[pair.a] for pair in pairs], [names[pair.b] for pair in pairs])
    for low, high in [(0.5, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 1.01)]:
        some = (similarity >= low) & (similarity < high)
        of_any = 1 - (1 - similarity[some] ** ROWS_PER_BAND) ** BANDS
        assert shared[some].any(axis=1).mean() == pytest.approx(of_any.mean(), abs=0.03)
    assert shared[similarity >= 0.85].any(axis=1).mean() >= 0.98


def test_similarities_of_shingle_sets_are_the_handed_ones(handed: Path) -> None:
    texts = handed_texts(handed)
    names = {name: row for row, name in enumerate(texts)}
    sets = sets_of(batch_of(list(texts.values())))
    for pair in handed_pairs(handed)[::50]:
        a, b = (sets[names[name]].values.to_numpy() for name in (pair.a, pair.b))
        common = len(np.intersect1d(a, b, assume_unique=True))
        assert common / (len(a) + len(b) - common) == pytest.approx(pair.jaccard, abs=1e-6)


def test_the_reference_of_white_space_is_that_of_regular_expressions_too() -> None:
    spaces = "".join(chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000 and chr(c).isspace())
    assert re.fullmatch(r"\s+", spaces)
    assert canonical_strings(batch_of([f"가{space}나" for space in spaces])) == ["가 나"] * len(spaces)
