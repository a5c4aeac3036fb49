"""The registry tells when it was touched: bytes, events, order, its end, its whole past."""

from __future__ import annotations

import dataclasses
import random
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from pipelines.intake.registry import Registry
from pipelines.intake.registry_check import check_registry
from pipelines.intake.registry_events import seal
from pipelines.intake.signatures import SigningKey
from schemas.errors import BuildInconsistent
from schemas.identity import canonical_json
from schemas.merkle import leaf_hash
from schemas.registry import (
    START,
    DropWithdrawn,
    EpochSealed,
    EventType,
    event_bytes,
    signed_bytes,
)
from tests.intake.registries import (
    AT,
    admission,
    admit_small,
    event_files,
    filled_registry,
    new_registry,
    small_drop,
)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return new_registry(tmp_path)


@pytest.fixture
def filled(tmp_path: Path) -> Registry:
    return filled_registry(tmp_path)


def damaged(registry: Registry) -> bool:
    """Whether events are damaged: the reading that stops and the check that tells all of it agree on that."""
    told = {finding.check for finding in check_registry(registry)} & {"events", "signatures"}
    try:
        list(registry.events())
    except BuildInconsistent:
        assert told
        return True
    assert not told
    return False


def test_any_changed_byte_of_any_event_is_found(filled: Registry):
    dice = random.Random(3)
    for path in event_files(filled):
        content = path.read_bytes()
        for place in range(0, len(content), 5):
            byte = bytes([content[place] ^ (1 << dice.randrange(8))])
            path.write_bytes(content[:place] + byte + content[place + 1 :])
            assert damaged(filled), (path.name, place)
        for broken in (b"", content[:-1], content + b"\n", content.replace(b":", b": ", 1), b"[]\n", b"\xff"):
            path.write_bytes(broken)
            assert damaged(filled)
        path.write_bytes(content)
    assert not damaged(filled)


def test_a_removed_event_is_found(filled: Registry):
    for path in event_files(filled)[:-1]:
        content = path.read_bytes()
        path.unlink()
        assert damaged(filled)
        with pytest.raises(BuildInconsistent, match=f"{path.name}: is missing"):
            seal(filled, at=AT)
        path.write_bytes(content)
    assert not damaged(filled)


def test_swapped_events_are_found(filled: Registry):
    paths = event_files(filled)
    for one, other in pairwise(paths):
        contents = one.read_bytes(), other.read_bytes()
        one.write_bytes(contents[1]), other.write_bytes(contents[0])
        assert damaged(filled)
        one.write_bytes(contents[0]), other.write_bytes(contents[1])
    assert not damaged(filled)


def test_all_damage_is_told_and_nothing_behind_it_is_blamed(filled: Registry):
    paths = event_files(filled)
    paths[1].write_bytes(b"{}")
    paths[3].unlink()
    found = [
        (finding.where, finding.message) for finding in check_registry(filled) if finding.check == "events"
    ]
    assert found == [
        ("0000000001.json", "is not an event as it was written"),
        ("0000000004.json", "1 events before it are missing"),
    ]


def rewrite(registry: Registry, key: SigningKey) -> None:
    """Another past: every event a moment earlier, chained and signed again."""
    previous = START
    for path, event in zip(event_files(registry), list(registry.events()), strict=True):
        forged = dataclasses.replace(event, previous=previous, at="2020-01-01T00:00:00Z")
        forged = dataclasses.replace(forged, signature=key.sign(signed_bytes(forged)))
        path.write_bytes(event_bytes(forged))
        previous = leaf_hash(event_bytes(forged)).hex()


def test_a_history_rewritten_with_another_key_is_found(filled: Registry, tmp_path: Path):
    """Every digest and signature in order, but not by the registry's key."""
    other = SigningKey.create(tmp_path / "other.pem")
    rewrite(filled, other)
    assert damaged(filled)
    # With registry.json rewritten too, the log agrees with itself: a key or receipt from elsewhere tells.
    about = canonical_json({"version": 1, "key": other.public}) + b"\n"
    (filled.directory / "registry.json").write_bytes(about)
    forged_log = Registry.open(filled.directory)
    assert len(list(forged_log.events())) == 5
    assert {finding.check for finding in check_registry(forged_log)} == {"heads"}
    assert "signatures" in {finding.check for finding in check_registry(forged_log, key=filled.key)}


def test_a_history_rewritten_by_the_owner_of_the_key_is_found_by_receipts(filled: Registry):
    rewrite(filled, SigningKey.read(filled.key_directory / "signing.pem"))
    assert not damaged(filled)
    found = [(finding.check, finding.message) for finding in check_registry(filled)]
    assert sorted(found) == [
        ("heads", "the first 1 events are no longer what they were"),
        ("heads", "the first 3 events are no longer what they were"),
    ]


def test_a_cut_off_end_is_found_by_a_receipt_that_saw_it(filled: Registry, tmp_path: Path):
    receipt, _ = admit_small(filled, small_drop(tmp_path / "late", salt="late"))
    kept = tmp_path / "kept.json"
    shutil.copy(receipt, kept)
    assert check_registry(filled, receipts=[kept]) == []
    for path in event_files(filled)[3:]:
        path.unlink()
    shutil.rmtree(receipt.parent)
    assert check_registry(filled) == []  # nothing here remembers
    found = [str(finding) for finding in check_registry(filled, receipts=[kept])]
    assert found == [
        "heads: kept.json: the log had 5 events and has 3: its end was cut off",
        "receipts: kept.json: its drop is not in the log",
    ]


def test_a_receipt_that_is_missing_or_another_is_found(filled: Registry):
    receipts = sorted(filled.directory.rglob("receipt.json"))
    receipts[0].unlink()
    receipts[1].write_bytes(receipts[2].read_bytes())
    found = [finding.message for finding in check_registry(filled)]
    assert sorted(found) == ["is missing", "is not the receipt that the log names"]


def test_events_that_contradict_each_other_are_found(registry: Registry):
    """Signed and chained, but no command of ours writes them."""
    registry.append(EventType.EPOCH_SEALED, EpochSealed(epoch=1), at=AT)
    gone = DropWithdrawn(partner="partner_a", drop="1" * 64, notice="2026-01-01", effective="2026-01-02")
    registry.append(EventType.DROP_WITHDRAWN, gone, at=AT)
    registry.append(EventType.DROP_ADMITTED, admission(1), at=AT)
    registry.append(EventType.DROP_ADMITTED, admission(1), at=AT)
    found = [finding.message for finding in check_registry(registry) if finding.check == "rules"]
    assert found == [
        "seals an epoch without drops",
        "seals epoch 1, which is not the open one",
        "withdraws partner_a/1111111111111111, which was not admitted",
        "admits partner_a/0000000000000000 a second time",
    ]
