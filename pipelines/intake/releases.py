"""The life of a build in the registry: candidate, approved by two roles, released, withdrawn; trained on.

Builds are named by identity and the SHA-256 of their manifest; nothing here reads one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipelines.intake.registry import Registry
from pipelines.intake.role_keys import RoleKeys, role_keys
from pipelines.intake.signatures import SigningKey
from schemas.days import checked_day
from schemas.errors import BuildInconsistent, UsageError
from schemas.registry import (
    Body,
    BuildApproved,
    BuildReleased,
    BuildWithdrawn,
    Event,
    KeyNamed,
    Looked,
    ReleaseRole,
    TrainingRecorded,
    release_message,
)
from schemas.signatures import verify_signature


class State(StrEnum):
    """Where a build stands."""

    CANDIDATE = "candidate"
    APPROVED = "approved"  # by both roles
    RELEASED = "released"  # and frozen
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Release:
    """What the log says of one build."""

    manifest: str
    state: State
    approvals: tuple[BuildApproved, ...]  # whose signature holds, by keys of their roles, in the log's order
    released_at: str | None
    withdrawn: BuildWithdrawn | None
    trainings: tuple[TrainingRecorded, ...]


def release_of(events: Iterable[Event], manifest: str) -> Release:
    """The life of a build so far; a build that the log does not know is a candidate."""
    approvals: list[BuildApproved] = []
    released_at, withdrawn = None, None
    trainings: list[TrainingRecorded] = []
    keys = RoleKeys()
    for event in events:
        match event.body:
            case KeyNamed():
                keys.take(event)
            case BuildApproved() as body if body.manifest == manifest and approval_holds(body):
                if keys.may_approve(body, event.at):
                    approvals.append(body)
            case BuildReleased() as body if body.manifest == manifest:
                released_at = released_at or event.at
            case BuildWithdrawn() as body if body.manifest == manifest:
                withdrawn = withdrawn or body
            case TrainingRecorded() as body if body.manifest == manifest:
                trainings.append(body)
    if withdrawn is not None:
        state = State.WITHDRAWN
    elif released_at is not None:
        state = State.RELEASED
    else:
        state = State.CANDIDATE if lacking(approvals) else State.APPROVED
    return Release(manifest, state, tuple(approvals), released_at, withdrawn, tuple(trainings))


def lacking(approvals: Sequence[BuildApproved]) -> tuple[ReleaseRole, ...]:
    """The roles that have not approved with a key of their own; none where all have."""
    keys = {role: {one.key for one in approvals if one.role is role} for role in ReleaseRole}
    absent = tuple(role for role, found in keys.items() if not found)
    if not absent and len(set().union(*keys.values())) < len(keys):
        return (ReleaseRole.COUNSEL,)  # one key for both is one person
    return absent


def approval_holds(body: BuildApproved) -> bool:
    """Whether an approval's signature is that of its key over what it says."""
    message = release_message(body.manifest, body.identity, body.role, body.by, body.on)
    return verify_signature(key=body.key, message=message, signature=body.signed)


def approve(
    registry: Registry,
    *,
    identity: str,
    manifest: str,
    role: ReleaseRole,
    by: str,
    on: str,
    key: SigningKey,
    at: str,
) -> tuple[Event, bool]:
    """Record that somebody approves a build: (the event, whether it is new).

    Raises UsageError where the other role approved with this key or the registry names others for the role,
    BuildInconsistent where the build was withdrawn.
    """
    message = release_message(manifest, identity, role, by, checked_day(on))
    body = BuildApproved(
        identity=identity,
        manifest=manifest,
        role=role,
        by=by,
        on=on,
        key=key.public,
        signed=key.sign(message),
    )
    earlier: list[Event] = []

    def decide(events: Sequence[Event]) -> Body | None:
        earlier.extend(event for event in events if event.body == body)
        if earlier:
            return None
        found = release_of(events, manifest)
        _check_not_withdrawn(found)
        if not role_keys(events).may_approve(body, at):
            raise UsageError(
                f"this key is not named for {role} on {on}: approve with one that is, or have it named "
                "(malmoi registry key)"
            )
        if any(one.key == body.key and one.role is not role for one in found.approvals):
            raise UsageError(
                f"this key approved the build as {_other(role)}: two roles are two people, each with a key"
            )
        return body

    event = registry.append_if(decide, at=at)
    return (earlier[0], False) if event is None else (event, True)


def check_approved(found: Release) -> None:
    """Raise UsageError where a role has not approved a build."""
    if absent := lacking(found.approvals):
        raise UsageError(
            f"the build is a candidate: {', '.join(absent)} has not approved it with a key of their own: "
            "malmoi release approve"
        )


def publish(registry: Registry, *, identity: str, manifest: str, at: str) -> tuple[Event, bool]:
    """Record that an approved build leaves the house: (the event, whether it is new).

    Raises UsageError where a role has not approved it, or it was withdrawn.
    """
    body = BuildReleased(identity=identity, manifest=manifest)
    earlier: list[Event] = []

    def decide(events: Sequence[Event]) -> Body | None:
        found = release_of(events, manifest)
        _check_not_withdrawn(found)
        earlier.extend(event for event in events if event.body == body)
        if earlier:
            return None
        check_approved(found)
        return body

    event = registry.append_if(decide, at=at)
    return (earlier[0], False) if event is None else (event, True)


def withdraw(
    registry: Registry, *, identity: str, manifest: str, reason: str, on: str, at: str
) -> tuple[Event, bool]:
    """Record that a released build is taken back; once. UsageError where it was never released."""
    body = BuildWithdrawn(identity=identity, manifest=manifest, reason=reason, on=checked_day(on))
    earlier: list[Event] = []

    def decide(events: Sequence[Event]) -> Body | None:
        found = release_of(events, manifest)
        earlier.extend(
            event
            for event in events
            if isinstance(event.body, BuildWithdrawn) and event.body.manifest == manifest
        )
        if found.state is not State.RELEASED and not earlier:
            raise UsageError(f"the build is {found.state}, and only a released one can be withdrawn")
        return None if earlier else body

    event = registry.append_if(decide, at=at)
    return (earlier[0], False) if event is None else (event, True)


def record_training(registry: Registry, body: TrainingRecorded, *, at: str) -> tuple[Event, bool]:
    """Record which steps of a build a model was trained on; the same facts once."""
    if body.first_step > body.last_step:
        raise UsageError(f"steps {body.first_step} to {body.last_step}: name the earlier one first")
    return registry.append_once(body, at=at, same=lambda event: event.body == body)


def record_look(registry: Registry, body: Looked, *, at: str) -> Event:
    """Record a look at raw text; every look is an event of its own."""
    return registry.append_once(body, at=at, same=lambda _: False)[0]


def frozen(registry: Registry, manifest: str) -> bool:
    """Whether a build was released and not withdrawn."""
    return release_of(registry.events(), manifest).state is State.RELEASED


def against_order(event: Event, before: Sequence[Event]) -> Iterator[str]:
    """What is wrong with an event in the life of a build, given all of it and of keys before, in order."""
    match event.body:
        case BuildApproved() as body:
            if not approval_holds(body):
                yield f"approves {body.manifest[:16]} by a signature that is not its key's"
            if not role_keys(before).may_approve(body, event.at):
                yield f"approves {body.manifest[:16]} by a key that is not named for {body.role}"
            yield from _after_end(release_of(before, body.manifest), "approves")
        case BuildReleased() as body:
            found = release_of(before, body.manifest)
            yield from _after_end(found, "releases")
            if found.state is State.RELEASED:
                yield f"releases {body.manifest[:16]} a second time"
            if absent := lacking(found.approvals):
                yield f"releases {body.manifest[:16]}, which {', '.join(absent)} has not approved"
        case BuildWithdrawn() as body:
            if (state := release_of(before, body.manifest).state) is not State.RELEASED:
                yield f"withdraws {body.manifest[:16]}, which is {state}"
        case TrainingRecorded() as body if body.first_step > body.last_step:
            yield "records a training whose last step is before its first"


def _after_end(found: Release, verb: str) -> Iterator[str]:
    if found.state is State.WITHDRAWN:
        yield f"{verb} {found.manifest[:16]}, which was withdrawn"


def _check_not_withdrawn(found: Release) -> None:
    if found.withdrawn is not None:
        raise BuildInconsistent(
            f"the build was withdrawn on {found.withdrawn.on} ({found.withdrawn.reason}): make a new one"
        )


def _other(role: ReleaseRole) -> str:
    return next(other for other in ReleaseRole if other is not role).value
