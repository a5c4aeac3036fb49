"""Names by which a person is reached or known on a service: messengers and networks, games.

A handle is whatever stands behind the name of its service, or behind the word for it (아이디, 닉네임): the
cue is all. Latin handles need a sign that they are no word (a digit, a point, an underscore, @) or the word
for it; Hangul ones are looked for in games only. Particles do not belong to the span.
"""

from __future__ import annotations

import re

from pipelines.stages.pii.detector import Detector, spelt
from pipelines.stages.pii.evidence import Finding, probability
from pipelines.stages.pii.invented import OUR_HANDLE as OURS

_SERVICE = (
    r"카카오톡|카1?톡|ㅋㅌ|ㅋ톡|kakao(?:[ ]?talk)?|텔레그램|텔레|telegram|위챗|wechat|weixin|微信号?|"
    r"加我微信|디스코드|디코|"
    r"discord|스카이프|skype|인스타그램|인스타|instagram|insta(?=[ :])|트위터|twitter|스냅챗|snapchat|"
    r"왓츠앱|whatsapp|바이버|viber|"
    r"텔그|시그널|signal|인별|インスタ(?:グラム)?|カカオ(?:トーク)?|テレグラム|ツイッター|微博|抖音号?|"
    r"QQ号|트윗|블루스카이|"
    r"bluesky|마스토돈|threads|페메|kik|"
    r"페이스북[ ]?메신저|틱톡|tiktok|스레드|QQ(?=[ :])"
)
_SERVICE_WITH_WORD = (
    r"톡|라인|LINE|ライン|줌|zoom|밴드|당근|네이버|naver|페북|페이스북|facebook|구글|다음|네이트|블로그"
)
_GAME = (
    r"롤|리그[ ]?오브[ ]?레전드|배그|배틀그라운드|PUBG|로블록스|로블|메이플(?:스토리)?|발로란트|발로|마크|"
    r"마인크래프트|오버워치|옵치|던파|"
    r"로스트아크|로아|피파|서든|스팀|steam|PSN|넥슨|배틀넷|게임|ゲーム|인게임|길드|브롤|클래시|원신|"
    r"포트나이트|에펙|에이펙스"
)
_ID = r"(?:아이디|아뒤|아디|ID|Id|id|계정|친구[ ]?코드|친구추가|친추|핸들|handle|username|user[ ]name)"
_BEFORE_IGN = " (\"':,/|>*-"
_IGN = rf"(?<![^\n\t{re.escape(_BEFORE_IGN)}])IGN(?![A-Za-z])"  # in-game name; no piece of a word
_NICK = (  # the word for a name in games
    rf"(?:닉네임|닉넴|닉(?!값|변|언)|캐릭(?:터)?(?:[ ]?명|[ ]?이름|[ ]?닉)|소환사[ ]?(?:명|이름)|"
    rf"배틀[ ]?태그|battle[ ]?tag|{_IGN}|라이엇[ ]?(?:ID|아이디)|riot[ ]?id|구단주[ ]?명|길드원|롤네임|"
    r"게임[ ]?네임)"
)
_LINK = (
    r"(?:(?:은|는|이|가)[ :=]|[ ]?(?:の|は|es|is)|[ ]?(?:DM|디엠)[ ]?(?:주세요|"
    r"주셈)?)?[ ]?[:=]{0,2}[ \t\"']{0,2}"
)
_HANDLE = r"@?[A-Za-z0-9](?:[A-Za-z0-9_.\-]{1,28}[A-Za-z0-9_])(?:#[0-9]{3,5})?"
_MESSENGER_CUE = (
    rf"(?:(?P<service>{_SERVICE})(?:[ ]?[의の]?[ ]?(?P<word>{_ID}))?|"
    rf"(?P<other>{_SERVICE_WITH_WORD})[ ]?[의の]?[ ]?(?P<word2>{_ID}|(?=:))|"
    rf"(?P<bare>아이디|계정[ ]?ID)){_LINK}"
)
_MESSENGER_ID = re.compile(
    rf"(?<![가-힣A-Za-z.]){_MESSENGER_CUE}(?P<handle>{OURS}|live:[A-Za-z0-9_.]{{3,30}}|{_HANDLE})",
    re.IGNORECASE,
)
_NAME = r"[가-힣A-Za-z0-9_][가-힣A-Za-z0-9_\-]{1,19}"
_PLAYER_NAME = (
    rf"{_LINK}(?P<handle>{OURS}|STEAM_[0-5]:[01]:[0-9]{{4,12}}|"
    rf"{_NAME}(?:[ ][A-Za-z]+){{0,2}}(?P<tag>#[A-Za-z0-9]{{2,6}})?|{_NAME}(?P<tag2>#[A-Za-z0-9]{{2,6}})?)"
)
_NICKNAME = re.compile(  # behind the word for a name in games
    rf"(?<![가-힣A-Za-z])(?:(?:{_GAME})[ ]?)?(?P<nick>{_NICK}){_PLAYER_NAME}", re.IGNORECASE
)
_GAME_ID = re.compile(  # behind a game and the word for an id
    rf"(?<![가-힣A-Za-z])(?P<game>{_GAME})[ ]?(?P<word>{_ID}){_PLAYER_NAME}", re.IGNORECASE
)
_PLAYER = re.compile(  # behind the game alone
    rf"(?<![가-힣A-Za-z])(?P<tagged>{_GAME}|유저|user)(?=[ ]){_PLAYER_NAME}", re.IGNORECASE
)
_BEHIND = re.compile(
    r"(?<![A-Za-z0-9@._/가-힣])(?P<handle>@?[A-Za-z0-9][A-Za-z0-9_.]{2,28}[A-Za-z0-9_])(?<=[a-z0-9_])(?:으?로|"
    r"이|가|은|는)? ?"
    r"\(?(?:제 ?)?(?:카카오톡|카톡|텔레그램|텔레|디스코드|디코|인스타그램|인스타|위챗|라인)"
    r"(?: ?(?:아이디|ID|추가해|추가 ?좀|연락|친추|주세요|주셈|줘|이에요|예요|임|입니다|디엠|DM)|\))",
    re.IGNORECASE,
)
_TAGGED = re.compile(
    r"(?<![A-Za-z0-9가-힣#/_.])(?:[가-힣A-Za-z0-9]{2,16}#(?:KR[0-9]?|JP1|NA1|EUW)|"
    r"[가-힣]{2,8}#[0-9]{4,5})(?![A-Za-z0-9])"
)
_NO_TAGGED = re.compile(
    r"이슈|문의|주문|번호|티켓|버그|건|파트|채널|예약|접수|태그|해시|에피|시즌|댓글|글|호|작업|과제|문제"
)
_PARTICLE = re.compile(
    r"(?<=[가-힣A-Za-z0-9_])(?:이라고|라고|이라는|라는|이에요|예요|이예요|입니다|이고요|이고|이며|인데요|"
    r"인데|이요|으로|에게|한테|이랑|"
    r"이야|님|씨|인|은|는|이|가|을|를|로|랑|와|과|도|의|요|야)\Z"
)
_HARD_PARTICLE = re.compile(
    r"(?:이라고|라고|이라는|이에요|예요|입니다|이고요|이고|이며|인데요|인데|으로|한테)\Z"
)
_HANGUL = re.compile("[가-힣]")
_STRONG = re.compile(r"[0-9_.#@]|[A-Za-z]-[A-Za-z0-9]|[a-z][A-Z]")
_PLACEHOLDER = re.compile(
    r"(?i)@?(?:null|none|undefined|true|false|string|int|example|test|admin|root|your[_-]?\w*|id|"
    r"user(?:name)?|value|key|field|"
    r"everyone|here|channel|py|js|com|api|bot|server|dm|pay|app|web|pc|mobile|android|ios|v?\d+(?:\.\d+)*)\Z"
)
# What follows 닉네임 and is no name: verbs, wishes, questions, things one does with a name.
_NO_NICK = re.compile(
    r"(?:(?:을|를|이|가|은|는|도|만|의|에|뭐|좀|왜|안|못|잘|그|이런|저런|이거|좋|함|임|남|두|세|"
    r"랑)(?![가-힣A-Za-z0-9]{2})|으로|변경|설정|확인|입력|검색|공개|"
    r"무엇|어떻|알려|정하|정해|추천|바꾸|바꿔|바뀌|짓|지어|등록|없|있|아이디|중복|수정|쓰[는고기면]|"
    r"말[하해고씀]|보[여이통고]|같|다시|새로|한글|영어|영문|생성|"
    r"만들|가진|길드|유저|사용|기준|대신|때문|그대로|누구|어디|네임|멋진|예쁘|이쁘|귀엽|웃기|특이|남자|"
    r"여자|[ㄱ-ㅎㅏ-ㅣ]|하나|하고|까지|부터|값|세탁|신고|차단|친추|추가|"
    r"서버|점검|패치|업데이트|이벤트|시즌|친구|공식|초보|신규|모바일|온라인|계정|핵|버그|오류|렉)"
)
_PLAYER_BEHIND = re.compile(r"[ ](?:[가-힣]{1,5}[ ]서버|신고|차단|핵|친추|듀오)")
_LATIN_WORDS = re.compile("[A-Za-z ]+")
_GAME_FIRST = re.compile(_GAME, re.IGNORECASE)
_GAME_BEFORE = re.compile(rf"(?:{_GAME})[ ]?\Z", re.IGNORECASE)


def _messenger(text: str, match: re.Match[str]) -> Finding | None:
    start, end = match.span("handle")
    handle = match["handle"]
    if _PLACEHOLDER.match(handle) or text[end : end + 1] in {"(", "[", "/"} or text[end : end + 2] == "@":
        return None
    if "@" in handle[1:] or (text[end : end + 1] == "@" and text[end + 1 : end + 2].isalnum()):
        return None  # an e-mail
    if text.startswith("://", end):
        return None
    service, word = match["service"] or match["other"], match["word"] or match["word2"] or match["bare"]
    if text[start - 1].isascii() and text[start - 1].isalnum():
        return None  # "instagrammer"
    if match["bare"] and _GAME_BEFORE.search(text, max(0, match.start() - 8), match.start()):
        return None
    signs = []
    logit = -2.2
    if service:
        logit += 1.2
        signs.append("service")
    if word:
        logit += 1.6
        signs.append("word for it")
    if _STRONG.search(handle):
        logit += 2.2
        signs.append("no word")
    elif not word:
        logit -= 2.0
    if handle.startswith("@"):
        logit += 1.0
        signs.append("at sign")
    letters = sum(character.isalpha() for character in handle)
    if letters == 0:
        logit -= 3.5
    if re.fullmatch(r"[0-9.]+[a-z]{1,3}|v[0-9.]+", handle):
        logit -= 3.0
    if re.search(r"\.(?:com|net|kr|io|gg|py|js|org|me)\Z", handle) and not handle.startswith("@"):
        logit -= 4.0
    return Finding(start, end, "MESSENGER_ID", probability(logit), tuple(signs))


def _behind(text: str, match: re.Match[str]) -> Finding | None:
    """A handle before its service: "gaon_77로 카톡 주세요"."""
    start, end = match.span("handle")
    handle = match["handle"]
    if _PLACEHOLDER.match(handle) or not _STRONG.search(handle) or not any(map(str.isalpha, handle)):
        return None
    return Finding(start, end, "MESSENGER_ID", 0.8, ("service behind", "no word"))


def _tagged(text: str, match: re.Match[str]) -> Finding | None:
    """A name with a tag of a game's region, or a Hangul one with a number."""
    if _NO_TAGGED.match(match[0]):
        return None
    return Finding(*match.span(), "GAME_ID", 0.8, ("tag",))


def _game(text: str, match: re.Match[str]) -> Finding | None:
    start = match.start("handle")
    group = match.groupdict()
    nick, word, tag = group.get("nick"), group.get("word"), match["tag"] or match["tag2"]
    handle = match["handle"] if tag else _without_particle(match["handle"])
    end = start + len(handle)
    hangul = _HANGUL.search(handle) is not None
    if text[start - 1].isalnum() and (text[start - 1].isascii() or _HANGUL.match(handle)):
        return None  # "ignore", "닉값"
    if len(handle) < 2 or _PLACEHOLDER.match(handle) or text.startswith("://", end):
        return None
    tagged = tag is not None or handle.startswith("STEAM_")
    player = len(handle) > 3 and _PLAYER_BEHIND.match(text, end) is not None
    if not (nick or word or tagged or player):
        return None
    beside = nick is not None and hangul and not text[match.end("nick") : start].strip(" ")
    signs = [
        (2.3 if beside else 3.5, "word for it", nick),
        (3.0, "word for it", word),
        (3.0, "cue after:player", player and not (nick or word)),
        (3.0 if nick or word else 2.0, "tag", tagged),
        (2.0, "no word", not hangul and _STRONG.search(handle)),
        (0.7, "game", group.get("game") or _GAME_FIRST.match(match[0])),
        (-4.0, "a word of talk", hangul and _NO_NICK.match(handle)),
        (-4.0, "digits", handle.isdigit()),
    ]
    logit = sum((weight for weight, _, there in signs if there), -2.5)
    return Finding(
        start, end, "GAME_ID", probability(logit), tuple(name for _, name, there in signs if there)
    )


def _without_particle(handle: str) -> str:
    """The handle alone: of several words only Latin ones stay together."""
    if not _LATIN_WORDS.fullmatch(handle):
        handle = handle.split(" ", 1)[0]
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


_ID_WORDS = (  # but for the short one, id, which stands with its service
    *("아이디", "아뒤", "아디", "계정", "친구코드", "친구 코드", "친구추가", "친추", "핸들", "handle"),
    *("username", "user name"),
)
_OF = spelt(("", " "), ("", "의", "の"), ("", " "))
MESSENGER = Detector(
    entities=("MESSENGER_ID",),
    pattern=_MESSENGER_ID,
    weigh=_messenger,
    words=(
        *(
            "카카오톡",
            "카톡",
            "카0톡",
            "ㅋㅌ",
            "ㅋ톡",
            "kakao",
            "텔레",
            "telegram",
            "위챗",
            "wechat",
            "weixin",
        ),
        *("微信", "디스코드", "디코", "discord", "스카이프", "skype", "인스타", "insta", "트위터", "twitter"),
        *("스냅챗", "snapchat", "왓츠앱", "whatsapp", "바이버", "viber", "텔그", "시그널", "signal", "인별"),
        *("インスタ", "カカオ", "テレグラム", "ツイッター", "微博", "抖音", "qq号", "qq ", "qq:", "트윗"),
        *("블루스카이", "bluesky", "마스토돈", "threads", "페메", "kik", "페이스북메신저", "페이스북 메신저"),
        *("틱톡", "tiktok", "스레드", *_ID_WORDS),
        *spelt(tuple(_SERVICE_WITH_WORD.lower().split("|")), _OF, ("id", ":")),
    ),
)
BEHIND = Detector(
    entities=("MESSENGER_ID",),
    pattern=_BEHIND,
    weigh=_behind,
    words=("카카오톡", "카톡", "텔레", "디스코드", "디코", "인스타", "위챗", "라인"),
)
TAGGED = Detector(
    entities=("GAME_ID",),
    pattern=_TAGGED,
    weigh=_tagged,
    words=("#kr", "#jp0", "#na0", "#euw", "#0000"),
)
_GAMES = (
    *("롤", "레전드", "배그", "배틀그라운드", "pubg", "로블", "메이플", "발로"),
    *(
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
    ),
    *("psn", "넥슨", "배틀넷", "게임", "ゲーム", "길드", "브롤", "클래시", "원신", "포트나이트", "에펙"),
    "에이펙스",
)
NICK = Detector(
    entities=("GAME_ID",),
    pattern=_NICKNAME,
    weigh=_game,
    words=(
        *("닉", "배틀태그", "배틀 태그", "battletag", "battle tag", "라이엇", "riot", "구단주", "길드원"),
        *("롤네임", "게임네임", "게임 네임", *spelt(list(_BEFORE_IGN), "ign", list(" :=\"'은는이가のは디"))),
        *spelt(("캐릭", "캐릭터", "소환사"), ("", " "), ("명", "이름")),
    ),
)
GAME = Detector(
    entities=("GAME_ID",),
    pattern=_GAME_ID,
    weigh=_game,
    words=(
        *_ID_WORDS,
        *spelt((*_GAMES, "로블록스", "메이플스토리", "발로란트"), ("", " "), "id"),
    ),
    also=_GAMES,
)
PLAYER = Detector(
    entities=("GAME_ID",),
    pattern=_PLAYER,
    weigh=_game,
    words=(*_GAMES, "유저", "user"),
    also=("#", " 서버", " 신고", " 차단", " 핵", " 친추", " 듀오", "steam_"),
)
