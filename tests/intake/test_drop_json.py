from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.intake.drop_json import read_drop_json, signature_holds, write_drop_json
from pipelines.intake.drops import discover
from pipelines.intake.signatures import SigningKey
from schemas.drop import DropManifest, Period, SentContract, SentFile
from schemas.errors import InputUnreadable
from tests.agreements import contract_of

SENT = DropManifest(
    version=1,
    partner="p",
    contract=SentContract("1.0.0", "5" * 64),
    period=Period("2026-01-01", "2026-01-31"),
    files=(SentFile("a.jsonl", 7, 1, "0" * 64), SentFile("b/가.csv", 0, 0, "f" * 64)),
    subject_key_id="0123456789abcdef",
)


def written(path: Path, content: Any) -> Path:
    target = path / "drop.json"
    target.write_text(content if isinstance(content, str) else json.dumps(content))
    return target


def as_json(tmp_path: Path) -> dict[str, Any]:
    write_drop_json(tmp_path, SENT)
    return json.loads((tmp_path / "drop.json").read_bytes())


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert write_drop_json(tmp_path, SENT) == SENT
    assert read_drop_json(tmp_path / "drop.json") == SENT
    assert [path.name for path in tmp_path.iterdir()] == ["drop.json"]


@given(
    files=st.lists(
        st.builds(
            SentFile,
            path=st.text(
                st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1
            ).filter(lambda path: path != "drop.json" and not path.endswith(".part")),
            bytes=st.integers(0, 2**53),
            rows=st.integers(0, 2**53),
            sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
        ),
        unique_by=lambda file: file.path,
        max_size=4,
    ),
    version=st.text(st.characters(exclude_categories=["Cs"])),
)
def test_whatever_can_be_said_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, files: list[SentFile], version: str
) -> None:
    drop = tmp_path_factory.mktemp("drop")
    sent = replace(SENT, files=tuple(files), contract=SentContract(version))
    write_drop_json(drop, sent)
    assert read_drop_json(drop / "drop.json") == sent


def test_the_signature_is_of_everything_else(tmp_path: Path) -> None:
    key = SigningKey.create(tmp_path / "key.pem")
    drop = tmp_path / "drop"
    drop.mkdir()
    signed = write_drop_json(drop, SENT, key=key)
    read = read_drop_json(drop / "drop.json")
    assert read == signed
    assert signature_holds(read) is True
    assert signature_holds(SENT) is None
    for change in (
        {"partner": "q"},
        {"contract": SentContract("1.0.1")},
        {"period": None},
        {"files": SENT.files[:1]},
        {"subject_key_id": None},
    ):
        assert signature_holds(replace(read, **change)) is False
    content = json.loads((drop / "drop.json").read_bytes())
    content["files"][0]["rows"] += 1
    written(drop, content)
    assert [code for code, _, _ in discover(drop, contract_of()).faults if code != "file_missing"] == [
        "signature"
    ]


def at(content: Any, *path: Any, value: Any) -> Any:
    *above, last = path
    inside = content
    for part in above:
        inside = inside[part]
    inside[last] = value
    return content


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("version",), 2, "version: this Malmoi reads version 1 only"),
        (("version",), True, "version: this Malmoi reads version 1 only"),
        (("version",), "1", "version: this Malmoi reads version 1 only"),
        (("partner",), 7, "partner: "),
        (("contract", "content_digest"), "F" * 64, "contract.content_digest: "),
        (
            ("contract", "verzion"),
            "1",
            r"contract\.verzion: drop.json has no such field here: did you mean version",
        ),
        (("period", "last"), "2026-02-30", r"period\.last: no such day"),
        (("period", "last"), "2025-12-31", "period: ends before it begins"),
        (("files", 1, "bytes"), -1, r"files\[1\]\.bytes: "),
        (("files", 1, "rows"), 1.5, r"files\[1\]\.rows: "),
        (("files", 1, "rows"), "1", r"files\[1\]\.rows: "),
        (("files", 1, "sha256"), "0" * 63, r"files\[1\]\.sha256: "),
        (("files", 1, "path"), "a.jsonl", r"files\[0\]\.path: stands twice"),
        (("files", 1, "path"), "c.part", r"files\[1\]\.path: .*\.part are not part"),
        (("files", 1, "path"), "drop.json", r"files\[1\]\.path: "),
        (("files", 1, "path"), "", r"files\[1\]\.path: is no path"),
        (("files", 1, "path"), "a\ud800", "is no JSON in UTF-8"),
        (("files",), {}, "files: "),
        (("signature",), "x", "signature: "),
        (("rows",), {}, "rows: is of the drop.json before version 1"),
    ],
)
def test_every_fault_is_named_by_its_field(tmp_path: Path, path: Any, value: Any, message: str) -> None:
    target = written(tmp_path, at(as_json(tmp_path), *path, value=value))
    with pytest.raises(InputUnreadable, match=f"drop.json: {message}"):
        read_drop_json(target)


@pytest.mark.parametrize("field", ["version", "partner", "contract", "files", "period"])
def test_a_missing_field_is_named(tmp_path: Path, field: str) -> None:
    content = as_json(tmp_path)
    del content[field]
    with pytest.raises(InputUnreadable, match=f"drop.json: {field}: is missing"):
        read_drop_json(written(tmp_path, content))


def test_all_faults_are_told_at_once_and_no_value(tmp_path: Path) -> None:
    content = as_json(tmp_path)
    content["partner"] = ["010-0000-0000"]
    content["files"][0]["sha256"] = "010-0000-0000"
    with pytest.raises(InputUnreadable) as caught:
        read_drop_json(written(tmp_path, content))
    assert str(caught.value).count("\n") == 1
    assert "010" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        '{"version": 1, "version": 1}',
        '{"version": NaN}',
        "[" * 100_000,
        '{"a": 1e999}',
        "\xff",
    ],
)
def test_what_is_no_drop_json_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "drop.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputUnreadable, match=r"drop\.json: "):
        read_drop_json(tmp_path / "drop.json")
