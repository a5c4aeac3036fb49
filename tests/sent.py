"""drop.json for drops that tests make or change: what a sender would have written of what lies there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.intake.drop_json import write_drop_json
from schemas.drop import DROP_JSON, DropManifest, SentContract, SentFile
from schemas.identity import file_sha256


def send(
    drop: Path,
    rows: Mapping[str, int],
    *,
    partner: str = "p",
    version: str = "1.0.0",
    content_digest: str | None = None,
) -> DropManifest:
    """Write drop.json of the named files, with the bytes and digests that they have now."""
    files = (
        SentFile(path, (drop / path).stat().st_size, n, file_sha256(drop / path)) for path, n in rows.items()
    )
    contract = SentContract(version, content_digest)
    return write_drop_json(
        drop, DropManifest(version=1, partner=partner, contract=contract, period=None, files=tuple(files))
    )


def send_again(drop: Path, more: Mapping[str, int] | None = None) -> None:
    """Write drop.json again after files were changed; `more` rows by file than it said before."""
    said: dict[str, Any] = json.loads((drop / DROP_JSON).read_bytes())
    rows = {file["path"]: file["rows"] for file in said["files"]}
    for path, extra in (more or {}).items():
        rows[path] = rows.get(path, 0) + extra
    send(drop, rows, partner=said["partner"], version=said["contract"]["version"])
