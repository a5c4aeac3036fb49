"""What one line asks and the next one says ("생년월일이요?" - "고객: 850213이요"), or stands in a column.

The line that asks (or that is the only heading of a column) names the class; the next one holds the value and
little else, behind the speaker's name. Across a line feed, as split numbers are: on whole texts.
"""

from __future__ import annotations

import re

from pipelines.stages.pii.birth_date import day_at
from pipelines.stages.pii.detector import Detector, spelt
from pipelines.stages.pii.evidence import Finding
from pipelines.stages.pii.expression import expression

_ASKED = {
    "birth": (
        r"생[ ]?년[ ]?월[ ]?일|(?<!발)생일|생신|몇[ ]?년생|(?:주민(?:등록)?번호|주번|민증)[ ]?앞|"
        r"birthday|birth[ _]?date|"
        r"date of birth|(?<![a-z])dob(?![a-z])|出生日期|生日|生年月日|誕生日|nacimiento"
    ),
    "secret": r"비밀번호|비번|암호|패스워드|密码|パスワード|contraseña|password[ ]?[?:]",
    "messenger": (
        r"(?<![가-힣])(?:카카오톡|카카오|카톡|톡|텔레(?:그램)?|라인(?![ ]?몇)|디스코드|디코|인스타(?:그램)?|"
        r"위챗|트위터|"
        r"스카이프|스냅챗|네이버|페이스북|페북|틱톡)(?:[ ]?(?:아이디|ID|계정))?|微信|line[ ]?の?[ ]?id|"
        r"(?<![a-z])(?:kakao(?:talk)?|telegram|discord|instagram|twitter|wechat|whatsapp|skype|snapchat)"
        r"(?:[ ](?:id|handle|username|tag))?(?![a-z])"
    ),
    "game": (
        r"닉네임|(?<![가-힣]{2})닉(?![가-힣])|캐릭(?:터)?[ ]?(?:명|이름|닉)|소환사[ ]?명|배틀[ ]?태그|"
        r"플레이어[ ]?(?:명|이름)|"
        r"(?:게임|롤|배그|로아|메이플|발로|옵치|마크|로블록스|스팀|던파)[ ]?(?:아이디|ID|닉|계정)|"
        r"(?<![a-z])ign(?![a-z])|in[- ]?game name|gamer[ ]?tag|riot[ ]?id|昵称"
    ),
    "handle": r"(?<![가-힣])아이디(?![어가-힣]{2})",
}
_SPEAKER = (
    r"(?:[^\n:\[\]()]{1,14}[ ]?:[ ]?|[QA][.)][ ]?|-[ ])?"
    r"(?:(?:네네|네|넵|넹|예|응|ㅇㅇ|아|음|어|yes|sure|ok|okay|はい)[,.~!]*[ ])?"
    r"(?:(?:제[ ]?거|제[ ]?꺼|내[ ]?거|내[ ]?꺼|저는|제|나는|나|난|내|그건|이거|음|it'?s|it is|my .{2,12} is|"
    r"mine is|i'?m)[ ])?"
    r"[\"']?"
)
# How a line asks: "... 알려 주세요", "...?", or nothing behind the word.
_ASKS = r"(?:[^\n]{0,22}[?요죠줘임지야니냐까라래데게해뭐봐셈삼오다て][?~.! ㅋㅎ]{0,4}|[^\n가-힣A-Za-z]{0,4})"
_VALUE = r"(?P<value>[^\n]{2,44}?)"
_TAIL = (
    r"(?:[ ]?(?:이에요|예요|이예요|입니다|이요|이야|이고요?|인데요?|임|요|야|です|생이요|생이야|생입니다|"
    r"생))?"
    r"[\"']?(?:[.,!~?]{0,3}(?:[ ]|$)[^\n]{0,24})?(?=\n|\Z)"
)
_FIRST = (  # how they all begin
    "(?=[생몇주민비암패카톡텔라디인위닉캐소배게플롤로메발옵마스던아트네페틱出生誕密パ微昵]|"
    "(?<![A-Za-z])[bdnpckligrtsw])"
)
_PATTERN = expression(
    "|".join(rf"(?P<{kind}>{words.replace('?P<', '?:')})" for kind, words in _ASKED.items()).join(
        (f"(?i:{_FIRST}(?:", "))")
    )
    + rf"{_ASKS}\n"
    + rf"(?={_SPEAKER}{_VALUE}{_TAIL})",
    re.MULTILINE,
)
_AFTER = expression(_TAIL)
_HANDLE = expression(r"@?[A-Za-z0-9][A-Za-z0-9_.\-]{2,28}[A-Za-z0-9_](?:#[0-9]{3,5})?\Z")
_NICK = expression(r"[가-힣A-Za-z0-9_]{3,14}(?:[ ]?#[A-Za-z0-9]{2,6})?\Z")
_GAME = expression(r"게임|친추|롤|배그|로아|메이플|스팀|로블|game")
_STRONG = expression(r"[0-9_.@#]")
_SECRET = expression(r"[!-~]{4,40}\Z")
_TALK = expression(
    r"(?:.*(?:[요다까죠네음함냐지해줘]|ㅋ+))\Z|비밀|몰라|모름|글쎄|없음|없어|까먹|아직|그냥|나중|왜|뭐|누구|"
    r"안[ ]|없는데|그거"
)


def _answer(text: str, match: re.Match[str]) -> Finding | None:
    kind = next(name for name in _ASKED if match[name])
    value, start = match["value"], match.start("value")
    end = start + len(value)
    if kind == "birth":
        till = day_at(text, start)
        if till is None or not _AFTER.match(text, till):
            return None
        return Finding(start, till, "DATE_OF_BIRTH", 0.9, ("answer",))
    label = None
    if kind == "secret" and _SECRET.match(value) and any(map(str.isdigit, value)):
        label = "CREDENTIAL"
    elif kind in {"messenger", "handle"} and _is_handle(value):
        game = kind == "handle" and _GAME.search(text, max(0, match.start() - 16), start) is not None
        label = "GAME_ID" if game else "MESSENGER_ID"
    elif kind == "game" and _is_nick(value) and not _is_said_on(text, value, end):
        label = "GAME_ID"
    return None if label is None else Finding(start, end, label, 0.8, ("answer",))


def _is_handle(value: str) -> bool:
    return (
        _HANDLE.match(value) is not None
        and _STRONG.search(value) is not None
        and any(map(str.isalpha, value))
    )


def _is_nick(value: str) -> bool:
    return _NICK.match(value) is not None and not _TALK.match(value) and not value.isdigit()


def _is_said_on(text: str, value: str, end: int) -> bool:
    """Whether Hangul alone is followed by more words: a sentence, no name."""
    return (
        re.fullmatch("[가-힣]+", value) is not None
        and re.match("[ ][가-힣]", text[end : end + 2]) is not None
    )


_NAMES = (  # for the gate: what messengers and games' names are called by
    *(
        "카카오톡",
        "카톡",
        "톡",
        "텔레",
        "라인",
        "디스코드",
        "디코",
        "인스타",
        "위챗",
        "微信",
        "kakao",
        "line id",
    ),
    *(
        "카카오",
        "트위터",
        "스카이프",
        "스냅챗",
        "네이버",
        "페이스북",
        "페북",
        "틱톡",
        "lineのid",
        "line の id",
    ),
    *("lineid", "telegram", "discord", "instagram", "twitter", "wechat", "whatsapp", "skype", "snapchat"),
    *("아이디", "게임 닉", "게임닉", "gamer", "riot", "in-game name", "in game name", "ingame name"),
    *spelt(
        ("롤", "배그", "로아", "메이플", "발로", "옵치", "마크", "로블록스", "스팀", "던파", "게임"),
        ("", " "),
        ("id", "계정"),
    ),
    *spelt("플레이어", ("", " "), ("명", "이름")),
    *(
        "닉",
        "캐릭명",
        "캐릭 명",
        "캐릭터명",
        "캐릭터 명",
        "캐릭이름",
        "캐릭 이름",
        "캐릭터이름",
        "캐릭터 이름",
        "소환사명",
    ),
    *("소환사 명", "배틀태그", "배틀 태그", "ign", "昵称"),
    *spelt("게임", ("", " "), ("아이디", "id")),
)
_SECRETS = ("비밀번호", "비번", "암호", "패스워드", "password", "密码", "パスワード", "contrase")
ANSWER = Detector(
    entities=("DATE_OF_BIRTH", "MESSENGER_ID", "GAME_ID", "CREDENTIAL"),
    pattern=_PATTERN,
    weigh=_answer,
    words=(
        *("생년", "생 년", "생일", "생신", "년생", "birthday", "birthdate", "birth date", "birth_date"),
        *("date of birth", "dob", "出生日期", "生日", "生年月日", "nacimiento"),
        *spelt(("번호", "주번", "민증"), ("", " "), "앞"),
        *_NAMES,
        *_SECRETS,
    ),
    lines=2,
    tail=64,
)

_HEADINGS = {
    "GAME_ID": (
        r"(?:게임[ ]?)?(?:닉네임|닉)|캐릭(?:터)?[ ]?(?:명|이름)|(?:게임|유저)[ ]?(?:ID|아이디)|"
        r"nick_?name|ign|character_?name|昵称"
    ),
    "MESSENGER_ID": (
        r"(?:카카오톡|카톡|텔레그램|라인|인스타(?:그램)?|디스코드|위챗|메신저)[ _]?(?:ID|아이디|계정)?|"
        r"(?:kakao|telegram|line|instagram|discord|wechat)[_ ]?(?:id)?|微信号?"
    ),
    "CREDENTIAL": r"비밀번호|비번|암호|password|passwd|pw|密码|パスワード",
}
_COLUMN = expression(
    r"(?:(?<![^\n|\t,])|(?<=[|\t,][ ]))(?:"
    + "|".join(rf"(?P<{label}>{words})" for label, words in _HEADINGS.items())
    + r")[ ]*(?=[|\t,\n])",
    re.IGNORECASE,
)
_CELL = expression(r"[ ]?(?P<value>[^\s|,]{2,40})[ ]?")
_TABLE = 2_000  # characters of a table that are looked at below its headings
_NO_CELL = expression(
    r"(?:필수|선택|없음|설명|비고|입력|문자열?|숫자|예시|varchar|string|null|none|text|n/a)", re.IGNORECASE
)
_CELL_NICK = expression(r"[가-힣一-鿿ぁ-ヶA-Za-z0-9_]{2,16}(?:#[A-Za-z0-9]{2,6})?\Z")
_SHAPES = {"GAME_ID": _CELL_NICK, "MESSENGER_ID": _HANDLE, "CREDENTIAL": _SECRET}


def _column(text: str, match: re.Match[str]) -> list[Finding]:
    """The cells below a heading of the first row of a table."""
    label = match.lastgroup or ""
    begin = text.rfind("\n", 0, match.start(label)) + 1
    end = text.find("\n", match.end())
    head = text[begin : end if end >= 0 else len(text)]
    separator = next((sign for sign in "|\t," if sign in head), None)
    above = text[text.rfind("\n", 0, max(0, begin - 1)) + 1 : max(0, begin - 1)]
    padded = match.start() == begin and match.end() > match.end(label) + 1  # "nickname   |", no sign before
    if separator is None or padded or end < 0 or above.count(separator) == head.count(separator):
        return []
    place = text.count(separator, begin, match.start(label))
    found = []
    for row in text[end + 1 : begin + _TABLE].split("\n"):
        if row.count(separator) != head.count(separator):
            break
        cells = row.split(separator)
        cell = _CELL.fullmatch(cells[place])
        if cell and _is_one(label, cell["value"]):
            at = end + 1 + sum(map(len, cells[:place])) + place + cell.start("value")
            found.append(Finding(at, at + len(cell["value"]), label, 0.8, ("heading",)))
        end += len(row) + 1
    return found


def _is_one(label: str, value: str) -> bool:
    if value.isdigit() or _NO_CELL.match(value) or not _SHAPES[label].match(value):
        return False
    return label != "CREDENTIAL" or any(map(str.isdigit, value))


_SERVICES = ("카카오톡", "카톡", "텔레그램", "라인", "인스타", "인스타그램", "디스코드", "위챗", "메신저")
_LATIN = ("kakao", "telegram", "line", "instagram", "discord", "wechat")
_SIGN = tuple("|,\t")
COLUMN = Detector(
    entities=("GAME_ID", "MESSENGER_ID", "CREDENTIAL"),
    pattern=_COLUMN,
    weigh=_column,
    words=(
        *spelt(
            (
                *("닉네임", "닉", "nickname", "nick_name", "ign", "charactername", "character_name", "昵称"),
                *(
                    "微信",
                    "微信号",
                    "비밀번호",
                    "비번",
                    "암호",
                    "password",
                    "passwd",
                    "pw",
                    "密码",
                    "パスワード",
                ),
                *spelt(("캐릭", "캐릭터"), ("", " "), ("명", "이름")),
                *spelt(("게임", "유저"), ("", " "), ("id", "아이디")),
                *spelt(_SERVICES, ("", *spelt(("", " ", "_"), ("id", "아이디", "계정")))),
                *spelt(_LATIN, ("", "id", " id", "_id")),
            ),
            ("", " "),
            _SIGN,
        ),
        *spelt(
            _SIGN,
            ("", " "),
            (
                *(
                    "닉",
                    "게임",
                    "캐릭",
                    "유저",
                    "nick",
                    "ign",
                    "character",
                    "昵称",
                    "微信",
                    "비밀번호",
                    "비번",
                ),
                *("암호", "passw", "pw", "密码", "パスワード", *_SERVICES, *_LATIN),
            ),
        ),
    ),
    lines=40,
)
