"""What a registry knows of takedowns: keyed digests in the log, the documents themselves beside its key.

A leaf is BLAKE2b under a key of the document's drop. Whoever has the log alone can test no guess against it;
a drop's key destroyed (`forget_drop`), its leaves say nothing any more, and the chain of the log stands.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from pipelines.intake.new_files import replace_file, sync_directory, write_new
from pipelines.intake.registry import Registry
from schemas.errors import BuildInconsistent
from schemas.identity import canonical_json
from schemas.registry import Event, Takedown, TakedownDone
from schemas.takedown import TakedownRequest

NO_DROP = "0" * 64  # of documents that no drop is known of, so that a later delivery is kept out all the same
_SECRET = 32  # bytes
_NAME = 32  # hexadecimal digits by which files are named


@dataclass(frozen=True)
class Open:
    """A takedown of the log, and whether it was carried out."""

    event: Event
    body: Takedown
    done: tuple[TakedownDone, ...]


def request_digest(
    registry: Registry, request: TakedownRequest, documents: Mapping[str, Sequence[str]]
) -> str:
    """A request and what it came to, under the registry's secret: the same again is the same event."""
    key = hashlib.blake2b(registry.secret(), digest_size=32, person=b"malmoi.request").digest()
    return hashlib.blake2b(canonical_json([request, documents]), key=key, digest_size=32).hexdigest()


def record_takedown(
    registry: Registry,
    request: TakedownRequest,
    *,
    documents: Mapping[str, Sequence[str]],
    deadline: str,
    suppressed: bytes | None,
    at: str,
) -> tuple[Event, bool]:
    """Append a takedown, once for the same request and documents: (the event, whether it is new).

    documents: ids (hexadecimal) by drop digest. suppressed: the file of fingerprints that are kept out. Both
    are on disk before the event is.
    """
    named = {drop: sorted(set(ids)) for drop, ids in sorted(documents.items()) if ids}
    digest = request_digest(registry, request, named)
    earlier = next((one.event for one in takedowns(registry) if one.body.request == digest), None)
    if earlier is not None:
        return earlier, False
    leaves = {}
    for drop, ids in named.items():
        key = _made_key(registry, drop)
        leaves[drop] = tuple(sorted(_leaf(key, doc_id) for doc_id in ids))
    home = registry.key_directory / "takedowns"
    home.mkdir(exist_ok=True, mode=0o700)
    replace_file(home / f"{digest[:_NAME]}.json", canonical_json(named) + b"\n", mode=0o600)
    sync_directory(home)
    if suppressed is not None:
        shelf = registry.directory / "suppressed"
        shelf.mkdir(exist_ok=True)
        replace_file(shelf / f"{digest[:_NAME]}.arrow", suppressed)
        sync_directory(shelf)
    body = Takedown(
        request=digest,
        scope=request.scope.value,
        reason=request.reason.value,
        notice=request.notice,
        deadline=deadline,
        effective=request.effective,
        leaves=leaves,
        suppressed=None if suppressed is None else hashlib.sha256(suppressed).hexdigest(),
    )

    def same(event: Event) -> bool:
        return isinstance(event.body, Takedown) and event.body.request == digest

    return registry.append_once(body, at=at, same=same)


def record_done(registry: Registry, body: TakedownDone, *, at: str) -> tuple[Event, bool]:
    """Append that a takedown was carried out on a build, once a build."""
    return registry.append_once(body, at=at, same=lambda event: event.body == body)


def takedowns(registry: Registry) -> list[Open]:
    """Every takedown of the log, in its order, with what was done for it."""
    found: dict[str, Open] = {}
    for event in registry.events():
        match event.body:
            case Takedown() as body:
                found[body.request] = Open(event, body, ())
            case TakedownDone() as body if known := found.get(body.request):
                found[body.request] = Open(known.event, known.body, (*known.done, body))
    return list(found.values())


def taken_down(registry: Registry, day: str) -> frozenset[str]:
    """The ids (hexadecimal) of the documents that builds judging rights on a day do without.

    Raises BuildInconsistent where a takedown's documents are not those that the log has leaves of.
    """
    return frozenset(
        doc_id
        for one in _effective(registry, day)
        for ids in documents_of(registry, one.body).values()
        for doc_id in ids
    )


def documents_of(registry: Registry, body: Takedown) -> dict[str, list[str]]:
    """The documents of a takedown by drop; of drops whose key was destroyed none."""
    path = registry.key_directory / "takedowns" / f"{body.request[:_NAME]}.json"
    try:
        named: dict[str, list[str]] = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        named = {}
    found = {}
    for drop, leaves in body.leaves.items():
        key = _drop_key(registry, drop)
        if key is None:
            continue
        if tuple(sorted(_leaf(key, doc_id) for doc_id in named.get(drop, ()))) != leaves:
            raise BuildInconsistent(
                f"{path}: is missing or does not name the documents that event {body.request[:16]} has "
                "leaves of: restore the registry's key directory from a copy"
            )
        found[drop] = named[drop]
    return found


def suppressed_files(registry: Registry, day: str) -> list[tuple[str, Path]]:
    """(SHA-256, file) of all fingerprints that builds judging rights on a day keep out.

    Raises BuildInconsistent where a file is missing or another than the log says.
    """
    found = []
    for one in _effective(registry, day):
        if one.body.suppressed is None:
            continue
        path = registry.directory / "suppressed" / f"{one.body.request[:_NAME]}.arrow"
        content = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(content).hexdigest() != one.body.suppressed:
            raise BuildInconsistent(f"{path}: is missing or was changed: restore it from a copy")
        found.append((one.body.suppressed, path))
    return found


def suppression_key(registry: Registry) -> bytes:
    """16 bytes under which fingerprints that are kept out are digested."""
    return hashlib.blake2b(registry.secret(), digest_size=16, person=b"malmoi.suppress").digest()


def forget_drop(registry: Registry, drop: str) -> bool:
    """Destroy the key of a drop's leaves and its documents' names; False where there is none (any more)."""
    for path in (registry.key_directory / "takedowns").glob("*.json"):
        named = orjson.loads(path.read_bytes())
        if named.pop(drop, None) is not None:
            replace_file(path, canonical_json(named) + b"\n", mode=0o600)
    path = registry.key_directory / "drops" / drop
    if not path.is_file():
        return False
    path.write_bytes(os.urandom(_SECRET))
    path.unlink()
    sync_directory(path.parent)
    return True


def _effective(registry: Registry, day: str) -> Iterator[Open]:
    for one in takedowns(registry):
        if one.body.effective is None or one.body.effective <= day:
            yield one


def _leaf(key: bytes, doc_id: str) -> str:
    return hashlib.blake2b(bytes.fromhex(doc_id), key=key, digest_size=16).hexdigest()


def _made_key(registry: Registry, drop: str) -> bytes:
    """The key of a drop's leaves, made where there is none."""
    home = registry.key_directory / "drops"
    home.mkdir(exist_ok=True, mode=0o700)
    if not (home / drop).is_file():
        write_new(home / drop, secrets.token_bytes(_SECRET))
        (home / drop).chmod(0o600)
    return (home / drop).read_bytes()


def _drop_key(registry: Registry, drop: str) -> bytes | None:
    """The key of a drop's leaves; None where it was destroyed or never made."""
    path = registry.key_directory / "drops" / drop
    return path.read_bytes() if path.is_file() else None
