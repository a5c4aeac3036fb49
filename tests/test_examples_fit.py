"""The example drops are what generate.py writes, fit the contracts, and are alike only where planted."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
import zstandard

from pipelines.intake.contracts import load_contracts
from pipelines.intake.drop_json import read_drop_json
from pipelines.intake.drops import discover
from schemas.identity import file_sha256

EXAMPLES = Path(__file__).parents[1] / "examples"
DROPS = EXAMPLES / "drops"
PARTNERS = ["a_dot", "fortytwodot", "krafton", "liner", "selectstar", "snu_kaist"]
CASES = yaml.safe_load((EXAMPLES / "planted.yaml").read_text(encoding="utf-8"))
FILES = sorted(path for path in DROPS.rglob("*") if path.is_file() and path.name != "drop.json")


def plain(path: Path) -> bytes:
    """The bytes behind gzip or zstd: another zlib may pack them otherwise."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(data)
    if path.suffix == ".zst":
        return zstandard.ZstdDecompressor().stream_reader(data).read()
    return data


def rows(path: Path) -> list[dict[str, Any] | None]:
    """The rows of a file, None for what is broken, read without the readers of the pipeline."""
    data = plain(path)
    if path.suffix == ".parquet":
        return pq.read_table(pa.BufferReader(data)).to_pylist()
    if path.suffix == ".arrow":
        return pa.ipc.open_file(data).read_all().to_pylist()
    if ".jsonl" in path.name:
        return [json_row(line) for line in data.splitlines() if line.strip()]
    if ".csv" in path.name:
        legacy = "cp949" in path.name
        text = data.decode("cp949" if legacy else "utf-8-sig")
        header, *lines = csv.reader(io.StringIO(text, newline=""), delimiter=";" if legacy else ",")
        return [dict(zip(header, x, strict=True)) if len(x) == len(header) else None for x in lines]
    return list(responses(data))


def json_row(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def responses(data: bytes) -> Iterator[dict[str, Any]]:
    for record in data.split(b"WARC/1.0\r\n")[1:]:
        head, _, block = record.partition(b"\r\n\r\n")
        if b"WARC-Type: response" not in head:
            continue
        http, _, payload = block.partition(b"\r\n\r\n")
        charset = re.search(rb"charset=([\w-]+)", http)[1].decode()
        url = re.search(rb"WARC-Target-URI: (\S+)", head)[1].decode()
        status = http.split(b"\r\n")[0].decode()
        yield {"url": url, "status": status, "charset": charset, "html": payload.decode(charset)}


def shingles(text: str) -> frozenset[str]:
    squeezed = " ".join(re.sub(r"<[^>]+>|[#\s]+", " ", text).split())
    return frozenset(squeezed[i : i + 5] for i in range(max(1, len(squeezed) - 4)))


TEXT = ("prompt", "response", "content", "c", "msg", "source", "html", "body_md", "markdown", "memo")
TEXT_COLUMNS = (*TEXT, "comment", "ko", "en")


def text_of(row: dict[str, Any]) -> str:
    body = " ".join(str(row[name]) for name in TEXT_COLUMNS if row.get(name))
    turns = " ".join(turn["text"] for turn in row.get("turns", ()))
    found = re.search(r"<article>(.*)</article>", body, re.DOTALL)
    return turns or (found[1] if found else re.sub(r"\A---\n.*?\n---\n", "", body, flags=re.DOTALL))


@pytest.fixture(scope="module")
def delivered() -> dict[tuple[str, str], list[dict[str, Any] | None]]:
    return {(path.parent.name, path.name): rows(path) for path in FILES}


def test_generate_writes_what_is_committed(tmp_path: Path):
    subprocess.run(
        [sys.executable, str(EXAMPLES / "generate.py"), str(tmp_path)],
        check=True,
        env={"PYTHONHASHSEED": "7"},
    )
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    kept = [path.relative_to(EXAMPLES) for path in (*FILES, *DROPS.glob("*/drop.json"))]
    assert made == sorted([*kept, Path("planted.yaml")])
    for path in made:
        if path.name == "drop.json":  # digests are of packed bytes: of those that lie beside it
            assert without_digests(tmp_path / path) == without_digests(EXAMPLES / path), path
        else:
            assert plain(tmp_path / path) == plain(EXAMPLES / path), path


def without_digests(drop_json: Path) -> dict[str, Any]:
    content = json.loads(drop_json.read_bytes())
    content["files"] = [(file["path"], file["rows"]) for file in content["files"]]
    return content


def test_six_partners_hand_in_300_to_1000_documents_in_less_than_2_mb(delivered):
    assert sorted(path.name for path in DROPS.iterdir()) == PARTNERS
    assert 300 <= sum(len(found) for found in delivered.values()) <= 1000
    assert sum(path.stat().st_size for path in DROPS.rglob("*") if path.is_file()) < 2_000_000


@pytest.mark.parametrize("partner", PARTNERS)
def test_drop_json_says_what_is_there(delivered, partner: str):
    sent = read_drop_json(DROPS / partner / "drop.json")
    assert sent.partner == partner
    counts = {file: len(found) for (owner, file), found in delivered.items() if owner == partner}
    assert {file.path: file.rows for file in sent.files} == counts
    for file in sent.files:
        path = DROPS / partner / file.path
        assert (file.bytes, file.sha256) == (path.stat().st_size, file_sha256(path))


def test_every_file_belongs_to_a_data_set_of_its_contract(repository: Path):
    contracts = {contract.partner: contract for contract in load_contracts(repository / "data_contracts")}
    assert sorted(contracts) == PARTNERS
    for partner in PARTNERS:
        drop = discover(DROPS / partner, contracts[partner])
        assert drop.unnamed == ()
        assert drop.refused == ()
        assert drop.faults == ()
        listed = {(file.path, file.data_set) for file in drop.files}
        assert {(c["file"], c["data_set"]) for c in CASES if c["partner"] == partner} <= listed


def test_every_row_has_the_columns_its_contract_requires(repository: Path, delivered):
    broken = {(c["partner"], c["file"], c["row"]) for c in CASES if c["expect"]["decision"] == "quarantined"}
    checked = Counter[str]()
    for contract in load_contracts(repository / "data_contracts"):
        for file in discover(DROPS / contract.partner, contract).files:
            data_set = next(d for d in contract.data_sets if d.name == file.data_set)
            wanted = [c.path[0] for c in data_set.columns if c.required]
            for number, row in enumerate(delivered[contract.partner, file.path]):
                if (contract.partner, file.path, number) not in broken:
                    assert row is not None, (file.path, number)
                    assert all(row.get(name) for name in wanted), (file.path, number)
                    checked[contract.partner] += 1
    assert sorted(checked) == PARTNERS


def test_the_encodings_and_layouts_are_those_of_the_partners():
    reviews, legacy = (plain(DROPS / "krafton" / f"reviews_{name}.csv.gz") for name in ("1", "legacy_cp949"))
    assert reviews.startswith(b"\xef\xbb\xbfreview_no,")
    assert b";" in legacy.splitlines()[0]
    with pytest.raises(UnicodeDecodeError):
        legacy.decode("utf-8")
    chat = plain(DROPS / "a_dot" / "daily_chat.jsonl.gz")
    assert b"}\r\n" in chat
    assert b"\n\n" in chat
    pages = list(responses(plain(DROPS / "liner" / "handbook_ko.warc.gz")))
    assert {"utf-8", "euc-kr"} == {page["charset"] for page in pages}
    assert sum("404" in str(page["status"]) for page in pages) == 1
    schemas = [pq.read_schema(DROPS / "fortytwodot" / f"manuals_{part}.parquet") for part in (1, 2)]
    assert schemas[0].field("revised").type == pa.string()
    assert schemas[1].field("rev_date").type == pa.date32()
    assert set(schemas[1].names) - set(schemas[0].names) == {"rev_date", "product"}


def test_planted_yaml_names_only_rows_that_are_there(delivered):
    assert len({case["id"] for case in CASES}) == len(CASES)
    for case in CASES:
        found = delivered[case["partner"], case["file"]]
        assert 0 <= case["row"] < len(found), case["id"]
        row = found[case["row"]]
        if case["key"] and row is not None:
            assert {name: str(row[name]) for name in case["key"]} == case["key"], case["id"]
        if case["expect"]["decision"] == "kept":
            text = text_of(row)
            assert all(
                piece in json.dumps(row, default=str, ensure_ascii=False) or piece in text
                for piece in case.get("gone", ())
            ), case["id"]
            assert all(piece in text for piece in case.get("remains", ())), case["id"]


def test_only_planted_copies_are_alike_and_near_misses_are_not(delivered):
    texts = {
        (partner, file, number): shingles(text_of(row))
        for (partner, file), found in delivered.items()
        for number, row in enumerate(found)
        if row is not None and text_of(row).strip()
    }
    places = {case["id"]: (case["partner"], case["file"], case["row"]) for case in CASES}
    copies = {
        frozenset((places[case["id"]], places[case["expect"]["duplicate_of"]])): case
        for case in CASES
        if "duplicate_of" in case["expect"]
    }
    repeated = frozenset(places[name] for name in ("dup-review-twice", "dup-review-twice-again"))
    names = sorted({shingle for own in texts.values() for shingle in own})
    column = {shingle: index for index, shingle in enumerate(names)}
    held = np.zeros((len(texts), len(names)), np.float32)
    for line, own in enumerate(texts.values()):
        held[line, [column[shingle] for shingle in own]] = 1
    both, sizes = held @ held.T, held.sum(axis=1)
    jaccard = both / (sizes[:, None] + sizes[None, :] - both)
    order = list(texts)
    alike = {
        frozenset((order[i], order[j])): float(jaccard[i, j])
        for i, j in zip(*np.nonzero(np.triu(jaccard, 1)), strict=True)
    }
    for pair, case in copies.items():
        if "personal" not in case:  # what differs there is the personal data, which counts as its class
            assert alike[pair] > 0.85, case["id"]
    strangers = {pair: share for pair, share in alike.items() if share >= 0.75}
    assert set(strangers) <= {*copies, repeated}, strangers
    for case in CASES:
        other = case["near_miss_of"]
        if other and other.startswith("dup-"):
            assert alike.get(frozenset((places[case["id"]], places[other])), 0) < 0.6, case["id"]
