"""Content that is kept out: keyed fingerprints tell what plain ones tell, and nothing without the key."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pytest

from pipelines.engine.suppression import Way, read_suppressed, suppressed_rows, suppression_bytes
from pipelines.stages.fingerprint import fingerprint, shingle_sets
from schemas.documents import SPANS
from schemas.errors import BuildInconsistent
from schemas.recipe import FingerprintSettings
from tests.laws.test_takedown import near
from tests.laws.tiny import text
from tests.takedown import A_DATA_SET

SETTINGS = FingerprintSettings()
SHINGLES = partial(shingle_sets, settings=SETTINGS)
KEY = bytes(range(16))


def staged(texts: list[str]) -> pa.RecordBatch:
    columns = {
        "doc_id": pa.array([number.to_bytes(16, "big") for number in range(len(texts))], pa.binary(16)),
        "text": pa.array(texts),
        "spans": pa.array([[]] * len(texts), SPANS),
    }
    return fingerprint(pa.RecordBatch.from_pydict(columns), SETTINGS, A_DATA_SET).kept


def similarity(first: set[int], second: set[int]) -> float:
    return len(first & second) / len(first | second)


def test_keyed_fingerprints_tell_what_exact_jaccard_tells(tmp_path: Path):
    random = Random(4)
    asked = [text(number) for number in range(8)]
    others = [text(100 + number) for number in range(20)]
    for one in asked:
        drifting = one
        for _ in range(4):
            drifting = near(drifting, random)
            others.append(drifting)
    batch = staged(others)
    path = tmp_path / "asked.arrow"
    path.write_bytes(
        suppression_bytes([staged(asked)], key=KEY, way=Way(fingerprint=SETTINGS), shingles=SHINGLES)
    )
    known = read_suppressed([("0" * 64, path)], key=KEY, settings=SETTINGS)
    found = suppressed_rows(batch, known, shingles=SHINGLES, threshold=0.7)
    wanted, mine = SHINGLES(staged(asked)).to_pylist(), SHINGLES(batch).to_pylist()
    bands = {band for row in staged(asked)["bands"].to_pylist() for band in enumerate(row)}
    for row, shingles, own in zip(found, mine, batch["bands"].to_pylist(), strict=True):
        alike = any(similarity(set(shingles), set(other)) >= 0.7 for other in wanted)
        assert row == (alike and bool(set(enumerate(own)) & bands))
    assert found.any()
    assert not found[:20].any()


def test_nothing_plain_is_in_the_file(tmp_path: Path):
    batch = staged([text(1)])
    content = suppression_bytes([batch], key=KEY, way=Way(fingerprint=SETTINGS), shingles=SHINGLES)
    assert batch["exact"][0].as_py() not in content
    for number in (*batch["bands"][0].as_py(), *SHINGLES(batch)[0].as_py()[:50]):
        assert np.uint64(number).tobytes() not in content
    other = suppression_bytes([batch], key=bytes(16), way=Way(fingerprint=SETTINGS), shingles=SHINGLES)
    path = tmp_path / "other.arrow"
    path.write_bytes(other)
    known = read_suppressed([("0" * 64, path)], key=KEY, settings=SETTINGS)
    assert not suppressed_rows(batch, known, shingles=SHINGLES, threshold=0.8).any()


def test_fingerprints_of_other_settings_stop_the_build(tmp_path: Path):
    path = tmp_path / "asked.arrow"
    path.write_bytes(
        suppression_bytes([staged([text(1)])], key=KEY, way=Way(fingerprint=SETTINGS), shingles=SHINGLES)
    )
    with pytest.raises(BuildInconsistent, match="other settings"):
        read_suppressed([("0" * 64, path)], key=KEY, settings=FingerprintSettings(size=SETTINGS.size + 1))
