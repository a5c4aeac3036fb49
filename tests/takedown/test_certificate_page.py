"""The certificate's page: every name escaped, both languages, nothing from outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.takedown.certificate import certificate_bytes, check_certificate, read_certificate
from pipelines.takedown.certificate_page import render_certificate
from schemas.errors import InputUnreadable
from schemas.takedown import Asked, BuildName, CameBack, Certificate, Gone, Place, ShardChange, State

EVIL = "<script>alert('x')</script>"
CERTIFICATE = Certificate(
    version=1,
    request="T-1",
    reason="authority",
    scope="content",
    notice="2026-11-24",
    deadline="2026-12-24",
    on="2026-11-25",
    asked=(Asked("texts", 1, 3),),
    unknown=("f" * 32,),
    parent=BuildName(EVIL, "0" * 64, "1" * 64),
    child=BuildName("child", "2" * 64, "3" * 64),
    gone=(Gone("a" * 32, EVIL, EVIL, "d" * 16, EVIL, 7, "ledger/part-0-00000.parquet"),),
    dropped_before=2,
    came_back=(CameBack("b" * 32, "beta", "posts", "0-train-00000", 8),),
    fell=("c" * 32,),
    shards=(ShardChange(EVIL, "segments/x", "4" * 64, "5" * 64, 3, 2, 30, 23),),
    ledger={"ledger/part-0-00000.parquet": "6" * 64},
    event=None,
    places=(Place("drop", EVIL, State.KEPT, EVIL),),
)


def test_names_are_escaped_and_both_languages_are_there():
    page = render_certificate(CERTIFICATE)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    for words in (
        "삭제 확인서",
        "takedown certificate",
        "같은 내용 전부",
        "ordered by an authority",
        "a" * 32,
    ):
        assert words in page
    assert "http" not in page.split("<body>", 1)[1]


def test_a_certificate_comes_back_as_it_was_written_or_is_refused(tmp_path: Path):
    path = tmp_path / "certificate.json"
    path.write_bytes(certificate_bytes(CERTIFICATE))
    assert read_certificate(path) == CERTIFICATE
    path.write_bytes(certificate_bytes(CERTIFICATE).replace(b'"T-1"', b'"T-1" '))
    with pytest.raises(InputUnreadable, match="no certificate"):
        read_certificate(path)


def test_a_certificate_whose_paths_climb_is_told(tmp_path: Path):
    climbing = Certificate(**{**vars(CERTIFICATE), "ledger": {"../../etc/passwd": "6" * 64}})
    (found,) = check_certificate(climbing, tmp_path)
    assert "leaves the build" in found.message
