"""Law of all or nothing, and of loudness: what breaks a limit publishes nothing and says the numbers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.laws.builds import Finished, build, changed, malmoi


def staging(built: Finished) -> Path:
    return built.build.parent / "staging"


def test_a_stage_that_drops_more_than_its_limit_stops_the_build_with_the_numbers(
    built: Finished, example: Path, tmp_path: Path
):
    recipe = changed(
        example, tmp_path, max_loss={"short_post": {"quality": 0.0}, "web": {"dedup": 1.0}}, exceptions=[]
    )
    done = build(recipe, tmp_path / "out", staging=staging(built))
    assert done.code == 1
    assert "krafton" in done.error
    assert "documents" in done.error
    assert "exception" in done.error
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_dedup_is_held_to_its_limit_too(built: Finished, example: Path, tmp_path: Path):
    kinds = ("web", "dialogue", "short_post", "document", "code", "parallel", "table")
    recipe = changed(example, tmp_path, max_loss={kind: {"dedup": 0.0} for kind in kinds}, exceptions=[])
    done = build(recipe, tmp_path / "out", staging=staging(built))
    assert done.code == 1
    assert "dedup dropped" in done.error
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_partner_without_a_drop_stops_the_build(example: Path, tmp_path: Path, repository: Path):
    drops = tmp_path / "drops"
    shutil.copytree(repository / "examples" / "drops", drops)
    shutil.rmtree(drops / "krafton")
    done = build(example, tmp_path / "out", staging=tmp_path / "staging", options=("--drops", str(drops)))
    assert done.code == 1
    assert "krafton: no drop" in done.error
    assert not (tmp_path / "out").exists()


def test_a_stage_that_must_match_and_does_not_stops_the_build(built: Finished, example: Path, tmp_path: Path):
    recipe = changed(example, tmp_path, must_match=["fingerprint"])
    done = build(recipe, tmp_path / "out", staging=staging(built))
    assert done.code == 1
    assert "matched nothing" in done.error
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_contracts_that_do_not_allow_a_purpose_are_left_out_with_the_reason(example: Path, tmp_path: Path):
    done = build(example, tmp_path / "out", staging=tmp_path / "staging", options=("--date", "1999-01-01"))
    assert done.code == 1
    assert "no contract allows" in done.error


def test_a_directory_that_is_no_build_is_not_touched(example: Path, tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("not ours")
    done = build(example, tmp_path, staging=tmp_path.parent / "staging-of-nobody")
    assert done.code == 1
    assert "no build of ours" in done.error
    assert (tmp_path / "thesis.txt").read_text() == "not ours"


@pytest.mark.parametrize("name", ["manifest.json", "report.html"])
def test_damage_is_found_by_verify(name: str, built: Finished, tmp_path: Path):
    copy = tmp_path / "copy"
    shutil.copytree(built.build, copy)
    with (copy / name).open("r+b") as file:
        file.seek(100)
        byte = file.read(1)
        file.seek(100)
        file.write(bytes([byte[0] ^ 1]))
    assert malmoi("verify", copy).returncode == 1
