from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.intake.drops import DropFile
from pipelines.intake.readers import read_split
from pipelines.intake.splits import PlannedFile, codec, plan_file
from schemas.contract import DataSet, Format
from schemas.errors import InputUnreadable
from tests.intake.readers.reading import data_set, table


def plan(path: Path, wanted: DataSet, split_bytes: int) -> PlannedFile:
    return plan_file(path.parent, DropFile("posts", path.name), wanted, partner="p", split_bytes=split_bytes)


def test_plain_lines_are_cut_at_line_ends_with_the_row_number_there(tmp_path: Path) -> None:
    body = b"\xef\xbb\xbf\n" + b"{}\n \r\n" * 1000 + b"{}"
    (tmp_path / "a.jsonl").write_bytes(body)
    planned = plan(tmp_path / "a.jsonl", data_set(Format.JSONL), 1000)
    assert planned.sha256 == hashlib.sha256(body).hexdigest()
    assert planned.bytes == len(body)
    assert len(planned.splits) == 6
    at = 0
    for split in planned.splits:
        assert split.start == at
        assert split.first_row == body[:at].count(b"{}")
        assert split.cost == split.stop - split.start
        at = split.stop
    assert at == len(body)


def test_lines_longer_than_the_pieces_read_keep_their_row_numbers(tmp_path: Path) -> None:
    long = b'{"id": "a", "text": "' + b"x" * (3 << 20) + b'"}\n'
    blank = b" " * (2 << 20) + b"\n"
    padded = b"{}" + b" " * (2 << 20) + b"\n"
    (tmp_path / "a.jsonl").write_bytes(long + blank + padded + b"{}\n")
    splits = plan(tmp_path / "a.jsonl", data_set(Format.JSONL), 1).splits
    assert [split.first_row for split in splits] == [0, 1, 1, 2]
    assert splits[-1].start == len(long) + len(blank) + len(padded)


def test_archives_and_csv_are_one_split(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b"{}\n" * 1000))
    (tmp_path / "a.csv").write_bytes(b"id,text\n" * 1000)
    for name, kind in [("a.jsonl.gz", Format.JSONL), ("a.csv", Format.CSV)]:
        splits = plan(tmp_path / name, data_set(kind), 1).splits
        assert [(s.start, s.stop, s.first_row) for s in splits] == [(0, -1, 0)]


def test_row_groups_make_splits_of_about_the_size_asked_for(tmp_path: Path) -> None:
    pq.write_table(table(1000), tmp_path / "a.parquet", row_group_size=100)
    wanted = data_set(Format.PARQUET)
    groups = plan(tmp_path / "a.parquet", wanted, 1).splits
    assert [(s.start, s.stop, s.first_row) for s in groups] == [(i, i + 1, 100 * i) for i in range(10)]
    assert [s.start for s in plan(tmp_path / "a.parquet", wanted, groups[0].cost * 4).splits] == [0, 4, 8]


@pytest.mark.parametrize("kind", list(Format))
def test_an_empty_or_broken_file_is_one_split(tmp_path: Path, kind: Format) -> None:
    for body in (b"", b"PAR1ARROW1 and nothing else that could be read"):
        (tmp_path / "a").write_bytes(body)
        assert len(plan(tmp_path / "a", data_set(kind), 1000).splits) == 1


def test_a_link_put_in_the_place_of_a_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"{}\n")
    wanted = data_set(Format.JSONL)
    split = plan(tmp_path / "a.jsonl", wanted, 1000).splits[0]
    (tmp_path / "a.jsonl").rename(tmp_path / "b.jsonl")
    with pytest.raises(InputUnreadable):
        list(read_split(tmp_path, split, wanted, max_row_bytes=1000))
    (tmp_path / "a.jsonl").symlink_to(tmp_path / "b.jsonl")
    with pytest.raises(InputUnreadable):
        list(read_split(tmp_path, split, wanted, max_row_bytes=1000))
    with pytest.raises(InputUnreadable):
        plan(tmp_path / "a.jsonl", wanted, 1000)


def test_narrow_names_of_encodings_are_read_as_their_supersets() -> None:
    assert codec("EUC-KR") == codec("euc_kr") == codec("ks_c_5601-1987") == "cp949"
    assert (codec("Shift_JIS"), codec("GB2312"), codec("UTF8")) == ("cp932", "gb18030", "utf-8")
