from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.lineage.ledger import write_ledger
from pipelines.lineage.verify import verify
from pipelines.tokens.shards import write_shard
from schemas.content import content_root
from schemas.manifest import Manifest
from schemas.reasons import Reason, Stage
from schemas.shard_trailer import read_trailer
from tests.lineage.small_build import documents, publish, republish, write_build

Built = tuple[Path, Manifest]


def said(build: Path) -> str:
    return "\n".join(str(finding) for finding in verify(build))


def shard_rows(build: Path, path: str) -> pa.Table:
    """A shard's rows as `write_shard` takes them; codes are turned back into names by trying them."""
    from schemas.shards import code_of

    names = {code_of(name): name for name in ("a_dot", "liner", "ko", "en", "und", "zz")}
    with pa.memory_map(str(build / path)) as source:
        read = pa.ipc.open_stream(source).read_all()
    partner = pa.array([names[code] for code in read["contract"].to_pylist()], pa.string())
    language = pa.array([names[code] for code in read["language"].to_pylist()], pa.string())
    return pa.table(
        {"input_ids": read["input_ids"], "doc_id": read["doc_id"], "partner": partner, "language": language}
    )


def rewrite_shard(built: Built, change, shard: int = 0) -> None:
    build, manifest = built
    path = manifest.shards[shard].path
    write_shard(build / path, change(shard_rows(build, path)))
    republish(build, manifest, path)


def rewrite_ledger(built: Built, change) -> None:
    """Every ledger row goes through `change`; the manifest's digests follow."""
    build, manifest = built
    for file in manifest.segments[0].ledger:
        table = pq.read_table(build / file.path)
        rows = [change(dict(row)) for row in table.to_pylist()]
        write_ledger(build / file.path, pa.Table.from_pylist(rows, table.schema))
        manifest = republish(build, manifest, file.path)


def test_a_whole_build_has_no_findings(built: Built):
    assert verify(built[0]) == ()


def test_no_build_at_all_is_a_finding(tmp_path):
    assert "no manifest.json" in said(tmp_path)
    (tmp_path / "manifest.json").write_bytes(b"\xff{")
    assert "not a manifest" in said(tmp_path)


FILES = [
    "manifest.json",
    "manifest.sha256",
    "report.html",
    "ledger/part-0-00001.parquet",
    "segments/0/train/data-00001-of-00002.arrow",
    "segments/0/validation/state.json",
]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["flip a bit", "cut", "delete", "link", "longer"])
def test_every_damage_to_a_file_is_found_and_named(built: Built, tmp_path, name, damage):
    path = built[0] / name
    content = path.read_bytes()
    if damage == "flip a bit":
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "delete":
        path.unlink()
    elif damage == "longer":
        path.write_bytes(content + b"\n")
    else:
        elsewhere = tmp_path / "elsewhere"
        path.rename(elsewhere)
        path.symlink_to(elsewhere)
    findings = verify(built[0])
    if damage == "link" and name.startswith("manifest"):
        assert findings == () or name in str(findings)
    else:
        assert any(name in finding.where for finding in findings) or (
            name == "manifest.sha256" and any(f.where == "manifest.json" for f in findings)
        )


@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), name=st.sampled_from(FILES))
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_flipped_bit_anywhere_is_found(built: Built, where, bit, name):
    path = built[0] / name
    content = path.read_bytes()
    at = int(where * len(content))
    path.write_bytes(content[:at] + bytes([content[at] ^ (1 << bit)]) + content[at + 1 :])
    try:
        assert verify(built[0])
    finally:
        path.write_bytes(content)


@given(where=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255), name=st.sampled_from(FILES[3:5]))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bytes_that_are_wrong_under_a_right_digest_never_end_in_a_traceback(built: Built, where, value, name):
    build, manifest = built
    content = (build / name).read_bytes()
    at = int(where * len(content))
    (build / name).write_bytes(content[:at] + bytes([value]) + content[at + 1 :])
    republish(build, manifest, name)
    try:
        verify(build)
    finally:
        (build / name).write_bytes(content)
        publish(build, manifest)


@pytest.mark.parametrize(
    "name", ["core.tmp", "segments/0/train/data-00002-of-00003.arrow", "ledger/.x", "empty/"]
)
def test_whatever_else_lies_in_the_directory_is_found(built: Built, name):
    path = built[0] / name
    if name.endswith("/"):
        path.mkdir()
    else:
        path.write_bytes(b"")
    assert f"{name.rstrip('/')}: does not belong" in said(built[0])


def test_a_linked_directory_is_found(built: Built, tmp_path):
    inside = built[0] / "ledger"
    inside.rename(tmp_path / "ledger")
    inside.symlink_to(tmp_path / "ledger")
    assert "ledger: does not belong" in said(built[0])


@pytest.mark.parametrize("path", ["../outside", "/etc/hosts", "a//b"])
def test_a_path_that_leaves_the_build_is_not_followed(built: Built, path):
    build, manifest = built
    other = replace(manifest.other_files[0], path=path)
    publish(build, replace(manifest, other_files=(*manifest.other_files, other)))
    assert f"{path}: is no path inside the build" in said(build)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rows_sent": 7}, "7 rows were sent"),
        ({"rows_arrived": 99}, "99 rows arrived"),
        ({"quarantined": {"invalid_json": 3}}, "3 are in quarantine"),
        ({"documents": 40, "rows_arrived": 42}, "the manifest says 40, the ledger 41"),
        ({"kept": 1}, "1 kept"),
        ({"tokens": 5}, "the manifest says 5"),
        ({"pii": {}}, "pii: the manifest says {}"),
        ({"data_set": "renamed"}, "a_dot/chat: is in the ledger and not in the manifest"),
    ],
)
def test_a_wrong_count_in_the_manifest_is_found(built: Built, change, words):
    build, manifest = built
    wrong = replace(manifest.data_sets[0], **change)
    publish(build, replace(manifest, data_sets=(wrong, *manifest.data_sets[1:])))
    assert words in said(build)


def test_a_reason_taken_for_another_is_found(built: Built):
    build, manifest = built
    facts = manifest.data_sets[0]
    dropped = {"quality/spam" if key == "quality/too_short" else key: n for key, n in facts.dropped.items()}
    publish(build, replace(manifest, data_sets=(replace(facts, dropped=dropped), *manifest.data_sets[1:])))
    assert "conservation: a_dot/chat: dropped" in said(build)


def test_two_swapped_rows_of_a_shard_are_found(built: Built):
    rewrite_shard(built, lambda rows: rows.take(pa.array([1, 0, *range(2, len(rows))])))
    assert "document id of 2 rows is not the ledger's, first in row 0" in said(built[0])


def test_tokens_moved_to_the_neighbour_are_found(built: Built):
    def move(rows):
        lists = rows["input_ids"].to_pylist()
        other = next(row for row, tokens in enumerate(lists) if len(tokens) != len(lists[0]))
        lists[0], lists[other] = lists[other], lists[0]
        return rows.set_column(0, "input_ids", pa.array(lists, pa.list_(pa.int32())))

    rewrite_shard(built, move)
    assert "number of tokens of 2 rows" in said(built[0])


def test_a_row_cut_from_a_shard_is_found(built: Built):
    rewrite_shard(built, lambda rows: rows.slice(1))
    assert "the manifest says" in said(built[0])
    assert "the ledger places" in said(built[0])


@pytest.mark.parametrize(("column", "words"), [("partner", "contract code"), ("language", "language code")])
def test_a_wrong_code_is_found(built: Built, column, words):
    def change(rows):
        values = ["zz", *rows[column].to_pylist()[1:]]
        return rows.set_column(rows.column_names.index(column), column, pa.array(values, pa.string()))

    rewrite_shard(built, change)
    assert f"{words} of 1 rows" in said(built[0])


@pytest.mark.parametrize(
    ("token", "words"), [(131072, "outside the vocabulary"), (-1, "outside the vocabulary")]
)
def test_a_token_outside_the_vocabulary_is_found(built: Built, token, words):
    def change(rows):
        lists = rows["input_ids"].to_pylist()
        lists[0][0] = token
        return rows.set_column(0, "input_ids", pa.array(lists, pa.list_(pa.int32())))

    rewrite_shard(built, change)
    assert words in said(built[0])


def test_a_document_without_its_end_is_found(built: Built):
    def change(rows):
        lists = rows["input_ids"].to_pylist()
        lists[0][-1] = 1001
        return rows.set_column(0, "input_ids", pa.array(lists, pa.list_(pa.int32())))

    rewrite_shard(built, change)
    assert "does not end in token 2" in said(built[0])


def test_a_shard_in_pyarrows_own_layout_is_found(built: Built):
    build, manifest = built
    path = manifest.shards[0].path
    with pa.memory_map(str(build / path)) as source:
        table = pa.ipc.open_stream(source).read_all()
    table = table.replace_schema_metadata(None)
    (build / path).unlink()
    with pa.ipc.new_stream(str(build / path), table.schema) as writer:
        writer.write_table(table)
    republish(build, manifest, path)
    assert "do not begin at byte 4096" in said(build)


def test_a_shard_that_is_no_arrow_file_is_found(built: Built):
    build, manifest = built
    path = manifest.shards[0].path
    (build / path).write_bytes(b"no arrow at all")
    republish(build, manifest, path)
    assert f"{path}: is no readable Arrow stream" in said(build)


def test_a_ledger_without_a_single_shard_is_found(built: Built):
    build, manifest = built
    segments = (replace(manifest.segments[0], train=(), validation=()),)
    publish(build, replace(manifest, segments=segments, root=content_root(segments)))
    assert "epoch 0 has 0 shards and 3 ledger pieces" in said(build)


def test_a_renamed_shard_is_found(built: Built):
    build, manifest = built
    segment = manifest.segments[0]
    train = (replace(segment.train[0], name="0-train-00009"), segment.train[1])
    publish(build, replace(manifest, segments=(replace(segment, train=train),)))
    assert "is called 0-train-00009" in said(build)
    assert "in a shard that the manifest does not name" in said(build)


LOST = {"kept": False, "stage": "dedup", "tokens": 0, "shard": None, "shard_row": None}


@pytest.mark.parametrize(
    ("applies", "change", "words"),
    [
        ("kept", {"reason": Reason.SPAM.value}, "kept and yet with a stage"),
        ("kept", {"shard": None}, "without a place"),
        ("kept", {"tokens": 0}, "kept and without tokens"),
        ("quality", {"stage": None}, "without a known stage"),
        ("quality", {"stage": "magic"}, "without a known stage"),
        ("quality", {"reason": None}, "without a known reason"),
        ("quality", {"reason": "because"}, "without a known reason"),
        ("quality", {"tokens": 4}, "yet with tokens"),
        ("quality", {"shard": "0-train-00000", "shard_row": 0}, "yet with tokens or a place"),
        ("quality", {"duplicate_of": bytes(16)}, "yet it names a winner"),
        ("near_duplicate", {"duplicate_of": None}, "names no winner"),
        ("near_duplicate", {"duplicate_of": bytes(16)}, "names a winner that was not kept"),
        ("near_duplicate", {"similarity": None}, "without a similarity"),
        ("near_duplicate", {"similarity": 1.5}, "without a similarity"),
        ("repeated_key", {"duplicate_of": bytes(16)}, "names a winner that was not kept"),
    ],
)
def test_a_ledger_row_that_does_not_explain_itself_is_found(built: Built, applies, change, words):
    done = []

    def once(row):
        if not done and applies in ("kept" if row["kept"] else row["stage"], row["reason"]):
            done.append(row["doc_id"].hex())
            return row | change
        return row

    rewrite_ledger(built, once)
    assert done
    found = [finding for finding in verify(built[0]) if words in finding.message]
    assert found
    assert done[0] in found[0].where


def test_a_document_kept_twice_and_in_both_splits_is_found(tmp_path):
    build = tmp_path / "build"
    build.mkdir()
    manifest = write_build(build)
    train, aside = manifest.segments[0].train[0].path, manifest.segments[0].validation[0].path
    moved = shard_rows(build, train).slice(0, 1)
    rows = pa.concat_tables([moved, shard_rows(build, aside).slice(1)])
    write_shard(build / aside, rows)
    manifest = republish(build, manifest, aside)
    doc_id = moved["doc_id"][0].as_py()
    assert f"splits: {doc_id.hex()}: stands in a validation shard and in a training shard" in said(build)


def test_a_repeated_key_may_name_a_document_that_lost_itself(tmp_path):
    rows = documents()
    first, again = rows[6], dict(rows[6])
    again |= {
        "row": 99,
        "stage": Stage.DEDUP.value,
        "reason": Reason.REPEATED_KEY.value,
        "duplicate_of": first["doc_id"],
        "similarity": 1.0,
    }
    build = tmp_path / "build"
    build.mkdir()
    write_build(build, [*rows, again])
    assert verify(build) == ()


@pytest.mark.parametrize(("part", "at"), [("input_ids", 4100), ("doc_id", None), ("language", None)])
def test_of_an_altered_shard_the_part_is_named(built: Built, part, at):
    build, manifest = built
    path = build / manifest.shards[0].path
    place = {one.name: one for one in read_trailer(path)}[part].begin if at is None else at
    whole = path.read_bytes()
    path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    assert f"SHA-256 says; by its trailer: {part}" in said(build)
    path.write_bytes(whole[:-1] + b"\0")
    assert "its trailer is damaged" in said(build)
