"""What is invented for words: names, addresses, handles, profiles, secrets. Of the value's form, nobody's.

Each kind carries a mark that nothing real carries, by which it is known as ours when seen again:
names begin with a syllable that is no Korean surname (Latin ones with Xy, Chinese ones with 某); places
are called 뫼빛; handles have two points in a row, which no service grants; profiles lie under .example
(RFC 2606); secrets end in five digits that follow from the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import blake2b
from itertools import cycle

from pipelines.stages.pii.expression import expression

SURNAMES = "뉘뫼뵈븨슌롄죈츄퀴펀욜랭댕뤼쥰톰묄봰쉐촨"
_GIVEN = "서연지우민준하은도윤예진수현아린유찬시온"
_LATIN_PARTS = ("lo", "ra", "ne", "mi", "ta", "vo", "ki", "su", "do", "be", "ga", "fi")
_HAN = "甲乙丙丁戊己庚辛壬癸"
PLACE, LATIN_PLACE = "뫼빛", "Moebit"
_PLACE_TAILS = "가나다라마바사아자하솔샘별달"
_NAME = expression(rf"[{SURNAMES}][{_GIVEN}]{{1,3}}|Xy[a-z]{{2,}}|XY[A-Z]{{2,}}|某[{_HAN}]")
OUR_HANDLE = r"@?(?:live:)?(?:user|이용자)\.\.[0-9]{8}|STEAM_9:[01]:[0-9]{8}"
_HANDLE = expression(OUR_HANDLE)
_SECRET_MARK = 5
_LEAST_SECRET = 12
_REACH = 20  # characters: the longest handle of ours


def is_ours(label: str, text: str, start: int, end: int) -> bool:
    """Whether what was found as `label` at text[start:end] is, or lies on, something invented here."""
    match label:
        case "PERSON":
            near = max(0, start - _REACH), min(len(text), end + _REACH)
            return text.startswith((PLACE, LATIN_PLACE), start) or any(
                found.end() > start and found.start() < end
                for form in (_NAME, _HANDLE)
                for found in form.finditer(text, *near)
            )
        case "KR_ADDRESS":
            # A unit alone, close behind one of our places, is what is left of ours.
            begin = max(0, start - 24, text.rfind("\n", 0, start)) if text[start].isdigit() else start
            return PLACE in text[begin:end] or LATIN_PLACE in text[start:end]
        case "MESSENGER_ID" | "GAME_ID":
            value = text[start:end]
            return _HANDLE.match(text, start) is not None or PLACE in value or _is_our_secret(value)
        case "CREDENTIAL":
            return _is_our_secret(text[start:end])
    return False


def invented_names(text: str) -> Iterator[tuple[int, int]]:
    """Where names of ours stand in a text; a particle of a given name's syllables is taken for a part."""
    for found in _NAME.finditer(text):
        yield found.span()


def name(form: str, number: int) -> str:
    """A person's name with as many syllables as the form, word by word; `number` chooses it."""
    if re.search("[A-Za-z]", form) and not re.search("[가-힣]", form):
        return re.sub("[A-Za-z]+", lambda word: _latin_name(word[0], number + 145 * word.start()), form)
    if re.search("[가-힣]", form):
        return re.sub("[가-힣]+", lambda word: _hangul_name(len(word[0]), number), form)
    return "某" + "".join(_HAN[number // 10**place % 10] for place in range(max(1, len(form) - 1)))


def _hangul_name(syllables: int, number: int) -> str:
    given, first = number % 400, number // 400
    letters = [SURNAMES[(first + given) % 20], _GIVEN[given % 20], _GIVEN[given // 20]]
    return "".join(letters[:syllables]) + "".join(_GIVEN[(given + i) % 20] for i in range(3, syllables))


def _latin_name(form: str, number: int) -> str:
    made = "Xy" + "".join(_LATIN_PARTS[number // 12**place % 12] for place in range(3))
    return made.upper() if form.isupper() and len(form) > 1 else made


_REGION = expression(
    r"(?:서울|부산|대구|인천|광주|대전|울산|세종|경기|강원|충청[남북]|전라[남북]|경상[남북]|충[남북]|"
    r"전[남북]|경[남북]|제주)"
    r"(?P<kind>특별자치시|특별자치도|특별시|광역시|시|도)?"
)
_SUFFIX = expression(
    r"(?:특별자치시|특별자치도|특별시|광역시|아파트|오피스텔|빌라|맨션|주공|마을|빌딩|타워|하우스|원룸|"
    r"기숙사|연립|상가|청사|센터|시|군|구|읍|면|동|리|가|로|길)\Z"
)
_KEPT = expression(
    r"(?:층|호|동|번지|번길|길|가|차|통|반|단지|산|지하|반지하|지층|옥탑|옥탑방|번지지층|[가나다라]길|외|"
    r"필지|제|[가-하]동)\Z"
)
_TOKEN = expression(r"[가-힣]+|[0-9]+|[A-Za-z]+|[^가-힣0-9A-Za-z]+")


def address(form: str, digits: Iterator[str], number: int) -> str:
    """An address of invented places with the form's parts; numbers are as long as the form's."""
    tails = cycle(_PLACE_TAILS[number % 14 :] + _PLACE_TAILS[: number % 14])
    pieces: list[str] = []
    for token in _TOKEN.findall(form):
        before = pieces[-1] if pieces else ""
        if token[0].isdigit():
            pieces.append(
                "".join(_nonzero(next(digits)) if not i else next(digits) for i in range(len(token)))
            )
        elif token[0].isascii() and token[0].isalpha():
            pieces.append(_latin_place(token))
        elif (
            not "가" <= token[0] <= "힣"
            or _KEPT.match(token)
            or (before[-1:].isdigit() and len(token) <= 2 and token[-1] in "층호동길가차통반")
        ):
            pieces.append(token)
        elif (region := _REGION.match(token)) and region.end() == len(token):
            pieces.append(
                PLACE + (region["kind"] or ("도" if token[-1] in "남북" and len(token) > 2 else ""))
            )
        else:
            suffix = _SUFFIX.search(token)
            pieces.append(PLACE + next(tails) + (suffix[0] if suffix and suffix.start() else ""))
    made = "".join(pieces)
    return made if PLACE in made or LATIN_PLACE in made else f"{PLACE}{next(tails)} {made}"


def _latin_place(token: str) -> str:
    if token in {"ro", "gil", "daero", "beon", "gu", "si", "dong", "gun", "do", "eup", "myeon", "ri", "ho"}:
        return token
    return token if len(token) == 1 else LATIN_PLACE


def _nonzero(digit: str) -> str:
    return digit if digit != "0" else "7"


def handle(form: str, number: int) -> str:
    """A handle of the form's script; @, live: and a tag stay, the tag as #0000."""
    if form.startswith("STEAM_"):
        return f"STEAM_9:0:{number:08}"
    front = re.match("@?(?:live:)?", form)
    tag = "#0000" if "#" in form else ""
    word = "이용자" if re.search("[가-힣]", form) else "user"
    return f"{front[0] if front else ''}{word}..{number:08}{tag}"


def profile(form: str, number: int) -> str:
    """A profile's URL under .example: scheme and the host's own name stay."""
    parts = re.match(
        r"(?P<scheme>https?://)?(?P<host>[^/?#]+)(?P<path>[/?#].*)?", form, re.IGNORECASE | re.DOTALL
    )
    if parts is None:
        return f"user{number:08}.example"
    labels = re.sub(r"\.(?:co\.kr|[a-z]{2,6})\Z", "", parts["host"], flags=re.IGNORECASE).split(".")
    if _PERSONAL_HOST.search(parts["host"]):
        return f"{parts['scheme'] or ''}user{number:08}.{'.'.join(labels[1:])}.example"
    return f"{parts['scheme'] or ''}{'.'.join(labels)}.example/user{number:08}"


_PERSONAL_HOST = expression(
    r"[^.]+\.(?:tistory|egloos|blogspot|github|velog|postype|blog)\.[a-z]+\Z", re.IGNORECASE
)


def secret(form: str, letters: Iterator[int]) -> str:
    """A secret of the form's letters, digits and signs (all "-"), at least twelve long, with the mark."""
    length = max(len(form), _LEAST_SECRET) - _SECRET_MARK
    kinds = form[:length].ljust(length, "0")
    head = "".join(_like(kind, next(letters)) for kind in kinds)
    return head + _secret_mark(head)


def _like(kind: str, number: int) -> str:
    if kind.isdigit():
        return str(number % 10)
    if kind.isalpha():
        letter = chr(ord("a") + number % 26)
        return letter.upper() if kind.isupper() else letter
    return "-"


def _secret_mark(head: str) -> str:
    value = int.from_bytes(blake2b(head.encode(), digest_size=8).digest(), "big")
    return f"{value % 10**_SECRET_MARK:0{_SECRET_MARK}}"


def _is_our_secret(value: str) -> bool:
    return len(value) >= _LEAST_SECRET and value[-_SECRET_MARK:] == _secret_mark(value[:-_SECRET_MARK])
