"""Positions on the globe: latitude and longitude as a pair, decimal or in degrees, minutes and seconds.

Without words a pair counts only within the box around Korea (33.0-39.0 N, 124.0-132.0 E) and with four
decimals or more in both. Ours have a latitude of 90 to 99 degrees, which there is none of: never a finding.
"""

from __future__ import annotations

import re

from pipelines.stages.pii.detector import Detector, spelt
from pipelines.stages.pii.evidence import Finding, probability
from pipelines.stages.pii.expression import expression

_WORD = expression(
    r"위도|경도|북위|동경|좌표|위치|지피에스|(?<![a-z])(?:lat|lng|lon|long|gps|geo|location|"
    r"coord|position|point)(?![b-z])|latitude|longitude|"
    r"位置|現在地|坐标|座標|ubicaci|maps?\.",
    re.IGNORECASE,
)
_BETWEEN = expression(
    (
        r"[ ]?°?[ ]?[NSns]?[ ]{0,2}[,;/\t ][ \t,;/]{0,3}\Z|[^0-9\n]{0,24}?(?:경도|동경|위도|북위|"
        r"lon|lng|lat|E|W)[^0-9\n]{0,12}\Z"
    ),
    re.IGNORECASE,
)
_DECIMALS = 4


def _position(text: str, match: re.Match[str]) -> Finding | None:
    start, end = match.span()
    if match["degrees"]:
        first, second = float(match["d1"]), float(match["d2"])
        inside = _in_korea(first, second) or _in_korea(second, first)
        if not inside and not (first <= 90 and second <= 180):
            return None
        return Finding(start, end, "GPS_COORDINATE", 0.95 if inside else 0.85, ("degrees, minutes",))
    if not _BETWEEN.fullmatch(match["between"]):
        return None
    first, second = float(match["first"]), float(match["second"])
    inside = _in_korea(first, second) or _in_korea(second, first)
    word = (
        _WORD.search(text, max(0, start - 40), start)
        or _WORD.search(match["between"])
        or (match["north"] and match["north"].strip())
        or _WORD.search(text, end, end + 12)
    )
    if inside:
        logit = 2.2 + (2.0 if word else 0.0)
    elif word and (abs(first) <= 90 and abs(second) <= 180):
        logit = 1.0
    else:
        return None
    decimals = min(len(match[name].partition(".")[2]) for name in ("first", "second"))
    if decimals < _DECIMALS:
        logit -= 2.5
    signs = (*(("in Korea",) if inside else ()), *(("cue:position",) if word else ()))
    return Finding(start, end, "GPS_COORDINATE", probability(logit), signs)


def _in_korea(latitude: float, longitude: float) -> bool:
    return 33.0 <= latitude <= 39.0 and 124.0 <= longitude <= 132.0


_NUMBER = r"-?[0-9]{1,3}\.[0-9]{3,15}"
_DEGREES = (
    r"(?P<degrees>(?:북위 ?|남위 ?|[NS] ?)?(?P<d1>[0-9]{1,3})[°도º] ?[0-9]{1,2}(?:\.[0-9]+)?['′’분] ?"
    r"(?:[0-9]{1,2}(?:\.[0-9]+)?(?:[\"″”초]|''))? ?[NS]?[ ,/]{1,3}(?:동경 ?|서경 ?|[EW] ?)?"
    r"(?P<d2>[0-9]{1,3})[°도º] ?[0-9]{1,2}(?:\.[0-9]+)"
    r"?['′’분](?: ?[0-9]{1,2}(?:\.[0-9]+)?(?:[\"″”초]|''))?(?: ?[EW](?![A-Za-z]))?)"
)
_DECIMAL = (
    r"(?P<north>북위 ?|남위 ?|"
    rf"[NS](?![A-Za-z]) ?)?(?P<first>{_NUMBER})(?P<between>[^0-9\n]{{1,36}}?)"
    rf"(?P<second>{_NUMBER})"
    r"(?: ?°? ?[EW](?![A-Za-z]))?"
)
POSITION = Detector(
    entities=("GPS_COORDINATE",),
    pattern=expression(
        rf"(?<![0-9A-Za-z.])(?<![0-9]-)(?:{_DEGREES}|{_DECIMAL})(?![0-9%])(?!\.[0-9])(?! ?(?:달러|"
        r"원|kg|cm|km|m/|초에|%))"
    ),
    weigh=_position,
    words=("0.000", *spelt("0", ("°", "도", "º"))),
    digits=4,
)
