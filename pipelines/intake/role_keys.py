"""Whose key is counsel's: keys named for the roles that release builds, as the log says in its order.

The first key of a role is named under the registry's key; whatever is said of the role's keys later is signed
by one that stands for it, so whoever holds the registry's key alone cannot make themselves counsel. A role
without a named key is anybody's, as in registries that are older than this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from pipelines.intake.registry import Registry
from pipelines.intake.registry_keys import signing_key
from pipelines.intake.signatures import SigningKey
from schemas.days import checked_day
from schemas.errors import UsageError
from schemas.registry import BuildApproved, Event, KeyNamed, ReleaseRole, key_message
from schemas.signatures import verify_signature


@dataclass
class RoleKeys:
    """What the log said so far; of a key the last word counts."""

    named: dict[tuple[ReleaseRole, str], KeyNamed] = field(default_factory=dict)

    def stands(self, role: ReleaseRole, key: str, day: str) -> bool:
        """Whether a key is named for a role on a day."""
        body = self.named.get((role, key))
        return body is not None and body.since <= day and (body.until is None or day < body.until)

    def may_approve(self, body: BuildApproved, at: str) -> bool:
        """Whether an approval's key is one of its role, on its day and on that of its event."""
        if not any(role is body.role for role, _ in self.named):
            return True
        return all(self.stands(body.role, body.key, day) for day in (body.on, at[:10]))

    def take(self, event: Event) -> None:
        """Take an event in; one that breaks a rule says nothing."""
        if isinstance(event.body, KeyNamed) and not any(self.against(event.body, event.at)):
            self.named[event.body.role, event.body.key] = event.body

    def against(self, body: KeyNamed, at: str) -> Iterator[str]:
        """What is wrong with naming a key, after all that was said before."""
        message = key_message(body.role, body.name, body.key, body.since, body.until)
        if not verify_signature(key=body.signer, message=message, signature=body.signed):
            yield f"names a key for {body.role} by a signature that is not its signer's"
        if any(key == body.key and role is not body.role for role, key in self.named):
            yield f"names a key for {body.role} that is another role's: two roles are two people"
        has_keys = any(role is body.role for role, _ in self.named)
        if has_keys and not self.stands(body.role, body.signer, at[:10]):
            yield f"names a key for {body.role} that none of its keys has signed"


def role_keys(events: Iterable[Event]) -> RoleKeys:
    """The keys of the roles after some events."""
    found = RoleKeys()
    for event in events:
        found.take(event)
    return found


def name_key(
    registry: Registry,
    *,
    role: ReleaseRole,
    name: str,
    key: str,
    since: str,
    until: str | None,
    signer: SigningKey | None,
    at: str,
) -> tuple[Event, bool]:
    """Record whose key approves for a role, from a day and before another: (the event, whether it is new).

    signer: a key that stands for the role; null for the role's first, which the registry's own signs. Raises
    UsageError where it is none, or the key is another role's.
    """
    signed_by = signer or signing_key(registry.key_directory)
    message = key_message(role, name, key, checked_day(since), until and checked_day(until))
    try:
        body = KeyNamed(role, name, key, since, until, signed_by.public, signed_by.sign(message))
    except ValidationError as error:
        fields = ", ".join(str(found["loc"][0]) for found in error.errors(include_input=False))
        raise UsageError(f"{fields}: a key is 64 hexadecimal digits, a name one line: mend it") from None
    earlier: list[Event] = []

    def decide(events: Sequence[Event]) -> KeyNamed | None:
        known = role_keys(events)
        if known.named.get((role, key)) == body:
            earlier.extend(event for event in events if event.body == body)
            return None
        for wrong in known.against(body, at):
            raise UsageError(
                f"this {wrong}: sign with a key of the role (--signer), and give each person their own"
            )
        return body

    event = registry.append_if(decide, at=at)
    return (earlier[-1], False) if event is None else (event, True)
