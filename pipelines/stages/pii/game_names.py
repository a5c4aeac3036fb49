"""Names of players: behind the word for them (닉네임, IGN, 昵称), behind a game, and by their form.

Hangul names stand directly behind the word, and are no verb or wish. Particles do not belong to the span.
"""

from __future__ import annotations

import re

from pipelines.stages.pii.detector import Detector, spelt
from pipelines.stages.pii.evidence import Finding, probability
from pipelines.stages.pii.expression import expression
from pipelines.stages.pii.game_chat import PLAYER
from pipelines.stages.pii.handle_words import GAMES, ID_WORD, ID_WORDS, LINK, PLACEHOLDER, SCHEME, STRONG
from pipelines.stages.pii.invented import OUR_HANDLE as OURS

_BEFORE_IGN = " (\"':,/|>*-"
_IGN = rf"(?<![^\n\t{re.escape(_BEFORE_IGN)}])IGN(?![A-Za-z])"  # in-game name; no piece of a word
_NICK = (  # the word for a name in games
    r"(?:닉네임|닉넴|닉(?!값|변|언)|캐릭(?:터)?(?:[ ]?명|[ ]?이름|[ ]?닉)|소환사[ ]?(?:명|이름)|"
    rf"배틀[ ]?태그|battle[ ]?tag|{_IGN}|라이엇[ ]?(?:ID|아이디)|riot[ ]?id|구단주[ ]?명|길드원|롤네임|"
    r"게임[ ]?네임|감독[ ]?명|모험단(?:[ ]?명|[ ]이름)|기사단[ ]?명|구단[ ]?명|유저[ ]?명|"
    r"신고[ ]?대상(?:자)?|"
    r"플레이어[ ]?(?:명|이름)|gamer[ ]?tag|in-?game[ ]?name|nick(?:name)?(?:[ ]en[ ][A-Za-z]{2,15})?|"
    r"character[_ ]?name|ID[ ]de[ ]jugador)"
)
_NAME = r"[가-힣A-Za-z0-9_][가-힣A-Za-z0-9_\-]{1,19}"
_HANDLE = (
    rf"{LINK}(?P<handle>{OURS}|STEAM_[0-5]:[01]:[0-9]{{4,12}}|"
    rf"{_NAME}(?:[ ][A-Za-z]+){{0,2}}(?P<tag>#[A-Za-z0-9]{{2,6}})?|{_NAME}(?P<tag2>#[A-Za-z0-9]{{2,6}})?)"
)
_NICKNAME = expression(  # behind the word for a name in games
    rf"(?<![가-힣A-Za-z])(?:(?:{GAMES})[ ]?)?(?P<nick>{_NICK}){_HANDLE}", re.IGNORECASE
)
_GAME_ID = expression(  # behind a game and the word for an id
    rf"(?<![가-힣A-Za-z])(?P<game>{GAMES})[ ]?(?:계정[ ]?)?(?P<word>{ID_WORD}){_HANDLE}", re.IGNORECASE
)
_BEHIND_GAME = expression(  # behind the game alone
    rf"(?<![가-힣A-Za-z])(?P<tagged>{GAMES}|유저|user)(?=[ ]){_HANDLE}", re.IGNORECASE
)
_TAGGED = expression(
    r"(?<![A-Za-z0-9가-힣#/_.\-])(?:SW-[0-9]{4}-[0-9]{4}-[0-9]{4}|"
    r"[가-힣A-Za-z0-9]{2,16}#(?:KR[0-9]?|JP1|NA1|EUW)|"
    r"[가-힣]{2,8}#[0-9]{4,5})(?![A-Za-z0-9#])"
)
_NO_TAGGED = expression(
    r"이슈|문의|주문|번호|티켓|버그|건|파트|채널|예약|접수|태그|해시|에피|시즌|댓글|글|호|작업|과제|문제"
)
_PARTICLE = expression(
    r"(?<=[가-힣A-Za-z0-9_])(?:이라고|라고|이라는|라는|이에요|예요|이예요|입니다|이고요|이고|이며|인데요|"
    r"인데|이요|으로|에게|한테|이랑|"
    r"이야|님|씨|인|은|는|이|가|을|를|로|랑|와|과|도|의|요|야)\Z"
)
_HARD_PARTICLE = expression(
    r"(?:이라고|라고|이라는|이에요|예요|입니다|이고요|이고|이며|인데요|인데|으로|한테)\Z"
)
_HANGUL = expression("[가-힣]")
# What follows 닉네임 and is no name: verbs, wishes, questions, things one does with a name.
_NO_NICK = expression(
    r"(?:(?:을|를|이|가|은|는|도|만|의|에|뭐|좀|왜|안|못|잘|그|이런|저런|이거|좋|함|임|남|두|세|"
    r"랑)(?![가-힣A-Za-z0-9]{2})|으로|변경|설정|확인|입력|검색|공개|"
    r"무엇|어떻|알려|정하|정해|추천|바꾸|바꿔|바뀌|짓|지어|등록|없|있|아이디|중복|수정|쓰[는고기면]|"
    r"말[하해고씀]|보[여이통고]|같|다시|새로|한글|영어|영문|생성|"
    r"만들|가진|길드|유저|사용|기준|대신|때문|그대로|누구|어디|네임|멋진|예쁘|이쁘|귀엽|웃기|특이|남자|"
    r"여자|너무|정말|진짜|이미|계속|자꾸|아직|벌써|매우|되게|완전|정지|당했|[ㄱ-ㅎㅏ-ㅣ]|하나|"
    r"하고|까지|부터|값|세탁|신고|차단|친추|추가|"
    r"서버|점검|패치|업데이트|이벤트|시즌|친구|공식|초보|신규|모바일|온라인|계정|핵|버그|오류|렉)"
)
_PLAYER_BEHIND = expression(r"[ ](?:[가-힣]{1,5}[ ]서버|신고|차단|핵|친추|듀오)")
_HOST_BEHIND = expression(r"\.?[A-Za-z0-9]|[_\-]")
_LATIN_END = expression(r"[A-Za-z0-9_\-]+$")
_LATIN_WORDS = expression("[A-Za-z ]+")
_GAME_FIRST = expression(GAMES, re.IGNORECASE)


def _tagged(text: str, match: re.Match[str]) -> Finding | None:
    """A name with a tag of a game's region, or a Hangul one with a number."""
    if _NO_TAGGED.match(match[0]):
        return None
    return Finding(*match.span(), "GAME_ID", 0.8, ("tag",))


def _game(text: str, match: re.Match[str]) -> Finding | None:
    start = match.start("handle")
    group = match.groupdict()
    nick, word, tag = group.get("nick"), group.get("word"), match["tag"] or match["tag2"]
    link = text[match.end("nick") : start] if nick else ""
    said = link.strip() in {"은", "는", "이", "가"}  # "닉네임은 ..."
    handle = match["handle"]
    if text.startswith("://", match.end("handle")):
        handle = SCHEME.sub("", handle)  # a URL begins right behind it
    elif not tag and _HANGUL.match(handle) and _HOST_BEHIND.match(text, match.end("handle")):
        handle = _LATIN_END.sub("", handle)
    elif not tag:
        handle = _without_particle(handle, said=said)
    end = start + len(handle)
    hangul = _HANGUL.search(handle) is not None
    if text[start - 1].isalnum() and (text[start - 1].isascii() or _HANGUL.match(handle)):
        return None  # "ignore", "닉값"
    if len(handle) < 2 or PLACEHOLDER.match(handle) or text[end : end + 1] == "(" or set(link) & set(",|\t"):
        return None
    if not said and match.end("handle") == end + 1 and _SERVER_BEHIND.match(text, end + 1):
        end, handle = end + 1, handle + text[end]  # "하늬가 카단 서버"
    tagged = tag is not None or handle.startswith("STEAM_")
    player = len(handle) > 3 and _PLAYER_BEHIND.match(text, end) is not None
    if not (nick or word or tagged or player):
        return None
    beside = nick is not None and hangul and not link.strip(" ")
    closing = match.end("handle") > end or _ENDS.match(text, end) is not None
    signs = [
        (2.3 if beside else 3.5, "word for it", nick),
        (3.0, "word for it", word),
        (3.0, "cue after:player", player and not (nick or word)),
        (3.0 if nick or word else 2.0, "tag", tagged),
        (2.0, "no word", not hangul and STRONG.search(handle)),
        (0.7, "game", group.get("game") or _GAME_FIRST.match(match[0])),
        (1.0, "alone", beside and len(handle) >= 4 and closing and not _VERBAL.search(handle)),
        (-4.0, "a word of talk", hangul and _NO_NICK.match(handle)),
        (-3.0, "a name of somebody", hangul and said and nick == "닉" and not closing),
        (-4.0, "digits", handle.isdigit()),
        (
            -2.0,
            "code",
            nick and nick.isascii() and not hangul and not STRONG.search(handle),
        ),
    ]
    logit = sum((weight for weight, _, there in signs if there), -2.5)
    return Finding(
        start, end, "GAME_ID", probability(logit), tuple(name for _, name, there in signs if there)
    )


_SERVER_BEHIND = expression("[ ][가-힣]{1,5}[ ]?서버")
_ENDS = expression(
    r"[ \t]*(?:[\n.,!?)\]\"'/|]|\Z)|[ ](?:[가-힣]{0,5}[ ]?서버|신고|차단|핵|친추|길드|직업|레벨)"
)
_VERBAL = expression(
    "(?:[요다까죠네음함냐나줘해됨임면서고게도만]|지만|는데|려고|거나|든지|어|아|여|을|를|중|"
    "점|권|창|법|제|료)\\Z"
)
_COPULA = expression(
    r"(?<=[가-힣A-Za-z0-9_])(?:이야|이에요|예요|이예요|입니다|이요|이고요?|인데요?|요|야|임)\Z"
)


def _without_particle(handle: str, *, said: bool) -> str:
    """The handle alone: of several words only Latin ones stay together. `said`: "is" stands before."""
    if not _LATIN_WORDS.fullmatch(handle):
        handle = handle.split(" ", 1)[0]
    if said and (copula := _COPULA.search(handle)) and copula.start() >= 2:
        return handle[: copula.start()]
    particle = _PARTICLE.search(handle)
    if particle and not handle[: particle.start()][-1].isascii():
        particle = _hangul_end(handle)
    return handle[: particle.start()] if particle else handle


def _hangul_end(handle: str) -> re.Match[str] | None:
    """Particles are cut from a Hangul name where they are long, or where they agree with its last sound."""
    if hard := _HARD_PARTICLE.search(handle):
        return hard
    soft = re.search(r"(?:은|는|이|가|을|를)\Z", handle)
    if soft is None or len(handle) < 4:
        return None
    closed = (ord(handle[-2]) - 0xAC00) % 28 != 0 if _HANGUL.match(handle[-2]) else True
    return soft if closed == (soft[0] in "은이을") else None


_HAN_CUE = r"(?:(?:游戏)?昵称|游戏(?:ID|名)|角色名|キャラ(?:クター)?名|プレイヤー名|ゲーム名|ニックネーム)"
_HAN_NAME = r"[ぁ-ゖァ-ヶー一-鿿A-Za-z0-9_]{2,14}"
_HAN_GAME = expression(
    rf"{_HAN_CUE}[ ]?(?:は|是|叫|:|=)[ ]?(?P<handle>{_HAN_NAME}?)(?:です|だ|と|，|,|。|\s|[.!?)]|\Z|$)"
)
_NO_HAN = expression("什么|不|已|请|何|なに|入力|変更|必須|重複")
_UID = expression(
    r"(?<![A-Za-z_])UID(?:은|는|가)?[ ]?:?[ ]?(?P<handle>[1-9][0-9]{8})(?![0-9])", re.IGNORECASE
)
_UID_GAME = expression("원신|스타레일|붕괴|젠레스|명조|게임|genshin|hsr|原神|친추", re.IGNORECASE)


def _han_game(text: str, match: re.Match[str]) -> Finding | None:
    if _NO_HAN.match(match["handle"]):
        return None
    return Finding(*match.span("handle"), "GAME_ID", 0.85, ("word for it",))


def _uid(text: str, match: re.Match[str]) -> Finding | None:
    start, end = match.span("handle")
    cue = _UID_GAME.search(text, max(0, start - 20), start) or _UID_GAME.search(text, end, end + 12)
    return Finding(start, end, "GAME_ID", 0.85, ("cue:game",)) if cue else None


TAGGED = Detector(
    entities=("GAME_ID",),
    pattern=_TAGGED,
    weigh=_tagged,
    words=("#kr", "#jp0", "#na0", "#euw", "#0000", "sw-0000-"),
)
_GAMES = (
    "롤",
    "레전드",
    "배그",
    "배틀그라운드",
    "pubg",
    "로블록스",
    "로블",
    "메이플스토리",
    "메이플",
    "발로란트",
    "발로",
    "마크",
    "마인크래프트",
    "오버워치",
    "옵치",
    "던파",
    "로스트아크",
    "로아",
    "피파",
    "서든",
    "스팀",
    "steam",
    "psn",
    "넥슨",
    "배틀넷",
    "게임",
    "ゲーム",
    "길드",
    "브롤",
    "클래시",
    "원신",
    "포트나이트",
    "에펙",
    "에이펙스",
)
NICK = Detector(
    entities=("GAME_ID",),
    pattern=_NICKNAME,
    weigh=_game,
    words=(
        *("닉", "라이엇", "riot", "길드원", "롤네임", "신고대상", "신고 대상", "nick", "id de jugador"),
        *spelt(list(_BEFORE_IGN + "\t"), "ign", list(" :=|,\t\"'은는이가のは是叫디")),
        *spelt(("캐릭", "캐릭터", "소환사", "플레이어", "모험단"), ("", " "), ("명", "이름")),
        *spelt(("구단주", "감독", "기사단", "구단", "유저"), ("", " "), "명"),
        *spelt(("배틀", "게임"), ("", " "), ("태그", "네임")),
        *spelt(("battle", "gamer"), ("", " "), "tag"),
        *spelt("in", ("", "-"), "game", ("", " "), "name"),
        *spelt("character", ("", " ", "_"), "name"),
    ),
)
GAME = Detector(
    entities=("GAME_ID",),
    pattern=_GAME_ID,
    weigh=_game,
    words=(*ID_WORDS, *spelt(_GAMES, ("", " "), "id")),
    also=_GAMES,
)
BEHIND_GAME = Detector(
    entities=("GAME_ID",),
    pattern=_BEHIND_GAME,
    weigh=_game,
    words=(*_GAMES, "유저", "user"),
    also=("#", " 서버", " 신고", " 차단", " 핵", " 친추", " 듀오", "steam_"),
)
HAN_GAME = Detector(
    entities=("GAME_ID",),
    pattern=_HAN_GAME,
    weigh=_han_game,
    words=(
        "昵称",
        "游戏id",
        "游戏名",
        "角色名",
        "キャラ名",
        "キャラクター名",
        "プレイヤー名",
        "ゲーム名",
        "ニックネーム",
    ),
)
UID = Detector(entities=("GAME_ID",), pattern=_UID, weigh=_uid, words=("uid",), run=9)
GAME_NAMES = (NICK, GAME, BEHIND_GAME, TAGGED, HAN_GAME, UID, PLAYER)
