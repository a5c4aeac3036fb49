"""Builds of the example recipe through the command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from ruamel.yaml import YAML


@dataclass(frozen=True)
class Finished:
    """What a command left: its exit code, its output, its build."""

    code: int
    output: str
    error: str
    build: Path

    @property
    def manifest(self) -> dict:
        return json.loads((self.build / "manifest.json").read_bytes())

    @property
    def receipts(self) -> list[dict]:
        """The receipts of all drops, by partner."""
        return [json.loads(path.read_bytes()) for path in sorted(self.build.glob("receipts/*/*.json"))]

    def receipt(self, partner: str) -> dict:
        """The receipt of a partner's only drop."""
        (found,) = [receipt for receipt in self.receipts if receipt["partner"] == partner]
        return found

    def faults(self, partner: str) -> list[dict]:
        """Every fault of every refused row of a partner's drops, and of refused files (row -1)."""
        paths = sorted(self.build.glob(f"receipts/{partner}/*.faults.parquet"))
        return [fault for path in paths for fault in pq.read_table(path).to_pylist()]

    @property
    def digest(self) -> str:
        return (self.build / "manifest.sha256").read_text().split()[0]


def malmoi(
    *words: str | Path, env: dict[str, str] | None = None, stdin: bytes = b""
) -> subprocess.CompletedProcess:
    """The real command line."""
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *map(str, words)],
        env={**os.environ, **(env or {})},
        input=stdin,
        capture_output=True,
        timeout=280,
        check=False,
    )


def build(
    recipe: Path,
    output: Path,
    *,
    staging: Path,
    env: dict[str, str] | None = None,
    options: tuple[str, ...] = (),
) -> Finished:
    """`malmoi build`, with its outcome."""
    done = malmoi("build", recipe, "-o", output, "--staging", staging, *options, env=env)
    return Finished(done.returncode, done.stdout.decode(), done.stderr.decode(), output)


def changed(example: Path, tmp_path: Path, **changes: object) -> Path:
    """The example recipe with some fields changed, beside the same contracts."""
    yaml = YAML(typ="safe")
    content = yaml.load(example.read_text())
    content.update(changes)
    content["contracts"] = str(example.parent / content["contracts"])
    content["drops"] = str(example.parent / content["drops"])
    patterns = content["decontaminate"]["benchmarks"]
    copies = tmp_path / "benchmarks"
    copies.mkdir()
    for pattern in patterns:
        for path in example.parent.glob(pattern):
            shutil.copy(path, copies)
    content["decontaminate"]["benchmarks"] = ["./benchmarks/*.jsonl"]
    path = tmp_path / "recipe.yaml"
    with path.open("w") as file:
        yaml.dump(content, file)
    return path
