"""How each file of the example drops lays out its rows: columns, keys, format, encoding."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from writers import Row, arrow_file, csv_lines, json_lines, page, parquet, warc

Options = Mapping[str, Any]
CRAWLED = "2026-11-01T00:00:00Z"
MANUAL = [
    ("page_id", pa.string()),
    ("page_path", pa.string()),
    ("heading", pa.string()),
    ("body_md", pa.string()),
]
MANUAL_1 = pa.schema([*MANUAL, ("revised", pa.string())])
MANUAL_2 = pa.schema([*MANUAL, ("rev_date", pa.date32()), ("product", pa.string())])
CHAPTER = pa.schema(
    [(name, pa.string()) for name in ("doc_no", "chapter", "content", "lang_declared", "as_of")]
)
COMMENT = pa.schema(
    [
        ("item", pa.string()),
        ("comment", pa.string()),
        ("gender_bias", pa.bool_()),
        ("bias", pa.string()),
        ("hate", pa.string()),
        ("part", pa.string()),
    ]
)
REVIEW = ("review_no", "film_id", "nick", "reg_date", "score", "content")
TRIP = ("trip_id", "driver", "start_lat", "start_lon", "started_at", "memo")
NICKS = ("kwon", "seol", "nari", "bada", "haru", "dono", "minu", "solb")


@dataclass(frozen=True)
class Layout:
    """One file: its data set, its key column, how a text becomes a row and rows become bytes."""

    data_set: str
    keys: tuple[str, ...]
    make: Callable[[int, Any, Options], dict[str, Any]]
    encode: Callable[[Sequence[Row]], bytes]

    def row(self, number: int, text: Any, options: Options) -> Row:
        """The row of a text; a raw line stays as it is."""
        raw = options.get("raw")
        return raw if isinstance(raw, bytes) else self.make(number, text, options)

    def key_of(self, row: Row) -> dict[str, str] | None:
        """The columns that name the row; None where a raw line is not readable."""
        if not isinstance(row, bytes):
            return {name: str(row[name]) for name in self.keys}
        try:
            values = json.loads(row)
        except ValueError:
            first = row.split(b",", 1)[0]
            return {self.keys[0]: first.decode()} if first.isdigit() else None
        return {name: values[name] for name in self.keys} if isinstance(values, dict) else None


def _parts(text: Any, count: int) -> Sequence[str]:
    if isinstance(text, str) or len(text) != count:
        raise ValueError(f"this file takes {count} texts a row: look for a comma that wants quotes")
    return list(text)


def _chat(number: int, text: Any, _: Options) -> dict[str, Any]:
    prompt, response = _parts(text, 2)
    return {
        "conversation_id": f"talk-{number:04d}",
        "prompt": prompt,
        "response": response,
        "tag": number % 3,
    }


def _tutor(number: int, text: Any, _: Options) -> dict[str, Any]:
    turns: list[dict[str, str]] = [{"role": "user", "text": text[0]}]
    turns += [{"role": "assistant", "text": answer, "model": "tutor-small"} for answer in text[1:]]
    return {"dlg_id": f"tutor-{number:04d}", "turns": turns}


def _response(site: str, language: str) -> Callable[[int, Any, Options], dict[str, Any]]:
    def make(number: int, text: Any, options: Options) -> dict[str, Any]:
        charset = options.get("charset", "utf-8")
        return {
            "url": f"https://{site}/browse/{language}/page-{number:03d}.html",
            "status": options.get("status", "200 OK"),
            "charset": charset,
            "html": page(options["title"], text, language=options.get("language", language), charset=charset),
        }

    return make


def _help(site: str, language: str) -> Callable[[int, Any, Options], dict[str, Any]]:
    def make(number: int, text: Any, options: Options) -> dict[str, Any]:
        return {
            "url": f"https://{site}/{language}/{number:03d}.html",
            "html": page(options["title"], text, language=language),
            "site_lang": language,
            "crawl": "2026-10",
        }

    return make


def _spanish(number: int, text: Any, options: Options) -> dict[str, Any]:
    return {
        "url": f"https://rincones.example/es/{number:03d}",
        "html": page(options["title"], text, language="es"),
    }


def _review(first: int) -> Callable[[int, Any, Options], dict[str, Any]]:
    def make(number: int, text: Any, options: Options) -> dict[str, Any]:
        return {
            "review_no": options.get("key", str(first + 17 * number)),
            "film_id": str(20001 + number % 37),
            "nick": NICKS[number % len(NICKS)] + "****",
            "reg_date": f"26.{number % 12 + 1:02d}.{number % 28 + 1:02d}",
            "score": str(number * 7 % 10 + 1),
            "content": text,
        }

    return make


def _post(number: int, text: Any, _: Options) -> dict[str, Any]:
    return {"no": f"cm-{number:05d}", "c": text, "type": "title" if number % 4 == 0 else "unlabelled"}


def _message(number: int, text: Any, _: Options) -> dict[str, Any]:
    return {
        "msg_id": f"gc-{number:05d}",
        "room": f"r{number % 5}",
        "nick": NICKS[number * 3 % len(NICKS)],
        "sent_at": f"2026-10-{number % 28 + 1:02d}T21:{number % 60:02d}:00",
        "msg": text,
    }


def _script(_: int, text: Any, options: Options) -> dict[str, Any]:
    path = options["key"]
    endings = {"py": "python", "lua": "lua", "cs": "csharp", "js": "javascript", "frag": "glsl", "go": "go"}
    ending = path.rsplit(".", 1)[-1]
    return {"path": path, "source": text, "lang": endings.get(ending, ending)}


def _manual(part: int) -> Callable[[int, Any, Options], dict[str, Any]]:
    def make(number: int, text: Any, options: Options) -> dict[str, Any]:
        heading = options["title"]
        front = f"---\ntitle: {heading}\nproduct_line: ev-{part}\n---\n\n"
        row = {
            "page_id": f"mn{part}-{number:04d}",
            "page_path": f"manual/{part}/{number:04d}.md",
            "heading": heading,
            "body_md": text if text.startswith("---") else front + text,
        }
        day = datetime.date(2026, number % 9 + 1, number % 27 + 1)
        if part == 1:
            return row | {"revised": day.isoformat()}
        return row | {"rev_date": day, "product": "ev"}

    return make


def _guide(number: int, text: Any, options: Options) -> dict[str, Any]:
    language = options.get("language", "ko")
    return {"slug": f"{language}/guide-{number:03d}.md", "guid": f"vg-{number:04d}", "markdown": text}


def _trip(number: int, text: Any, _: Options) -> dict[str, Any]:
    return {
        "trip_id": f"tr-{number:05d}",
        "driver": f"driver-{number % 6}",
        "start_lat": f"{35.1 + number * 0.0173:.4f}",
        "start_lon": f"{127.2 + number * 0.0119:.4f}",
        "started_at": f"2026-09-{number % 28 + 1:02d} {number % 24:02d}:10",
        "memo": text,
    }


def _chapter(book: str) -> Callable[[int, Any, Options], dict[str, Any]]:
    def make(number: int, text: Any, options: Options) -> dict[str, Any]:
        return {
            "doc_no": f"{book}-{number:04d}",
            "chapter": f"{book}/{number:02d}",
            "content": text,
            "lang_declared": options.get("language", "ko"),
            "as_of": "2026-09-01",
        }

    return make


def _pair(number: int, text: Any, _: Options) -> dict[str, Any]:
    korean, english = _parts(text, 2)
    return {"pair_id": f"pair-{number:04d}", "ko": korean, "en": english}


def _comment(number: int, text: Any, _: Options) -> dict[str, Any]:
    return {
        "item": f"lc-{number:04d}",
        "comment": text,
        "gender_bias": number % 11 == 0,
        "bias": "gender" if number % 11 == 0 else "none",
        "hate": ("none", "none", "offensive")[number % 3],
        "part": "train",
    }


def _reviews(encoding: str, delimiter: str) -> Callable[[Sequence[Row]], bytes]:
    return lambda rows: csv_lines(rows, columns=REVIEW, delimiter=delimiter, encoding=encoding)


def _plain_csv(columns: Sequence[str]) -> Callable[[Sequence[Row]], bytes]:
    return lambda rows: csv_lines(rows, columns=columns, delimiter=",", encoding="utf-8")


def _crawl(rows: Sequence[Row]) -> bytes:
    return warc(rows, date=CRAWLED)


def _untidy(rows: Sequence[Row]) -> bytes:
    return json_lines(rows, crlf_every=25, blank_every=40)


BOOK = "handbook.malmoi.example"
# The days that a partner's rows are of, both inclusive: of drop.json.
PERIODS = {
    "a_dot": ("2026-10-01", "2026-10-31"),
    "fortytwodot": ("2026-08-01", "2026-10-31"),
    "krafton": ("2026-11-16", "2026-11-22"),
    "liner": ("2026-11-16", "2026-11-22"),
    "selectstar": ("2026-04-01", "2026-09-30"),
    "snu_kaist": ("2025-11-01", "2026-10-31"),
}
LAYOUTS: dict[tuple[str, str], Layout] = {
    ("a_dot", "daily_chat.jsonl.gz"): Layout(
        "daily_chat",
        ("conversation_id",),
        _chat,
        lambda rows: json_lines(rows, crlf_every=25, blank_every=40),
    ),
    ("a_dot", "math_tutor.jsonl.gz"): Layout("math_tutor", ("dlg_id",), _tutor, json_lines),
    ("krafton", "reviews_1.csv.gz"): Layout(
        "reviews", ("review_no",), _review(10021000), _reviews("utf-8-sig", ",")
    ),
    ("krafton", "reviews_legacy_cp949.csv.gz"): Layout(
        "reviews_legacy", ("review_no",), _review(125000), _reviews("cp949", ";")
    ),
    ("krafton", "community.jsonl"): Layout("community", ("no",), _post, json_lines),
    ("krafton", "game_chat.jsonl"): Layout("game_chat", ("msg_id",), _message, json_lines),
    ("krafton", "game_scripts.jsonl"): Layout("code_samples", ("path",), _script, json_lines),
    ("fortytwodot", "manuals_1.parquet"): Layout(
        "manuals", ("page_id", "revised"), _manual(1), lambda rows: parquet(rows, MANUAL_1, row_group=8)
    ),
    ("fortytwodot", "manuals_2.parquet"): Layout(
        "manuals", ("page_id", "rev_date"), _manual(2), lambda rows: parquet(rows, MANUAL_2, row_group=8)
    ),
    ("fortytwodot", "vehicle_guide.jsonl"): Layout("vehicle_guide", ("guid",), _guide, json_lines),
    ("fortytwodot", "trips.csv.gz"): Layout("trips", ("trip_id",), _trip, _plain_csv(TRIP)),
    ("snu_kaist", "ml_tutorials.arrow"): Layout(
        "ml_tutorials", ("doc_no",), _chapter("mlt"), lambda rows: arrow_file(rows, CHAPTER, batch=8)
    ),
    ("snu_kaist", "dl_textbook.arrow"): Layout(
        "dl_textbook", ("doc_no",), _chapter("dlt"), lambda rows: arrow_file(rows, CHAPTER, batch=8)
    ),
    ("snu_kaist", "pairs_ko_en.csv.gz"): Layout(
        "pairs_ko_en", ("pair_id",), _pair, _plain_csv(("pair_id", "ko", "en"))
    ),
    ("selectstar", "labelled_comments.parquet"): Layout(
        "labelled_comments", ("item",), _comment, lambda rows: parquet(rows, COMMENT, row_group=20)
    ),
    **{
        ("liner", f"handbook_{language}.warc.gz"): Layout(
            "handbook", ("url",), _response(BOOK, language), _crawl
        )
        for language in ("ko", "en", "ja", "zh")
    },
    **{
        ("liner", f"lo_help_{language}.jsonl.zst"): Layout(
            "lo_help_pages", ("url", "crawl"), _help("help.malmoi.example", language), json_lines
        )
        for language in ("ko", "en")
    },
    ("liner", "pages_es.jsonl.gz"): Layout("pages_es", ("url",), _spanish, json_lines),
}
