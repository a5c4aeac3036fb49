"""What a registry says a build is made from: sealed drops that nobody withdrew, and what is kept out."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from pipelines.engine.drops import DropPlace
from pipelines.engine.suppression import Suppressed, read_suppressed
from pipelines.intake.registry import Registry, admitted
from pipelines.intake.takedowns import suppressed_files, suppression_key
from schemas.recipe import FingerprintSettings


def registered_drops(
    registry: Registry, *, root: Path, partners: tuple[str, ...], day: str, only: Collection[str] = ()
) -> tuple[DropPlace, ...]:
    """The drops of sealed epochs, without those whose withdrawal has taken effect by the day.

    `only`: digests; of these, where any are given.
    """
    return tuple(
        DropPlace(drop.partner, root, drop.epoch, drop.receipt.parent)
        for drop in admitted(registry)
        if drop.epoch is not None
        and drop.partner in partners
        and (not only or drop.drop in only)
        and drop.stands(day)
    )


def kept_out(registry: Registry, day: str, settings: FingerprintSettings) -> Suppressed:
    """The content that builds of a day do without, as keyed fingerprints."""
    files = suppressed_files(registry, day)
    key = suppression_key(registry) if files else b""
    return read_suppressed(files, key=key, settings=settings)
