"""The certificate as a page in Korean and English: one file, every name escaped, no text of any document."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.lineage.report_page import Cell, Html, both, cards, code, escaped, page, section, table
from schemas.takedown import CameBack, Certificate, Gone

_SHOWN = 500  # rows of a table; certificate.json has all
_WHAT = {
    "documents": ("문서 식별자", "document ids"),
    "rows": ("행 키", "row keys"),
    "subjects": ("정보주체", "data subjects"),
    "texts": ("본문", "texts"),
    "domains": ("도메인", "domains"),
    "contract": ("계약 전체", "whole contract"),
}
_WHY = {
    "data_subject": ("정보주체의 요구", "asked by a data subject"),
    "rights_holder": ("권리자의 요구", "asked by a rights holder"),
    "partner": ("파트너의 요구", "asked by the partner"),
    "contract_ended": ("계약 종료", "the contract ended"),
    "authority": ("기관의 명령", "ordered by an authority"),
    "other": ("기타", "other"),
}
_SCOPE = {
    "rights": ("해당 파트너의 행", "these rows of their partner"),
    "content": ("같은 내용 전부", "all that holds the content"),
}
_STATE = {
    "erased": ("파기함", "erased"),
    "kept": ("남김", "kept"),
    "outside": ("관리 범위 밖", "outside our reach"),
}


def render_certificate(certificate: Certificate) -> str:
    """The whole page."""
    gone, back = certificate.gone, certificate.came_back
    return page(
        f"삭제 확인서 {certificate.request}",
        f"<header><h1>{both('말모이 삭제 확인서', 'Malmoi takedown certificate').markup}</h1>",
        f"<p>{code(certificate.request).markup} · {escaped(certificate.on)}</p></header>",
        cards(
            [
                (len(gone), both("빠진 문서", "documents that left")),
                (sum(one.tokens for one in gone), both("빠진 토큰", "tokens that left")),
                (len(back), both("되돌아온 문서", "documents that came back")),
                (len(certificate.shards), both("다시 쓴 샤드", "shards rewritten")),
            ]
        ),
        section("asked", both("요청", "What was asked"), _asked(certificate)),
        section("builds", both("빌드", "Builds"), _builds(certificate)),
        section("gone", both("빠진 것", "What left"), _gone(certificate)),
        section("came-back", both("대신 남은 것", "What replaced it"), _back(certificate)),
        section("shards", both("샤드 전후", "Shards before and after"), _shards(certificate)),
        section("absence", both("부재의 증명", "Proof of absence"), _absence(certificate)),
        section("places", both("본문이 있던 곳", "Where the text lay"), _places(certificate)),
    )


def _asked(certificate: Certificate) -> str:
    facts: list[list[Cell]] = [
        [both("사유", "reason"), both(*_WHY.get(certificate.reason, (certificate.reason,) * 2))],
        [both("범위", "scope"), both(*_SCOPE.get(certificate.scope, (certificate.scope,) * 2))],
        [both("통지일", "notice"), certificate.notice],
        [both("기한", "deadline"), certificate.deadline],
        [both("처리일", "carried out"), certificate.on],
        [both("등록부 기록", "event in the registry"), code(certificate.event or "-")],
    ]
    rows: list[list[Cell]] = [
        [both(*_WHAT.get(one.what, (one.what,) * 2)), one.asked, one.documents] for one in certificate.asked
    ]
    heads = [both("지목한 방법", "named by"), both("요청 수", "asked"), both("찾은 문서", "documents found")]
    found = table("asked", heads, rows)
    unknown = "".join(f"<p>{code(one).markup}</p>" for one in certificate.unknown[:_SHOWN])
    missing = f"<p>{both('이 빌드에 없음', 'not in this build').markup}</p>{unknown}" if unknown else ""
    return table("request", [both("항목", "item"), both("값", "value")], facts) + found + missing


def _builds(certificate: Certificate) -> str:
    rows: list[list[Cell]] = [
        [both(*label), code(one.name), code(one.identity), code(one.manifest)]
        for label, one in (
            (("이전", "parent"), certificate.parent),
            (("이후", "child"), certificate.child),
        )
    ]
    heads = [both("빌드", "build"), both("이름", "name"), both("정체", "identity"), Html("manifest SHA-256")]
    return table("builds", heads, rows)


def _gone(certificate: Certificate) -> str:
    before = both(
        f"이미 샤드에 없던 문서 {certificate.dropped_before:,}",
        f"{certificate.dropped_before:,} documents that were in no shard before",
    )
    return _documents("gone", certificate.gone) + f"<p>{before.markup}</p>"


def _back(certificate: Certificate) -> str:
    fell = both(
        f"되돌아온 문서의 중복이 되어 빠진 문서 {len(certificate.fell):,}",
        f"{len(certificate.fell):,} documents are now copies of one that came back",
    )
    return _documents("came back", certificate.came_back) + f"<p>{fell.markup}</p>"


def _documents(caption: str, found: Sequence[Gone | CameBack]) -> str:
    heads = [
        both("문서", "document"),
        both("파트너 / 데이터 세트", "partner / data set"),
        both("샤드", "shard"),
        both("토큰", "tokens"),
    ]
    rows: list[list[Cell]] = [
        [code(one.doc_id), f"{one.partner} / {one.data_set}", code(one.shard), one.tokens]
        for one in found[:_SHOWN]
    ]
    return table(caption, heads, rows) + _more(len(found))


def _shards(certificate: Certificate) -> str:
    heads = [
        both("샤드", "shard"),
        both("문서 전", "rows before"),
        both("문서 후", "rows after"),
        both("토큰 전", "tokens before"),
        both("토큰 후", "tokens after"),
        both("SHA-256 전 / 후", "SHA-256 before / after"),
    ]
    rows: list[list[Cell]] = [
        [
            code(one.name),
            one.rows_before,
            one.rows_after,
            one.tokens_before,
            one.tokens_after,
            Html(f"{code(one.before).markup}<br>{code(one.after).markup}"),
        ]
        for one in certificate.shards[:_SHOWN]
    ]
    return table("shards", heads, rows) + _more(len(certificate.shards))


def _absence(certificate: Certificate) -> str:
    heads = [both("원장 조각", "part of the ledger"), Html("SHA-256")]
    rows: list[list[Cell]] = [[code(path), code(digest)] for path, digest in certificate.ledger.items()]
    said = both(
        "이 원장 조각은 빠진 문서를 남지 않은 것으로 적는다. 다시 확인: "
        "malmoi verify BUILD --certificate FILE",
        "These parts of the ledger say that the documents are not kept. Look again: "
        "malmoi verify BUILD --certificate FILE",
    )
    return table("absence", heads, rows) + f"<p>{said.markup}</p>"


def _places(certificate: Certificate) -> str:
    heads = [both("곳", "place"), both("경로", "path"), both("상태", "state"), both("까닭", "why")]
    rows: list[list[Cell]] = [
        [one.kind, code(one.path), both(*_STATE[one.state.value]), one.why]
        for one in certificate.places[:_SHOWN]
    ]
    if not rows:
        said = both(
            "파기를 요청하지 않음: 원본과 이전 빌드는 그대로 있다 (--erase)",
            "no erasure was asked for: drops and earlier builds are as they were (--erase)",
        )
        return f"<p>{said.markup}</p>"
    return table("places", heads, rows) + _more(len(certificate.places))


def _more(count: int) -> str:
    if count <= _SHOWN:
        return ""
    words = both(f"모두 {count:,}: certificate.json", f"{count:,} in all: certificate.json")
    return f"<p>{words.markup}</p>"
