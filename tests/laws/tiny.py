"""Contracts, drops and recipes small enough to be built in a second; a test can change every field."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipelines.build import build as carry_out
from pipelines.intake.contract_values import approval_message, content_digest
from pipelines.intake.signatures import SigningKey
from schemas.identity import document_ids
from schemas.manifest import Manifest

KEY = Path(__file__).parents[2] / "examples" / "keys" / "approver.pem"
DAY = "2026-11-24"
RIGHTS: dict[str, Any] = {
    "malmoi.licence": "CC-BY-4.0",
    "malmoi.source": ["own_service"],
    "malmoi.legalBasis": {"article": "15-1-1", "evidence": "sha256:" + "a" * 64},
    "malmoi.purposes": ["distillation", "evaluation", "open_release", "pretraining", "research"],
    "malmoi.aiUse": {
        "data_mining": "allowed",
        "ai_inference": "allowed",
        "ai_generative_training": "allowed",
        "ai_training": "allowed",
    },
    "malmoi.modelRelease": "open",
    "malmoi.maxStudentParameters": 70_000_000_000,
    "malmoi.territory": ["KR", "JP"],
    "malmoi.starts": "2026-01-01",
    "malmoi.expires": "2028-12-31",
    "malmoi.retention": {"days": 30},
    "malmoi.attribution": "가상 <invented>",
    "malmoi.personalData": {
        "PHONE_NUMBER": {"expected": True, "policy": "surrogate"},
        "EMAIL_ADDRESS": {"expected": True, "policy": "surrogate"},
    },
    "malmoi.uniqueIdentifiers": {
        "KR_RRN": "remove",
        "KR_FRN": "remove",
        "KR_PASSPORT": "remove",
        "KR_DRIVER_LICENSE": "remove",
    },
    "malmoi.upsamplingLimit": 2,
    "malmoi.noticeDays": 30,
    "malmoi.deliveredAs": "raw",
    "malmoi.quarantineDays": 14,
}
DATA_SET: dict[str, Any] = {
    "malmoi.kind": "dialogue",
    "malmoi.files": ["posts*.jsonl"],
    "malmoi.format": "jsonl",
    "malmoi.delivery": "append",
    "malmoi.languages": ["ko"],
    "malmoi.maxQuarantined": 1,
    "malmoi.origin": "people",
}
RECIPE: dict[str, Any] = {
    "name": "tiny",
    "contracts": "contracts",
    "date": DAY,
    "purposes": ["pretraining", "distillation", "open_release"],
    "release": "open",
    "territory": ["KR"],
    "student_parameters": 70_000_000_000,
    "tokens": {"shard_mib": 1, "validation_share": 0.0},
    "max_quarantined": 1.0,
}
WORDS = (
    "바다",
    "구름",
    "나무",
    "시장",
    "기차",
    "우산",
    "커피",
    "고양이",
    "도서관",
    "자전거",
    "편지",
    "산책",
    "라면",
    "지하철",
    "할머니",
    "감자",
    "바람",
    "호수",
    "연필",
    "달력",
    "노래",
    "수박",
    "의자",
    "창문",
    "버스",
    "겨울",
    "목도리",
    "사진",
    "영화",
    "축구",
    "강아지",
    "빗방울",
    "골목",
    "김밥",
    "시계",
    "안경",
    "소설",
    "그림",
    "피아노",
    "여행",
    "섬",
    "등대",
    "파도",
    "모래",
    "조개",
    "갈매기",
    "선장",
    "항구",
    "그물",
    "새벽",
    "안개",
    "불빛",
    "온천",
    "눈사람",
    "썰매",
    "난로",
    "군고구마",
    "달빛",
    "별자리",
    "망원경",
)


def text(number: int) -> str:
    """Some Korean talk that resembles no other."""
    said = random.Random(number).sample(WORDS, 14)
    return f"오늘은 {' '.join(said[:7])} 이야기를 했어요. 그리고 {' '.join(said[7:])} 생각도 오래 했답니다."


@dataclass
class Partner:
    """A contract with one data set, and its drops."""

    name: str = "alpha"
    rights: Mapping[str, Any] = field(default_factory=dict)  # changes; None takes a field out
    data_set: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # name: (role or policy:..., type)
    more: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # further malmoi.* of a column
    text: Mapping[str, Any] | None = None  # the column of the text, instead of a plain one
    rows: Sequence[Mapping[str, Any]] = ()
    status: str = "active"
    approved: bool = True

    def contract(self) -> dict[str, Any]:
        """The contract's document, approved."""
        ours = {**RIGHTS, **self.rights}
        document = {
            "apiVersion": "v3.2.0",
            "kind": "DataContract",
            "id": f"malmoi-{self.name}",
            "name": self.name,
            "version": "1.0.0",
            "status": self.status,
            "tenant": self.name,
            "description": {"purpose": "tests", "limitations": "invented"},
            "support": [{"channel": "desk", "url": f"mailto:desk@{self.name}.example", "tool": "email"}],
            "team": {
                "name": "desk",
                "members": [{"username": f"p@{self.name}.example", "role": "privacy officer"}],
            },
            "customProperties": _custom(ours),
            "slaProperties": [
                {"property": "malmoi.languageShare.ko", "element": "posts", "value": 0, "valueExt": 1}
            ],
            "schema": [
                {
                    "name": "posts",
                    "logicalType": "object",
                    "description": "lines of talk",
                    "customProperties": _custom({**DATA_SET, **self.data_set}),
                    "properties": [
                        _column("id", "key", "string", required=True, primaryKey=True),
                        self.text or _column("text", "text", "string", required=True),
                        *(
                            _column(name, *given, ours=self.more.get(name, {}))
                            for name, given in self.columns.items()
                        ),
                    ],
                }
            ],
        }
        if self.approved:
            document["customProperties"].append(_approval(document))
        return document

    def doc_id(self, key: str, version: str | None = None) -> bytes:
        """The id of a row's document."""
        parts = (key,) if version is None else (key, version)
        return document_ids(partner=self.name, data_set="posts", keys=[parts])[0]


def write_drop(directory: Path, rows: Sequence[Mapping[str, Any]], name: str = "posts.jsonl") -> None:
    """A drop of one file."""
    directory.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (directory / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_home(home: Path, partners: Sequence[Partner], **recipe: Any) -> Path:
    """Contracts, drops and recipe; the recipe's path."""
    (home / "contracts").mkdir(parents=True, exist_ok=True)
    for partner in partners:
        content = json.dumps(partner.contract(), ensure_ascii=False, indent=1)
        (home / "contracts" / f"{partner.name}.yaml").write_text(content, encoding="utf-8")
        if partner.rows:
            write_drop(home / "drops" / partner.name, partner.rows)
    names = [partner.name for partner in partners]
    path = home / "recipe.yaml"
    path.write_text(json.dumps({**RECIPE, "partners": names, "without_drop_json": names, **recipe}))
    return path


@dataclass(frozen=True)
class Built:
    """A finished build."""

    directory: Path
    manifest: Manifest

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The ledger."""
        return [
            row
            for path in sorted((self.directory / "ledger").glob("*.parquet"))
            for row in pq.read_table(path).to_pylist()
        ]

    @property
    def kept(self) -> set[bytes]:
        """The ids in the ledger's kept rows."""
        return {row["doc_id"] for row in self.rows if row["kept"]}

    def reasons(self) -> dict[tuple[str, int], str | None]:
        """Why each row is out, by file and row; None for the kept."""
        return {(row["file"], row["row"]): row["reason"] for row in self.rows}


def build(home: Path, recipe: Path, output: str = "out", **options: Any) -> Built:
    """The real build, in this process."""
    settings = {"drops": home / "drops", "staging": home / "staging", "workers": 1, "quiet": True, **options}
    manifest = carry_out(recipe, home / output, **settings)
    return Built(home / output, manifest)


def _custom(ours: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"property": name, "value": value} for name, value in ours.items() if value is not None]


def _column(
    name: str, role: str, logical_type: str, *, ours: Mapping[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    said, _, value = role.partition(":")
    first = {"malmoi.policy": value} if said == "policy" else {"malmoi.role": said}
    inner = {"items": {"logicalType": "string"}} if logical_type == "array" else {}
    return {
        "name": name,
        "logicalType": logical_type,
        "physicalType": logical_type,
        "description": f"{name} of the line",
        "required": False,
        **inner,
        **more,
        "customProperties": _custom({**first, **(ours or {})}),
    }


def _approval(document: dict[str, Any]) -> dict[str, Any]:
    key = SigningKey.read(KEY)
    digest, by, on = content_digest(document), "tests", "2026-11-01"
    message = approval_message(document["tenant"], document["version"], digest, by, on)
    signed = {"by": by, "on": on, "digest": digest, "key": key.public, "signature": key.sign(message)}
    return {"property": "malmoi.approvals", "value": [signed]}
