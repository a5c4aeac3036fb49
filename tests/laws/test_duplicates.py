"""What copies cost: every edge, who lost to whom, how many a kept document stands for, and limits."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.lineage.duplicates import losses, read_dedup_facts
from pipelines.lineage.feedback import feedback, feedback_lines
from pipelines.lineage.verify import verify
from schemas.errors import LossExceeded
from schemas.identity import file_sha256
from schemas.manifest import FileFacts, manifest_bytes
from tests.laws.tiny import Built, Partner, build, text, write_home

NAMES = ("alpha", "beta", "gamma")


def edited(number: int, change: str) -> str:
    """Nearly the text of that number."""
    return text(number).replace("오래", change, 1)


def three_partners() -> list[Partner]:
    """Copies within and across; beta's second text is alike to alpha's and to gamma's."""
    alpha = [{"id": f"a{n}", "text": text(n)} for n in range(6)]
    beta = [
        {"id": "b0", "text": text(0)},
        {"id": "b1", "text": edited(1, "잠깐")},
        {"id": "b2", "text": text(30)},
        {"id": "b3", "text": text(30)},
        {"id": "b4", "text": text(31)},
    ]
    gamma = [
        {"id": "c0", "text": text(0)},
        {"id": "c1", "text": edited(1, "잠깐")},
        {"id": "c2", "text": edited(31, "살짝")},
        {"id": "c3", "text": text(40)},
        {"id": "c4", "text": edited(2, "날마다")},
    ]
    rows = (alpha, beta, gamma)
    return [Partner(name, rows=given) for name, given in zip(NAMES, rows, strict=True)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("three")


@pytest.fixture(scope="module")
def made(home: Path) -> Built:
    return build(home, write_home(home, three_partners()))


def table(made: Built, pattern: str) -> list[dict]:
    return [row for path in sorted(made.directory.glob(pattern)) for row in pq.read_table(path).to_pylist()]


def copies_in(rows: list[dict]) -> list[dict]:
    return [row for row in rows if row["reason"] in ("exact_duplicate", "near_duplicate")]


def test_every_duplicate_has_its_edges_and_each_leads_to_a_kept_document(made: Built):
    edges = table(made, "index/edges/*.parquet")
    found = {(edge["doc_id"], edge["kept"]): edge["similarity"] for edge in edges}
    lost = copies_in(made.rows)
    assert len(lost) == 7
    assert {row["doc_id"] for row in lost} == {edge["doc_id"] for edge in edges}
    assert all(found[row["doc_id"], row["duplicate_of"]] == row["similarity"] for row in lost)
    assert {edge["kept"] for edge in edges} <= made.kept


def test_copies_are_counted_by_kept_document_and_partner(made: Built):
    expected = Counter((row["duplicate_of"], row["partner"]) for row in copies_in(made.rows))
    found = {(row["doc_id"], row["partner"]): row["copies"] for row in table(made, "index/copies-*.parquet")}
    assert found == expected
    alpha = three_partners()[0]
    assert found[alpha.doc_id("a0"), "beta"] == found[alpha.doc_id("a0"), "gamma"] == 1


def test_the_matrix_of_losses_is_the_ledgers(made: Built):
    whose = {row["doc_id"]: row for row in made.rows if row["kept"]}
    documents, tokens = Counter(), Counter()
    for row in copies_in(made.rows):
        winner = whose[row["duplicate_of"]]
        documents[row["partner"], winner["partner"]] += 1
        tokens[row["partner"], winner["partner"]] += winner["tokens"]
    found = losses(made.directory, made.manifest)
    assert {(one.partner, one.to): (one.documents, one.tokens) for one in found} == {
        pair: (documents[pair], tokens[pair]) for pair in documents
    }
    assert {("beta", "alpha"), ("beta", "beta"), ("gamma", "alpha"), ("gamma", "beta")} == set(documents)
    assert all(0 < len(one.examples) <= 3 for one in found)
    page = (made.directory / "report.html").read_text()
    assert found[0].examples[0][:16] in page


def test_what_would_be_kept_without_a_partner_is_what_a_build_without_it_keeps(made: Built, home: Path):
    counted = read_dedup_facts(made.directory, made.manifest).kept_without
    before = {row["doc_id"]: row["partner"] for row in made.rows if not row["kept"]}
    for gone in NAMES:
        partners = [partner for partner in three_partners() if partner.name != gone]
        without = build(home, write_home(home / f"no-{gone}", partners), f"built-{gone}")
        back = Counter(before[doc_id] for doc_id in without.kept & before.keys())
        assert counted.get(gone, {}) == back
    assert counted == {"alpha": {"beta": 2, "gamma": 1}, "beta": {"gamma": 1}}


def test_a_partner_is_told_what_copies_cost_it_and_what_it_spared_others(made: Built):
    found = feedback(made.directory, "gamma")
    assert found.kept_without == {"alpha": 1, "beta": 1}
    assert set(found.lost_tokens) == {"alpha", "beta"}
    assert feedback(made.directory, "alpha").copies == 5
    assert {"drop": "all", "what": "would be kept without alpha", "count": 1} in feedback_lines(found)


def test_verify_finds_edges_and_copies_that_are_not_the_ledgers(home: Path):
    broken = build(home, home / "recipe.yaml", "broken")
    assert verify(broken.directory) == ()
    files = []
    for facts in broken.manifest.other_files:
        path = broken.directory / facts.path
        if facts.path.startswith("index/") and path.suffix == ".parquet":
            pq.write_table(pq.read_table(path).slice(1), path)
        files.append(FileFacts(facts.path, path.stat().st_size, file_sha256(path)))
    content = manifest_bytes(replace(broken.manifest, other_files=tuple(files)))
    (broken.directory / "manifest.json").write_bytes(content)
    digest = file_sha256(broken.directory / "manifest.json")
    (broken.directory / "manifest.sha256").write_text(f"{digest}  manifest.json\n")
    found = {finding.where for finding in verify(broken.directory) if finding.check == "index"}
    assert found == {"index/copies-0.parquet", "index/edges"}


def test_a_partner_that_loses_more_than_the_recipe_allows_stops_the_build(home: Path):
    path = write_home(home / "limits", three_partners(), max_duplicates={"beta": 0.8, "gamma": 0.79})
    with pytest.raises(LossExceeded, match=r"gamma: 4 of the 5 documents .* are copies, .* allows 79.0%"):
        build(home / "limits", path, staging=home / "staging")
    assert not (home / "limits" / "out" / "manifest.json").exists()
    enough = write_home(home / "limits", three_partners(), max_duplicates={"beta": 0.8, "gamma": 0.8})
    assert build(home / "limits", enough, "enough", staging=home / "staging").kept


def test_partners_may_rank_otherwise_in_a_language(home: Path, made: Built):
    path = write_home(
        home / "ranked",
        three_partners(),
        dedup={"partners_by_language": {"ko": ["gamma"], "en": ["beta", "alpha"]}},
    )
    ranked = build(home / "ranked", path, staging=home / "staging")
    assert {row["language"] for row in ranked.rows} == {"ko"}
    kept = Counter(row["partner"] for row in ranked.rows if row["kept"])
    assert kept == {"gamma": 5, "alpha": 3, "beta": 1}
    assert json.loads((ranked.directory / "manifest.json").read_bytes())["identity"] != made.manifest.identity


def test_side_tables_say_nothing_but_ids_names_and_numbers(made: Built):
    for pattern in ("index/edges/*.parquet", "index/copies-*.parquet"):
        for path in made.directory.glob(pattern):
            kinds = {field.type for field in pq.read_schema(path)}
            assert kinds <= {pa.binary(16), pa.string(), pa.float32(), pa.int64()}


def test_two_partners_with_the_same_drop_and_one_whose_texts_are_all_equal(tmp_path: Path):
    rows = [{"id": f"{n}", "text": text(n)} for n in range(5)]
    same = [{"id": f"{n}", "text": text(0)} for n in range(50)]
    partners = [Partner("alpha", rows=rows), Partner("beta", rows=rows), Partner("gamma", rows=same)]
    found = build(tmp_path, write_home(tmp_path, partners))
    assert Counter(row["partner"] for row in found.rows if row["kept"]) == {"alpha": 5}
    assert Counter(row["partner"] for row in found.rows) == {"alpha": 5, "beta": 5, "gamma": 50}
    assert read_dedup_facts(found.directory, found.manifest).kept_without == {"alpha": {"beta": 5}}
    assert verify(found.directory) == ()


def test_what_is_lost_between_the_steps_is_made_again_by_its_digest(tmp_path: Path):
    path = write_home(tmp_path, three_partners())
    first = build(tmp_path, path)
    (corpus,) = (tmp_path / "staging" / "dedup").iterdir()
    for name in ("shared-03.arrow", "sketches-00001.arrow", "part-00000.arrow", "without-beta.json"):
        (corpus / name).unlink()
    shutil.rmtree(corpus / "decisions")
    shutil.rmtree(corpus / "parts")
    again = build(tmp_path, path, "again")
    assert again.manifest == first.manifest
    assert (corpus / "shared-03.arrow").is_file()
