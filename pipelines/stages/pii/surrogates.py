"""What stands in for personal data: of the same form, nobody's, and known to be ours when seen again.

A surrogate is a function of document id, class, order of first appearance, and the particle behind it; never
of the value. Why each can be nobody's: resident numbers have months 13 to 19; business numbers the kind 00;
licences the region 00 (or, with a name, 한국); passports X000...; phones lie in the unassigned blocks 010-0
and 010-1 (with a mark of three digits, so that other unassigned numbers are still found); cards begin with 0
and fail Luhn; e-mail lies in the domains of RFC 2606; IP addresses in the nets of RFC 5737 and RFC 3849.
Past 2,000 different phones (762 IPv4 addresses) of one document surrogates repeat.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

from pipelines.stages.pii.characters import DIGIT, DIGITS, LOOSE_JOINT, digits_of, folded
from pipelines.stages.pii.checks import luhn_check
from pipelines.stages.pii.contacts import phone_check
from schemas.errors import UsageError

_NUMBERED = frozenset({"KR_RRN", "KR_FRN", "KR_BRN", "KR_PASSPORT", "KR_DRIVER_LICENSE", "CREDIT_CARD"})
_STRIDE = 7919  # a prime that divides none of the spaces below: order numbers give different surrogates
_TEST_NETS = ("192.0.2", "198.51.100", "203.0.113")  # RFC 5737
# Last digits after which a particle is right, as the digits are read: 영 일 이 삼 사 오 육 칠 팔 구.
_ANY_DIGIT = "0123456789"
_PARTICLES = (
    (re.compile(r"으로(?![가-힣])"), "036"),  # a final consonant, not ㄹ
    (re.compile(r"로(?![가-힣])"), "1245789"),  # a vowel, or ㄹ
    (re.compile(r"[은이을과](?![가-힣])"), "013678"),
    (re.compile(r"[는가를와](?![가-힣])"), "2459"),
)
_DIGIT = re.compile(DIGIT)
_BETWEEN_DIGITS = re.compile(f"(?<={DIGIT})[^{DIGITS}]+(?={DIGIT})")
_PHONE_JOINT = re.compile(f"(?![)）]){LOOSE_JOINT}")
_REGION = re.compile(r"\A[가-힣]+")


def endings(text: str, end: int) -> str:
    """The last digits with which the particle that follows at `end` reads well; all where none follows."""
    for particle, digits in _PARTICLES:
        if particle.match(text, end):
            return digits
    return _ANY_DIGIT


def same_value(label: str, value: str) -> str:
    """What two mentions of one value share: letters and digits; for addresses everything but case."""
    value = folded(value).casefold()
    if label in {"EMAIL_ADDRESS", "IP_ADDRESS"}:
        return value
    if label == "PHONE_NUMBER":
        digits = digits_of(value)
        return "0" + digits[2:].removeprefix("0") if digits.startswith("82") else digits
    return "".join(filter(str.isalnum, value))


@dataclass(frozen=True)
class Place:
    """Where a surrogate belongs: document, class, number in order of appearance, last digits allowed."""

    doc_id: bytes
    label: str
    index: int
    endings: str = _ANY_DIGIT

    def number(self, space: int) -> int:
        """A number below `space` that differs for each index (up to `space` of them)."""
        key = self.doc_id + self.label.encode()
        offset = int.from_bytes(blake2b(key, digest_size=8).digest(), "big")
        return (offset + self.index * _STRIDE) % space

    def noise(self) -> str:
        """38 decimal digits of this place's own."""
        key = self.doc_id + self.label.encode() + b"\0" + self.index.to_bytes(8, "big")
        return f"{int.from_bytes(blake2b(key, digest_size=16).digest(), 'big') % 10**38:038}"

    def last(self) -> str:
        """One of the endings."""
        return self.endings[int(self.noise()[-2:]) % len(self.endings)]


def surrogate(place: Place, value: str) -> str:
    """The surrogate of one value, of which only the form is looked at."""
    if place.label == "EMAIL_ADDRESS":
        domain = {"2459": "org", "1245789": "org"}.get(place.endings, "com")  # 오알지, 컴
        return f"user{int(place.noise()[:20]) % 2**32:08x}@example.{domain}"
    if place.label == "IP_ADDRESS":
        if ":" in value:
            low = int(place.noise()[:20]) % 2**32
            return f"2001:db8::{low >> 16 or 1:x}:{low & 0xFFFF or 1:x}"
        net, host = divmod(place.number(len(_TEST_NETS) * 254), 254)
        return f"{_TEST_NETS[net]}.{host + 1}"
    if place.label == "PHONE_NUMBER":
        return _phone(place, value)
    if place.label not in _NUMBERED:
        raise UsageError(
            f"no surrogate is known for entity {place.label}: add it to stages/pii/surrogates.py"
        )
    value = _REGION.sub("한국", value) if place.label == "KR_DRIVER_LICENSE" else value
    value = _passport_letters(value) if place.label == "KR_PASSPORT" else value
    return _filled(value, _digits(place, len(digits_of(value)), named_region=value.startswith("한국")))


def _digits(place: Place, count: int, *, named_region: bool) -> str:
    """As many digits as the form has, invalid by construction, with a fitting last one."""
    noise = place.noise()
    number = f"{place.number(10_000):04}"  # just before the last digit: differs for each index
    match place.label:
        case "KR_RRN" | "KR_FRN":
            century = str(int(noise[8]) % 4 + (5 if place.label == "KR_FRN" else 1))
            month, day = 13 + int(noise[2]) % 7, 40 + int(noise[3:6]) % 60
            head = f"{noise[:2]}{month}{day}{century}{noise[10]}"
        case "KR_BRN":
            return f"{1 + int(noise[0]) % 9}{noise[1:3]}00{number}{place.last()}"
        case "CREDIT_CARD":
            head = "0" + noise[: count - 6]
        case "KR_PASSPORT":
            head = "000"
        case _:
            head = (("" if named_region else "00") + noise)[: count - 5]
    digits = head + number[len(head) - (count - 1) :] + place.last()
    if place.label == "CREDIT_CARD" and luhn_check(digits):
        digits = digits[:1] + str((int(digits[1]) + 1) % 10) + digits[2:]
    return digits


def _filled(form: str, digits: str) -> str:
    """The form with its digits replaced one by one; everything between them stays."""
    source: Iterator[str] = iter(digits)
    return _DIGIT.sub(lambda _: next(source), form)


def _passport_letters(value: str) -> str:
    """X in front (no country begins so with zeros behind), and for a letter inside A."""
    letters = "".join("X" if c.isalpha() else c for c in value[:2])
    return letters + re.sub("[A-Za-zＡ-Ｚａ-ｚ]", "A", value[2:])


def _phone(place: Place, value: str) -> str:
    """010-0... or 010-1..., joined as the value's last groups are; +82 stays."""
    joints = _BETWEEN_DIGITS.findall(value)
    joint = joints[-1] if joints else ""
    if not _PHONE_JOINT.fullmatch(joint):
        joint = "-"
    free = f"{place.number(2_000):04}"
    lead = "010"
    if digits_of(value).startswith("82"):
        lead = f"{'+' if folded(value).startswith('+') else ''}82{joint}10"
    return f"{lead}{joint}{free}{joint}{phone_check(free)}{place.last()}"
