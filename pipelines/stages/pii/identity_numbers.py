"""Numbers the state gives: resident, foreigner, business, passport, driver's licence.

Sources: Ministry of the Interior (resident), National Tax Service (business), passport.go.kr, National Police
(licence regions). Weights are logits; a check digit passes on a look-alike one time in ten, and fails on a
real number only where it was issued after 10/2020 or where the writer made it up.
"""

from __future__ import annotations

import re

from pipelines.stages.pii.characters import (
    ALONE_AFTER,
    ALONE_BEFORE,
    DASH,
    DIGIT,
    DIGITS,
    JOINT,
    LETTER,
    NO_DIGIT_AFTER,
    digits_of,
    folded,
    has_dash,
    one_of,
)
from pipelines.stages.pii.checks import (
    barcode_check,
    birth_year,
    business_check,
    corporate_check,
    is_birth_date,
    is_marked,
    is_timestamp,
    resident_check,
)
from pipelines.stages.pii.detector import Detector, spelt
from pipelines.stages.pii.evidence import AFTER_CUE, SURROGATE_SCORE, Finding, probability, weigh_cue
from pipelines.stages.pii.expression import expression
from pipelines.stages.pii.regions import REGIONS

_RESIDENT = frozenset({"resident"})
_CORPORATE = frozenset({"corporate"})
_BUSINESS = frozenset({"business"})
_PASSPORT = frozenset({"passport"})
_LICENCE = frozenset({"licence"})
# A corporate number: registry (1101 Seoul, 1801 Busan ...), then the kind (11 stock company, 14, 21, 22 ...)
_CORPORATE_PREFIX = expression(r"(?:1[1-9]|2[0-4])[01]1(?:1[1-5]|2[12])")
_OLDEST_LIVING = 1926  # births before it are rarer than order numbers that begin with a date of the 2020s


def _resident(text: str, match: re.Match[str]) -> Finding:
    start, end = match.span()
    digits = digits_of(match[0])
    label = "KR_FRN" if digits[6] in "5678" else "KR_RRN"
    if is_resident_surrogate(digits):
        return Finding(start, end, label, SURROGATE_SCORE, ())
    bare = end - start == 13
    dashed = has_dash(match[0])
    logit = 2.5 if dashed else -1.5 if bare else 1.7
    evidence = ["hyphen" if dashed else "bare" if bare else "separator"]
    if is_birth_date(digits):
        evidence.append("date")
        logit += 2.0 if resident_check(digits) else -1.5
        if birth_year(digits) < _OLDEST_LIVING:
            logit -= 2.5 if digits[6] in "09" else 0.5 if dashed else 2.0  # 1800s: order numbers of the 2020s
    else:
        logit -= 5.0 if digits[6] in "12345678" else 7.0
    if resident_check(digits):
        evidence.append("check digit")
    elif _CORPORATE_PREFIX.match(digits) and corporate_check(digits):
        evidence.append("corporate check digit")
        logit -= 3.0
    if bare and digits.startswith("880") and barcode_check(digits):
        evidence.append("barcode check digit")  # of Korean goods
        logit -= 2.5
    cue, names = weigh_cue(text, start, end, _RESIDENT)
    if names == ("other cue:corporate",):
        logit -= 3.0
    elif (
        not names
        and _CORPORATE_PREFIX.match(digits)
        and _COMPANY_RIGHT_BEFORE.search(text, max(0, start - 24), start)
    ):
        evidence.append("company before")
        logit -= 4.0
    if bare and cue > 0:
        logit += 2.0
    return Finding(start, end, label, probability(logit + cue), (*evidence, *names))


def _corporate(text: str, match: re.Match[str]) -> Finding | None:
    start, end = match.span()
    digits = digits_of(match[0])
    if is_marked(digits):
        return Finding(start, end, "KR_CRN", SURROGATE_SCORE, ())
    registry, passes = _CORPORATE_PREFIX.match(digits) is not None, corporate_check(digits)
    logit = (-1.5 if has_dash(match[0]) else -3.5) + (1.5 if registry else 0.0) + (1.7 if passes else 0.0)
    cue, names = weigh_cue(text, start, end, _CORPORATE)
    if cue <= 0 and registry and _COMPANY.search(text, max(0, start - 24), start):
        cue, names = 2.0, ("company before",)
    if cue <= 0:
        logit -= 2.0
    signs = tuple(name for name, there in (("registry", registry), ("check digit", passes)) if there)
    return Finding(start, end, "KR_CRN", probability(logit + cue), (*signs, *names))


_COMPANY_RIGHT_BEFORE = expression(
    r"(?:[(（](?:주|유|재|사)[)）]|㈜|(?:주식|유한|합자)회사)[ ]?[가-힣A-Za-z0-9]{1,14}[ ]?[(（]\Z|"
    r"[가-힣A-Za-z0-9]{1,14}[ ]?(?:[(（]주[)）]|㈜|주식회사|유한회사)[ ]?[(（]\Z"
)
_COMPANY = expression(r"[(（](?:주|유|재|사)[)）]|(?:주식|유한|합자)회사|은행|재단|법인")


def is_resident_surrogate(digits: str) -> bool:
    """Whether 13 digits are one of ours: months 13 to 19 and days from 40 are in no calendar."""
    return "13" <= digits[2:4] <= "19" and digits[4:6] >= "40"


_QQ = expression(r"(?:QQ|큐큐)[^0-9A-Za-z\n]{0,4}\Z", re.IGNORECASE)


def _business(text: str, match: re.Match[str]) -> Finding | None:
    start, end = match.span()
    digits = digits_of(match[0])
    if digits[3:5] == "00":  # the kinds of business begin at 01: ours, and nobody's
        if (
            end - start == 10
            and _QQ.search(text, max(0, start - 8), start)
            and not _SAID_BEFORE.search(text, max(0, start - 200), start)
        ):
            return None  # a number of a messenger
        return Finding(start, end, "KR_BRN", SURROGATE_SCORE, ())
    bare = end - start == 10
    passes = business_check(digits)
    logit = (-3.5 if bare else 0.0) + (2.3 if passes else -2.5) + (-3.0 if digits[0] == "0" else 0.0)
    first, second = _joints(match[0])
    if not bare and first != second:
        logit -= 3.0  # "197.1099392", "16450-16460"
    if not bare and not has_dash(match[0]):
        logit -= 2.0  # three groups of digits by spaces or points are common in tables
    cue, names = weigh_cue(text, start, end, _BUSINESS)
    if not bare and cue == 0 and _SAID_BEFORE.search(text, max(0, start - 200), start):
        cue, names = AFTER_CUE, ("cue afar:business",)
    if bare and cue > 0:
        logit += 2.0  # behind its name, ten digits are no longer any ten digits
    shape = ("bare",) if bare else ("separator",)
    check = ("check digit",) if passes else ()
    return Finding(start, end, "KR_BRN", probability(logit + cue), (*shape, *check, *names))


def _joints(number: str) -> tuple[str, str]:
    """What stands behind the third digit and behind the fifth, without blanks beside a sign."""
    groups = re.split(f"({DIGIT})", number)  # between the digits: every second
    first, second = groups[6].strip(), groups[10].strip()
    return first or groups[6][:1], second or groups[10][:1]


_SAID_BEFORE = expression(r"사업자|등록번호[가-힣]{0,2} ?\Z")


def _passport(text: str, match: re.Match[str]) -> Finding | None:
    start, end = match.span()
    number = folded(match[0]).upper()
    letters = re.split(r"[^A-Z]", number, maxsplit=1)[0]
    digits = digits_of(number)
    if number.startswith("X") and digits.startswith("000"):  # no country's passport: ours
        return Finding(start, end, "KR_PASSPORT", SURROGATE_SCORE, ())
    korean = letters in {"M", "S", "R", "G", "D", "O"} and end - start == 9
    if not korean:
        logit = -2.0  # foreign passports stand only behind a cue
    elif number[4].isalpha():
        logit = -0.3
    else:
        logit = -0.8
    if match[0][0].islower():
        logit -= 1.0
    if start and text[start - 1] in "-_/#":
        logit -= 1.5  # a piece of an article number
    cue, names = weigh_cue(text, start, end, _PASSPORT)
    if cue <= 0 and _AFTER_RESIDENT.search(text, max(0, start - 24), start):
        cue, names = AFTER_CUE, ("beside a resident number",)
    if not korean and cue <= 0:
        return None
    form = ("korean form",) if korean else ("foreign form",)
    return Finding(start, end, "KR_PASSPORT", probability(logit + cue), (*form, *names))


_AFTER_RESIDENT = expression(f"{DIGIT}{{6}}{DASH}?{DIGIT}{{7}}[ \\t|,/]{{1,6}}\\Z")  # a table of people


def _licence(text: str, match: re.Match[str]) -> Finding | None:
    kind = match.lastgroup or ""
    start, end = match.span(kind)
    digits = digits_of(match[kind])
    if digits.startswith("00") or match[kind].startswith("한국"):  # no region 00, no region 한국: ours
        return Finding(start, end, "KR_DRIVER_LICENSE", SURROGATE_SCORE, ())
    if kind == "old":
        logit = 2.0
    elif kind == "new":
        region = 11 <= int(digits[:2]) <= 28 and digits[:2] != "27"
        bare = end - start == 12
        logit = (0.8 if region else -3.0) + (-3.5 if bare else 0.0 if has_dash(match[kind]) else -1.0)
        if bare and is_timestamp(digits):
            logit -= 3.0
    elif 8 <= len(digits) <= 16 and not _DATE.search(match[kind]):
        logit = (
            -6.0 if digits[0] == "0" else -3.0
        )  # groups as people make them up; the cue is part of the shape
    else:
        return None
    cue, names = weigh_cue(text, start, end, _LICENCE)
    return Finding(start, end, "KR_DRIVER_LICENSE", probability(logit + cue), (f"{kind} form", *names))


_DATE = expression(r"(?:^|[^0-9])(?:19|20)[0-9]{2}-[01]?[0-9]-[0-3]?[0-9]\Z")
_RESIDENT_CORE = f"{DIGIT}{{6}}{JOINT}{DIGIT}{{7}}"
_BUSINESS_CORE = f"{DIGIT}{{3}}{JOINT}{DIGIT}{{2}}{JOINT}{DIGIT}{{5}}"
_ALNUM = "0-9A-Za-z０-９Ａ-Ｚａ-ｚ"
_PASSPORT_CORE = (
    f"(?:{LETTER}{{1,2}}[ \\-]?{DIGIT}{{7,8}}|{one_of('MSRGDOmsrgdoXx')}{DIGIT}{{3}}{LETTER}{DIGIT}{{4}})"
)
_REGION_NAMES = (*REGIONS, "한국")
_REGIONS = "|".join(_REGION_NAMES).replace("경기", "경기(?:남부|북부)?")
_OLD_CORE = f"(?:{_REGIONS}){JOINT}{DIGIT}{{2}}{JOINT}{DIGIT}{{6}}{JOINT}{DIGIT}{{2}}"
_NEW_CORE = f"{DIGIT}{{2}}{JOINT}{DIGIT}{{2}}{JOINT}{DIGIT}{{6}}{JOINT}{DIGIT}{{2}}"
_LOOSE_LEAD = f"면허[^\\n{DIGITS}]{{0,12}}?(?:{one_of('12')}[종급])?[^\\n{DIGITS}]{{0,12}}?"
_LOOSE_NUMBER = f"(?:(?:{_REGIONS}) ?)?{DIGIT}{{2,4}}(?:{DASH}{DIGIT}{{1,8}}){{2,5}}"

_LATIN = tuple("abcdefghijklmnopqrstuvwxyz")

RESIDENT = Detector(
    entities=("KR_RRN", "KR_FRN"),
    pattern=expression(f"{ALONE_BEFORE}{_RESIDENT_CORE}{ALONE_AFTER}"),
    weigh=_resident,
    run=13,
)
CORPORATE = Detector(
    entities=("KR_CRN",),
    pattern=RESIDENT.pattern,
    weigh=_corporate,
    run=13,
)
BUSINESS = Detector(
    entities=("KR_BRN",),
    pattern=expression(f"{ALONE_BEFORE}{_BUSINESS_CORE}{ALONE_AFTER}"),
    weigh=_business,
    run=10,
)
PASSPORT = Detector(
    entities=("KR_PASSPORT",),
    pattern=expression(f"(?<![{_ALNUM}]){_PASSPORT_CORE}(?![{_ALNUM}])(?!-{DIGIT})"),
    weigh=_passport,
    words=spelt(_LATIN, ("", " ", "-"), "0000"),
    also=("0000000", *spelt("000", _LATIN, "0000")),
    digits=7,
)
LICENCE = Detector(
    entities=("KR_DRIVER_LICENSE",),
    pattern=expression(f"{ALONE_BEFORE}(?P<new>{_NEW_CORE}){ALONE_AFTER}"),
    weigh=_licence,
    run=12,
)
NAMED_LICENCE = Detector(  # behind its name or that of a region
    entities=("KR_DRIVER_LICENSE",),
    pattern=expression(
        f"(?:{_LOOSE_LEAD}(?P<loose>{_LOOSE_NUMBER}){NO_DIGIT_AFTER}|(?P<old>{_OLD_CORE}){ALONE_AFTER})"
    ),
    weigh=_licence,
    words=("면허", *_REGION_NAMES),
    run=8,
)
