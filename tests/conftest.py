"""Fixtures shared by all tests: where the handed data lies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.browser import Browser, chromium
from tests.laws.builds import Finished, build

# `make test` draws the same examples each time, so that a landing does not hang on luck; `make test-all`
# draws new ones, and what it finds is mended and pinned.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("new", deadline=None)
settings.load_profile("new")

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def handed() -> Path:
    """The handed drops beside the checkout; skips where they are absent."""
    path = REPOSITORY.parent / "shared" / "data"
    if not path.is_dir():
        pytest.skip("the handed drops (../shared/data) are not on this machine")
    return path


@pytest.fixture(scope="session")
def example(repository: Path) -> Path:
    """The example recipe."""
    return repository / "recipes" / "example.yaml"


@pytest.fixture(scope="session")
def built(example: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The example build, made once with two workers."""
    home = tmp_path_factory.mktemp("built")
    finished = build(example, home / "example", staging=home / "staging", options=("--workers", "2"))
    assert finished.code == 0, finished.error
    return finished


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One real browser for all tests that look at pages; skips where there is none."""
    if chromium() is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    opened = Browser(tmp_path_factory.mktemp("browser"))
    yield opened
    opened.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    """--update-golden rewrites golden files from what is computed."""
    parser.addoption("--update-golden", action="store_true", help="rewrite golden files")
