"""Advertising in Korean posts: cues that have to come together, matched by RE2 in Arrow.

A word of a trade much advertised (loans, gambling, escorts, quick money) is no advertisement: people complain
of loans and review films about gamblers. It is one together with a way to reach the seller (a link, a number,
a messenger name), or where two phrases stand that only sellers write. The cue words are our own collection.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_TRADE = (
    r"대출|급전|무직자|소액\s*결제|휴대폰\s*깡|카드깡|바카라|카지노|토토(?:[^로]|$)|슬롯|홀덤|파워볼|먹튀|배팅|베팅"
    r"|조건\s*만남|애인\s*대행|출장\s*(?:마사지|안마|샵)|오피\s*(?:추천|사이트)|성인\s*용품|비아그라|시알리스"
    r"|리딩방|고수익|부업|재택\s*(?:알바|근무)|당일\s*지급|최저가|도매|레플리카|짝퉁|무료\s*체험"
)
_REACH = (
    r"https?://|www\.[0-9a-z]|\b[0-9a-z-]{2,}\.(?:com|net|kr|me|shop|xyz|top|site|io|cc|tv|info)\b"
    r"|\b0\d{1,2}[-. )]{0,2}\d{3,4}[-. ]{0,2}\d{4}\b|\b1[5-8]\d\d[- ]\d{4}\b"
    r"|(?:카톡|카카오톡|톡|텔레그램|텔레|텔그|라인|오픈\s*채팅|kakao|telegram|line)"
    r"\s*(?:아이디|친추|문의|상담|id)?\s*[:：=@\-\[(]\s*@?[0-9a-z_.]{3,}"
    r"|(?:카톡|카카오톡|텔레그램|텔레|라인)\s*(?:아이디|id)\s*[0-9a-z_.]{3,}"
)
# Phrases that nobody but a seller writes; two different kinds of them are enough.
_PITCHES = (
    r"(?:토토|바카라|카지노|슬롯|메이저)\s*사이트|(?:메이저|안전)\s*놀이터",
    r"꽁\s*머니|첫\s*충전?\s*\d|가입\s*(?:머니|코드|쿠폰)|먹튀\s*(?:검증|없는)",
    r"(?:당일|즉시|무방문|무서류|누구나)\s*(?:대출|승인|가능|지급|입금)"
    r"|신용\s*(?:불량|등급)\S*\s*(?:가능|상관)|한도\s*\d+",
    r"(?:지금|바로|무료|24\s*시간|연중무휴)\s*(?:상담|문의|가입|신청|클릭)|추천인"
    r"|문의\s*(?:주세요|환영|바랍니다)|상담\s*환영",
    r"조건\s*만남|애인\s*대행|출장\s*(?:안마|샵)|소액\s*결제\s*현금화|리딩방"
    r"|수익\s*(?:보장|인증)|월\s*\d+\s*(?:만원)?\s*(?:보장|수익)",
)
_ANY_CUE = "|".join((_TRADE, *_PITCHES))


def looks_like_advertising(texts: pa.StringArray) -> pa.BooleanArray:
    """Whether each text advertises: a trade and a way to reach it, or two kinds of sales pitch."""
    cued = _found(texts, _ANY_CUE)  # few texts pass: the other patterns see only those
    if cued.true_count == 0:
        return cued
    some = texts.filter(cued)
    trade_in_reach = pc.and_(_found(some, _TRADE), _found(some, _REACH))
    kinds = pa.repeat(pa.scalar(0, pa.int8()), len(some))
    for pitch in _PITCHES:
        kinds = pc.add(kinds, _found(some, pitch).cast(pa.int8()))
    advertising = pc.or_(trade_in_reach, pc.greater_equal(kinds, 2))
    return pc.replace_with_mask(cued, cued, advertising)


def _found(texts: pa.StringArray, pattern: str) -> pa.BooleanArray:
    return pc.match_substring_regex(texts, pattern, ignore_case=True)
