"""Which models saw a document: for `malmoi trace`, which loads nothing of the registry where nobody asks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipelines.commands.printing import existing
from schemas.errors import UsageError

if TYPE_CHECKING:
    from pipelines.finished.exposure import DocumentList, Exposure


def seen_by(
    build: Path, doc_id: str, registry: Path, left_out: Path | None, list_key: str | None
) -> tuple[Exposure, ...]:
    """Who saw a document."""
    from pipelines.finished.exposure import exposures
    from pipelines.finished.releases import state_of
    from pipelines.intake.registry import Registry

    trainings = state_of(Registry.open(registry), build).trainings
    return exposures(build, doc_id, trainings, left_out=document_list(left_out, list_key))


def print_seen(seen: tuple[Exposure, ...]) -> None:
    """One line a training."""
    for one in seen:
        where = f"{one.model}, steps {one.first_step} to {one.last_step}"
        more = f" and {len(one.steps) - 20} more" if len(one.steps) > 20 else ""
        shown = ", ".join(map(str, one.steps[:20])) + more
        said = f"{one.tokens} tokens at steps {shown}" if one.steps else "not seen"
        typer.echo(f"{'seen by':>20}  {where}: {one.unknown or said}")


def document_list(path: Path | None, key: str | None) -> DocumentList | None:
    """A signed list of documents, as the options name it; UsageError where nobody says whose key signs it."""
    from pipelines.finished.exposure import DocumentList

    if path is None:
        return None
    if key is None:
        raise UsageError("--list-key: say which public key signs the list of documents")
    return DocumentList(existing(path), key)
