"""Whose key approves for a role: named in the log, by the registry first and by the role's own keys then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.intake.registry import Registry
from pipelines.intake.registry_check import check_registry
from pipelines.intake.releases import State, approve, publish, release_of
from pipelines.intake.role_keys import name_key, role_keys
from pipelines.intake.signatures import SigningKey
from schemas.errors import UsageError
from schemas.registry import BuildApproved, EventType, KeyNamed, ReleaseRole, key_message, release_message
from tests.intake.registries import AT, new_registry
from tests.laws.builds import malmoi_here

BUILD = {"identity": "a" * 64, "manifest": "b" * 64}
LEAD, COUNSEL = ReleaseRole.DATA_LEAD, ReleaseRole.COUNSEL
NOW = AT[:10]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return new_registry(tmp_path)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SigningKey]:
    home = tmp_path_factory.mktemp("keys")
    return {name: SigningKey.create(home / f"{name}.pem") for name in ("lead", "counsel", "spare", "mallory")}


def named(registry: Registry, role: ReleaseRole, key: SigningKey, **more: object):
    options = {"name": "somebody", "since": "2026-01-01", "until": None, "signer": None, "at": AT, **more}
    return name_key(registry, role=role, key=key.public, **options)


def sign(registry: Registry, role: ReleaseRole, key: SigningKey, on: str = NOW):
    return approve(registry, **BUILD, role=role, by="x", on=on, key=key, at=AT)


def findings(registry: Registry) -> str:
    return "\n".join(map(str, check_registry(registry)))


def test_from_the_first_named_key_on_no_other_approves(registry, keys):
    named(registry, COUNSEL, keys["counsel"])
    with pytest.raises(UsageError, match="not named for counsel"):
        sign(registry, COUNSEL, keys["mallory"])
    sign(registry, COUNSEL, keys["counsel"])
    sign(registry, LEAD, keys["mallory"])  # nobody said whose that role is
    publish(registry, **BUILD, at=AT)
    assert check_registry(registry) == []


def test_what_was_approved_before_stands(registry, keys):
    sign(registry, COUNSEL, keys["mallory"])
    named(registry, COUNSEL, keys["counsel"])
    sign(registry, LEAD, keys["lead"])
    assert release_of(registry.events(), BUILD["manifest"]).state is State.APPROVED
    assert check_registry(registry) == []


def test_later_keys_are_named_by_the_roles_own_and_not_by_the_registrys(registry, keys):
    first = named(registry, COUNSEL, keys["counsel"])
    assert named(registry, COUNSEL, keys["counsel"]) == (first[0], False)
    for signer in (None, keys["mallory"], keys["spare"]):
        with pytest.raises(UsageError, match="none of its keys has signed"):
            named(registry, COUNSEL, keys["spare"], signer=signer)
    named(registry, COUNSEL, keys["spare"], signer=keys["counsel"])
    with pytest.raises(UsageError, match="another role's"):
        named(registry, LEAD, keys["counsel"])
    # the first is lost: the spare ends it
    named(registry, COUNSEL, keys["counsel"], until=NOW, signer=keys["spare"])
    for on in (NOW, "2026-01-02"):  # an approval that is dated back too
        with pytest.raises(UsageError, match="not named for counsel"):
            sign(registry, COUNSEL, keys["counsel"], on=on)
    with pytest.raises(UsageError, match="none of its keys has signed"):
        named(registry, COUNSEL, keys["mallory"], signer=keys["counsel"])
    sign(registry, COUNSEL, keys["spare"])
    assert check_registry(registry) == []


def test_a_key_approves_nothing_before_its_day(registry, keys):
    named(registry, COUNSEL, keys["counsel"], since="2099-01-01")
    with pytest.raises(UsageError, match="not named for counsel"):
        sign(registry, COUNSEL, keys["counsel"])


def test_events_that_whoever_holds_the_registrys_key_writes_are_found_and_say_nothing(registry, keys):
    named(registry, COUNSEL, keys["counsel"])
    mallory = keys["mallory"]
    said = (COUNSEL, "Mallory", mallory.public, "2026-01-01", None)
    body = KeyNamed(*said, signer=mallory.public, signed=mallory.sign(key_message(*said)))
    registry.append(EventType.KEY_NAMED, body, at=AT)
    assert "none of its keys has signed" in findings(registry)
    other = replace(body, signer=keys["counsel"].public)
    registry.append(EventType.KEY_NAMED, other, at=AT)
    assert "a signature that is not its signer's" in findings(registry)
    assert set(role_keys(registry.events()).named) == {(COUNSEL, keys["counsel"].public)}
    signed = mallory.sign(release_message(BUILD["manifest"], BUILD["identity"], COUNSEL, "x", NOW))
    forged = BuildApproved(**BUILD, role=COUNSEL, by="x", on=NOW, key=mallory.public, signed=signed)
    registry.append(EventType.BUILD_APPROVED, forged, at=AT)
    assert "a key that is not named for counsel" in findings(registry)
    assert release_of(registry.events(), BUILD["manifest"]).approvals == ()


def test_through_the_command_line(registry, keys, tmp_path):
    words = ("registry", "key", registry.directory, "--role", "counsel", "--name", "Lee, counsel")
    words = (*words, "--public", keys["counsel"].public, "--since", "2026-01-01", "--at", AT)
    done = malmoi_here(*words)
    assert done.returncode == 0, done.stderr
    assert b"key_named" in done.stdout
    assert b"recorded before" in malmoi_here(*words).stdout
    assert malmoi_here(*words[:-4], "--since", "soon").returncode == 2
    (place,) = [number for number, word in enumerate(words) if word == "--public"]
    assert malmoi_here(*words[: place + 1], "beef", *words[place + 2 :]).returncode == 2
    assert malmoi_here("registry", "verify", registry.directory).returncode == 0
