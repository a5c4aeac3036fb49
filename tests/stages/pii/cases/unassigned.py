"""Whether a value of a case could be somebody's: numbers are unassigned or impossible, names invented.

The rules are written down here apart from the recognizers, so that neither leans on the other.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Callable
from ipaddress import ip_address, ip_network

_INVENTED_PLACES = (
    *("말모이", "늘찬", "가온", "온결", "malmoi", "nulchan", "マルモイ"),
    *(
        "하늬솔",
        "벼루샘",
        "도담채",
        "미르내",
        "별찌",
        "hanuisol",
        "byeorusaem",
        "dodamchae",
        "mireunae",
        "byeoljji",
    ),
)
_STRAIGHT = "01234567890123456789"
_WRITTEN = {
    "0": "공 영 o O ㅇ 零 〇 zero cero ゼロ",
    "1": "일 l I ㅣ | 一 one uno イチ",
    "2": "이 二 two",
    "3": "삼 三 three",
    "4": "사 四 four",
    "5": "오 五 five",
    "6": "육 륙 六 six",
    "7": "칠 七 seven",
    "8": "팔 八 eight",
    "9": "구 九 nine",
}
_SPELLED = {word: digit for digit, words in _WRITTEN.items() for word in words.split()}
_SPELLED |= {unicodedata.normalize("NFKC", word): digit for word, digit in _SPELLED.items()}
_SPELLED_OUT = re.compile("|".join(re.escape(word) for word in sorted(_SPELLED, key=len, reverse=True)))
# The United States' defence network and APNIC's research block (no subscribers), RFC 5737, 3849, 9637, 1918
# and 4193; what IANA has given to nobody (2d00::/8, 2e00::/7).
_NETS = [
    ip_network(net)
    for net in (
        *(f"{first}.0.0.0/8" for first in (11, 21, 22, 26, 28, 29, 30, 33, 55)),
        *("1.2.3.0/24", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"),
        *("3fff::/20", "2d00::/8", "2e00::/7", "fd00::/8"),
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
    )
]
_SEA = (  # latitude and longitude from, to: no island lies in these boxes
    ((35.0, 37.2), (124.5, 125.3)),
    ((36.0, 37.3), (129.9, 130.6)),
    ((33.3, 34.0), (127.8, 128.9)),
)


def plain(value: str) -> str:
    """Full width as ASCII, composed, without what is not seen."""
    return "".join(c for c in unicodedata.normalize("NFKC", value) if unicodedata.category(c) != "Cf")


def digits(value: str) -> str:
    """Only the digits, as ASCII."""
    return re.sub(r"[^0-9]", "", plain(value))


def luhn(number: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    doubled = (int(d) * (1 + i % 2) for i, d in enumerate(reversed(number)))
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def _weighted(number: str, weights: tuple[int, ...]) -> int:
    return sum(int(d) * w for d, w in zip(number, weights, strict=False))


def _resident(value: str) -> bool:
    """Born 1902-1906, or on no day at all."""
    number = digits(value)
    year, month, day = int(number[:2]), int(number[2:4]), int(number[4:6])
    century = 1900 if number[6] in "1256" else 2000
    real = 1 <= month <= 12 and 1 <= day <= monthrange(century + year, month)[1]
    return len(number) == 13 and (not real or (century == 1900 and 2 <= year <= 6))


def _business(value: str) -> bool:
    """A failing check digit, or the code of no tax office (below 101)."""
    number = digits(value)
    total = _weighted(number, (1, 3, 7, 1, 3, 7, 1, 3, 5)) + int(number[8]) * 5 // 10
    return len(number) == 10 and ((total + int(number[9])) % 10 != 0 or number < "101")


def _corporate(value: str) -> bool:
    """A failing check digit."""
    number = digits(value)
    return len(number) == 13 and (_weighted(number, (1, 2) * 6) + int(number[12])) % 10 != 0


def _passport(value: str) -> bool:
    """Specimens: a straight run, or three zeros in front."""
    number = digits(value)
    return number.startswith("000") or _is_straight(number) or _is_straight(number[::-1])


def _is_straight(number: str) -> bool:
    return number in _STRAIGHT or len(set(number)) == 1


def _licence(value: str) -> bool:
    """Issued in a year to come: 30 to 49."""
    return "30" <= digits(value)[-10:-8] <= "49"


def _account(value: str) -> bool:
    """A serial with a straight run of four."""
    number = digits(value)
    return any(number[i : i + 4] in _STRAIGHT for i in range(len(number) - 3)) or "0000" in number


_TEST_CARDS = frozenset(
    {
        *("4111111111111111", "4242424242424242", "5555555555554444", "5105105105105100", "378282246310005"),
        *("371449635398431", "6011111111111117", "3530111333300000", "30569309025904", "6200000000000005"),
        *("4012888888881881", "2223003122003222", "4000056655665556", "5200828282828210"),
    }
)


def _card(value: str) -> bool:
    """The schemes' test numbers, or a failing Luhn digit."""
    number = digits(value)
    return number in _TEST_CARDS or (len(number) in {14, 15, 16} and not luhn(number) and number[0] != "0")


def _imei(value: str) -> bool:
    """Test allocation 00, the number of the encyclopedias, or a failing Luhn digit."""
    number = digits(value)
    test = number.startswith("00") or number == "490154203237518"
    return len(number) == 15 and (test or not luhn(number))


def _vin(value: str) -> bool:
    """A serial of zeros and one digit, of 123456, or the encyclopedias' example."""
    number = plain(value).upper()
    return len(number) == 17 and (re.search("0000[0-9]$|123456$", number) or number == "1M8GDM9AXKP042788")


_FOREIGN = re.compile(
    r"(?:1|001)?[2-9]\d\d55501\d\d"  # the United States' numbers for fiction
    r"|(?:81|0081|0)(?:[789]0|3|6|45|52|92)0\d{6,7}"  # Japan: no exchange begins with 0
    r"|(?:86|0086)?1(?:54|6[013489])\d{8}"  # China: segments given to no network
    r"|(?:86|0086|0)(?:10|2[0-9]|755|571)[01]\d{7}"  # no Chinese exchange begins with 0 or 1
    r"|(?:34|0034)?7[5-9]\d{7}"  # Spain: mobile numbers given to no network
    r"|(?:84|0084|66|852)0?1\d{7,8}|63[01]\d{9}|652\d{7}"  # no subscriber's number there begins so
    r"|49(?:3023125|2214710)\d{3}|4917139200\d\d|33(?:199|639|00)\d{6}"  # for fiction: Germany, France
    r"|61(?:[2378]5550\d{4}|491570\d{3})"  # Australia's
    r"|(?:44|0044|0)(?:7700900\d{3}|2079460\d{3}|1632960\d{3}|1[1-6]14960\d{3})"  # Ofcom's for drama
)


def _phone(value: str) -> bool:
    """Unassigned: 010-0, 010-1, exchanges in 0 and 1; withdrawn 011-019; 15xx-000x; _FOREIGN; fiction."""
    if _FOREIGN.fullmatch(digits(value.replace("(0)", ""))):
        return True
    spelled = _SPELLED_OUT.sub(lambda m: _SPELLED[m[0]], plain(value).replace("(공백)", ""))
    number = re.sub(r"^(?:\+|011 |00)?82\D*0?", "0", spelled.replace("(0)", ""))
    if "555" in number and re.search(r"555-01\d\d$", number):
        return True
    number = re.sub(r"\D", "", number)
    return (
        re.fullmatch(
            r"010[01]\d{7}|01[16-9]\d{7,8}|02[01]\d{6,7}|0(?:[3-6][1-5]|70|80)[01]\d{6,7}"
            r"|050\d[01]\d{6,7}|1[58]\d\d000\d|447700900\d{3}",
            number,
        )
        is not None
    )


def _email(value: str) -> bool:
    """RFC 2606 domains."""
    said = re.sub(r"\s*(?:점|\[dot\])\s*", ".", plain(value).lower()).replace(" ", "")
    return re.search(r"(?:^|[@.\])뱅이])example\.(?:com|org|net|co)$|\.example$", said) is not None


def _ip(value: str) -> bool:
    """Nets of no subscriber."""
    address = ip_address(plain(value).replace("[.]", "."))
    return any(address in net for net in _NETS)


def _mac(value: str) -> bool:
    """Locally administered, or RFC 7042's block for documentation."""
    number = re.sub("[^0-9a-f]", "", plain(value).lower())
    return len(number) == 12 and (number.startswith("00005e0053") or number[1] in "26ae")


def _plate(value: str) -> bool:
    """A serial below 0100; of diplomats and for a time only, numbers below 100."""
    return digits(value)[-4:-2] == "00" or re.search(r"\b0\d\d-\d{3}$|\b000\d{3}$", plain(value)) is not None


def _gps(value: str) -> bool:
    """At sea."""
    text = plain(value)
    if "'" in text or "분" in text:  # degrees, minutes, seconds: one point, written twice
        degrees = [int(d) for d in re.findall(r"(\d+)[°도]", text)]
        return degrees == [36, 124]
    one, two = sorted(float(number) for number in re.findall(r"\d+\.\d+", text))
    return any(low <= one <= high and west <= two <= east for (low, high), (west, east) in _SEA)


def _address(value: str) -> bool:
    """A road or quarter that we made up."""
    return any(place in plain(value).lower() for place in _INVENTED_PLACES)


def _marked_as_example(value: str) -> bool:
    return re.search(r"example|malmoi|nulchan|gaon|0000000", plain(value).lower()) is not None


_IS_NOBODYS: dict[str, Callable[[str], object]] = {
    "KR_RRN": _resident,
    "KR_FRN": _resident,
    "KR_BRN": _business,
    "KR_CRN": _corporate,
    "KR_PASSPORT": _passport,
    "KR_DRIVER_LICENSE": _licence,
    "KR_BANK_ACCOUNT": _account,
    "KR_VEHICLE_PLATE": _plate,
    "KR_ADDRESS": _address,
    "PHONE_NUMBER": _phone,
    "CREDIT_CARD": _card,
    "EMAIL_ADDRESS": _email,
    "IP_ADDRESS": _ip,
    "MAC_ADDRESS": _mac,
    "IMEI": _imei,
    "VIN": _vin,
    "GPS_COORDINATE": _gps,
    "URL": _marked_as_example,
}


def is_nobodys(label: str, value: str) -> bool:
    """Whether the rules of its class say that the value belongs to nobody; true where there is no rule.

    Names, birth dates, handles and passwords have none: they are invented, which no rule can see.
    """
    rule = _IS_NOBODYS.get(label)
    return rule is None or bool(rule(value))
