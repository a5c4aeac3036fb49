"""Advertising, and the posts that only look like it. Numbers and addresses are unassigned or reserved."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pipelines.stages.spam import looks_like_advertising


@pytest.mark.parametrize(
    "text",
    [
        "무직자 대출 당일 가능합니다 카톡: loan8282 문의주세요",
        "신용불량 누구나 대출 24시간 상담 환영 010-0000-0000",
        "바카라 사이트 추천 www.example-casino.com 가입코드 7777",
        "먹튀검증 완료 토토사이트, 꽁머니 3만 지급",
        "안전놀이터 첫충 30% 지금 가입 추천인 abc",
        "레플리카 도매 최저가 http://example.com/shop",
        "리딩방 무료체험 텔레그램 @profit_room 월 300만원 보장",
    ],
)
def test_advertising_is_found(text: str):
    assert looks_like_advertising(pa.array([text])).to_pylist() == [True]


@pytest.mark.parametrize(
    "text",
    [
        "대출 상담받으러 갔는데 직원이 너무 불친절했어요",
        "전세 대출 이자가 또 올라서 걱정이다",
        "이웃집 토토로 https://example.com 에서 봤는데 최고예요",
        "카지노 장면이 긴장감 넘치는 영화, 추천합니다",
        "토토 잃고 나서 우는 장면이 너무 현실적이다",
        "고객센터 1588-0000 전화해도 연결이 안 돼요",
        "자세한 내용은 www.example.com 참고하세요",
        "카톡으로 사진 보내줘, 내일 3시에 만나자",
        "도박 중독을 다룬 다큐. 바카라의 무서움을 알게 됨",
        "토토사이트에서 먹튀 당한 사람 이야기를 들었다",
        "부업으로 시작한 카페가 잘돼서 다행이에요",
    ],
)
def test_near_misses_are_left_alone(text: str):
    assert looks_like_advertising(pa.array([text])).to_pylist() == [False]


def test_each_text_gets_its_own_answer_in_a_slice_too():
    texts = ["", "안녕하세요", "먹튀검증 완료 토토사이트, 꽁머니 3만 지급", "카지노 영화", "좋아요"]
    assert looks_like_advertising(pa.array(texts).slice(1)).to_pylist() == [False, True, False, False]
    assert looks_like_advertising(pa.array([], pa.string())).to_pylist() == []
