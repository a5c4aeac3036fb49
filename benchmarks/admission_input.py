"""Files and contracts for the benchmark of admission: 200,000 rows, clean and with 10 % bad ones.

Of the bad rows every other has two faults: 30,000 in all. Invented texts; the same bytes each time.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import orjson
from ruamel.yaml import YAML

ROWS = 200_000
BAD_EVERY = 10
WORDS = [
    "말뭉치",
    "계약",
    "문서를",
    "모아",
    "학습에",
    "쓴다",
    "그리고",
    "데이터",
    "품질을",
    "확인한다",
    "어제",
    "만든",
    "자료가",
    "오늘",
    "도착했다",
    "번역",
    "사전",
    "문장",
    "이야기",
    "날씨가",
    "맑고",
    "바람이",
    "분다",
    "회의는",
    "세",
    "시에",
    "시작한다",
    "corpus",
    "model",
    "text",
    "version",
]
_RIGHTS: dict[str, Any] = {
    "malmoi.licence": "CC-BY-4.0",
    "malmoi.purposes": ["open_release", "pretraining", "research"],
    "malmoi.starts": "2026-01-01",
    "malmoi.expires": "2027-12-31",
    "malmoi.source": ["own_service"],
    "malmoi.legalBasis": {"article": "none"},
    "malmoi.aiUse": dict.fromkeys(
        ("data_mining", "ai_inference", "ai_generative_training", "ai_training"), "allowed"
    ),
    "malmoi.modelRelease": "open",
    "malmoi.maxStudentParameters": 70_000_000_000,
    "malmoi.territory": ["KR"],
    "malmoi.retention": {"days": 365},
    "malmoi.uniqueIdentifiers": dict.fromkeys(
        ("KR_RRN", "KR_FRN", "KR_PASSPORT", "KR_DRIVER_LICENSE"), "remove"
    ),
    "malmoi.attribution": "none",
    "malmoi.deliveredAs": "raw",
    "malmoi.upsamplingLimit": 1,
    "malmoi.noticeDays": 30,
    "malmoi.quarantineDays": 14,
}
_DATA_SET: dict[str, Any] = {
    "malmoi.kind": "short_post",
    "malmoi.files": ["posts*.jsonl*"],
    "malmoi.format": "jsonl",
    "malmoi.delivery": "append",
    "malmoi.languages": ["ko"],
    "malmoi.maxQuarantined": 0.2,
    "malmoi.origin": "people",
}
_COLUMNS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("id", "string", {"primaryKey": True, "required": True, "logicalTypeOptions": {"pattern": "^doc-[0-9]{8}$"}},
     {"malmoi.role": "key"}),
    ("text", "string", {"required": True, "logicalTypeOptions": {"minLength": 1, "maxLength": 4000}},
     {"malmoi.role": "text"}),
    ("kind", "string", {"required": True, "enum": [{"value": "post"}, {"value": "reply"}]},
     {"malmoi.policy": "keep"}),
    ("stars", "integer", {"required": True, "logicalTypeOptions": {"minimum": 0, "maximum": 5}},
     {"malmoi.policy": "keep"}),
    ("share", "number", {"required": False, "logicalTypeOptions": {"minimum": 0, "maximum": 1}},
     {"malmoi.policy": "keep"}),
]  # fmt: skip


def write_rows(path: Path, *, bad: bool) -> int:
    """The rows as JSON lines; returns how many faults they have."""
    draw = random.Random(4)
    faults = 0
    with path.open("wb") as file:
        for number in range(ROWS):
            row: dict[str, Any] = {
                "id": f"doc-{number:08d}",
                "text": " ".join(draw.choices(WORDS, k=61)),
                "kind": "post" if number % 3 else "reply",
                "stars": number % 6,
                "share": round(draw.random(), 4),
            }
            if bad and number % BAD_EVERY == 3:
                faults += _spoil(row, number // BAD_EVERY)
            file.write(orjson.dumps(row) + b"\n")
    return faults


def _spoil(row: dict[str, Any], which: int) -> int:
    """Break a row in one field, every other row in two."""
    if which % 2:
        row["stars"] = 9
    match which % 4:
        case 0:
            row["id"] = f"bad {which}"
        case 1:
            row["kind"] = "other"
        case 2:
            row["text"] = None
        case _:
            row["share"] = 7.5
    return 2 if which % 2 else 1


def write_contract(path: Path, *, rows: Path | None = None) -> None:
    """The contract; with `rows`, also the server entry that datacontract-cli reads them by."""
    document: dict[str, Any] = {
        "apiVersion": "v3.2.0",
        "kind": "DataContract",
        "id": "malmoi-gaon",
        "name": "Posts",
        "version": "1.0.0",
        "status": "active",
        "tenant": "gaon",
        "description": {"purpose": "Posts of an invented service.", "limitations": "None is real."},
        "support": [{"channel": "corpus desk", "url": "mailto:corpus@gaon.example", "tool": "email"}],
        "customProperties": _custom(_RIGHTS),
        "slaProperties": [
            {"property": "malmoi.languageShare.ko", "element": "posts", "value": 0, "valueExt": 1}
        ],
        "schema": [
            {
                "name": "posts",
                "logicalType": "object",
                "physicalType": "file",
                "description": "Short posts.",
                "customProperties": _custom(_DATA_SET),
                "properties": [
                    {
                        "name": name,
                        "logicalType": kind,
                        "physicalType": kind,
                        **limits,
                        "customProperties": _custom(custom),
                    }
                    for name, kind, limits, custom in _COLUMNS
                ],
            }
        ],
    }
    if rows is not None:
        server = {
            "server": "drop",
            "type": "local",
            "path": str(rows),
            "format": "json",
            "delimiter": "new_line",
        }
        document["servers"] = [server]
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(document, file)


def _custom(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"property": name, "value": value} for name, value in values.items()]
