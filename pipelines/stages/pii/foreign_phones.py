"""Telephone numbers of other countries: with their country's code, or beside a word for a telephone.

ITU-T E.164: at most 15 digits; the groups are whatever the country's habit is. Ours are never of this form.
"""

from __future__ import annotations

import re

from pipelines.stages.pii.detector import Detector
from pipelines.stages.pii.evidence import Finding, line_from, probability
from pipelines.stages.pii.expression import expression

_CUE = (
    r"(?:(?:tele)?phones?|tel|mobile|cell(?:phone)?|fax|call(?:ed|ing|s)?|dial(?:ed|ing)?|reach(?:ed)?|"
    r"text(?:ed)?|sms|"
    r"ring|whatsapp|contact(?:ed)?|hotline|helpline|toll[- ]free|landline|desk|office|home|work|answering|"
    r"voicemail|"
    r"message (?:me|us|him|her)|(?:my|your|his|her|our|their|this|the phone|new|direct)(?: new|"
    r" direct)? number|"
    r"n[uú]mero|UK|USA?|U\.S\.|Japan|China|Spain|France|Germany|Australia|Canada|Vietnam|overseas|abroad|"
    r"tel[eé]fono|m[oó]vil|celular|ll[aá]m[ae]\w*|t[eé]l[eé]phone|portable|telefon|handy)"
)
_LOCAL_CUE = (
    r"(?:전화|휴대폰|핸드폰|연락처|연락|팩스|문자|국제전화|해외|현지|로밍|영국|미국|일본|중국|베트남|필리핀|"
    r"호주|캐나다|독일|프랑스|스페인|이탈리아|러시아|인도|태국|대만|홍콩|싱가포르|말레이시아|인도네시아|"
    r"몽골|멕시코|브라질|터키|"
    r"뉴질랜드|두바이|유럽|도쿄|오사카|나고야|후쿠오카|교토|삿포로|오키나와|베이징|북경|상하이|상해|"
    r"칭다오|청도|연변|연길|"
    r"광저우|심천|하노이|호치민|다낭|방콕|마닐라|세부|런던|파리|베를린|프랑크푸르트|뉴욕|LA|엘에이|"
    r"시카고|하와이|괌|시애틀|보스턴|"
    r"애틀랜타|밴쿠버|토론토|시드니|멜버른|모스크바|手机号?|电话|電話|携帯|連絡先|联系方式|联系|日本|"
    r"東京|大阪|中国|上海|北京|办公室|同号|수신|발신|부재중|통화|固话|座机|お問い合わせ|"
    r"美国|香港|台湾|海外)"
)
_BEFORE = expression(
    rf"(?:(?<![A-Za-z]){_CUE}(?![A-Za-z])|{_LOCAL_CUE})(?: ?(?:number|numbers|no\.?|번호|番号|号码|#|me at|"
    rf"us at|at|on|in|es))?"
    r"(?: is)?[는은이가をはは]?\W{0,3}\Z",
    re.IGNORECASE,
)
_AFAR = expression(
    rf"(?:(?<![A-Za-z]){_CUE}(?![A-Za-z])|{_LOCAL_CUE})[^\n0-9.;!?]{{1,28}}(?<![A-Za-z0-9])\Z", re.IGNORECASE
)
_NEXT = expression(r"[0-9] ?(?:/|,|or|and|또는|및|혹은|、|;) ?\Z", re.IGNORECASE)
_AFTER = expression(
    r" ?\(?(?:office|fax|mobile|cell|desk|home|work)(?![A-Za-z])|,? (?:text|call|ring|phone) (?:me|"
    r"us)(?![A-Za-z])|"
    r" is (?:my|the|our|his|her) (?:new )?(?:number|cell|phone|mobile)| ?(?:번)?(?:으로|로|"
    r"에)[ ]?(?:전화|연락|문자|걸)|"
    r"[にへ](?:お?電話|ご?連絡)|番",
    re.IGNORECASE,
)
_NORTH_AMERICA = expression(
    r"(?:\+?1[-. ]{1,2}|001-)?(?:[(\[][2-9][0-9]{2}[)\]] ?|[2-9][0-9]{2}[-. ])[2-9][0-9]{2}[-. ][0-9]{4}"
)
_ABROAD = expression(
    r"(?:00[0-9]{0,3}[- ]|00|011[- ])[1-9][0-9]{0,2}[-. ]"
)  # dialled from a country to another
# Groups that are a telephone's and next to nothing else's: a trunk zero in brackets, or the habits of the
# United Kingdom, France, Switzerland, Australia, Germany, Japan (E.164 national numbers of 10 and 11 digits).
_NATIONAL = expression(
    r"\(0[0-9]{1,4}\) ?[0-9]{2,4}[- ][0-9]{3,4}|07[0-9]{3}[- ][0-9]{6}|0[1-9][0-9]{2,3} [0-9]{3} [0-9]{3,4}|"
    r"0[1-9](?:[ .][0-9]{2}){4}|07[0-9]{3}-[0-9]{3}-[0-9]{3}|07[0-9] [0-9]{3} [0-9]{2} [0-9]{2}|"
    r"0[2-57][0-9]{2} [0-9]{3} [0-9]{3}|020 [0-9]{4} [0-9]{4}|"
    r"0[89]0-[0-9]{4}-[0-9]{4}|0120-[0-9]{3}-[0-9]{3}|86-1[3-9][0-9]-[0-9]{4}-[0-9]{4}|"
    r"8 ?\([0-9]{3}\) ?[0-9]{3}-[0-9]{2}-[0-9]{2}"
)
_AMOUNT = expression(r"[1-9][0-9]{0,2}(?:[ .][0-9]{3})+\Z")
_DECIMAL = expression(r"[0-9]{1,3}\.[0-9]{4,}\Z")  # a degree of longitude
_NO_DIGIT = expression("[^0-9]")
# 001, 002, 00700 and their like are dialled from here, 00 and 011 elsewhere; they are no part of a number.
_PREFIX = expression(r"00(?:700|3[0-9]{2}|7[0-9]{2}|[1-9](?=[-. ]|[0-9]{9}))?|011(?=[-. ][0-9]{1,3}[-. ])")
_PART = expression(
    r"(?<![A-Za-z])(?:part|serial|model|item|lot|order|ref|track(?:ing)?|no\.|isbn|"
    r"ver(?:sion)?)[ ]?(?:no\.?|number|#)?[ :]{0,2}\Z|"
    r"(?:버전|품번|주문|송장|시리얼|모델|코드|일련번호|좌표)[ :]{0,2}\Z",
    re.IGNORECASE,
)
_BARE = 11  # digits of the longest number without a country's code


def _foreign(text: str, match: re.Match[str]) -> Finding | None:  # noqa: PLR0912
    start, end = match.span()
    number, extension = match["number"], match["extension"]
    digits = _NO_DIGIT.sub("", number)
    if _DECIMAL.match(number):
        return None
    prefix = _PREFIX.match(number)
    called = len(digits) - (len(prefix[0]) if prefix else 0)
    if not 7 <= called <= 15 or (prefix and called < _FULL):
        return None
    begin = line_from(text, start, _REACH)
    before, after = _BEFORE.search(text, max(0, start - _NEAR), start), _AFTER.match(text, end)
    dialled = prefix is not None and number.isdigit() and len(digits) > _BARE
    if dialled and not (before or after):
        return None  # a barcode
    coded = number[0] == "+" or number.startswith("(+") or dialled or _ABROAD.match(number) is not None
    american = _NORTH_AMERICA.fullmatch(number) is not None
    national = _NATIONAL.fullmatch(number) is not None
    afar = not before and _AFAR.search(text, begin, start) is not None and _AMOUNT.match(number) is None
    if not before and len(digits) >= _FULL and _BEFORE_ANY.search(text, begin, start):
        before = _NEXT.search(text, begin, start)
    if _PART.search(text, begin, start):
        return None
    if not (before or after or coded or extension or american or afar or national):
        return None
    logit = 2.0 if coded else -2.2
    signs = ["country code"] if coded else []
    if coded and len(digits) < 9:
        logit -= 2.0
    if american:
        logit += 1.5 if coded or before or after else 2.6
        signs.append("North America")
    if extension:
        logit += 2.0
    if before or after:
        logit += 3.0
        signs.append("cue:phone")
    elif afar:
        logit += 2.5
        signs.append("cue:phone")
    if national and not american:
        logit += 2.6
        signs.append("a country's groups")
    if number.isdigit() and len(digits) < 9:
        logit -= 3.0
    if re.match(r"(?:19|20)[0-9]{2}[-. ][01]?[0-9][-. ]", number):
        logit -= 4.0
    return Finding(start, end, "PHONE_NUMBER", probability(min(logit, 2.2)), tuple(signs))


_REACH, _NEAR, _FULL = 60, 32, 9
_BEFORE_ANY = expression(rf"(?<![A-Za-z]){_CUE}(?![A-Za-z])|{_LOCAL_CUE}", re.IGNORECASE)
_GROUPS = r"[0-9]{1,5}(?:[-. ][0-9]{2,8}){1,5}|[0-9]{9,11}"
_COUNTRY = "(?:1|7|20|27|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[146]|852|853|855|856|886|9[0-58]|97[1-7])"
_NUMBER = (
    rf"00(?:[1-8]|700|3[0-9]{{2}})?{_COUNTRY}[0-9]{{8,11}}(?![0-9])|8 ?\([0-9]{{3}}\) "
    rf"?[0-9]{{3}}(?:-[0-9]{{2}}){{2}}|"
    rf"00[0-9]{{0,3}}[-. ][1-9][0-9]{{0,2}}(?:[-. ]?[0-9]{{1,8}}){{2,5}}|"
    r"\(\+?(?!82)[1-9][0-9]{0,2}\)[-. ]?\(?[0-9]{1,5}\)?(?:[-. ]?[0-9]{2,8}){1,4}|"
    r"\+(?!82)[1-9][0-9]{0,2}\)[-. ]?[0-9]{1,5}(?:[-. ]?[0-9]{2,8}){1,4}|"
    rf"(?:\+(?!82)[1-9][0-9]{{0,12}}(?:[-. ]{{0,2}}[(\[][0-9]{{1,4}}[)\]])?"
    rf"(?:[-. ]{{0,2}}[0-9]{{1,8}}){{0,5}}|"
    rf"{_COUNTRY}[-. ][0-9]{{1,3}}(?:[-. ][0-9]{{3,4}}){{2}}|"
    r"1[-. ]?\([2-9][0-9]{2}\)[ ]?[0-9]{3}[-. ][0-9]{4}|"
    rf"\([0-9]{{2,4}}\) ?{_GROUPS}|{_GROUPS})"
)
FOREIGN_PHONE = Detector(
    entities=("PHONE_NUMBER",),
    pattern=expression(
        rf"(?<![0-9A-Za-z+])(?<![0-9][-.,])(?<!SW-)(?:(?=\+)|"
        rf"(?<![0-9]/))(?P<number>{_NUMBER})(?P<extension> ?(?:x|"
        rf"ext\.?) ?[0-9]{{1,5}})?(?![0-9A-Za-z])(?![-.,/:][0-9])"
    ),
    weigh=_foreign,
    run=7,
)
