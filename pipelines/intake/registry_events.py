"""What people do to a registry: seal an epoch, take a drop back. Each is done once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from pipelines.intake.registry import Registry, admitted
from schemas.days import checked_day
from schemas.errors import UsageError
from schemas.registry import (
    AdmittedDrop,
    Body,
    DropAdmitted,
    DropWithdrawn,
    EpochSealed,
    Event,
    EventType,
)


def seal(registry: Registry, *, at: str) -> Event | None:
    """Close the open epoch; None where nothing was admitted since the seal before."""

    def decide(events: Sequence[Event]) -> Body | None:
        seals = [event.sequence for event in events if event.type is EventType.EPOCH_SEALED]
        start = seals[-1] + 1 if seals else 0
        if not _drops(events[start:]) - _drops(events[:start]):
            return None
        return EpochSealed(epoch=len(seals))

    return registry.append_if(decide, at=at)


def _drops(events: Sequence[Event]) -> set[tuple[str, str]]:
    """The drops that events admit; one that is judged anew stays in the epoch it came in."""
    bodies = (event.body for event in events)
    return {(body.partner, body.drop) for body in bodies if isinstance(body, DropAdmitted)}


def withdraw(registry: Registry, *, partner: str, drop: str, on: str, at: str) -> tuple[Event, bool]:
    """Record that a partner gave notice, on a day, that a drop is to leave: (the event, whether it is new).

    drop: its digest, or the beginning of it (8 digits or more). It takes effect when the notice days of the
    contract it was admitted under have passed. Raises UsageError where no such drop is in the registry.
    """
    found = _drop(registry, partner, drop)
    notice = date.fromisoformat(checked_day(on))
    body = DropWithdrawn(
        partner=partner,
        drop=found.drop,
        notice=on,
        effective=(notice + timedelta(days=found.notice_days)).isoformat(),
    )

    def same(event: Event) -> bool:
        earlier = event.body
        return (
            isinstance(earlier, DropWithdrawn)
            and (earlier.partner, earlier.drop) == (partner, found.drop)
            and earlier.effective <= body.effective
        )

    return registry.append_once(body, at=at, same=same)


def _drop(registry: Registry, partner: str, digest: str) -> AdmittedDrop:
    drops = [drop for drop in admitted(registry) if drop.partner == partner]
    if not drops:
        raise UsageError(f"no drop of {partner!r} is in the registry: see 'malmoi registry log'")
    found = [drop for drop in drops if len(digest) >= 8 and drop.drop.startswith(digest)]
    if len(found) != 1:
        known = ", ".join(drop.drop[:16] for drop in drops[:10])
        raise UsageError(
            f"{digest[:64]!r} names {len(found)} drops of {partner}: "
            f"give its digest or its first 8 digits or more ({known})"
        )
    return found[0]
