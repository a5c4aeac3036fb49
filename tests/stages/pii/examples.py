"""What the tests of this room share: a data set, a way to make batches, texts put together at random."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import strategies as st

from pipelines.stages.pii.find import explain_pii, find_pii
from pipelines.stages.pii.replace import replace_pii
from schemas.contract import DataSet, Delivery, Format, Kind, Markup
from schemas.documents import DOCUMENT
from schemas.recipe import PiiSettings

CHAT = DataSet(
    name="chat",
    kind=Kind.DIALOGUE,
    files=("*.jsonl",),
    format=Format.JSONL,
    encoding="utf-8",
    delimiter=",",
    markup=Markup.PLAIN,
    join="\n",
    delivery=Delivery.APPEND,
    languages=("ko",),
    columns=(),
)
SETTINGS = PiiSettings()
# Invented people; numbers that are unassigned, or wrong by date or check digit, wherever the class allows it.
ITEMS = (
    "900101-1234567",
    "９００１０１－１２３４５６７",
    "900101 - 1234567",
    "주민등록번호 900230-1234567",
    "외국인등록번호 900101-5123456",
    "사업자등록번호 123-45-67890",
    "123-45-67891",
    "여권번호 M12345678",
    "M123A4567",
    "서울 04-123456-71",
    "운전면허 11-20-45-12-345-67",
    "11-20-394857-12",
    "010-0000-5678",
    "０１０–１２３４–５６７８",
    "010\u00a01234\u00a05678",
    "010\u200b12345678",
    "+82 (0)10 1234 5678",
    "(02) 123-4567",
    "1588-3333",
    "test@example.com",
    "kim.lee+tag@mail.co.kr",
    "jh_park@넥스트코어.co.kr",
    "1.2.3.4",
    "192.168.0.1",
    "2a02:26f0:1234::1",
    "카드 4444-4444-4444-4444",
    "4111 1111 1111 1111",
    "3782-822463-10005",
    "202411231530",
    "8801234567893",
    "110111-1234569",
    "서울특별시 마포구 말모이로 123, 101동 1502호",
    "온결면 늘찬리 산12-3번지",
    "123, Malmoi-ro, Mapo-gu, Seoul",
    "생년월일 1990년 3월 15일",
    "1992.05.05생",
    "카톡 아이디 malmoi_1004",
    "게임 닉네임: 말모이장인",
    "https://www.instagram.com/malmoi_example",
    "malmoi-example.tistory.com",
    "비밀번호 gaon7788!!",
    'api_key = "ghp_EXAMPLE0000000000000000000000000000"',
)
GLUE = (
    *("", "", " ", "\n", ", ", "/", "\u00a0", "\u2010", "–", ".", "-", "@", ":", "(", ")", "\u200b"),
    *(
        "는",
        "으로",
        "이",
        "가 ",
        "번호: ",
        "전화 ",
        "주문번호 ",
        "카드 ",
        "면허",
        "여권 ",
        "IP ",
        "버전 ",
        "v",
        "주소 ",
        "생일 ",
        "닉네임 ",
        "생",
        "에 태어나",
    ),
    *("A", "a1", "7", "０", "12", "2024", "123456", "000000", "\U0001f600", "\r", "\u2028", "\u1100\u1161"),
)
texts = st.lists(st.sampled_from((*ITEMS, *GLUE, *GLUE)), max_size=12).map("".join)
noise = st.text(st.sampled_from("0189０９- .–\u00a0\u200b\n@:+()가면허v/Mx"), max_size=40)


def documents(values: list[str]) -> pa.RecordBatch:
    """A batch as the intake hands it on."""
    rows = [
        {"doc_id": row.to_bytes(16, "big"), "row": row, "text": text, "language": "ko"}
        for row, text in enumerate(values)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=DOCUMENT)


def found(text: str) -> list[tuple[str, str]]:
    """(label, value) of what is found in a text."""
    return [(f.label, text[f.start : f.end]) for f in explain_pii(text, SETTINGS)]


def replaced(values: list[str], settings: PiiSettings = SETTINGS) -> pa.RecordBatch:
    """Found and replaced."""
    return replace_pii(find_pii(documents(values), settings, CHAT).kept, settings, CHAT).kept
