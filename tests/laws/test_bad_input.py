"""Bad input costs its own rows: everything else is built, and every loss has its entry and its reason."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import polars as pl
import pytest

from tests.laws.builds import Finished, build, changed, malmoi, patient_contracts
from tests.sent import send_again


@pytest.fixture(scope="module")
def damaged(example: Path, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The example build over drops with a damage of each sort."""
    home = tmp_path_factory.mktemp("damaged")
    drops = home / "drops"
    shutil.copytree(repository / "examples" / "drops", drops)

    def cut(name: str, share: float) -> None:
        path = drops / name
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

    cut("a_dot/daily_chat.jsonl.gz", 0.6)
    cut("fortytwodot/manuals_1.parquet", 0.5)
    pages = next((drops / "liner").glob("lo_help_*.jsonl.zst"))
    cut(pages.relative_to(drops).as_posix(), 0.5)
    warc = sorted((drops / "liner").glob("handbook_*.warc.gz"))[0]
    records = gzip.decompress(warc.read_bytes()).split(b"WARC/1.0\r\n")
    records[3] = records[3].replace(b"Content-Length: ", b"Content-Length: x", 1)
    warc.write_bytes(gzip.compress(b"WARC/1.0\r\n".join(records), mtime=0))
    community = drops / "krafton" / "community.jsonl"
    with community.open("ab") as file:
        file.write(b'{"no":"bad-1","c":"\xff\xfe","type":"title"}\n[1,2]\n' + b'{"no":"long","c":"')
        file.write("가나".encode() * 400_000 + b'","type":"title"}\n')
    (drops / "krafton" / "community_empty.jsonl").touch()
    (drops / "krafton" / "community_link.jsonl").symlink_to("/etc/hostname")
    send_again(drops / "krafton", {"community.jsonl": 3, "community_empty.jsonl": 1})
    for partner in ("a_dot", "fortytwodot", "liner"):
        send_again(drops / partner)
    contracts = patient_contracts(repository / "data_contracts", home / "contracts")
    loose = {"max_quarantined": 1.0, "max_row_mib": 1, "max_loss": {}, "must_match": []}
    recipe = changed(example, home, contracts=str(contracts), **loose)
    finished = build(recipe, home / "out", staging=home / "staging", options=("--drops", str(drops)))
    assert finished.code == 0, finished.error
    return finished


def entries(finished: Finished, partner: str) -> list[tuple[str, str]]:
    return [(fault["file"], fault["reason"]) for fault in finished.faults(partner)]


def test_every_damage_has_its_entry(damaged: Finished):
    krafton = entries(damaged, "krafton")
    for reason in ("invalid_encoding", "not_an_object", "row_too_long"):
        assert ("community.jsonl", reason) in krafton
    assert ("community_empty.jsonl", "empty_file") in krafton
    assert ("community_link.jsonl", "outside_drop") in krafton
    assert ("daily_chat.jsonl.gz", "truncated") in entries(damaged, "a_dot")
    reasons = {reason for file, reason in entries(damaged, "fortytwodot") if file == "manuals_1.parquet"}
    assert reasons & {"unreadable", "truncated"}
    liner = entries(damaged, "liner")
    assert "truncated" in {reason for file, reason in liner if file.endswith(".zst")}
    assert "broken_record" in {reason for file, reason in liner if file.endswith(".warc.gz")}


def test_the_whole_rows_before_a_break_are_admitted_and_the_rest_is_one_entry(damaged: Finished):
    (chat,) = [file for file in damaged.receipt("a_dot")["files"] if file["path"] == "daily_chat.jsonl.gz"]
    assert 0 < chat["documents"] < chat["rows_sent"]
    assert chat["rows_sent"] == chat["rows_arrived"] == chat["documents"] + sum(chat["quarantined"].values())
    breaks = [e for e in damaged.faults("a_dot") if e["file"] == "daily_chat.jsonl.gz" and e["row"] == -1]
    assert len(breaks) == 1


def test_all_else_is_built_and_the_build_is_whole(damaged: Finished, built: Finished):
    there = kept_rows(damaged)
    hurt = {"daily_chat.jsonl.gz", "manuals_1.parquet"}
    for partner, file, row in kept_rows(built):
        if file in hurt or file.endswith((".zst", ".warc.gz")):
            continue
        assert (partner, file, row) in there
    assert malmoi("verify", damaged.build).returncode == 0


def kept_rows(finished: Finished) -> set[tuple[str, str, int]]:
    rows = pl.read_parquet(finished.build / "ledger" / "*.parquet", columns=["partner", "file", "row"])
    return set(rows.iter_rows())


def test_rows_that_are_missing_without_a_break_stop_the_build(
    example: Path, repository: Path, tmp_path: Path
):
    drops = tmp_path / "drops"
    shutil.copytree(repository / "examples" / "drops", drops)
    community = drops / "krafton" / "community.jsonl"
    community.write_bytes(b"\n".join(community.read_bytes().splitlines()[:-2]) + b"\n")
    send_again(drops / "krafton")
    done = build(example, tmp_path / "out", staging=tmp_path / "staging", options=("--drops", str(drops)))
    assert done.code == 1
    assert "krafton/community.jsonl: 67 rows were sent, 65 arrived" in done.error
    assert not (tmp_path / "out" / "manifest.json").exists()
