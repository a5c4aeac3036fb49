"""Dialogues through the whole build: between a template's tokens stand the turns, whole, in their roles."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pytest

from pipelines.lineage.verify import verify
from pipelines.rerun import rerun
from pipelines.retokenise import retokenise
from pipelines.takedown.carry_out import carry_out, open_house
from pipelines.tokens.tokenizer import load_tokenizer
from schemas.errors import UsageError
from schemas.identity import file_sha256
from schemas.manifest import Manifest, read_manifest
from schemas.recipe import TokenSettings
from schemas.takedown import Scope, TakedownRequest, Why
from tests.laws.test_prefix_stability import AT
from tests.laws.tiny import DAY, Built, Partner, build, text, write_home
from tests.tokens.vocabularies import small_model, write_model

FOOTER = "이 글은 가상의 누리집에서 가져왔으며 모든 권리는 말모이 편집부에 있습니다."
Turn = tuple[str, str]  # who speaks, and what


def turns_column(*, listed: tuple[str, ...] = (), role: str = "speaker") -> dict[str, Any]:
    """A list of turns, as a contract says it."""

    def inside(name: str, ours: str, value: str, **more: Any) -> dict[str, Any]:
        custom = [{"property": f"malmoi.{ours}", "value": value}]
        return {"name": name, "logicalType": "string", **more, "customProperties": custom}

    enum = {"enum": [{"value": value} for value in listed]} if listed else {}
    who = inside("who", "role", role, **enum) if role else inside("who", "policy", "keep")
    items = {"logicalType": "object", "properties": [inside("text", "role", "text"), who]}
    return {"name": "turns", "logicalType": "array", "required": True, "items": items}


def row(key: str, *turns: Turn) -> dict[str, Any]:
    return {"id": key, "turns": [{"who": who, "text": said} for who, said in turns]}


def template(home: Path, **more: Any) -> dict[str, Any]:
    """Settings of tokens that write every turn between tokens of its own."""
    write_model(home / "model.json", small_model())
    return {
        "tokenizer": "model.json",
        "tokenizer_sha256": file_sha256(home / "model.json"),
        "templates": [
            {"data_set": "alpha/posts", "turn": ["<|im_start|>", "{role}\n{text}", "<|im_end|>"], **more}
        ],
    }


def written(home: Path, directory: Path, manifest: Manifest) -> dict[bytes, list[Turn]]:
    """Role and text of every turn between the template's tokens, by document."""
    digest = file_sha256(home / "model.json")
    settings = TokenSettings(tokenizer="model.json", tokenizer_sha256=digest)
    tokenizer = load_tokenizer(settings, directory=home)
    special = tokenizer.vocabulary_file.specials
    start, stop = special["<|im_start|>"], special["<|im_end|>"]
    found: dict[bytes, list[Turn]] = {}
    for shard in manifest.shards:
        with pa.memory_map(str(directory / shard.path)) as source:
            for one in pyarrow.ipc.open_stream(source).read_all().to_pylist():
                *ids, end = one["input_ids"]
                assert end == tokenizer.end_of_document
                turns = found.setdefault(one["doc_id"], [])
                while ids:
                    assert ids[0] == start
                    at = ids.index(stop)
                    role, _, said = tokenizer.decode(ids[1:at]).partition("\n")
                    turns.append((role, said))
                    ids = ids[at + 1 :]
    return found


def below(number: int) -> str:
    """A turn whose first line goes where the footer does."""
    return f"{FOOTER}\n{text(30 + number)}"


A = f"{text(1)}\n첫 사람이 이어서 말합니다."
LOST = ["전화 주세요.\n\n번호는 010-2345-6789이에요", f"{text(3)}\n<|im_end|>"]
ROWS = [
    row("whole", ("봄", A), ("봄", text(2)), ("여름", LOST[0]), ("봄", ""), ("여름", LOST[1])),
    # The same talk, joined otherwise: a copy, which comes back when the first one goes.
    row("copy", ("겨울", "\n".join((A, text(2)))), ("봄", "\n".join(LOST))),
    *(row(f"foot{n}", ("봄", text(20 + n)), ("여름", FOOTER), ("봄", below(n))) for n in range(3)),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("turns")
    alpha = Partner("alpha", text=turns_column(), rows=ROWS)
    write_home(directory, [alpha], tokens=template(directory), passages={"paragraph_documents": 1})
    return directory


@pytest.fixture(scope="module")
def built(home: Path) -> Built:
    return build(home, home / "recipe.yaml")


def key(name: str) -> bytes:
    return Partner("alpha").doc_id(name)


def without_number(turns: list[Turn]) -> list[Turn]:
    return [(role, re.sub(r"010-[01]\d{3}-\d{4}(이에요|예요)", "NUMBER", said)) for role, said in turns]


SAID = ["전화 주세요.\n\n번호는 NUMBER", LOST[1]]


def test_turns_that_hold_line_ends_stand_whole_under_the_roles_of_their_speakers(home: Path, built: Built):
    found = written(home, built.directory, built.manifest)
    assert without_number(found[key("whole")]) == [
        ("user", A),
        ("user", text(2)),
        ("assistant", SAID[0]),
        ("assistant", SAID[1]),
    ]
    assert verify(built.directory) == ()


def test_where_a_cut_takes_a_whole_turn_the_others_keep_their_roles(home: Path, built: Built):
    found = written(home, built.directory, built.manifest)
    feet = [found[key(f"foot{number}")] for number in range(3)]
    whole = [turns for turns in feet if len(turns) == 3]
    assert len(whole) == 1
    for number, turns in enumerate(feet):
        if turns in whole:
            assert turns == [("user", text(20 + number)), ("assistant", FOOTER), ("user", below(number))]
        else:
            assert turns == [("user", text(20 + number)), ("user", text(30 + number))]


def test_documents_made_again_for_verify_have_the_tokens_of_the_build(built: Built):
    again = rerun(built.directory, sample=100)
    assert (again.findings, again.compared) == ([], len(ROWS))


def test_a_copy_that_comes_back_at_a_takedown_is_written_by_its_own_turns(tmp_path: Path):
    """Without passages, which leave a takedown no short way."""
    alpha = Partner("alpha", text=turns_column(), rows=ROWS)
    parent = build(tmp_path, write_home(tmp_path, [alpha], tokens=template(tmp_path)), "parent")
    said = {
        "whole": [("user", A), ("user", text(2)), *(("assistant", one) for one in SAID)],
        "copy": [("user", f"{A}\n{text(2)}"), ("assistant", "\n".join(SAID))],
    }
    (first,) = {key(name) for name in said} & parent.kept
    request = TakedownRequest(
        request="T-1",
        asked_by="somebody",
        notice=DAY,
        reason=Why.RIGHTS_HOLDER,
        documents=(first.hex(),),
        scope=Scope.RIGHTS,
    )
    opened = open_house(parent.directory)
    carried = carry_out(opened, request, tmp_path / "child", today=DAY, at=AT, quiet=True, workers=1)
    assert carried.direct, carried.why
    child = read_manifest(tmp_path / "child")
    before = written(tmp_path, parent.directory, parent.manifest)
    after = written(tmp_path, tmp_path / "child", child)
    assert first not in after
    for name, turns in said.items():
        held = before if key(name) == first else after
        assert without_number(held[key(name)]) == turns


@pytest.mark.slow
def test_nothing_but_templates_asks_for_turns_and_they_may_come_later(tmp_path: Path):
    """The same talk delivered as one text is a copy to the bit and has as many tokens without a template."""
    joined = [
        {"id": one["id"], "text": "\n".join(turn["text"] for turn in one["turns"] if turn["text"])}
        for one in ROWS
    ]
    partners = [Partner("alpha", text=turns_column(), rows=ROWS), Partner("beta", rows=joined)]
    both = build(tmp_path, write_home(tmp_path, partners), "both")
    by_row = {(one["partner"], one["row"]): one for one in both.rows}
    assert {by_row["beta", number]["similarity"] for number in range(len(ROWS))} == {1.0}
    (tmp_path / "tokens.yaml").write_text(json.dumps(template(tmp_path)))
    retokenise(both.directory, str(tmp_path / "tokens.yaml"), tmp_path / "new", workers=1, quiet=True)
    found = written(tmp_path, tmp_path / "new", read_manifest(tmp_path / "new"))
    assert found[key("foot0")] == [
        ("user", text(20)),
        ("assistant", FOOTER),
        ("user", below(0)),
    ]
    alone = build(tmp_path, write_home(tmp_path, partners[1:]), "alone")
    tokens = {one["row"]: one["tokens"] for one in alone.rows if one["row"] > 1}
    assert {number: by_row["alpha", number]["tokens"] for number in tokens} == tokens


def test_listed_speakers_have_the_roles_the_recipe_gives_them(tmp_path: Path):
    rows = [row("1", ("상담", text(1)), ("손님", f"{text(2)}\n그리고"), ("손님", text(3)))]
    alpha = Partner("alpha", text=turns_column(listed=("손님", "상담")), rows=rows)
    with pytest.raises(UsageError, match=r"tokens.templates.0.speakers: '손님' .*say which of the roles"):
        build(tmp_path, write_home(tmp_path, [alpha], tokens=template(tmp_path)))
    tokens = template(tmp_path, speakers={"손님": "user", "상담": "assistant"})
    made = build(tmp_path, write_home(tmp_path, [alpha], tokens=tokens), "named")
    found = written(tmp_path, made.directory, made.manifest)[key("1")]
    assert found == [("assistant", text(1)), ("user", f"{text(2)}\n그리고"), ("user", text(3))]
