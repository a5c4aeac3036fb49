"""Names of players in the messages of games and rooms: "...님이 입장하셨습니다", "[길드] ...: 안녕"."""

from __future__ import annotations

import re

from pipelines.stages.pii.detector import Detector, spelt
from pipelines.stages.pii.evidence import Finding
from pipelines.stages.pii.expression import expression

_MOVES = "(?:입장|퇴장|접속|로그인|로그아웃|강퇴|추방)"
_CHANNELS = "길드|파티|전체|귓속말|귓말|팀|친구|지역|거래|외치기"
_CHANNEL = rf"\[(?:{_CHANNELS})\]"
_NAME = "[가-힣A-Za-z0-9_]{2,16}"
_PATTERN = expression(
    rf"(?<![가-힣A-Za-z0-9_.])(?P<moved>{_NAME}?)[ ]?님(?:이|께서)[ ]?{_MOVES}"
    rf"|{_CHANNEL}[ ]?(?P<said>{_NAME})[ ]?:(?=[ ])"
)
_NOBODY = expression(
    "(?:고객|상담[사원]|회원|사용자|관리자|운영자|운영진|선생|부모|매니저|기사|사장|손님|"
    "작성자|게스트|방장|친구|이벤트|공지|점검|안내|알림)\\Z"
)
_NOT_A_PERSON = 4  # letters: shorter Hangul names are left to the persons


def _player(text: str, match: re.Match[str]) -> Finding | None:
    group = "moved" if match["moved"] else "said"
    name = match[group]
    if _NOBODY.search(name) or (group == "moved" and not name.isascii() and len(name) < _NOT_A_PERSON):
        return None
    return Finding(*match.span(group), "GAME_ID", 0.75, (f"player:{group}",))


PLAYER = Detector(
    entities=("GAME_ID",),
    pattern=_PATTERN,
    weigh=_player,
    words=(
        *spelt("님", ("이", "께서"), ("", " "), tuple(_MOVES[3:-1].split("|"))),
        *spelt("[", tuple(_CHANNELS.split("|")), "]"),
    ),
)
