"""Paragraphs and runs of tokens that earlier documents have, through the whole build."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc

from pipelines.lineage.verify import verify
from pipelines.tokens.tokenizer import load_tokenizer
from schemas.recipe import TokenSettings
from tests.laws.test_prefix_stability import House, segment
from tests.laws.tiny import Built, Partner, build, text, write_home

FOOTER = "이 글은 가상의 누리집에서 가져왔으며 모든 권리는 말모이 편집부에 있습니다."


def posts(first: int, count: int, name: str) -> list[dict[str, str]]:
    return [{"id": f"{name}{n}", "text": f"{text(first + n)}\n{FOOTER}"} for n in range(count)]


def texts(built: Built) -> dict[bytes, str]:
    """What the shards hold, by document."""
    tokenizer = load_tokenizer(TokenSettings(), directory=built.directory)
    found = {}
    for shard in built.manifest.shards:
        with pa.memory_map(str(built.directory / shard.path)) as source:
            for row in pyarrow.ipc.open_stream(source).read_all().to_pylist():
                found[row["doc_id"]] = tokenizer.decode(row["input_ids"][:-1])
    return found


def test_a_footer_stays_in_the_first_documents_and_goes_from_the_others(tmp_path: Path) -> None:
    partners = [
        Partner("alpha", rows=posts(0, 2, "a")),
        Partner("beta", rows=[*posts(10, 3, "b"), {"id": "bare", "text": f"{FOOTER}\n{FOOTER}"}]),
    ]
    path = write_home(tmp_path, partners, passages={"paragraph_documents": 2})
    built = build(tmp_path, path)
    assert verify(built.directory) == ()
    alpha, beta = partners
    assert {doc_id for doc_id, found in texts(built).items() if FOOTER in found} == {
        alpha.doc_id("a0"),
        alpha.doc_id("a1"),
    }
    assert texts(built)[beta.doc_id("b0")] == text(10)
    rows = {row["doc_id"]: row for row in built.rows}
    size = len(FOOTER.encode())
    whole = len(posts(10, 1, "b")[0]["text"].encode())
    assert rows[beta.doc_id("b0")]["detail"] == f"{size} of {whole} bytes stood in earlier documents"
    bare = rows[beta.doc_id("bare")]
    assert (bare["kept"], bare["stage"], bare["reason"], bare["tokens"]) == (
        False,
        "dedup",
        "repeated_passages",
        0,
    )
    flagged = write_home(tmp_path, partners, passages={"paragraph_documents": 2, "action": "flag"})
    only = build(tmp_path, flagged, "flagged")
    assert sum(FOOTER in found for found in texts(only).values()) == 6
    assert sum(row["detail"] is not None for row in only.rows) == 4


def test_a_run_of_tokens_goes_from_all_but_the_first_document(tmp_path: Path) -> None:
    story = " ".join(text(n) for n in range(50, 54))
    rows = [
        {"id": "one", "text": f"{text(1)} 먼저 {story} 끝 {text(2)}"},
        {"id": "two", "text": f"{text(3)} 나중 {story} 마침 {text(4)}"},
    ]
    partners = [Partner("alpha", rows=rows[:1]), Partner("beta", rows=rows[1:])]
    built = build(tmp_path, write_home(tmp_path, partners, passages={"run_tokens": 50}))
    alpha, beta = partners
    assert texts(built)[alpha.doc_id("one")] == rows[0]["text"]
    assert texts(built)[beta.doc_id("two")] == f"{text(3)} 나중 마침 {text(4)}"
    assert verify(built.directory) == ()


def test_later_epochs_take_no_passage_of_earlier_ones(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.recipe = write_home(tmp_path, house.partners, passages={"paragraph_documents": 1, "run_tokens": 12})
    house.hand_in("beta", "one", posts(0, 3, "b"))
    house.hand_in("alpha", "one", posts(20, 2, "a"))
    house.seal()
    before = house.build("before")
    house.hand_in("alpha", "two", [*posts(40, 2, "x"), {"id": "same", "text": f"{text(0)} {text(60)}"}])
    house.hand_in("beta", "two", posts(70, 2, "y"))
    house.seal()
    after = house.build("after", base=before.directory, workers=2)
    assert segment(after.directory, 0) == segment(before.directory, 0)
    assert sum(FOOTER in found for found in texts(after).values()) == 1
    assert text(0) not in texts(after)[house.partners[0].doc_id("same")]
    again = house.build("again", staging=tmp_path / "other", workers=1)
    assert again.manifest == replace(after.manifest, parent=None)
