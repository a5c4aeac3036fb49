"""Check digits and calendar: evidence, never a filter (resident numbers are random since 2020)."""

from __future__ import annotations

from hashlib import blake2b

_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_RESIDENT_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
_BUSINESS_WEIGHTS = (1, 3, 7, 1, 3, 7, 1, 3, 5)
_CENTURY = {"9": 1800, "0": 1800, "1": 1900, "2": 1900, "5": 1900, "6": 1900}
# The stages know no clock. A later birth year is taken for no birth year; move it when it comes near.
LATEST_BIRTH_YEAR = 2030


def birth_year(digits: str) -> int:
    """The year of birth that a resident number's first two digits and its century digit name."""
    return _CENTURY.get(digits[6], 2000) + int(digits[:2])


def is_date(year: int, month: int, day: int) -> bool:
    """Whether the Gregorian calendar has this day."""
    if not 1 <= month <= 12:
        return False
    leap = month == 2 and (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))
    return 1 <= day <= _DAYS[month - 1] + leap


def is_birth_date(digits: str) -> bool:
    """Whether the first seven digits of a resident number name a day, not after LATEST_BIRTH_YEAR."""
    year = birth_year(digits)
    return year <= LATEST_BIRTH_YEAR and is_date(year, int(digits[2:4]), int(digits[4:6]))


def resident_check(digits: str) -> bool:
    """Mod 11 over 12 digits; foreigners' numbers (century digit 5-8) are two higher. MOIS, before 10/2020."""
    total = sum(int(d) * w for d, w in zip(digits, _RESIDENT_WEIGHTS, strict=False))
    top = 13 if digits[6] in "5678" else 11
    return (top - total % 11) % 10 == int(digits[12])


def business_check(digits: str) -> bool:
    """Weights 1,3,7,1,3,7,1,3,5 and the carry of the ninth. National Tax Service."""
    total = sum(int(d) * w for d, w in zip(digits, _BUSINESS_WEIGHTS, strict=False))
    return (10 - (total + int(digits[8]) * 5 // 10) % 10) % 10 == int(digits[9])


def corporate_check(digits: str) -> bool:
    """Weights 1,2 alternating over twelve digits. Supreme Court registry rule."""
    total = sum(int(d) * (1 + i % 2) for i, d in enumerate(digits[:12]))
    return (10 - total % 10) % 10 == int(digits[12])


def barcode_check(digits: str) -> bool:
    """EAN-13: weights 1,3 alternating over all thirteen. GS1 General Specifications 7.9."""
    return sum(int(d) * (1 + 2 * (i % 2)) for i, d in enumerate(digits)) % 10 == 0


def luhn_check(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + index % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def is_timestamp(digits: str) -> bool:
    """YYYYMMDDHHMM of the years 1900 to 2099: twelve digits that are no licence."""
    return (
        digits[:2] in {"19", "20"}
        and is_date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
        and int(digits[8:10]) < 24
        and int(digits[10:12]) < 60
    )


def is_phone_surrogate(national: str) -> bool:
    """Whether 11 national digits are ours: 010, unassigned block, and the mark that only ours carry."""
    return (
        len(national) == 11
        and national.startswith("010")
        and national[3] in "01"
        and national[7:10] == mark(national[3:7])
    )


def mark(digits: str) -> str:
    """Three digits that mark a surrogate whose other digits are these."""
    return f"{int.from_bytes(blake2b(digits.encode(), digest_size=4).digest(), 'big') % 1000:03}"


def is_marked(digits: str) -> bool:
    """Whether a number is one of ours: 000 in front, and the mark before the last digit."""
    return len(digits) > 7 and digits.startswith("000") and digits[-4:-1] == mark(digits[:-4])


_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VIN_VALUES = dict(
    zip(
        "0123456789ABCDEFGHJKLMNPRSTUVWXYZ",
        (*range(10), *range(1, 9), *range(1, 6), 7, 9, *range(2, 10)),
        strict=True,
    )
)


def vin_check(number: str) -> bool:
    """49 CFR 565.15: mandatory in North America alone. Upper case."""
    total = sum(_VIN_VALUES[c] * w for c, w in zip(number, _VIN_WEIGHTS, strict=True))
    return "0123456789X"[total % 11] == number[8]
