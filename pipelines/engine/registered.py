"""What a registry says a build is made from: sealed drops that nobody withdrew, and what was taken down."""

from __future__ import annotations

from pathlib import Path

from pipelines.engine.drops import DropPlace
from pipelines.intake.registry import Registry, admitted
from schemas.registry import Takedown


def registered_drops(
    registry: Registry, *, root: Path, partners: tuple[str, ...], day: str
) -> tuple[DropPlace, ...]:
    """The drops of sealed epochs, without those whose withdrawal has taken effect by the day."""
    return tuple(
        DropPlace(drop.partner, root, drop.epoch, drop.receipt.parent)
        for drop in admitted(registry)
        if drop.epoch is not None
        and drop.partner in partners
        and (drop.withdrawn_effective is None or drop.withdrawn_effective > day)
    )


def taken_down(registry: Registry, day: str) -> frozenset[str]:
    """The ids (hexadecimal) of the documents whose takedown has taken effect by the day."""
    bodies = [event.body for event in registry.events() if isinstance(event.body, Takedown)]
    return frozenset(doc_id for body in bodies if body.effective <= day for doc_id in body.documents)
