"""The registry: a log that only grows, whoever writes to it, and that tells when it was touched."""

from __future__ import annotations

import dataclasses
import errno
import json
import random
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.intake.merkle import leaf_hash, root
from pipelines.intake.new_files import write_new
from pipelines.intake.registry import Registry, admitted, record_admission
from pipelines.intake.registry_check import check_registry
from pipelines.intake.registry_events import release, seal, withdraw
from pipelines.intake.signatures import SigningKey, verify_signature
from schemas.errors import BuildInconsistent, UsageError
from schemas.identity import canonical_json
from schemas.registry import (
    START,
    DropAdmitted,
    DropWithdrawn,
    EpochSealed,
    EventType,
    event_bytes,
    head_message,
    signed_bytes,
)
from tests.intake.registries import AT, admission, admit_small, small_drop, writer
from tests.laws.builds import malmoi


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry.open(tmp_path / "registry", create=True)


@pytest.fixture
def filled(registry: Registry, tmp_path: Path) -> Registry:
    """Five events: two drops with receipts, a seal, a third drop, a withdrawal."""
    for number in range(2):
        admit_small(registry, small_drop(tmp_path / f"drop{number}", salt=str(number)))
    seal(registry, at=AT)
    _, event = admit_small(registry, small_drop(tmp_path / "drop2", salt="2"))
    assert isinstance(event.body, DropAdmitted)
    withdraw(registry, partner="partner_a", drop=event.body.drop, on="2026-03-02", at=AT)
    assert check_registry(registry) == []
    return registry


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def event_files(registry: Registry) -> list[Path]:
    return sorted((registry.directory / "events").glob("[0-9]*.json"))


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


# Damage


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


# What the log means

steps = st.lists(
    st.one_of(
        st.tuples(st.just("admit"), st.integers(1, 6), st.sampled_from(["partner_a", "partner_b"])),
        st.tuples(st.just("seal")),
        st.tuples(st.just("withdraw"), st.integers(1, 6), st.integers(0, 40)),
    ),
    max_size=14,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_admitted_is_what_was_done(steps: list[tuple]):
    """Against a model: sets of drops by epoch, and the earliest effect of every notice."""
    epochs: list[set[tuple[str, str]]] = [set()]
    effects: dict[tuple[str, str], str] = {}
    with tempfile.TemporaryDirectory() as home:
        registry = Registry.open(Path(home) / "registry", create=True)
        for step in steps:
            known = set().union(*epochs)
            match step:
                case ("admit", number, partner):
                    body = admission(number, partner=partner)
                    _, new = record_admission(registry, body, at=AT)
                    assert new == ((partner, body.drop) not in known)
                    if new:
                        epochs[-1].add((partner, body.drop))
                case ("seal",):
                    assert (seal(registry, at=AT) is not None) == bool(epochs[-1])
                    if epochs[-1]:
                        epochs.append(set())
                case ("withdraw", number, day):
                    drop = ("partner_a", f"{number:064x}")
                    on = date(2026, 1, 1) + timedelta(days=day)
                    if drop not in known:
                        with pytest.raises(UsageError):
                            withdraw(registry, partner=drop[0], drop=drop[1], on=on.isoformat(), at=AT)
                        continue
                    withdraw(registry, partner=drop[0], drop=drop[1], on=on.isoformat(), at=AT)
                    effect = (on + timedelta(days=30)).isoformat()
                    effects[drop] = min(effect, effects.get(drop, effect))
        told = [
            (drop.epoch, drop.partner, drop.drop, drop.withdrawn_effective) for drop in admitted(registry)
        ]
        expected = [
            (epoch if epoch < len(epochs) - 1 else None, *drop, effects.get(drop))
            for epoch, drops in enumerate(epochs)
            for drop in sorted(drops)
        ]
        assert told == expected
        assert {finding.check for finding in check_registry(registry)} <= {"receipts"}


def test_the_order_of_admission_inside_an_epoch_means_nothing(tmp_path: Path):
    told = []
    for name, numbers in {"up": (1, 2, 3), "down": (3, 2, 1)}.items():
        registry = Registry.open(tmp_path / name, create=True)
        for number in numbers:
            record_admission(registry, admission(number), at=AT)
        seal(registry, at=AT)
        told.append([(drop.epoch, drop.partner, drop.drop) for drop in admitted(registry)])
    assert told[0] == told[1]


def test_seals_at_once_close_an_epoch_once(registry: Registry):
    record_admission(registry, admission(1), at=AT)
    commands = [
        subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", "registry", "seal", registry.directory],
            stdout=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    outputs = sorted(command.communicate(timeout=100)[0].decode() for command in commands)
    assert [command.returncode for command in commands] == [0, 0, 0]
    assert outputs[1:] == ["nothing was admitted since the last seal\n"] * 2
    assert "epoch=0" in outputs[0]


def test_a_withdrawal_names_one_drop_by_its_digest(registry: Registry):
    for number in (0xABCDEF0123 << 216, 0xABCDEF0124 << 216, 7):
        record_admission(registry, admission(number), at=AT)

    def asked(**changes: str) -> Callable[[], object]:
        words = {"partner": "partner_a", "drop": "abcdef0123", "on": "2026-03-01", "at": AT, **changes}
        return lambda: withdraw(registry, **words)

    for wrong, message in (
        (asked(partner="nobody"), "no drop of 'nobody'"),
        (asked(drop="abcdef012"), "names 2 drops"),
        (asked(drop="abcdef"), "names 0 drops"),
        (asked(drop=""), "names 0 drops"),
        (asked(on="2026-02-30"), "no day of the calendar"),
        (asked(on="20260301"), "no day of the calendar"),
    ):
        with pytest.raises(UsageError, match=message):
            wrong()
    event, new = asked()()
    assert new
    assert (event.body.notice, event.body.effective) == ("2026-03-01", "2026-03-31")
    assert asked()() == (event, False)
    assert asked(on="2026-03-05")() == (event, False)  # a later notice changes nothing
    assert asked(on="2026-02-20")()[1] is True  # an earlier one does


def test_a_build_is_released_once(registry: Registry):
    event, new = release(registry, identity="a" * 64, manifest="b" * 64, at=AT)
    assert new
    assert release(registry, identity="a" * 64, manifest="b" * 64, at=AT) == (event, False)
    assert release(registry, identity="a" * 64, manifest="c" * 64, at=AT)[1] is True


# The commands


def test_the_commands_of_the_registry_in_a_row(tmp_path: Path):
    home = tmp_path / "registry"
    made = malmoi("registry", "init", home, "--json")
    key = json.loads(made.stdout)["key"]
    assert json.loads(malmoi("registry", "init", home, "--json").stdout)["key"] == key
    registry = Registry.open(home)
    receipt, event = admit_small(registry, small_drop(tmp_path / "drop"))
    assert isinstance(event.body, DropAdmitted)
    assert b"epoch=0" in malmoi("registry", "seal", home, "--at", AT).stdout
    assert malmoi("registry", "seal", home).stdout == b"nothing was admitted since the last seal\n"
    words = ("registry", "withdraw", home, "--partner", "partner_a", "--drop", event.body.drop[:12])
    assert b"effective=2026-05-01" in malmoi(*words, "--on", "2026-04-01").stdout
    assert b"recorded before" in malmoi(*words, "--on", "2026-04-01").stdout
    log = malmoi("registry", "log", home).stdout.decode().splitlines()
    assert [line.split()[2] for line in log[:-1]] == ["drop_admitted", "epoch_sealed", "drop_withdrawn"]
    assert [entry["sequence"] for entry in json.loads(malmoi("registry", "log", home, "--json").stdout)] == [
        0,
        1,
        2,
    ]
    done = malmoi("registry", "verify", home, "--receipt", receipt, "--key", key)
    assert (done.returncode, done.stdout) == (0, b"the log is whole: 3 events\n")
    event_files(registry)[1].unlink()
    done = malmoi("registry", "verify", home, "--json")
    assert done.returncode == 1
    assert [finding["check"] for finding in json.loads(done.stdout)] == ["events"]
    done = malmoi("registry", "log", home)
    assert done.returncode == 1
    assert b"0000000001.json: is missing" in done.stderr
