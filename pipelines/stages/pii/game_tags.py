"""Names of players by their form: with a game's tag (#KR1), as numbers that games give, in Han and kana."""

from __future__ import annotations

import re

from pipelines.stages.pii.detector import Detector, spelt
from pipelines.stages.pii.evidence import Finding, line_from, line_to
from pipelines.stages.pii.expression import expression
from pipelines.stages.pii.handle_words import GAME_WORDS, GAMES

_TAGGED = expression(
    r"(?<![A-Za-z0-9가-힣#/_.\-])(?:SW-[0-9]{4}-[0-9]{4}-[0-9]{4}|"
    r"(?:(?!Soy|Add|My|The|Hey|Duo|"
    r"Riot)[A-Z][A-Za-z]{2,12}[ ](?:[A-Za-z]{2,10}[ ])?)?"
    r"[가-힣ぁ-ヶー一-鿿A-Za-z0-9_]{2,16}[ ]?#(?:KR[0-9]{0,2}|JP1|NA1|"
    r"EUW[0-9]?|EUNE?|OCE?|TW2|LAN|LAS|BR1|TR1|RU1?|SG2|TH2|VN2|PH2)|"
    r"[가-힣]{1,8}[0-9]{0,4}#[0-9]{4,5}|(?P<latin>[A-Za-z][A-Za-z0-9_]{2,15}#[0-9]{4,5}))(?![A-Za-z0-9#])"
)
_NO_TAGGED = expression(
    r"이슈|문의|주문|번호|티켓|버그|건|파트|채널|예약|접수|태그|해시|에피|시즌|댓글|글|호|작업|과제|문제"
)
_PLAYER = expression(
    r"친추|듀오|옵치|오버워치|배틀|배그|발로|롤|overwatch|battle|블리자드|귓|파티|add me|디아|하스|신고|핵|"
    r"트롤",
    re.IGNORECASE,
)
_GAME = expression(rf"(?<![가-힣A-Za-z])(?:{GAMES})", re.IGNORECASE)
_ROOM = expression(r"(?:디스코드|디코|discord)[^\n]{0,12}\Z", re.IGNORECASE)
_REACH, _FAR = 20, 40


def _tagged(text: str, match: re.Match[str]) -> Finding | None:
    """A name with a tag of a game's region, or a Hangul one with a number."""
    if _NO_TAGGED.match(match[0]):
        return None
    start, end = match.span()
    if match["latin"]:
        before, behind = line_from(text, start, _REACH), line_to(text, end, _REACH)
        if _ROOM.search(text, before, start):
            return None
        near = text[before:start] + " " + text[end:behind]
        alone = text[start - 1 : start] in {"", "\n"} and text[end : end + 1] in {"", "\n"}
        if not (alone or _PLAYER.search(near) or _GAME.search(near)):
            return None
    return Finding(start, end, "GAME_ID", 0.8, ("tag",))


_HAN_CUE = (
    r"(?:(?:游戏|玩家)?昵称|玩家名|玩家(?:ID|名)|游戏(?:ID|名字?)|(?:游戏)?角色名|キャラ(?:クター)?名|"
    r"プレイヤー(?:名|ID)|ゲーム(?:内の)?(?:名前?|ID|ネーム)|游戏里|我游戏名|ニックネーム|ユーザー名|"
    r"ハンドルネーム)"
)
_HAN_NAME = r"[ぁ-ゖァ-ヶー一-鿿A-Za-z0-9_]{2,16}"
_HAN_GAME = expression(
    rf"{_HAN_CUE}[ ]?(?:は|是|叫|:|=)[ ]?(?:[「『\"“](?P<quoted>{_HAN_NAME})[」』\"”]|"
    rf"(?P<handle>{_HAN_NAME}?)(?:です|だ|と|，|,|。|\s|[.!?)]|\Z|$))",
    re.IGNORECASE,
)
_NO_HAN = expression("什么|不|已|请|何|なに|入力|変更|必須|重複|必填|长度|文字")
_NUMBER = expression(
    r"(?<![A-Za-z_])(?:UID|유아이디|유저[ ]?번호|트레이너[ ]?ID|플레이어[ ]?번호)(?:은|는|가|[ ]is|"
    r"[ ]es)?[ ]?[:=は]?[ ]?"
    r"(?P<uid>[1-9][0-9]{7,10})(?![0-9])|"
    r"(?:플레이어|유저|게임|트레이너|소대|사령관|지휘관|함장|player|game|in-?game)[ ]?(?:ID|아이디|"
    r"번호)(?:은|"
    r"는|가|[ ]is)?[ ]?[:=]?[ ]?(?P<player>[0-9]{7,18})(?![0-9A-Za-z\-])|"
    r"(?:(?:트레이너|친구|닌텐도|스위치)[ ]?(?:친구[ ]?)?코드|(?:friend|trainer)[ ]?code|"
    r"フレンドコード)(?:는|가|은|"
    r"[ ]is|は)?[ ]?:?[ ]?(?P<code>[0-9]{4}[ \-]?[0-9]{4}(?:[ \-]?[0-9]{4})?|[0-9]{8,12}|"
    r"(?-i:(?=[A-Z]*[0-9])[A-Z0-9]{4}-[A-Z0-9]{4}(?:-[A-Z0-9]{4})?|(?=[A-Z]*[0-9])[A-Z0-9]{6,10}))"
    r"(?![0-9A-Za-z]|[ \-][0-9])|"
    r"(?<![0-9\- ])(?P<friend>[0-9]{4}[ \-][0-9]{4}[ \-][0-9]{4})(?=[ ](?:으?로[ ])?(?:친추|친구[ ]?추가))|"
    rf"(?<![가-힣A-Za-z])(?:{GAMES})[ ](?P<plain>[1-9][0-9]{{7,9}}|0[0-9]{{7}})(?=[ ](?:으?로[ ])?(?:열어|"
    rf"친구|친추|놀러|"
    r"월드|추가|지원|초대|받아|들어))|"
    r"(?:클래시(?:[ ]?로얄)?|클로|브롤(?:스타즈)?|플레이어|클랜|제|내|player)[ ]?(?:태그|tag)(?:는|가|"
    r"[ ]is)?[ ]?:?[ ]?"
    r"(?P<tag>#[0-9A-Z]{6,12})(?![0-9A-Za-z])|"
    r"(?<![0-9A-Za-z#])(?P<form>#(?=[A-Z]*[0-9])(?=[0-9]*[A-Z])[0289PYLQGRJCUV]{7,10})(?![0-9A-Za-z])|"
    rf"ID[ ](?:de|en)[ ](?:{GAMES})[ ]?(?:es|:)[ ]?(?P<spanish>[0-9]{{8,12}})(?![0-9\-])",
    re.IGNORECASE,
)
_UID_GAME = expression(
    rf"{GAMES}|hsr|zzz|原神|游戏|원신|친추|서버|캐릭|계정|복구|문의|server|결제|월드|지원|친구|초대|접속",
    re.IGNORECASE,
)
_TAG_GAME = expression(r"태그|tag|클랜|클럽|브롤|클래시|로얄|클오클|brawl|clash|royale|player", re.IGNORECASE)


def _han_game(_: str, match: re.Match[str]) -> Finding | None:
    group = "quoted" if match["quoted"] else "handle"
    if _NO_HAN.match(match[group]):
        return None
    return Finding(*match.span(group), "GAME_ID", 0.85, ("word for it",))


def _number(text: str, match: re.Match[str]) -> Finding | None:
    group = match.lastgroup or ""
    start, end = match.span(group)
    if group == "uid":
        near = max(0, start - 20)
        if not (_UID_GAME.search(text, near, start) or _UID_GAME.search(text, end, end + 12)):
            return None
    if group == "form":
        before = line_from(text, start, _FAR)
        if not (
            _TAG_GAME.search(text, before, start) or _TAG_GAME.search(text[end : line_to(text, end, _FAR)])
        ):
            return None
    return Finding(start, end, "GAME_ID", 0.85, ("cue:game",))


_GAME_WORDS = tuple(dict.fromkeys((*GAME_WORDS, *(word.replace(" ", "") for word in GAME_WORDS))))
_TAGS = (
    "#kr",
    "#jp0",
    "#na0",
    "#euw",
    "#eune",
    "#oce",
    "#oc",
    "#eun",
    "#tw0",
    "#lan",
    "#las",
    "#br0",
    "#tr0",
    "#ru",
    "#sg0",
    "#th0",
    "#vn0",
    "#ph0",
    "#0000",
    "sw-0000-",
)
TAGGED = Detector(entities=("GAME_ID",), pattern=_TAGGED, weigh=_tagged, words=_TAGS)
HAN_GAME = Detector(
    entities=("GAME_ID",),
    pattern=_HAN_GAME,
    weigh=_han_game,
    words=(
        *(
            "昵称",
            "玩家id",
            "玩家名",
            "游戏id",
            "游戏名",
            "角色名",
            "キャラ名",
            "キャラクター名",
            "プレイヤー",
        ),
        *(
            "ゲーム名",
            "ゲーム内の名",
            "游戏里",
            "我游戏名",
            "ゲームid",
            "ゲームネーム",
            "ニックネーム",
            "ユーザー名",
            "ハンドルネーム",
        ),
    ),
)
NUMBER = Detector(
    entities=("GAME_ID",),
    pattern=_NUMBER,
    weigh=_number,
    words=(
        *spelt(("유저", "플레이어"), ("", " "), "번호"),
        *spelt("트레이너", ("", " "), "id"),
        *(
            "uid",
            "유아이디",
            "태그",
            "player tag",
            "clan",
            "brawl",
            "clash",
            "royale",
            "클랜",
            "클럽",
            "브롤",
            "로얄",
            "클오클",
        ),
        *("id de ", "id en "),
        *spelt(
            ("플레이어", "유저", "게임", "소대", "사령관", "지휘관", "함장", "player", "game"),
            ("", " "),
            ("id", "아이디", "번호"),
        ),
        *("friend code", "friendcode", "trainer code", "trainercode", "フレンドコード"),
        *spelt(("닌텐도", "스위치"), ("", " "), "코드"),
        *spelt("0000", (" ", "-"), "0000", ("", " ", "로 ", " 로 ", "으로 ", " 으로 "), ("친추", "친구")),
        *spelt(_GAME_WORDS, " 00000000"),
        *spelt(("트레이너", "친구"), ("", " "), "코드"),
        *spelt(("클래시", "로얄", "클로", "브롤", "스타즈", "플레이어", "클랜"), ("", " "), "태그"),
    ),
    digits=1,
)
GAME_TAGS = (TAGGED, HAN_GAME, NUMBER)
