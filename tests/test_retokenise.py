"""malmoi retokenise: no stage runs again; the bytes are those of a build with the tokenizer in its recipe."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.finished.text import export_text
from pipelines.lineage.verify import verify
from pipelines.retokenise import retokenise
from schemas.errors import BuildInconsistent, UsageError
from schemas.identity import file_sha256
from tests.laws.builds import malmoi
from tests.laws.tiny import Built, Partner, build, text, write_drop, write_home
from tests.tokens.vocabularies import small_model, tekken, write_model, write_table

# Nothing of these may be done again; the admission of a drop is looked up, not made.
STAGES = {"LoadModels", "Read"}


def rows(partner: int, count: int = 30) -> list[dict]:
    return [{"id": str(n), "text": text(1000 * partner + n)} for n in range(count)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    partners = [Partner(name=name, rows=rows(n)) for n, name in enumerate(("alpha", "beta"))]
    write_home(tmp_path, partners, tokens={"shard_mib": 1, "validation_share": 0.2})
    write_model(tmp_path / "new.json", small_model())
    return tmp_path


@pytest.fixture
def old(home: Path) -> Built:
    return build(home, home / "recipe.yaml", "old")


def tree(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def tasks(output: Path) -> list[dict]:
    """Everything the run that made a build recorded."""
    logs = output.with_name(output.name + ".runs").glob("*/tasks/*.jsonl")
    return [json.loads(line) for log in logs for line in log.read_bytes().splitlines()]


def from_nothing(home: Path, **tokens: object) -> Built:
    """A build of the same drops with another tokenizer in its recipe, and nothing staged."""
    recipe = json.loads((home / "recipe.yaml").read_text())
    recipe["tokens"] |= tokens
    (home / "other.yaml").write_text(json.dumps(recipe))
    return build(home, home / "other.yaml", "from_nothing", staging=home / "nothing")


def test_no_stage_runs_again_and_the_bytes_are_those_of_a_build_from_nothing(home, old):
    retokenise(old.directory, str(home / "new.json"), home / "new", workers=1, quiet=True)
    recorded = tasks(home / "new")
    assert not STAGES & {record["step"] for record in recorded}
    assert [record["made"] for record in recorded if record["step"] == "CleanSplits"] == [False, False]
    assert [record["made"] for record in recorded if record["step"] == "Tokenise"] == [True, True]
    assert {record["step"] for record in tasks(old.directory)} >= STAGES  # the test would see them
    digest = file_sha256(home / "new.json")
    expected = from_nothing(home, tokenizer="new.json", tokenizer_sha256=digest)
    assert tree(home / "new") == tree(expected.directory)
    assert expected.manifest.tokenizer.sha256 == digest
    assert verify(home / "new") == ()


@pytest.mark.parametrize("around", ["normaliser", "templates"])
def test_text_that_does_not_come_back_from_tokens_is_exported_as_the_error_says(home, around):
    """Retokenised from staged text, every document comes out as it was handed in."""
    write_model(home / "lossy.json", small_model(nfc=True))
    lossy = {"tokenizer": "lossy.json", "tokenizer_sha256": file_sha256(home / "lossy.json")}
    templates = {"templates": [{"data_set": "alpha/posts", "turn": ["{role}: ", "{text}"]}]}
    recipe = json.loads((home / "recipe.yaml").read_text())
    recipe["tokens"] |= lossy if around == "normaliser" else templates
    (home / "recipe.yaml").write_text(json.dumps(recipe))
    built = build(home, home / "recipe.yaml", "old")
    with pytest.raises(UsageError, match=r"malmoi retokenise BUILD --tokenizer (tekken_240911|plain.yaml)"):
        export_text(built.directory, home / "text", tokenizers=home)
    (home / "plain.yaml").write_text("tokenizer: tekken_240911\n")
    name = "tekken_240911" if around == "normaliser" else str(home / "plain.yaml")
    retokenise(built.directory, name, home / "new", workers=1, quiet=True)
    export_text(home / "new", home / "text")
    files = (home / "text").glob("*.parquet")
    texts = [line for path in files for line in pq.read_table(path)["text"].to_pylist()]
    assert sorted(texts) == sorted(row["text"] for number in range(2) for row in rows(number))


def test_a_yaml_of_token_settings_takes_a_table_and_what_stands_around_documents(home, old):
    digest = write_table(home / "tekken.tiktoken", tekken()[1])
    tokens = {
        "tokenizer": "tekken.tiktoken",
        "tokenizer_sha256": digest,
        "pattern": tekken()[0],
        "special_tokens": {"<|endoftext|>": 130072, "<|turn|>": 130073},
        "begin": "<|endoftext|>",
        "vocabulary": 130_100,
        "templates": [{"data_set": "alpha/posts", "turn": ["<|turn|>", "{role}: {text}"]}],
    }
    (home / "tokens.yaml").write_text(json.dumps(tokens))
    retokenise(old.directory, str(home / "tokens.yaml"), home / "new", workers=1, quiet=True)
    expected = from_nothing(home, **tokens)
    assert tree(home / "new") == tree(expected.directory)
    assert expected.manifest.tokenizer.begin_of_document == 130072
    turns = sum(shard.tokens for shard in expected.manifest.shards) - sum(
        shard.tokens for shard in old.manifest.shards
    )
    assert turns >= 2 * len(expected.kept) - len(old.kept)
    assert verify(home / "new") == ()


def test_through_the_command_line_from_another_directory(home, old, monkeypatch):
    monkeypatch.chdir("/")
    done = malmoi(
        "retokenise", old.directory, "--tokenizer", "tekken_240718", "-o", home / "new", "--workers", "1"
    )
    assert done.returncode == 0, done.stderr.decode()
    assert "tokens in 2 shards" in done.stdout.decode()
    again = malmoi("retokenise", old.directory, "--tokenizer", "gpt2", "-o", home / "third")
    assert again.returncode == 2
    assert "gpt2" in again.stderr.decode()


def test_nothing_is_cleaned_silently(home, old):
    (home / "moved").mkdir()
    with pytest.raises(UsageError, match="2 of 2 splits are not staged"):
        retokenise(
            old.directory, "tekken_240718", home / "new", staging=home / "moved", workers=1, quiet=True
        )
    assert not (home / "new" / "manifest.json").exists()


def test_what_has_changed_since_is_named(home, old):
    recipe = json.loads((home / "recipe.yaml").read_text())
    (home / "recipe.yaml").write_text(json.dumps({**recipe, "max_quarantined": 0.5}))
    with pytest.raises(UsageError, match="max_quarantined"):
        retokenise(old.directory, "tekken_240718", home / "new", workers=1, quiet=True)
    (home / "recipe.yaml").write_text(json.dumps(recipe))
    write_drop(home / "drops" / "alpha", rows(0, 31))
    with pytest.raises(BuildInconsistent, match="drops have changed"):
        retokenise(old.directory, "tekken_240718", home / "new", workers=1, quiet=True)


def test_a_build_whose_run_log_is_gone_needs_to_be_told(home, old):
    (home / "old.runs" / "origin.json").unlink()
    with pytest.raises(UsageError, match="--recipe"):
        retokenise(old.directory, "tekken_240718", home / "new", workers=1, quiet=True)
    retokenise(
        old.directory,
        "tekken_240718",
        home / "new",
        recipe=home / "recipe.yaml",
        drops=home / "drops",
        staging=home / "staging",
        workers=1,
        quiet=True,
    )
    assert verify(home / "new") == ()


def test_a_wrong_tokenizer_stops_a_build_before_anything_is_read(home):
    recipe = json.loads((home / "recipe.yaml").read_text())
    recipe["tokens"] |= {"tokenizer": "new.json", "tokenizer_sha256": "0" * 64}
    (home / "wrong.yaml").write_text(json.dumps(recipe))
    with pytest.raises(UsageError, match="0" * 64):
        build(home, home / "wrong.yaml", "wrong")
    assert not (home / "staging").exists()
