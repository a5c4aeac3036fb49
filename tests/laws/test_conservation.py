"""Law of conservation: rows, documents and tokens are counted whole, from the files themselves."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import polars as pl
import pyarrow as pa

from tests.laws.builds import Finished, malmoi


def ledger(finished: Finished) -> pl.DataFrame:
    return pl.read_parquet(finished.build / "ledger" / "*.parquet")


def test_rows_sent_arrived_admitted_and_quarantined_add_up(built: Finished, repository: Path):
    for content in built.receipts:
        drop = repository / "examples" / "drops" / content["partner"] / "drop.json"
        sent = {file["path"]: file["rows"] for file in json.loads(drop.read_bytes())["files"]}
        assert {file["path"]: file["rows_sent"] for file in content["files"]} == sent
        for file in content["files"]:
            assert file["rows_sent"] == file["rows_arrived"]
            assert file["rows_arrived"] == file["documents"] + sum(file["quarantined"].values())


def test_every_admitted_document_has_one_ledger_row_and_one_decision(built: Finished):
    rows = ledger(built)
    admitted = sum(data_set["documents"] for data_set in built.manifest["data_sets"])
    assert len(rows) == admitted
    assert rows.select("partner", "file", "row").is_unique().all()
    dropped = rows.filter(~pl.col("kept"))
    assert dropped["reason"].null_count() == 0
    assert rows.filter("kept")["reason"].null_count() == len(rows) - len(dropped)
    for data_set in built.manifest["data_sets"]:
        assert data_set["documents"] == data_set["kept"] + sum(data_set["dropped"].values())


def test_tokens_in_shards_ledger_and_manifest_are_the_same(built: Finished):
    rows = ledger(built)
    manifest = built.manifest
    counted: Counter[str] = Counter()
    for segment in manifest["segments"]:
        for shard in (*segment["train"], *segment["validation"]):
            with pa.memory_map(str(built.build / shard["path"])) as source:
                table = pa.ipc.open_stream(source).read_all()
                lengths = pa.compute.list_value_length(table["input_ids"])
                counted[shard["name"]] = pa.compute.sum(lengths).as_py() or 0
                assert (table.num_rows, counted[shard["name"]]) == (shard["rows"], shard["tokens"])
    by_shard = rows.filter("kept").group_by("shard").agg(pl.col("tokens").sum())
    assert dict(by_shard.iter_rows()) == {name: n for name, n in counted.items() if n}
    assert sum(counted.values()) == sum(data_set["tokens"] for data_set in manifest["data_sets"])


def test_every_partner_has_documents_in_the_shards(built: Finished):
    kept = Counter()
    for data_set in built.manifest["data_sets"]:
        kept[data_set["partner"]] += data_set["kept"]
    assert len(kept) == 6
    assert all(kept.values())


def test_verify_finds_the_build_whole(built: Finished):
    done = malmoi("verify", built.build)
    assert done.returncode == 0, done.stdout.decode()


def test_trace_answers_for_every_row_of_every_shard(built: Finished):
    rows = ledger(built).filter("kept")
    for segment in built.manifest["segments"]:
        for shard in (*segment["train"], *segment["validation"]):
            places = rows.filter(pl.col("shard") == shard["name"])["shard_row"].sort().to_list()
            assert places == list(range(shard["rows"]))
    shard = built.manifest["segments"][0]["train"][0]
    done = malmoi("trace", built.build, "--shard", shard["name"], "--row", shard["rows"] - 1, "--json")
    assert done.returncode == 0, done.stderr.decode()
    by_row = json.loads(done.stdout)
    done = malmoi("trace", built.build, "--doc", by_row["doc_id"], "--json")
    assert json.loads(done.stdout) == by_row


def test_the_manifest_holds_the_digest_of_everything_that_made_it(built: Finished, repository: Path):
    manifest = built.manifest
    lock = hashlib.sha256((repository / "requirements.lock").read_bytes()).hexdigest()
    assert manifest["runtime"]["requirements.lock"] == lock
    assert {"lid.176.ftz", "puzzle_ko.jsonl"} <= set(manifest["models"])
    for partner, files in ((drop["partner"], drop["files"]) for drop in manifest["drops"]):
        for file in files:
            content = (repository / "examples" / "drops" / partner / file["path"]).read_bytes()
            assert file["sha256"] == hashlib.sha256(content).hexdigest()
    assert {contract["partner"] for contract in manifest["contracts"]} == {
        drop["partner"] for drop in manifest["drops"]
    }
    assert all(contract["digest"] for contract in manifest["contracts"])
