"""Names of players before the word for them: "...라는 닉네임", "... 이 사람 핵", "...한테 귓 주세요".

The pattern finds what is said of a player; the name is read back from there, out of its quotes if any.
Hangul alone is a name there only where the word says so, and where it is no word of talk.
"""

from __future__ import annotations

import re

from pipelines.stages.pii.detector import Detector, spelt
from pipelines.stages.pii.evidence import Finding, line_from
from pipelines.stages.pii.expression import expression
from pipelines.stages.pii.game_talk import is_talk, is_verbal
from pipelines.stages.pii.handle_words import CLOSE, GAMES, OPEN, PLACEHOLDER, STRONG
from pipelines.stages.pii.invented import OUR_HANDLE as OURS

_NICK = r"(?:닉네임|닉넴|닉|아이디(?!어))"
_OF_PLAYER = r"(?:핵(?![심가])|트롤|사기|비매너|어뷰|도배|신고|먹튀|패드립)"
_CUE = expression(
    rf"(?<=[가-힣A-Za-z0-9_{CLOSE}])(?:"
    rf"(?P<named>이?라는[ ](?:{_NICK}(?![가-힣]?[을를]?[ ]?(?:뭐|뜻))|유저|플레이어)|"
    rf"이라고[ ]하는[ ](?:{_NICK}|유저))|"
    rf"(?P<mine>[ ]?(?:이|가)[ ](?:제|내|저희)[ ](?:게임[ ]|롤[ ]|배그[ ])?{_NICK}(?:이|예|임|입|이에|[.!\n]|"
    rf"\Z))|"
    rf"(?P<using>[ ](?:닉네임|닉넴|닉)(?:으로|를|을)?[ ](?:접속|쓰[는고]|써요|사용|활동|가입|로그인))|"
    rf"(?P<reported>[ ](?:유저|플레이어|이[ ]?(?:사람|유저|분|놈|새끼|인간|녀석)|"
    rf"님)[은는이가을를도]?[ ](?:[가-힣]{{1,4}}[ ])?{_OF_PLAYER})|"
    r"(?P<changed>(?:\(으\)로|으?로)[ ](?:닉(?:네임)?(?:을)?[ ]?)?(?:바꿨|바꿔|바꾸|변경|닉변))|"
    r"(?P<beaten>(?:한테|에게|랑|이랑)[ ](?:또[ ]|자꾸[ ])?(?:졌|진다|죽|발렸|털렸|이겼|듀오|파티|레이드|"
    r"캐리|큐))|"
    r"(?P<whispered>[ ]?(?:님께|님한테|님에게|한테|에게|께|으로|로)[ ](?:귓|귓말|귓속말|쪽지|우편|친추|"
    r"거래[ ]걸)(?![가-힣]{3}))|"
    r"(?P<introduced>(?:인데요?|입니다|이에요|예요|이요)(?=[ .!,~]{0,3}[^\n]{0,30}"
    r"(?:파밍|레이드|혈맹|길원|공대|듀오|솔랭|친추|귓))))"
)
_BEFORE = expression(
    rf"(?:[{OPEN}](?P<quoted>[^\s{OPEN}{CLOSE}][^\n{OPEN}{CLOSE}]{{0,18}})[{CLOSE}]|(?P<ours>{OURS})|"
    r"(?<![가-힣A-Za-z0-9_.\-@])(?P<name>[가-힣A-Za-z0-9_](?:[가-힣A-Za-z0-9_\-]){1,15}))\Z"
)
_REACH = 28
_ADNOMINAL = frozenset({4, 8})  # final sounds ㄴ and ㄹ: 새로운, 다른, 원하는, 쓸
_LEAST, _LINE = 4, 40
_GAME_BEFORE = expression(rf"(?:{GAMES})", re.IGNORECASE)
_SORT = expression(
    r"(?:유저|회원|학생|직장인|초보|뉴비|고인물|중|차|레벨|사람|자|원|번|째|정도|건|예정|때문|거|것|팬|"
    r"관계자|담당)\Z"
)
_MYSELF = expression(r"(?:(?<![가-힣])(?:저는?|나는?|난|전)|안녕하세요|안녕하십니까)[,.!~]?[ ]\Z")


def _named(text: str, match: re.Match[str]) -> Finding | None:
    cue = match.start()
    found = _BEFORE.search(text, line_from(text, cue, _REACH), cue)
    if found is None:
        return None
    group = found.lastgroup or ""
    start, end = found.span(group)
    name = text[start:end]
    before = text[line_from(text, start, _LINE) : start]
    if PLACEHOLDER.match(name) or name.isdigit() or not _is_led_to(before, match):
        return None
    if group == "name":
        hangul = re.search("[A-Za-z0-9_]", name) is None
        told = STRONG.search(name) is not None or match["mine"] or match["named"]
        if not (_is_hangul_name(text, name, end, match) if hangul else told):
            return None
    return Finding(start, end, "GAME_ID", 0.75, (f"word behind:{match.lastgroup}",))


def _is_led_to(before: str, match: re.Match[str]) -> bool:
    """Whether the line begins as it must: somebody speaks of themselves, or of a name that changes."""
    if match["introduced"]:
        return _MYSELF.search(before) is not None
    return not match["changed"] or "닉" in before


def _is_hangul_name(text: str, name: str, end: int, match: re.Match[str]) -> bool:
    if match["reported"] or match["beaten"] or (match["introduced"] and _SORT.search(name)):
        return False
    begin = line_from(text, end, _LINE)
    if match["whispered"] and not _GAME_BEFORE.search(text, begin, end - len(name)):
        return False
    verbal = is_verbal(name) and not (match["named"] or match["introduced"])
    if verbal or is_talk(name, text, end, linked=False):
        return False
    if match["named"]:
        return len(name) > 1
    return len(name) >= _LEAST and (ord(name[-1]) - 0xAC00) % 28 not in _ADNOMINAL


NAMED_BEHIND = Detector(
    entities=("GAME_ID",),
    pattern=_CUE,
    weigh=_named,
    words=(
        *(
            "닉",
            "아이디",
            "유저",
            "플레이어",
            "귓",
            "쪽지",
            "우편",
            "친추",
            "파밍",
            "레이드",
            "혈맹",
            "길원",
            "공대",
            "듀오",
            "솔랭",
            "거래 걸",
        ),
        *spelt(
            ("한테", "에게", "랑"),
            " ",
            ("또", "자꾸", "졌", "진다", "죽", "발렸", "털렸", "이겼", "캐리", "큐"),
        ),
        *spelt(" ", ("핵", "트롤", "사기", "비매너", "어뷰", "도배", "신고", "먹튀", "패드립")),
    ),
)
