"""A second look at every shard by detectors that are not ours: Presidio's patterns, datatrove's.

None of our detectors is asked, so a defect of theirs is not repeated here. A finding counts unless it is an
invented value of ours, is of a class that the document's contract keeps, or has a form by which the stock
pattern is known to be wrong more often than right (FACTS_PII.md, section 2: bare digits, versions). All that
do not count are counted by reason. No value is ever part of the result.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.audit.kept_texts import every_text, kept_documents, tokenizer_of
from schemas.manifest import read_manifest

LEAST_SCORE = 0.4  # Presidio's telephones have 0.4, always
OURS, KEPT_BACK, WEAK = "invented", "kept by contract", "weak form"


class Second(NamedTuple):
    """What the second set says, in code points."""

    start: int
    end: int
    entity: str
    score: float
    by: str


@dataclass(frozen=True)
class Left:
    """Something that counts: where it is, never what it is."""

    partner: str
    doc_id: str
    entity: str
    start: int
    end: int
    score: float
    by: str


@dataclass(frozen=True)
class Rescan:
    """Every text looked at; what counts, and how much does not, by class and reason."""

    documents: int
    left: tuple[Left, ...]
    passed_over: dict[str, int]  # "CLASS/reason"


Detect = Callable[[str], Iterator[Second]]


def rescan(build: Path, *, tokenizers: Path) -> Rescan:
    """Look through every document of the build's shards."""
    manifest = read_manifest(build)
    kept_back = {
        doc_id: set(labels)
        for doc_id, labels in kept_documents(build, manifest).select("doc_id", "kept_labels").iter_rows()
        if labels
    }
    detectors = (stock_presidio(), datatrove())
    left: list[Left] = []
    passed: Counter[str] = Counter()
    documents = 0
    for document in every_text(build, manifest, tokenizer_of(manifest, tokenizers)):
        documents += 1
        for found in _distinct(found for detect in detectors for found in detect(document.text)):
            reason = _passed_over(document.text, found, kept_back.get(document.doc_id, set()))
            if reason is None:
                left.append(
                    Left(document.partner, document.doc_id.hex(), found.entity, *found[:2], *found[3:])
                )
            else:
                passed[f"{found.entity}/{reason}"] += 1
    return Rescan(documents, tuple(left), dict(sorted(passed.items())))


def _distinct(found: Iterator[Second]) -> list[Second]:
    """One of each class and place, the first that says so."""
    seen: dict[tuple[int, int, str], Second] = {}
    for one in found:
        seen.setdefault((one.start, one.end, one.entity), one)
    return list(seen.values())


def _passed_over(text: str, found: Second, kept_back: set[str]) -> str | None:
    """Why a finding does not count; None: it counts."""
    value = text[found.start : found.end]
    if found.entity in kept_back:
        return KEPT_BACK
    if _OURS[found.entity](value):
        return OURS
    if found.score < LEAST_SCORE or ((weak := _WEAK.get(found.entity)) and weak(text, found.start, value)):
        return WEAK
    return None


def _digits(value: str) -> str:
    return re.sub("[^0-9]", "", value)


def _is_invented_phone(value: str) -> bool:
    digits = re.sub(r"\A82", "0", _digits(value))
    return digits.startswith(("0100", "0101"))  # unassigned blocks: whoever wrote them, nobody has them


# By what each class of ours is known, written down here again, apart from the detectors.
_OURS: dict[str, Callable[[str], bool]] = {
    "KR_RRN": lambda value: "13" <= _digits(value)[2:4] <= "19" or value.lstrip().startswith("000"),
    "KR_FRN": lambda value: "13" <= _digits(value)[2:4] <= "19",
    "KR_BRN": lambda value: _digits(value)[3:5] == "00" or value.startswith("000"),
    "KR_PASSPORT": lambda value: value.upper().startswith("X000"),
    "KR_DRIVER_LICENSE": lambda value: _digits(value).startswith("00"),
    "CREDIT_CARD": lambda value: _digits(value).startswith("000"),
    "EMAIL_ADDRESS": lambda value: (
        re.search(r"user[0-9a-f]{8}@example\.(?:com|net|org)\Z", value) is not None
    ),
    "IP_ADDRESS": lambda value: re.match(r"2(?:4[0-9]|5[0-5])\.|2001:db8:", value) is not None,
    "MAC_ADDRESS": lambda value: _digits(value[:2]) == "02",
    "PHONE_NUMBER": _is_invented_phone,
}
_VERSION_BEFORE = re.compile(
    r"(?:v|ver|version|버전|버젼|빌드|릴리스|제|§|절|chapter)[. :]{0,2}\Z", re.IGNORECASE
)


def _bare(_text: str, _start: int, value: str) -> bool:
    """Nothing but digits: one in ten random ones passes a check digit."""
    return value.isdigit()


def _no_birth(_text: str, _start: int, value: str) -> bool:
    """Bare, or of a day that is in no calendar: an order number with the right check digit."""
    digits = _digits(value)
    century = {"9": 18, "0": 18, "1": 19, "2": 19, "5": 19, "6": 19}.get(digits[6:7], 20)
    try:
        date(century * 100 + int(digits[:2]), int(digits[2:4]), int(digits[4:6]))
    except ValueError:
        return True
    return value.isdigit()


def _is_version(text: str, start: int, value: str) -> bool:
    if ":" in value:
        return len(value) < 8  # "::", "a::b": no address
    if _VERSION_BEFORE.search(text[max(0, start - 10) : start]):
        return True
    first, *_, last = (int(part) for part in value.split("."))
    return first in {0, 127} or first >= 224 or last in {0, 255} or value in {"8.8.8.8", "8.8.4.4", "1.1.1.1"}


def _is_no_phone(_text: str, _start: int, value: str) -> bool:
    """Bare digits of a land line, and service numbers, are codes and years more often than telephones."""
    digits = _digits(value)
    return (value.isdigit() and not digits.startswith("010")) or len(digits) < 9


_WEAK: dict[str, Callable[[str, int, str], bool]] = {
    "KR_RRN": _no_birth,
    "KR_FRN": _no_birth,
    "KR_BRN": _bare,
    "KR_DRIVER_LICENSE": _bare,
    "CREDIT_CARD": _bare,
    "KR_PASSPORT": lambda text, start, _: (
        re.search(r"여권|passport", text[max(0, start - 30) : start], re.I) is None
    ),
    "IP_ADDRESS": _is_version,
    "PHONE_NUMBER": _is_no_phone,
}


def stock_presidio() -> Detect:
    """Presidio's recognizers of the classes that we have too, with their own scores and no context."""
    from presidio_analyzer import EntityRecognizer
    from presidio_analyzer import predefined_recognizers as known

    names = (
        "KrRrn",
        "KrFrn",
        "KrBrn",
        "KrPassport",
        "KrDriverLicense",
        "CreditCard",
        "Email",
        "Ip",
        "MacAddress",
    )
    recognizers: list[EntityRecognizer] = [
        getattr(known, f"{name}Recognizer")(supported_language="ko") for name in names
    ]
    recognizers.append(known.PhoneRecognizer(supported_language="ko", supported_regions=("KR",)))

    no_artifacts: Any = None  # patterns need none

    def detect(text: str) -> Iterator[Second]:
        for recognizer in recognizers:
            for result in recognizer.analyze(text, recognizer.supported_entities, no_artifacts) or ():
                if result.entity_type in _OURS:
                    yield Second(
                        result.start,
                        result.end,
                        result.entity_type,
                        round(result.score, 2),
                        "presidio-analyzer",
                    )

    return detect


def datatrove() -> Detect:
    """The expressions of datatrove's PIIFormatter, as FineWeb used them: e-mail and public IP addresses."""
    from datatrove.pipeline.formatters import PIIFormatter  # type: ignore[import-untyped]

    formatter = PIIFormatter()
    pairs = (("EMAIL_ADDRESS", formatter.emails_replacer), ("IP_ADDRESS", formatter.ip_replacer))

    def detect(text: str) -> Iterator[Second]:
        for entity, replacer in pairs:
            for match in replacer.regex.finditer(text):
                if replacer.validator is None or replacer.validator(match[0]):
                    yield Second(match.start(), match.end(), entity, 1.0, "datatrove")

    return detect
