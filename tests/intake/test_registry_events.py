"""What the log means, and the commands that write to it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.intake.registry import Registry, admitted, record_admission
from pipelines.intake.registry_check import check_registry
from pipelines.intake.registry_events import seal, withdraw
from schemas.errors import UsageError
from schemas.registry import (
    DropAdmitted,
)
from tests.intake.registries import (
    AT,
    admission,
    admit_small,
    event_files,
    new_registry,
    small_drop,
)
from tests.laws.builds import malmoi


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return new_registry(tmp_path)


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
