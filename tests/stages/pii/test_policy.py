"""The contract decides what becomes of each class."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.stages.fingerprint import canonical_texts
from pipelines.stages.pii.find import find_pii
from pipelines.stages.pii.policy import counted
from pipelines.stages.pii.replace import replace_pii
from schemas.contract import DataSet
from schemas.reasons import Reason
from schemas.recipe import PiiSettings
from schemas.rights import UNIQUE_IDENTIFIERS
from tests.stages.pii.examples import CHAT, SETTINGS, documents

TEXT = "주민등록번호 900101-1234567 전화 010-0000-5678 이메일 user.one@malmoi-shop.example 입니다"


def through(text: str, data_set: DataSet, settings: PiiSettings = SETTINGS) -> str:
    found = find_pii(documents([text]), settings, data_set).kept
    done = replace_pii(found, settings, data_set).kept
    assert canonical_texts(found).data.tobytes() == canonical_texts(done).data.tobytes()
    return done["text"][0].as_py()


def test_each_class_meets_its_own_policy():
    data_set = replace(
        CHAT, pii_policy=(("EMAIL_ADDRESS", "keep"), ("KR_RRN", "remove"), ("PHONE_NUMBER", "surrogate"))
    )
    text = through(TEXT, data_set)
    assert text.startswith("주민등록번호 [KR_RRN] 전화 010-")
    assert "010-0000-5678" not in text
    assert text.endswith("이메일 user.one@malmoi-shop.example 입니다")


def test_a_class_the_contract_does_not_name_gets_a_surrogate_as_without_a_contract():
    assert through(TEXT, replace(CHAT, pii_policy=(("CREDIT_CARD", "remove"),))) == through(TEXT, CHAT)


@pytest.mark.parametrize("label", UNIQUE_IDENTIFIERS)
def test_a_unique_identifier_is_never_kept(label: str):
    value = {
        "KR_RRN": "주민등록번호 900101-1234567",
        "KR_FRN": "외국인등록번호 900101-5123456",
        "KR_PASSPORT": "여권번호 M12345678",
        "KR_DRIVER_LICENSE": "운전면허번호 11-20-394857-12",
    }[label]
    text = through(value, replace(CHAT, pii_policy=((label, "keep"),)))
    assert text.endswith(f"[{label}]")


def test_a_recipe_that_does_not_look_for_a_class_does_not_undo_the_contracts_policy():
    data_set = replace(CHAT, pii_policy=(("KR_RRN", "remove"),))
    assert "[KR_RRN]" in through(TEXT, data_set, PiiSettings(entities=("EMAIL_ADDRESS",)))


def test_what_is_to_be_absent_drops_its_document_and_says_the_class():
    data_set = replace(CHAT, absent_identifiers=("KR_RRN",))
    outcome = find_pii(documents([TEXT, "전화 010-0000-5678 입니다"]), SETTINGS, data_set)
    (lost,) = outcome.dropped.to_pylist()
    assert (lost["row"], lost["reason"], lost["detail"]) == (0, Reason.FORBIDDEN_IDENTIFIER, "KR_RRN")
    assert outcome.kept["row"].to_pylist() == [1]


def test_counts_say_what_was_done_where_it_was_no_surrogate():
    data_set = replace(CHAT, pii_policy=(("KR_RRN", "remove"), ("PHONE_NUMBER", "keep")))
    assert counted({"PHONE_NUMBER": 1, "KR_RRN": 2, "EMAIL_ADDRESS": 3}, data_set) == {
        "EMAIL_ADDRESS": 3,
        "KR_RRN:removed": 2,
        "PHONE_NUMBER:kept": 1,
    }
