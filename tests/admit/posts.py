"""A small contract and drops under it, written for tests of admission: short posts as JSON lines."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.intake.contract_values import approval_message, content_digest
from pipelines.intake.drop_json import write_drop_json
from pipelines.intake.signatures import SigningKey
from schemas.drop import DropManifest, SentContract, SentFile
from schemas.identity import file_sha256

TODAY = "2026-11-24"
_POLICIES = [
    {"property": "malmoi.licence", "value": "CC-BY-4.0"},
    {"property": "malmoi.purposes", "value": ["open_release", "pretraining", "research"]},
    {"property": "malmoi.starts", "value": "2026-01-01"},
    {"property": "malmoi.expires", "value": "2027-12-31"},
    {"property": "malmoi.source", "value": ["own_service"]},
    {
        "property": "malmoi.legalBasis",
        "value": {"article": "15-1-1", "evidence": "sha256:" + "5" * 64},
    },
    {
        "property": "malmoi.aiUse",
        "value": {
            "data_mining": "allowed",
            "ai_inference": "allowed",
            "ai_generative_training": "allowed",
            "ai_training": "allowed",
        },
    },
    {"property": "malmoi.modelRelease", "value": "open"},
    {"property": "malmoi.maxStudentParameters", "value": 70_000_000_000},
    {"property": "malmoi.territory", "value": ["KR"]},
    {"property": "malmoi.retention", "value": {"days": 365}},
    {
        "property": "malmoi.uniqueIdentifiers",
        "value": {
            "KR_RRN": "absent",
            "KR_FRN": "remove",
            "KR_PASSPORT": "remove",
            "KR_DRIVER_LICENSE": "remove",
        },
    },
    {
        "property": "malmoi.personalData",
        "value": {
            "PHONE_NUMBER": {"expected": True, "policy": "surrogate"},
            "PERSON": {"expected": True, "policy": "surrogate"},
        },
    },
    {"property": "malmoi.upsamplingLimit", "value": 2},
    {"property": "malmoi.noticeDays", "value": 30},
    {"property": "malmoi.deliveredAs", "value": "raw"},
    {"property": "malmoi.quarantineDays", "value": 14},
    {"property": "malmoi.attribution", "value": "<가상>"},
]
_POSTS: dict[str, Any] = {
    "name": "posts",
    "logicalType": "object",
    "description": "Short posts.",
    "customProperties": [
        {"property": "malmoi.kind", "value": "short_post"},
        {"property": "malmoi.files", "value": ["posts*.jsonl*"]},
        {"property": "malmoi.format", "value": "jsonl"},
        {"property": "malmoi.delivery", "value": "append"},
        {"property": "malmoi.languages", "value": ["ko"]},
        {"property": "malmoi.maxQuarantined", "value": 0.5},
        {"property": "malmoi.origin", "value": "people"},
    ],
    "properties": [
        {
            "name": "id",
            "logicalType": "string",
            "physicalType": "string",
            "primaryKey": True,
            "required": True,
            "customProperties": [{"property": "malmoi.role", "value": "key"}],
        },
        {
            "name": "text",
            "logicalType": "string",
            "physicalType": "string",
            "required": True,
            "logicalTypeOptions": {"maxLength": 4000},
            "customProperties": [{"property": "malmoi.role", "value": "text"}],
        },
        {
            "name": "stars",
            "logicalType": "integer",
            "physicalType": "integer",
            "required": False,
            "logicalTypeOptions": {"minimum": 0, "maximum": 5},
            "customProperties": [{"property": "malmoi.policy", "value": "keep"}],
        },
        {
            "name": "phone",
            "logicalType": "integer",
            "physicalType": "integer",
            "required": False,
            "customProperties": [{"property": "malmoi.policy", "value": "keep"}],
        },
    ],
}


@dataclass
class Agreement:
    """The contract as a document that a test changes before it is approved and written."""

    document: dict[str, Any] = field(
        default_factory=lambda: copy.deepcopy(
            {
                "apiVersion": "v3.2.0",
                "kind": "DataContract",
                "id": "malmoi-gaon",
                "name": "Posts",
                "version": "1.0.0",
                "status": "active",
                "tenant": "gaon",
                "description": {"purpose": "Posts of an invented service.", "limitations": "None is real."},
                "support": [{"channel": "corpus desk", "url": "mailto:corpus@gaon.example", "tool": "email"}],
                "customProperties": _POLICIES,
                "slaProperties": [
                    {
                        "property": "malmoi.languageShare.ko",
                        "element": "posts",
                        "value": 0,
                        "valueExt": 1,
                    }
                ],
                "schema": [_POSTS],
            }
        )
    )
    approved: bool = True

    @property
    def posts(self) -> dict[str, Any]:
        """The data set."""
        return self.document["schema"][0]

    def custom(self, name: str, value: Any, *, of: dict[str, Any] | None = None) -> None:
        """Change a malmoi.* property of the contract, or of one of its parts; None takes it away."""
        item = self.document if of is None else of
        rest = [entry for entry in item["customProperties"] if entry["property"] != name]
        added = [] if value is None else [{"property": name, "value": value}]
        item["customProperties"] = [*rest, *added]

    def write(self, home: Path) -> Path:
        """The contract's file, approved by a key of its own; JSON is YAML."""
        document = copy.deepcopy(self.document)
        if self.approved:
            key_path = home / "approver.pem"
            key = SigningKey.read(key_path) if key_path.exists() else SigningKey.create(key_path)
            digest = content_digest(document)
            said = {"by": "Bae Ga-on, 가상", "on": "2026-11-01", "digest": digest, "key": key.public}
            message = approval_message("gaon", document["version"], digest, said["by"], said["on"])
            approval = {**said, "signature": key.sign(message)}
            document["customProperties"].append({"property": "malmoi.approvals", "value": [approval]})
        path = home / "gaon.yaml"
        path.write_text(json.dumps(document, ensure_ascii=False, indent=1))
        return path


def post(number: int, **changes: Any) -> dict[str, Any]:
    """A row without a fault."""
    row = {"id": f"p{number}", "text": f"오늘은 글을 {number}번째로 모았습니다.", "stars": number % 6}
    return {name: value for name, value in {**row, **changes}.items() if value is not Ellipsis}


def write_drop(drop: Path, files: dict[str, list[Any]], *, announced: bool = True) -> Path:
    """A drop of JSON lines; a row that is bytes is written as it is."""
    drop.mkdir(parents=True, exist_ok=True)
    sent = []
    for name, rows in files.items():
        lines = [
            row if isinstance(row, bytes) else json.dumps(row, ensure_ascii=False).encode() for row in rows
        ]
        path = drop / name
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        sent.append(SentFile(name, path.stat().st_size, len(rows), file_sha256(path)))
    if announced:
        write_drop_json(drop, DropManifest(1, "gaon", SentContract("1.0.0"), None, tuple(sent)))
    return drop
