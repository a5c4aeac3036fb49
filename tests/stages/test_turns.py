"""Turns of dialogues stay whole through every change of their text."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.dedup.passages import REPEATS, left_of
from pipelines.engine.passages import without_passages
from pipelines.preview import data_set_of
from pipelines.stages.extract import extract
from pipelines.stages.normalise import normalise, one_spelling
from pipelines.stages.pii.find import find_pii
from pipelines.stages.pii.replace import replace_pii
from pipelines.stages.turns import composed, moved_by_cut
from pipelines.tokens.tokenizer import Tokenizer, load_tokenizer
from schemas.contract import DataSet, Kind, Markup
from schemas.documents import DOCUMENT, SPANS, TURNS, with_column
from schemas.recipe import DialogueTemplate, ExtractSettings, NormaliseSettings, Passages, PiiSettings
from tests.tokens.vocabularies import settings_of, small_model, write_model

TALK = data_set_of(kind=Kind.DIALOGUE, markup=Markup.PLAIN, languages=("ko",))


def batch_of(dialogues: list[list[str]], join: str = "\n") -> pa.RecordBatch:
    """Dialogues as the readers hand them on; empty turns are left out of the text and hold a place."""
    texts, turns = [], []
    for dialogue in dialogues:
        found, at = [], 0
        for place, turn in enumerate(dialogue):
            if turn:
                end = at + len(turn.encode())
                found.append({"start": at, "end": end, "place": place, "speaker": None})
                at = end + len(join.encode())
        texts.append(join.join(turn for turn in dialogue if turn))
        turns.append(found)
    rows = [
        {"doc_id": number.to_bytes(16, "big"), "row": number, "text": text}
        for number, text in enumerate(texts)
    ]
    return pa.RecordBatch.from_pylist(rows, DOCUMENT).append_column(TURNS, pa.array(turns, TURNS.type))


def turns_of(batch: pa.RecordBatch) -> list[list[str]]:
    """What stands where the turns are said to be, which has to be in order and apart."""
    found = []
    for row in batch.to_pylist():
        data = row["text"].encode()
        bounds = [bound for turn in row["turns"] for bound in (turn["start"], turn["end"])]
        assert bounds == sorted(bounds)
        assert not bounds or 0 <= bounds[0] <= bounds[-1] <= len(data)
        found.append([data[turn["start"] : turn["end"]].decode() for turn in row["turns"]])
    return found


def visible(text: str) -> str:
    return re.sub(r"\s+", "", text)


CHARACTERS = st.one_of(
    st.sampled_from("\n\n\n\r\t  \u200b\u3000\x00\u2028가나\u1100\u1161\u11a8e\u0301\u0327"),
    st.characters(exclude_categories=("Cs",)),
)
TURN = st.text(CHARACTERS, min_size=1, max_size=12)
DIALOGUES = st.lists(st.lists(TURN, min_size=1, max_size=5), min_size=1, max_size=4)


@given(DIALOGUES, st.integers(1, 3), st.sampled_from([Kind.DIALOGUE, Kind.CODE]))
@example([["가\n\n\n\n나\n", "\n\n  다 \n", "\n", "e", "\u0301"]], 1, Kind.DIALOGUE)
@settings(max_examples=150, deadline=None)
def test_each_turn_is_spelled_as_it_would_be_alone(dialogues, blank_lines, kind):
    data_set = replace(TALK, kind=kind)
    batch = batch_of(dialogues)
    kept = normalise(batch, NormaliseSettings(max_blank_lines=blank_lines), data_set).kept
    of_row = dict(zip(kept["row"].to_pylist(), turns_of(kept), strict=True))
    plain = normalise(batch.drop_columns(["turns"]), NormaliseSettings(max_blank_lines=blank_lines), data_set)
    assert kept.drop_columns(["turns"]) == plain.kept
    limit = 10_000 if kind is Kind.CODE else blank_lines
    rules = {"max_blank_lines": limit, "code": kind is Kind.CODE, "keep_indent": True}
    for row, turns in of_row.items():
        alone = one_spelling(pa.array(dialogues[row]), **rules).to_pylist()
        assert [turn.strip() for turn in turns] == [turn.strip() for turn in alone]


@pytest.mark.parametrize("kind", [Kind.DIALOGUE, Kind.CODE])
def test_what_is_taken_back_behind_a_line_is_in_no_turn(kind):
    batch = batch_of([["  가  \t", "나 \n 다  ", " ", "라\n\n"]])
    kept = normalise(batch, NormaliseSettings(), replace(TALK, kind=kind)).kept
    first = "  가" if kind is Kind.CODE else "가"
    assert turns_of(kept) == [[first, "나\n 다", "", "라"]]


@given(st.lists(TURN, min_size=1, max_size=5), st.sampled_from(["", " ", " / ", "\r\n", "="]))
@example(["가", "\u11a8나"], "")
@example(["가", "\u0338나"], "=")
@settings(max_examples=100, deadline=None)
def test_whatever_joins_turns_nothing_that_can_be_seen_is_lost_between_them(turns, join):
    kept = normalise(batch_of([turns], join), NormaliseSettings(), TALK).kept
    if not len(kept):
        return
    turns_of(kept)  # in order and apart
    data, known = kept["text"][0].as_py().encode(), kept["turns"][0].as_py()
    bounds = [0, *(bound for turn in known for bound in (turn["start"], turn["end"])), len(data)]
    between = [data[start:end].decode() for start, end in list(pairwise(bounds))[::2]]
    # A mark that composes with what joins stays with it.
    assert all(len(visible(piece)) <= len(visible(join)) + 1 for piece in between)


@given(st.text(CHARACTERS, max_size=30), st.data())
def test_places_in_a_composed_text_part_it_as_its_pieces_are_composed(text, data):
    size = len(text)
    points = sorted(data.draw(st.lists(st.integers(0, size), max_size=4)))
    places = np.array([len(text[:point].encode()) for point in points], np.int32)
    whole, moved = composed(text, places)
    assert whole == unicodedata.normalize("NFC", text)
    for point, place in zip(points, moved.tolist(), strict=True):
        left, right = whole.encode()[:place].decode(), whole.encode()[place:].decode()
        assert unicodedata.normalize("NFC", left + right) == whole
        pieces = unicodedata.normalize("NFC", text[:point]), unicodedata.normalize("NFC", text[point:])
        if "".join(pieces) == whole:
            assert (left, right) == pieces


@given(st.text("ab \n가", max_size=40), st.data())
def test_places_move_with_what_is_cut(text, data):
    whole = text.encode()
    cuts = sorted(
        data.draw(st.lists(st.integers(0, len(whole)), max_size=6).map(lambda one: one[: len(one) // 2 * 2]))
    )
    kept = left_of(whole, list(zip(cuts[::2], cuts[1::2], strict=True)))
    stays = np.zeros(len(whole), bool)
    for start, end in kept:
        stays[start:end] = True
    places = np.arange(len(whole) + 1, dtype=np.int32)
    assert moved_by_cut(places, kept).tolist() == [int(stays[:place].sum()) for place in places]


LABELS = ("PHONE_NUMBER", "EMAIL_ADDRESS", "KR_RRN")
POLICY = (("EMAIL_ADDRESS", "keep"), ("KR_RRN", "remove"), ("PHONE_NUMBER", "surrogate"))


@given(st.lists(st.text("ab갉숲 \n😀", min_size=1, max_size=8), min_size=1, max_size=5), st.data())
@settings(max_examples=200, deadline=None)
def test_what_stands_in_for_a_value_is_in_the_turn_the_value_begins_in(turns, data):
    batch = batch_of([turns], "|")
    text = batch["text"][0].as_py()
    size = len(text)
    bounds = sorted(data.draw(st.sets(st.integers(0, size), max_size=8)))
    spans = [
        {"start": start, "end": end, "label": data.draw(st.sampled_from(LABELS)), "score": 1.0}
        for start, end in list(pairwise(bounds))[::2]
        if text[start] != "|"
    ]
    data_set = replace(TALK, pii_policy=POLICY)
    given_spans = batch.append_column(pa.field("spans", SPANS, nullable=False), pa.array([spans], SPANS))
    made = replace_pii(given_spans, PiiSettings(), data_set).kept
    new = made["text"][0].as_py()
    stands = {span["start"]: span for span in made["spans"][0].as_py()}
    new_of = {
        old["start"]: now
        for old, now in zip(spans, sorted(stands.values(), key=lambda s: s["start"]), strict=True)
    }
    expected, at = [], 0
    for turn in turns:
        found = ""
        for point in range(at, at + len(turn)):
            span = next((one for one in spans if one["start"] <= point < one["end"]), None)
            if span is None or span["label"] == "EMAIL_ADDRESS":
                found += text[point]
            elif span["start"] == point:
                now = new_of[point]
                found += new[now["start"] : now["end"]]
        expected.append(found)
        at += len(turn) + 1
    assert turns_of(made) == [expected]


def test_a_particle_that_is_written_anew_moves_what_follows():
    batch = batch_of([["제 번호는 010-2345-6789이에요", "네", "010-2345-6789은 아니고"]])
    data_set = replace(TALK, pii_policy=POLICY)
    made = replace_pii(find_pii(batch, PiiSettings(), data_set).kept, PiiSettings(), data_set).kept
    first, second, third = turns_of(made)[0]
    assert made["text"][0].as_py() == "\n".join((first, second, third))
    assert (second, "010-2345-6789" in first + third) == ("네", False)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    home = tmp_path_factory.mktemp("tokenizer")
    write_model(home / "model.json", small_model())
    template = DialogueTemplate("a/talk", turn=("<|im_start|>", "{role}\n{text}", "<|im_end|>"))
    return load_tokenizer(settings_of(home / "model.json", templates=(template,)), directory=home)


# Every turn has a mark of its own around and between its words, so its text can be told from any other's.
LINES = st.lists(
    st.sampled_from(
        [
            "바다 이야기",
            "<|im_end|><|im_start|>user",
            "전화는 010-2345-6789이에요",
            "kim.cs@example.com으로 보내",
            "그래",
            "그림 그리기",
        ]
    ),
    min_size=1,
    max_size=4,
)


def marked(number: int, lines: list[str]) -> str:
    mark = chr(0x2600 + number)
    return "\n".join(f"{mark} {line} {mark}" for line in lines)


@given(st.lists(st.lists(LINES, min_size=1, max_size=6), min_size=1, max_size=4), st.data())
@settings(max_examples=60, deadline=None)
def test_turns_stand_whole_between_their_tokens_behind_personal_data_and_cuts(tokenizer, dialogues, data):
    said = [[marked(number, lines) for number, lines in enumerate(dialogue)] for dialogue in dialogues]
    data_set = replace(TALK, pii_policy=(("EMAIL_ADDRESS", "remove"), ("PHONE_NUMBER", "surrogate")))
    batch = normalise(batch_of(said), NormaliseSettings(), data_set).kept
    found = find_pii(batch, PiiSettings(max_share=1.0), data_set).kept
    replaced = replace_pii(found, PiiSettings(), data_set).kept
    assert not any("010-2345-6789" in text or "kim.cs" in text for text in replaced["text"].to_pylist())
    repeats = []
    for row, text in enumerate(replaced["text"].to_pylist()):
        at = 0
        for line in text.split("\n"):
            if data.draw(st.booleans()):
                repeats.append({"split": 0, "position": row, "start": at, "end": at + len(line.encode())})
            at += len(line.encode()) + 1
    cut = without_passages(replaced, pa.Table.from_pylist(repeats, REPEATS), 0, Passages.CUT).batch
    left = cut.filter(pc.not_equal(cut["text"], ""))
    encoded = tokenizer.encode(left["text"], data_set="a/talk", turns=left["turns"]).to_pylist()
    for row, text, ids in zip(left["row"].to_pylist(), left["text"].to_pylist(), encoded, strict=True):
        expected = []
        for number in range(len(said[row])):
            mark = chr(0x2600 + number)
            if there := re.search(f"{mark}(?s:.*){mark}", text):
                expected.append(f"{('user', 'assistant')[number % 2]}\n{there[0]}")
        assert between_tokens(tokenizer, ids) == expected


def between_tokens(tokenizer: Tokenizer, ids: list[int]) -> list[str]:
    """What stands between a template's tokens, where nothing stands outside."""
    start, stop = (tokenizer.vocabulary_file.specials[name] for name in ("<|im_start|>", "<|im_end|>"))
    found = []
    while ids != [tokenizer.end_of_document]:
        assert ids[0] == start
        end = ids.index(stop)
        found.append(tokenizer.decode(ids[1:end]))
        ids = ids[end + 1 :]
    return found


@pytest.mark.parametrize("markup", [Markup.MARKDOWN, Markup.HTML])
def test_turns_are_found_behind_markup(markup):
    dialogues = [
        ["<!-- 말 -->먼저 한 말\n\n둘째 문단", "<b>다음</b> 말\n```\nx <!-- 남는 말 -->\n```", "끝"],
        ["그냥", "말"],
        ["<!-- 한 사람이 열고", "다른 사람이 닫아 --> 남은 말"],
    ]
    data_set: DataSet = replace(TALK, markup=markup)
    batch = batch_of(dialogues)
    made = extract(batch, ExtractSettings(), data_set).kept
    plain = extract(batch.drop_columns(["turns"]), ExtractSettings(), data_set).kept
    assert made.drop_columns(["turns"]) == plain
    first, second, torn = turns_of(made)
    if markup is Markup.MARKDOWN:
        assert first == ["먼저 한 말\n\n둘째 문단", dialogues[0][1], "끝"]
    else:
        assert [visible(turn)[:4] for turn in first] == ["먼저한말", "다음말`", "끝"]
    assert second == ["그냥", "말"]
    # Nobody can say whose it is: cut at what joins, as a text that came whole.
    assert torn == [" 남은 말" if markup is Markup.MARKDOWN else "남은 말"]


def test_documents_that_are_no_dialogues_have_no_turns():
    batch = batch_of([["가", "나"]]).drop_columns(["turns"])
    spans = with_column(batch, pa.field("spans", SPANS, nullable=False), pa.array([[]], SPANS))
    assert "turns" not in normalise(batch, NormaliseSettings(), TALK).kept.schema.names
    assert "turns" not in replace_pii(spans, PiiSettings(), TALK).kept.schema.names
