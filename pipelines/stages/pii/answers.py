"""What one line asks and the next one says ("생년월일이요?" - "고객: 850213이요"), or stands in a column.

The line that asks (or that is the only heading of a column) names the class; the next one holds the value and
little else, behind the speaker's name. Across a line feed, as split numbers are: on whole texts.
"""

from __future__ import annotations

import re

from pipelines.stages.pii.birth_date import day_at
from pipelines.stages.pii.characters import without_looks
from pipelines.stages.pii.detector import Detector
from pipelines.stages.pii.evidence import Finding

_ASKED = {
    "birth": (
        r"생[ ]?년[ ]?월[ ]?일|(?<!발)생일|생신|몇[ ]?년생|(?:주민(?:등록)?번호|주번|민증)[ ]?앞|"
        r"birthday|birth[ _]?date|"
        r"date of birth|(?<![a-z])dob(?![a-z])|出生日期|生日|生年月日|誕生日|nacimiento"
    ),
    "secret": r"비밀번호|비번|암호|패스워드|密码|パスワード|contraseña|password[ ]?[?:]",
    "messenger": (
        r"(?<![가-힣])(?:카카오톡|카톡|톡|텔레(?:그램)?|라인|디스코드|디코|인스타(?:그램)?|위챗)|微信|"
        r"kakao[a-z ]*id|line id"
    ),
    "game": (
        r"닉네임|닉(?![가-힣])|캐릭(?:터)?[ ]?(?:명|이름)|소환사[ ]?명|배틀[ ]?태그|"
        r"게임[ ]?(?:아이디|ID)|(?<![a-z])ign(?![a-z])|昵称"
    ),
}
_SPEAKER = (
    r"(?:[^\n:\[\]()]{1,14}[ ]?:[ ]?)?(?:(?:네|넵|예|응|아|음|어|yes)[,.~!]*[ ])?(?:(?:저는|"
    r"제|나|난|내)[ ])?[\"']?"
)
# How a line asks: "... 알려 주세요", "...?", or nothing behind the word.
_ASKS = r"(?:[^\n]{0,22}[?요죠줘임지야니냐까라래데게해뭐][?~.! ㅋㅎ]{0,4}|[^\n가-힣A-Za-z]{0,4})"
_VALUE = r"(?P<value>[^\n]{2,44}?)"
_TAIL = (
    r"(?:이에요|예요|이예요|입니다|이요|이야|이고요?|인데요?|임|요|야|です|생이요|생이야|생입니다|생)?"
    r"[\"']?(?:[.,!~?]{0,3}(?:[ ]|$)[^\n]{0,24})?(?=\n|\Z)"
)
_PATTERN = re.compile(
    "|".join(rf"(?P<{kind}>{words.replace('?P<', '?:')})" for kind, words in _ASKED.items()).join(
        ("(?i:", ")")
    )
    + rf"{_ASKS}\n"
    + rf"(?={_SPEAKER}{_VALUE}{_TAIL})",
    re.MULTILINE,
)
_AFTER = re.compile(_TAIL)
_HANDLE = re.compile(r"@?[A-Za-z0-9][A-Za-z0-9_.\-]{2,28}[A-Za-z0-9_](?:#[0-9]{3,5})?\Z")
_NICK = re.compile(r"[가-힣A-Za-z0-9_]{4,14}(?:#[A-Za-z0-9]{2,6})?\Z")
_STRONG = re.compile(r"[0-9_.@#]")
_SECRET = re.compile(r"[!-~]{4,40}\Z")
_TALK = re.compile(r"(?:[요다까죠네음함냐지해줘]|ㅋ+|비밀|몰라|글쎄)\Z")


def _answer(text: str, match: re.Match[str]) -> Finding | None:
    kind = next(name for name in _ASKED if match[name])
    value, start = match["value"], match.start("value")
    end = start + len(value)
    if kind == "birth":
        till = day_at(text, start)
        if till is None or not _AFTER.match(text, till):
            return None
        return Finding(start, till, "DATE_OF_BIRTH", 0.9, ("answer",))
    if (
        kind == "messenger"
        and _HANDLE.match(value)
        and _STRONG.search(value)
        and any(map(str.isalpha, value))
    ):
        return Finding(start, end, "MESSENGER_ID", 0.85, ("answer",))
    if kind == "secret" and _SECRET.match(value) and any(map(str.isdigit, value)):
        return Finding(start, end, "CREDENTIAL", 0.85, ("answer",))
    if kind == "game" and _NICK.match(value) and not _TALK.search(value) and not value.isdigit():
        return Finding(start, end, "GAME_ID", 0.8, ("answer",))
    return None


ANSWER = Detector(
    ("DATE_OF_BIRTH", "MESSENGER_ID", "GAME_ID", "CREDENTIAL"),
    f"(?i:{'|'.join(map(without_looks, _ASKED.values()))}){_ASKS}\\n",
    _PATTERN,
    _answer,
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
_HEADING = {label: re.compile(rf"(?i)[ ]*(?:{words})[ ]*\Z") for label, words in _HEADINGS.items()}
_CELL = re.compile(r"(?:(?<=\n)|(?<=[|\t,]))[ ]?(?P<value>[^\s|,]{2,40})(?=[ ]?(?:[|\t,\n]|\Z))")


def _top(text: str, start: int) -> str | None:
    """The cell that heads the column: in the first of the rows above, of as many cells; None without rows."""
    begin = text.rfind("\n", 0, start) + 1
    stop = text.find("\n", start)
    line = text[begin : stop if stop >= 0 else len(text)]
    separator = next((sign for sign in "|\t," if sign in line), None)
    above = text[max(0, begin - _TABLE) : max(0, begin - 1)].split("\n")
    if separator is None or len(line) > _TABLE or not begin:
        return None
    top = None
    for row in reversed(above):
        if row.count(separator) != line.count(separator):
            break
        top = row
    return None if top is None else top.split(separator)[text.count(separator, begin, start)]


_TABLE = 2_000  # characters of a table that are looked at above a cell
_NO_CELL = re.compile(
    r"(?:필수|선택|없음|설명|비고|입력|문자열?|숫자|예시|varchar|string|null|none|text|n/a)", re.IGNORECASE
)


def _cell(text: str, match: re.Match[str]) -> Finding | None:
    """A cell below a heading that names handles or passwords."""
    start, end = match.span("value")
    column = _top(text, start)
    label = next((name for name, words in _HEADING.items() if column and words.match(column)), None)
    value = match["value"]
    if label is None or value.isdigit() or _NO_CELL.match(value):
        return None
    shaped = {"GAME_ID": _CELL_NICK, "MESSENGER_ID": _HANDLE, "CREDENTIAL": _SECRET}[label].match(value)
    if not shaped or (label == "CREDENTIAL" and not any(map(str.isdigit, value))):
        return None
    return Finding(start, end, label, 0.8, ("heading",))


_CELL_NICK = re.compile(r"[가-힣一-鿿ぁ-ヶA-Za-z0-9_]{2,16}(?:#[A-Za-z0-9]{2,6})?\Z")
COLUMN = Detector(
    ("GAME_ID", "MESSENGER_ID", "CREDENTIAL"),
    f"(?i:{'|'.join(_HEADINGS.values())})[ ]*[|\\t,\\n]",
    _CELL,
    _cell,
)
