"""The example's shards have the bytes they always had: a package that alters them is seen here.

example_shards.json holds, by shard, its digest and that of each of its parts, so a difference says where it
lies. It is rewritten by `pytest tests/laws/test_golden_shards.py --update-golden`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.shard_trailer import read_trailer
from tests.laws.builds import Finished

GOLDEN = Path(__file__).parent / "example_shards.json"


def shards_of(built: Finished) -> dict[str, Any]:
    return {
        shard["name"]: {
            **{key: shard[key] for key in ("bytes", "rows", "tokens", "sha256")},
            "parts": {part.name: part.sha256 for part in read_trailer(built.build / shard["path"])},
        }
        for segment in built.manifest["segments"]
        for split in ("train", "validation")
        for shard in segment[split]
    }


def test_the_shards_of_the_example_have_the_bytes_they_always_had(
    built: Finished, request: pytest.FixtureRequest
):
    found = shards_of(built)
    if request.config.getoption("--update-golden"):
        GOLDEN.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert found == golden, "shards of the example differ: if that is meant, run with --update-golden"
