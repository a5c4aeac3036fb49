"""Names by which a person is reached on a service: messengers and networks.

A handle is whatever stands behind the name of its service, or behind the word for it (아이디). It needs a
sign that it is no word (a digit, a point, an underscore, @), or the word for it. Particles do not belong to
the span.
"""

from __future__ import annotations

import re

from pipelines.stages.pii.detector import Detector, spelt
from pipelines.stages.pii.evidence import Finding, probability
from pipelines.stages.pii.expression import expression
from pipelines.stages.pii.handle_words import GAMES, ID_WORD, ID_WORDS, LINK, PLACEHOLDER, SCHEME, STRONG
from pipelines.stages.pii.invented import OUR_HANDLE as OURS

_SERVICE = (
    r"카카오톡|카[ 1]?톡|까톡|ㅋㅌ|ㅋ톡|kakao(?:[ ]?talk)?|[텔틀]레그램|[텔틀]레|텔(?=[ ]@)|"
    r"인[☆★*](?:그램)?|telegram|위챗|wechat|weixin|微信号?|ディスコード|"
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
_HANDLE = r"@?[A-Za-z0-9](?:[A-Za-z0-9_.\-]{1,28}[A-Za-z0-9_])(?:#[0-9]{3,5})?"
_MESSENGER_CUE = (
    rf"(?:(?P<service>{_SERVICE})(?:[ ]?[의の]?[ _]?[(]?(?P<word>{ID_WORD}))?|"
    rf"(?P<other>{_SERVICE_WITH_WORD})[ ]?[의の]?[ _]?(?P<word2>{ID_WORD}|(?=:)|(?=[ ]is[ ]@)|"
    r"(?<=라인)(?=[은는][ ]))|"
    rf"(?P<bare>아이디|계정[ ]?ID)){LINK}"
)
_MESSENGER_ID = expression(
    rf"(?<![가-힣A-Za-z._\-]){_MESSENGER_CUE}(?P<handle>{OURS}|live:[A-Za-z0-9_.]{{3,30}}|{_HANDLE})",
    re.IGNORECASE,
)
_BEHIND = expression(
    r"(?<![A-Za-z0-9@._/가-힣])(?P<handle>@?[A-Za-z0-9][A-Za-z0-9_.]"
    r"{2,28}[A-Za-z0-9_])(?<=[a-z0-9_])(?:으?로|"
    r"이|가|은|는)? ?"
    r"\(?(?:제 ?)?(?:카카오톡|카톡|텔레그램|텔레|디스코드|디코|인스타그램|인스타|위챗|라인)"
    r"(?P<tail> ?(?:아이디|ID|추가해|추가 ?좀|연락|친추|주세요|주셈|줘|이에요|예요|임|입니다|"
    r"디엠|DM)|\)|(?= ))",
    re.IGNORECASE,
)
_GAME_BEHIND = expression("[ ]?(?:인|이라는)?[ ]?(?:게임|캐릭)")
_DOMAIN = expression(r"\.(?:com|net|kr|io|gg|py|js|org|me|example)\Z")
_QQ = expression("QQ", re.IGNORECASE)
_GAME_BEFORE = expression(rf"(?:{GAMES})[ ]?(?:계정[ ]?)?\Z", re.IGNORECASE)


def _messenger(text: str, match: re.Match[str]) -> Finding | None:
    start, end = match.span("handle")
    if text.startswith("://", end):  # a URL begins right behind it
        end = start + len(SCHEME.sub("", match["handle"]))
    handle = text[start:end]
    qq = _QQ.match(match[0]) is not None and handle.isdigit() and len(handle) >= _LEAST_QQ
    if _is_none(text, match, handle, end) and not qq:
        return None
    word = match["word"] or match["word2"] or match["bare"]
    at = handle.startswith("@")
    letters = any(map(str.isalpha, handle))
    strong = STRONG.search(handle) is not None
    if match["other"] and not word and letters and not (at or re.search("[0-9.]", handle)):
        return None
    signs = [
        (1.2, "service", match["service"] or match["other"]),
        (1.6, "word for it", word),
        (2.2, "no word", strong),
        (-2.0, "a word", not strong and not word),
        (1.0, "at sign", at),
        (2.0 if qq else -3.5, "digits", not letters),
        (-3.0, "a version", re.fullmatch(r"[0-9.]+[a-z]{1,3}|v[0-9.]+", handle)),
        (-4.0, "a domain", _DOMAIN.search(handle) and not at),
    ]
    logit = sum((weight for weight, _, there in signs if there), -2.2)
    label = "GAME_ID" if match["bare"] and _GAME_BEHIND.match(text, end) else "MESSENGER_ID"
    return Finding(start, end, label, probability(logit), tuple(name for _, name, there in signs if there))


_LEAST_HANDLE, _LEAST_QQ = 3, 7


def _is_none(text: str, match: re.Match[str], handle: str, end: int) -> bool:
    """Whether it is a placeholder, a call, an e-mail, a piece of a word, or belongs to a game."""
    start = match.start("handle")
    word = match["word"] or match["word2"] or match["bare"]
    return (
        len(handle) < _LEAST_HANDLE
        or PLACEHOLDER.match(handle) is not None
        or text[end : end + 1] in {"(", "[", "/"}
        or "@" in handle[1:]
        or re.match("@(?:[A-Za-z0-9가-힣]|$)", text[end : end + 2]) is not None
        or (text[start - 1].isascii() and text[start - 1].isalnum())  # "instagrammer"
        or ("," in match[0] and not word)
        or (
            match["bare"] is not None
            and _GAME_BEFORE.search(text, max(0, match.start() - 8), match.start()) is not None
        )
    )


def _behind(text: str, match: re.Match[str]) -> Finding | None:
    """A handle before its service: "gaon_77로 카톡 주세요"."""
    start, end = match.span("handle")
    handle = match["handle"]
    if PLACEHOLDER.match(handle) or not STRONG.search(handle) or not any(map(str.isalpha, handle)):
        return None
    if handle[0] != "@" and (not match["tail"] or _DOMAIN.search(handle)):
        return None
    return Finding(start, end, "MESSENGER_ID", 0.8, ("service behind", "no word"))


_OF = spelt(("", " "), ("", "의", "の"), ("", " ", "_"))
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
            "까톡",
            "ㅋㅌ",
            "ㅋ톡",
            "kakao",
            "텔레",
            "틀레",
            "텔 @",
            "telegram",
        ),
        *(
            "인☆",
            "인★",
            "인*",
            "위챗",
            "wechat",
            "weixin",
            "微信",
            "디스코드",
            "디코",
            "discord",
            "ディスコード",
        ),
        *(
            "스카이프",
            "skype",
            "인스타",
            "insta",
            "트위터",
            "twitter",
            "스냅챗",
            "snapchat",
            "왓츠앱",
            "whatsapp",
        ),
        *(
            "바이버",
            "viber",
            "텔그",
            "시그널",
            "signal",
            "인별",
            "インスタ",
            "カカオ",
            "テレグラム",
            "ツイッター",
        ),
        *(
            "微博",
            "抖音",
            "qq号",
            "qq ",
            "qq:",
            "트윗",
            "블루스카이",
            "bluesky",
            "마스토돈",
            "threads",
            "페메",
        ),
        *("kik", "페이스북메신저", "페이스북 메신저", "틱톡", "tiktok", "스레드", "라인은 ", "라인는 "),
        *ID_WORDS,
        *spelt(tuple(_SERVICE_WITH_WORD.lower().split("|")), _OF, ("id", ":", " is @")),
    ),
)
BEHIND = Detector(
    entities=("MESSENGER_ID",),
    pattern=_BEHIND,
    weigh=_behind,
    words=("카카오톡", "카톡", "텔레", "디스코드", "디코", "인스타", "위챗", "라인"),
)
HANDLES = (MESSENGER, BEHIND)
