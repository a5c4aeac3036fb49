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
from typer.testing import CliRunner

from pipelines.commands.app import app
from pipelines.intake.approving import approve
from pipelines.intake.signatures import SigningKey
from schemas.errors import MalmoiError


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


def malmoi_here(*words: object, stdin: bytes = b"") -> subprocess.CompletedProcess:
    """The same commands in this process: where a test is of what they do, not of the process around them."""
    done = CliRunner().invoke(app(), [str(word) for word in words], input=stdin)
    code, error = done.exit_code, done.stderr_bytes
    if isinstance(done.exception, MalmoiError):
        code, error = done.exception.exit_code, error + f"malmoi: {done.exception}\n".encode()
    elif done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(words, code, done.stdout_bytes, error)


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


def patient_contracts(contracts: Path, target: Path) -> Path:
    """The contracts as they are but that any share of rows may be refused and no service level is held."""
    target.mkdir()
    yaml = YAML(typ="safe")
    key = SigningKey.read(contracts.parent / "examples" / "keys" / "approver.pem")
    for path in contracts.glob("*.yaml"):
        if path.name == "template.yaml":
            continue
        content = yaml.load(path.read_text())
        content.pop("slaProperties", None)
        for data_set in content["schema"]:
            data_set.pop("quality", None)
            for entry in data_set["customProperties"]:
                if entry["property"] == "malmoi.maxQuarantined":
                    entry["value"] = 1
        with (target / path.name).open("w") as file:
            yaml.dump(content, file)
        approve(target / path.name, by="tests", on="2026-11-20", key=key)
    return target


def changed(example: Path, tmp_path: Path, **changes: object) -> Path:
    """The example recipe with some fields changed, beside the same contracts."""
    yaml = YAML(typ="safe")
    content = yaml.load(example.read_text())
    content.update(changes)
    if "contracts" not in changes:
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
