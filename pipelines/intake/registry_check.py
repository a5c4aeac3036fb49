"""Checks of a whole registry, and the proofs it hands out to partners."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from pipelines.intake.registry import Registry, read_event
from pipelines.intake.releases import against_order
from pipelines.intake.role_keys import role_keys
from schemas.errors import BuildInconsistent, InputUnreadable, UsageError
from schemas.merkle import GrowingTree, consistency_proof, inclusion_proof, leaf_hash, root_of_hashes
from schemas.receipt import Proof, Receipt, read_receipt
from schemas.registry import (
    START,
    BuildApproved,
    BuildReleased,
    BuildWithdrawn,
    DropAdmitted,
    DropWithdrawn,
    EpochSealed,
    Event,
    Head,
    KeyNamed,
    RecordFinding,
    Takedown,
    TakedownDone,
    TrainingRecorded,
    event_bytes,
    head_message,
)
from schemas.signatures import verify_signature


@dataclass
class _Seen:
    """What the events told so far."""

    # SHA-256 of the receipts of a drop, by the contract it was judged by, in the order of the log
    admitted: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    epochs: int = 0
    unsealed: int = 0
    takedowns: set[str] = field(default_factory=set)
    builds: dict[str, list[Event]] = field(default_factory=dict)  # of each, by its manifest
    keys: list[Event] = field(default_factory=list)


def check_registry(
    registry: Registry, *, receipts: Iterable[Path] = (), key: str | None = None
) -> list[RecordFinding]:
    """Everything that is wrong with a registry: events, signatures, what they say, receipts, kept heads.

    receipts: files kept elsewhere, whose heads the log must begin with, beside those in the registry.
    key: the public key that it must be, as known from elsewhere. O(n) reads and signatures.
    """
    findings = []
    if key is not None and key != registry.key:
        findings.append(RecordFinding("signatures", "registry.json", f"names the key {registry.key}"))
    seen = _Seen()
    tree = GrowingTree()
    roots = [tree.root().hex()]
    for event, leaf, found in _events(registry):
        findings.extend(found)
        if event is not None:
            findings.extend(_against_rules(event, seen))
        tree.add(leaf)
        roots.append(tree.root().hex())
    findings.extend(_stored_receipts(registry, seen, roots))
    for path in receipts:
        findings.extend(_kept_receipt(registry, path, seen, roots))
    return sorted(findings)


def _events(registry: Registry) -> Iterator[tuple[Event | None, bytes, list[RecordFinding]]]:
    """Every event, its leaf hash and what is wrong with it; goes on behind damage, to tell all of it."""
    expected, previous = 0, START  # previous: "" where it cannot be known
    for number in sorted(int(name.removesuffix(".json")) for name in registry.event_names()):
        name, found = f"{number:010}.json", []
        if number != expected:
            found.append(RecordFinding("events", name, f"{number - expected} events before it are missing"))
            previous = ""
        expected = number + 1
        content = (registry.directory / "events" / name).read_bytes()
        try:
            event = read_event(content, name=name)
        except BuildInconsistent:
            previous = ""
            found.append(RecordFinding("events", name, "is not an event as it was written"))
            yield None, leaf_hash(content), found
            continue
        if event.sequence != number:
            found.append(RecordFinding("events", name, f"holds event {event.sequence}"))
        if previous and event.previous != previous:
            found.append(RecordFinding("events", name, "does not follow the event before it"))
        if not registry.signed(event):
            found.append(RecordFinding("signatures", name, "is not signed by the registry's key"))
        previous = event.digest
        yield event, bytes.fromhex(event.digest), found


def _against_rules(event: Event, seen: _Seen) -> Iterator[RecordFinding]:
    where = f"{event.sequence:010}.json"
    match event.body:
        case DropAdmitted() as body:
            told = seen.admitted.setdefault((body.partner, body.drop), {})
            if body.contract in told:
                yield RecordFinding("rules", where, f"admits {body.partner}/{body.drop[:16]} a second time")
                return
            seen.unsealed += not told
            told[body.contract] = body.receipt
        case EpochSealed() as body:
            if body.epoch != seen.epochs:
                yield RecordFinding("rules", where, f"seals epoch {body.epoch}, which is not the open one")
            if not seen.unsealed:
                yield RecordFinding("rules", where, "seals an epoch without drops")
            seen.epochs, seen.unsealed = seen.epochs + 1, 0
        case Takedown() as body:
            seen.takedowns.add(body.request)
        case TakedownDone() as body if body.request not in seen.takedowns:
            yield RecordFinding("rules", where, f"carries out {body.request[:16]}, which nobody asked for")
        case DropWithdrawn() as body if (body.partner, body.drop) not in seen.admitted:
            yield RecordFinding(
                "rules", where, f"withdraws {body.partner}/{body.drop[:16]}, which was not admitted"
            )
        case KeyNamed() as body:
            for message in role_keys(seen.keys).against(body, event.at):
                yield RecordFinding("rules", where, message)
            seen.keys.append(event)
        case BuildApproved() | BuildReleased() | BuildWithdrawn() | TrainingRecorded() as body:
            before = seen.builds.setdefault(body.manifest, [])
            known = sorted([*seen.keys, *before], key=lambda one: one.sequence)
            for message in against_order(event, known):
                yield RecordFinding("rules", where, message)
            before.append(event)


def _stored_receipts(registry: Registry, seen: _Seen, roots: list[str]) -> Iterator[RecordFinding]:
    named = [
        (partner, drop, contract if number else "", digest)
        for (partner, drop), told in sorted(seen.admitted.items())
        for number, (contract, digest) in enumerate(told.items())
    ]
    for partner, drop, again, digest in named:
        path = registry.drop_directory(partner=partner, drop=drop, again=again) / "receipt.json"
        where = str(path.relative_to(registry.directory))
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            yield RecordFinding("receipts", where, "is missing")
            continue
        if sha256(content).hexdigest() != digest:
            yield RecordFinding("receipts", where, "is not the receipt that the log names")
            continue
        yield from _head_of(registry, content, where, roots)


def _kept_receipt(registry: Registry, path: Path, seen: _Seen, roots: list[str]) -> Iterator[RecordFinding]:
    content = path.read_bytes()
    receipt = read_receipt(content, name=path.name)
    named = seen.admitted.get((receipt.partner, receipt.drop))
    if named is None:
        yield RecordFinding("receipts", path.name, "its drop is not in the log")
    elif sha256(content).hexdigest() not in named.values():
        yield RecordFinding("receipts", path.name, "is not the receipt that the log names")
    yield from _head_of(registry, content, path.name, roots)


def _head_of(registry: Registry, content: bytes, where: str, roots: list[str]) -> Iterator[RecordFinding]:
    """Whether the log still begins with what a receipt saw of it."""
    try:
        head = read_receipt(content, name=where).log
    except InputUnreadable as error:
        yield RecordFinding("receipts", where, str(error))
        return
    if head is None:
        yield RecordFinding("heads", where, "names no head of a log")
    elif head.key != registry.key or not head_holds(head):
        yield RecordFinding("heads", where, "its head is not signed by the registry's key")
    elif head.size >= len(roots):
        yield RecordFinding(
            "heads", where, f"the log had {head.size} events and has {len(roots) - 1}: its end was cut off"
        )
    elif roots[head.size] != head.root:
        yield RecordFinding("heads", where, f"the first {head.size} events are no longer what they were")


def head_holds(head: Head) -> bool:
    """Whether a head is signed by the key it names."""
    return verify_signature(
        key=head.key, message=head_message(head.size, head.root), signature=head.signature
    )


def prove(registry: Registry, receipt: Receipt) -> Proof:
    """What shows the holder of a receipt, without the log, that it only grew and that the drop is in it.

    Raises UsageError where the receipt was made without a registry, or its drop is not in this one;
    BuildInconsistent where this log does not begin with what the receipt saw.
    """
    if receipt.log is None:
        raise UsageError("the receipt was made without a registry: admit the drop with --registry")
    events = list(registry.events())
    hashes = [bytes.fromhex(event.digest) for event in events]
    event = next((event for event in events if _admits(event, receipt)), None)
    if event is None:
        raise UsageError("the receipt's drop is not in this registry: name the one it was admitted to")
    known = root_of_hashes(hashes[: receipt.log.size]).hex()
    if receipt.log.size > len(hashes) or receipt.log.root != known:
        raise BuildInconsistent(
            "the log does not begin with what the receipt saw of it: see 'malmoi registry verify --receipt'"
        )
    return Proof(
        version=1,
        first=receipt.log,
        second=registry.head(len(events)),
        consistency=tuple(node.hex() for node in consistency_proof(hashes, receipt.log.size)),
        event=event_bytes(event).decode(),
        inclusion=tuple(node.hex() for node in inclusion_proof(hashes, event.sequence)),
    )


def _admits(event: Event, receipt: Receipt) -> bool:
    body = event.body
    named = (receipt.partner, receipt.drop, receipt.contract.digest)
    return isinstance(body, DropAdmitted) and (body.partner, body.drop, body.contract) == named
