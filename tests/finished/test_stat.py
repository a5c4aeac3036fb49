from __future__ import annotations

import json
import math
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipelines.finished.stat import BINS, Count, bins_of, language_of, statistics
from pipelines.finished.text import export_text
from pipelines.tokens.tokenizer import load_tokenizer
from schemas.errors import BuildInconsistent, UsageError
from schemas.recipe import TokenSettings
from schemas.shards import code_of
from tests.finished.test_text import exported
from tests.laws.builds import malmoi
from tests.laws.tiny import Built


def by_name(counts: tuple[Count, ...]) -> dict[str, tuple[int, int, int]]:
    return {count.name: (count.documents, count.tokens, count.characters) for count in counts}


@pytest.fixture(scope="session")
def texts(small: Built, tmp_path_factory) -> list[dict]:
    output = tmp_path_factory.mktemp("texts") / "text"
    export_text(small.directory, output)
    return exported(output)


def counted(small: Built, texts: list[dict], key: str) -> dict[str, tuple[int, int, int]]:
    """The same from the ledger and the exported texts, a document at a time."""
    tokens = {row["doc_id"]: row["tokens"] for row in small.rows if row["kept"]}
    found: dict[str, list[int]] = {}
    for row in texts:
        sums = found.setdefault(row[key], [0, 0, 0])
        for at, value in enumerate((1, tokens[row["doc_id"]], len(row["text"]))):
            sums[at] += value
    return {name: (a, b, c) for name, (a, b, c) in found.items()}


def test_counts_are_those_of_ledger_and_texts(small: Built, texts):
    found = statistics(small.directory)
    assert by_name(found.partners) == counted(small, texts, "partner")
    assert by_name(found.languages) == counted(small, texts, "language")
    assert by_name(found.shards) == counted(small, texts, "shard")
    assert {name.split()[0]: value for name, value in by_name(found.contracts).items()} == by_name(
        found.partners
    )
    lengths = Counter(int(math.log2(row["tokens"])) for row in small.rows if row["kept"])
    assert {k: n for k, n in enumerate(found.total.lengths) if n} == dict(lengths)
    for counts in (found.partners, found.languages, found.shards):
        for measure in ("documents", "tokens", "characters"):
            assert sum(getattr(count, measure) for count in counts) == getattr(found.total, measure)
    korean = next(count for count in found.languages if count.name == "ko")
    assert korean.fertility == pytest.approx(korean.characters / (korean.tokens - korean.documents))


def test_another_tokenizer_is_compared_on_the_same_texts(small: Built, texts):
    found = statistics(small.directory, tokenizer="tekken_240718")
    other = load_tokenizer(TokenSettings(tokenizer="tekken_240718"), directory=Path())
    for one in found.compared:
        mine = pa.array([row["text"] for row in texts if row["language"] == one.language])
        assert one.other_tokens == len(other.encode(mine).values) - len(mine)
    same = statistics(small.directory, tokenizer="tekken_240911")
    assert all(one.tokens == one.other_tokens for one in same.compared)
    assert len(same.compared) == 2


def test_bins_are_powers_of_two():
    lengths = np.array([0, 1, 2, 3, 4, 7, 8, 2**20 - 1, 2**20, 10_000_000, 2**31 - 1])
    assert bins_of(lengths).tolist() == [0, 0, 1, 1, 2, 2, 3, 19, 20, 23, 30]
    assert bins_of(lengths).max() < BINS


def test_codes_of_languages_go_both_ways():
    for name in ("ko", "en", "zh", "ja", "es", "und", "code", "a", "zzz"):
        assert language_of(code_of(name)) == name


def test_the_command_prints_and_its_json_adds_up(small: Built):
    done = malmoi("stat", small.directory, "--json", "--tokenizer", "tekken_240718")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["total"]["tokens"] == sum(shard.tokens for shard in small.manifest.shards)
    assert sum(said["total"]["lengths_log2"]) == said["total"]["documents"]
    shown = malmoi("stat", small.directory)
    assert shown.returncode == 0, shown.stderr
    for words in ("alpha", "ko", "0-train-00000", "characters a token", "32 to 63"):
        assert words in shown.stdout.decode()


def test_an_unknown_tokenizer_and_an_altered_shard_are_told(small: Built, tmp_path):
    for name in ("nowhere", "nowhere.json"):
        with pytest.raises(UsageError, match=name):
            statistics(small.directory, tokenizer=name)
    build = shutil.copytree(small.directory, tmp_path / "build")
    path = build / small.manifest.shards[0].path
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(BuildInconsistent, match="malmoi verify"):
        statistics(build)
    done = malmoi("stat", build)
    assert (done.returncode, b"Traceback" in done.stderr) == (1, False)
