"""Telephone numbers of other countries: with their country's code, or beside a word for a telephone.

ITU-T E.164: at most 15 digits; the groups are whatever the country's habit is. Ours are never of this form.
"""

from __future__ import annotations

import re

from pipelines.stages.pii.detector import Detector
from pipelines.stages.pii.evidence import Finding, probability
from pipelines.stages.pii.expression import expression

_BEFORE = expression(
    r"(?:(?:my|your|his|her|our|their|this|the phone)(?: new| direct)? number|reach (?:me|us|"
    r"him|her)|dial|hotline|helpline|"
    r"toll[- ]free|mobile|desk|fax|tel|telephone|phone|cell|office|call|contact|answering at|"
    r"whatsapp|sms|text me|ring|전화|휴대폰|핸드폰|연락처|팩스|手机|电话|電話|携帯|"
    r"tel[eé]fono|m[oó]vil)(?: ?(?:number|no\.?|번호|me at|us at|at|on))?(?: is)?[는은이가をはは]?\W{0,3}\Z",
    re.IGNORECASE,
)
_AFTER = expression(r" ?\(?(?:office|fax|mobile|cell|desk|home|work)(?![A-Za-z])", re.IGNORECASE)
_NORTH_AMERICA = expression(
    r"(?:\+?1[-. ]|001-)?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[-. ])[2-9][0-9]{2}[-. ][0-9]{4}"
)
_NO_DIGIT = expression("[^0-9]")


def _foreign(text: str, match: re.Match[str]) -> Finding | None:
    start, end = match.span()
    number, extension = match["number"], match["extension"]
    digits = _NO_DIGIT.sub("", number)
    if not 7 <= len(digits) <= 15:
        return None
    before, after = _BEFORE.search(text, max(0, start - 24), start), _AFTER.match(text, end)
    coded = number[0] == "+"
    american = _NORTH_AMERICA.fullmatch(number) is not None
    if not (before or after or coded or extension or american):
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
    if number.isdigit() and len(digits) < 9:
        logit -= 3.0
    if re.match(r"(?:19|20)[0-9]{2}[-. ][01]?[0-9][-. ]", number):
        logit -= 4.0
    return Finding(start, end, "PHONE_NUMBER", probability(min(logit, 2.2)), tuple(signs))


_GROUPS = r"[0-9]{1,5}(?:[-. ][0-9]{2,8}){1,5}|[0-9]{9,11}"
_NUMBER = (
    rf"(?:\+(?!82)[1-9][0-9]{{0,12}}(?:[-. ]?\([0-9]{{1,4}}\))?(?:[-. ]?[0-9]{{1,8}}){{0,5}}|"
    rf"\([0-9]{{2,4}}\) ?{_GROUPS}|{_GROUPS})"
)
FOREIGN_PHONE = Detector(
    entities=("PHONE_NUMBER",),
    pattern=expression(
        rf"(?<![0-9A-Za-z+])(?<![0-9][-.,/])(?P<number>{_NUMBER})(?P<extension> ?(?:x|"
        rf"ext\.?) ?[0-9]{{1,5}})?(?![0-9A-Za-z])(?![-.,/:][0-9])"
    ),
    weigh=_foreign,
    run=7,
)
