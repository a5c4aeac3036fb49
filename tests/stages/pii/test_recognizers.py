"""Ours against Presidio's own, and ours inside Presidio's engine."""

from __future__ import annotations

import importlib
import pkgutil
import random
import subprocess
import sys
import warnings

import pytest

from pipelines.stages import pii
from pipelines.stages.pii.checks import business_check, is_timestamp, luhn_check, resident_check
from pipelines.stages.pii.expression import _Expression
from pipelines.stages.pii.find import explain_pii
from tests.stages.pii.examples import ITEMS, SETTINGS

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # spaCy and its friends warn while they are imported
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NoOpNlpEngine
    from presidio_analyzer.predefined_recognizers import (
        CreditCardRecognizer,
        EmailRecognizer,
        KrBrnRecognizer,
        KrDriverLicenseRecognizer,
        KrFrnRecognizer,
        KrPassportRecognizer,
        KrRrnRecognizer,
        PhoneRecognizer,
    )

    from pipelines.stages.pii.recognizers import recognizers


@pytest.fixture(scope="module")
def engine():
    registry = RecognizerRegistry(recognizers=recognizers("ko"), supported_languages=["ko"])
    nlp = NoOpNlpEngine([{"lang_code": "ko", "model_name": "none"}])
    return AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=["ko"])


@pytest.mark.parametrize("item", ITEMS)
def test_a_plain_analyzer_engine_finds_the_same(engine, item):
    text = f"보내 드린 {item}로 확인해 주세요"
    ours = {f[:4] for f in explain_pii(text, SETTINGS)}
    theirs = {(r.start, r.end, r.entity_type, r.score) for r in engine.analyze(text, language="ko")}
    assert ours <= theirs


def test_the_engine_says_what_spoke_for_a_finding(engine):
    (result,) = [
        r
        for r in engine.analyze("주민등록번호 900101-1234567", language="ko", return_decision_process=True)
        if r.entity_type == "KR_RRN"
    ]
    assert result.analysis_explanation.textual_explanation == "hyphen, date, cue:resident"


def test_the_build_does_not_import_presidio():
    code = (
        "import sys, pipelines.stages.pii.find, pipelines.stages.pii.replace; "
        "print('presidio_analyzer' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def _resident(draw: random.Random, genders: str) -> str:
    head = (
        f"{draw.randrange(60, 100)}{draw.randrange(1, 13):02}{draw.randrange(1, 29):02}{draw.choice(genders)}"
    )
    body = head + f"{draw.randrange(96):02}" + "".join(draw.choices("0123456789", k=3))
    number = next(body + c for c in "0123456789" if resident_check(body + c))
    return number[:6] + draw.choice(["-", ""]) + number[6:]


def _business(draw: random.Random) -> str:
    body = f"{draw.randrange(101, 1000)}{draw.randrange(1, 100):02}{draw.randrange(10000):04}"
    number = next(body + c for c in "0123456789" if business_check(body + c))
    return f"{number[:3]}-{number[3:5]}-{number[5:]}"


def _licence(draw: random.Random) -> str:
    return (
        f"{draw.choice([*range(11, 27), 28])}-{draw.randrange(100):02}-"
        f"{draw.randrange(10**6):06}-{draw.randrange(100):02}"
    )


def _card(draw: random.Random) -> str:
    body = draw.choice(["4", "51", "55", "62", "35281"])
    body += "".join(draw.choices("0123456789", k=15 - len(body)))
    number = next(body + c for c in "0123456789" if luhn_check(body + c))
    joint = draw.choice(["-", " ", ""])
    return joint.join(number[i : i + 4] for i in range(0, 16, 4))


def _phone(draw: random.Random) -> str:
    area = draw.choice(["010", "010", "02", "031", "051", "064", "070", "+82 10", "+82-2"])
    joint = draw.choice(["-", "-", " ", "."]) if "10" in area else "-"
    middle = draw.randrange(2000, 10000) if "10" in area or area == "070" else draw.randrange(200, 1000)
    return f"{area}{joint}{middle}{joint}{draw.randrange(10000):04}"


def _mail(draw: random.Random) -> str:
    local = "".join(draw.choices("abcdefghij0123456789._-+", k=draw.randrange(3, 12))).strip("._-+")
    return f"k{local}@{draw.choice(['mail', 'sub.mail', 'a-b'])}.{draw.choice(['com', 'co.kr', 'org'])}"


CASES = [
    (KrRrnRecognizer, lambda draw: _resident(draw, "12"), 1.0),
    (KrFrnRecognizer, lambda draw: _resident(draw, "56"), 1.0),
    (KrBrnRecognizer, _business, 1.0),
    (KrDriverLicenseRecognizer, _licence, 1.0),
    (CreditCardRecognizer, _card, 1.0),
    (EmailRecognizer, _mail, 0.5),
    (
        lambda supported_language: PhoneRecognizer(
            supported_language=supported_language, supported_regions=("KR",)
        ),
        _phone,
        0.4,
    ),
]


@pytest.mark.parametrize(
    ("make", "draw_value", "least"), CASES, ids=lambda value: getattr(value, "__name__", None)
)
def test_what_presidio_is_sure_of_we_find_too(make, draw_value, least):
    theirs = make(supported_language="ko")
    draw = random.Random(20261123)
    compared = 0
    for _ in range(150):
        value = draw_value(draw)
        if value.startswith("880") and value.isdigit():
            continue  # may pass as a Korean barcode: documented, found with a cue or a hyphen
        text = f"please note {value} here"
        found = {(f.start, f.end, f.label) for f in explain_pii(text, SETTINGS)}
        for result in theirs.analyze(text, theirs.supported_entities, None):
            if result.score >= least:
                compared += 1
                assert (result.start, result.end, result.entity_type) in found
    assert compared >= 100


def test_passports_are_found_with_a_cue_where_presidio_guesses():
    theirs = KrPassportRecognizer(supported_language="ko")
    for number in ("M12345678", "M123A4567"):
        text = f"여권번호 {number}"
        assert theirs.analyze(text, ["KR_PASSPORT"], None)[0].score < SETTINGS.min_score
        assert [f.label for f in explain_pii(text, SETTINGS)] == ["KR_PASSPORT"]


def test_where_we_differ_on_purpose_presidio_is_wrong():
    timestamp = "202411231530"
    assert is_timestamp(timestamp)
    assert KrDriverLicenseRecognizer(supported_language="ko").analyze(timestamp, ["KR_DRIVER_LICENSE"], None)
    assert explain_pii(timestamp, SETTINGS) == []
    ten_digits = "1048112340"
    assert business_check(ten_digits)
    assert KrBrnRecognizer(supported_language="ko").analyze(ten_digits, ["KR_BRN"], None)
    assert explain_pii(ten_digits, SETTINGS) == []


def test_every_expression_compiles():
    for module in pkgutil.iter_modules(pii.__path__):
        for value in vars(importlib.import_module(f"{pii.__name__}.{module.name}")).values():
            if isinstance(value, _Expression):
                assert value.pattern
