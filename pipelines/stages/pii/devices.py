"""Numbers of things that lead to their owners: IMEI (3GPP TS 23.003), VIN of vehicles (ISO 3779)."""

from __future__ import annotations

import re

from pipelines.stages.pii.checks import is_marked, luhn_check, vin_check
from pipelines.stages.pii.detector import Detector
from pipelines.stages.pii.evidence import SURROGATE_SCORE, Finding, own_cue, probability
from pipelines.stages.pii.expression import expression

_IMEI = expression(r"imei|아이엠이아이|단말기?[ ]?(?:식별|고유|일련)|\*#06#", re.IGNORECASE)
_VIN = expression(
    r"차대[ ]?번호|차량[ ]?식별|(?<![a-z])vin(?![a-z])|bastidor|chassis|识别代号|车架|車台|車体番号",
    re.IGNORECASE,
)
_NO_DIGIT = expression("[^0-9]")
# World manufacturer identifiers of what drives in Korea; KL, KM, KN, KP: made there.
_MAKERS = expression(
    r"K[LMNP][A-Z0-9]|5YJ|7SA|LRW|XP7|W(?:BA|BS|BY|DD|DB|1K|1N|AU|VW|P0|MW)|JT[DHEJN]|VSS|LSV"
)


def _imei(text: str, match: re.Match[str]) -> Finding:
    start, end = match.span()
    digits = _NO_DIGIT.sub("", match[0])
    if is_marked(digits):
        return Finding(start, end, "IMEI", SURROGATE_SCORE, ())
    passes = luhn_check(digits)
    cue, names = own_cue(text, start, end, _IMEI, "imei")
    signs = (("check digit",) if passes else ()) + names
    return Finding(start, end, "IMEI", probability(-3.5 + (2.3 if passes else 0.3) + cue), signs)


def _vin(text: str, match: re.Match[str]) -> Finding | None:
    start, end = match.span()
    number = match[0].upper()
    if number.isdigit() or number[:12].isalpha():
        return None
    maker = _MAKERS.match(number) is not None
    passes = vin_check(number)
    cue, names = own_cue(text, start, end, _VIN, "vin")
    logit = -3.0 + (2.8 if maker else 0.0) + (2.3 if passes else 0.0) - (1.0 if match[0].islower() else 0.0)
    signs = tuple(name for name, there in (("maker", maker), ("check digit", passes)) if there)
    return Finding(start, end, "VIN", probability(logit + cue), (*signs, *names))


IMEI = Detector(
    entities=("IMEI",),
    pattern=expression(
        "(?<![0-9A-Za-z])(?<![0-9][-.])(?:[0-9]{15}|[0-9]{2}[- ][0-9]{6}[- ][0-9]{6}[- ][0-9]|"
        "[0-9]{8}[- ][0-9]{6}[- ][0-9])"
        "(?![0-9A-Za-z])(?![-.][0-9])"
    ),
    weigh=_imei,
    run=15,
)
_VIN_CORE = "[0-9A-HJ-NPR-Za-hj-npr-z]{13}[0-9]{4}"
VIN = Detector(
    entities=("VIN",),
    pattern=expression(f"(?<![0-9A-Za-z])(?<![0-9A-Za-z][-_]){_VIN_CORE}(?![0-9A-Za-z])(?![-_][0-9A-Za-z])"),
    weigh=_vin,
    words=("0000",),
    letters=17,
)
