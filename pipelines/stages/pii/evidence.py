"""What speaks for a number being what it looks like: cue words around it, and how evidence is summed.

Evidence is summed in logits (natural log of the odds); a weight is the log of how much likelier the sign is
on the real thing than on a look-alike: a check digit of one in ten that is always right weighs ln 10.
First form: the weights are set by that rule and by hand; none is fitted yet.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from pipelines.stages.pii.expression import expression

REACH_BEFORE = 30  # characters; "주민등록번호 뒷자리 포함 전체 기재: " is 22
REACH_AFTER = 14  # "(여권번호)" and a particle
SURROGATE_SCORE = 2.0  # of a span that we put there: beats everything on its place, and is not reported
OWN_CUE = 4.5
OTHER_CUE = -2.5  # "주문번호: " right before
OTHER_CUE_AFAR = -0.8
NEAR = 6  # characters between a cue and its number: ")는: ", "번호가 "
AFTER_CUE = 3.0
HEADING = 3.5  # the column's
PERSON = "PERSON"  # the class that no detector finds, but the scorer of persons

_CUES: dict[str, str] = {
    "resident": r"주민\s?(?:등록|번호|번|증)|민증|외국인\s?(?:등록|번호|증)|거소\s?신고|실명\s?(?:번호|"
    r"확인)|고유식별|resident reg|"
    r"RRN|FRN|foreign(?:er)? reg|alien reg|registro de (?:residente|extranjero)|"
    r"登[录錄録][证證証]|居民|住民|外国人",
    "corporate": r"법인\s?\(?(?:등록|등기|번호)|등기\s?(?:사항|부\s?등본)|법인\s?등본|corp(?:orat(?:e|"
    "ion))?[ _-]?"
    r"(?:reg|n(?:o|um))|(?<![a-z])crn(?![a-z])|法人|corpReg|corpNo",
    "business": r"사업자|business (?:reg|number|no)|BRN|tax id|事業者|营业执照",
    "passport": r"여권|passport|旅券|护照|パスポート|pasaporte",
    "licence": r"면허|driver'?s? licen[cs]e|driving licen[cs]e|免許|驾照|licencia",
    "phone": r"전화|연락|휴대|핸드폰|폰|전송|팩스|문의|문자|상담|센터|대표|사무실|내선|콜|전번|"
    r"call|mobile|cell|phone|tel|fax|contact|answering at|office|desk|手机|电话|電話|携帯|m[oó]vil|"
    r"(?<![A-Za-z])(?:hp|h\.p|t|m|f)(?=[ .:)]{1,2})",
    "card": r"카드|card|visa|master|amex|(?<![A-Za-z])cc(?![A-Za-z])|tarjeta|信用卡|カード",
    "account": r"계좌|은행|농협|신협|뱅크|입금|송금|예금주|account|bank|iban",
    "address": r"아이피|접속|서버|공인|(?<![A-Za-z])ip(?:v[46])?(?![A-Za-z])|client_ip|_ip(?![A-Za-z])|"
    r"server|host|client|로그인|ping|"
    r"방화벽|차단|막[혔히]|화이트리스트|허용|iptables|inet6?|内网|地址|アドレス",
    "version": r"버전|버젼|릴리[스즈]|빌드|펌웨어|드라이버|"
    r"version|release|build|firmware|(?<![A-Za-z])v(?:er)?\.?\s?$",
    "serial": r"(?:주문|사건\s?접수|접수|관리|문서|사건|증권|승인|허가|예약|티켓|상품|등기|일련|거래|"
    r"제품|품목|모델|공사|재고|쿠폰|고지|납부)\s?"
    r"(?:번호|코드|no)|송장|운송장|시리얼|바코드|품번|학번|사번|특허|"
    r"serial|order n|order #|invoice|tracking|barcode|imei|isbn|issn|sku|s/n|uuid|guid|ticket",
}
_CUE = expression("|".join(f"(?P<{name}>{words})" for name, words in _CUES.items()), re.IGNORECASE)


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


def line_from(text: str, start: int, reach: int) -> int:
    """Where what stands before a place begins: on its line, so many characters back at most."""
    return max(text.rfind("\n", 0, start) + 1, start - reach)


def line_to(text: str, end: int, reach: int) -> int:
    """Where what stands behind a place ends: on its line, so many characters on at most."""
    stop = text.find("\n", end, end + reach)
    return min(len(text), end + reach) if stop < 0 else stop


def cue_after(text: str, end: int) -> str | None:
    """The kind of the first cue word in the REACH_AFTER characters behind, on the same line, or None."""
    match = _CUE.search(text, end, line_to(text, end, REACH_AFTER))
    return match.lastgroup if match else None


def weigh_cue(text: str, start: int, end: int, own: frozenset[str]) -> tuple[float, tuple[str, ...]]:
    """Logits of the cue before (own kind, or another's), else of one's own cue behind or as the heading."""
    cue = nearest_cue(text, start)
    if cue is not None and cue[0] in own:
        return OWN_CUE, (f"cue:{cue[0]}",)
    behind = cue_after(text, end)
    if cue is not None:
        kind, distance = cue
        if behind in own and distance > NEAR:
            return AFTER_CUE, (f"cue after:{behind}",)
        return OTHER_CUE if distance <= NEAR else OTHER_CUE_AFAR, (f"other cue:{kind}",)
    if behind in own:
        return AFTER_CUE, (f"cue after:{behind}",)
    if behind == "serial":
        return OTHER_CUE_AFAR, ("other cue after:serial",)
    column = heading(text, start)
    match = _CUE.search(column) if column else None
    return (HEADING, (f"heading:{match.lastgroup}",)) if match and match.lastgroup in own else (0.0, ())


def own_cue(
    text: str, start: int, end: int, words: re.Pattern[str], name: str
) -> tuple[float, tuple[str, ...]]:
    """Logits of a word of one's own before, behind on the line, or as the heading of the column."""
    if words.search(text, max(0, start - REACH_BEFORE), start):
        return OWN_CUE, (f"cue:{name}",)
    if words.search(text, end, line_to(text, end, REACH_AFTER)):
        return AFTER_CUE, (f"cue after:{name}",)
    column = heading(text, start)
    return (HEADING, (f"heading:{name}",)) if column and words.search(column) else (0.0, ())


def heading(text: str, start: int) -> str | None:
    """The cell above: in the nearest line before with as many separators (| or tab or comma) and no digits.

    Looks at no more than the 240 characters before the line; None where the line is no row of a table.
    """
    begin = text.rfind("\n", 0, start) + 1
    if not begin:
        return None
    stop = text.find("\n", start)
    line = text[begin : stop if stop >= 0 else len(text)]
    for separator in "|\t,":
        count = line.count(separator)
        if not count:
            continue
        column = text.count(separator, begin, start)
        for above in reversed(text[max(0, begin - 240) : begin - 1].split("\n")):
            if above.count(separator) != count:
                break
            cell = above.split(separator)[column]
            if not any(map(str.isdigit, cell)) and cell.strip(" -:"):
                return cell
        return None
    return None
