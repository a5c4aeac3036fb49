"""Names of players before the word for them: "...라는 닉네임", "... 이 사람 핵", "...한테 귓 주세요".

The pattern finds what is said of a player; the name is read back from there, out of its quotes if it has some.
Hangul alone is a name there only where the word says so, and where it is no word of talk.
"""

from __future__ import annotations

import re

from pipelines.stages.pii.detector import Detector, spelt
from pipelines.stages.pii.evidence import Finding
from pipelines.stages.pii.expression import expression
from pipelines.stages.pii.game_talk import is_talk, is_verbal
from pipelines.stages.pii.handle_words import CLOSE, OPEN, PLACEHOLDER, STRONG
from pipelines.stages.pii.invented import OUR_HANDLE as OURS

_NICK = r"(?:닉네임|닉넴|닉|아이디(?!어))"
_OF_PLAYER = r"(?:핵(?![심가])|트롤|사기|비매너|어뷰|도배|신고|먹튀|패드립)"
_CUE = expression(
    rf"(?<=[가-힣A-Za-z0-9_{CLOSE}])(?:"
    rf"(?P<named>이?라는[ ](?:{_NICK}(?![가-힣]?[을를]?[ ]?(?:뭐|뜻))|유저|플레이어)|이라고[ ]하는[ ](?:{_NICK}|유저))|"
    rf"(?P<mine>[ ]?(?:이|가)[ ](?:제|내|저희)[ ](?:게임[ ]|롤[ ]|배그[ ])?{_NICK}(?:이|예|임|입|이에|[.!\n]|\Z))|"
    rf"(?P<using>[ ](?:닉네임|닉넴|닉)(?:으로|를|을)?[ ](?:접속|쓰[는고]|써요|사용|활동|가입|로그인))|"
    rf"(?P<reported>[ ](?:유저|플레이어|이[ ]?(?:사람|유저|분|놈|새끼|인간|녀석)|님)[은는이가을를도]?[ ](?:[가-힣]{{1,4}}[ ])?{_OF_PLAYER})|"
    r"(?P<whispered>[ ]?(?:님께|님한테|님에게|한테|에게|께)[ ](?:귓|귓말|귓속말|쪽지|우편|친추)(?![가-힣]{3})))"
)
_BEFORE = expression(
    rf"(?:[{OPEN}](?P<quoted>[^\s{OPEN}{CLOSE}][^\n{OPEN}{CLOSE}]{{0,18}})[{CLOSE}]|(?P<ours>{OURS})|"
    r"(?<![가-힣A-Za-z0-9_.\-@])(?P<name>[가-힣A-Za-z0-9_](?:[가-힣A-Za-z0-9_\-]){1,15}))\Z"
)
_REACH = 28
_ADNOMINAL = frozenset({4, 8})  # final sounds ㄴ and ㄹ: 새로운, 다른, 원하는, 쓸
_LEAST = 4


def _named(text: str, match: re.Match[str]) -> Finding | None:
    cue = match.start()
    found = _BEFORE.search(text, max(0, text.rfind("\n", 0, cue) + 1, cue - _REACH), cue)
    if found is None:
        return None
    group = found.lastgroup or ""
    start, end = found.span(group)
    name = text[start:end]
    if PLACEHOLDER.match(name) or name.isdigit():
        return None
    if group == "name":
        if match["mine"] and name[-1:] in {"이", "가"} and match[0][:1] == " ":
            name = name[:-1]  # a particle before another one: it was read the wrong way
        hangul = re.search("[A-Za-z0-9_]", name) is None
        strong = STRONG.search(name) is not None
        if hangul and not _is_hangul_name(text, name, end, match):
            return None
        if not hangul and not strong and not match["mine"] and not match["named"]:
            return None
    return Finding(start, end, "GAME_ID", 0.75, (f"word behind:{match.lastgroup}",))


def _is_hangul_name(text: str, name: str, end: int, match: re.Match[str]) -> bool:
    if match["reported"] or match["whispered"]:
        return False
    if is_talk(name, text, end, linked=False) or (is_verbal(name) and not match["named"]):
        return False
    if match["named"]:
        return len(name) > 1
    return len(name) >= _LEAST and (ord(name[-1]) - 0xAC00) % 28 not in _ADNOMINAL


NAMED_BEHIND = Detector(
    entities=("GAME_ID",),
    pattern=_CUE,
    weigh=_named,
    words=(
        *("닉", "아이디", "유저", "플레이어", "귓", "쪽지", "우편", "친추"),
        *spelt(" ", ("핵", "트롤", "사기", "비매너", "어뷰", "도배", "신고", "먹튀", "패드립")),
    ),
)
