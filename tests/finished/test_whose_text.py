"""Whose text: every document's own text leads to it, an edited one near it, and a strange one nowhere."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from pipelines.commands.app import app
from pipelines.finished.canonical import canonicals, recipe_of
from pipelines.finished.text import export_text
from pipelines.finished.whose_text import BANDS, DIGEST, SHARD, SHINGLES, TextAnswer, whose_text
from pipelines.lineage.fingerprints import (
    FINGERPRINTS,
    FingerprintIndex,
    fingerprint_rows,
    write_fingerprints,
)
from pipelines.lineage.verify import verify
from pipelines.lineage.ways import WAYS_JSON
from schemas.errors import BuildInconsistent, UsageError
from tests.laws.builds import Finished, malmoi
from tests.laws.tiny import Built, Partner, build, text, write_home
from tests.lineage.small_build import republish

STRANGE = (
    "Nobody who ever delivered anything to this corpus wrote a sentence about purple submarines in Ulsan."
)
PHONES = ["010-8431-{:04}", "010-9{:03}-2841"]


def with_data(number: int) -> str:
    """Talk with a telephone, an address and a name, each with a particle behind."""
    phone = PHONES[number % 2].format(100 + number)
    return f"{text(number)} 연락처는 {phone}이에요. 메일은 writer{number}@mailbox-test.co.kr로 주세요."


@pytest.fixture(scope="module")
def partners() -> list[Partner]:
    """Three contracts: other classes of personal data, another markup, copies of each other's texts."""
    alpha = [{"id": f"a{n}", "text": with_data(n) if n % 2 else text(n)} for n in range(24)]
    pages = [{"id": f"b{n}", "text": f"<p>{text(100 + n)}</p><p>A &amp; B {n}</p>"} for n in range(8)]
    gamma = [
        {"id": "c0", "text": text(2)},
        {"id": "c1", "text": text(4).replace("오래", "잠깐", 1)},
        {"id": "c2", "text": "제 이름은 김서연이고 " + with_data(200)},
        *({"id": f"c{n}", "text": with_data(200 + n)} for n in range(3, 12)),
    ]
    named = {"PERSON": {"expected": True, "policy": "surrogate"}}
    removed = {"PHONE_NUMBER": {"expected": True, "policy": "remove"}, **named}
    return [
        Partner("alpha", rows=alpha),
        Partner("beta", rows=pages, data_set={"malmoi.markup": "html"}),
        Partner("gamma", rows=gamma, rights={"malmoi.personalData": removed}),
    ]


@pytest.fixture(scope="module")
def made(partners: list[Partner], tmp_path_factory: pytest.TempPathFactory) -> Built:
    home = tmp_path_factory.mktemp("whose")
    return build(home, write_home(home, partners, tokens={"shard_mib": 1, "validation_share": 0.2}))


def ids(answer: TextAnswer, match: str) -> set[str]:
    return {one.document.doc_id for one in answer.matches if one.match == match}


def test_every_text_that_was_delivered_leads_to_its_document_kept_or_dropped(partners, made: Built):
    decided = {row["doc_id"]: row for row in made.rows}
    dropped = 0
    for partner in partners:
        for row in partner.rows:
            doc_id = partner.doc_id(row["id"])
            answer = whose_text(made.directory, row["text"])
            (found,) = [one for one in answer.matches if one.document.doc_id == doc_id.hex()]
            assert (answer.answer, found.match, found.known_by) == ("exact", "exact", DIGEST)
            assert found.similarity == 1.0
            assert found.bands == answer.bands
            assert (found.document.decision == "kept") is decided[doc_id]["kept"]
            dropped += not decided[doc_id]["kept"]
    assert dropped == 2  # gamma's copies; their own texts say to whom they lost


def test_every_text_as_the_corpus_holds_it_leads_to_its_document(made: Built, tmp_path: Path):
    """What a model would repeat: invented telephones, classes in brackets, particles that agree with them."""
    export_text(made.directory, tmp_path / "text")
    replaced = 0
    for path in sorted((tmp_path / "text").glob("*.parquet")):
        for row in pa.parquet.read_table(path).to_pylist():
            answer = whose_text(made.directory, row["text"])
            assert row["doc_id"].hex() in ids(answer, "exact"), row["data_set"]
            replaced += "[PHONE_NUMBER]" in row["text"] or "example." in row["text"]
    assert replaced > 10


def shingles(raw: str, size: int = 5) -> set[str]:
    """Of a text without personal data, by nothing but Python."""
    canonical = " ".join(raw.split())
    return {canonical[at : at + size] for at in range(len(canonical) - size + 1)}


def test_an_edited_text_is_near_with_the_jaccard_similarity_of_its_shingles(partners, made: Built):
    random, met = Random(3), 0
    for row in partners[0].rows[0:24:2]:
        at = random.randrange(5, len(row["text"]) - 5)
        edited = row["text"][:at] + random.choice(["쿰", "xy", "abc"]) + row["text"][at + 1 :]
        expected = len(shingles(edited) & shingles(row["text"])) / len(
            shingles(edited) | shingles(row["text"])
        )
        answer = whose_text(made.directory, edited, least_similarity=0.5)
        assert answer.exact == 0
        doc_id = partners[0].doc_id(row["id"]).hex()
        found = [one for one in answer.matches if one.document.doc_id == doc_id]
        for one in found:
            assert (one.match, one.known_by) == ("near", SHINGLES)
            assert one.similarity == round(expected, 6)
            met += 1
        assert found or expected < 0.95  # beyond, two texts in 10^6 share no band
        stricter = whose_text(made.directory, edited, least_similarity=min(1.0, expected + 0.001))
        assert doc_id not in ids(stricter, "near")
    assert met >= 9


def test_a_near_copy_that_was_dropped_is_told_with_whom_it_lost_to(partners, made: Built):
    gamma = partners[2]
    answer = whose_text(made.directory, gamma.rows[1]["text"], least_similarity=0.5)
    (own,) = [one for one in answer.matches if one.match == "exact"]
    assert (own.document.reason, own.document.duplicate_of) == (
        "near_duplicate",
        partners[0].doc_id("a4").hex(),
    )
    assert partners[0].doc_id("a4").hex() in ids(answer, "near")
    # Of a dropped text alone the bands are known: an estimate, and called one.
    edited = gamma.rows[1]["text"] + " 네."
    answer = whose_text(made.directory, edited, least_similarity=0.1)
    (lost,) = [one for one in answer.matches if one.document.doc_id == own.document.doc_id]
    assert (lost.match, lost.known_by) == ("near", BANDS)
    settings = recipe_of(made.manifest).fingerprint
    assert lost.similarity == round((lost.bands / settings.bands) ** (1 / settings.rows), 6)


def test_canonical_texts_differ_by_contract_and_equal_ones_are_one(made: Built):
    plain = canonicals(made.directory, text(1))
    assert [one.data_sets for one in plain] == [("alpha/posts", "beta/posts", "gamma/posts")]
    named = canonicals(made.directory, "제 이름은 김서연이고 " + text(1))
    assert sorted(one.data_sets for one in named if not one.respelled) == [
        ("alpha/posts", "beta/posts"),
        ("gamma/posts",),
    ]
    with pytest.raises(UsageError, match="nothing is left"):
        whose_text(made.directory, " \n\u200b ")


def test_a_text_cut_by_passages_is_compared_as_the_shard_has_it(tmp_path: Path):
    again = "이 문단은 모든 글의 끝에 그대로 붙어 있는 안내문이라서 두 번째부터는 잘려 나갑니다."
    rows = [{"id": str(n), "text": f"{text(n)}\n\n{again}"} for n in range(6)]
    passages = {"paragraph_documents": 1, "action": "cut"}
    built = build(tmp_path, write_home(tmp_path, [Partner("alpha", rows=rows)], passages=passages))
    own = [whose_text(built.directory, row["text"]).answer for row in rows]
    assert own == ["exact"] * 6
    known = set()
    for row in rows:
        answer = whose_text(built.directory, row["text"].replace("오늘은", "어제는"), least_similarity=0.3)
        known |= {one.known_by for one in answer.matches}
    assert known == {SHINGLES, SHARD}


@pytest.fixture
def copy(made: Built, tmp_path: Path) -> Path:
    return shutil.copytree(made.directory, tmp_path / "copy")


def index_file(build: Path) -> str:
    """The index file of the most documents."""
    largest = max((build / FINGERPRINTS).iterdir(), key=lambda path: path.stat().st_size)
    return largest.relative_to(build).as_posix()


def rewritten(build: Path, made: Built, change) -> str:
    """All findings once an index file is changed and the manifest says so."""
    path = index_file(build)
    batch = pa.ipc.open_file(pa.py_buffer((build / path).read_bytes())).get_batch(0)
    write_fingerprints(build / path, change(batch))
    republish(build, made.manifest, path)
    return "\n".join(map(str, verify(build)))


def swapped(batch: pa.RecordBatch, name: str) -> pa.RecordBatch:
    column = batch[name].take(pa.array([1, 0, *range(2, len(batch))]))
    return batch.set_column(batch.schema.get_field_index(name), batch.schema.field(name), column)


def without_one(batch: pa.RecordBatch) -> pa.RecordBatch:
    keys = np.zeros((len(batch) - 1, 14), np.uint32)
    return fingerprint_rows(doc_id=batch["doc_id"][1:], exact=batch["exact"][1:], keys=keys)


def another_digest(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Each document with a digest of its own."""
    digests = pa.array([bytes([0, number]) * 8 for number in range(len(batch))], pa.binary(16))
    return batch.set_column(0, batch.schema.field("exact"), digests)


def row_twice(batch: pa.RecordBatch) -> pa.RecordBatch:
    rows = pa.array([batch["row_004"][0].as_py()] * len(batch), batch["row_004"].type)
    return batch.set_column(batch.schema.get_field_index("row_004"), batch.schema.field("row_004"), rows)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without_one, "1 documents that came to deduplication are not in it"),
        (lambda batch: swapped(batch, "exact"), "is not sorted by digest"),
        (lambda batch: swapped(batch, "key_013"), "is not sorted by key in band 13"),
        (row_twice, "does not hold every document once in band 4"),
        (lambda batch: batch.select(["exact", "doc_id", "key_000"]), "is no file of fingerprints"),
        (another_digest, "exact duplicates have another digest than the document they lost to"),
    ],
)
def test_an_index_that_is_not_the_ledgers_is_found_though_its_digest_agrees(copy: Path, made, change, words):
    assert words in rewritten(copy, made, change)


def test_a_changed_byte_and_other_ways_are_found(copy: Path, made: Built):
    path = copy / index_file(copy)
    whole = path.read_bytes()
    for at in (0, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert f"{FINGERPRINTS}{path.name}" in "\n".join(map(str, verify(copy)))
    path.write_bytes(whole)
    assert verify(copy) == ()
    ways = copy / WAYS_JSON
    ways.write_bytes(ways.read_bytes().replace(b'"gamma"', b'"delta"'))
    republish(copy, made.manifest, WAYS_JSON)
    assert "speaks of other data sets" in "\n".join(map(str, verify(copy)))
    ways.unlink()
    with pytest.raises(BuildInconsistent, match=re.escape(WAYS_JSON)):
        whose_text(copy, text(1))


def test_documents_of_the_example_lead_to_themselves(built: Finished):
    """Seventeen data sets, five markups and kinds, 23 classes: of every ninth, the text as it stands."""
    staged = [*(built.build.parent / "staging" / "splits").glob("*/documents.arrow")]
    looked = 0
    with FingerprintIndex(built.build) as index:
        for path in staged:
            with pa.memory_map(str(path)) as source:
                for row in pa.ipc.open_file(source).read_all().to_pylist()[::9]:
                    digests = {one.exact for one in canonicals(built.build, row["text"])}
                    found = {doc_id for one in digests for doc_id in index.exact(one)}
                    looked += 1
                    assert row["doc_id"] in found, row["doc_id"].hex()
    assert looked > 55


def test_the_command_answers_yes_with_ids_and_no_with_1(built: Finished, tmp_path: Path):
    staged = sorted((built.build.parent / "staging" / "splits").glob("*/documents.arrow"))
    with pa.memory_map(str(max(staged, key=lambda path: path.stat().st_size))) as source:
        row = pa.ipc.open_file(source).read_all().slice(0, 1).to_pylist()[0]
    file = tmp_path / "text.txt"
    file.write_text(row["text"], encoding="utf-8")
    done = malmoi("trace", built.build, "--text", file, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["answer"] == "exact"
    assert row["doc_id"].hex() in [match["document"]["doc_id"] for match in answer["matches"]]
    assert row["exact"].hex().encode() not in done.stdout
    done = malmoi("trace", built.build, "--text", file)
    assert row["doc_id"].hex() in done.stdout.decode()
    assert not any(
        line and line in done.stdout.decode() for line in row["text"].splitlines() if len(line) > 20
    )
    done = malmoi("trace", built.build, "--text", "-", stdin=STRANGE.encode())
    assert (done.returncode, done.stdout.decode().split(":")[0]) == (1, "no")
    file.write_bytes(b"abc\xff\xfe")
    with pytest.raises(UsageError, match="no UTF-8 at byte 3"):
        CliRunner().invoke(app(), ["trace", str(built.build), "--text", str(file)], catch_exceptions=False)
