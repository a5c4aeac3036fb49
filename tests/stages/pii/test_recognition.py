from __future__ import annotations

import pytest

from tests.stages.pii.examples import found

RRN, FRN, BRN, PHONE, MAIL = "KR_RRN", "KR_FRN", "KR_BRN", "PHONE_NUMBER", "EMAIL_ADDRESS"
CARD, IP, PASSPORT, LICENCE = "CREDIT_CARD", "IP_ADDRESS", "KR_PASSPORT", "KR_DRIVER_LICENSE"


@pytest.mark.parametrize(
    ("text", "label", "value"),
    [
        # particles and glued Hangul
        ("test@example.com으로 보내 주세요", MAIL, "test@example.com"),
        ("메일test@mail.kr이에요", MAIL, "test@mail.kr"),
        ("담당 jh_park@넥스트코어.co.kr로", MAIL, "jh_park@넥스트코어.co.kr"),
        ("user.name+tag@sub.domain.co.kr를", MAIL, "user.name+tag@sub.domain.co.kr"),
        ("1.2.3.4는 막혔습니다", IP, "1.2.3.4"),
        ("접속 IP 211.234.5.6에서", IP, "211.234.5.6"),
        ("2a02:26f0:1234::1에서", IP, "2a02:26f0:1234::1"),
        ("카드 4444-4444-4444-4444이 안 돼요", CARD, "4444-4444-4444-4444"),
        ("4111-1111-1111-1111로 결제", CARD, "4111-1111-1111-1111"),
        ("주민번호900101-1234567입니다", RRN, "900101-1234567"),
        ("서윤(900101-1234567)은", RRN, "900101-1234567"),
        # separators, full width
        ("900101 - 1234567", RRN, "900101 - 1234567"),
        ("900101–1234567", RRN, "900101–1234567"),
        ("900101\u20101234567", RRN, "900101\u20101234567"),
        ("900101 1234567", RRN, "900101 1234567"),
        ("９００１０１-１２３４５６７", RRN, "９００１０１-１２３４５６７"),
        ("900101\u200b-1234567", RRN, "900101\u200b-1234567"),
        ("010.0000.5678", PHONE, "010.0000.5678"),
        ("010\u00a00000\u00a05678", PHONE, "010\u00a00000\u00a05678"),
        ("０１０-００００-５６７８", PHONE, "０１０-００００-５６７８"),
        ("010–0000–5678", PHONE, "010–0000–5678"),
        ("010_0000_5678", PHONE, "010_0000_5678"),
        ("tel010-0000-5678", PHONE, "010-0000-5678"),
        # resident numbers: the check digit is evidence, never a filter
        ("9001011234568", RRN, "9001011234568"),
        ("주민등록번호 210101-3999999", RRN, "210101-3999999"),
        ("주민등록번호: 900230-1234567", RRN, "900230-1234567"),
        ("주민등록번호\n9001011234567", RRN, "9001011234567"),
        ("외국인등록번호 900101-5123456", FRN, "900101-5123456"),
        # telephones
        ("01000005678로 전화", PHONE, "01000005678"),
        ("+82-10-0000-5678", PHONE, "+82-10-0000-5678"),
        ("+82 (0)10 0000 5678", PHONE, "+82 (0)10 0000 5678"),
        ("82-10-0000-5678", PHONE, "82-10-0000-5678"),
        ("02-123-4567", PHONE, "02-123-4567"),
        ("(02) 123-4567", PHONE, "(02) 123-4567"),
        ("주무관(031-123-4567)에게", PHONE, "031-123-4567"),
        ("0502-123-4567", PHONE, "0502-123-4567"),
        ("연락처 1588-1234", PHONE, "1588-1234"),
        # the others
        ("사업자등록번호 123-45-67890", BRN, "123-45-67890"),
        ("사업자등록번호 1234567890", BRN, "1234567890"),
        ("123-45-67891", BRN, "123-45-67891"),
        ("여권 G12345678", PASSPORT, "G12345678"),
        ("여권번호는 M123A4567이고", PASSPORT, "M123A4567"),
        ("M12345678 (여권번호)", PASSPORT, "M12345678"),
        ("베트남 여권번호 N1294857", PASSPORT, "N1294857"),
        ("서울 04-123456-71", LICENCE, "서울 04-123456-71"),
        ("11-20-394857-12", LICENCE, "11-20-394857-12"),
        ("운전면허번호 11-20-45-12-345-67를", LICENCE, "11-20-45-12-345-67"),
        ("카드번호 9410-1234-5678-9012", CARD, "9410-1234-5678-9012"),
        ("3782-822463-10005", CARD, "3782-822463-10005"),
    ],
)
def test_personal_data_is_found_with_exactly_its_span(text, label, value):
    assert found(text) == [(label, value)]


@pytest.mark.parametrize(
    "text",
    [
        "202411231530",  # a timestamp, no licence
        "2024112315301212",  # a longer one, no card
        "8801234567893",  # a barcode
        "8809011231234",
        "버전 1.2.3.4",
        "v1.2.3.4",
        "## 1.2.3.4 개요",
        "110111-1234569",  # a corporate number
        "1234567890",
        "1048112340",  # ten digits that pass the business check, without a cue
        "352099001761481",  # an IMEI
        "주문번호 20240512-1234567",
        "주문번호 240512-1234567",
        "3,000,000,000원",
        "제12조 제3항 2024. 11. 23.",
        "0.0.0.0 127.0.0.1 224.0.0.1 255.255.255.0 169.254.3.4 8.8.8.8",
        "2024-11-23 15:30:12.123456",
        "1592-1598년의 전쟁",
        "110-02-1234-5678",
        "1.2.3.4.5",
        "3.14159265358979",
        "978-89-123-4567-8",
        "std::vector<int> a::b",
        "송장번호 123456789012",
        "a1b2c3d4-4111-1111-1111-111112345678",
        "c2728200068787d69c6eaa225e0195170625cac4",
        "SKU-M12345678",
    ],
)
def test_what_only_looks_so_is_not_found(text):
    assert found(text) == []


def test_an_old_licence_is_no_telephone():
    assert [label for label, _ in found("면허 서울 04-123456-71, 전화 02-123-4567")] == [LICENCE, PHONE]


def test_a_cue_belongs_to_the_number_it_stands_before():
    text = "사업자등록번호 123-45-67890, 법인등록번호 110111-1234569, 주민등록번호 900230-1234567"
    assert found(text) == [(BRN, "123-45-67890"), ("KR_CRN", "110111-1234569"), (RRN, "900230-1234567")]
