"""Released builds are frozen: nothing is built over them until they are withdrawn."""

from __future__ import annotations

from pathlib import Path

import orjson

from pipelines.intake.registry import Registry
from pipelines.intake.releases import frozen
from schemas.errors import UsageError
from schemas.manifest import manifest_digest

RELEASED_JSON = "released.json"  # in BUILD.runs/: {identity, manifest, registry}


def released_manifest(build: Path) -> str | None:
    """By which manifest (SHA-256) the build in this place was released; None where nothing says so."""
    place = build.resolve()
    try:
        said = orjson.loads((place.with_name(place.name + ".runs") / RELEASED_JSON).read_bytes())
        return str(said["manifest"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return ""  # a damaged mark is of no manifest, but a mark


def check_not_frozen(build: Path, registry: Path | None) -> None:
    """Raises UsageError where the build that lies there was released, by its mark or by the registry."""
    marked = released_manifest(build) is not None
    if not marked and registry is not None and (build / "manifest.json").is_file():
        marked = frozen(Registry.open(registry), manifest_digest(build))
    if marked:
        raise UsageError(
            f"{build.name} was released and is frozen: give another -o, or withdraw it first "
            "(malmoi release withdraw)"
        )
