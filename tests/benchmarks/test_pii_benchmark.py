"""The benchmark of personal data scores as the notes of mapping.csv say, and its halves never move."""

from __future__ import annotations

import json
import sys
from hashlib import blake2b
from pathlib import Path

import pytest

MAPPING = {
    ("ko_pii_generated", "RRN"): "KR_RRN",
    ("ko_pii_generated", "ACCOUNT"): "KR_BANK_ACCOUNT",
    ("ko_pii_generated", "DT_BIRTH"): "DATE_OF_BIRTH",
    ("ko_pii_generated", "URL"): None,
    ("klue_ner", "PS"): "PERSON",
}


@pytest.fixture(autouse=True)
def benchmarks(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(repository / "benchmarks"))
    for name in ("pii", "pii_split", "pii_scoring", "pii_engine", "results"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def row(text: str, *spans: tuple[str, str]) -> dict[str, object]:
    return {
        "text": text,
        "spans": [
            {"start": text.index(value), "end": text.index(value) + len(value), "label": label}
            for value, label in spans
        ],
    }


def forms(file: str, text: str, value: str, label: str) -> tuple[str | None, set[str]]:
    from pii_split import truths

    (truth,) = truths(file, row(text, (value, label)), MAPPING)
    return truth.entity, {text[start:end] for start, end in truth.forms}


def test_masked_numbers_single_syllables_and_unmapped_labels_are_neutral():
    of = "ko_pii_generated"
    assert forms(of, "번호 030415-1******", "030415-1******", "RRN")[0] is None
    assert forms(of, "번호 030415-123", "030415-123", "RRN")[0] is None
    assert forms(of, "번호 030415-1234567", "030415-1234567", "RRN")[0] == "KR_RRN"
    assert forms("klue_ner", "김 씨", "김", "PS")[0] is None
    assert forms("klue_ner", "김말 씨", "김말", "PS")[0] == "PERSON"
    assert forms(of, "https://a.example", "https://a.example", "URL")[0] is None
    assert forms(of, "서른 살", "서른 살", "AGE")[0] is None


def test_a_banks_name_and_a_trailing_birth_word_are_optional():
    of = "ko_pii_generated"
    assert forms(of, "늘찬은행 12-34-5 로", "늘찬은행 12-34-5", "ACCOUNT")[1] == {
        "늘찬은행 12-34-5",
        "12-34-5",
    }
    assert forms(of, "1990. 3. 5.생", "1990. 3. 5.생", "DT_BIRTH")[1] == {"1990. 3. 5.생", "1990. 3. 5."}
    assert forms(of, "1990. 3. 5.생 남", "1990. 3. 5.", "DT_BIRTH")[1] == {"1990. 3. 5.생", "1990. 3. 5."}
    assert forms(of, "1990년 3월 5일 생각", "1990년 3월 5일", "DT_BIRTH")[1] == {"1990년 3월 5일"}


def test_the_halves_go_by_text_and_of_presidio_by_template():
    from pii_split import half

    expected = {
        text: "test" if blake2b(text.encode(), digest_size=8).digest()[-1] % 2 else "development"
        for text in map(str, range(50))
    }
    assert set(expected.values()) == {"test", "development"}
    for text, name in expected.items():
        assert half("klue_ner", {"text": text}) == name
        assert half("presidio", {"text": "any", "template": text}) == name


def test_the_halves_of_the_handed_texts_are_the_ones_fixed(handed: Path):
    from pii_split import FILES, half

    counts = {}
    for file in FILES:
        with (handed / "pii" / f"{file}.jsonl").open(encoding="utf-8") as lines:
            halves = [half(file, json.loads(line)) for line in lines]
        counts[file] = (halves.count("development"), halves.count("test"))
    assert counts == {"ko_pii_generated": (468, 477), "klue_ner": (1248, 1214), "presidio": (689, 965)}


def test_counts_of_exact_and_overlapping_findings_neutral_ones_aside():
    from pii_scoring import Found, Labelled, Mistake, score
    from pii_split import Truth

    text = Labelled(
        "a",
        "x" * 100,
        "news",
        (
            Truth("PERSON", ((0, 3),)),
            Truth("KR_BANK_ACCOUNT", ((10, 20), (14, 20))),
            Truth(None, ((30, 40),)),
            Truth("PERSON", ((50, 53),)),
        ),
        frozenset({"PERSON", "KR_BANK_ACCOUNT"}),
    )
    clean = Labelled("b", "y" * 10, "news", (), frozenset({"PERSON"}))
    mistakes: list[Mistake] = []
    scores = score(
        [text, clean],
        [
            [
                Found(0, 4, "PERSON"),  # one character too long
                Found(14, 20, "KR_BANK_ACCOUNT"),  # the second right form
                Found(32, 35, "PERSON"),  # in a neutral span
                Found(60, 63, "PERSON"),  # nothing there
                Found(70, 80, "URL"),  # not judged here
            ],
            [Found(1, 2, "PERSON"), Found(1, 2, "PERSON")],
        ],
        mistakes,
    )
    persons = scores.by_key["PERSON (news)"]
    assert (persons.gold, persons.recalled, persons.touched) == (2, 0, 1)
    assert (persons.reported, persons.right, persons.near) == (3, 0, 1)
    accounts = scores.by_key["KR_BANK_ACCOUNT"]
    assert (accounts.gold, accounts.recalled, accounts.reported, accounts.right) == (1, 1, 1, 1)
    assert set(scores.by_key) == {"PERSON (news)", "KR_BANK_ACCOUNT"}
    assert (scores.clean, scores.clean_hit) == (1, 1)
    assert [(m.kind, m.id, m.start) for m in mistakes] == [
        ("miss", "a", 0),
        ("miss", "a", 50),
        ("extra", "a", 0),
        ("extra", "a", 60),
        ("extra", "b", 1),
    ]


def test_ours_is_measured_through_the_stage_of_the_build():
    from pii_engine import ours

    engine = ours()
    found = engine.find(engine.take(["연락처 010-0123-4567", "없음", "메일 a@example.com으로"]))
    assert engine.spans(found) == [[(4, 17, "PHONE_NUMBER")], [], [(3, 16, "EMAIL_ADDRESS")]]


def test_every_fifth_text_gets_an_item_and_the_others_stay():
    from pii import ITEM_EVERY, with_items

    texts = [f"첫 줄 {n}\n둘째 줄" for n in range(12)]
    mixed = with_items(texts, ["번호 010-0123-4567"])
    assert [n for n, (one, other) in enumerate(zip(texts, mixed, strict=True)) if one != other] == [0, 5, 10]
    assert ITEM_EVERY == 5
    assert mixed[5].split("\n").count("번호 010-0123-4567") == 1


def test_mistakes_are_listed_of_the_open_sets_alone():
    from pii import OPEN, SETS

    assert [name for name in SETS if name not in OPEN] == [
        *("cases, held out", "cases, fresh (held out)", "second (held out)"),
        "handed, test half",
    ]
