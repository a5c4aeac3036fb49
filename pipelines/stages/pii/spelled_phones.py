"""Telephone numbers that were written so that no filter sees them: 공일공, o1o, 공ㅣ공, 010♥..., over lines.

Every sign is read as a digit; eleven of them must make a number of the plan that begins with 010 (a land line
in words needs its groups apart). What the plain detector finds is left to it. A number over several lines is
the one thing that is looked for across line feeds: `SPLIT_PHONE`, on whole texts.
"""

from __future__ import annotations

import re

from pipelines.stages.pii.checks import is_phone_surrogate
from pipelines.stages.pii.detector import Detector, spelt
from pipelines.stages.pii.evidence import SURROGATE_SCORE, Finding, probability
from pipelines.stages.pii.expression import expression

_WRITTEN = {
    "0": "공 영 o O ㅇ 零 〇 ○ ⓪ ゼロ cero zero",
    "1": "일 l I ㅣ | 一 ① イチ uno one 하나",
    "2": "이 二 ② ニ dos two 둘",
    "3": "삼 三 ③ サン tres three 셋",
    "4": "사 四 ④ ヨン cuatro four 넷",
    "5": "오 五 ⑤ ゴ cinco five 다섯",
    "6": "육 륙 六 ⑥ ロク seis six 여섯",
    "7": "칠 七 ⑦ ナナ siete seven 일곱",
    "8": "팔 八 ⑧ ハチ ocho eight 여덟",
    "9": "구 九 ⑨ キュウ nueve nine 아홉",
}
_DIGIT_OF = {sign: digit for digit, signs in _WRITTEN.items() for sign in signs.split()} | {
    d: d for d in "0123456789"
}


def _one_of(digits: str) -> str:
    signs = [sign for sign, digit in _DIGIT_OF.items() if digit in digits]
    characters = "".join(sign for sign in signs if len(sign) == 1)
    words = [sign for sign in signs if len(sign) > 1]
    return f"(?:[{characters}]{''.join('|' + word for word in words)})"


# The signs of one character, by digit.
_LONE = {
    digit: "".join(sign for sign, of in _DIGIT_OF.items() if of == digit and len(sign) == 1)
    for digit in _WRITTEN
}
_ANY = _one_of("0123456789")
_SIGN = expression(_ANY)
_BETWEEN = (
    r"(?: ?(?:[-._·•♥♡❤★☆ㅡ~/*+^=@#,()]{1,3}|다시|다음에|다음|그리고|땡|에|의|대시|빼기|별|하트|작대기|막대|"
    r"줄|슬래시|"
    r"콤마|쉼표|점|\([가-힣]{1,3}\)) ?| {1,2})?"
)
_SIGNS = r"(?: ?[-._·•♥♡❤★☆ㅡ~/*+^=]{1,3} ?| {1,2})?"  # what the gate's first look passes over
_HEAD = (  # the gate knows 010 in single characters and by the words for zero
    f"(?:[{_LONE['0']}]{_SIGNS}[{_LONE['1']}]{_SIGNS}[{_LONE['0']}]"
    f"|(?:ゼロ|cero|zero){_SIGNS}{_one_of('1')}{_SIGNS}{_one_of('0')})"
)
_MOBILE = f"{_HEAD}(?:{_BETWEEN}{_ANY}){{8}}"
_WORDS = "[공영일이삼사오육륙칠팔구]"
_AREA = "[공영](?:이|[삼사오육륙][일이삼사오]|칠[공영]|일[일육륙칠팔구])"
_LAND = f"{_AREA}[ -]{{1,2}}{_WORDS}{{3,4}}[ -]{{1,2}}{_WORDS}{{4}}"
_OVER = r"[-. ]{0,2}\n?[ ]{0,2}"
_SPLIT = (
    f"[{_LONE['0']}]{_OVER}[{_LONE['1']}]{_OVER}[{_LONE['0']}](?:{_OVER}[{''.join(_LONE.values())}]){{8}}"
)
_CUE = expression(
    r"번호|전화|연락|문자|폰|전번|톡|디엠|귓|직거래|거래|저장|call|号码|電話|番号|llama|n[uú]mero|tel",
    re.IGNORECASE,
)
_ARITHMETIC = expression(r"[,+=*/]|(?<!\.)\.(?!\.)")  # between digits alone: a version, a sum, a path ...
_WHOLE_GROUPS = expression(
    r"01[016-9](?P<sign>[./*+=])[0-9]{3,4}(?P=sign)[0-9]{4}\Z|[0-9](?P<dot>\.)[0-9](?:\.[0-9]){9}\Z"
)
_PLAIN_GROUPS = expression(r"[0-9]{3}[-. ]{0,3}[0-9]{4}[-. ]{0,3}[0-9]{4}\Z")


def _spelled(text: str, match: re.Match[str]) -> Finding | None:
    start, end = match.span()
    value = match[0]
    if ")" in value and "(" not in value.split(")")[0] and text[start - 1 : start] == "(":
        start -= 1
    signs = _SIGN.findall(value)
    digits = "".join(_DIGIT_OF[sign] for sign in signs)
    if is_phone_surrogate(digits):
        return Finding(start, end, "PHONE_NUMBER", SURROGATE_SCORE, ())
    if set(digits) <= {"0", "1"} or _PLAIN_GROUPS.match(value):
        return None
    letters = sum(not sign.isdigit() or sign in "⓪①②③④⑤⑥⑦⑧⑨" for sign in signs)
    hangul = any("가" <= sign[0] <= "힣" for sign in signs)
    cue = _CUE.search(text, max(0, start - 30), start) or _CUE.search(text, end, end + 14)
    if letters == 0:  # digits, oddly parted
        apart = re.sub("[0-9]+", " ", value).strip()
        logit = 1.5 if apart and not apart.isascii() else 0.6
        if _ARITHMETIC.search(value) and not _WHOLE_GROUPS.match(re.sub(r"([./*+=])\1+", r"\1", value)):
            return None  # ... unless the groups are a number's, or every digit stands alone
    elif letters == 11:
        logit = 2.5 if hangul else 1.0
    else:
        logit = 2.0
    if "|" in value:
        logit -= 2.0 if value.count("|") <= 2 else 4.0  # cells of a table
    names = ("signs for digits" if letters else "parted digits", *(("cue:phone",) if cue else ()))
    return Finding(start, end, "PHONE_NUMBER", probability(logit + (1.5 if cue else 0.0)), names)


def _split(text: str, match: re.Match[str]) -> Finding | None:
    return _spelled(text, match) if "\n" in match[0] else None


_ALONE_BEFORE = "(?<![0-9A-Za-z])(?<![0-9][-.,:])"
SPELLED_PHONE = Detector(
    entities=("PHONE_NUMBER",),
    pattern=expression(f"{_ALONE_BEFORE}(?:{_MOBILE}|{_LAND})(?![0-9])(?!-[0-9])"),
    weigh=_spelled,
    words=(
        *spelt(list("공영"), "이", (" ", "-")),
        *spelt(list("공영"), list("삼사오육륙"), list("일이삼사오"), (" ", "-")),
        *spelt(list("공영"), "칠", list("공영"), (" ", "-")),
        *spelt(list("공영"), "일", list("일육륙칠팔구"), (" ", "-")),
    ),
    spelled=True,
)
SPLIT_PHONE = Detector(
    entities=("PHONE_NUMBER",),
    pattern=expression(f"{_ALONE_BEFORE}{_SPLIT}(?![0-9])(?!-[0-9])"),
    weigh=_split,
    spelled=True,
    lines=11,
)
