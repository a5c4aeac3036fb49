"""Our contracts are ODCS to others too: datacontract-cli 1.2.8, in an environment of its own, lints them.

And where we say that it is not enough (docs/contracts-compared.md), it is asked.
"""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from pipelines.intake.yaml_source import read_yaml
from tests.drafts import decided
from tests.laws.builds import malmoi

pytestmark = pytest.mark.slow
PACKAGE = "datacontract-cli==1.2.8"
PARTNERS = ("a_dot", "fortytwodot", "krafton", "liner", "selectstar", "snu_kaist")
# What uv says where a registry is out of reach or does not have the package.
_NOT_THERE = (
    "no solution found",
    "not found in the package registry",
    "failed to fetch",
    "error sending request",
)


@pytest.fixture(scope="module")
def datacontract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of datacontract-cli; skips where the registry does not have it."""
    uv = Path(sys.executable).with_name("uv")
    if not uv.is_file():
        pytest.skip(f"no uv beside {sys.executable}: run this test from the project's environment")
    home = tmp_path_factory.mktemp("datacontract") / "venv"
    _run(uv, "venv", "--python", sys.executable, home)
    done = _run(uv, "pip", "install", "--python", home / "bin" / "python", PACKAGE)
    said = done.stderr.decode().lower()
    if done.returncode and any(words in said for words in _NOT_THERE):
        pytest.skip(f"{PACKAGE} cannot be had from the package registry here")
    assert done.returncode == 0, said[-500:]
    return home / "bin" / "datacontract"


def _run(*words: str | Path) -> subprocess.CompletedProcess:
    return subprocess.run([*map(str, words)], capture_output=True, timeout=280, check=False)


@pytest.mark.parametrize("partner", PARTNERS)
def test_a_contract_of_ours_passes_its_lint(datacontract: Path, repository: Path, partner: str):
    done = _run(datacontract, "lint", repository / "data_contracts" / f"{partner}.yaml")
    assert done.returncode == 0, done.stdout.decode()[-500:]


def test_a_drafted_contract_passes_its_lint_once_it_is_decided(
    datacontract: Path, repository: Path, tmp_path: Path
):
    contract = decided(repository / "examples" / "drops" / "krafton", "krafton", tmp_path / "krafton.yaml")
    assert _run(datacontract, "lint", contract).returncode == 0


def test_its_lint_can_fail(datacontract: Path, repository: Path, tmp_path: Path):
    document = read_yaml(repository / "data_contracts" / "krafton.yaml").value
    document["schema"] = "no list of data sets"
    path = tmp_path / "broken.yaml"
    path.write_bytes(orjson.dumps(document))
    assert _run(datacontract, "lint", path).returncode == 1


def test_a_training_permission_that_goes_is_info_to_it_and_a_stop_to_us(
    datacontract: Path, repository: Path, tmp_path: Path
):
    old = read_yaml(repository / "data_contracts" / "krafton.yaml").value
    new = copy.deepcopy(old)
    for entry in new["customProperties"]:
        if entry["property"] == "malmoi.aiUse":
            entry["value"]["ai_generative_training"] = "notAllowed"
        if entry["property"] == "malmoi.purposes":
            entry["value"] = ["research"]
    paths = tmp_path / "old.yaml", tmp_path / "new.yaml"
    for path, document in zip(paths, (old, {**new, "version": "2.0.0"}), strict=True):
        path.write_bytes(orjson.dumps(document))
    theirs = _run(datacontract, "breaking", *paths)
    assert theirs.returncode == 0
    assert b"ERROR" not in theirs.stdout
    assert malmoi("contract", "diff", *paths).returncode == 1
