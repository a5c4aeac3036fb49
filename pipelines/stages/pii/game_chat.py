"""Names of players in messages of games and rooms: "...님이 입장하셨습니다", "[길드] ...: 안녕".

The cue is what the game says; the name is read back from it (or stands between it and a colon). Hangul names
of fewer than four letters are left to the persons.
"""

from __future__ import annotations

import re

from pipelines.stages.pii.detector import Detector, spelt
from pipelines.stages.pii.evidence import Finding
from pipelines.stages.pii.expression import expression
from pipelines.stages.pii.handle_words import PLACEHOLDER
from pipelines.stages.pii.invented import OUR_HANDLE as OURS

_MOVES = ("입장", "퇴장", "접속", "로그인", "로그아웃", "강퇴", "추방", "참가", "참여하", "탈퇴", "가입")
_EVENTS = (
    *_MOVES,
    *(
        "초대",
        "합류",
        "획득",
        "강화",
        "달성",
        "처치",
        "차단",
        "친구 요청",
        "친구 추가",
        "친구 신청",
        "귓속말",
        "귓말",
    ),
    *(
        "사망",
        "부활",
        "선물",
        "우편",
        "소환",
        "제작",
        "성공",
        "들어왔",
        "들어오셨",
        "나갔",
        "나가셨",
        "처형",
        "관전",
    ),
    *("신고", "레벨", "승리", "패배", "킬", "쓰러", "파티", "길드", "클랜", "뽑", "교환", "거래를"),
)
_PARTICLES = ("이", "께서", "을", "의", "에게", "께", "한테")
_SYSTEM = expression(
    rf"(?<=[가-힣A-Za-z0-9_])[ ]?님(?:(?:{'|'.join(_PARTICLES)})[ ](?=[^\n]{{0,24}}?(?:{'|'.join(_EVENTS)}))|"
    rf"(?:이|께서)[ ]?(?:{'|'.join(_MOVES)}))"
)
_WORD = "[가-힣A-Za-z0-9_]"
_NAME_BEFORE = expression(rf"(?:{OURS}|(?<![가-힣A-Za-z0-9_.]){_WORD}{{2,16}})\Z")
_BEGINS = expression(r"(?:\A|[\n\])>:,\"'!*~\-][ ]?|님(?:이|을|께서)[ ])\Z")
_NOBODY = expression(
    "(?:고객|상담[사원]|회원|사용자|관리자|운영자|운영진|선생|부모|어머|아버|어머니|아버지|할머|할아버|형|누|"
    "오라버|"
    "며느|사위|장모|장인|스승|임금|하느|하나|부처|예수|주|매니저|기사|사장|과장|부장|차장|팀장|실장|대표|"
    "이사|이사장|"
    "회장|총장|원장|교장|교감|교수|박사|목사|신부|스|집사|권사|장로|의원|위원|위원장|장관|대통령|총리|시장|"
    "군수|감독|코치|"
    "작가|배우|가수|기자|변호사|판사|검사|의사|간호사|약사|담당자|담당|책임자|신청자|참가자|참여자|지원자|"
    "응시자|당첨자|"
    "구매자|판매자|작성자|글쓴이|게스트|방장|파티장|길드장|길마|부길마|공대장|클랜장|마스터|친구|손|이벤트|"
    "공지|점검|안내|"
    "알림|여러분|유저|플레이어|모험가|용사|소환사|감독관|대원|대장|단장|조합원|입주민|주민|이웃|독자|시청자|"
    "구독자|팬|"
    "학생|학부모|동료|선배|후배|지인|상대|상대방|본인|당사자|가족|분)\\Z"
)
_NOT_A_PERSON = 4  # letters


def _system(text: str, match: re.Match[str]) -> Finding | None:
    """The name before 님, where what follows is a game's or a room's event."""
    end = match.start()
    found = _NAME_BEFORE.search(text, max(0, end - 24), end)
    if found is None or _is_nobody(found[0]):
        return None
    start = found.start()
    plain = not re.search("[A-Za-z0-9_]", found[0])
    if plain and not _BEGINS.search(text, max(0, start - 4), start):
        return None
    return Finding(start, end, "GAME_ID", 0.75, ("player:moved",))


def _is_nobody(name: str) -> bool:
    return (
        _NOBODY.search(name) is not None
        or name.isdigit()
        or (
            len(name) < _NOT_A_PERSON
            and re.search("[가-힣]", name) is not None
            and not re.search("[A-Za-z0-9_]", name)
        )
    )


_CHANNELS = (
    *(
        "길드",
        "파티",
        "전체",
        "귓속말",
        "귓말",
        "귓",
        "팀",
        "친구",
        "지역",
        "거래",
        "외치기",
        "모두",
        "월드",
        "채널",
        "클랜",
    ),
    *("서버", "일반", "공격대", "공대", "all", "team", "party", "guild", "whisper", "world", "trade", "say"),
)
_CHANNEL = expression(
    rf"[\[(](?:{'|'.join(_CHANNELS)})[\])][ ]?(?:From[ ]|To[ ])?[\[<]?(?P<said>{OURS}|"
    rf"{_WORD}{{2,16}})[\]>]?(?:[ ]?님)?"
    r"(?:[ ]?\([^()\n]{1,10}\))?[ ]?:(?=[ ])",
    re.IGNORECASE,
)
_NOT_SAID = expression(
    r"(?:레벨|점수|공지|안내|알림|점검|이벤트|이름|인원|공지사항|시간|일정|장소|주제|제목|목표|순위|결과|"
    r"참고|모집|문의|"
    r"규칙|관리자|운영자|시스템|GM|note|total|warning|error|info|level|score|notice|system|admin|room|time|"
    r"name|"
    r"상태|목록|구분|합계|기본|설정|수량|가격|비용|주의|질문|답변|보상|조건|방식|방법|대상|내용|번호|설명|"
    r"버전)[0-9]*\Z",
    re.IGNORECASE,
)


def _said(_: str, match: re.Match[str]) -> Finding | None:
    name = match["said"]
    if _NOT_SAID.match(name) or _NOBODY.search(name) or name.isdigit():
        return None
    return Finding(*match.span("said"), "GAME_ID", 0.75, ("player:said",))


_EVENT = expression(
    r"[ ](?:has[ ])?(?:killed[ ](?P<killed>[A-Za-z0-9_]{3,16})|(?:joined|left)[ ]the[ ](?:game|server|party|"
    r"room|match|guild|lobby|raid)|"
    r"was[ ](?:slain|killed|shot|blown[ ]up)[ ]by[ ][A-Za-z0-9_ ]{2,24}|disconnected|"
    r"fell[ ]from[ ]a[ ]high[ ]place|"
    r"(?:made[ ]the[ ]advancement|completed[ ]the[ ]challenge|reached[ ]the[ ]goal)[ ]\[[^\n\]]{1,40}\]|"
    r"drowned|tried[ ]to[ ]swim[ ]in[ ]lava|burned[ ]to[ ]death)[.!]?[ ]*(?=\n|\Z)"
)
_LATIN_BEFORE = expression(rf"(?:{OURS}|(?<![가-힣A-Za-z0-9_.\-])[가-힣A-Za-z0-9_]{{3,16}})\Z")
_LINE_BEFORE = expression(r"(?:\A|\n|[\]:>][ ]|[*][ ]?)\Z")
_NO_PLAYER = expression(
    r"(?:he|she|they|who|you|one|someone|everyone|nobody|player|players|client|user|host|the|all|and|server|"
    r"has|"
    r"host|game|[a-z]{1,3})\Z",
    re.IGNORECASE,
)


def _event(text: str, match: re.Match[str]) -> list[Finding] | None:
    end = match.start()
    found = _LATIN_BEFORE.search(text, max(0, end - 24), end)
    if found is None or _NO_PLAYER.match(found[0]):
        return None
    if not _LINE_BEFORE.search(text, max(0, found.start() - 2), found.start()):
        return None
    names = [found.span(), *([match.span("killed")] if match["killed"] else [])]
    return [Finding(*span, "GAME_ID", 0.75, ("player:moved",)) for span in names]


_KILL = expression(
    rf"(?<![가-힣A-Za-z0-9_.])(?P<one>{OURS}|{_WORD}{{2,16}})[ ]?(?:→|->|=>|▶|▷|»|>>)[ ]?"
    rf"(?P<two>{OURS}|{_WORD}{{2,16}})[ ]?(?:님을[ ])?(?=[ ](?:처치|킬|기절|사살|격파|eliminated|killed)|"
    rf"[ ]?\((?:M416|AWM|AKM|Kar98|SLR|UMP))"
)


_WON = expression(
    rf"(?<![가-힣A-Za-z0-9_.])(?P<one>{OURS}|{_WORD}{{3,16}}?)(?:님)?(?:이[ ]?\(가\)|이\(가\)|이|"
    rf"가)[ ](?P<two>{OURS}|{_WORD}{{3,16}}?)"
    r"(?:님)?(?:을[ ]?\(를\)|을|를)[ ](?:처치|킬[^가-힣]|기절시|사살)"
)


def _kill(_: str, match: re.Match[str]) -> list[Finding]:
    return [
        Finding(*match.span(part), "GAME_ID", 0.75, ("player:killed",))
        for part in ("one", "two")
        if not match[part].isdigit()
    ]


_ANGLE = expression(rf"(?<=\] )<(?P<said>{OURS}|[A-Za-z0-9_]{{3,16}})>[ ](?=\S)")


def _angled(text: str, match: re.Match[str]) -> Finding | None:
    name = match["said"]
    line = text.find("\n", match.end())
    markup = text.find("</", match.end(), len(text) if line < 0 else line) >= 0
    if (
        markup
        or PLACEHOLDER.match(name)
        or name.lower() in {"h1", "h2", "h3", "h4", "h5", "h6"}
        or name.isdigit()
    ):
        return None
    return Finding(*match.span("said"), "GAME_ID", 0.75, ("player:said",))


SYSTEM = Detector(
    entities=("GAME_ID",),
    pattern=_SYSTEM,
    weigh=_system,
    words=spelt("님", _PARTICLES),
)
SAID = Detector(
    entities=("GAME_ID",),
    pattern=_CHANNEL,
    weigh=_said,
    words=spelt(("[", "("), _CHANNELS, ("]", ")")),
)
EVENT = Detector(
    entities=("GAME_ID",),
    pattern=_EVENT,
    weigh=_event,
    words=(
        *(
            "joined the ",
            "left the ",
            " killed ",
            "was slain by ",
            "was killed by ",
            "was shot by ",
            "was blown up by ",
        ),
        *(
            "made the advancement",
            "completed the challenge",
            "reached the goal",
            " disconnected",
            " fell from a high place",
            " drowned",
            " tried to swim in lava",
            " burned to death",
        ),
    ),
)
ANGLED = Detector(entities=("GAME_ID",), pattern=_ANGLE, weigh=_angled, words=("] <",))
WON = Detector(
    entities=("GAME_ID",),
    pattern=_WON,
    weigh=_kill,
    words=spelt(("을", "를", ")"), " ", ("처치", "킬", "기절", "사살")),
)
KILL = Detector(
    entities=("GAME_ID",),
    pattern=_KILL,
    weigh=_kill,
    words=(
        " 처치",
        " 킬",
        " 기절",
        " 사살",
        " 격파",
        " eliminated",
        " killed",
        "(m000",
        "(awm",
        "(akm",
        "(kar00",
        "(slr",
        "(ump",
    ),
)
GAME_MESSAGES = (SYSTEM, SAID, EVENT, KILL, WON, ANGLED)
