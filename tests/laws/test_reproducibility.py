"""Law of reproducibility: the same bytes, whatever ran it, in whatever order, after whatever crash."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.laws.builds import Finished, build


def tree(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def test_one_worker_another_place_clock_locale_and_hash_seed_give_the_same_bytes(
    built: Finished, example: Path, repository: Path, tmp_path: Path
):
    drops = tmp_path / "drops"
    for path in sorted((repository / "examples" / "drops").rglob("*"), reverse=True):
        if path.is_file():  # in the other order, at another time, in another place
            target = drops / path.relative_to(repository / "examples" / "drops")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    again = build(
        example,
        tmp_path / "again",
        staging=tmp_path / "staging",
        env={"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "LANG": "C", "PYTHONHASHSEED": "7"},
        options=("--workers", "1", "--drops", str(drops)),
    )
    assert again.code == 0, again.error
    assert tree(again.build) == tree(built.build)


def test_a_finished_build_is_not_made_again(built: Finished, example: Path):
    before = {path: path.stat().st_mtime_ns for path in built.build.rglob("*")}
    runs = built.build.with_name(built.build.name + ".runs")
    count = len(list(runs.iterdir()))
    again = build(example, built.build, staging=built.build.parent / "staging")
    assert again.code == 0, again.error
    assert {path: path.stat().st_mtime_ns for path in built.build.rglob("*")} == before
    assert len(list(runs.iterdir())) == count


def test_another_recipe_does_not_overwrite_a_build(built: Finished, example: Path):
    done = build(
        example, built.build, staging=built.build.parent / "staging", options=("--date", "2026-11-25")
    )
    assert done.code == 2
    assert "another build" in done.error


@pytest.mark.parametrize("share", [random.Random(seed).uniform(0.1, 0.95) for seed in range(5)])
def test_a_build_killed_at_a_random_point_resumes_to_the_same_digest(
    share: float, built: Finished, example: Path, tmp_path: Path
):
    output, staging = tmp_path / "killed", tmp_path / "staging"
    words = [sys.executable, "-m", "pipelines.cli", "build", example, "-o", output, "--staging", staging]
    # Killed at a share of the work, not of the time: machines differ, the run log does not.
    total = len(finished_tasks(built.build))
    process = subprocess.Popen(
        [*map(str, words), "--workers", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 200
    while process.poll() is None and time.monotonic() < deadline:
        if len(finished_tasks(output)) >= share * total:
            break
        time.sleep(0.01)
    interrupted = process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert interrupted or (output / "manifest.json").is_file()
    resumed = build(example, output, staging=staging)
    assert resumed.code == 0, resumed.error
    assert tree(resumed.build) == tree(built.build)


def finished_tasks(output: Path) -> list[bytes]:
    runs = output.with_name(output.name + ".runs")
    return [line for path in runs.glob("*/tasks/*.jsonl") for line in path.read_bytes().splitlines()]
