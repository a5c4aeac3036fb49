from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.tokens.tokenizer import load_tokenizer
from schemas.recipe import TokenSettings
from tests.lineage.small_build import documents, publish, write_build

# Invented: unassigned numbers, values of Malmoi's own making, what only looks so.
TEXTS = (
    "오늘 영화 정말 재밌었어요",
    "전화 010-0123-4567로 주세요",  # an unassigned block
    "주민등록번호 681345-1234567",  # month 13
    "메일은 user0123abcd@example.com입니다",
    "버전 1.2.3.4를 설치하세요",
    "부품 060229-1056782 재고",  # passes the check digit; there was no such day
)
LEAK = "문의는 minji.kim@mail.example.kr로"


def made_of(build: Path, texts: tuple[str, ...], *, kept_label: str | None = None) -> Path:
    """A whole build whose kept documents hold these texts in turn."""
    tokenizer = load_tokenizer(TokenSettings(), directory=Path())
    rows = documents()
    for number, row in enumerate(row for row in rows if row["kept"]):
        row["input_ids"] = tokenizer.encode(pa.array([texts[number % len(texts)]]))[0].as_py()
        row["tokens"] = len(row["input_ids"])
        row["pii"] = [] if kept_label is None else [(f"{kept_label}:kept", 1)]
    manifest = write_build(build, rows)
    recipe = {**manifest.recipe, "tokens": TokenSettings()}
    publish(build, replace(manifest, tokenizer=tokenizer.facts, recipe=recipe))
    return build


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_of(tmp_path_factory.mktemp("audit") / "clean", TEXTS)


@pytest.fixture(scope="session")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_of(tmp_path_factory.mktemp("audit") / "leaking", (*TEXTS, LEAK))
