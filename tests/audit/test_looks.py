from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.audit.sample import draw
from pipelines.commands.looks import ranges, registry_of
from pipelines.intake.registry import Registry
from pipelines.intake.registry_check import check_registry
from schemas.registry import Looked
from tests.laws.builds import malmoi, malmoi_here

TEXT = "비밀번호: gaon7788!! 그리고 010-0123-4567로"
ROW = json.dumps({"id": "1", "text": TEXT}).encode()
CLASSES = "entities=CREDENTIAL,PHONE_NUMBER"


def tried(*words, stdin: bytes = ROW, run=malmoi):
    return run("try", "pii", "--option", CLASSES, *words, stdin=stdin)


def test_spans_come_with_class_score_and_evidence_and_without_values(tmp_path):
    done = tried("--looks", tmp_path / "looks.jsonl")
    (row,) = map(json.loads, done.stdout.splitlines())
    assert [span["label"] for span in row["spans"]] == ["CREDENTIAL", "PHONE_NUMBER"]
    assert all(span["evidence"] and 0.5 <= span["score"] <= 1 for span in row["spans"])
    assert b"gaon7788" not in done.stdout
    assert not (tmp_path / "looks.jsonl").exists()


def test_values_are_shown_once_it_is_written_down_who_looks(tmp_path):
    looks = tmp_path / "a" / "looks.jsonl"
    for _ in range(2):
        (row,) = map(json.loads, tried("--show", "--looks", looks).stdout.splitlines())
        assert [span["value"] for span in row["spans"]] == ["gaon7788!!", "010-0123-4567"]
    lines = [json.loads(line) for line in looks.read_text().splitlines()]
    assert len(lines) == 2
    assert lines[0]["shown"] == {"CREDENTIAL": 1, "PHONE_NUMBER": 1}
    assert {"at", "who", "command", "of", "shown"} == set(lines[0])
    assert "gaon" not in looks.read_text()
    assert looks.stat().st_mode & 0o77 == 0


def test_nothing_is_shown_where_it_cannot_be_written_down(tmp_path):
    done = tried("--show", "--looks", tmp_path)  # a directory
    assert done.returncode == 2
    assert done.stdout == b""


def test_other_stages_have_nothing_to_show():
    assert malmoi("try", "quality", "--show", stdin=ROW).returncode == 2


@pytest.fixture
def registry(tmp_path):
    return Registry.open(tmp_path / "registry", create=True)


def looks_in(registry) -> list[Looked]:
    return [event.body for event in registry.events()]


def test_a_look_is_an_event_of_the_registry_before_anything_is_shown(registry, tmp_path):
    words = ("--show", "--looks", tmp_path / "looks.jsonl", "--registry", registry.directory)
    assert tried(*words, run=malmoi_here).returncode == 2  # nobody says why
    assert looks_in(registry) == []
    done = tried(*words, "--why", "a partner's question of 3 March", run=malmoi_here, stdin=ROW + b"\n" + ROW)
    assert done.returncode == 0, done.stderr
    (look,) = looks_in(registry)
    assert (look.command, look.why) == ("try pii --show", "a partner's question of 3 March")
    assert look.rows == ("standard input:0-1",)
    assert look.who.endswith(")")
    content = b"".join(path.read_bytes() for path in registry.directory.rglob("*.json"))
    assert b"gaon" not in content
    assert check_registry(registry) == []


def test_nothing_is_shown_where_the_registry_cannot_be_signed(registry, tmp_path):
    registry.key_directory.rename(tmp_path / "elsewhere")
    words = ("--show", "--looks", tmp_path / "looks.jsonl", "--registry", registry.directory, "--why", "so")
    done = tried(*words, run=malmoi_here)
    assert (done.returncode, done.stdout) == (2, b"")
    done = tried(*words, "--registry-key", tmp_path / "elsewhere", run=malmoi_here)
    assert done.returncode == 0, done.stderr


def test_an_audit_sample_is_an_event_with_the_documents_drawn(clean, registry, tmp_path):
    words = ("--sample", "12", "-o", tmp_path / "sheets", "--looks", tmp_path / "looks.jsonl")
    done = malmoi_here("audit", "pii", clean, *words, "--registry", registry.directory)
    assert done.returncode == 0, done.stderr
    (look,) = looks_in(registry)
    assert look.rows == draw(clean, size=12, seed=0)[0].doc_ids
    assert (look.command, look.why) == ("audit pii --sample", "audit of personal data")


def test_rows_are_told_in_few_words():
    assert ranges([3, 0, 1, 2, 7, 9, 8, 8]) == "0-3,7-9"
    assert ranges([5]) == "5"
    assert ranges([]) == ""


def test_the_registry_is_known_from_a_drops_directory_and_from_no_other(registry, tmp_path):
    drops = registry.directory / "drops"
    assert registry_of(drops / "krafton" / "0123456789abcdef") == registry.directory.resolve()
    for other in (
        Path("/"),
        Path("/tmp"),
        tmp_path,
        drops,
        tmp_path / "drops" / "krafton" / "0123456789abcdef",
    ):
        assert registry_of(other) is None
