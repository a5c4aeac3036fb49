"""A partner learns what became of its drops, and nothing of the others but a name."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from pipelines.lineage.feedback import feedback, render_feedback
from schemas.errors import UsageError
from tests.laws.builds import Finished, malmoi
from tests.lineage.test_report import read

PARTNERS = ("snu_kaist", "fortytwodot", "liner", "a_dot", "selectstar", "krafton")


@pytest.mark.parametrize("partner", PARTNERS)
def test_the_numbers_are_the_ledgers_and_the_receipts(built: Finished, partner: str):
    found = feedback(built.build, partner)
    ledger = pl.read_parquet(built.build / "ledger" / "*.parquet")
    mine = ledger.filter(pl.col("partner") == partner)
    (drop,) = found.drops
    assert drop.rows == drop.documents + sum(drop.quarantined.values())
    assert drop.documents == len(mine) == drop.kept + sum(drop.dropped.values())
    assert drop.rows == sum(file["rows_arrived"] for file in built.receipt(partner)["files"])
    assert drop.tokens == mine["tokens"].sum()
    assert found.token_share == pytest.approx(drop.tokens / ledger["tokens"].sum())
    whose = dict(ledger.select("doc_id", "partner").iter_rows())
    lost = mine.filter(pl.col("stage") == "dedup")["duplicate_of"]
    assert drop.lost_to == dict(Counter(whose[winner] for winner in lost))
    assert sum(drop.pii.values()) == sum(
        sum(facts["pii"].values()) for facts in built.manifest["data_sets"] if facts["partner"] == partner
    )


def test_copies_across_partners_name_who_kept_theirs(built: Finished):
    lost = {partner: set(feedback(built.build, partner).drops[0].lost_to) for partner in PARTNERS}
    assert any(winners - {partner} for partner, winners in lost.items())


def test_the_page_is_whole_and_names_no_one_who_kept_no_copy(built: Finished):
    for partner in PARTNERS:
        found = feedback(built.build, partner)
        page = read(render_feedback(found))
        assert page.open == []
        text = " ".join(page.text)
        told = {partner, *found.drops[0].lost_to}
        assert [name for name in PARTNERS if name in text and name not in told] == []
        assert f"{found.drops[0].tokens:,}" in text


def test_the_command_prints_json_and_writes_the_page(built: Finished, tmp_path: Path):
    page = tmp_path / "krafton.html"
    done = malmoi("report", built.build, "--partner", "krafton", "-o", page, "--json")
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout)["drops"][0]["documents"] > 0
    assert "말모이 krafton" in page.read_text()
    done = malmoi("report", built.build, "--partner", "krafton")
    assert "dropped: deduplicate: the same text as a kept document" in done.stdout.decode()


def test_a_partner_that_the_build_does_not_know_is_named_with_those_it_does(built: Finished):
    with pytest.raises(UsageError, match=r"no partner 'nobody'.*krafton"):
        feedback(built.build, "nobody")
    assert malmoi("report", built.build, "--partner", "nobody").returncode == 2
