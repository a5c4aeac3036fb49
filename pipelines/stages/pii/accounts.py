"""Bank accounts: no public check digit, so the bank's own grouping and words of banking decide.

Formats: KFTC's CMS code book, as far as banks publish theirs. Ours begin with 000 and carry a mark.
"""

from __future__ import annotations

import re

from pipelines.stages.pii.checks import is_marked, is_timestamp
from pipelines.stages.pii.detector import Detector
from pipelines.stages.pii.evidence import SURROGATE_SCORE, Finding, heading, nearest_cue, probability
from pipelines.stages.pii.expression import expression

_FORMATS = frozenset(
    {
        *((6, 2, 6), (3, 3, 6), (3, 2, 6), (4, 3, 6), (3, 6, 5), (3, 4, 4, 2), (3, 6, 2, 3), (4, 2, 7)),
        *((4, 4, 4), (4, 4, 4, 1), (3, 2, 6, 1), (3, 2, 4, 3), (3, 4, 6), (4, 2, 6), (3, 2, 5, 1), (5, 2, 6)),
        *((3, 6, 3), (3, 5, 4), (6, 2, 5), (3, 4, 4), (5, 2, 6, 1), (3, 3, 5), (4, 8), (3, 9), (3, 8, 2)),
    }
)
_BANK = expression(
    r"은행|뱅크|농협|신협|수협|축협|새마을금고|우체국|저축|신한|국민|하나|우리|토스|카카오|카뱅|케뱅|토뱅|기업|씨티|대구|부산|경남|광주|전북|제주|"
    r"산업|수출입|미래에셋|삼성증권|키움|한국투자|증권|bank|shinhan|kookmin|woori|hana|(?<![A-Za-z])(?:KB|IBK|NH|SC|iM|KDB|MG)(?![A-Za-z])",
    re.IGNORECASE,
)
_WORD = expression(
    r"계좌|통장|예금주|입금|송금|이체|예금|적금|출금|수취|무통장|account|acct|iban|deposit|transfer|cuenta|口座|账户|帐户|账号|银行",
    re.IGNORECASE,
)
_BANK_REACH, _WORD_REACH, _AFTER_REACH = 16, 40, 16
_PHONE = expression(r"0(?:1[016-9]|2|[3-6][1-5]|70)-?[0-9]{3,4}-?[0-9]{4}\Z")
_NO_DIGIT = expression("[^0-9]")
_DATE = expression(r"(?:19|20)[0-9]{2}[- ](?:0?[1-9]|1[0-2])[- ](?:0?[1-9]|[12][0-9]|3[01])(?:[- ]|\Z)")
LEAST, MOST = 10, 16  # digits


def _account(text: str, match: re.Match[str]) -> Finding | None:
    start, end = match.span()
    digits = _NO_DIGIT.sub("", match[0])
    if not LEAST <= len(digits) <= MOST:
        return None
    if is_marked(digits):
        return Finding(start, end, "KR_BANK_ACCOUNT", SURROGATE_SCORE, ())
    before = text[max(0, start - _WORD_REACH) : start]
    bank = _last(_BANK, before[-_BANK_REACH:])
    word = _last(_WORD, before)
    behind = text[end : end + _AFTER_REACH].partition("\n")[0]
    after = _WORD.search(behind) or _BANK.search(behind)
    column = None if bank or word else heading(text, start)
    if not (bank or word or after or column):
        return None
    signs = []
    groups = tuple(map(len, re.split("[- ]", match[0])))
    bare = len(groups) == 1
    logit = -4.2 if bare else -2.8 if "-" in match[0] else -3.3
    if groups in _FORMATS:
        logit += 1.8
        signs.append("bank's format")
    if bank:
        logit += 3.0
        signs.append("bank before")
    if word:
        logit += 3.5 if word.end() > len(before) - 16 else 2.5
        signs.append("cue:account")
    elif column and _WORD.search(column):
        logit += 3.0
        signs.append("heading:account")
    if after:
        logit += 2.0 if _WORD.match(after[0]) else 1.0
        signs.append("cue after:account")
    cue = nearest_cue(text, start)
    if cue and cue[0] not in {"account", ""} and (not word or cue[1] < len(before) - word.end()):
        logit -= 4.5 if not bank else 2.0
        signs.append(f"other cue:{cue[0]}")
    if _PHONE.match(match[0]) or groups in {(3, 2, 5), (6, 7), (4, 4, 4, 4)} or _DATE.match(match[0]):
        logit -= 3.5
        signs.append("another's form")
    if bare and (is_timestamp(digits) or (len(digits) == 13 and digits.startswith("880"))):
        logit -= 3.0
    return Finding(start, end, "KR_BANK_ACCOUNT", probability(logit), tuple(signs))


def _last(words: re.Pattern[str], text: str) -> re.Match[str] | None:
    found = None
    for match in words.finditer(text):
        found = match
    return found


_GROUPED = r"[0-9]{2,6}(?:-[0-9]{1,9}){1,4}|[0-9]{3,6}(?: [0-9]{2,8}){2,3}|[0-9]{10,16}"
ACCOUNT = Detector(
    entities=("KR_BANK_ACCOUNT",),
    pattern=expression(
        r"(?<![0-9A-Za-z])(?<![0-9][-.,])(?<![A-Za-z]-)(?!01[016-9]-[0-9]{3,4}-[0-9]{4}(?![-0-9]))"
        rf"(?:{_GROUPED})(?![0-9A-Za-z])(?![-.,][0-9])"
    ),
    weigh=_account,
    run=LEAST,
)
