from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.finished.text import TEXT, export_text
from schemas.errors import BuildInconsistent, UsageError
from schemas.identity import canonical_json
from tests.laws.builds import malmoi
from tests.laws.tiny import Built


def exported(output: Path) -> list[dict]:
    return [row for path in sorted(output.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def test_every_kept_text_comes_out_as_it_was_handed_in_with_its_lineage(small: Built, partners, tmp_path):
    found = export_text(small.directory, tmp_path / "text")
    rows = exported(tmp_path / "text")
    handed = {p.doc_id(row["id"]): (p, n, row["text"]) for p in partners for n, row in enumerate(p.rows)}
    assert {row["doc_id"] for row in rows} == small.kept
    assert len(rows) == found.documents > 60
    for row in rows:
        partner, number, text = handed[row["doc_id"]]
        assert (row["text"], row["partner"], row["row"]) == (text, partner.name, number)
        assert (row["file"], row["licence"], row["contract_version"]) == ("posts.jsonl", "CC-BY-4.0", "1.0.0")
    places = {(row["shard"], row["shard_row"]) for row in rows}
    ledger = {(row["shard"], row["shard_row"]) for row in small.rows if row["kept"]}
    assert places == ledger
    assert found.characters == sum(len(row["text"]) for row in rows)
    for path in (tmp_path / "text").glob("*.parquet"):
        assert pq.read_schema(path).remove_metadata().equals(TEXT)


def test_the_same_build_gives_the_same_bytes(small: Built, tmp_path):
    for name in ("one", "two"):
        export_text(small.directory, tmp_path / name)
    one, two = (sorted((tmp_path / name).iterdir()) for name in ("one", "two"))
    assert [path.name for path in one] == [path.name for path in two]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_rights_are_judged_on_the_day_and_who_may_not_go_is_told(small: Built, tmp_path):
    later = export_text(small.directory, tmp_path / "later", date="2027-07-01")
    assert {row["partner"] for row in exported(tmp_path / "later")} == {"alpha"}
    assert "2027-06-30" in later.left_out["beta"]
    assert json.loads((tmp_path / "later" / "export.json").read_bytes())["left_out"] == later.left_out
    with pytest.raises(BuildInconsistent, match="may be exported on 2030-01-01"):
        export_text(small.directory, tmp_path / "never", date="2030-01-01")
    assert not (tmp_path / "never").exists()
    with pytest.raises(UsageError, match="no day"):
        export_text(small.directory, tmp_path / "never", date="tomorrow")


def test_the_command_exports_and_a_second_one_does_not_write_over_it(small: Built, tmp_path):
    done = malmoi("export", "text", small.directory, "-o", tmp_path / "text", "--date", "2027-07-01")
    assert done.returncode == 0, done.stderr
    assert b"left out: beta" in done.stderr
    assert malmoi("export", "text", small.directory, "-o", tmp_path / "text").returncode == 2


@pytest.mark.parametrize("damage", ["ledger", "shard", "tokenizer"])
def test_a_damaged_build_gives_no_text(small: Built, tmp_path, damage):
    build = shutil.copytree(small.directory, tmp_path / "build")
    if damage == "ledger":
        path = next((build / "ledger").glob("*.parquet"))
        path.write_bytes(path.read_bytes() + b"x")
    elif damage == "shard":
        (build / small.manifest.shards[0].path).unlink()
    else:
        manifest = json.loads((build / "manifest.json").read_bytes())
        manifest["tokenizer"]["name"] = "gone.json"
        (build / "manifest.json").write_bytes(canonical_json(manifest) + b"\n")
    with pytest.raises((BuildInconsistent, UsageError), match=r"ledger/|segments/|gone\.json"):
        export_text(build, tmp_path / "text")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["build"]


def test_an_opt_out_after_the_build_keeps_the_partner_back(small: Built, tmp_path):
    build = shutil.copytree(small.directory, tmp_path / "build")
    manifest = json.loads((build / "manifest.json").read_bytes())
    for contract in manifest["contracts"]:
        if contract["partner"] == "beta":
            contract["rights"]["opt_outs"] = [{"domain": "a.example", "since": "2026-12-24"}]
    (build / "manifest.json").write_bytes(canonical_json(manifest) + b"\n")
    assert export_text(build, tmp_path / "before", date="2026-12-23").left_out == {}
    assert "build again" in export_text(build, tmp_path / "after", date="2026-12-24").left_out["beta"]
