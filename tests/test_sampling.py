"""malmoi tokenizer sample: weighted by the recipe, gated by rights, the same each time."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import normalizers

from pipelines.engine.made import Origin, keep_origin
from pipelines.intake.registry import Registry
from pipelines.sampling import SAMPLE, _parts, draw_sample
from schemas.errors import LossExceeded, UsageError
from schemas.rights import Purpose
from tests.laws.builds import malmoi, malmoi_here
from tests.laws.tiny import RIGHTS, Built, Partner, build, text, write_home
from tests.tokens.vocabularies import settings_of, small_model, write_model

SIZES = {"alpha": 60, "beta": 60, "gamma": 60}
NO_EVALUATION = {"malmoi.purposes": ["distillation", "open_release", "pretraining"]}


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Built:
    home = tmp_path_factory.mktemp("sampled")
    partners = [
        Partner(
            name=name,
            rows=[{"id": str(n), "text": text(1000 * place + n)} for n in range(size)],
            rights=NO_EVALUATION if name == "gamma" else {},
        )
        for place, (name, size) in enumerate(SIZES.items())
    ]
    recipe = write_home(
        home, partners, upsampling={"beta": 2}, tokens={"shard_mib": 1, "validation_share": 0.1}
    )
    return build(home, recipe)


def read(path: Path) -> pl.DataFrame:
    return pl.DataFrame(pq.read_table(path))


def test_texts_are_those_of_the_train_shards_and_none_is_set_aside(built, tmp_path):
    sample = draw_sample(built.directory, tmp_path / "all.parquet")
    drawn = read(tmp_path / "all.parquet")
    kept = {row["doc_id"]: row for row in built.rows if row["kept"] and "-train-" in row["shard"]}
    assert len(kept) < len(built.kept)
    assert sorted(drawn["doc_id"]) == sorted(kept)
    assert pq.read_schema(tmp_path / "all.parquet").equals(SAMPLE)
    said = {text(1000 * place + n) for place in range(3) for n in range(60)}
    assert set(drawn["text"]) <= said
    assert sum(share.tokens for share in sample.shares) == sum(row["tokens"] for row in kept.values())


def test_partners_have_parts_by_size_and_upsampling(built, tmp_path):
    asked = 1600
    sample = draw_sample(built.directory, tmp_path / "part.parquet", tokens=asked)
    tokens = {share.partner: share.tokens for share in sample.shares}
    longest = max(row["tokens"] for row in built.rows)
    assert abs(tokens["beta"] - asked / 2) <= longest + asked * 0.05
    assert abs(tokens["alpha"] - asked / 4) <= longest + asked * 0.05
    assert abs(tokens["gamma"] - asked / 4) <= longest + asked * 0.05


def test_the_same_sample_has_the_same_bytes_and_another_seed_draws_others(built, tmp_path):
    paths = [tmp_path / f"{number}.parquet" for number in range(3)]
    for path, seed in zip(paths, (1, 1, 2), strict=True):
        draw_sample(built.directory, path, tokens=600, seed=seed)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    first, other = (set(read(path)["doc_id"]) for path in paths[1:])
    assert first != other
    draw_sample(built.directory, tmp_path / "more.parquet", tokens=1200, seed=1)
    assert first < set(read(tmp_path / "more.parquet")["doc_id"])


def test_a_contract_that_does_not_allow_a_purpose_is_in_no_sample_for_it(built, tmp_path):
    both = (Purpose.PRETRAINING.value, Purpose.EVALUATION.value)
    sample = draw_sample(built.directory, tmp_path / "gated.parquet", purposes=both)
    assert set(read(tmp_path / "gated.parquet")["partner"]) == {"alpha", "beta"}
    assert [(one.partner, one.reason) for one in sample.left_out] == [
        ("gamma", "the contract does not allow evaluation")
    ]
    pretraining = draw_sample(built.directory, tmp_path / "open.parquet")
    assert not pretraining.left_out
    assert set(read(tmp_path / "open.parquet")["partner"]) == set(SIZES)


def test_on_a_day_after_all_contracts_have_ended_there_is_no_sample(built, tmp_path):
    with pytest.raises(LossExceeded, match=RIGHTS["malmoi.expires"]):
        draw_sample(built.directory, tmp_path / "late.parquet", on="2029-01-01")
    assert not list(tmp_path.iterdir())


def test_an_unknown_purpose_is_named(built, tmp_path):
    with pytest.raises(UsageError, match="fun"):
        draw_sample(built.directory, tmp_path / "x.parquet", purposes=("fun",))


def test_through_the_command_line(built, tmp_path):
    words = ("-o", tmp_path / "s.parquet", "--purpose", "evaluation", "--tokens", "500")
    done = malmoi("tokenizer", "sample", built.directory, *words)
    assert done.returncode == 0, done.stderr.decode()
    assert "left out: gamma" in done.stderr.decode()
    metadata = json.loads(pq.read_schema(tmp_path / "s.parquet").metadata[b"malmoi.sample"])
    assert metadata["build"] == built.manifest.identity
    assert metadata["purposes"] == ["evaluation"]


def test_clean_text_written_for_people_is_a_look_of_the_registry_the_build_was_made_of(built, tmp_path):
    registry = Registry.open(tmp_path / "registry", create=True)
    shutil.copytree(built.directory, tmp_path / "out")
    origin = Origin("recipe.yaml", None, str(registry.directory), "staging")
    keep_origin(tmp_path / "out", origin)
    kept = {(row["shard"], row["shard_row"]) for row in built.rows if row["kept"]}
    looks = ("--looks", tmp_path / "looks.jsonl")
    asked = {
        "export text": (("-o", tmp_path / "text"), kept),
        "tokenizer sample": (("-o", tmp_path / "s.parquet"), {one for one in kept if "-train-" in one[0]}),
    }
    for command, (words, shown) in asked.items():
        done = malmoi_here(*command.split(), tmp_path / "out", *words, *looks)
        assert done.returncode == 2
        assert b"--why" in done.stderr
        assert not words[1].exists()
        done = malmoi_here(*command.split(), tmp_path / "out", *words, *looks, "--why", "filters are tried")
        assert done.returncode == 0, done.stderr
        look = [event.body for event in registry.events()][-1]
        assert (look.command, look.why) == (command, "filters are tried")
        assert look.of == f"build {built.manifest.identity}"
        assert set(told_rows(look.rows)) == shown
    assert len(list(registry.events())) == len((tmp_path / "looks.jsonl").read_text().splitlines()) == 2


def told_rows(rows: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    for shard, _, numbers in (row.partition(":") for row in rows):
        for first, _, last in (part.partition("-") for part in numbers.split(",")):
            yield from ((shard, number) for number in range(int(first), int(last or first) + 1))


def test_a_tokenizer_that_loses_text_gives_no_sample(tmp_path):
    model = small_model()
    model.normalizer = normalizers.Lowercase()
    write_model(tmp_path / "lossy.json", model)
    rows = [{"id": str(n), "text": f"{text(n)} ABC 그리고 XYZ"} for n in range(20)]
    settings = settings_of(tmp_path / "lossy.json")
    tokens = {"tokenizer": settings.tokenizer, "tokenizer_sha256": settings.tokenizer_sha256}
    recipe = write_home(tmp_path, [Partner(rows=rows)], tokens={"validation_share": 0.0, **tokens})
    built = build(tmp_path, recipe)
    with pytest.raises(UsageError, match=r"lossy\.json"):
        draw_sample(built.directory, tmp_path / "s.parquet", tokenizers=tmp_path)


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 1000), min_size=1),
    st.dictionaries(st.sampled_from("abcdef"), st.floats(1, 8)),
    st.integers(1, 5000),
)
def test_parts_add_up_and_none_is_more_than_there_is(sizes, weights, asked):
    weights = {name: weights.get(name, 1.0) for name in sizes}
    parts = _parts(sizes, weights, asked)
    assert parts.keys() == sizes.keys()
    assert all(part <= sizes[name] * (1 + 1e-9) for name, part in parts.items())
    assert sum(parts.values()) == pytest.approx(min(asked, sum(sizes.values())))
    open_ = [name for name in sizes if parts[name] < sizes[name] * (1 - 1e-9)]
    rates = [parts[name] / (sizes[name] * weights[name]) for name in open_]
    assert not rates or max(rates) == pytest.approx(min(rates))
