"""The benchmarks measure what they say: same token ids on both sides, walls without overlap."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pytest
from tokenizers import Tokenizer as FastTokenizer

from pipelines.tokens.tokenizer import load_tokenizer
from schemas.recipe import TokenSettings


@pytest.fixture(autouse=True)
def benchmarks(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(repository / "benchmarks"))
    for name in ("run_log", "results", "rival_input", "rival_datatrove"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_the_wall_of_a_step_counts_overlapping_tasks_once():
    from run_log import wall

    tasks = [
        {"step": "Clean", "begun": 0.0, "seconds": 4.0},
        {"step": "Clean", "begun": 1.0, "seconds": 2.0},
        {"step": "Clean", "begun": 6.0, "seconds": 1.0},
        {"step": "Other", "begun": 4.0, "seconds": 9.0},
    ]
    assert wall(tasks, ("Clean",)) == 5.0


def test_a_section_is_replaced_where_it_stands(tmp_path: Path):
    from results import write_section

    path = tmp_path / "RESULTS.md"
    write_section(path, "one", "first")
    write_section(path, "two", "second")
    write_section(path, "one", "third")
    text = path.read_text()
    assert "first" not in text
    assert text.index("third") < text.index("second")


def test_the_tokenizer_handed_to_the_rival_gives_our_ids(tmp_path: Path):
    from rival_input import write_tokenizer

    texts = [
        "말모이는 우리말 사전의 이름이다.",
        "def f(x): return x\n\n",
        "ㅋㅋㅋ 재밌다!! 😀",
        "日本語と中文、español",
    ]
    write_tokenizer(tmp_path / "tokenizer.json")
    theirs = FastTokenizer.from_file(str(tmp_path / "tokenizer.json"))
    ours = load_tokenizer(TokenSettings(), directory=tmp_path).encode(pa.array(texts)).to_pylist()
    assert [theirs.encode(text).ids for text in texts] == [ids[:-1] for ids in ours]
