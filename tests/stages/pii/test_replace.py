from __future__ import annotations

import re

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipelines.stages.pii.checks import is_date, luhn_check
from pipelines.stages.pii.find import explain_pii, find_pii
from pipelines.stages.pii.gate import ENTITIES
from pipelines.stages.pii.replace import replace_pii
from pipelines.stages.pii.surrogates import Place, surrogate
from schemas.errors import UsageError
from schemas.recipe import PiiSettings
from schemas.rights import UNIQUE_IDENTIFIERS
from tests.stages.pii.cases import LABELS
from tests.stages.pii.examples import CHAT, ITEMS, SETTINGS, documents, found, replaced, texts

KEEP_ALL = PiiSettings(max_share=1.0)
EVERYTHING = PiiSettings(entities=tuple(sorted({*ENTITIES, "PERSON"})), max_share=1.0)
VALUES = {
    "KR_RRN": ("900101-1234567", "9001011234567", "９００１０１ - １２３４５６７"),
    "KR_FRN": ("900101-5234567",),
    "KR_BRN": ("123-45-67890", "1234567890"),
    "KR_PASSPORT": ("M12345678", "M123A4567", "N1294857", "TK7820194", "m12345678"),
    "KR_DRIVER_LICENSE": ("서울 04-123456-71", "11-20-394857-12", "11-20-45-12-345-67", "12-10-0456"),
    "PHONE_NUMBER": (
        *("010-1234-5678", "01012345678", "010 1234 5678", "(02) 123-4567", "02)1234567", "0212345678"),
        *("+82 (0)10 1234 5678", "+821012345678", "1588-1234", "０１０–１２３４–５６７８", "02 ) - 123-4567"),
    ),
    "EMAIL_ADDRESS": ("kim@mail.co.kr",),
    "CREDIT_CARD": ("4111-1111-1111-1111", "4111111111111111", "3782 822463 10005"),
    "IP_ADDRESS": ("211.234.5.6", "2a02:26f0:1234::1"),
    "KR_CRN": ("110111-1234569",),
    "KR_BANK_ACCOUNT": ("110-123-456789", "3333-01-1234567", "110123456789"),
    "KR_VEHICLE_PLATE": ("12가 3456", "123가4567", "서울 12가 3456", "외교 012-345", "육 12-3456"),
    "KR_ADDRESS": (
        *("서울특별시 마포구 말모이로 123, 101동 1502호", "서울마포구말모이로131", "온결아파트 101동 1103호"),
        *(
            "강원도 평창군 온결면 늘찬리 산12번지",
            "123, Malmoi-ro, Mapo-gu, Seoul",
            "울산 남구 늘찬로 99 (온결아파트)",
        ),
    ),
    "MAC_ADDRESS": ("00:1a:2b:3c:4d:5e", "001a.2b3c.4d5e"),
    "IMEI": ("352099001761481", "35-209900-176148-1"),
    "VIN": ("KMHEC41LBYA123456",),
    "GPS_COORDINATE": ("37.5665, 126.9780", "위도 37.56651 경도 126.97801"),
    "DATE_OF_BIRTH": (
        *(
            "1990년 3월 15일",
            "1990. 3. 15.",
            "900315",
            "19900315",
            "March 15, 1990",
            "15/03/1990",
            "3월 15일",
        ),
        *("90.03.15", "15 de marzo de 1990", "7/19", "3月9日", "1990年3月15日"),
    ),
    "MESSENGER_ID": ("malmoi1004", "@malmoi_tele", "malmoi#1234", "1234567001"),
    "GAME_ID": (
        "말모이장인",
        "늘찬이#KR1",
        "STEAM_0:1:1234567",
        "Hide on Malmoi",
        "月下马儿",
        "SW-0000-1111-2222",
        "812345001",
    ),
    "URL": ("https://www.instagram.com/malmoi_example", "t.me/example_gaon", "https://malmoi.tistory.com"),
    "CREDENTIAL": ("malmoi!2345", "7788", "*0917#", "ghp_EXAMPLE0000000000000000000000000000"),
    "PERSON": ("김서연", "서연", "남궁민수", "John Smith", "마이클 조던"),
}
CUES = {
    "KR_BRN": "사업자등록번호 ",
    "KR_PASSPORT": "여권번호 ",
    "KR_DRIVER_LICENSE": "운전면허번호 ",
    "CREDIT_CARD": "카드번호 ",
    "PHONE_NUMBER": "전화 ",
    "KR_RRN": "주민등록번호 ",
    "KR_FRN": "외국인등록번호 ",
    "KR_CRN": "법인등록번호 ",
    "KR_BANK_ACCOUNT": "신한은행 계좌 ",
    "KR_VEHICLE_PLATE": "차량번호 ",
    "KR_ADDRESS": "주소: ",
    "IMEI": "IMEI ",
    "VIN": "차대번호 ",
    "GPS_COORDINATE": "위치 ",
    "DATE_OF_BIRTH": "생년월일 ",
    "MESSENGER_ID": "카톡 아이디 ",
    "GAME_ID": "게임 닉네임: ",
    "CREDENTIAL": "비밀번호: ",
    "PERSON": "이름: ",
}


def _runs_on(text: str, start: int, end: int) -> bool:
    """Whether a digit stands before or behind the span with at most three other characters between."""
    before, behind = text[max(0, start - 4) : start], text[end : end + 4]
    return any(character.isdigit() for character in before + behind)


@settings(deadline=None, max_examples=200)
@given(texts)
def test_replacing_twice_is_replacing_once(text):
    # Where digits run on into each other ("1588-33334111 1111 1111 1111-4111 1111") there is no telling where
    # a number ends, and with other digits in it the line is cut elsewhere.
    assume(not any(_runs_on(text, finding.start, finding.end) for finding in explain_pii(text, KEEP_ALL)))
    once = replaced([text], KEEP_ALL)["text"].to_pylist()
    assert replaced(once, KEEP_ALL)["text"].to_pylist() == once


@settings(deadline=None, max_examples=100)
@given(texts)
def test_spans_follow_the_new_text_and_all_but_particles_stays(text):
    before = find_pii(documents([text]), KEEP_ALL, CHAT).kept
    after = replace_pii(before, KEEP_ALL, CHAT).kept
    old, new = before["spans"][0].as_py(), after["spans"][0].as_py()
    stand_ins = after["text"][0].as_py()
    assert [span["label"] for span in old] == [span["label"] for span in new]
    for a, b in zip(_between(text, old), _between(stand_ins, new), strict=True):
        assert PARTICLE.sub("", a) == PARTICLE.sub("", b)
    for a, b in zip(old, new, strict=True):
        assert stand_ins[b["start"] : b["end"]] != text[a["start"] : a["end"]]


PARTICLE = re.compile("\\A(?:이?다|[은는이가을를과와]|으?로|이?랑|이?라|이에요|예요)")


def _between(text, spans):
    starts = [0, *(span["end"] for span in spans)]
    ends = [*(span["start"] for span in spans), len(text)]
    return [text[start:end] for start, end in zip(starts, ends, strict=True)]


@pytest.mark.parametrize("label", VALUES)
def test_a_surrogate_is_known_as_ours_and_not_found_again(label):
    for value in VALUES[label]:
        for index in range(50):
            stand_in = surrogate(Place(index.to_bytes(16, "big"), label, index), value)
            assert found(CUES.get(label, "") + stand_in + "로") == []


@pytest.mark.parametrize("label", VALUES)
def test_a_hundred_values_of_a_document_have_a_hundred_surrogates(label):
    value = VALUES[label][0]
    assert len({surrogate(Place(bytes(16), label, index), value) for index in range(100)}) == 100


IDENTITY = (*UNIQUE_IDENTIFIERS, "KR_BRN", "KR_CRN", "CREDIT_CARD", "KR_BANK_ACCOUNT", "IMEI")


@pytest.mark.parametrize("label", IDENTITY)
def test_an_identity_numbers_form_is_kept(label):
    for value in VALUES[label]:
        stand_in = surrogate(Place(bytes(16), label, 3), value)
        shape = re.compile(r"\d|[A-Za-z]|[가-힣]+")
        assert shape.sub("x", stand_in) == shape.sub("x", value)


def test_surrogates_belong_to_nobody():
    for index in range(200):
        resident = surrogate(Place(bytes(16), "KR_RRN", index), "900101-1234567")
        assert not any(
            is_date(c + int(resident[:2]), int(resident[2:4]), int(resident[4:6])) for c in (1900, 2000)
        )
        assert resident[7] in "1234"
        assert surrogate(Place(bytes(16), "KR_FRN", index), "900101-5234567")[7] in "5678"
        assert surrogate(Place(bytes(16), "KR_BRN", index), "123-45-67890")[4:6] == "00"
        card = surrogate(Place(bytes(16), "CREDIT_CARD", index), "4111111111111111")
        assert card.startswith("000")
        assert not luhn_check(card)
        assert re.fullmatch(
            r"010-[01]\d{3}-\d{4}", surrogate(Place(bytes(16), "PHONE_NUMBER", index), "02-123-4567")
        )
        mail = surrogate(Place(bytes(16), "EMAIL_ADDRESS", index), "kim@mail.kr")
        assert re.fullmatch(r"user[0-9a-f]{8}@example\.(com|org|net)", mail)
        address = surrogate(Place(bytes(16), "IP_ADDRESS", index), "211.1.1.1")
        assert address.startswith("2")
        assert int(address.split(".")[0]) >= 240
        assert surrogate(Place(bytes(16), "IP_ADDRESS", index), "2a02::1").startswith("2001:db8::")
        assert surrogate(Place(bytes(16), "KR_PASSPORT", index), "M12345678").startswith("X000")
        assert surrogate(Place(bytes(16), "KR_DRIVER_LICENSE", index), "11-20-394857-12").startswith("00-")


def test_the_same_value_is_the_same_person_however_it_is_written():
    text = "010-2345-6789 그리고 010 2345 6789, +82 10-2345-6789, 다른 분 010-9876-5432"
    values = re.findall(r"[+0-9][0-9 -]{9,}[0-9]", replaced([text])["text"][0].as_py())
    digits = [re.sub(r"^82", "0", re.sub(r"\D", "", value)) for value in values]
    assert digits[0] == digits[1] == digits[2] != digits[3]


def test_addresses_that_differ_only_in_their_points_are_two():
    text = replaced(["접속 211.23.45.6 그리고 211.234.5.6"])["text"][0].as_py()
    assert len(set(re.findall(r"\d+\.\d+\.\d+\.\d+", text))) == 2


def test_a_surrogate_does_not_depend_on_the_value_but_on_the_document():
    one, two = replaced(["전화 010-2345-6789로", "없음"]), replaced(["전화 010-9876-5432로", "없음"])
    assert one["text"].to_pylist() == two["text"].to_pylist()
    first, second = replaced(["010-2345-6789", "010-2345-6789"])["text"].to_pylist()
    assert first != second


@pytest.mark.parametrize(
    ("written", "closed", "open_"),
    [
        ("은", "은", "는"),
        ("가", "이", "가"),
        ("와", "과", "와"),
        ("이에요", "이에요", "예요"),
        ("라고", "이라고", "라고"),
    ],
)
def test_the_particle_agrees_at_every_mention(written, closed, open_):
    for row in range(12):
        text = f"010-2345-6789{written} 그리고 010-2345-6789{written}"
        made = replaced(["없음"] * row + [text])["text"][row].as_py()
        mentions = re.findall(r"(\d)(?!\d|-)([가-힣]*)", made)
        assert len(mentions) == 2
        for last, particle in mentions:
            assert particle == (closed if last in "013678" else open_)


def test_the_short_form_of_to_is_written_after_rieul():
    for row in range(20):
        made = replaced(["없음"] * row + ["번호 010-2345-6789으로 바꿔"])["text"][row].as_py()
        last, particle = re.findall(r"(\d)(으?로) 바꿔", made)[0]
        assert particle == ("으로" if last in "036" else "로")


def test_an_honorific_stays_behind_an_invented_name():
    batch = with_spans("김서연님은 서연 씨와", [(0, 3, "PERSON"), (6, 8, "PERSON")])
    made = replace_pii(batch, KEEP_ALL, CHAT).kept["text"][0].as_py()
    assert re.fullmatch(r"[가-힣]{3}님은 [가-힣]{2} 씨와", made)


@pytest.mark.parametrize(
    "said", ["이름: {}", "{} 씨는", "예금주: {} (신한)", "저는 {}입니다", "담당자 {} 과장"]
)
def test_an_invented_name_is_not_found_again(said):
    for index in range(40):
        for form in VALUES["PERSON"]:
            stand_in = surrogate(Place(bytes(16), "PERSON", index), form)
            text = said.format(stand_in)
            assert not [f for f in explain_pii(text, EVERYTHING) if f.label == "PERSON"]


def test_a_called_name_is_called_with_the_right_vowel():
    made = replace_pii(with_spans("서연아 지우야", [(0, 2, "PERSON"), (4, 6, "PERSON")]), KEEP_ALL, CHAT)
    for word in made.kept["text"][0].as_py().split():
        assert word[-1] == ("아" if (ord(word[-2]) - 0xAC00) % 28 else "야")


def with_spans(text, spans):
    batch = find_pii(documents(["없음"]), SETTINGS, CHAT).kept
    row = batch.to_pylist()[0] | {
        "text": text,
        "spans": [{"start": s, "end": e, "label": label, "score": 1.0} for s, e, label in spans],
    }
    return pa.RecordBatch.from_pylist([row], schema=batch.schema)


@pytest.mark.parametrize("label", sorted(set(LABELS)))
def test_every_class_of_the_issue_has_a_surrogate(label):
    assert label in VALUES
    for value in VALUES[label]:
        stand_in = surrogate(Place(bytes(16), label, 0), value)
        assert stand_in != value
        assert stand_in == surrogate(Place(bytes(16), label, 0), value)
        assert stand_in != surrogate(Place(b"1" * 16, label, 0), value)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(sorted(VALUES)), st.data(), st.integers(0, 10**6))
def test_a_found_value_is_replaced_by_what_is_not_found(label, data, row):
    value = data.draw(st.sampled_from(VALUES[label]))
    text = f"{CUES.get(label, '')}{value} 입니다"
    once = replaced([text] * (row % 5 + 1), EVERYTHING)["text"].to_pylist()
    assert replaced(once, EVERYTHING)["text"].to_pylist() == once


def test_an_unassigned_number_that_is_not_ours_is_found():
    assert found("010-0000-5678") == [("PHONE_NUMBER", "010-0000-5678")]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("https://www.weibo.com/u/1000000001", "URL"),
        ("GITHUB_TOKEN=ghp_EXAMPLE0000000000000000000000000000", "CREDENTIAL"),
        ("api_key: sk-example-1230012345-abcdefghij", "CREDENTIAL"),
    ],
)
def test_digits_in_a_key_or_url_that_look_like_ours_hide_nothing(text, label):
    assert label in [finding.label for finding in explain_pii(text, EVERYTHING)]


def test_a_batch_without_spans_is_handed_on_as_it_is():
    batch = find_pii(documents(["없음", ""]), SETTINGS, CHAT).kept
    assert replace_pii(batch, SETTINGS, CHAT).kept is batch


def test_a_class_without_surrogate_is_refused_without_its_value():
    with pytest.raises(UsageError) as refused:
        surrogate(Place(bytes(16), "SHOE_SIZE", 0), "275")
    assert "275" not in str(refused.value)


def test_nothing_of_the_items_is_left():
    text = "\n".join(ITEMS)
    left = replaced([text], KEEP_ALL)["text"][0].as_py()
    for finding in explain_pii(text, KEEP_ALL):
        assert text[finding.start : finding.end] not in left
