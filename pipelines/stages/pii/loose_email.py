"""E-mail addresses with blanks around the @, with slips of the hand, or in words: 골뱅이 네이버 닷컴."""

from __future__ import annotations

import re

from pipelines.stages.pii.detector import Detector, spelt
from pipelines.stages.pii.evidence import Finding
from pipelines.stages.pii.expression import expression

_LOCAL = expression(r"(?<![0-9A-Za-z._])[0-9A-Za-z_][0-9A-Za-z._%+\-]{1,63}\Z")
_LOGIN = expression(r"(?:^|[\s`$#>])(?:ssh|scp|sftp|rsync|kinit|kvno)[ ][^\n@]*\Z")
_TOP = "(?:com|net|org|kr|co|io|me|edu|gov|info|jp|cn|us|uk|de|dev|app|ai|example)"
_PROVIDERS = ("naver", "gmail", "daum", "hanmail", "kakao", "nate", "hotmail", "outlook", "yahoo", "icloud")
_SPOKEN_PROVIDERS = (
    *("네이버", "지메일", "쥐메일", "구글", "다음", "한메일", "카카오", "네이트", "핫메일", "아웃룩", "야후"),
)
_SPOKEN = rf"(?:{'|'.join(_SPOKEN_PROVIDERS)}|[0-9A-Za-z\-]{{2,30}})"
_SPOKEN_TOP = (
    r"(?:컴|콤|넷|케이알|씨오[ ]?(?:점|쩜|닷)?[ ]?케이알|코[ ]?(?:점|쩜|닷)[ ]?케이알|com|net|co\.kr|kr)"
)
_SPOKEN_DOT = r" ?(?:닷|점|쩜|도트|\.) ?"
_PATTERN = expression(
    rf"(?: ?@ |"
    rf" @)(?P<spaced>[0-9A-Za-z\-]{{2,63}}(?:\.[0-9A-Za-z\-]{{2,63}}){{0,3}} ?\. ?{_TOP})(?![0-9A-Za-z.])|"
    rf"@{{1,2}}(?P<slip>(?:{'|'.join(_PROVIDERS)}) ?[.,]{{1,2}} ?(?:com|net|co\.kr))(?![0-9A-Za-z])|"
    rf" ?(?:골뱅이|앳|엣|at|@) ?(?P<spoken>{_SPOKEN}{_SPOKEN_DOT}{_SPOKEN_TOP})(?![A-Za-z])|"
    r" (?:at|AT|At) (?P<words>[0-9A-Za-z\-]{2,40}(?: (?:dot|DOT|Dot) [0-9A-Za-z\-]{2,40}){0,2}"
    rf" (?:dot|DOT|Dot) {_TOP})(?![0-9A-Za-z])"
)
_PLAIN = expression(r"[a-z]+\.(?:com|net|co\.kr)\Z")


def _loose_email(text: str, match: re.Match[str]) -> Finding | None:
    at = match.start()
    before = text[max(0, at - 65) : at]
    local = _LOCAL.search(before)
    domain = match[match.lastgroup or 0]
    if local is None or (match["spoken"] and "@" in match[0] and domain.isascii()):
        return None
    if match["slip"] and "@@" not in match[0] and _PLAIN.match(domain):
        return None  # as it should be
    if match["spaced"] and (local[0].isdigit() or _LOGIN.search(before)):
        return None
    return Finding(at - len(local[0]), match.end(), "EMAIL_ADDRESS", 0.85, ("at in words",))


LOOSE_EMAIL = Detector(
    entities=("EMAIL_ADDRESS",),
    pattern=_PATTERN,
    weigh=_loose_email,
    words=(
        *("@ ", " @", "@@", "골뱅이", "앳", "엣"),
        *spelt(" dot ", tuple(_TOP[3:-1].split("|"))),
        *spelt("@", _PROVIDERS, (",", " ", "..", ".,", ". ")),
        *spelt(("@", "at"), ("", " "), _SPOKEN_PROVIDERS),
    ),
)
