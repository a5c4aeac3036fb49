"""Takedowns in the registry: keyed leaves, the list beside the key, what a destroyed key leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.intake.registry import Registry
from pipelines.intake.registry_check import check_registry
from pipelines.intake.takedowns import forget_drop, record_done, record_takedown, takedowns, taken_down
from schemas.errors import BuildInconsistent
from schemas.registry import TakedownDone
from schemas.takedown import TakedownRequest, Why

AT = "2026-11-24T09:00:00Z"
DROP, OTHER = "d" * 64, "e" * 64
IDS = {DROP: ["4a" * 16, "1" * 32], OTHER: ["2" * 32]}


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry.open(tmp_path / "registry", create=True)


def take(registry: Registry, number: int = 1, effective: str | None = None, **ids: list[str]):
    request = TakedownRequest(f"T-{number}", "desk", "2026-11-24", Why.OTHER, effective=effective)
    return record_takedown(
        registry, request, documents=ids or IDS, deadline="2026-12-24", suppressed=None, at=AT
    )


def test_the_same_request_is_recorded_once_and_names_no_document(registry: Registry):
    event, new = take(registry)
    again, newer = take(registry)
    assert (new, newer, again) == (True, False, event)
    whole = b"".join(path.read_bytes() for path in registry.directory.rglob("*.json"))
    assert not any(doc_id.encode() in whole for ids in IDS.values() for doc_id in ids)
    assert taken_down(registry, "1999-01-01") == {doc_id for ids in IDS.values() for doc_id in ids}
    assert check_registry(registry) == []


def test_from_its_day_on_where_it_names_one(registry: Registry):
    take(registry, effective="2026-12-01")
    assert taken_down(registry, "2026-11-30") == frozenset()
    assert len(taken_down(registry, "2026-12-01")) == 3


def test_two_drops_have_two_keys_and_one_destroyed_leaves_the_chain(registry: Registry):
    take(registry, 1, **{DROP: ["7" * 32], OTHER: ["7" * 32]})
    (one,) = takedowns(registry)
    assert one.body.leaves[DROP] != one.body.leaves[OTHER]
    assert forget_drop(registry, DROP)
    assert not forget_drop(registry, DROP)
    assert taken_down(registry, "2026-11-24") == {"7" * 32}
    assert forget_drop(registry, OTHER)
    assert taken_down(registry, "2026-11-24") == frozenset()
    assert check_registry(registry) == []
    assert b"7" * 32 not in b"".join(
        path.read_bytes() for path in registry.key_directory.rglob("*") if path.is_file()
    )


def test_a_list_that_does_not_give_the_logs_leaves_stops_every_build(registry: Registry):
    take(registry)
    (path,) = (registry.key_directory / "takedowns").iterdir()
    content = path.read_bytes()
    path.write_bytes(content.replace(b"1" * 32, b"3" * 32))
    with pytest.raises(BuildInconsistent, match="restore"):
        taken_down(registry, "2026-11-24")
    path.unlink()
    with pytest.raises(BuildInconsistent, match="restore"):
        taken_down(registry, "2026-11-24")
    path.write_bytes(content)
    assert len(taken_down(registry, "2026-11-24")) == 3


def test_what_nobody_asked_for_cannot_be_carried_out(registry: Registry):
    record_done(registry, TakedownDone("a" * 64, "b" * 64, "c" * 64, "d" * 64), at=AT)
    (found,) = check_registry(registry)
    assert "nobody asked for" in found.message
