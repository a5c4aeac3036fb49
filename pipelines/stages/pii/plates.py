"""Number plates: private, commercial, rented, diplomatic, military, two-wheel, regional, temporary.

Ministry of Land, notice on registration plates: a class of two digits (three since 2019), a letter of use, a
serial of four. The letters are also counters and particles (조, 호, 주), so what follows is looked at.
Ours have one of 차, 카, 타, 파 for the letter of use, which is never given out: they are not even matched.
"""

from __future__ import annotations

import re

from pipelines.stages.pii.detector import Detector, spelt
from pipelines.stages.pii.evidence import Finding, own_cue, probability
from pipelines.stages.pii.expression import expression
from pipelines.stages.pii.regions import REGIONS

_PLATE = expression(
    r"차량|번호판|차번|차[ ]?번호|주차|입차|출차|택시|버스|렌트|렌터|견인|자동차|승용차|"
    r"오토바이|이륜|화물|트럭|차주|차종|차명|군용|구급차|소방차|"
    r"택배차|탁송|운전|배차|대리|과속|접촉사고|차[ ]빼|plate|vehicle|(?<![a-z])car(?![a-z])|"
    r"车牌|車牌|ナンバー|matr[ií]cula|쏘나타|아반떼|그랜저|제네시스|SUV",
    re.IGNORECASE,
)
_USE = "가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주바사아자배하허호"
_AMBIGUOUS = frozenset("조호주도자로사구바마대수")
_REGION = "|".join(REGIONS)
_MISSION = "외교|영사|준외|준영|국기|협정|대표"
_AFTER = (
    r"(?![0-9])(?![-.,][0-9])(?! ?(?:원|명|년|억|만|회|쪽|번지|번째|페이지|세대|톤|킬로|미터|"
    r"석|가구|마리|그릇|연대|화음|호실|km|m[m ]|m\b|kg|%|℃|천))"
)
_CIVIL = (
    rf"(?:(?P<region>{_REGION}) ?)?(?P<group>[0-9]{{1,3}})"
    rf"(?P<gap> ?-? ?)(?P<use>[{_USE}])(?P<space> ?-? ?)(?P<serial>[0-9]{{4}})"
)
_DIPLOMATIC = rf"(?P<mission>{_MISSION}) ?[0-9]{{3}}-[0-9]{{3}}(?!호)"
_MILITARY = r"(?P<army>[육해공국합]) ?[0-9]{2}-[0-9]{4}"
_CYCLE = rf"(?P<cycle>{_REGION}) ?(?P<district>[가-힣]{{1,3}}) ?(?P<kind>[{_USE}]) ?[0-9]{{4}}"
_TEMPORARY = r"(?P<temporary>임시?) ?[0-9]{6}"


def _plate(text: str, match: re.Match[str]) -> Finding | None:
    start, end = match.span()
    if match["use"]:
        if not _is_class(match["group"], match["region"]):
            return None
        logit, sign = _civil(text, match), "class, use, serial"
    elif match["mission"]:
        unsure = match["mission"] in {"대표", "협정", "국기"} and text[end - 7] != "0"
        logit, sign = (-0.5 if unsure else 2.0), "mission"
    elif match["army"]:
        logit, sign = -0.8, "army"
    elif match["cycle"]:
        unsure = match["kind"] in _AMBIGUOUS or match["district"][-1] in "역로길동"
        logit, sign = (-0.3 if unsure else 1.2), "two wheels"
    else:
        logit, sign = -2.0, "temporary"
    cue, names = own_cue(text, start, end, _PLATE, "plate")
    return Finding(start, end, "KR_VEHICLE_PLATE", probability(logit + cue), (sign, *names))


def _is_class(group: str, region: str | None) -> bool:
    """Two digits, three that do not begin with 0, or one behind a region (before 2004)."""
    return int(group) > 0 and (len(group) == 2 or (len(group) == 3 and group[0] != "0") or region is not None)


def _civil(text: str, match: re.Match[str]) -> float:
    """Logits of a class, a letter of use and a serial."""
    between = match["gap"] + match["space"]
    spaced = " " in between
    logit = 1.0 if spaced else 2.2
    if match["use"] in _AMBIGUOUS:
        logit -= 2.6 if spaced else 1.2
    if "-" in between:
        logit -= 1.0
    if match["region"]:
        logit += 2.5
    elif spaced and "1900" <= match["serial"] <= "2100":
        logit -= 1.0
    before = text[max(0, match.start() - 2) : match.start()]
    return logit - 3.0 * before.endswith(("제", "제 ", "#", "~", "+", "=", "-"))


PLATE = Detector(
    entities=("KR_VEHICLE_PLATE",),
    pattern=expression(
        f"(?:(?<![0-9A-Za-z])(?<![0-9][-.,:])(?:{_CIVIL})|(?<![가-힣])(?:{_DIPLOMATIC}|"
        f"{_MILITARY}|{_CYCLE}|{_TEMPORARY})){_AFTER}"
    ),
    weigh=_plate,
    words=(
        *spelt(list(_USE), ("", " ", "-", "  ", " -", "- ", " - "), "0"),
        *spelt(tuple(_MISSION.split("|")), ("", " "), "000-"),
        *spelt(list("육해공국합"), ("", " "), "00-0"),
        *spelt(("임", "임시"), ("", " "), "000000"),
    ),
    digits=4,
)
