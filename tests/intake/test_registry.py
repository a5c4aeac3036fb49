"""The registry's log: whole events in one chain, whoever writes, is killed or runs out of disk."""

from __future__ import annotations

import dataclasses
import errno
import json
import random
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.intake.new_files import write_new
from pipelines.intake.registry import Registry, record_admission
from pipelines.intake.registry_check import check_registry
from pipelines.intake.registry_events import seal
from pipelines.intake.registry_hints import claim
from schemas.errors import BuildInconsistent, UsageError
from schemas.identity import canonical_json
from schemas.merkle import leaf_hash, root
from schemas.registry import (
    START,
    EventType,
    head_message,
)
from schemas.signatures import verify_signature
from tests.intake.registries import (
    AT,
    admission,
    event_files,
    filled_registry,
    new_registry,
    writer,
)
from tests.laws.builds import malmoi


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return new_registry(tmp_path)


@pytest.fixture
def filled(tmp_path: Path) -> Registry:
    return filled_registry(tmp_path)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


# The log by itself


def test_an_event_is_a_file_chained_to_the_one_before_and_signed(registry: Registry):
    events = [registry.append(EventType.DROP_ADMITTED, admission(number), at=AT) for number in range(3)]
    assert list(registry.events()) == events
    assert [path.name for path in event_files(registry)] == [f"{number:010}.json" for number in range(3)]
    previous = START
    for event, path in zip(events, event_files(registry), strict=True):
        content = path.read_bytes()
        stored = json.loads(content)
        assert content == canonical_json(stored) + b"\n"
        assert stored["previous"] == event.previous == previous
        unsigned = {name: value for name, value in stored.items() if name != "signature"}
        message = b"malmoi registry event 1\n" + canonical_json(unsigned)
        assert verify_signature(key=registry.key, message=message, signature=stored["signature"])
        previous = leaf_hash(content).hex()


def test_the_head_is_the_signed_root_over_the_files(registry: Registry):
    for number in range(7):
        leaves = [path.read_bytes() for path in event_files(registry)]
        head = registry.head()
        assert (head.size, head.root, head.key) == (number, root(leaves).hex(), registry.key)
        message = head_message(head.size, head.root)
        assert verify_signature(key=head.key, message=message, signature=head.signature)
        assert registry.head(head.size) == head
        registry.append(EventType.DROP_ADMITTED, admission(number), at=AT)
        assert registry.head(head.size) == head
    with pytest.raises(UsageError, match="has 7 events, not 8"):
        registry.head(8)


def test_the_keys_lie_apart_from_the_log_and_are_their_owners_alone(registry: Registry):
    keys = registry.directory.with_name("registry.key")
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in keys.iterdir()} == {
        "signing.pem": 0o600,
        "secret": 0o600,
    }
    assert len(registry.secret()) == 32
    registry.append(EventType.DROP_ADMITTED, admission(1), at=AT)
    private = [registry.secret(), registry.secret().hex().encode()]
    private += [
        line for line in (keys / "signing.pem").read_bytes().split(b"\n") if b"-" not in line and line
    ]
    for path in registry.directory.rglob("*.json"):
        assert not any(part in path.read_bytes() for part in private)


def test_the_keys_may_lie_elsewhere_and_the_log_is_read_without_them(tmp_path: Path):
    made = Registry.open(tmp_path / "registry", create=True, key=tmp_path / "vault")
    event = made.append(EventType.DROP_ADMITTED, admission(1), at=AT)
    assert not (tmp_path / "registry.key").exists()
    without = Registry.open(tmp_path / "registry")
    assert list(without.events()) == [event]
    assert [finding.check for finding in check_registry(without)] == ["receipts"]
    for wants_a_key in (without.head, without.secret, lambda: seal(without, at=AT)):
        with pytest.raises(UsageError, match="--key"):
            wants_a_key()
    assert Registry.open(tmp_path / "registry", key=tmp_path / "vault").secret() == made.secret()


def test_opening_twice_makes_nothing_new_and_another_key_may_not_write(tmp_path: Path, registry: Registry):
    assert Registry.open(registry.directory, create=True).secret() == registry.secret()
    other = Registry.open(tmp_path / "other", create=True)
    stranger = Registry.open(registry.directory, key=other.key_directory)
    with pytest.raises(UsageError, match="holds another key"):
        stranger.append(EventType.DROP_ADMITTED, admission(1), at=AT)
    assert event_files(registry) == []


def test_what_is_no_registry_is_said(tmp_path: Path, registry: Registry):
    with pytest.raises(UsageError, match="malmoi registry init"):
        Registry.open(tmp_path / "none")
    for content in (
        b"",
        b"{}",
        b"[1]",
        b'{"version":2,"key":"' + b"a" * 64 + b'"}',
        b'{"version":1,"key":"A"}',
    ):
        (registry.directory / "registry.json").write_bytes(content)
        with pytest.raises(UsageError, match="version 1"):
            Registry.open(registry.directory, create=True)


def test_an_event_of_another_form_is_not_written(registry: Registry):
    with pytest.raises(UsageError, match="at"):
        registry.append(EventType.DROP_ADMITTED, admission(1), at="1 March")
    with pytest.raises(UsageError, match="no body"):
        registry.append(EventType.EPOCH_SEALED, admission(1), at=AT)
    for changes in ({"drop": "short"}, {"partner": "../up"}, {"partner": "a/b"}, {"notice_days": -1}):
        with pytest.raises(ValueError, match="validation error"):
            dataclasses.replace(admission(1), **changes)
    assert names(registry.directory / "events") == []


# Any number of writers


def test_eight_processes_append_fifty_events_each_and_none_is_lost(tmp_path: Path):
    """The registry is not there at first: they make it together, with one key."""
    writers = [writer(tmp_path / "registry", first=100 * number, count=50) for number in range(8)]
    for process in writers:
        _, error = process.communicate(timeout=200)
        assert process.returncode == 0, error.decode()
    registry = Registry.open(tmp_path / "registry")
    events = list(registry.events())
    assert sorted(int(event.body.drop, 16) for event in events) == [
        100 * number + step for number in range(8) for step in range(50)
    ]
    assert {finding.check for finding in check_registry(registry)} <= {"receipts"}  # there are none
    assert names(registry.directory / "events") == [f"{number:010}.json" for number in range(400)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["registry", "registry.key"]


def test_the_same_drops_admitted_by_many_at_once_are_in_the_log_once(tmp_path: Path):
    writers = [writer(tmp_path / "registry", first=0, count=25) for _ in range(6)]
    for process in writers:
        _, error = process.communicate(timeout=200)
        assert process.returncode == 0, error.decode()
    events = list(Registry.open(tmp_path / "registry").events())
    assert [int(event.body.drop, 16) for event in events] == list(range(25))


def test_an_append_reads_as_much_of_a_long_log_as_of_a_short_one(registry: Registry, monkeypatch):
    """Its own end, however long it is; what is in the log already is found in it."""
    read: list[str] = []
    real = Path.read_bytes

    def counted(path: Path) -> bytes:
        if path.parent.name == "events":
            read.append(path.name)
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", counted)
    record_admission(registry, admission(0), at=AT)
    monkeypatch.setattr(Registry, "event_names", lambda _: pytest.fail("lists the whole log"))
    for number in range(1, 40):
        read.clear()
        event, new = record_admission(registry, admission(number), at=AT)
        looked = [f"{number - 1:010}.json", f"{number:010}.json"]  # the last, and whether one came behind it
        assert (new, event.sequence, read) == (True, number, looked)
    monkeypatch.undo()
    assert record_admission(registry, admission(7), at=AT)[1] is False
    (registry.directory / "tail.json").write_bytes((registry.directory / "tail.json").read_bytes()[:9])
    assert record_admission(registry, admission(40), at=AT)[0].sequence == 40
    assert [int(event.body.drop, 16) for event in registry.events()] == list(range(41))


def test_a_claim_whose_writer_was_killed_and_a_registry_without_claims_go_by_the_log(registry: Registry):
    body = admission(1)
    assert claim(registry.directory, ["admitted", body.partner, body.drop, body.contract])
    assert record_admission(registry, body, at=AT)[1] is True
    assert record_admission(registry, body, at=AT)[1] is False
    shutil.rmtree(registry.directory / "claims")
    assert record_admission(registry, body, at=AT)[1] is False
    assert record_admission(registry, admission(2), at=AT)[1] is True


@pytest.mark.parametrize("damage", ["cut off", "altered", "gap"])
def test_nothing_is_appended_to_an_end_that_is_damaged(registry: Registry, damage: str):
    for number in range(4):
        record_admission(registry, admission(number), at=AT)
    tail, early = registry.directory / "tail.json", event_files(registry)[0]
    if damage == "cut off":
        event_files(registry)[3].unlink()
    elif damage == "altered":
        event_files(registry)[3].write_bytes(event_files(registry)[3].read_bytes().replace(b"30", b"31", 1))
    else:
        digest = leaf_hash(early.read_bytes()).hex()
        tail.write_bytes(canonical_json({"sequence": 0, "digest": digest}))
        event_files(registry)[1].unlink()
    with pytest.raises(BuildInconsistent, match="events/"):
        registry.append(EventType.DROP_ADMITTED, admission(9), at=AT)
    assert len(event_files(registry)) == (4 if damage == "altered" else 3)


def test_writers_killed_at_any_moment_leave_whole_events_only(tmp_path: Path):
    registry = Registry.open(tmp_path / "registry", create=True)
    dice = random.Random(5)
    for round_ in range(4):
        before = len(registry.event_names())
        writers = [
            writer(registry.directory, first=10_000 * (round_ * 2 + number), count=9_999)
            for number in range(2)
        ]
        deadline = time.monotonic() + 60
        while len(registry.event_names()) < before + 4 and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(dice.random() / 20)
        for process in writers:
            process.kill()
            process.communicate()
        events = list(registry.events())
        assert len(events) == len(registry.event_names()) >= before + 4
        assert {finding.check for finding in check_registry(registry)} == {"receipts"}
    assert record_admission(registry, events[-1].body, at=AT) == (events[-1], False)
    assert record_admission(registry, admission(9_999_999), at=AT)[1] is True


def test_a_name_is_given_once_and_never_without_its_content(tmp_path: Path):
    assert write_new(tmp_path / "a", b"first")
    assert not write_new(tmp_path / "a", b"second")
    assert (tmp_path / "a").read_bytes() == b"first"
    assert names(tmp_path) == ["a"]


def test_strays_of_killed_writers_are_nothing(filled: Registry):
    events = filled.directory / "events"
    (events / ".0000000005.json.x7f3").write_bytes(b'{"at":"20')
    (events / "0000000009.json.swp").write_bytes(b"")
    (events / "notes.txt").write_bytes(b"")
    assert len(list(filled.events())) == 5
    assert check_registry(filled) == []
    assert seal(filled, at=AT).sequence == 5


# A full disk


def limited(*words: str | Path) -> subprocess.CompletedProcess[bytes]:
    """The real command line in a process that may not write a byte to a file."""
    command = ["bash", "-c", 'ulimit -f 0; exec "$@"', "-", sys.executable, "-m", "pipelines.cli"]
    return subprocess.run([*command, *map(str, words)], capture_output=True, check=False, timeout=100)


def test_where_nothing_can_be_written_nothing_is_registered(filled: Registry, tmp_path: Path):
    before = sorted(path.name for path in filled.directory.rglob("*"))
    done = limited("registry", "seal", filled.directory)
    assert done.returncode == 2
    assert f"errno {errno.EFBIG}" in done.stderr.decode()
    assert sorted(path.name for path in filled.directory.rglob("*")) == before
    assert check_registry(filled) == []
    assert malmoi("registry", "seal", filled.directory).returncode == 0
    assert len(list(filled.events())) == 6
    assert limited("registry", "init", tmp_path / "new").returncode == 2
    assert not (tmp_path / "new.key").exists()
    assert Registry.open(tmp_path / "new", create=True).head().size == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB; skips where this user may not mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a tmpfs")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_disk_that_fills_up_leaves_a_whole_log_that_goes_on_when_there_is_room(small_disk: Path):
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(64 << 10))
    registry = Registry.open(small_disk / "registry", create=True)

    def fill() -> None:
        for number in range(1000):
            record_admission(registry, admission(number), at=AT)

    with pytest.raises(OSError, match="No space left"):
        fill()
    count = len(list(registry.events()))
    assert 10 < count < 100
    assert names(registry.directory / "events") == [f"{n:010}.json" for n in range(count)]
    ballast.unlink()
    assert record_admission(registry, admission(count - 1), at=AT)[1] is False
    assert record_admission(registry, admission(count), at=AT)[1] is True
