"""What stands in for personal data: of the same form, nobody's, and known to be ours when seen again.

A surrogate is a function of document id, class and order of first appearance, and of the value's form (how
long, which signs, which script); never of the value. Why each can be nobody's:
resident numbers have months 13 to 19; business numbers the kind 00; licences the region 00 (or, with a name,
한국); passports X000...; telephones lie in the unassigned blocks 010-0 and 010-1; cards, accounts, corporate
numbers and IMEI begin with 000 (and cards fail Luhn); these and telephones carry a mark, so that other
unassigned numbers are still found; e-mail lies in the domains of RFC 2606; IP addresses in 240.0.0.0/4 and
RFC 3849, MAC addresses are local ones, both with a mark; VIN hold a Q, which none has; plates a letter of use
that is never given out; positions a latitude beyond the pole; births are on days that no calendar has. Words
(names, places, handles, profiles, secrets) are in `invented`. Past 2,000 telephones of one document
surrogates repeat.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import count

from pipelines.stages.pii import invented
from pipelines.stages.pii.birth_date import date_parts
from pipelines.stages.pii.characters import DIGIT, DIGITS, LOOSE_JOINT, digits_of, folded
from pipelines.stages.pii.checks import luhn_check, mark
from pipelines.stages.pii.fold import fold
from pipelines.stages.pii.network import ip6_check, ip_check, mac_check
from schemas.errors import UsageError

_STRIDE = 7919  # a prime that divides none of the spaces below: order numbers give different surrogates
_DIGIT = re.compile(DIGIT)
_BETWEEN_DIGITS = re.compile(f"(?<={DIGIT})[^{DIGITS}]+(?={DIGIT})")
_PHONE_JOINT = re.compile(f"(?![)）]){LOOSE_JOINT}")
_REGION = re.compile(r"\A[가-힣]+")
_SPELLED_DIGITS = "공일이삼사오육칠팔구"
_SPELLED = re.compile(r"[공영일이삼사오육륙칠팔구]")
_IMPOSSIBLE_DAYS = ((2, 30), (2, 31), (4, 31), (6, 31), (9, 31), (11, 31))
_CASELESS = frozenset({"EMAIL_ADDRESS", "IP_ADDRESS", "URL", "CREDENTIAL"})


def same_value(label: str, value: str) -> str:
    """What two mentions of one value share: letters and digits; for addresses in networks all but case."""
    value = fold(value).text
    if label == "CREDENTIAL":
        return value
    value = value.casefold()
    if label in _CASELESS:
        return value
    if label == "PHONE_NUMBER":
        digits = digits_of(value)
        return "0" + digits[2:].removeprefix("0") if digits.startswith("82") else digits or value
    return "".join(filter(str.isalnum, value)) or value


@dataclass(frozen=True)
class Place:
    """Where a surrogate belongs: document, class, number in order of appearance."""

    doc_id: bytes
    label: str
    index: int

    def number(self, space: int) -> int:
        """A number below `space` that differs for each index (up to `space` of them)."""
        key = self.doc_id + self.label.encode()
        offset = int.from_bytes(blake2b(key, digest_size=8).digest(), "big")
        return (offset + self.index * _STRIDE) % space

    def noise(self, block: int = 0) -> str:
        """38 decimal digits of this place's own, for each block others."""
        key = self.doc_id + self.label.encode() + b"\0" + self.index.to_bytes(8, "big") + bytes(block)
        return f"{int.from_bytes(blake2b(key, digest_size=16).digest(), 'big') % 10**38:038}"

    def digits(self) -> Iterator[str]:
        """Digits of its own without end, the first four of which differ for each index."""
        yield from f"{self.number(10_000):04}"
        for block in count():
            yield from self.noise(block)

    def letters(self) -> Iterator[int]:
        """Numbers below 100 without end."""
        digits = self.digits()
        while True:
            yield int(next(digits) + next(digits))


def surrogate(place: Place, value: str) -> str:
    """The surrogate of one value, of which only the form is looked at."""
    make = _MAKERS.get(place.label)
    if make is None:
        raise UsageError(
            f"no surrogate is known for entity {place.label}: add it to stages/pii/surrogates.py"
        )
    return make(place, fold(value).text if place.label in _FOLDED else value)


def _resident(place: Place, value: str) -> str:
    noise = place.noise()
    century = str(int(noise[8]) % 4 + (5 if place.label == "KR_FRN" else 1))
    head = f"{noise[:2]}{13 + int(noise[2]) % 7}{40 + int(noise[3:6]) % 60}{century}{noise[10]}"
    return _filled(value, f"{head}{place.number(10_000):04}{noise[11]}")


def _business(place: Place, value: str) -> str:
    noise = place.noise()
    return _filled(value, f"{1 + int(noise[0]) % 9}{noise[1:3]}00{place.number(10_000):04}{noise[3]}")


def _passport(place: Place, value: str) -> str:
    """X in front (no country begins so with zeros behind), and for a letter inside A."""
    letters = "".join("X" if c.isalpha() else c for c in value[:2])
    form = letters + re.sub("[A-Za-zＡ-Ｚａ-ｚ]", "A", value[2:])
    return _filled(form, _behind(place, "000", len(digits_of(form))))


def _licence(place: Place, value: str) -> str:
    form = _REGION.sub("한국", value)
    return _filled(form, _behind(place, "" if form.startswith("한국") else "00", len(digits_of(form))))


def _behind(place: Place, head: str, length: int) -> str:
    """`length` digits that begin with `head`, and just before the last hold a number that differs."""
    number = f"{place.number(10_000):04}"
    head = (head + place.noise())[: max(len(head), length - 5)]
    return (head + number[len(head) - (length - 1) :] + place.noise()[-1])[:length]


def _marked(place: Place, value: str) -> str:
    """Begins with 000 and carries the mark that only ours have; fails Luhn."""
    length = max(10, len(digits_of(value)))
    number = f"{place.number(10_000):04}"[-min(4, length - 7) :]
    for turn in range(10):
        noise = place.noise()[turn : turn + length - 7 - len(number)]
        body = "0" * min(1, len(noise)) + noise[1:]  # the fourth zero: no month of a resident number
        body = f"000{body}{number}"
        digits = body + mark(body) + place.noise()[-1]
        if not luhn_check(digits):
            break
    return _filled(value, digits) if len(digits_of(value)) == length else digits


def _phone(place: Place, value: str) -> str:
    """010-0... or 010-1..., joined as the value's last groups are; +82 and spelling stay."""
    free = f"{place.number(2_000):04}"
    mine = f"{free}{mark(free)}{place.noise()[-1]}"
    if len(_SPELLED.findall(value)) == 11:
        source = iter("010" + mine)
        return _SPELLED.sub(lambda _: _SPELLED_DIGITS[int(next(source))], value)
    joints = _BETWEEN_DIGITS.findall(value)
    joint = joints[-1] if joints else "" if value.isdigit() else "-"
    if not _PHONE_JOINT.fullmatch(joint):
        joint = "-"
    lead = "010"
    if digits_of(value).startswith("82"):
        lead = f"{'+' if folded(value).startswith('+') else ''}82{joint}10"
    return f"{lead}{joint}{mine[:4]}{joint}{mine[4:]}"


def _email(place: Place, _: str) -> str:
    return f"user{int(place.noise()[:20]) % 2**32:08x}@example.{('com', 'net', 'org')[place.index % 3]}"


def _ip(place: Place, value: str) -> str:
    if ":" in value:
        group = place.number(2**16)
        high = int(place.noise()[:8]) % 2**16
        return f"2001:db8::{high or 1:x}:{group:x}:{ip6_check(group):x}"
    number = place.number(2**16)
    first = (240 + int(place.noise()[:4]) % 15, number >> 8, number & 255)
    return ".".join(map(str, (*first, ip_check(first))))


def _mac(place: Place, value: str) -> str:
    digits = iter(f"02{int(place.noise()[:12]) % 2**16:04x}{place.number(2**16):04x}")
    five = "".join(digits)
    made = iter(five + mac_check(five))
    form = re.sub("[0-9A-Fa-f]", lambda _: next(made), value)
    return form.upper() if re.search("[A-F]", value) else form


def _vin(place: Place, value: str) -> str:
    letters = place.letters()
    head = "".join("ABCDEFGHJKLMNPRSTUVWXYZ"[next(letters) % 23] for _ in range(11))
    made = f"{head[0]}Q{head[1:]}Q{place.number(10_000):04}"
    return made.lower() if value.islower() else made


def _plate(place: Place, value: str) -> str:
    """A letter of use that is never given out; regions and missions as 한국."""
    use = "차카타파"[int(place.noise()[0]) % 4]
    digits = f"{1 + int(place.noise()[1]) % 9}{place.noise()[2:6]}{place.number(10_000):04}"
    words = re.findall("[가-힣]+", value)
    form = value
    for word in words:
        region = word is not words[-1] or len(word) > 1
        form = form.replace(
            word, ("한국" if region and len(words) > 1 else "한국" + use if region else use), 1
        )
    form = form if use in form else form + use
    return _filled(form, digits[-len(digits_of(form)) :].rjust(len(digits_of(form)), "1"))


def _position(place: Place, value: str) -> str:
    """Degrees beyond the pole: 91 to 99, or 191 to 199 where there are three digits."""
    digits = place.digits()

    def number(match: re.Match[str]) -> str:
        whole, point, decimals = match[0].partition(".")
        if match.start() in minutes:
            return (
                f"{int(next(digits)) % 6}{next(digits)}"[-len(whole) :]
                + point
                + "".join(next(digits) for _ in decimals)
            )
        front = f"{'19' if len(whole) > 2 else '9'}{1 + int(next(digits)) % 9}"
        return front + point + "".join(next(digits) for _ in decimals)

    minutes = {
        match.start(1) for match in re.finditer(r"(?<=[0-9])[°도º′'’분] ?([0-9]{1,2}(?:\.[0-9]+)?)", value)
    }
    return re.sub(r"[0-9]+(?:\.[0-9]+)?", number, value)


def _birth_date(place: Place, value: str) -> str:
    """A day that no month has; of a year alone, one that nobody living was born in."""
    year, (month, day) = 40 + place.number(360) % 60, _IMPOSSIBLE_DAYS[place.number(360) // 60]
    parts = date_parts(value)
    if "y" in parts and not value[slice(*parts["y"])].isdigit():
        return f"천구백{_SPELLED_DIGITS[2 + year // 10 % 8]}십년 이월 삼십일"
    if "m" not in parts:
        return re.sub("[0-9]{4}", f"18{year}", value)
    made = {"y": f"19{year}", "m": f"{month:02}", "d": str(day)}
    if "d" not in parts:
        made["m"] = "13"  # there is no such month
    pieces, read = [], 0
    for part, (start, end) in sorted(parts.items(), key=lambda item: item[1]):
        form = value[start:end]
        if not form.isdigit():
            filling = {"s": "febrero", "e": "February"}["s" if form.islower() else "e"]
        elif part == "m":
            filling = made["m"].lstrip("0") if len(form) == 1 else made["m"]
        else:
            filling = made[part][-len(form) :] if part == "y" else made[part]
        pieces += [value[read:start], filling]
        read = end
    return "".join(pieces) + value[read:]


def _filled(form: str, digits: str) -> str:
    """The form with its digits replaced one by one; everything between them stays."""
    source: Iterator[str] = iter(digits)
    return _DIGIT.sub(lambda _: next(source), form)


_MAKERS: dict[str, Callable[[Place, str], str]] = {
    "KR_RRN": _resident,
    "KR_FRN": _resident,
    "KR_BRN": _business,
    "KR_CRN": _marked,
    "KR_PASSPORT": _passport,
    "KR_DRIVER_LICENSE": _licence,
    "KR_BANK_ACCOUNT": _marked,
    "KR_VEHICLE_PLATE": _plate,
    "KR_ADDRESS": lambda place, value: invented.address(value, place.digits(), place.number(10_000)),
    "PHONE_NUMBER": _phone,
    "CREDIT_CARD": _marked,
    "EMAIL_ADDRESS": _email,
    "IP_ADDRESS": _ip,
    "MAC_ADDRESS": _mac,
    "IMEI": _marked,
    "VIN": _vin,
    "GPS_COORDINATE": _position,
    "PERSON": lambda place, value: invented.name(value, place.number(8_000)),
    "DATE_OF_BIRTH": _birth_date,
    "MESSENGER_ID": lambda place, value: invented.handle(value, place.number(10**8)),
    "GAME_ID": lambda place, value: invented.handle(value, place.number(10**8)),
    "URL": lambda place, value: invented.profile(value, place.number(10**8)),
    "CREDENTIAL": lambda place, value: invented.secret(value, place.letters()),
}
_FOLDED = frozenset(
    {
        *(
            "KR_VEHICLE_PLATE",
            "KR_ADDRESS",
            "MAC_ADDRESS",
            "VIN",
            "GPS_COORDINATE",
            "PERSON",
            "DATE_OF_BIRTH",
        ),
        *("MESSENGER_ID", "GAME_ID", "URL", "CREDENTIAL", "IP_ADDRESS"),
    }
)
