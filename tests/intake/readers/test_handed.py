"""The handed drops, with data sets made up here: the rows that their README counts, and no mojibake."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType

from schemas.contract import DataSet, Format, Role
from tests.intake.readers.reading import Reading, column, data_set, read

URL = (column("url", Role.KEY), column("html", Role.TEXT))
REVIEW = (column("review_no", Role.KEY), column("content", Role.TEXT))
MANUAL = (
    column("page_id", Role.KEY),
    column("revised", Role.VERSION, required=False),
    column("rev_date", Role.VERSION, required=False, kind="date"),
    column("heading", Role.TEXT, required=False),
    column("body_md", Role.TEXT),
)
BOOK = (column("doc_no", Role.KEY), column("content", Role.TEXT), column("lang_declared", Role.LANGUAGE))
NUMBERED = (column("id", Role.KEY), column("text", Role.TEXT))
ITEM = (column("id", Role.KEY),)
# A last line that is cut off, and the responses of status 404, are rows that go to quarantine.
FILES: list[tuple[str, DataSet, int, dict[str, int]]] = [
    (
        "a_dot/daily_chat.jsonl.gz",
        data_set(
            Format.JSONL,
            (column("conversation_id", Role.KEY), column("prompt", Role.TEXT), column("response", Role.TEXT)),
        ),
        7142,
        {"invalid_json": 1},
    ),
    (
        "a_dot/math_tutor.jsonl.gz",
        data_set(Format.JSONL, (column("dlg_id", Role.KEY), column("turns.text", Role.TEXT))),
        675,
        {},
    ),
    ("liner/handbook_ko.warc.gz", data_set(Format.WARC, URL), 127, {"error_response": 3}),
    ("liner/handbook_en.warc.gz", data_set(Format.WARC, URL), 127, {"error_response": 3}),
    ("liner/handbook_ja.warc.gz", data_set(Format.WARC, URL), 127, {"error_response": 3}),
    ("liner/handbook_zh.warc.gz", data_set(Format.WARC, URL), 127, {"error_response": 3}),
    ("liner/lo_help_ko.jsonl.zst", data_set(Format.JSONL, URL), 1198, {}),
    ("liner/lo_help_en.jsonl.zst", data_set(Format.JSONL, URL), 1198, {}),
    ("liner/lo_help_ja.warc.gz", data_set(Format.WARC, URL), 1198, {"error_response": 29}),
    ("liner/lo_help_zh.warc.gz", data_set(Format.WARC, URL), 1198, {"error_response": 29}),
    ("krafton/reviews_1.csv.gz", data_set(Format.CSV, REVIEW), 105_054, {}),
    ("krafton/reviews_2.csv.gz", data_set(Format.CSV, REVIEW), 105_554, {}),
    (
        "krafton/reviews_legacy_cp949.csv.gz",
        data_set(Format.CSV, REVIEW, encoding="cp949", delimiter=";"),
        8706,
        {},
    ),
    (
        "krafton/community.jsonl",
        data_set(Format.JSONL, (column("no", Role.KEY), column("c", Role.TEXT))),
        35_126,
        {},
    ),
    ("fortytwodot/manuals_1.parquet", data_set(Format.PARQUET, MANUAL), 4671, {}),
    ("fortytwodot/manuals_2.parquet", data_set(Format.PARQUET, MANUAL), 4834, {}),
    (
        "fortytwodot/vehicle_guide.jsonl",
        data_set(Format.JSONL, (column("guid", Role.KEY), column("markdown", Role.TEXT))),
        248,
        {},
    ),
    ("snu_kaist/ml_tutorials.arrow", data_set(Format.ARROW, BOOK), 1457, {}),
    ("snu_kaist/dl_textbook.arrow", data_set(Format.ARROW, BOOK), 334, {}),
    (
        "selectstar/labelled_comments.parquet",
        data_set(Format.PARQUET, (column("item", Role.KEY), column("comment", Role.TEXT))),
        4118,
        {},
    ),
    ("dedup/sql_revisions.jsonl.zst", data_set(Format.JSONL, NUMBERED), 3000, {}),
    (
        "dedup/sql_pairs.csv.gz",
        data_set(Format.CSV, (column("a", Role.KEY), column("b", Role.KEY), column("jaccard", Role.TEXT))),
        5380,
        {},
    ),
    ("eval/gsm8k_test.jsonl", data_set(Format.JSONL, ITEM), 1319, {}),
    ("eval/klue_ner_dev.jsonl", data_set(Format.JSONL, ITEM), 2462, {}),
    ("eval/klue_nli_dev.jsonl", data_set(Format.JSONL, ITEM), 3000, {}),
    ("eval/klue_sts_dev.jsonl", data_set(Format.JSONL, ITEM), 519, {}),
    ("eval/kornli_test.jsonl", data_set(Format.JSONL, ITEM), 5010, {}),
    ("eval/korsts_test.jsonl", data_set(Format.JSONL, ITEM), 1379, {}),
    ("pii/klue_ner.jsonl", data_set(Format.JSONL, NUMBERED), 2462, {}),
    ("pii/ko_pii_generated.jsonl", data_set(Format.JSONL, NUMBERED), 945, {}),
    ("pii/presidio.jsonl", data_set(Format.JSONL, NUMBERED), 1654, {}),
    ("eval/truth_contaminated.jsonl", data_set(Format.JSONL, (column("doc_id", Role.TEXT),)), 1192, {}),
]


def by_reason(found: Reading) -> dict[str, int]:
    reasons = [entry["reason"] for entry in found.quarantine]
    return {reason: reasons.count(reason) for reason in reasons}


@pytest.mark.parametrize(("path", "wanted", "rows", "refused"), FILES, ids=[file[0] for file in FILES])
def test_the_rows_are_those_that_the_readme_counts(
    handed: Path, path: str, wanted: DataSet, rows: int, refused: dict[str, int]
) -> None:
    found = read(handed / path, wanted, split_bytes=1 << 20, limit=64 << 20)
    assert len(found.documents) == rows
    assert by_reason(found) == refused
    assert len({document["doc_id"] for document in found.documents}) == rows


def test_korean_pages_in_two_encodings_have_no_character_that_was_not_there(handed: Path) -> None:
    path = handed / "liner/handbook_ko.warc.gz"
    found = read(path, data_set(Format.WARC, URL))
    with path.open("rb") as file:
        pages = [
            record.reader.read()
            for record in ArchiveIterator(file, record_types=WarcRecordType.response)
            if record.http_headers.status_code == 200
        ]
    legacy = 0
    for page, text in zip(pages, found.texts, strict=True):
        try:
            assert text == page.decode()
        except UnicodeDecodeError:
            legacy += 1
            assert "\ufffd" not in text
            assert text.encode("cp949") == page
    assert legacy == 5
