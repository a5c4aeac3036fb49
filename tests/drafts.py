"""A drafted contract: its open values filled in by machine, and its drop admitted under it."""

from __future__ import annotations

import csv
import gzip
import io
import re
from pathlib import Path

import orjson
import zstandard

from pipelines.admit.one_drop import admit_drop
from pipelines.draft import draft
from pipelines.intake.approving import approve
from pipelines.intake.contracts import lint_contract, load_contract
from pipelines.intake.signatures import SigningKey
from schemas.admission import Admission
from schemas.contract import Contract

TODAY = "2026-11-24"

EVIDENCE = "sha256:" + "1" * 64
DECIDED = {
    "purpose": "Texts of an invented partner.",
    "url": "mailto:corpus@partner.example",
    "malmoi.licence": "CC-BY-4.0",
    "malmoi.purposes": "pretraining",
    "malmoi.aiUse": "allowed",
    "malmoi.source": "own_service",
    "malmoi.legalBasis": f'"15-1-4", evidence: "{EVIDENCE}"',
    "malmoi.modelRelease": "closed",
    "malmoi.maxStudentParameters": "0",
    "malmoi.territory": "KR",
    "malmoi.starts": '"2026-01-01"',
    "malmoi.expires": '"2028-12-31"',
    "malmoi.retention": "{days: 30}",
    "malmoi.attribution": "An invented partner",
    "malmoi.upsamplingLimit": "1",
    "malmoi.noticeDays": "30",
    "frequency": "7",
    "malmoi.origin": "people",
    "malmoi.languages": "ko",
}
SENTENCES = (
    "오늘은 바람이 많이 불어서 창문을 모두 닫았다.",
    "새로 나온 지도를 펼쳐 놓고 다음 여행지를 골랐어요.",
    "우리 동네 빵집은 아침 일곱 시에 문을 연다.",
    "The old bridge was closed for repairs all summer.",
    "She wrote the recipe down before she forgot it.",
)
_FIELD = re.compile(r"property: ([\w.]+)|^\s*(purpose|url): TODO")


def decide(draft: str) -> str:
    """The draft with every TODO replaced by the answer to its field, and the status active."""
    return "\n".join(map(_decided, draft.replace("status: draft", "status: active").splitlines())) + "\n"


def _decided(line: str) -> str:
    if "TODO" not in line:
        return line
    field = _FIELD.search(line)
    assert field is not None, "a TODO that no field of the draft has"
    return line.replace("TODO", DECIDED[field[1] or field[2]])


def decided(drop: Path, partner: str, at: Path) -> Path:
    """A contract drafted from a drop, decided and approved, written to a file."""
    at.write_text(decide(draft(drop, partner=partner)), encoding="utf-8")
    return approved(at)


def approved(contract: Path) -> Path:
    """The contract with the approval of an invented officer written into it."""
    key = contract.with_suffix(".pem")
    approve(contract, by="Invented officer", on=TODAY, key=SigningKey.create(key))
    key.unlink()
    return contract


def admit_under(contract: Path, drop: Path) -> Admission:
    """What `malmoi admit` makes of a drop under a contract, with or without a drop.json."""
    return admit_drop(load_contract(contract), drop, today=TODAY, without_drop_json=True)


def write_file(path: Path, content: bytes) -> None:
    """A file, compressed as its ending says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    elif path.suffix == ".zst":
        content = zstandard.ZstdCompressor().compress(content)
    path.write_bytes(content)


def write_jsonl(path: Path, rows: list[dict], encoding: str = "utf-8") -> None:
    """Rows as JSON lines."""
    write_file(path, b"".join(orjson.dumps(row).decode().encode(encoding) + b"\n" for row in rows))


def write_csv(path: Path, rows: list[dict], *, encoding: str = "utf-8", delimiter: str = ",") -> None:
    """Rows as CSV with a header."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    write_file(path, text.getvalue().encode(encoding))


def some_posts(count: int, *, first: str = "p") -> list[dict]:
    """Short posts under ids of their own."""
    return [{"post_id": f"{first}-{n:05}", "body": f"{SENTENCES[n % 5]} {n}"} for n in range(count)]


def errors_of(path: Path) -> list[str]:
    """The rules that a contract breaks, warnings aside."""
    return [problem.rule for problem in lint_contract(path, today=TODAY) if problem.severity == "error"]


def loaded(drop: Path, home: Path, partner: str = "p") -> Contract:
    """The contract drafted from a drop, decided, without errors."""
    path = home / f"{partner}.yaml"
    path.write_text(decide(draft(drop, partner=partner)), encoding="utf-8")
    assert errors_of(path) == []
    return load_contract(path)
