"""Who looked at raw text: one line a look, appended before anything is shown; never a value.

Where a registry is given, or is known because the text lies in it, the look is an event of it too: who, when,
why, which rows (document ids or positions).
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterable, Mapping
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
        raise UsageError("--why: the registry records why raw text is looked at: say it in one line")
    body = Looked(who=_who(), why=why, command=command, of=of, rows=tuple(rows))
    append(Registry.open(registry, key=key), body, at=moment(None))


def registry_of(directory: Path) -> Path | None:
    """The registry that a drop's directory lies in (REGISTRY/drops/<partner>/<drop>); None where in none."""
    drops = directory.resolve().parent.parent
    home = drops.parent
    return home if drops.name == "drops" and (home / "registry.json").is_file() else None


def ranges(rows: Iterable[int]) -> str:
    """Row numbers in few words: 0-4,7."""
    said: list[list[int]] = []
    for row in sorted(set(rows)):
        if said and said[-1][1] == row - 1:
            said[-1][1] = row
        else:
            said.append([row, row])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in said)


def _who() -> str:
    """The name of the login that the system knows (not one that the environment claims), and its number."""
    number = os.getuid()
    try:
        import pwd

        return f"{pwd.getpwuid(number).pw_name} ({number})"
    except (ImportError, KeyError):
        return f"{getpass.getuser()} ({number})"
