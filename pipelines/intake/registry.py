"""The registry's log: append-only, hash-chained, signed; any number of processes may append to it.

An event's file is created by link(2), which fails where the name is taken, so two writers never get one
sequence number; the loser reads what came and tries the next. Readers go by the directory alone. What
depends on nothing before it is appended at a cost that does not grow with the log (`registry_hints`); all
else reads it whole.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import orjson
from pydantic import TypeAdapter, ValidationError

from pipelines.intake.new_files import sync_directory, write_new
from pipelines.intake.registry_hints import CLAIMS, claim, note_tail, noted_tail
from pipelines.intake.registry_keys import make_keys, secret, signing_key
from pipelines.intake.signatures import SigningKey
from schemas.errors import BuildInconsistent, UsageError
from schemas.identity import canonical_json
from schemas.merkle import leaf_hash, root_of_hashes
from schemas.registry import (
    BODIES,
    REGISTRY_VERSION,
    START,
    AdmittedDrop,
    Body,
    ContractApproved,
    DropAdmitted,
    DropWithdrawn,
    EpochSealed,
    Event,
    EventType,
    Head,
    drop_directory,
    event_bytes,
    head_message,
    signed_bytes,
)
from schemas.signatures import verify_signature

_EVENT_NAME = re.compile(r"[0-9]{10}\.json")
_BODIES = {type_: TypeAdapter(body) for type_, body in BODIES.items()}
_KEY = re.compile(r"[0-9a-f]{64}")


class Registry:
    """A registry on disk. `key` is its public key; the private one is read when something is signed."""

    def __init__(self, directory: Path, *, key: str, key_directory: Path) -> None:
        self.directory = directory
        self.key = key
        self.key_directory = key_directory

    @classmethod
    def open(cls, directory: Path, *, create: bool = False, key: Path | None = None) -> Registry:
        """The registry in a directory; `key` names its key directory (default `<directory>.key` beside it).

        With `create`, one is made where there is none, keys included. Raises UsageError where there is none
        otherwise, or where registry.json is of another version.
        """
        directory = directory.resolve()
        key_directory = key or directory.with_name(directory.name + ".key")
        about = directory / "registry.json"
        if create and not about.exists():
            (directory / "events").mkdir(parents=True, exist_ok=True)
            (directory / CLAIMS).mkdir(exist_ok=True)
            sync_directory(directory)
            make_keys(key_directory)
            public = signing_key(key_directory).public
            write_new(about, canonical_json({"version": REGISTRY_VERSION, "key": public}) + b"\n")
        try:
            stated = orjson.loads(about.read_bytes())
        except FileNotFoundError:
            raise UsageError(
                f"{directory}: is no registry: make one with 'malmoi registry init {directory}'"
            ) from None
        except (orjson.JSONDecodeError, NotADirectoryError):
            stated = None
        match stated:
            case {"version": int(version), "key": str(public)} if (
                version == REGISTRY_VERSION and _KEY.fullmatch(public)
            ):
                return cls(directory, key=public, key_directory=key_directory)
        raise UsageError(
            f"{about}: does not say version {REGISTRY_VERSION} and a key: restore it, or update Malmoi"
        )

    def events(self) -> Iterator[Event]:
        """All events, in order. The chain is checked on the way, the last event's signature at the end.

        Raises BuildInconsistent, with the file, where the log is damaged. An iteration that ran to its end
        has seen nothing that the registry's key did not sign.
        """
        return self._events_behind(None)

    def append(self, type_: EventType, body: Body, *, at: str) -> Event:
        """Append an event and return it as it stands on disk. `at`: UTC, YYYY-MM-DDTHH:MM:SSZ.

        Reads the end of the log alone. Raises BuildInconsistent where that is damaged or cut off; damage
        further back is found by `malmoi registry verify` and by whoever reads the log.
        """
        if not isinstance(body, BODIES[type_]):
            raise UsageError(f"an event {type_} has no body {body.__class__.__name__}: mend the call")
        return self._append_behind(self._tail(), body, at=at, same=lambda _: False)[0]

    def append_once(self, body: Body, *, at: str, same: Callable[[Event], bool]) -> tuple[Event, bool]:
        """Append an event unless `same` holds of an earlier one: (the one in the log, whether it is new).

        However many processes try at once, one event is appended. Of a body that `_stands_once`, `same` has
        to hold of those events that are the same by it: the first to claim it need not read the log.
        """
        if (once := _stands_once(body)) is not None:
            # In this order: whoever comes behind the claim reads the log, and appends behind this tail.
            tail = self._tail()
            if claim(self.directory, once):
                return self._append_behind(tail, body, at=at, same=same)
        earlier: list[Event] = []

        def decide(events: Sequence[Event]) -> Body | None:
            earlier.extend(event for event in events if same(event))
            return None if earlier else body

        event = self.append_if(decide, at=at)
        return (earlier[0], False) if event is None else (event, True)

    def append_if(self, decide: Callable[[Sequence[Event]], Body | None], *, at: str) -> Event | None:
        """Append what `decide` makes of the whole log, or nothing where it says None.

        It is asked again, with the longer log, each time another process was first.
        """
        events = list(self.events())
        key = self._signing_key()
        while (body := decide(events)) is not None:
            previous = events[-1].digest if events else START
            event = _signed(key, body, sequence=len(events), previous=previous, at=at)
            if self._written(event):
                return event
            events.extend(self._events_behind(events[-1] if events else None))
        return None

    def _append_behind(
        self, last: Event | None, body: Body, *, at: str, same: Callable[[Event], bool]
    ) -> tuple[Event, bool]:
        """Append behind the event `last` and what came since, unless `same` holds of one of those."""
        key = self._signing_key()
        while True:
            for event in self._events_behind(last, to_the_end=False):
                if same(event):
                    return event, False
                last = event
            sequence, previous = (0, START) if last is None else (last.sequence + 1, last.digest)
            event = _signed(key, body, sequence=sequence, previous=previous, at=at)
            if self._written(event):
                return event, True

    def _written(self, event: Event) -> bool:
        """Whether the event got its place in the log; what stands in it once is claimed before it does."""
        if (once := _stands_once(event.body)) is not None:
            claim(self.directory, once)
        if not write_new(self.directory / "events" / _event_name(event.sequence), event_bytes(event)):
            return False
        note_tail(self.directory, event)
        return True

    def _tail(self) -> Event | None:
        """An event near the end of the log, or the last; None of an empty log."""
        noted = noted_tail(self.directory)
        if noted is None:
            return next(iter(deque(self.events(), maxlen=1)), None)
        sequence, digest = noted
        name = _event_name(sequence)
        try:
            event = read_event((self.directory / "events" / name).read_bytes(), name=name)
        except FileNotFoundError:
            raise _damaged(name, "is missing, and was there when tail.json was written") from None
        if event.sequence != sequence or event.digest != digest or not self.signed(event):
            raise _damaged(name, "is not the event that tail.json names")
        return event

    def hashes(self) -> list[bytes]:
        """The leaves of the log's Merkle tree, one an event."""
        return [bytes.fromhex(event.digest) for event in self.events()]

    def head(self, size: int | None = None) -> Head:
        """The signed head of the log as it is, or as it was at a size. UsageError: it never had that many."""
        hashes = self.hashes()
        if size is not None and size > len(hashes):
            raise UsageError(f"the log has {len(hashes)} events, not {size}: name a smaller size")
        hashes = hashes[:size]
        root = root_of_hashes(hashes).hex()
        signature = self._signing_key().sign(head_message(len(hashes), root))
        return Head(size=len(hashes), root=root, key=self.key, signature=signature)

    def secret(self) -> bytes:
        """32 bytes for keyed digests: never printed, never in the log."""
        return secret(self.key_directory)

    def drop_directory(self, *, partner: str, drop: str, again: str = "") -> Path:
        """Where a drop's receipt, faults, quarantine, keys and report lie; again: by a changed contract."""
        return drop_directory(self.directory, partner=partner, drop=drop, again=again)

    def _events_behind(self, last: Event | None, *, to_the_end: bool = True) -> Iterator[Event]:
        """The events behind one, or all; not `to_the_end`: a gap is looked for at the next place only."""
        sequence, previous = (0, START) if last is None else (last.sequence + 1, last.digest)
        event: Event | None = None
        while (content := self._read(sequence, to_the_end=to_the_end)) is not None:
            name = _event_name(sequence)
            event = read_event(content, name=name)
            if event.sequence != sequence:
                raise _damaged(name, f"holds event {event.sequence}")
            if event.previous != previous:
                raise _damaged(name, "does not follow the event before it")
            yield event
            sequence, previous = sequence + 1, event.digest
        if event is not None and not self.signed(event):
            raise _damaged(_event_name(event.sequence), "is not signed by the registry's key")

    def signed(self, event: Event) -> bool:
        """Whether the registry's key signed an event."""
        return verify_signature(key=self.key, message=signed_bytes(event), signature=event.signature)

    def _read(self, sequence: int, *, to_the_end: bool) -> bytes | None:
        """The bytes of an event; None behind the last. BuildInconsistent where one is missing before others.

        An event is written when the one before it is there, so a gap that is seen twice is one.
        """
        name = _event_name(sequence)
        path = self.directory / "events" / name
        try:
            return path.read_bytes()
        except FileNotFoundError:
            later = path.with_name(_event_name(sequence + 1))
            if not (any(other >= name for other in self.event_names()) if to_the_end else later.exists()):
                return None
        try:
            return path.read_bytes()
        except FileNotFoundError:
            raise _damaged(name, "is missing, and later events are there") from None

    def event_names(self) -> list[str]:
        """The names in events/ that are events', in no order; strays of killed writers are none."""
        try:
            with os.scandir(self.directory / "events") as entries:
                return [entry.name for entry in entries if _EVENT_NAME.fullmatch(entry.name)]
        except FileNotFoundError:
            raise _damaged("", "the directory is missing") from None

    def _signing_key(self) -> SigningKey:
        key = signing_key(self.key_directory)
        if key.public != self.key:
            raise UsageError(
                f"{self.key_directory}: holds another key than {self.directory.name}/registry.json names: "
                "name the right one with --key"
            )
        return key


def _stands_once(body: Body) -> object | None:
    """By what bodies are the same that stand in a log once; None of those that a look at the log decides."""
    match body:
        case DropAdmitted():
            return ["admitted", body.partner, body.drop, body.contract]
        case ContractApproved():
            return [body.__class__.__name__, body]
    return None


def _event_name(sequence: int) -> str:
    return f"{sequence:010}.json"


def read_event(content: bytes, *, name: str) -> Event:
    """The event that a file's bytes are. Raises BuildInconsistent where they are not exactly one's."""
    try:
        stored = orjson.loads(content)
        type_ = EventType(stored["type"])
        event = Event(
            sequence=stored["sequence"],
            type=type_,
            at=stored["at"],
            previous=stored["previous"],
            body=_BODIES[type_].validate_json(orjson.dumps(stored["body"])),
            signature=stored["signature"],
            digest=leaf_hash(content).hex(),
        )
        whole = event_bytes(event) == content
    except (ValueError, TypeError, KeyError):  # ValidationError is a ValueError
        whole = False
    if not whole:
        raise _damaged(name, "is not an event as it was written")
    return event


def _signed(key: SigningKey, body: Body, *, sequence: int, previous: str, at: str) -> Event:
    type_ = next(type_ for type_, of in BODIES.items() if isinstance(body, of))
    try:
        event = Event(
            sequence=sequence,
            type=type_,
            at=at,
            previous=previous,
            body=body,
            signature="0" * 128,
            digest=START,
        )
    except ValidationError as error:
        fields = ", ".join(str(found["loc"][0]) for found in error.errors(include_input=False))
        raise UsageError(f"an event {type_} cannot be written: {fields}: is of another form") from None
    event = dataclasses.replace(event, signature=key.sign(signed_bytes(event)))
    return read_event(event_bytes(event), name=f"event {sequence}")


def admitted(registry: Registry) -> list[AdmittedDrop]:
    """Every drop in the registry, by epoch (what is not sealed comes last), partner and digest.

    Its withdrawal, if any, is the one that takes effect first. Of a drop that was judged anew the last
    judgement counts, in the epoch it came in.
    """
    drops: dict[tuple[str, str], AdmittedDrop] = {}
    epochs = 0
    for event in registry.events():
        match event.body:
            case DropAdmitted() as body:
                before = drops.get((body.partner, body.drop))
                again = "" if before is None else body.contract
                directory = registry.drop_directory(partner=body.partner, drop=body.drop, again=again)
                drops[body.partner, body.drop] = AdmittedDrop(
                    partner=body.partner,
                    drop=body.drop,
                    epoch=epochs if before is None else before.epoch,
                    receipt=directory / "receipt.json",
                    withdrawn_effective=None if before is None else before.withdrawn_effective,
                    contract=body.contract,
                    content_digest=body.content_digest,
                    notice_days=body.notice_days,
                )
            case EpochSealed():
                epochs += 1
            case DropWithdrawn() as body if drop := drops.get((body.partner, body.drop)):
                effective = min(body.effective, drop.withdrawn_effective or body.effective)
                drops[body.partner, body.drop] = dataclasses.replace(drop, withdrawn_effective=effective)
    return sorted(
        (dataclasses.replace(drop, epoch=None) if drop.epoch == epochs else drop for drop in drops.values()),
        key=lambda drop: (epochs if drop.epoch is None else drop.epoch, drop.partner, drop.drop),
    )


def record_admission(registry: Registry, body: DropAdmitted, *, at: str) -> tuple[Event, bool]:
    """Append that a drop was admitted, once a contract; with False where it is in the log already."""

    def same(event: Event) -> bool:
        earlier = event.body
        return isinstance(earlier, DropAdmitted) and (earlier.partner, earlier.drop, earlier.contract) == (
            body.partner,
            body.drop,
            body.contract,
        )

    return registry.append_once(body, at=at, same=same)


def _damaged(name: str, what: str) -> BuildInconsistent:
    return BuildInconsistent(
        f"events/{name}: {what}: the log is damaged; see 'malmoi registry verify', and restore it from a copy"
    )
