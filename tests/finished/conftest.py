from __future__ import annotations

import pytest

from tests.laws.tiny import Built, Partner, build, text, write_home

ENGLISH = (
    "The old lighthouse keeper number {} told everyone in the village that storms from the north always come "
    "in threes, and nobody who had lived there for longer than a winter doubted him about that at all."
)


def rows(first: int, count: int) -> list[dict]:
    korean = [{"id": f"k{n}", "text": text(n) + " 🐧 각 café"} for n in range(first, first + count)]
    english = [{"id": f"e{n}", "text": ENGLISH.format(n) * (1 + n % 3)} for n in range(first, first + 3)]
    return korean + english


@pytest.fixture(scope="session")
def partners() -> list[Partner]:
    """Two partners who speak Korean and English."""
    both = {"malmoi.languages": ["ko", "en"]}
    alpha = Partner("alpha", data_set=both, rows=rows(0, 40))
    beta = Partner("beta", data_set=both, rows=rows(100, 25), rights={"malmoi.expires": "2027-06-30"})
    return [alpha, beta]


@pytest.fixture(scope="session")
def small(partners: list[Partner], tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A small real build with shards of both splits."""
    home = tmp_path_factory.mktemp("small")
    tokens = {"shard_mib": 1, "validation_share": 0.2}
    return build(home, write_home(home, partners, tokens=tokens))
