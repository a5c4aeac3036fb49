"""Names of players in lists: "길드원: a, b, c", or a heading ("닉네임 목록") and a line each."""

from __future__ import annotations

import re

from pipelines.stages.pii.detector import Detector, spelt
from pipelines.stages.pii.evidence import Finding
from pipelines.stages.pii.expression import expression
from pipelines.stages.pii.game_talk import is_talk, is_verbal
from pipelines.stages.pii.handle_words import PLACEHOLDER
from pipelines.stages.pii.invented import OUR_HANDLE as OURS

_MANY = (
    r"(?:길드원|파티원|클랜원|공대원|길원|부길마|닉네임들?|닉|"
    r"(?:참가자|참여자|팀원|멤버|길드원|파티원|신청자|유저)[ ]?(?:닉네임|닉|캐릭명|캐릭터명))"
)
_NAME = rf"(?:{OURS}|[가-힣A-Za-z0-9_]{{2,16}})"
_BESIDE = expression(
    rf"(?<![가-힣A-Za-z]){_MANY}(?:[ ]?(?:명단|목록|리스트|구성))?[ ]?[:=][ ]?"
    rf"(?P<names>{_NAME}(?:[ ]?(?:,|/|·|、)[ ]?{_NAME}){{1,24}})(?![가-힣A-Za-z0-9_]|[ ]?(?:,|/|"
    rf"·)[ ]?[가-힣A-Za-z0-9_])"
)
_ONE = expression(_NAME)


def _beside(text: str, match: re.Match[str]) -> list[Finding]:
    """Every name of the list, where none of them is a word of talk."""
    names = list(_ONE.finditer(text, *match.span("names")))
    if any(_is_none(name[0], text, name.end()) for name in names):
        return []
    return [Finding(*name.span(), "GAME_ID", 0.75, ("a list",)) for name in names]


def _is_none(name: str, text: str, end: int) -> bool:
    return (
        name.isdigit()
        or PLACEHOLDER.match(name) is not None
        or is_talk(name, text, end, linked=True)
        or is_talk(name, text, end, linked=False)
        or (is_verbal(name) and len(name) < _LONG)
    )


_LONG = 4
_HEADING = expression(
    r"(?<![^\n])[ ]{0,2}[\[<【■▶●\-*#]{0,3}[ ]?(?:(?:길드원|파티원|클랜원|공대원|참가자|참여자|신청자|"
    r"당첨자)[ ]?"
    r"(?:닉네임|닉|캐릭명|캐릭터명)?[ ]?(?:명단|목록|리스트)|(?:닉네임|캐릭터?명|닉)(?:들|[ ]?(?:명단|목록|"
    r"리스트)|"
    r"(?P<more>(?:[ ]{1,4}[가-힣]{1,4}){1,5})))[ ]?[\]>】]?[ ]?:?[ ]*\n"
)
_ROW = expression(
    rf"[ ]{{0,2}}(?:[0-9]{{1,2}}[.)][ ]?|"
    rf"[-*•·][ ]?)?(?P<name>{_NAME})(?P<rest>(?:[ ]{{1,4}}[^\s]{{1,12}}){{0,5}})[ ]*"
)
_REACH = 1_500
_MOST = 38  # lines


def _below(text: str, match: re.Match[str]) -> list[Finding]:
    """The first word of every line below the heading, as long as the lines have its form."""
    columns = len((match["more"] or "").split())
    place, found = match.end(), []
    for line in text[place : place + _REACH].split("\n")[:_MOST]:
        row = _ROW.fullmatch(line)
        if row is None or len(row["rest"].split()) != columns or _is_none(row["name"], line, row.end("name")):
            break
        found.append(Finding(place + row.start("name"), place + row.end("name"), "GAME_ID", 0.7, ("a list",)))
        place += len(line) + 1
    return found


_WHO = (
    "길드원",
    "파티원",
    "클랜원",
    "공대원",
    "길원",
    "부길마",
    "닉네임",
    "닉",
    "캐릭명",
    "캐릭터명",
    "닉네임들",
)
_MEMBERS = ("길드원", "파티원", "클랜원", "공대원", "참가자", "참여자", "신청자", "당첨자")
_NICKS, _LIST = ("닉네임", "닉", "캐릭명", "캐릭터명"), ("명단", "목록", "리스트")
BESIDE = Detector(
    entities=("GAME_ID",),
    pattern=_BESIDE,
    weigh=_beside,
    words=(
        *spelt(_WHO, ("", " "), (":", "=")),
        *spelt(("명단", "목록", "리스트", "구성"), ("", " "), (":", "=")),
    ),
)
BELOW = Detector(
    entities=("GAME_ID",),
    pattern=_HEADING,
    weigh=_below,
    words=(
        *spelt((*_MEMBERS, *_NICKS), ("", " "), _LIST),
        *spelt(_MEMBERS, ("", " "), _NICKS, ("", " "), _LIST),
        *spelt(_NICKS, ("들", " ")),
    ),
    lines=40,
)
GAME_LISTS = (BESIDE, BELOW)
