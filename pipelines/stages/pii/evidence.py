"""What speaks for a number being what it looks like: cue words around it, and how evidence is summed.

Evidence is summed in logits (natural log of the odds); a weight is the log of how much likelier the sign is
on the real thing than on a look-alike: a check digit of one in ten that is always right weighs ln 10.
First form: the weights are set by that rule and by hand; none is fitted yet.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

REACH_BEFORE = 30  # characters; "주민등록번호 뒷자리 포함 전체 기재: " is 22
REACH_AFTER = 14  # "(여권번호)" and a particle
SURROGATE_SCORE = 2.0  # of a span that we put there: beats everything on its place, and is not reported
OWN_CUE = 4.5
OTHER_CUE = -2.5  # "주문번호: " right before
OTHER_CUE_AFAR = -0.8
NEAR = 6  # characters between a cue and its number: ")는: ", "번호가 "
AFTER_CUE = 3.0

_CUES: dict[str, str] = {
    "resident": r"주민\s?(?:등록|번호)|외국인\s?(?:등록|번호)|거소\s?신고|실명\s?번호|resident reg|RRN|FRN|"
    r"foreign(?:er)? reg|alien reg",
    "corporate": r"법인\s?(?:등록|등기|번호)|corporate reg|corporation n",
    "business": r"사업자|business (?:reg|number|no)|BRN|tax id",
    "passport": r"여권|passport",
    "licence": r"면허|driver'?s? licen[cs]e|driving licen[cs]e",
    "phone": r"전화|연락|휴대|핸드폰|폰|전송|팩스|문의|문자|상담|센터|대표|사무실|내선|콜|"
    r"call|mobile|cell|phone|tel|fax|contact|(?<![A-Za-z])(?:hp|h\.p|t|m|f)(?=[ .:)]{1,2})",
    "card": r"카드|card|visa|master|amex",
    "account": r"계좌|은행|농협|신협|뱅크|입금|송금|예금주|account|bank|iban",
    "address": r"아이피|접속|서버|공인|(?<![A-Za-z])ip(?:v[46])?(?![A-Za-z])|server|host|client|로그인|ping",
    "version": r"버전|버젼|릴리[스즈]|빌드|펌웨어|"
    r"version|release|build|firmware|(?<![A-Za-z])v(?:er)?\.?\s?$",
    "serial": r"(?:주문|접수|관리|문서|사건|증권|승인|허가|예약|티켓|상품|등기|일련|거래|제품|품목|모델)\s?"
    r"(?:번호|코드|no)|송장|운송장|시리얼|바코드|품번|학번|사번|"
    r"serial|order n|invoice|tracking|barcode|imei|isbn|sku|s/n|uuid|guid|ticket",
}
_CUE = re.compile("|".join(f"(?P<{name}>{words})" for name, words in _CUES.items()), re.IGNORECASE)


class Finding(NamedTuple):
    """One span that may be personal data, in code points of the text, with what spoke for it."""

    start: int
    end: int
    label: str
    score: float  # 0..1, two decimals; SURROGATE_SCORE for our own replacements
    evidence: tuple[str, ...]  # names of signs and cues; never text


def probability(logit: float) -> float:
    """The logistic of summed evidence, rounded to two decimals: ranks and thresholds need no more."""
    return round(1 / (1 + math.exp(-max(-20.0, min(20.0, logit)))), 2)


def nearest_cue(text: str, start: int) -> tuple[str, int] | None:
    """The kind of the last cue word in the REACH_BEFORE characters before and its distance, or None.

    An e-mail address in between ends the reach: its length changes when it is replaced, and what is found
    must not depend on that.
    """
    begin = max(0, start - REACH_BEFORE)
    begin = max(begin, text.rfind("@", begin, start) + 1)
    found = None
    for match in _CUE.finditer(text, begin, start):
        found = match
    return (found.lastgroup or "", start - found.end()) if found else None


def cue_after(text: str, end: int) -> str | None:
    """The kind of the first cue word in the REACH_AFTER characters behind, on the same line, or None."""
    stop = min(len(text), end + REACH_AFTER)
    line = text.find("\n", end, stop)
    match = _CUE.search(text, end, stop if line < 0 else line)
    return match.lastgroup if match else None


def weigh_cue(text: str, start: int, end: int, own: frozenset[str]) -> tuple[float, tuple[str, ...]]:
    """Logits of the cue before (own kind, or another's), or of one's own cue behind where there is none."""
    cue = nearest_cue(text, start)
    if cue is not None:
        kind, distance = cue
        if kind in own:
            return OWN_CUE, (f"cue:{kind}",)
        return OTHER_CUE if distance <= NEAR else OTHER_CUE_AFAR, (f"other cue:{kind}",)
    behind = cue_after(text, end)
    return (AFTER_CUE, (f"cue after:{behind}",)) if behind in own else (0.0, ())
