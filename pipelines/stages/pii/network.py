"""Addresses in networks: e-mail (also written so that machines shall not read it), IP version 4 and 6, MAC.

IP: the IANA special-purpose registries of 2024, spelled out, because interpreters differ. A private address
names somebody's machine and counts; loopback, masks, broadcast, multicast and public name servers never do.
Ours lie in 240.0.0.0/4, which is reserved, and in 2001:db8::/32, with a last part that only ours carry.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from ipaddress import AddressValueError, IPv6Address

from pipelines.stages.pii.detector import Detector, spelt
from pipelines.stages.pii.evidence import SURROGATE_SCORE, Finding, cue_after, nearest_cue, probability
from pipelines.stages.pii.expression import expression

_LOCAL = expression(r"(?<![0-9A-Za-z])[0-9A-Za-z_][0-9A-Za-z._%+\-]{0,63}\Z")
_DISGUISED_LOCAL = expression(r"(?<![0-9A-Za-z._])[0-9A-Za-z_][0-9A-Za-z._%+\-]{1,63}\Z")
_OUR_LOCAL = expression(r"user[0-9a-f]{8}\Z")
_OUR_DOMAINS = frozenset({"example.com", "example.net", "example.org"})
_NO_DOMAINS = frozenset({"png", "jpg", "jpeg", "gif", "webp", "svg", "css", "js", "ts", "md", "py"})
_USER_INFO = expression(r"://[^\s/@]*:[^\s/@]*\Z")
_LOGIN = expression(r"(?:^|[\s`$#>])(?:ssh|scp|sftp|rsync|kinit|kvno)[ ][^\n@]*\Z")
_SCALED = expression(r"[0-9](?:\.[0-9])?x\.")  # name@2x.png


def _email(text: str, match: re.Match[str]) -> Finding | None:
    at = match.start()
    local = _LOCAL.search(text[max(0, at - 65) : at])
    if local is None or local[0].endswith("."):
        return None
    start, end = at - len(local[0]), match.end()
    domain = match["domain"].lower()
    ours = _OUR_LOCAL.search(local[0]) if domain in _OUR_DOMAINS else None
    if ours:  # also glued behind something else
        return Finding(start + ours.start(), end, "EMAIL_ADDRESS", SURROGATE_SCORE, ())
    if domain.rsplit(".", 1)[1] in _NO_DOMAINS or _SCALED.match(domain):
        return None
    before = text[max(0, start - 64) : start]
    if _USER_INFO.search(before) or _LOGIN.search(before):
        return None  # scheme://user:password@host; ssh user@host
    if local[0] == "git" and (text[end : end + 1] == ":" or before.endswith("//")):
        return None
    return Finding(start, end, "EMAIL_ADDRESS", 0.98, ("address with domain",))


def _disguised_email(text: str, match: re.Match[str]) -> Finding | None:
    at = match.start()
    local = _DISGUISED_LOCAL.search(text[max(0, at - 65) : at])
    if local is None or match["domain"].lower().split(".")[0] in {"the", "this"}:
        return None
    return Finding(at - len(local[0]), match.end(), "EMAIL_ADDRESS", 0.9, ("at in words",))


_DOMAIN = (
    r"(?:(?:[0-9A-Za-z\-]{1,63}|[가-힣][0-9A-Za-z가-힣\-]{0,62})\.){1,8}(?:[A-Za-z]{2,24}|한국|닷컴|닷넷)"
)
_AT = r"(?:\s?[(\[{<]\s?(?:at|AT|At|@|골뱅이|앳)\s?[)\]}>]\s?| ?골뱅이 ?)".replace(r"\s", " ")
_DOT = r"(?:\.| ?[(\[{<] ?(?:dot|DOT|Dot|\.|점|닷) ?[)\]}>] ?| ?(?:점|쩜|닷) ?)"
_TOP = "(?:com|net|org|kr|co|io|me|edu|gov|info|biz|jp|cn|us|uk|de|dev|app|ai|example)"
_DISGUISED = (
    rf"{_AT}(?P<domain>[0-9A-Za-z\-]{{2,63}}(?:{_DOT}[0-9A-Za-z\-]{{2,63}})"
    rf"{{0,3}}{_DOT}{_TOP})(?![0-9A-Za-z])"
)
EMAIL = Detector(
    entities=("EMAIL_ADDRESS",),
    pattern=expression(f"@(?P<domain>{_DOMAIN})"),
    weigh=_email,
    words=("@",),
    marks=1,
)
DISGUISED_EMAIL = Detector(
    entities=("EMAIL_ADDRESS",),
    pattern=expression(_DISGUISED),
    weigh=_disguised_email,
    words=("골뱅이", *spelt(list("([{<"), ("", " "), ("at", "@", "앳"), ("", " "), list(")]}>"))),
)

# First and last /16, inclusive, of what names no machine of anybody's.
_NOBODYS = (
    ((0, 0), (0, 255)),
    ((127, 0), (127, 255)),
    ((169, 254), (169, 254)),
    ((224, 0), (255, 255)),
)
_PRIVATE = (((10, 0), (10, 255)), ((100, 64), (100, 127)), ((172, 16), (172, 31)), ((192, 168), (192, 168)))
_RESOLVERS = frozenset(  # public name servers: Google, Cloudflare, Quad9, OpenDNS, KT, SK, LG U+
    {
        *("8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "208.67.222.222", "208.67.220.220"),
        *("168.126.63.1", "168.126.63.2", "210.220.163.82", "219.250.36.130"),
        *("164.124.101.2", "203.248.252.2"),
    }
)
_NETWORK_MASK = expression(r"/(?:[0-9]|[12][0-9]|3[01])(?![0-9])")
_RELEASE = expression(
    r"(?:\)|에서|으로|로|은|는|을|를|이|가)? ?(?:배포|릴리|업데이트|업그레이드|올림|올려|올렸|"
    r"패치|버전|버젼|빌드|설치|절|항|장|조(?![가-힣])|"
    r"update|release|version|build)",
    re.IGNORECASE,
)
_RELEASED_FROM = expression(r"(?:에서|부터|->| - |~) ?[0-9]+(?:\.[0-9]+){3}(?=\D{0,3}(?:올|업|배|패))")
_SECTION = expression(r"(?:chapter|section|절|항|장|제|§|그림|표|figure|table|art\.|pt\.) ?\Z", re.IGNORECASE)
_LINE_START = expression(r"(?:^|\n)[ \t#*>(\[\-]{0,8}\Z")
_SMALL = 30  # numbers of versions and sections are


def ip_check(first_three: tuple[int, int, int]) -> int:
    """The last octet, 1 to 254, that marks an address of 240.0.0.0/4 as ours."""
    return int.from_bytes(blake2b(bytes(first_three), digest_size=4).digest(), "big") % 254 + 1


def ip6_check(group: int) -> int:
    """The last 16 bits, 1 to 65535, behind a group of 16 bits, that mark an address of 2001:db8:: as ours."""
    return int.from_bytes(blake2b(group.to_bytes(2, "big"), digest_size=4).digest(), "big") % 65535 + 1


def _ipv4(text: str, match: re.Match[str]) -> Finding | None:
    start, end = match.span()
    parts = match[0].replace("[", "").replace("]", "").split(".")
    if any(len(part) > 1 and part[0] == "0" for part in parts):
        return None
    a, b, c, d = map(int, parts)
    if max(a, b, c, d) > 255:
        return None
    if a >= 240 and d == ip_check((a, b, c)):
        return Finding(start, end, "IP_ADDRESS", SURROGATE_SCORE, ())
    if ".".join(parts) in _RESOLVERS or any(low <= (a, b) <= high for low, high in _NOBODYS):
        return None
    if text[max(0, start - 2) : start] in {"==", "~=", ">=", "<="}:
        return None  # a requirement of a package
    private = any(low <= (a, b) <= high for low, high in _PRIVATE)
    logit, evidence = (0.3, ["private"]) if private else (1.0, ["public"])
    cue, distance = nearest_cue(text, start) or ("", 0)
    behind = cue_after(text, end)
    if cue == "address":
        logit += 3.0
        evidence.append("cue:address")
    elif cue in {"version", "serial"} and distance <= 12:
        logit -= 4.0
        evidence.append(f"other cue:{cue}")
    elif behind == "address":
        logit += 2.5
        evidence.append("cue after:address")
    small = max(a, b, c, d) < _SMALL
    if (
        small
        and cue != "address"
        and (_is_heading(text, start, end) or _SECTION.search(text, max(0, start - 10), start))
    ):
        logit -= 2.5
        evidence.append("section number")
    if (
        not private
        and cue != "address"
        and (_RELEASE.match(text, end) or (small and _RELEASED_FROM.match(text, end)))
    ):
        logit -= 4.0
        evidence.append("release behind")
    if _NETWORK_MASK.match(text, end) or d in {0, 255}:
        logit -= 2.0
        evidence.append("network")
    elif private and d in {1, 254} and c in {0, 1, 2, 100, 219} and cue != "address":
        logit -= 2.0  # the router of every home
        evidence.append("gateway")
    return Finding(start, end, "IP_ADDRESS", probability(logit), tuple(evidence))


def _is_heading(text: str, start: int, end: int) -> bool:
    """Whether small numbers open a line and words follow: a section, "1.2.3.4 Overview"."""
    return _LINE_START.search(text, max(0, start - 9), start) is not None and text[end : end + 1] in {
        " ",
        ".",
        ")",
    }


def _ipv6(text: str, match: re.Match[str]) -> Finding | None:
    start, end = match.span()
    try:
        address = int(IPv6Address(match[0].rstrip(":") if not match[0].endswith("::") else match[0]))
    except AddressValueError:
        return None
    if address >> 96 == 0x20010DB8 and address & 0xFFFF == ip6_check(address >> 16 & 0xFFFF):
        return Finding(start, end, "IP_ADDRESS", SURROGATE_SCORE, ())
    return Finding(start, end, "IP_ADDRESS", 0.95, ("version 6",))


_IPV4_CORE = r"[0-9]{1,3}(?:(?:\.|\[\.\])[0-9]{1,3}){3}"
_IPV6_CORE = r"(?:[23][0-9A-Fa-f]{3}|[Ff][CDcd][0-9A-Fa-f]{2})(?::[0-9A-Fa-f]{0,4}){2,7}"
_HEX = tuple("0abcdef")  # 0: any digit
IPV4 = Detector(
    entities=("IP_ADDRESS",),
    pattern=expression(rf"(?<![0-9A-Za-z_])(?<![0-9A-Za-z][./]){_IPV4_CORE}(?![0-9A-Za-z_])(?![.\-][0-9])"),
    weigh=_ipv4,
    run=4,
    points=3,
)
IPV6 = Detector(
    entities=("IP_ADDRESS",),
    pattern=expression(f"(?<![0-9A-Za-z:.]){_IPV6_CORE}(?![0-9A-Za-z:])"),
    weigh=_ipv6,
    words=(*spelt("0", *[_HEX] * 3, ":"), *spelt("f", ("c", "d"), *[_HEX] * 2, ":")),
    marks=2,
)


def mac_check(first_five: str) -> str:
    """The last byte, as two hexadecimal digits, that marks a MAC address that begins with 02 as ours."""
    return blake2b(first_five.lower().encode(), digest_size=1).hexdigest()


_MAC_CUE = expression(
    r"맥(?:[ ]?(?:주소|어드레스))?|(?<![A-Za-z])mac(?![a-z])|bssid|wlan|(?<![a-z])eth[0-9]|"
    r"hwaddr|ether(?![a-z])|와이파이|블루투스|"
    r"bluetooth|wi-?fi",
    re.IGNORECASE,
)


def _mac(text: str, match: re.Match[str]) -> Finding | None:
    start, end = match.span("mac")
    digits = re.sub("[^0-9a-f]", "", match["mac"].lower())
    if sum(map(str.isdigit, digits)) < 2:
        return None  # 2 of 10,000 random ones; words are all letters
    if digits.startswith("02") and digits[10:] == mac_check(digits[:10]):
        return Finding(start, end, "MAC_ADDRESS", SURROGATE_SCORE, ())
    if digits in {"0" * 12, "f" * 12} or digits.startswith(("01005e", "3333")):
        return None  # nobody, everybody, groups
    cue = _MAC_CUE.search(text, max(0, start - 24), start) or _MAC_CUE.search(text, end, end + 12)
    logit = (2.0 if re.search("[a-f]", digits) else -1.5) + (3.0 if cue else 0.0)
    if match["mac"][2] == "-" and not cue:
        logit -= 1.0
    return Finding(start, end, "MAC_ADDRESS", probability(logit), ("cue:mac",) if cue else ("six bytes",))


_PAIR, _FOUR = "[0-9A-Fa-f]{2}", "[0-9A-Fa-f]{4}"
_NOT_BEFORE, _NOT_AFTER = "(?<![0-9A-Za-z])(?<![0-9A-Za-z][:.-])", "(?![0-9A-Za-z])(?![:.-][0-9A-Fa-f])"
MAC = Detector(
    entities=("MAC_ADDRESS",),
    pattern=expression(
        f"{_NOT_BEFORE}(?P<mac>{_PAIR}(?::{_PAIR}){{5}}|{_PAIR}(?:-{_PAIR}){{5}}){_NOT_AFTER}"
    ),
    weigh=_mac,
    words=spelt(_HEX, _HEX, (":", "-")),
    digits=2,
    marks=5,
)
POINTED_MAC = Detector(
    entities=("MAC_ADDRESS",),
    pattern=expression(f"{_NOT_BEFORE}(?P<mac>{_FOUR}(?:\\.{_FOUR}){{2}}){_NOT_AFTER}"),
    weigh=_mac,
    words=spelt(_HEX, _HEX, ".", _HEX),
    digits=2,
    marks=2,
    letters=4,
)
BARE_MAC = Detector(  # without signs between, behind its name
    entities=("MAC_ADDRESS",),
    pattern=expression(
        r"(?:맥|[Mm][Aa][Cc])[^\n]{0,24}?(?<![0-9A-Za-z])(?<![A-Za-z]-)(?P<mac>[0-9A-Fa-f]{12})(?![0-9A-Za-z])"
    ),
    weigh=_mac,
    words=("맥", "mac"),
    digits=2,
    letters=12,
)
