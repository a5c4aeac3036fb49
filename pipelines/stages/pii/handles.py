"""Names by which a person is reached on a service: messengers and networks.

A handle is whatever stands behind the name of its service, or behind the word for it (아이디). It needs a
sign that it is no word (a digit, a point, an underscore, @), or the word for it. Particles do not belong to
the span. Services whose names are words of talk as well (라인, 톡, X) need more: the word for it, a colon, @,
or what one does with a handle behind it (추가, 연락).
"""

from __future__ import annotations

import re

from pipelines.stages.pii.detector import Detector, spelt
from pipelines.stages.pii.evidence import Finding, probability
from pipelines.stages.pii.expression import expression
from pipelines.stages.pii.handle_words import (
    DOMAIN,
    GAMES,
    ID_WORD,
    ID_WORDS,
    OPEN,
    PLACEHOLDER,
    SCHEME,
    STRONG,
    TELLING,
)
from pipelines.stages.pii.handles_around import AFAR, BEHIND
from pipelines.stages.pii.invented import OUR_HANDLE as OURS

_SERVICE = (
    r"카카오톡|카[ 0-9.~_\-ㅋㅌ]?톡1?|카[똑톸]|캇톡|카카[0-9]톡|ㅋㅏㅌㅗㄱ|카독|플러스친구|플친|"
    r"카카오[ ]?채널|카카오워크|페북[ ]?메신저|네이버[ ]?톡톡|ktalk|"
    r"威信|薇(?=[ ]?:)|(?:상담|문의|업무|예약)톡|ㅋㅏ톡|k톡|ka톡|kko(?=[ ]?:)|까톡|카ㅋ톡|ㅋr톡|"
    r"깨톡|ㅋㅋㅇㅌ|ㅋㅌㅇㄷ|ㅋㅌ|ㅋ톡|kakao(?:[ ]?talk)?|카카오(?=[ ]?(?:아이디|ID|:))|개인톡|갠톡|"
    r"[텔틀]레그[램렘]|텔래그램|테레그램|텔[ ]레(?=[ ])|텔래|[텔틀]레|tele(?=[ ]@)|텔ㄹㅔ|"
    r"텔(?=[ ]@?[A-Za-z0-9])|텔그|ㅌㄹ|telegram|TG(?=:?[ ]?@)|电报|飞机(?=[ ]?@)|テレグラム|"
    r"인[☆★*](?:그램)?|인스타그램|인스타|인별|ㅇㅅㅌ|instagram|insta(?=[ :])|IG(?=[ ]?:?[ ]?@|:[ ]|"
    r"[ ][a-z0-9]+[_.]|"
    r"[ ]is[ ])|"
    r"インスタ(?:グラム)?|"
    r"위챗|위쳇|wechat|weixin|微信号?|我的wx|wx(?=[号:])|加我微信|薇信|V信|加[Vv]|[Vv][Xx](?=[: ])|"
    r"디스코드|디코|ㄷㅋ|discord|ディスコード|ディスコ|"
    r"스카이프|skype|트위터|트윗|twitter|엑스\(트위터\)|ツイッター|스냅챗|snapchat|snap(?=[ ]is|:)|왓츠앱|"
    r"whatsapp|"
    r"바이버|viber|시그널|signal|微博|抖音号?|小红书号?|QQ号|QQ(?=[ :])|扣扣|加Q|カカオ(?:トーク)?|"
    r"블루스카이|블스|bluesky|마스토돈|페메|kik|페이스북[ ]?메신저|틱톡|tiktok|스레드|쓰레드|threads|"
    r"치지직|트위치|twitch|슬랙|slack|네이트온|네톤|스냅(?=[ ][A-Za-z0-9@])|큐큐|왓챕|왓섭|왓츠앺|zalo|잘로|"
    r"인스타그렘|텔그램|"
    r"아프리카(?:TV)?|팬더|소라넷|카카오스토리|카스(?=[ ]?(?:아이디|ID|:))|핀터레스트|pinterest|레딧|reddit|"
    r"깃허브|깃헙|github(?=[ ]?(?:id|아이디|:))|"
    r"링크드인|텀블러|tumblr|빔버|에버노트|카페(?=[ ]?(?:아이디|ID))|당근마켓|번장|번개장터|중고나라"
)
_SERVICE_WITH_WORD = (
    r"톡|라인|ㄹㅏ인|LINE|ライン|줌|zoom|밴드|당근|네이버|naver|페북|페이스북|facebook|구글|다음|네이트|"
    r"블로그|"
    r"유튜브|youtube|SNS|메신저|엑스(?=[ ]?(?::?[ ]?@|계정|아이디))|X(?=[ ](?:@|계정|아이디))|DC(?=:)|"
    r"DM(?=[ :])|디엠|ㄹㅇ|팀즈"
)
_HANDLE = r"@?(?:[._](?=[A-Za-z]))?[A-Za-z0-9](?:[A-Za-z0-9_.\-]{1,28}[A-Za-z0-9_])(?:#[0-9]{3,5})?"
_DO = (  # what one does with a handle, between the service and it
    r"(?:추가|검색|친추|친구[ ]?추가|문의|연락|맞팔|팔로우|태그|tag|追加|交換しよ?|フォロー|登録|닉네임|닉|"
    r"채널|"
    r"디엠|DM|상담|등록|me)"
)
_PLEASE = (
    r"(?:[ ]?(?:은|는|이|가|してね|して(?:ください)?|お願い(?:します)?|주세요|주셈|줘요?|주십쇼|주시면|"
    r"바랍니다|바람|해[ ]?주세요|해요?|좀|오세요|하세요|환영|부탁(?:드려요|드립니다)?|받아요))"
)
_LINK = (
    rf"[\"']?(?P<link>에서?[ ](?=@?[A-Za-z0-9_.]{{4,30}}(?:으?로|라고)?[ ](?:검색|치|추가|찾|친추))|"
    rf"(?:은|는|이|"
    rf"가)요?(?=[ :=])|(?:으?로|에서|으로만)[ ]{_DO}?{_PLEASE}|[ ]?(?:の|は|es|is|"
    rf"是|叫|在)|"
    rf"[ ]?{_DO}(?:{_PLEASE}|[ ](?:is|es))?|[ ](?:주세요|주셈|줘))?"
    rf"[ ]{{0,2}}(?P<mark>[:=|,~]{{1,2}}|[^\u0000-\u007f가-힣ㄱ-ㅣ一-鿿ぁ-ヶ「『“‘【《〈]{{1,3}}|ㅡ|-|"
    rf"→|->|=>|</t[dh]>[ ]?<t[dh]>|,[ ]?\"(?:id|handle|account|"
    rf"value)\"[ ]?:)?[ \t]{{0,2}}(?:@[ ])?[{OPEN}]?[ ]?"
)
_ASIDE_NOTE = r"(?:[)\]]|[ ]?\((?:선택|필수|옵션|개인|업무용?|본계|부계|공용|한국|선택사항)\))?"
_MESSENGER_CUE = (
    rf"(?:(?P<service>{_SERVICE})(?:[ ]?[의の]?[ _]?[(]?(?P<word>{ID_WORD}|주소|번호|부계정?|"
    rf"본계정?))?{_ASIDE_NOTE}|"
    rf"(?P<other>{_SERVICE_WITH_WORD})[ ]?[의の]?[ _]?[(]?(?P<word2>{ID_WORD})?{_ASIDE_NOTE}|"
    rf"(?P<bare>(?:회원|가입|사용자|접속|고객|로그인)?아이디|login[_ ]?id|계정[ ]?ID|계정(?=[ ]?:)|"
    rf"(?:(?<![^ \t\n])|(?<=로그인)|(?<=로그인[ ])|(?<=회원)|(?<=가입)|(?<=사용자)|"
    rf"(?<=접속))ID(?=[ ]?:))(?:[ ]?/[ ]?(?:비번|비밀번호|PW|패스워드|암호))?{_ASIDE_NOTE}){_LINK}"
)
_FIRST = (  # how services, and the words for a handle, begin: looked at first, for speed
    r"(?-i:(?=[깃링레빔핀소중번텀잘팬카까깨캇ㅋ개갠텔틀테플상문업예큐扣我威薇회가사접고로ㅌ인ㅇ위디ㄷ스트엑스왓바시페블마틱쓰치슬톡라줌밴당네구다유메ㄹ팀아계电飞テ微加薇抖小カイデツラ"
    r"kKtTiIwWvVdDsSqQbBxXlLzZnNfFyYpPrRgG]))"
)
_MESSENGER_ID = expression(
    rf"{_FIRST}(?:(?<![가-힣A-Za-z._\-@])|(?<=[인원입자속])(?=ID)){_MESSENGER_CUE}(?P<handle>{OURS}|"
    rf"live:[A-Za-z0-9_.]{{3,30}}|{_HANDLE})",
    re.IGNORECASE,
)
_GAME_BEHIND = expression(rf"[ ]?(?:인|이라는)?[ ]?\(?(?:게임|캐릭|{GAMES})", re.IGNORECASE)
_QQ = expression("QQ|큐큐|扣扣|加Q", re.IGNORECASE)
_GAME_BEFORE = expression(rf"(?:{GAMES})[ ]?(?:계정[ ]?)?\Z", re.IGNORECASE)
_ADD_BEHIND = expression(
    r"[ ]?(?:으?로)?[ ]?(?:추가|친추|연락|문의|주세요|검색|팔로우|맞팔|구독|입니다|이에요|예요|[\n.!)]|\Z)"
)


def _messenger(text: str, match: re.Match[str]) -> Finding | None:
    start, end = match.span("handle")
    if text.startswith("://", end):  # a URL begins right behind it
        end = start + len(SCHEME.sub("", match["handle"]))
    handle = text[start:end]
    qq = _QQ.match(match[0]) is not None and handle.isdigit() and len(handle) >= _LEAST_QQ
    if _is_none(text, match, handle, end) and not qq:
        return None
    service, other = match["service"], match["other"]
    word = match["word"] or match["word2"] or match["bare"]
    at = handle.startswith("@")
    letters = any(map(str.isalpha, handle))
    strong = STRONG.search(handle) is not None or handle.startswith("live:")
    mine = bool(match["link"]) and _MINE.search(text, max(0, match.start() - 8), match.start()) is not None
    mine = mine and _STATE.match(handle) is None
    marked = match["mark"] is not None or match["link"] is not None
    if other and not word and not _is_told(text, match, handle, end):
        return None
    does = service is not None and match["link"] is not None
    signs = [
        (1.2, "service", service or other),
        (1.6, "word for it", word),
        (2.2, "no word", strong or (service in _DASHED and "-" in handle)),
        (-2.0, "a word", not strong and not word and not (service and match["mark"] in {":", "="})),
        (1.0, "at sign", at),
        (3.2, "mine", mine and service and not strong and not word and match["link"].strip() in _IS),
        (3.0, "quotes", not strong and service and _SEARCHED.match(text, end) is not None),
        (1.2, "linked", service and match["mark"] in {":", "="} and not strong and not word),
        (4.0 if qq else -3.5, "digits", not letters),
        (-3.0, "a version", re.fullmatch(r"[0-9.]+[a-z]{1,3}|v[0-9.]+|[0-9]+[A-Za-z]{1,2}", handle)),
        (-4.0, "a domain", DOMAIN.search(handle) and not at),
        (-1.5, "no telling", does and not word and not at and not marked),
    ]
    logit = sum((weight for weight, _, there in signs if there), -2.2)
    label = "GAME_ID" if match["bare"] and _GAME_BEHIND.match(text, end) else "MESSENGER_ID"
    return Finding(start, end, label, probability(logit), tuple(name for _, name, there in signs if there))


_DASHED = frozenset({"링크드인", "깃허브", "깃헙", "github", "GitHub"})
_MINE = expression(r"(?<![A-Za-z가-힣])(?:my|mi|our|제|내|저희|우리|私の|我的)[ ]?\Z", re.IGNORECASE)
_STATE = expression(
    r"(?:private|public|down|gone|broken|hacked|closed|open|new|deleted|empty|full|good|bad|slow|just|only|"
    r"also|still|better|the|same|"
    r"always|here|below|above|linked|off|on|dead|banned|locked|blocked|suspended)\Z",
    re.IGNORECASE,
)
_SEARCHED = expression(r"[\"'”’」』\])](?:으?로)?[ ]?(?:검색|추가|친추|치시|찾)")
_LOGIN_BEFORE = expression(r"(?:로그인|회원|가입|사용자|접속|계정)[ ]?\Z")
_PASSWORD_BEHIND = expression(r"[ ]?[,/|]?[ ]?(?:PW|비번|비밀번호|password|패스워드|암호)", re.IGNORECASE)
_LEAST_HANDLE, _LEAST_QQ = 3, 7


def _is_told(text: str, match: re.Match[str], handle: str, end: int) -> bool:
    """Whether a handle behind a word that is no service's alone is one: @, or its form and surroundings."""
    at = handle[0] == "@"
    name = match["other"].lower()
    if at:
        return True
    if match["mark"] in {":", "="}:
        letters = any(map(str.isalpha, handle))
        if name in {"dc", "메신저", "sns", "ㄹㅇ", "dm", "디엠"}:
            return letters and TELLING.search(handle) is not None and text[end : end + 1] not in {"=", ";"}
        return letters and (
            name in {"line", "라인", "톡", "ライン"} or re.search("[0-9.]", handle) is not None
        )
    link = match["link"] or ""
    link = link.strip()
    if name in _TOLD and (link in _IS or _LINE_ADD.match(link)):
        return TELLING.search(handle) is not None
    return name in _TOLD and TELLING.search(handle) is not None and _ADD_BEHIND.match(text, end) is not None


_IS = frozenset({"は", "is", "es", "是", "은", "는"})
_TOLD = frozenset(
    {"ㄹㅏ인", "톡", "라인", "line", "ライン", "ㄹㅇ", "페북", "페이스북", "facebook", "네이버"}
)
_LINE_ADD = expression(r"추가|검색|친추|문의|연락|주세요|줘")


def _is_none(text: str, match: re.Match[str], handle: str, end: int) -> bool:
    """Whether it is a placeholder, a call, an e-mail, a piece of a word, or belongs to a game."""
    start = match.start("handle")
    word = match["word"] or match["word2"] or match["bare"]
    return (
        len(handle) < _LEAST_HANDLE
        or PLACEHOLDER.match(handle) is not None
        or (text[end : end + 1] in {"(", "["} and text[end + 1 : end + 2].isascii())
        or text[end : end + 1] == "/"
        or "](" in match[0]
        or re.match("-?[A-Za-z0-9]", text[end : end + 2]) is not None  # a piece of something longer
        or "@" in handle[1:]
        or re.match("@(?:[A-Za-z0-9가-힣]|$)", text[end : end + 2]) is not None
        or (text[start - 1].isascii() and text[start - 1].isalnum())  # "instagrammer"
        or (match["mark"] == "," and not word)
        or (
            match["bare"] is not None
            and _GAME_BEFORE.search(text, max(0, match.start() - 14), match.start()) is not None
        )
        or (
            (match["bare"] or "").lower() == "id"
            and not _LOGIN_BEFORE.search(text, max(0, match.start() - 8), match.start())
            and not _PASSWORD_BEHIND.match(text, end)
        )
    )


_OF = spelt(("", " "), ("", "의", "の"), ("", " ", "_", "(", " ("), "id")
_MARKS = (
    " is ",
    "は",
    "은 ",
    "는 ",
    " 추가",
    " 검색",
    " 친추",
    "로 ",
    " 주세요",
    " 문의",
    "是",
    "追加",
    "交換",
)
_ASIDE = ("ㄹㅏ인", "톡", "라인", "line", "ライン", "ㄹㅇ", "페북", "네이버")
_OTHERS = (
    *(
        "톡",
        "라인",
        "line",
        "ライン",
        "줌",
        "zoom",
        "밴드",
        "당근",
        "네이버",
        "naver",
        "페북",
        "페이스북",
        "facebook",
    ),
    *("구글", "다음", "네이트", "블로그", "유튜브", "youtube", "sns", "메신저", "ㄹㅇ", "팀즈", "디엠"),
)
MESSENGER = Detector(
    entities=("MESSENGER_ID", "GAME_ID"),
    pattern=_MESSENGER_ID,
    weigh=_messenger,
    words=(
        *(
            "카카오톡",
            "카톡",
            "카 톡",
            "카0톡",
            "카.톡",
            "카~톡",
            "카_톡",
            "카-톡",
            "까톡",
            *(
                "카0톡",
                "카ㅌ톡",
                "카똑",
                "카톸",
                "캇톡",
                "카카0톡",
                "ㅋㅏㅌㅗㄱ",
                "플러스친구",
                "플친",
                "카카오채널",
                "카카오 채널",
            ),
            *(
                "카카오워크",
                "페북메신저",
                "페북 메신저",
                "네이버톡톡",
                "네이버 톡톡",
                "ktalk",
                "威信",
                "薇:",
                "薇 :",
                " ig ",
            ),
            "카ㅋ톡",
            "ㅋr톡",
            "깨톡",
            "ㅋㅇㅌ",
            "ㅋㅌ",
            "ㅋ톡",
            "kakao",
        ),
        *(
            "카카오id",
            "카카오 id",
            "카카오:",
            "카카오 :",
            "개인톡",
            "갠톡",
            "텔레",
            "틀레",
            "텔ㄹㅔ",
            "텔그",
            "ㅌㄹ",
            "telegram",
        ),
        *(
            *spelt("텔 ", tuple("@0abcdefghijklmnopqrstuvwxyz")),
            "tg @",
            "tg@",
            "tg:",
            "电报",
            "飞机",
            "テレグラム",
        ),
        *("인☆", "인★", "인*", "인스타", "인별", "ㅇㅅㅌ", "insta", "ig @", "ig@", "ig:", "ig :", "インスタ"),
        *("위챗", "wechat", "weixin", "微信", "薇信", "v信", "加v", "vx:", "vx "),
        *("디스코드", "디코", "ㄷㅋ", "discord", "ディスコ"),
        *(
            "스카이프",
            "skype",
            "트위터",
            "트윗",
            "twitter",
            "ツイッター",
            "스냅챗",
            "snapchat",
            "snap is",
            "snap:",
        ),
        *(
            "왓츠앱",
            "whatsapp",
            "바이버",
            "viber",
            "시그널",
            "signal",
            "微博",
            "抖音",
            "小红书",
            "qq号",
            "qq ",
            "qq:",
        ),
        *(
            "カカオ",
            "블루스카이",
            "블스",
            "bluesky",
            "마스토돈",
            "페메",
            "kik",
            "페이스북메신저",
            "페이스북 메신저",
        ),
        *(
            *(
                "상담톡",
                "문의톡",
                "업무톡",
                "예약톡",
                "ㅋㅏ톡",
                "k톡",
                "ka톡",
                "kko:",
                "kko :",
                "테레그램",
                "텔 레 ",
            ),
            *("텔래", "tele @", "我的wx", "wx号", "wx:", "扣扣", "加q"),
            "카독",
            "위쳇",
            "텔래그램",
            "네이트온",
            "네톤",
            "스냅 ",
            "큐큐",
            "왓챕",
            "왓섭",
            "왓츠앺",
            "zalo",
            "잘로",
            "텔그램",
        ),
        *(
            "아프리카",
            "팬더",
            "소라넷",
            "카카오스토리",
            "핀터레스트",
            "pinterest",
            "레딧",
            "reddit",
            "깃허브",
            "깃헙",
        ),
        *("링크드인", "텀블러", "tumblr", "빔버", "에버노트", "당근마켓", "번장", "번개장터", "중고나라"),
        *spelt(("카스", "github", "카페"), ("", " "), ("아이디", "id", ":")),
        *("틱톡", "tiktok", "스레드", "쓰레드", "threads", "치지직", "트위치", "twitch", "슬랙", "slack"),
        *ID_WORDS,
        *spelt("login", ("", " ", "_"), "id"),
        *spelt(("디엠", "dm"), (" 주세요", " 줘", " me")),
        *spelt((" ", "\t", "로그인", "로그인 ", "회원", "가입", "사용자", "접속"), "id", (":", " :")),
        *spelt(_OTHERS, (*_OF, ":", " :", " @", "@", "=", " is @")),
        *spelt(_ASIDE, _MARKS),
        *("엑스 @", "엑스@", "엑스:", "엑스 :", "x @", "x 계정", "x 아이디", "dc:", "dm:", "dm @"),
        *spelt(("채널",), " @"),
        *spelt(_ASIDE, " ", tuple("0abcdefghijklmnopqrstuvwxyz")),
    ),
)
HANDLES = (MESSENGER, BEHIND, AFAR)
