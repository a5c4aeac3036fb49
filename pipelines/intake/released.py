"""Whether a build is one that a registry released: its manifest's digest stands in the log, signed."""

from __future__ import annotations

from pathlib import Path

from pipelines.intake.registry import Registry
from schemas.errors import BuildInconsistent
from schemas.manifest import manifest_digest, read_manifest
from schemas.registry import BuildReleased, RecordFinding


def check_released(registry: Path, build: Path) -> tuple[RecordFinding, ...]:
    """Why the build is none that was released, or nothing. Raises what opening a registry raises.

    An iteration to the log's end has seen its chain whole and its last event signed.
    """
    try:
        digest, identity = manifest_digest(build), read_manifest(build).identity
    except (BuildInconsistent, OSError) as error:
        return (RecordFinding("released", "manifest.json", str(error)),)
    released = [one.body for one in Registry.open(registry).events() if isinstance(one.body, BuildReleased)]
    if any(body.manifest == digest and body.identity == identity for body in released):
        return ()
    if any(body.identity == identity for body in released):
        message = "is not the manifest that the registry released for this recipe, drops and code"
    else:
        message = "is no build that the registry released: see 'malmoi registry log'"
    return (RecordFinding("released", "manifest.json", message),)
