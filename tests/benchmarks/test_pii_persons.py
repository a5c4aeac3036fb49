"""The training of the model of persons: other nouns in a text, runs without a name, what a model holds."""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
WORDS = ("유자", "봄동", "낙폭", "원두", "수국", "갈필", "방짜")


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    for name in [name for name in sys.modules if name.startswith("pii_")]:
        monkeypatch.delitem(sys.modules, name)


def test_the_shipped_model_is_made_of_the_texts_cases_and_lists_that_stand_here() -> None:
    """Where this fails, run benchmarks/pii_persons_train.py and write its digest into persons.py."""
    from pii_persons_data import digest

    with np.load(str(files("pipelines.stages.pii").joinpath("person_model.npz"))) as arrays:
        assert arrays["made_of"].tobytes() == digest()


def test_nouns_that_stand_free_are_told_from_parts_of_longer_words() -> None:
    from pii_persons_nouns import free_nouns

    text = "원두는 산미가 강하고 공부하는 새봄동 맛"
    tokens = [
        (0, 2, "NNG"),
        (4, 6, "NNG"),
        (8, 9, "XR"),
        (12, 14, "NNG"),
        (14, 15, "XSV"),
        (17, 18, "MM"),
        (18, 20, "NNG"),
        (21, 22, "NNG"),
    ]
    assert [text[start:end] for start, end in free_nouns(text, tokens)] == ["원두", "산미"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(("noun", "name", "plain", "open")), st.integers(0, 6)), max_size=12),
    st.integers(0, 9),
)
def test_other_nouns_leave_names_neutral_spans_and_the_rest_as_they_are(
    pieces: list[tuple[str, int]], seed: int
) -> None:
    from pii_persons_data import Text
    from pii_persons_invented import closed
    from pii_persons_nouns import Nouns

    text = ""
    spans: dict[str, list[tuple[int, int]]] = {"noun": [], "name": [], "plain": [], "open": []}
    for kind, place in pieces:
        spans[kind].append((len(text), len(text) + 2))
        text += WORDS[place] + "을 "
    one = Text("", text, tuple(spans["name"]), tuple(spans["open"]), tuple(spans["noun"]))
    new = Nouns(seed, ("가나다", "마감", "사자", "차장장")).instead(one, 0.8)
    for before, after in ((one.persons, new.persons), (one.neutral, new.neutral)):
        assert [text[s:e] for s, e in before] == [new.text[s:e] for s, e in after]
    for (kind, place), old, run in zip(pieces, text.split(), new.text.split(), strict=True):
        assert run == old or (kind == "noun" and closed(run[:-1]) == closed(WORDS[place]))


def test_runs_without_a_name_are_told_and_a_table_that_marks_one_ends_the_search_in_it() -> None:
    from pii_persons_candidates import hopeless_runs, names_in
    from pii_persons_trainer import RUN_FLOOR

    from pipelines.stages.pii.code_points import points_of
    from pipelines.stages.pii.person_text_kernels import HOPELESS, WHOLE, put_words
    from pipelines.stages.pii.persons import LEAST, hash_text, model

    known, weights = model()
    told = hopeless_runs(points_of("있습니다\n김서윤은\n데이터베이스를"), known, weights, RUN_FLOOR).tolist()
    assert told == [hash_text("있습니다") + WHOLE, hash_text("데이터베이스를") + WHOLE]
    texts = ["성명: 김서윤은", "성명: 박도현은"]
    both, _ = names_in(texts, known, weights, LEAST)
    assert both[:, 0].tolist() == [0, 1]
    words = known.words.copy()
    assert put_words(words, np.array([hash_text("김서윤은") + WHOLE]), np.array([HOPELESS])) == 0
    one, _ = names_in(texts, known._replace(words=words), weights, LEAST)
    assert one[:, 0].tolist() == [1]
