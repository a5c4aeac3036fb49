"""What a row says of its rights is read beside its text, from every format the same way."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.intake.drops import DropFile
from pipelines.intake.readers import read_split
from pipelines.intake.readers.row_rights import host_of
from pipelines.intake.splits import plan_file
from schemas.contract import Column, DataSet, Delivery, Format, Kind, Markup, Role
from schemas.identity import document_ids

ROWS = [
    {
        "id": "1",
        "text": "말모이",
        "url": "https://Blog.Example.:443/a?b",
        "seen": "2026-02-01T08:59:00+09:00",
        "lic": " MIT  OR Apache-2.0",
        "by": "People",
        "of": ["7", "8"],
        "gone": False,
        "rev": "2026-01-02",
    },
    {
        "id": "2",
        "text": "사전",
        "url": "no url",
        "seen": None,
        "lic": None,
        "by": "gpt-x",
        "of": None,
        "gone": True,
        "rev": "3",
    },
]


def column(name: str, role: Role, logical_type: str = "string", *, required: bool = False) -> Column:
    return Column(name, role, logical_type, required=required, path=(name,))


def data_set(file_format: Format) -> DataSet:
    return DataSet(
        name="posts",
        kind=Kind.SHORT_POST,
        files=("*",),
        format=file_format,
        encoding="utf-8",
        delimiter=",",
        markup=Markup.PLAIN,
        join="\n",
        delivery=Delivery.UPSERT,
        languages=("ko",),
        columns=(
            column("id", Role.KEY, required=True),
            column("text", Role.TEXT, required=True),
            column("url", Role.URL),
            column("seen", Role.CRAWL_DATE, "timestamp"),
            column("lic", Role.LICENCE),
            column("by", Role.ORIGIN),
            column("of", Role.SEED, "array"),
            column("gone", Role.TOMBSTONE, "boolean"),
            column("rev", Role.VERSION),
        ),
    )


def key(name: str) -> bytes:
    return document_ids(partner="p", data_set="", keys=[(name,)])[0]


@pytest.mark.parametrize("file_format", [Format.JSONL, Format.PARQUET])
def test_row_rights_stand_beside_their_documents(file_format: Format, tmp_path: Path):
    name = f"posts.{file_format}"
    if file_format is Format.JSONL:
        (tmp_path / name).write_text("\n".join(json.dumps(row) for row in ROWS))
    else:
        pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / name)
    described = data_set(file_format)
    planned = plan_file(tmp_path, DropFile("posts", name), described, partner="p", split_bytes=1 << 20)
    (read,) = read_split(tmp_path, planned.splits[0], described, max_row_bytes=1 << 20)
    assert len(read.quarantine) == 0
    assert read.rights.to_pylist() == [
        {
            "row": 0,
            "key": key("1"),
            "version": "2026-01-02",
            "tombstone": False,
            "host": "blog.example",
            "crawled": "2026-01-31",
            "licence": "MIT OR Apache-2.0",
            "origin": "people",
            "seeds": [key("7"), key("8")],
        },
        {
            "row": 1,
            "key": key("2"),
            "version": "3",
            "tombstone": True,
            "host": None,
            "crawled": "",
            "licence": "",
            "origin": "machine",
            "seeds": [],
        },
    ]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://user:pw@News.Example/x", "news.example"),
        ("http:\\\\news.example\\x", "news.example"),
        ("https://말모이.example/", "xn--pz2bmpe12a.example"),
        ("//news.example/x", "news.example"),
        ("news.example/x", None),
        ("http://[bad/", None),
        ("", None),
    ],
)
def test_the_host_of_a_url(url: str, host: str | None):
    assert host_of(url) == host
