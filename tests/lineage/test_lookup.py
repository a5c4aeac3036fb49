"""A document's rows in pieces of many row groups: all of them, and none of what is not there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.lineage.ledger import ROW_GROUP, find_document, read_ledger, write_ledger
from pipelines.lineage.verify import verify
from schemas.content import content_root
from schemas.documents import LEDGER
from schemas.errors import BuildInconsistent
from schemas.manifest import LedgerFacts, Manifest
from schemas.shards import partition_at
from tests.lineage.small_build import publish

PIECES = 2


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory, whole: tuple[Path, Manifest]) -> tuple[Path, Manifest]:
    """Two pieces of three row groups each; one id stands over the border of two groups."""
    build = tmp_path_factory.mktemp("ledger")
    (build / "ledger").mkdir()
    random, facts = np.random.default_rng(3), []
    for piece in range(PIECES):
        raw = random.integers(0, 256, (2 * ROW_GROUP + 500, 16), np.uint8)
        raw[:, 0] = raw[:, 0] // PIECES + 128 * piece
        ids = sorted(one.tobytes() for one in raw)
        ids[ROW_GROUP - 3 : ROW_GROUP + 4] = [ids[ROW_GROUP]] * 7
        given = dict.fromkeys(LEDGER.names) | {
            "partner": "p",
            "data_set": "d",
            "kind": "web",
            "drop": "x",
            "file": "f",
            "kept": False,
            "stage": "quality",
            "reason": "too_short",
            "tokens": 0,
        }
        columns = {
            name: pa.array([value] * len(ids), LEDGER.field(name).type) for name, value in given.items()
        }
        columns |= {"doc_id": pa.array(ids, pa.binary(16)), "row": pa.array(range(len(ids)), pa.int64())}
        path = f"ledger/part-0-{piece:05d}.parquet"
        facts.append(LedgerFacts(path, *write_ledger(build / path, pa.table(columns, schema=LEDGER))))
    segment = replace(whole[1].segments[0], validation=(), ledger=tuple(facts))
    manifest = replace(whole[1], segments=(segment,), root=content_root((segment,)))
    publish(build, manifest)
    return build, manifest


def test_every_row_of_an_id_is_found_and_no_other(ledger: tuple[Path, Manifest]):
    build, manifest = ledger
    rows = read_ledger(build, ["doc_id", "row"]).to_pylist()
    groups = pq.ParquetFile(build / manifest.segments[0].ledger[0].path).metadata.num_row_groups
    assert groups == 3
    size = 2 * ROW_GROUP + 500
    at = {
        0,
        1,
        ROW_GROUP - 4,
        ROW_GROUP - 1,
        ROW_GROUP,
        ROW_GROUP + 4,
        2 * ROW_GROUP - 1,
        2 * ROW_GROUP,
        size - 1,
    }
    wanted = [rows[piece * size + one]["doc_id"] for piece in range(PIECES) for one in at]
    for doc_id in wanted:
        expected = [row["row"] for row in rows if row["doc_id"] == doc_id]
        assert [row["row"] for row in find_document(build, doc_id, manifest=manifest)] == expected
        beside = (int.from_bytes(doc_id, "big") ^ 1).to_bytes(16, "big")
        assert find_document(build, beside, manifest=manifest) == []
    assert any(len(find_document(build, doc_id, manifest=manifest)) == 7 for doc_id in wanted)
    for doc_id in (bytes(16), b"\xff" * 16, b"\x80" + bytes(15), b"\x7f" + b"\xff" * 15):
        assert find_document(build, doc_id, manifest=manifest) == []


def test_a_piece_in_anothers_place_is_found_by_verify(ledger: tuple[Path, Manifest], tmp_path: Path):
    build, manifest = ledger
    segment = manifest.segments[0]
    swapped = replace(segment, ledger=segment.ledger[::-1])
    (tmp_path / "ledger").mkdir()
    for one in segment.ledger:
        (tmp_path / one.path).write_bytes((build / one.path).read_bytes())
    publish(tmp_path, replace(manifest, segments=(swapped,), root=content_root((swapped,))))
    messages = [finding.message for finding in verify(tmp_path)]
    assert any("holds a document of another piece" in message for message in messages)
    assert any("stands where" in message for message in messages)


def test_a_piece_that_cannot_be_read_is_a_sentence(ledger: tuple[Path, Manifest], tmp_path: Path):
    build, manifest = ledger
    (tmp_path / "ledger").mkdir()
    for content in (b"", b"PAR1PAR1", (build / manifest.segments[0].ledger[0].path).read_bytes()[:-100]):
        (tmp_path / manifest.segments[0].ledger[0].path).write_bytes(content)
        with pytest.raises(BuildInconsistent, match="malmoi verify"):
            find_document(tmp_path, bytes(16), manifest=manifest)


def test_one_document_lies_where_its_column_would_put_it():
    from pipelines.tokens.shards import partition_of

    ids = [one.tobytes() for one in np.random.default_rng(1).integers(0, 256, (500, 16), np.uint8)]
    for partitions in (1, 2, 3, 7, 4096):
        expected = partition_of(pa.array(ids, pa.binary(16)), partitions).tolist()
        assert [partition_at(doc_id, partitions) for doc_id in ids] == expected
