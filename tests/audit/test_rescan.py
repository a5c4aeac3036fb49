from __future__ import annotations

import json
from pathlib import Path

from pipelines.audit.rescan import rescan
from tests.audit.conftest import LEAK, TEXTS, made_of
from tests.laws.builds import malmoi


def test_what_we_invented_and_what_only_looks_so_does_not_count(clean):
    found = rescan(clean, tokenizers=Path())
    assert found.left == ()
    assert found.documents > 50
    assert {"EMAIL_ADDRESS/invented", "IP_ADDRESS/weak form", "KR_RRN/weak form"} <= set(found.passed_over)


def test_what_was_left_is_found_by_both_sets_and_told_without_its_value(leaking):
    done = malmoi("audit", "pii", leaking, "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert {left["entity"] for left in found["left"]} == {"EMAIL_ADDRESS"}
    assert "minji" not in done.stdout.decode()
    assert all(LEAK[left["start"] : left["end"]].startswith("minji") for left in found["left"])


def test_what_a_contract_keeps_does_not_count(tmp_path):
    build = made_of(tmp_path / "build", (*TEXTS, LEAK), kept_label="EMAIL_ADDRESS")
    found = rescan(build, tokenizers=Path())
    assert found.left == ()
    assert found.passed_over["EMAIL_ADDRESS/kept by contract"] > 0


def test_nothing_of_the_second_set_is_ours():
    source = Path("pipelines/audit/rescan.py").read_text(encoding="utf-8")
    assert "pipelines.stages" not in source


def test_the_three_ways_of_asking_do_not_mix(clean, tmp_path):
    for words in (
        ("--sample", "5"),
        ("-o", str(tmp_path / "x")),
        ("--sample", "5", "--verdicts", str(tmp_path)),
    ):
        assert malmoi("audit", "pii", clean, *words).returncode == 2
