"""The commands: every one has help with an example, and the README names them all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from pipelines.commands.app import app
from tests.laws.builds import malmoi


def _commands(group: TyperGroup, before: str = "") -> Iterator[str]:
    """Every command by its words, those of groups in groups too."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield before + name


COMMANDS = list(_commands(get_command(app())))  # type: ignore[arg-type]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_help_with_an_example_and_stands_in_the_readme(command: str, repository: Path):
    done = malmoi(*command.split(), "--help")
    assert done.returncode == 0
    assert f"Example: malmoi {command}" in " ".join(done.stdout.decode().split())
    assert re.search(rf"^malmoi {command}\b", (repository / "README.md").read_text(), re.MULTILINE)


def test_a_contract_with_faults_ends_with_one_and_names_them(repository: Path, tmp_path: Path):
    good = repository / "data_contracts" / "krafton.yaml"
    assert malmoi("contract", "lint", good).returncode == 0
    bad = tmp_path / "krafton.yaml"
    bad.write_text(good.read_text().replace("malmoi.kind", "malmoi.knd"))
    done = malmoi("contract", "lint", bad)
    assert done.returncode == 1
    assert "malmoi.kind" in done.stdout.decode()


def test_admit_writes_one_receipt_for_the_same_drop(repository: Path, tmp_path: Path):
    registry = tmp_path / "registry"
    assert malmoi("registry", "init", registry).returncode == 0
    words = (
        "admit",
        repository / "data_contracts" / "krafton.yaml",
        repository / "examples" / "drops" / "krafton",
        "--registry",
        registry,
    )
    first, second = malmoi(*words), malmoi(*words)
    assert first.returncode == second.returncode == 0, first.stderr.decode()
    assert "krafton: admitted with quarantine" in first.stdout.decode()
    assert "counted once" in second.stdout.decode()
    [receipt] = (registry / "drops").glob("*/*/receipt.json")
    assert malmoi("verify", "--receipt", receipt).returncode == 0
