from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from pipelines.intake.readers.charset import decode_page
from schemas.contract import Format, Role
from tests.intake.readers.reading import column, data_set, id_of, read

WARC = data_set(
    Format.WARC,
    (column("url", Role.KEY), column("date", Role.VERSION, kind="timestamp"), column("html", Role.TEXT)),
)


def record(
    number: int,
    body: bytes,
    *,
    kind: str = "response",
    status: str = "200 OK",
    head: str = "Content-Type: text/html; charset=utf-8\r\n",
    length: str | None = None,
) -> bytes:
    http = f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body
    return (
        (
            f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: https://a.example/{number}\r\n"
            "WARC-Record-ID: <urn:uuid:65765a59-7685-42f5-bea6-871f9b92e4a4>\r\n"
            "WARC-Date: 2026-11-01T00:00:00Z\r\nContent-Type: application/http; msgtype=response\r\n"
            f"Content-Length: {length or len(http)}\r\n\r\n"
        ).encode()
        + http
        + b"\r\n\r\n"
    )


def page(number: int) -> bytes:
    return f"<html><p>글 {number}</p></html>".encode()


def write(path: Path, records: list[bytes]) -> Path:
    path.write_bytes(b"".join(gzip.compress(r) if path.suffix == ".gz" else r for r in records))
    return path


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
def test_responses_are_rows_and_successes_documents(tmp_path: Path, name: str) -> None:
    path = write(
        tmp_path / name,
        [
            record(0, b"software: x", kind="warcinfo"),
            record(1, page(1)),
            record(2, page(2), kind="request"),
            record(3, b"gone", status="404 Not Found"),
            record(4, gzip.compress(page(4)), head="Content-Encoding: gzip\r\n"),
            record(5, b"5\r\nhello\r\n0\r\n\r\n", head="Transfer-Encoding: chunked\r\n"),
            record(6, page(6), head="Content-Encoding: gzip\r\n"),
            record(7, b"\x89PNG", head="Content-Type: image/png\r\n"),
        ],
    )
    found = read(path, WARC, batch_rows=2)
    assert found.texts == [page(1).decode(), page(4).decode(), "hello", page(6).decode()]
    assert found.reasons == [(1, "error_response"), (5, "wrong_type")]
    assert [d["row"] for d in found.documents] == [0, 2, 3, 4]
    assert found.documents[0]["doc_id"] == id_of("https://a.example/1", "2026-11-01T00:00:00Z")


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
@pytest.mark.parametrize(
    "broken",
    [
        record(1, page(1), length="700"),
        record(1, page(1), length="30"),
        record(1, page(1), length="many"),
        record(1, page(1)).replace(b"WARC/1.0", b"WXRC/1.0"),
        record(1, page(1)).replace(b"HTTP/1.1", b"XXXX/1.1"),
        record(1, gzip.compress(page(1))[:10] + b"\xff" * 60, head="Content-Encoding: gzip\r\n"),
        record(1, page(1), length="99999999999"),
        b"garbage\r\nof two lines\r\n\r\n",
    ],
    ids=["too long", "too short", "no length", "no record", "no http", "bad coding", "absurd", "garbage"],
)
def test_a_broken_record_is_one_entry_and_reading_goes_on(tmp_path: Path, name: str, broken: bytes) -> None:
    records = [record(0, page(0)), broken, *(record(i, page(i)) for i in range(2, 9))]
    found = read(write(tmp_path / name, records), WARC)
    assert found.texts == [page(i).decode() for i in (0, *range(2, 9))]
    assert found.reasons == [(1, "broken_record")]
    assert found.quarantine[0]["offset"] == len(record(0, page(0)))


def test_a_broken_gzip_member_costs_its_own_record(tmp_path: Path) -> None:
    members = [bytearray(gzip.compress(record(i, page(i) * 50))) for i in range(5)]
    members[2][40:60] = b"\x1f\x8b\x08\xff" * 5  # what looks like a member and is none
    (tmp_path / "a.warc.gz").write_bytes(b"".join(members))
    found = read(tmp_path / "a.warc.gz", WARC)
    assert found.texts == [(page(i) * 50).decode() for i in (0, 1, 3, 4)]
    assert found.reasons == [(2, "broken_record")]


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
def test_records_before_the_break_are_documents(tmp_path: Path, name: str) -> None:
    records = [record(i, page(i)) for i in range(3)]
    path = write(tmp_path / name, records)
    path.write_bytes(path.read_bytes()[:-40])
    found = read(path, WARC)
    assert found.texts == [page(0).decode(), page(1).decode()]
    assert found.reasons == [(-1, "truncated")]
    assert found.quarantine[0]["offset"] == 2 * len(records[0])


def test_a_long_record_is_skipped_and_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    bomb = record(2, gzip.compress(b"x" * (20 << 20)), head="Content-Encoding: gzip\r\n")
    path = write(
        tmp_path / "a.warc.gz", [record(0, page(0)), record(1, b"x" * (3 << 20)), bomb, record(3, page(3))]
    )
    found = read(path, WARC, limit=1 << 20)
    assert found.texts == [page(0).decode(), page(3).decode()]
    assert found.reasons == [(1, "row_too_long"), (2, "row_too_long")]


@pytest.mark.parametrize("body", [b"", b"nothing like it", b"\0" * 5000])
def test_what_is_no_warc_is_one_entry(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "a.warc").write_bytes(body)
    assert read(tmp_path / "a.warc", WARC).reasons == [(-1, "unreadable" if body else "empty_file")]


KOREAN = "<p>한국어로 쓴 문서입니다. 똠방각하도 펲시콜라도 나옵니다.</p>"
JAPANESE = "<p>これは日本語の文書です。いろいろな話をします。</p>"
CHINESE = "<p>这是中文文档，讨论各种各样的话题。</p>"


@pytest.mark.parametrize(
    ("text", "encoding", "declared"),
    [
        (KOREAN, "utf-8", None),
        (KOREAN, "utf-8", "euc-kr"),
        (KOREAN, "utf-8", "iso-8859-1"),
        (KOREAN, "utf-8-sig", None),
        (KOREAN, "utf-16", None),
        (KOREAN, "cp949", "euc-kr"),
        (KOREAN, "cp949", "utf-8"),
        (KOREAN, "cp949", "iso-8859-1"),
        (KOREAN, "cp949", None),
        (KOREAN, "cp949", "x-unknown"),
        (JAPANESE, "shift_jis", "Shift_JIS"),
        (JAPANESE, "shift_jis", None),
        (JAPANESE, "iso2022_jp", "iso-2022-jp"),
        ("<p>猫</p>", "shift_jis", "Shift_JIS"),
        (CHINESE, "gbk", "gb2312"),
        (CHINESE, "gbk", None),
        ("<p>Año nuevo, ¿qué tal?</p>", "cp1252", "iso-8859-1"),
    ],
)
def test_pages_are_decoded_as_they_were_written(text: str, encoding: str, declared: str | None) -> None:
    payload = text.encode(encoding)
    assert decode_page(payload, declared=declared, languages=("ko",)) == text
    named = f'<meta charset="{declared or encoding.removesuffix("-sig")}">' + text
    if encoding != "utf-16":
        assert decode_page(named.encode(encoding), declared=None, languages=("ko",)) == named


def test_bytes_that_fit_no_encoding_are_refused_not_replaced(tmp_path: Path) -> None:
    path = write(tmp_path / "a.warc", [record(0, b"<p>\xea\xb0\x80\xff\xff\x81 \x81</p>")])
    assert read(path, WARC).reasons == [(0, "invalid_encoding")]
