"""Names of players behind the word for them: 닉네임, 본캐, IGN, "player_name", 昵称; and behind a game.

Words that say "name" are strong; those that say who somebody is (길드장, 본캐, 귓) need a colon, quotes, or a
name that is no word of talk and ends its clause. Particles do not belong to the span.
"""

from __future__ import annotations

import re

from pipelines.stages.pii.detector import Detector, spelt
from pipelines.stages.pii.evidence import Finding, line_from, line_to, probability
from pipelines.stages.pii.expression import expression
from pipelines.stages.pii.game_behind import NAMED_BEHIND
from pipelines.stages.pii.game_chat import GAME_MESSAGES
from pipelines.stages.pii.game_lists import GAME_LISTS
from pipelines.stages.pii.game_tags import GAME_TAGS
from pipelines.stages.pii.game_talk import CLOSING, SERVERS, is_talk, is_verbal, name_of
from pipelines.stages.pii.handle_words import (
    CLOSE,
    GAME_FIRST,
    GAME_WORDS,
    GAMES,
    ID_WORD,
    ID_WORDS,
    OPEN,
    PLACEHOLDER,
    SCHEME,
    STRONG,
)
from pipelines.stages.pii.invented import OUR_HANDLE as OURS
from pipelines.stages.pii.player_words import NAME_WORDS, NICK_WORDS, WHO_WORDS
from pipelines.stages.pii.players import PLAYER

_PLACE = r"(?:[가-힣A-Za-z]{1,6}[ ]?/[ ]?)"
_TIE = (
    rf"(?P<slashed>(?:[ ]?/[ ]?[가-힣A-Za-z]{{1,6}}){{1,3}}(?=[ ]?:))?[\"']?"
    rf"(?P<said>[ ]?(?:は|es|is|是|叫|为|was)(?![A-Za-z])|(?:은|는|이|가)(?:요|[ ]?바로)?(?=[ :=,{OPEN}])|"
    rf"[ ](?:바꿨|바뀌었|변경했|바꿈)[가-힣]{{0,3}}(?=[ :]))?"
    r"(?P<mark>[ \t]{0,2}(?:[:=→>~]|-(?=[ ])|[|,]|\t|</t[dh]>[ ]?<t[dh]>){0,2}[ \t]{0,2})"
)
_NAME = (
    r"(?:[☆★♡♥◆◇†‡ζξι乂メ彡ツ]{1,3}(?=[가-힣A-Za-z]))?[가-힣A-Za-z0-9_ㄱ-ㅣ]"
    r"(?:[가-힣A-Za-z0-9_\-ㄱ-ㅣ]|[☆★♡♥◆◇†‡ζξι乂メ彡ツ]{1,2}|(?<=[A-Za-z0-9])\.(?=[A-Za-z])){1,19}"
)
_LATIN = (
    r"(?:(?:[ ][A-Za-z]+){1,2}(?:[ ][0-9]{1,4}(?![0-9A-Za-z가-힣]))?|"
    r"(?<=[A-Za-z])[ ][0-9]{1,4}(?![0-9A-Za-z가-힣%:.]))?"
)
_VALUE = (
    rf"(?:(?P<open>[{OPEN}])(?P<quoted>{OURS}|"
    rf"[^\s{OPEN}{CLOSE}](?:[^\n{OPEN}{CLOSE}]{{0,18}}[^\s{OPEN}{CLOSE}])?)"
    rf"[{CLOSE}]|[{OPEN}]?(?P<handle>{OURS}|STEAM_[0-5]:[01]:[0-9]{{4,12}}|"
    rf"{_NAME}(?:(?:{_LATIN}|(?:[ ][가-힣]{{1,8}}){{0,2}})[ ]?(?P<tag>#[A-Za-z0-9]{{2,6}})(?![A-Za-z0-9])|"
    rf"{_LATIN})))"
)
_FIRST = (  # how they all begin: looked at first, for speed
    "(?-i:(?=[닉본부캐케소배라구롤게인감모기가원유신플스온에오프커지트마함개여영군단사선교팀클활길파공귓피리혈문매캡판상거해"
    "bBiIrRgGnNcCpPsSeEuUtTkKmMvVwWlLoOxXfF]))"
)
_NICKNAME = expression(  # behind the word for a name in games
    rf"{_FIRST}(?:(?P<nick>{NAME_WORDS})|(?P<who>{WHO_WORDS})){_TIE}{_VALUE}", re.IGNORECASE
)
_GAME_ID = expression(  # behind a game and the word for an id
    rf"{GAME_FIRST}(?<![가-힣A-Za-z])(?P<of>{GAMES})[ ]?(?:계정[ ]?|"
    rf"온라인[ ]?)?(?P<word>{ID_WORD}){_TIE}{_VALUE}",
    re.IGNORECASE,
)
_BEHIND_GAME = expression(  # behind the game alone
    rf"(?:{GAME_FIRST}|(?=유저|[Uu]))(?<![가-힣A-Za-z])(?P<of>{GAMES}|유저|user)(?P<mark>[ ]?:[ ]?|"
    rf"[ ](?:[가-힣0-9]{{1,5}}(?:서버|섭|[ ]서버)[ ]|[가-힣]{{2,6}}[ ](?=[가-힣A-Za-z0-9_]{{4,16}}[ ](?:님|"
    rf"파티|혈맹|길드|귓|우편|쩔|신고|차단|캐릭)))?)"
    rf"(?P<handle>{OURS}|STEAM_[0-5]:[01]:[0-9]{{4,12}}|"
    rf"{_NAME}(?:(?:{_LATIN}|(?:[ ][가-힣]{{1,8}}){{0,2}})[ ]?(?P<tag>#[A-Za-z0-9]{{2,6}})(?![A-Za-z0-9])|"
    rf"{_LATIN}))",
    re.IGNORECASE,
)
_HANGUL = expression("[가-힣]")
_PLAYER_BEHIND = expression(
    r"[ ]?(?:님(?:이|을|를|께|한테|이랑)?|으로|로|에게|한테|이랑|랑|하고|이|가)?[ ](?:[가-힣]{1,5}[ ]서버|"
    r"방에서|신고|차단|핵|친추|듀오|"
    r"캐릭(?:터)?[ ]?(?:복구|삭제|양도|이전)|귓(?:말|주세요|[ ]|[.!\n]|\Z)|우편|쪽지|쩔|방[ ]?(?:파|만들)|"
    r"혈맹|문파|길드[ ]?(?:가입|신청)|"
    r"클랜[ ]?가입|파티|레이드|버스|트롤|비매너|정지|복구|교환|선물|초대)"
)
_HOST_BEHIND = expression(r"\.?[A-Za-z0-9]|[_\-]")
_LATIN_END = expression(r"[A-Za-z0-9_\-.]+$")
_CLEAN = expression(r"[가-힣A-Za-z0-9_#.\- ぁ-ゖァ-ヶー一-鿿]+\Z")
_SERVICE_BEFORE = expression(
    r"(?:디스코드|디코|카카오톡|카톡|오픈톡|오픈채팅|텔레그램|텔레|인스타|트위터|당근|번개장터|중고나라|"
    r"유튜브)[ ]?\Z"
)
_SLASHES_BEFORE = expression(rf"(?<![가-힣A-Za-z]){_PLACE}{{1,3}}\Z")
_HEADING = expression(
    r"(?:길드|레벨|직업|점수|서버|전투력|랭킹|등급|시간|날짜|상태|내용|종류|비고|티어|포지션|역할|아이디|"
    r"이메일)|"
    r"[가-힣]*(?:수|력|명|일|자|률|도|급|순위|시간|날짜|상태|내용|번호|종류|비고)\Z"
)
_COMMON_NOUN = expression(
    r"(?:유저|센터|이용자|회원|사람|문제|현상|시스템|아이템|패치|시즌|이벤트|관련|방법|기능|화면|상점|계정|"
    r"서버|모드|스킨|"
    r"랭크|매치|대회|선수|방송|스트리머|영상|게시판|갤러리|카페|커뮤니티|업데이트|보상|퀘스트|던전|보스|직업|"
    r"레벨|길드|파티|클랜|혈맹|"
    r"거래|캐시|결제|환불|쿠폰|오류|버그|고객|운영자|운영진|개발자|개발사|회사|시간|오늘|이번|어제|요즘|친구|"
    r"초대|모집|신규|복귀)[은는이가을를도에의]?\Z"
)
_SHORT_TO_TELL = 4
_NEAR = 24
_LONG_NUMBER = 8  # digits of a player's number


def _game(text: str, match: re.Match[str]) -> Finding | None:
    group = match.groupdict()
    nick, who, word = group.get("nick"), group.get("who"), group.get("word")
    mark, said = match["mark"], group.get("said") is not None
    found = _bounds(text, match, said=said) if "of" in group or _begins(text, match.start()) else None
    if found is None:
        return None
    start, end, cut = found
    name = text[start:end]
    if _is_none(text, match, start, end) or _is_other(text, match, name, end):
        return None
    quoted = match.start("quoted") == start if "quoted" in group else False
    tagged = match["tag"] is not None or name.startswith("STEAM_")
    hangul = _HANGUL.search(name) is not None
    linked = mark.strip(" ") != "" or quoted
    player = len(name) >= _SHORT_TO_TELL and _PLAYER_BEHIND.match(text, end) is not None
    if not (nick or who or word or tagged or (player and not _COMMON_NOUN.search(name))):
        return None
    strong = STRONG.search(name) is not None
    closing = cut or quoted or CLOSING.match(text, end) is not None
    verbal = (not linked or who is not None) and not quoted and is_verbal(name)
    alone = len(name) >= _SHORT_TO_TELL and closing and not verbal
    code = nick is not None and nick.isascii() and not hangul and not strong and not quoted and not said
    signs = [
        (2.3, "word for it", nick),
        (1.6, "word for who", who),
        (3.0, "word for it", word),
        (1.2, "linked", (nick or who) and (linked or (said and nick))),
        (0.6, "said", who and said and not linked),
        (1.2, "no word", (nick or who) and not hangul and not (linked or said)),
        (0.5, "quotes", quoted),
        (3.0, "cue after:player", player and not (nick or word or who)),
        (3.0 if nick or word else 2.0, "tag", tagged),
        (2.0 if not hangul else 1.0, "no word", strong and (not hangul or re.search("[0-9]", name))),
        (0.7, "game", (word or nick or who) and ("of" in group or _of_game(text, match.start()))),
        (1.0, "alone", (nick or who) and alone and (hangul or who)),
        (-4.0, "a word of talk", hangul and is_talk(name, text, end, linked=linked)),
        (-2.5, "a word of talk", hangul and who and (verbal or (not closing and not linked))),
        (-3.0, "a name of somebody", hangul and said and nick == "닉" and not closing),
        (-0.5 if word and len(name) >= _LONG_NUMBER else -4.0, "digits", name.isdigit()),
        (-2.0, "code", code),
        (-1.5, "a word", who and not hangul and not strong and not linked),
    ]
    logit = sum((weight for weight, _, there in signs if there), -2.5)
    label = "MESSENGER_ID" if nick and _after_service(text, match.start()) else "GAME_ID"
    return Finding(start, end, label, probability(logit), tuple(name for _, name, there in signs if there))


def _is_other(text: str, match: re.Match[str], name: str, end: int) -> bool:
    """Whether its cue is another thing: a user's name of no game, a man called Nick, a field, a heading."""
    group = match.groupdict()
    who, nick, word = ((group.get(part) or "").lower() for part in ("who", "nick", "word"))
    plain = " " in name or (name[0].islower() and not STRONG.search(name))
    field = word and (group.get("of") or "").isascii() and text[match.start("word") - 1].isalnum()
    cell = set(match["mark"]) & set(",|\t")
    return (
        (who.startswith("user") and not _game_near(text, match.start(), end))
        or (nick == "nick" and not match["mark"].strip() and plain)  # "Nick is choosing ..."
        or bool(field)  # "lineageID"
        or (bool(cell) and (_HEADING.match(name) is not None or len(name) < _SHORT_TO_TELL))
    )


_GAME_RIGHT_BEFORE = expression(rf"(?<![가-힣A-Za-z])(?:{GAMES}|본캐|부캐)[ ]?\Z", re.IGNORECASE)


def _of_game(text: str, start: int) -> bool:
    return _GAME_RIGHT_BEFORE.search(text, max(0, start - _NEAR), start) is not None


def _begins(text: str, start: int) -> bool:
    """Whether a word begins there, or a game's name ends."""
    before = text[start - 1 : start]
    letter = before.isalpha() and (before.isascii() or _HANGUL.match(before) is not None)
    return not letter or _of_game(text, start)


_ANY_GAME = expression(GAMES, re.IGNORECASE)


def _game_near(text: str, start: int, end: int) -> bool:
    """Whether a game is named on the line, close before or behind."""
    begin, stop = line_from(text, start, _NEAR), line_to(text, end, _NEAR)
    return _ANY_GAME.search(text, begin, start) is not None or _ANY_GAME.search(text, end, stop) is not None


def _after_service(text: str, start: int) -> bool:
    return _SERVICE_BEFORE.search(text, max(0, start - 8), start) is not None


def _bounds(text: str, match: re.Match[str], *, said: bool) -> tuple[int, int, bool] | None:
    """Where the name stands, and whether a particle behind it was cut; None where there is none."""
    group = match.groupdict()
    if group.get("quoted"):
        start, end = match.span("quoted")
        return (start, end, True) if _CLEAN.match(text[start:end]) or ".." in text[start:end] else None
    start, end = match.span("handle")
    before = 0
    if "slashed" in group and (
        slashes := _SLASHES_BEFORE.search(text, max(0, match.start() - 24), match.start())
    ):
        before = slashes[0].count("/")
    if before:
        stop = text.find("\n", start)
        parts = text[start : min(len(text) if stop < 0 else stop, start + 60)].split("/")
        if len(parts) <= before:
            return None
        at = start + sum(len(part) + 1 for part in parts[:before])
        part = parts[before]
        at += len(part) - len(part.lstrip(" "))
        named = re.match(_NAME, part.strip(" "))
        return (at, at + named.end(), True) if named else None
    handle = match["handle"]
    if text.startswith("://", end):
        handle = SCHEME.sub("", handle)  # a URL begins right behind it
    elif not match["tag"] and _HANGUL.match(handle) and _HOST_BEHIND.match(text, end):
        handle = _LATIN_END.sub("", handle)
    elif not match["tag"] and ".." not in handle:
        if text[end : end + 1] in {"=", ":"} and " " in handle:
            handle = handle.rsplit(" ", 1)[0]  # "player_name=gaon lap=3"
        name = name_of(handle, said=said, goes_on=_WORD_BEHIND.match(text, start + len(handle)) is not None)
        cut_one = not said and len(handle) == len(name) + 1
        handle = handle if cut_one and _SERVER_BEHIND.match(text, end) else name  # "하늬가 카단 서버"
    return start, start + len(handle), start + len(handle) < end


_WORD_BEHIND = expression("[ ][가-힣]")
_SERVER_BEHIND = expression(rf"[ ](?:[가-힣]{{1,5}}[ ]?서버|{SERVERS})")


def _is_none(text: str, match: re.Match[str], start: int, end: int) -> bool:
    """Whether it is a placeholder, a call in code, or a piece of a word."""
    name = text[start:end]
    glued = text[start - 1].isalnum() and (text[start - 1].isascii() or _HANGUL.match(name) is not None)
    call = text[end : end + 1] == "(" and not _HANGUL.search(name)
    first = name.split(" ", 1)[0]
    code = "." in name and ".." not in name and "=" in match["mark"]
    return (
        len(name) < 2
        or PLACEHOLDER.match(name) is not None
        or PLACEHOLDER.match(first) is not None
        or glued
        or call
        or code
    )


_GAMES = tuple(dict.fromkeys((*GAME_WORDS, *(word.replace(" ", "") for word in GAME_WORDS))))
NICK = Detector(
    entities=("GAME_ID", "MESSENGER_ID"),
    pattern=_NICKNAME,
    weigh=_game,
    words=NICK_WORDS,
)
GAME = Detector(
    entities=("GAME_ID",),
    pattern=_GAME_ID,
    weigh=_game,
    words=(*ID_WORDS, *spelt((*_GAMES, "온라인"), ("", " "), "id")),
    also=_GAMES,
)
BEHIND_GAME = Detector(
    entities=("GAME_ID",),
    pattern=_BEHIND_GAME,
    weigh=_game,
    words=(*_GAMES, "유저", "user"),
    also=(
        *(
            "#",
            " 서버",
            " 신고",
            " 차단",
            " 핵",
            " 친추",
            " 듀오",
            " 캐릭",
            "steam_",
            " 귓",
            " 우편",
            " 쪽지",
            " 쩔",
            " 방",
        ),
        *(
            " 혈맹",
            " 문파",
            " 길드",
            " 클랜",
            " 파티",
            " 레이드",
            " 버스",
            " 트롤",
            " 비매너",
            " 정지",
            " 복구",
            " 교환",
        ),
        *(" 선물", " 초대"),
    ),
)
GAME_NAMES = (NICK, GAME, BEHIND_GAME, NAMED_BEHIND, *GAME_TAGS, *GAME_MESSAGES, *GAME_LISTS, PLAYER)
