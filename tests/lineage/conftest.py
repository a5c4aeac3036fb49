from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from schemas.manifest import Manifest
from tests.lineage.small_build import write_build


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    """A whole build, written once."""
    build = tmp_path_factory.mktemp("whole")
    return build, write_build(build)


@pytest.fixture
def built(whole: tuple[Path, Manifest], tmp_path: Path) -> tuple[Path, Manifest]:
    """A whole build of its own for each test, to break."""
    build, manifest = whole
    return shutil.copytree(build, tmp_path / "build"), manifest
