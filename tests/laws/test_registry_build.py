"""The whole way of six partners by the real commands: admitted, sealed, built from the registry, verified."""

from __future__ import annotations

from pathlib import Path

from schemas.identity import file_sha256
from tests.laws.builds import malmoi

DAY = "2026-11-24"


def test_a_build_of_the_registry_is_the_build_of_the_same_drops_taken_on_the_fly(
    repository: Path, tmp_path: Path
):
    registry, recipe = tmp_path / "registry", repository / "recipes" / "example.yaml"
    assert malmoi("registry", "init", registry).returncode == 0
    for drop in sorted((repository / "examples" / "drops").iterdir()):
        contract = repository / "data_contracts" / f"{drop.name}.yaml"
        done = malmoi("admit", contract, drop, "--registry", registry, "--today", DAY)
        assert done.returncode == 0, done.stderr.decode()
    assert malmoi("registry", "seal", registry).returncode == 0
    staging = ("--staging", tmp_path / "staging")
    built = malmoi("build", recipe, "--registry", registry, *staging, "-o", tmp_path / "registered")
    assert built.returncode == 0, built.stderr.decode()
    assert malmoi("build", recipe, *staging, "-o", tmp_path / "on_the_fly").returncode == 0
    assert malmoi("verify", tmp_path / "registered").returncode == 0
    assert malmoi("registry", "verify", registry).returncode == 0
    registered, on_the_fly = _content(tmp_path / "registered"), _content(tmp_path / "on_the_fly")
    assert registered == on_the_fly
    assert registered


def _content(build: Path) -> dict[str, str]:
    """What the build is made of, by path: tokens and decisions; receipts name the log, and so differ."""
    paths = [path for part in ("segments", "ledger") for path in (build / part).rglob("*") if path.is_file()]
    return {path.relative_to(build).as_posix(): file_sha256(path) for path in paths}
