"""Law of silence: planted personal data is nowhere but in the input, whatever fails."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.laws.builds import build, changed, patient_contracts
from tests.sent import send_again

CANARY = "카나리아 900101-1234567 canary.bird@malmoi-canary.example 010-4321-8765"
PIECES = (b"900101-1234567", b"canary.bird", b"010-4321-8765")


@pytest.fixture
def drops(repository: Path, tmp_path: Path) -> Path:
    """The example drops with a canary in many places: texts, keys, broken rows, unread columns."""
    target = tmp_path / "drops"
    shutil.copytree(repository / "examples" / "drops", target)
    chat = target / "krafton" / "game_chat.jsonl"
    rows = chat.read_bytes().splitlines()
    first = json.loads(rows[0])
    broken = [
        json.dumps({**first, "msg_id": "canary-1", "msg": f"연락처는 {CANARY} 이에요 꼭 연락 주세요"}),
        json.dumps({**first, "msg_id": "canary-2", "nick": CANARY, "msg": "오늘도 즐겜하세요 여러분"}),
        json.dumps({**first, "msg_id": "canary-3", "msg": [CANARY]}),
        json.dumps(CANARY),
        "{" + CANARY,
    ]
    chat.write_bytes(b"\n".join([*rows, *(line.encode() for line in broken)]) + b"\n")
    send_again(target / "krafton", {"game_chat.jsonl": len(broken)})
    return target


@pytest.fixture
def recipe(example: Path, repository: Path, tmp_path: Path) -> Path:
    """The example recipe over contracts that let broken rows go to quarantine."""
    contracts = patient_contracts(repository / "data_contracts", tmp_path / "contracts")
    return changed(example, tmp_path, contracts=str(contracts), max_quarantined=1.0)


def everything(*places: Path) -> bytes:
    return b"\0".join(path.read_bytes() for place in places for path in place.rglob("*") if path.is_file())


def test_planted_personal_data_is_in_no_output(drops: Path, recipe: Path, tmp_path: Path):
    done = build(
        recipe,
        tmp_path / "out",
        staging=tmp_path / "staging",
        options=("--drops", str(drops), "--workers", "2"),
    )
    assert done.code == 0, done.error
    said = done.output.encode() + done.error.encode()
    found = everything(tmp_path / "out", tmp_path / "out.runs", tmp_path / "staging")
    refused = [fault["reason"] for fault in done.faults("krafton") if fault["file"] == "game_chat.jsonl"]
    assert {"wrong_type", "not_an_object", "invalid_json"} <= set(refused)
    for piece in PIECES:
        assert piece not in said
        assert piece not in found


def test_a_task_that_dies_says_where_and_not_on_what(drops: Path, recipe: Path, tmp_path: Path):
    staging = tmp_path / "staging"
    first = build(recipe, tmp_path / "out", staging=staging, options=("--drops", str(drops)))
    assert first.code == 0, first.error
    for path in (staging / "splits").glob("*/documents.arrow"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    shutil.rmtree(staging / "dedup")
    shutil.rmtree(staging / "tokens")
    done = build(
        recipe, tmp_path / "other", staging=staging, options=("--drops", str(drops), "--workers", "2")
    )
    assert done.code == 2
    assert "nothing was published" in done.error
    assert not (tmp_path / "other" / "manifest.json").exists()
    said = done.output.encode() + done.error.encode() + everything(tmp_path / "other.runs")
    assert CANARY.split(maxsplit=1)[0].encode() not in said
    for piece in PIECES:
        assert piece not in said
