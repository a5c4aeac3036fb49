"""Numbers to reach a person at and to pay with: telephone, card.

Telephone: the Korean numbering plan (MSIT; python-phonenumbers 9.0 metadata). Card: ISO/IEC 7812-1, with the
domestic 9xxx.
"""

from __future__ import annotations

import re

from pipelines.stages.pii.characters import (
    ALONE_AFTER,
    ALONE_BEFORE,
    DASHES,
    DIGIT,
    JOINT,
    LOOSE_JOINT,
    NO_DIGIT_AFTER,
    NO_DIGIT_BEFORE,
    digits_of,
    folded,
    has_dash,
    one_of,
)
from pipelines.stages.pii.checks import is_marked, is_phone_surrogate, luhn_check
from pipelines.stages.pii.detector import Detector
from pipelines.stages.pii.evidence import (
    OTHER_CUE,
    SURROGATE_SCORE,
    Finding,
    probability,
    weigh_cue,
)
from pipelines.stages.pii.expression import expression

_PHONE = frozenset({"phone"})
_CARD = frozenset({"card"})
# Nationwide business numbers in use; other numbers of this shape are years ("1592-1598") and codes.
_BUSINESS_PREFIXES = frozenset(
    f"{prefix}"
    for prefix in (
        *(
            1522,
            1533,
            1544,
            1551,
            1555,
            1566,
            1577,
            1588,
            1599,
            1600,
            1644,
            1660,
            1661,
            1666,
            1668,
            1670,
            1688,
        ),
        *(1800, 1811, 1833, 1855, 1877, 1899),
    )
)


def _phone(text: str, match: re.Match[str]) -> Finding | None:
    start, end = match.span()
    digits = digits_of(match[0])
    kind = match.lastgroup or ""
    if kind == "intl":
        digits = "0" + digits[2:].removeprefix("0")
    if is_phone_surrogate(digits):
        return Finding(start, end, "PHONE_NUMBER", SURROGATE_SCORE, ())
    separated = not match[0].isalnum()
    mobile = kind != "intl" and digits[:3] in _MOBILES
    logit = _mobile(digits, separated=separated) if mobile else _fixed(kind, match[0], digits)
    if logit is None:
        return None
    if _is_piece(text, start, end) or (not separated and _beside_latin(text, start, end)):
        logit -= 3.0
    elif digits[:3] in _MOBILES and separated and "번호" not in text[max(0, start - 6) : start]:
        return Finding(start, end, "PHONE_NUMBER", probability(logit), ("mobile", "separator"))
    cue, names = weigh_cue(text, start, end, _PHONE)
    if names and names[0] in _NO_OTHER:
        cue = 0.0
    elif digits[:3] in _MOBILES and cue == OTHER_CUE:
        cue *= 2.0  # a number that says what it is of
    return Finding(start, end, "PHONE_NUMBER", probability(logit + cue), (kind, *names))


_YEAR_AND_SERIAL = expression(r"20[12][0-9]0[0-9]{3}\Z")
_MOBILES = frozenset({"010", "011", "016", "017", "018", "019"})


def _mobile(digits: str, *, separated: bool) -> float | None:
    if digits.startswith("010") and len(digits) != 11:
        return None
    return (3.5 if separated else 1.5) - (1.0 if digits[2] != "0" else 0.0)


def _fixed(kind: str, written: str, digits: str) -> float | None:
    """Logits of a number with a country's code, of a land line, a nationwide one; None where it is none."""
    dash = has_dash(written)
    if kind == "intl":
        able = 9 <= len(digits) <= 11 and (not digits.startswith("010") or len(digits) == 11)
        return (3.5 if folded(written)[0] == "+" else 0.5) if able else None
    if kind == "land":
        year = _YEAR_AND_SERIAL.search(digits) is not None  # "031-2024-0012": a document's
        return (
            1.5 if dash or ")" in folded(written) else 0.1 if not written.isalnum() else -2.5
        ) - 2.0 * year
    if digits[:4] not in _BUSINESS_PREFIXES:
        return None
    return (0.8 if dash else -1.0) - (2.0 if "1000" <= digits[4:] <= "2100" else 0.0)


_NO_OTHER = frozenset(
    f"other cue:{kind}" for kind in ("licence", "address", "passport", "version", "account")
)
_BEFORE_PIECE = expression(f"{DIGIT}[{DASHES}.．]\\Z")
_AFTER_PIECE = expression(f"[{DASHES}]{DIGIT}")


def _is_piece(text: str, start: int, end: int) -> bool:
    """Whether more digits hang on it by a dash or a point: accounts, article numbers."""
    return (
        _BEFORE_PIECE.search(text, max(0, start - 2), start) is not None
        or _AFTER_PIECE.match(text, end) is not None
    )


def _beside_latin(text: str, start: int, end: int) -> bool:
    """Whether a Latin letter touches it: bare digits inside a hash or a code."""
    beside = text[max(0, start - 1) : start] + text[end : end + 1]
    return any(letter.isascii() and letter.isalpha() for letter in beside)


def _card(text: str, match: re.Match[str]) -> Finding | None:
    start, end = match.span()
    digits = digits_of(match[0])
    passes = luhn_check(digits)
    if is_marked(digits):
        return Finding(start, end, "CREDIT_CARD", SURROGATE_SCORE, ())
    if _TERM.match(text, end):
        return None
    bare = end - start == len(digits)
    issuer = _has_issuer(digits)
    usual = len(digits) == 16 or (issuer and len(digits) == 15)
    logit = (
        (-1.5 if bare else 0.8)
        + (0.0 if usual or not bare else -3.0)
        + (1.0 if issuer else -1.5)
        + (1.8 if passes else -2.2)
    )
    if bare and digits[0] == "2":
        logit -= 2.0  # sixteen digits that begin with a year
    if not bare and not has_dash(match[0]):
        logit -= 0.5
    cue, names = weigh_cue(text, start, end, _CARD)
    if not usual and cue > 0:
        cue += 2.0
    signs = [name for name, is_so in (("check digit", passes), ("issuer", issuer), ("bare", bare)) if is_so]
    return Finding(start, end, "CREDIT_CARD", probability(logit + cue), (*signs, *names))


_TERM = expression(" ?[=*/]")  # behind four terms of a sum


def _has_issuer(digits: str) -> bool:
    """Visa, Mastercard, Amex (15), JCB, Diners (14), Discover and UnionPay, domestic 9xxx."""
    four = int(digits[:4])
    if len(digits) == 15:
        return digits[:2] in {"34", "37"}
    if len(digits) == 14:
        return digits[:2] in {"36", "38", "39"} or 300 <= four // 10 <= 305
    return digits[0] in "469" or 51 <= four // 100 <= 55 or 2221 <= four <= 2720 or 3528 <= four <= 3589


_ZERO = one_of("0")
_MOBILE = f"{_ZERO}{one_of('1')}{one_of('016-9')}{LOOSE_JOINT}{DIGIT}{{3,4}}{LOOSE_JOINT}{DIGIT}{{4}}"
_AREA = (
    f"(?:{one_of('2')}|{one_of('3')}{one_of('1-3')}|{one_of('4')}{one_of('1-4')}|{one_of('5')}{one_of('1-5')}"
    f"|{one_of('6')}{one_of('1-4')}|{one_of('678')}{_ZERO}|{one_of('5')}{_ZERO}{DIGIT})"
)
_LAND = f"(?:[(（]{_ZERO}{_AREA}[)）]|{_ZERO}{_AREA}){LOOSE_JOINT}{DIGIT}{{3,4}}{LOOSE_JOINT}{DIGIT}{{4}}"
_KOREA = f"{one_of('8')}{one_of('2')}"
_INTL = (
    f"(?:[+＋]{_KOREA}{LOOSE_JOINT}(?:[(（]{_ZERO}[)）])?{_ZERO}?{one_of('1-7')}{DIGIT}{{0,2}}"
    f"|{_KOREA}[{DASHES} .]{_ZERO}?{one_of('1')}{_ZERO}){LOOSE_JOINT}{DIGIT}{{3,4}}{LOOSE_JOINT}{DIGIT}{{4}}"
)
_NATIONWIDE = f"{one_of('1')}{one_of('568')}{DIGIT}{{2}}[{DASHES} .]{DIGIT}{{4}}"
_FOURS = "{4}"
_CARD_CORE = (
    f"(?:{DIGIT}{_FOURS}(?:{JOINT}{DIGIT}{_FOURS}){{3}}"
    f"|{one_of('03')}{DIGIT}{{3}}{JOINT}{DIGIT}{{6}}{JOINT}{DIGIT}{{4,5}}|{DIGIT}{{12,19}})"
)

PHONE = Detector(
    entities=("PHONE_NUMBER",),
    pattern=expression(
        f"{NO_DIGIT_BEFORE}(?:(?P<mobile>{_MOBILE})|(?P<land>{_LAND})|(?P<intl>{_INTL})|"
        f"(?P<nation>{_NATIONWIDE}))"
        f"{NO_DIGIT_AFTER}(?!호)"
    ),
    weigh=_phone,
    run=8,
)
CARD = Detector(
    entities=("CREDIT_CARD",),
    pattern=expression(f"(?<![A-Za-z])(?<![A-Za-z]-){ALONE_BEFORE}{_CARD_CORE}{ALONE_AFTER}(?![A-Za-z])"),
    weigh=_card,
    run=12,
)
