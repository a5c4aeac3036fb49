from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import mlcroissant
import polars as pl
import pytest
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from pipelines.finished.cards import export_cards
from schemas.errors import BuildInconsistent, UsageError
from schemas.manifest import Excluded, Manifest, read_manifest
from tests.laws.builds import Finished, malmoi
from tests.lineage.small_build import publish, write_build

NAMES = {
    "ATTRIBUTION.txt",
    "card.en.md",
    "card.ko.md",
    "croissant.json",
    "eu-summary.md",
    "licences.spdx.json",
}
# rdflib's reader of JSON-LD goes by a class of its own that it calls outdated; pandas warns mlcroissant.
_RDFLIB = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def cards(built: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cards of the example build, by the command."""
    output = tmp_path_factory.mktemp("cards") / "out"
    done = malmoi("export", "cards", built.build, "-o", output, "--json")
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["files"]) == NAMES
    return output


def ledger(build: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted((build / "ledger").glob("*.parquet"))])


@_RDFLIB
def test_croissant_is_valid_and_reads_the_builds_own_ledger(built, cards, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(built.build, copy)
    shutil.copy(cards / "croissant.json", copy)
    data = mlcroissant.Dataset(jsonld=str(copy / "croissant.json"))
    assert (data.metadata.issues.errors, data.metadata.issues.warnings) == (set(), set())
    records = list(data.records("documents"))
    known = ledger(built.build)
    assert len(records) == len(known)
    assert sum(record["documents/tokens"] for record in records) == known["tokens"].sum()
    listed = {file.id: file.sha256 for file in data.metadata.distribution if hasattr(file, "sha256")}
    manifest = read_manifest(built.build)
    assert {shard.path: shard.sha256 for shard in manifest.shards}.items() <= listed.items()
    assert listed["manifest.json"] == built.digest


@_RDFLIB
def test_croissant_has_what_rai_and_rights_say(built, cards):
    data = json.loads((cards / "croissant.json").read_bytes())
    assert data["conformsTo"] == [
        "http://mlcommons.org/croissant/1.1",
        "http://mlcommons.org/croissant/RAI/1.0",
    ]
    read = mlcroissant.Dataset(jsonld=data).metadata
    assert "Web Scraping" in read.data_collection_type
    assert set(read.data_use_cases) == {"distillation", "open_release", "pretraining"}
    assert any("PHONE_NUMBER" in line for line in read.personal_sensitive_information)
    manifest = read_manifest(built.build)
    assert {policy["odrl:assigner"] for policy in data["usageInfo"]} == {
        contract.partner for contract in manifest.contracts
    }
    assert len(data["prov:wasDerivedFrom"]) == len(manifest.drops)


def test_licences_are_an_spdx_document_whose_sums_are_the_builds(built, cards):
    document = parse_file(str(cards / "licences.spdx.json"))
    assert validate_full_spdx_document(document) == []
    manifest, known = read_manifest(built.build), ledger(built.build).filter("kept")
    licences = {contract.partner: contract.rights.licence for contract in manifest.contracts}
    corpus, *sets = document.packages
    assert corpus.checksums[0].value == built.digest
    counted = dict.fromkeys({licences[partner] for partner in known["partner"].unique()}, (0, 0))
    for partner, documents, tokens in known.group_by("partner").agg(pl.len(), pl.col("tokens").sum()).rows():
        before = counted[licences[partner]]
        counted[licences[partner]] = (before[0] + documents, before[1] + tokens)
    said = dict(part.rsplit(": ", 1) for part in corpus.comment.split("; "))
    assert said == {
        licence: f"{documents} documents, {tokens} tokens" for licence, (documents, tokens) in counted.items()
    }
    assert {one.name for one in sets} == {
        f"{partner}/{data_set}" for partner, data_set in known.select("partner", "data_set").unique().rows()
    }
    assert [one.license_id for one in document.extracted_licensing_info] == [
        "LicenseRef-Malmoi-Consortium-2026"
    ]


def test_the_attribution_file_has_each_contracts_words(built, cards):
    said = (cards / "ATTRIBUTION.txt").read_text()
    for contract in read_manifest(built.build).contracts:
        assert contract.rights.attribution in said
        assert contract.partner in said


def test_the_card_says_the_builds_numbers_in_both_languages(built, cards):
    manifest = read_manifest(built.build)
    korean, english = (cards / "card.ko.md").read_text(), (cards / "card.en.md").read_text()
    tokens = sum(shard.tokens for shard in manifest.shards)
    documents = sum(shard.rows for shard in manifest.shards)
    assert f"- 토큰: {tokens:,}\n" in korean
    assert f"- tokens: {tokens:,}\n" in english
    assert f"- 문서: {documents:,}\n" in korean
    dropped = sum(sum(facts.dropped.values()) for facts in manifest.data_sets)
    assert f"documents dropped by the build: {dropped:,}\n" in english
    numbers = [[line.count("|") for line in card.splitlines()] for card in (korean, english)]
    assert numbers[0] == numbers[1]
    for contract in manifest.contracts:
        assert contract.rights.expires in korean


def test_the_summary_has_every_section_and_says_what_it_does_not_know(cards):
    said = (cards / "eu-summary.md").read_text()
    heads = [line.lstrip("# ").split(" ")[0] for line in said.splitlines() if line.startswith("#")]
    assert heads[1:] == [
        "1.", "1.1.", "1.2.", "1.3.",
        "2.", "2.1.", "2.2.", "2.2.1.", "2.2.2.", "2.3.", "2.4.", "2.5.", "2.6.",
        "3.", "3.1.", "3.2.", "3.3.",
    ]  # fmt: skip
    assert "**Provider name and contact details**: *not known to this build*" in said
    assert "less than 1 billion tokens" in said
    assert "**Latest date of data acquisition**: 2026-11" in said
    crawled = said.split("### 2.3.")[1].split("### 2.4.")[0]
    assert "| liner | handbook |" in crawled
    assert "selectstar" not in crawled


def test_the_same_build_gives_the_same_bytes(built, cards, tmp_path):
    again = malmoi(
        "export", "cards", built.build, "-o", tmp_path / "out",
        env={"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "PYTHONHASHSEED": "7"},
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    for name in NAMES:
        assert (tmp_path / "out" / name).read_bytes() == (cards / name).read_bytes()


@pytest.fixture
def small(tmp_path: Path) -> tuple[Path, Manifest]:
    return tmp_path / "build", write_build(tmp_path / "build")


def test_names_of_others_are_no_markup(small, tmp_path):
    build, manifest = small
    evil = "<script>alert(1)</script> [x](javascript:alert(1)) | `` `x` `` **b** http://evil.example\n# head"
    contracts = tuple(
        replace(
            contract,
            version=evil,
            rights=replace(contract.rights, attribution=evil, territory=(evil,), licence="MIT"),
        )
        for contract in manifest.contracts
    )
    publish(build, replace(manifest, contracts=contracts, excluded=(Excluded(evil, evil),)))
    export_cards(build, tmp_path / "out")
    for name in ("card.ko.md", "card.en.md", "eu-summary.md"):
        said = (tmp_path / "out" / name).read_text()
        assert "alert(1)" in said
        assert "<script" not in said
        assert "[x](" not in said.replace("\\[x\\](", "")
        assert "**b**" not in said
        assert "://evil" not in said
        assert "\n# head" not in said
        rows = [line for line in said.splitlines() if "alert(1)" in line and line.startswith("|")]
        assert rows
        heads = {line.count("|") for line in said.splitlines() if line.startswith("| ---")}
        assert {row.replace("\\|", "").count("|") for row in rows} <= heads
    json.loads((tmp_path / "out" / "croissant.json").read_bytes())


def test_what_the_receipts_do_not_say_is_not_known(small, tmp_path):
    build, _ = small
    export_cards(build, tmp_path / "out")
    said = (tmp_path / "out" / "eu-summary.md").read_text()
    assert "**Latest date of data acquisition**: *not known to this build*" in said
    assert "자료의 마지막 날: 이 빌드는 알지 못함" in (tmp_path / "out" / "card.ko.md").read_text()


def test_a_ledger_of_another_build_is_refused(small, tmp_path):
    build, manifest = small
    first, *rest = manifest.segments[0].ledger
    publish(build, replace(manifest, segments=(replace(manifest.segments[0], ledger=(first, *rest[:-1])),)))
    with pytest.raises(BuildInconsistent, match="malmoi verify"):
        export_cards(build, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_into_a_build_or_over_anything(small, tmp_path):
    build, _ = small
    with pytest.raises(UsageError):
        export_cards(build, build / "cards")
    with pytest.raises(UsageError):
        export_cards(build, tmp_path)
