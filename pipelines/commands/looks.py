"""Who looked at personal data: one line a look, appended before anything is shown; never a value."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer

Looks = Annotated[Path, typer.Option(help="Where it is written down who looked at values.")]
LOOKS = Path(".malmoi/looks.jsonl")


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


def _who() -> str:
    """The name of the login that the system knows (not one that the environment claims), and its number."""
    number = os.getuid()
    try:
        import pwd

        return f"{pwd.getpwuid(number).pw_name} ({number})"
    except (ImportError, KeyError):
        return f"{getpass.getuser()} ({number})"
