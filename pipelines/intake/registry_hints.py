"""What spares an append the reading of the log: where it ends, and what may stand in it once.

tail.json names an event that was the last when somebody appended it. claims/<digest> is made before the event
that may stand in the log once, so without it no such event is there. Neither is part of the log: a tail that
lags is walked on from, a claim without its event (its writer was killed) sends the next one to the log
itself, and a registry without claims/ is read whole.
"""

from __future__ import annotations

from pathlib import Path

import orjson

from pipelines.intake.new_files import replace_file, write_new
from schemas.identity import canonical_json, fingerprint
from schemas.registry import Event

CLAIMS = "claims"
_TAIL = "tail.json"


def noted_tail(registry: Path) -> tuple[int, str] | None:
    """Sequence number and digest of an event near the log's end; None where nobody has noted one."""
    try:
        noted = orjson.loads((registry / _TAIL).read_bytes())
    except (OSError, ValueError):
        return None
    match noted:
        case {"sequence": int(sequence), "digest": str(digest)} if sequence >= 0:
            return sequence, digest
    return None


def note_tail(registry: Path, event: Event) -> None:
    """Note an event that was just appended. Of two writers at once either may stay: both are in the log."""
    noted = {"sequence": event.sequence, "digest": event.digest}
    replace_file(registry / _TAIL, canonical_json(noted) + b"\n")


def claim(registry: Path, once: object) -> bool:
    """Whether nobody before had this to append. False where somebody may have, or claims are not kept."""
    path = registry / CLAIMS / fingerprint(once)
    return path.parent.is_dir() and not path.exists() and write_new(path, b"")
