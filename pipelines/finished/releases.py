"""Builds that leave the house: what is approved is what lies there, and what was released stays as it is.

BUILD.runs/released.json (outside the build, which holds nothing else) says that a build was released and by
which manifest, so that it is known without the registry too; the registry is what decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from pipelines.engine.files import write_whole
from pipelines.engine.frozen import RELEASED_JSON, released_manifest
from pipelines.engine.runs import beside
from pipelines.intake.registry import Registry
from pipelines.intake.releases import Release, State, check_approved, publish, release_of, withdraw
from pipelines.lineage.finding import Finding
from pipelines.lineage.verify import verify
from schemas.errors import BuildInconsistent
from schemas.identity import canonical_json
from schemas.manifest import manifest_digest, read_manifest
from schemas.registry import BuildReleased, Event


@dataclass(frozen=True)
class Named:
    """A build as the registry names it."""

    identity: str
    manifest: str  # SHA-256 of manifest.json


def named(build: Path) -> Named:
    """Of a build on disk; raises BuildInconsistent where manifest.sha256 says another."""
    identity = read_manifest(build).identity
    digest = manifest_digest(build)
    try:
        said = (build / "manifest.sha256").read_text(encoding="ascii").split()[:1]
    except (OSError, UnicodeDecodeError):
        said = []
    if said != [digest]:
        raise BuildInconsistent(
            f"{build.name}/manifest.sha256 is not the digest of manifest.json: run `malmoi verify`"
        )
    return Named(identity, digest)


def publish_build(registry: Registry, build: Path, *, on: str, at: str) -> tuple[Event, bool]:
    """Release an approved build, once all of it was verified with the rights of the day.

    Raises BuildInconsistent with what verify finds, UsageError where a role has not approved it.
    """
    found = named(build)
    known = release_of(registry.events(), found.manifest)
    if known.state is State.CANDIDATE:
        check_approved(known)  # before all of the build is read
    if findings := verify(build, on=on):
        shown = "; ".join(str(finding) for finding in findings[:3])
        raise BuildInconsistent(
            f"{build.name}: {len(findings)} findings, so it is not released: {shown}: see 'malmoi verify'"
        )
    event, new = publish(registry, identity=found.identity, manifest=found.manifest, at=at)
    content = {"identity": found.identity, "manifest": found.manifest, "registry": str(registry.directory)}
    write_whole(beside(build.resolve()) / RELEASED_JSON, canonical_json(content) + b"\n")
    return event, new


def withdraw_build(registry: Registry, build: Path, *, reason: str, on: str, at: str) -> tuple[Event, bool]:
    """Take a released build back; it may then be built over."""
    found = named(build)
    event, new = withdraw(
        registry, identity=found.identity, manifest=found.manifest, reason=reason, on=on, at=at
    )
    (beside(build.resolve()) / RELEASED_JSON).unlink(missing_ok=True)
    return event, new


def state_of(registry: Registry, build: Path) -> Release:
    """What the registry says of the build that lies there."""
    return release_of(registry.events(), named(build).manifest)


def release_findings(build: Path, registry: Registry | None) -> Iterator[Finding]:
    """Whether a build is still the one that was released, by the mark beside it and by a registry."""
    try:
        digest = manifest_digest(build)
    except OSError:
        return  # verify has said so
    marked = released_manifest(build)
    if marked is not None and marked != digest:
        yield Finding("release", "manifest.json", f"was released as {marked[:16]} and has been changed since")
    if registry is None:
        return
    events = list(registry.events())
    here = release_of(events, digest)
    if here.state is State.WITHDRAWN and here.withdrawn is not None:
        yield Finding(
            "release", "manifest.json", f"was withdrawn on {here.withdrawn.on}: {here.withdrawn.reason}"
        )
    elif here.state is not State.RELEASED:
        where = f"the registry has it as {here.state}"
        if others := sorted(_released_with(events, _identity(build)) - {digest}):
            where = f"the registry released this identity as {others[0][:16]}: it has been changed since"
        yield Finding("release", "manifest.json", where)


def _released_with(events: list[Event], identity: str) -> set[str]:
    bodies = [event.body for event in events if isinstance(event.body, BuildReleased)]
    return {body.manifest for body in bodies if body.identity == identity}


def _identity(build: Path) -> str:
    """What a manifest says of itself; `read_manifest` would refuse one that was changed."""
    try:
        return str(orjson.loads((build / "manifest.json").read_bytes())["identity"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
