"""The life of a build in the registry, against a model and against whoever writes events by hand."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.intake.registry import Registry
from pipelines.intake.registry_check import check_registry
from pipelines.intake.releases import State, approve, frozen, publish, release_of, withdraw
from pipelines.intake.signatures import SigningKey
from schemas.errors import BuildInconsistent, MalmoiError, UsageError
from schemas.registry import BuildApproved, BuildReleased, BuildWithdrawn, EventType, ReleaseRole
from tests.intake.registries import AT, new_registry

BUILD = {"identity": "a" * 64, "manifest": "b" * 64}
OTHER = {"identity": "a" * 64, "manifest": "c" * 64}


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return new_registry(tmp_path)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SigningKey]:
    home = tmp_path_factory.mktemp("keys")
    return {name: SigningKey.create(home / f"{name}.pem") for name in ("lead", "counsel")}


def sign(registry: Registry, keys: dict, role: str, *, key: str | None = None, build: dict = BUILD):
    name = key or ("lead" if role == "data_lead" else "counsel")
    return approve(
        registry, **build, role=ReleaseRole(role), by="Kim, office", on="2026-03-01", key=keys[name], at=AT
    )


def state(registry: Registry, build: dict = BUILD) -> State:
    return release_of(registry.events(), build["manifest"]).state


def test_two_roles_with_keys_of_their_own_make_a_release(registry, keys):
    assert state(registry) is State.CANDIDATE
    with pytest.raises(UsageError, match="data_lead, counsel has not approved"):
        publish(registry, **BUILD, at=AT)
    event, new = sign(registry, keys, "data_lead")
    assert new
    assert sign(registry, keys, "data_lead") == (event, False)
    with pytest.raises(UsageError, match="counsel has not approved"):
        publish(registry, **BUILD, at=AT)
    with pytest.raises(UsageError, match="this key approved the build as data_lead"):
        sign(registry, keys, "counsel", key="lead")
    sign(registry, keys, "counsel")
    assert state(registry) is State.APPROVED
    with pytest.raises(UsageError, match="has not approved"):
        publish(registry, **OTHER, at=AT)  # an approval is of one manifest
    released, new = publish(registry, **BUILD, at=AT)
    assert new
    assert publish(registry, **BUILD, at=AT) == (released, False)
    assert frozen(registry, BUILD["manifest"])
    assert not frozen(registry, OTHER["manifest"])
    assert check_registry(registry) == []


def test_a_withdrawal_ends_a_build(registry, keys):
    with pytest.raises(UsageError, match="candidate"):
        withdraw(registry, **BUILD, reason="no", on="2026-03-02", at=AT)
    for role in ReleaseRole:
        sign(registry, keys, role.value)
    publish(registry, **BUILD, at=AT)
    event, new = withdraw(registry, **BUILD, reason="a takedown", on="2026-03-02", at=AT)
    assert new
    assert withdraw(registry, **BUILD, reason="another", on="2026-03-03", at=AT) == (event, False)
    assert state(registry) is State.WITHDRAWN
    assert not frozen(registry, BUILD["manifest"])
    for forbidden in (
        lambda: publish(registry, **BUILD, at=AT),
        lambda: approve(
            registry, **BUILD, role=ReleaseRole.COUNSEL, by="Lee", on="2026-03-04", key=keys["counsel"], at=AT
        ),
    ):
        with pytest.raises(BuildInconsistent, match=r"withdrawn on 2026-03-02 \(a takedown\)"):
            forbidden()
    assert check_registry(registry) == []


steps = st.lists(
    st.one_of(
        st.tuples(st.just("approve"), st.sampled_from(["data_lead", "counsel"]), st.sampled_from("lc")),
        st.tuples(st.just("publish")),
        st.tuples(st.just("withdraw")),
    ),
    max_size=9,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_no_way_through_the_functions_breaks_the_rules(keys, steps):
    """Against a model: who signed with which key, released, withdrawn; the log stays whole."""
    signed: dict[str, set[str]] = {"data_lead": set(), "counsel": set()}
    now = "candidate"
    with tempfile.TemporaryDirectory() as home:
        registry = Registry.open(Path(home) / "registry", create=True)
        for step in steps:
            allowed = True
            match step:
                case ("approve", role, key):
                    other = next(name for name in signed if name != role)
                    again = key in signed[role]
                    allowed = again or (now != "withdrawn" and key not in signed[other])
                    name = {"l": "lead", "c": "counsel"}[key]
                    act = lambda role=role, name=name: sign(registry, keys, role, key=name)  # noqa: E731
                    if allowed:
                        signed[role].add(key)
                case ("publish",):
                    allowed = now == "released" or (now == "candidate" and all(signed.values()))
                    act = lambda: publish(registry, **BUILD, at=AT)  # noqa: E731
                    now = "released" if allowed else now
                case _:
                    allowed = now in ("released", "withdrawn")
                    act = lambda: withdraw(registry, **BUILD, reason="so", on="2026-03-02", at=AT)  # noqa: E731
                    now = "withdrawn" if allowed else now
            if allowed:
                act()
            else:
                with pytest.raises(MalmoiError):
                    act()
        expected = "approved" if now == "candidate" and all(signed.values()) else now
        assert state(registry) == expected
        assert check_registry(registry) == []


def test_the_check_knows_the_order_of_events_written_by_hand(registry, keys):
    released = BuildReleased(**BUILD)
    withdrawn = BuildWithdrawn(**BUILD, reason="so", on="2026-03-02")
    registry.append(EventType.BUILD_WITHDRAWN, withdrawn, at=AT)
    registry.append(EventType.BUILD_RELEASED, released, at=AT)
    sign(registry, keys, "data_lead", build=OTHER)
    (approval,) = release_of(registry.events(), OTHER["manifest"]).approvals
    forged = replace(approval, role=ReleaseRole.COUNSEL)
    registry.append(EventType.BUILD_APPROVED, forged, at=AT)
    registry.append(EventType.BUILD_RELEASED, BuildReleased(**OTHER), at=AT)
    registry.append(EventType.BUILD_RELEASED, BuildReleased(**OTHER), at=AT)
    assert [(finding.where[:10], finding.message) for finding in check_registry(registry)] == [
        ("0000000000", f"withdraws {'b' * 16}, which is candidate"),
        ("0000000001", f"releases {'b' * 16}, which data_lead, counsel has not approved"),
        ("0000000001", f"releases {'b' * 16}, which was withdrawn"),
        ("0000000003", f"approves {'c' * 16} by a signature that is not its key's"),
        ("0000000004", f"releases {'c' * 16}, which counsel has not approved"),
        ("0000000005", f"releases {'c' * 16} a second time"),
        ("0000000005", f"releases {'c' * 16}, which counsel has not approved"),
    ]


def test_one_key_for_both_roles_is_no_approval(registry, keys):
    sign(registry, keys, "data_lead")
    held = approve(
        registry, **OTHER, role=ReleaseRole.COUNSEL, by="Kim", on="2026-03-01", key=keys["lead"], at=AT
    )[0].body
    assert isinstance(held, BuildApproved)
    with tempfile.TemporaryDirectory() as home:
        elsewhere = Registry.open(Path(home) / "registry", create=True)
        approve(
            elsewhere, **BUILD, role=ReleaseRole.COUNSEL, by="Kim", on="2026-03-01", key=keys["lead"], at=AT
        )
        body = next(iter(elsewhere.events())).body
    registry.append(EventType.BUILD_APPROVED, body, at=AT)
    assert state(registry) is State.CANDIDATE
