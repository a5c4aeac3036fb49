"""Handles that do not stand right behind their service: before it ("gaon_7로 카톡 주세요"), or words on."""

from __future__ import annotations

import re

from pipelines.stages.pii.detector import Detector, spelt
from pipelines.stages.pii.evidence import Finding
from pipelines.stages.pii.expression import expression
from pipelines.stages.pii.handle_words import DOMAIN, PLACEHOLDER, STRONG, TELLING

_SERVICES_BEHIND = (
    r"(?:카카오톡|카톡|텔레그램|텔레|디스코드|디코|인스타그램|인스타|위챗|라인|트위터|스냅챗|틱톡|"
    r"스레드|페메)"
)
_BEHIND = expression(
    r"(?<![A-Za-z0-9@._/가-힣\-])(?P<handle>@?[A-Za-z0-9][A-Za-z0-9_.]"
    r"{2,28}[A-Za-z0-9_](?:#[0-9]{4,5})?)(?<=[A-Za-z0-9_])(?: ?으?로|"
    rf"이|가|은|는)?(?:[ ]?(?:이게|그게|이거|그거|요거|여기))?[ ]?(?:\(?(?:(?:제|내)[ ])?{_SERVICES_BEHIND}"
    r"(?P<tail>[ ]?(?:아이디|ID|추가|연락|친추|주세요|주셈|줘|이에요|예요|이요|요|임|입니다|로[ ](?:친추|"
    r"연락|추가|주세요)|"
    r"디엠|DM|검색)|\)|(?= )|\Z)|(?P<sent>디엠|DM)(?:[ ]?(?:주세요|줘|주셈|환영|부탁|ㄱㄱ|[.!~\n]|\Z))|"
    r"(?P<on>on[ ](?:telegram|discord|instagram|insta|twitter|kakao|wechat|line|snapchat|tiktok|"
    r"x)(?![A-Za-z])))",
    re.IGNORECASE,
)


def _behind(text: str, match: re.Match[str]) -> Finding | None:
    """A handle before its service: "gaon_77로 카톡 주세요"."""
    start, end = match.span("handle")
    handle = match["handle"]
    if PLACEHOLDER.match(handle) or not STRONG.search(handle) or not any(map(str.isalpha, handle)):
        return None
    if handle[0] != "@" and DOMAIN.search(handle):
        return None
    if match["sent"] or match["on"]:
        able = handle[0] == "@" or (match["on"] is not None and TELLING.search(handle) is not None)
    else:
        able = handle[0] == "@" or "#" in handle or (match["tail"] is not None and match["tail"] != "")
    return Finding(start, end, "MESSENGER_ID", 0.8, ("service behind", "no word")) if able else None


_SOCIAL = (
    r"(?:카카오톡|카톡|오픈톡|텔레그램|텔레|인스타그램|인스타|트위터|디스코드|디코|위챗|틱톡|스냅챗|"
    r"스냅(?![샷숏])|스레드|페메|유튜브|(?<![가-힣])라인(?=[은이도만으 ])|블로그|네이버|페북|페이스북|"
    r"링크드인|시그널|왓츠앱|"
    r"트위치|치지직|플친|카카오채널|카카오(?=로|[ ])|톡채널|네이트온|"
    r"맞팔|선팔|인친|트친|페친|팔로우|팔로워|디엠|뒷계|본계|부계|일계|소통해요|잔디|슬랙|채널톡|instagram|"
    r"telegram|discord|twitter|"
    r"tiktok|snapchat|follow me|dm me|message me|s[ií]gueme|DM)"
)
_AFAR = expression(
    rf"(?<![A-Za-z])(?P<social>{_SOCIAL})(?![A-Za-z])(?P<between>[^\n0-9@?!<>=|`\"]{{1,24}}?)"
    r"(?<![A-Za-z0-9가-힣._/\-])(?P<handle>@[A-Za-z0-9_](?:[A-Za-z0-9_.]{2,28}[A-Za-z0-9_])|"
    r"[A-Za-z][A-Za-z0-9]{1,18}[_.][A-Za-z0-9_.]{0,18}[A-Za-z0-9_]|"
    r"[A-Za-z]{3,16}[0-9]{1,6})(?![A-Za-z0-9@/(\[]|\.[A-Za-z])",
    re.IGNORECASE,
)
_HANGUL_WORDS = expression(
    r"(?:[가-힣ㄱ-ㅣ~!,.]{0,8}[ ]){1,4}\Z|(?:[가-힣.]{0,8}[ ]){0,3}(?:/[ ])?(?:ID|"
    r"아이디)[은는]?[ ]?:?[ ]\Z|[A-Za-z :]{1,16}\Z"
)


def _afar(text: str, match: re.Match[str]) -> Finding | None:
    """A handle some words behind what tells of a service."""
    start, end = match.span("handle")
    handle = match["handle"]
    if PLACEHOLDER.match(handle) or DOMAIN.search(handle) or not any(map(str.isalpha, handle)):
        return None
    if handle[0] == "@":
        right = len(match["between"]) <= _RIGHT
        if not right and not TELLING.search(handle) and match["social"].lower() in _WEAKLY:
            return None
    elif handle.isalnum():
        told = _ASKED.search(match["between"]) or (
            _NUMBERED.search(handle)
            and _TOLD_BEFORE.match(match["between"])
            and _TOLD_BEHIND.match(text, end)
        )
        if not told or handle.isupper():
            return None
    elif (
        handle.isupper()
        or not _HANGUL_WORDS.match(match["between"])
        or (not _SIGNED.search(handle) and not _TOLD_BEHIND.match(text, end))
    ):
        return None
    return Finding(start, end, "MESSENGER_ID", 0.76, ("service afar", "no word"))


_ASKED = expression(
    r"(?:아이디|아뒤|ID|말고|검색|추가|친추|연락|주세요)[가-힣]{0,3}[ :,]{0,3}\Z", re.IGNORECASE
)
_NUMBERED = expression("[a-z]{3}[0-9]{2}", re.IGNORECASE)
_TOLD_BEFORE = expression(r"(?:으로|로|은|는|이|가|도|만|로만|으로만)?[ ](?:[가-힣~!,]{1,8}[ ]){0,2}\Z")
_TOLD_BEHIND = expression(
    r"[ ]{0,2}(?:\Z|\n|(?:으?로|이에요|예요|입니다|이요|요|임|인데|이고|이니까|니까|라서|이라|이야|"
    r"야)(?![가-힣]{3})|"
    r"[ ]?(?:추가|연락|주세요|친추|검색|문의|톡|디엠|팔로우|맞팔))"
)
_RIGHT = 2  # characters between: "는 "
_WEAKLY = frozenset({"팔로우", "팔로워", "유튜브", "twitter", "dm", "채널톡"})
_SIGNED = expression(r"[a-z]_?[0-9]|[a-z0-9]_[a-z0-9]{3}|[a-z]\.[a-z]{2}", re.IGNORECASE)
AFAR = Detector(
    entities=("MESSENGER_ID",),
    pattern=_AFAR,
    weigh=_afar,
    words=(
        *(
            "카카오톡",
            "카톡",
            "오픈톡",
            "텔레",
            "인스타",
            "트위터",
            "디스코드",
            "디코",
            "위챗",
            "틱톡",
            "스냅",
            "스레드",
            "페메",
        ),
        *(
            "유튜브",
            "맞팔",
            "선팔",
            "인친",
            "트친",
            "페친",
            "팔로우",
            "팔로워",
            "디엠",
            "뒷계",
            "본계",
            "부계",
            "일계",
            "소통해요",
        ),
        *(
            "잔디",
            "슬랙",
            "채널톡",
            "instagram",
            "telegram",
            "discord",
            "twitter",
            "tiktok",
            "snapchat",
            "insta ",
        ),
        *(
            "라인",
            "블로그",
            "네이버",
            "페북",
            "페이스북",
            "링크드인",
            "시그널",
            "왓츠앱",
            "트위치",
            "치지직",
            "플친",
        ),
        *("카카오로", "카카오 ", "카카오채널", "톡채널", "네이트온"),
        *("follow me", "dm me", "message me", "sigueme", "sígueme", "dm ", "dm:", "dm은", "dm으"),
    ),
)
BEHIND = Detector(
    entities=("MESSENGER_ID",),
    pattern=_BEHIND,
    weigh=_behind,
    words=(
        *(
            "카카오톡",
            "카톡",
            "텔레",
            "디스코드",
            "디코",
            "인스타",
            "위챗",
            "라인",
            "트위터",
            "스냅챗",
            "틱톡",
            "스레드",
            "페메",
        ),
        *spelt((" ", "로", "로 "), ("디엠", "dm")),
        *spelt(
            "on ",
            ("telegram", "discord", "insta", "twitter", "kakao", "wechat", "line", "snapchat", "tiktok", "x"),
        ),
    ),
)
