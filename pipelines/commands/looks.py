"""Who looked at raw text: one line a look, appended before anything is shown; never a value.

Where a registry is given, or is known because the text lies in it, the look is an event of it too: who, when,
why, which rows (document ids or positions).
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer

from schemas.errors import UsageError

Looks = Annotated[Path, typer.Option(help="Where it is written down who looked at values.")]
LOOKS = Path(".malmoi/looks.jsonl")
LookRegistry = Annotated[
    Path | None, typer.Option("--registry", help="Record the look in this registry too.")
]
LookKey = Annotated[
    Path | None,
    typer.Option("--registry-key", help="Directory of its keys; default: REGISTRY.key beside it."),
]
NO_REASON = "--why: the registry records why raw text is looked at: say it in one line"
Why = Annotated[str | None, typer.Option(help="Why you look, in one line; with --registry.")]


def record_look(path: Path, *, command: str, of: str, shown: Mapping[str, int]) -> None:
    """Append one look: when, who, by which command, at what, and how many values of each class."""
    look = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "who": _who(),
        "command": command,
        "of": of,
        "shown": dict(shown),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, orjson.dumps(look) + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def record_look_in(
    registry: Path | None, key: Path | None, *, why: str | None, command: str, of: str, rows: Iterable[str]
) -> None:
    """Append the look to a registry, if there is one; UsageError where nobody says why."""
    if registry is None:
        return
    from pipelines.commands.registry import moment
    from pipelines.intake.registry import Registry
    from pipelines.intake.releases import record_look as append
    from schemas.registry import Looked

    if not why:
        raise UsageError(NO_REASON)
    body = Looked(who=_who(), why=why, command=command, of=of, rows=tuple(rows))
    append(Registry.open(registry, key=key), body, at=moment(None))


def told_in(
    build: Path, registry: Path | None, key: Path | None, *, why: str | None, command: str, looks: Path
) -> Callable[[Mapping[str, Iterable[int]]], None]:
    """What records that the texts of some rows (by shard) are about to be written for people to read.

    In the registry that is given, or that the build was made of where it is still there.
    """
    from pipelines.engine.made import origin_of
    from schemas.manifest import read_manifest

    origin = origin_of(build.resolve())
    known = registry
    if known is None and origin is not None and origin.registry is not None:
        made_of = Path(origin.registry)
        known = made_of if (made_of / "registry.json").is_file() else None
    if known is not None and not why:
        raise UsageError(NO_REASON)

    def told(rows: Mapping[str, Iterable[int]]) -> None:
        of = f"build {read_manifest(build).identity}"
        said = {shard: list(numbers) for shard, numbers in rows.items()}
        record_look(looks, command=command, of=build.name, shown={"documents": sum(map(len, said.values()))})
        places = [f"{shard}:{ranges(numbers)}" for shard, numbers in sorted(said.items())]
        record_look_in(known, key, why=why, command=command, of=of, rows=places)

    return told


def registry_of(directory: Path) -> Path | None:
    """The registry that a drop's directory lies in (REGISTRY/drops/<partner>/<drop>); None where in none."""
    drops = directory.resolve().parent.parent
    home = drops.parent
    return home if drops.name == "drops" and (home / "registry.json").is_file() else None


def ranges(rows: Iterable[int]) -> str:
    """Row numbers in few words: 0-4,7."""
    import numpy as np

    numbers = np.unique(np.fromiter(rows, np.int64))
    if not len(numbers):
        return ""
    breaks = np.flatnonzero(np.diff(numbers) != 1)
    first = numbers[np.concatenate(([0], breaks + 1))].tolist()
    last = numbers[np.concatenate((breaks, [-1]))].tolist()
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in zip(first, last, strict=True))


def _who() -> str:
    """The name of the login that the system knows (not one that the environment claims), and its number."""
    number = os.getuid()
    try:
        import pwd

        return f"{pwd.getpwuid(number).pw_name} ({number})"
    except (ImportError, KeyError):
        return f"{getpass.getuser()} ({number})"
