"""Particles (josa) that agree with the sound before them: 은/는, 이/가, 으로/로, 이에요/예요 and others.

A surrogate ends otherwise than what it stands for, so the particle behind it is written anew, at every
mention. Only what is written on without a space, and is followed by nothing but an ending, is a particle.
Standard Korean Orthography, Art. 18 and 26; digits and letters as they are read out.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_RIEUL = 8  # final ㄹ, in the order of Unicode's finals
_NONE = 0
_DIGITS = {"0": 21, "1": _RIEUL, "3": 16, "6": 1, "7": _RIEUL, "8": _RIEUL}  # 영일삼육칠팔
_LETTERS = {"l": _RIEUL, "m": 16, "n": 4, "r": _RIEUL}  # 엘 엠 엔 알
_WORDS = {"com": 16, "net": 19}  # 컴, 넷
_END = "(?![가-힣])"


class _Pair(NamedTuple):
    """A particle after a closed and after an open syllable, and what may follow it."""

    closed: str
    open: str
    behind: str


_TOPIC = rf"(?:요)?{_END}"
_PAIRS = (
    _Pair("이에요", "예요", _END),
    _Pair("이었", "였", "[가-힣]"),
    _Pair("이라", "라", rf"(?:(?:고|는|며|면|서|도|니|던|든|기)[가-힣]{{0,6}})?{_END}"),
    _Pair("이랑", "랑", rf"(?:은|도|만|요)?{_END}"),
    _Pair("이나", "나", _END),
    _Pair("이요", "요", _END),
    _Pair("은", "는", _TOPIC),
    _Pair("이", "가", _TOPIC),
    _Pair("을", "를", _TOPIC),
    _Pair("과", "와", rf"(?:의|는|도)?{_END}"),
)
_TO = re.compile(rf"(?:으로|로)(?=(?:서|써|부터|는|도|만|의|까지|요|서는|서의)?{_END})")
_MISSPELT = re.compile(rf"(?:이예요|에요)(?={_END})")
_FORMS = tuple((re.compile(f"(?:{pair.closed}|{pair.open})(?={pair.behind})"), pair) for pair in _PAIRS)
# The copula is left out after a vowel: 2다, 2고, 2면; after a consonant it is not: 1이다.
_COPULA = re.compile(rf"(?:다|고|고요|며|면|지만|니까|네요|죠|지요|던데|든지|든)(?={_END})")
# People's names alone: 서연아/지우야, and 서연이가 beside 지우가.
_VOCATIVE = re.compile(rf"(?:아|야)(?={_END})")
_NAMED = re.compile(
    rf"이(?=(?:가|는|를|랑|도|한테|에게|네|만|와|의|야|하고|까지|부터|처럼|보다|꺼|거)(?:요|는|도)?{_END})"
)


def final_sound(text: str) -> int:
    """The final consonant of the last syllable as it is read, as Unicode counts them; 0: none."""
    word = re.search(r"[A-Za-z]+\W*\Z", text)
    if word and (known := _WORDS.get(word[0].strip(" .)]").lower())) is not None:
        return known
    for character in reversed(text):
        if "가" <= character <= "힣":
            return (ord(character) - 0xAC00) % 28
        if character.isalnum():
            return _DIGITS.get(character, _LETTERS.get(character.lower(), _NONE))
    return _NONE


def agreeing(text: str, end: int, stop: int, stand_in: str, *, person: bool) -> tuple[str, int]:
    """What stands behind `stand_in` for the particle at text[end:stop], and how long that is; "", 0: none.

    text[:end] ends with what `stand_in` replaces.
    """
    sound = final_sound(stand_in)
    if person and (found := _person_particle(text, end, stop, sound)) is not None:
        return found
    if match := _MISSPELT.match(text, end, stop):
        return ("이에요" if sound else "예요"), len(match[0])
    if match := _TO.match(text, end, stop):
        return ("으로" if sound not in {_NONE, _RIEUL} else "로"), len(match[0])
    for form, pair in _FORMS:
        if match := form.match(text, end, stop):
            return (pair.closed if sound else pair.open), len(match[0])
    if not person and sound and not final_sound(text[:end]) and (match := _COPULA.match(text, end, stop)):
        return "이" + match[0], len(match[0])
    return "", 0


def _person_particle(text: str, end: int, stop: int, sound: int) -> tuple[str, int] | None:
    """Particles that only names have; None: another, or none."""
    if _NAMED.match(text, end, stop):
        return ("이" if sound else ""), 1
    if match := _VOCATIVE.match(text, end, stop):
        return ("아" if sound else "야"), len(match[0])
    return None
