"""`malmoi takedown`: a request found, told, recorded, carried out and certified.

The event is in the registry before anything is built, so whatever is killed on the way, every later build
does without the documents, and the same command goes on where it stopped.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path

import polars as pl

from pipelines.engine.files import write_whole
from pipelines.engine.made import Made, Origin, keep_origin, known_origin, read_made, write_made
from pipelines.engine.plan import identity_of
from pipelines.engine.suppression import Way, suppression_bytes
from pipelines.intake.registry import Registry, admitted
from pipelines.intake.takedowns import (
    NO_DROP,
    record_done,
    record_takedown,
    suppressed_files,
    suppression_key,
    taken_down,
)
from pipelines.stages.fingerprint import shingle_sets
from pipelines.takedown.certificate import Pair, certificate_bytes, certify, compare, pair_of
from pipelines.takedown.certificate_page import render_certificate
from pipelines.takedown.direct import Decided, NotDirect, decide, open_parent
from pipelines.takedown.erase import erase
from pipelines.takedown.find import Found, codes_in, find, neighbourhood
from pipelines.takedown.house import House
from pipelines.takedown.impact import Impact, impact
from pipelines.takedown.rewrite import Rewritten, rewrite
from pipelines.takedown.seeds import with_what_was_made_of_them
from schemas.errors import UsageError
from schemas.manifest import Manifest, manifest_digest, read_manifest
from schemas.registry import Event, Takedown, TakedownDone
from schemas.takedown import Asked, Certificate, Place, Scope, TakedownRequest, Why


@dataclass(frozen=True)
class Carried:
    """What a takedown left: its certificate and where that lies, and how the new build was made."""

    certificate: Certificate
    directory: Path
    direct: bool
    why: str | None  # why the short way could not be gone


@dataclass(frozen=True)
class _Named:
    """What goes: ids by drop digest, the fingerprints to be kept out, and what the request came to."""

    found: Found
    documents: dict[str, list[str]]
    suppressed: bytes | None

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(doc_id for ids in self.documents.values() for doc_id in ids)


def open_house(
    build: Path,
    *,
    recipe: Path | None = None,
    drops: Path | None = None,
    registry: Path | None = None,
    staging: Path | None = None,
) -> House:
    """A build with what it was made of; raises UsageError where that is not known."""
    manifest = read_manifest(build)
    origin = known_origin(build, recipe=recipe, drops=drops, registry=registry, staging=staging)
    return House(build.resolve(), manifest, origin, read_made(build.resolve(), manifest))


def dry_run(house: House, request: TakedownRequest, also: Sequence[Path] = ()) -> Impact:
    """What the takedown would do; nothing is written."""
    named = _named(house, request, key=bytes(16))
    decided: Decided | None = None
    why = None
    try:
        decided = decide(open_parent(house), named.ids)
    except NotDirect as reason:
        why = str(reason)
    return impact(house, request.request, request.scope, named.found, decided, why, also)


def record(house: House, request: TakedownRequest, *, at: str) -> tuple[str, bool]:
    """Record the request: its clock runs, every later build honours it. (event digest, whether it is new)."""
    if house.registry is None:
        raise UsageError(_NO_REGISTRY)
    named = _named(house, request, key=_key(house, request))
    event, new = _recorded(house, house.registry, request, named, at)
    return event.digest, new


def carry_out(
    house: House,
    request: TakedownRequest,
    output: Path,
    *,
    today: str,
    at: str,
    erased: bool = False,
    also: Sequence[Path] = (),
    workers: int | None = None,
    direct: bool = True,
    quiet: bool = False,
) -> Carried:
    """Record the request, make the new build, destroy what is `erased` of the old ones, certify it.

    `also` are earlier builds that may hold the documents. What was killed goes on where it stopped.

    Raises UsageError where the output is taken, where the request wants a registry and there is none, or
    where it takes effect after the day on which the build judges rights.
    """
    _check_output(house.build, output)
    day = house.manifest.date
    if request.effective is not None and request.effective > day:
        raise UsageError(
            f"effective: {request.effective} is after {day}, the day on which {house.build.name} judges "
            "rights, so nothing leaves it: take it out of the request, or record it alone with --later"
        )
    named = _named(house, request, key=_key(house, request))
    event: Event | None = None
    gone = named.ids | frozenset(house.origin.without)
    suppressed: tuple[str, ...] = ()
    if house.registry is not None:
        event, _ = _recorded(house, house.registry, request, named, at)
        gone = taken_down(house.registry, day) | frozenset(house.origin.without)
        suppressed = tuple(sorted(digest for digest, _ in suppressed_files(house.registry, day)))
    made, why = _new_build(
        house, output, gone, suppressed, named, workers=workers, direct=direct, quiet=quiet
    )
    places: tuple[Place, ...] = ()
    parts = compare(_pair(house, output, made))
    if erased:
        places = erase(house, request, named.found.documents, output, also)
    certificate = certify(
        parts,
        request=request.request,
        reason=request.reason.value,
        scope=request.scope.value,
        notice=request.notice,
        deadline=_deadline(house, request, named.found.documents),
        on=today,
        asked=[Asked(one.what, one.asked, one.documents) for one in named.found.answers],
        unknown=named.found.unknown,
        named=named.found.documents["doc_id"].n_unique() if len(named.found.documents) else 0,
        event=None if event is None else event.digest,
        places=places,
    )
    directory = write_certificate(output, certificate)
    if house.registry is not None and event is not None:
        _done(house.registry, event, certificate, at)
    return Carried(certificate, directory, why is None, why)


def expired(
    house: House, output: Path, on: str, *, today: str, workers: int | None = None, quiet: bool = False
) -> Carried:
    """The build as its rights stand on a day: contracts that have ended leave with all their documents."""
    _check_output(house.build, output)
    _by_pipeline(house, output, frozenset(house.origin.without), day=on, workers=workers, quiet=quiet)
    certificate = certify(
        compare(pair_of(house.build, output)),
        request=f"expired-{on}",
        reason=Why.CONTRACT_ENDED.value,
        scope=Scope.RIGHTS.value,
        notice=on,
        deadline=on,
        on=today,
        asked=(),
        unknown=(),
        named=0,
        event=None,
        places=(),
    )
    directory = write_certificate(output, certificate)
    return Carried(certificate, directory, False, "rights are judged on another day")


def write_certificate(child: Path, certificate: Certificate) -> Path:
    """Put certificate.json and certificate.html beside the new build; the directory."""
    directory = child.resolve().with_name(f"{child.resolve().name}.certificate")
    write_whole(directory / "certificate.html", render_certificate(certificate).encode())
    write_whole(directory / "certificate.json", certificate_bytes(certificate))
    return directory


_NO_REGISTRY = (
    "this build was made without a registry, where alone a takedown of content, its clock and what later "
    "builds must do without can be kept: admit the drops (malmoi registry init, malmoi admit, "
    "malmoi registry seal) and build with --registry"
)


def _key(house: House, request: TakedownRequest) -> bytes:
    if house.registry is not None:
        return suppression_key(house.registry) if request.scope is Scope.CONTENT else b""
    if request.scope is Scope.CONTENT:
        raise UsageError(f"scope content: {_NO_REGISTRY}")
    return b""


def _named(house: House, request: TakedownRequest, *, key: bytes) -> _Named:
    """The documents that go: with their neighbourhood where the content is to go, with all made of them."""
    found = find(house, request)
    suppressed = None
    if request.scope is Scope.CONTENT:
        codes = codes_in(house, found.documents)
        near, own = neighbourhood(house, codes)
        rows = pl.concat([part for part in (found.documents, near) if len(part)] or [found.documents])
        found = replace(found, documents=rows.unique(["drop", "file", "row"], maintain_order=True))
        settings = house.recipe.fingerprint
        suppressed = suppression_bytes(
            [*own, *found.texts],
            key=key,
            way=Way.of(house.recipe),
            shingles=partial(shingle_sets, settings=settings),
        )
    found = with_what_was_made_of_them(house, found)
    documents: dict[str, list[str]] = {}
    digests = {drop.drop: drop.digest for drop in house.manifest.drops}
    for drop, doc_id in found.documents.select("drop", "doc_id").iter_rows():
        documents.setdefault(digests[drop], []).append(doc_id.hex())
    if found.unknown:
        documents[NO_DROP] = list(found.unknown)
    return _Named(found, documents, suppressed)


def _recorded(
    house: House, registry: Registry, request: TakedownRequest, named: _Named, at: str
) -> tuple[Event, bool]:
    deadline = _deadline(house, request, named.found.documents)
    return record_takedown(
        registry,
        request,
        documents=named.documents,
        deadline=deadline,
        suppressed=named.suppressed,
        at=at,
    )


def _deadline(house: House, request: TakedownRequest, documents: pl.DataFrame) -> str:
    """Notice and the shortest notice of the contracts concerned."""
    partners = set(documents["partner"].to_list()) if "partner" in documents.columns else set()
    days = [
        facts.rights.notice_days
        for facts in house.manifest.contracts
        if not partners or facts.partner in partners
    ]
    return (date.fromisoformat(request.notice) + timedelta(days=min(days, default=0))).isoformat()


def _check_output(build: Path, output: Path) -> None:
    if output.resolve() == build.resolve():
        raise UsageError(f"-o {output.name}: is the build itself: give another -o")
    unfinished = output.resolve().with_name(f"{output.resolve().name}.runs") / "unfinished"
    if (output / "manifest.json").is_file() or unfinished.is_file():
        return  # of a run that was killed: whether it is this one is seen to by its identity
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UsageError(f"-o {output.name}: something lies there already: give another -o")


def _new_build(
    house: House,
    output: Path,
    gone: frozenset[str],
    suppressed: tuple[str, ...],
    named: _Named,
    *,
    workers: int | None,
    direct: bool,
    quiet: bool,
) -> tuple[Rewritten | None, str | None]:
    """Make the new build, the short way where it can. What is known of it; why not, where not."""
    why = None if direct else "the pipeline was asked for"
    try:
        if why is None:
            return _directly(house, output.resolve(), gone, suppressed, named), None
    except NotDirect as reason:
        why = str(reason)
    _by_pipeline(house, output, gone, day=house.manifest.date, workers=workers, quiet=quiet)
    return None, why


def _pair(house: House, output: Path, made: Rewritten | None) -> Pair:
    """Both builds; what this process has just written is not read again."""
    if made is None:
        return pair_of(house.build, output)
    return Pair(house.build, house.manifest, output, made.manifest, made.tables)


def _directly(
    house: House, output: Path, gone: frozenset[str], suppressed: tuple[str, ...], named: _Named
) -> Rewritten | None:
    """The new build; None where it is there already."""
    parent = open_parent(house)
    if house.registry is not None:
        stand = {drop.drop for drop in admitted(house.registry) if drop.stands(house.manifest.date)}
        if not {drop.digest for drop in house.manifest.drops} <= stand:
            raise NotDirect("a drop of the build was taken back since")
    _check_same_but_named(parent.made, gone, suppressed, named)
    identity = identity_of(parent.made.made_of, gone, suppressed)
    if (output / "manifest.json").is_file():
        if read_manifest(output).identity != identity:
            raise UsageError(f"-o {output.name}: another build lies there already: give another -o")
        return None
    if output.is_dir() and any(output.iterdir()):
        raise NotDirect("a run of the pipeline was begun there")
    decided = decide(parent, gone - set(parent.made.taken_down))
    beside = replace(parent.made, taken_down=tuple(sorted(gone)), suppressed=suppressed)
    write_made(output, beside)
    keep_origin(output, _origin_of_child(house, gone))
    return rewrite(parent, decided, output, identity=identity)


def _check_same_but_named(
    made: Made, gone: frozenset[str], suppressed: tuple[str, ...], named: _Named
) -> None:
    """Of what is kept out only the request's own is new: all that it matches is named by id already."""
    if not gone >= set(made.taken_down):
        raise NotDirect("a document that was taken down before is wanted again")
    own = set() if named.suppressed is None else {sha256(named.suppressed).hexdigest()}
    if set(suppressed) - own != set(made.suppressed) - own:
        raise NotDirect("other content was taken down since")


def _origin_of_child(house: House, gone: frozenset[str]) -> Origin:
    return house.origin if house.registry is not None else replace(house.origin, without=tuple(sorted(gone)))


def _by_pipeline(
    house: House, output: Path, gone: frozenset[str], *, day: str, workers: int | None, quiet: bool
) -> Manifest:
    """The whole pipeline over what is staged; the registry's takedowns are in its plan."""
    from pipelines.build import make_plan, run
    from pipelines.engine.base import check_unchanged

    origin = house.origin
    plan = make_plan(
        Path(origin.recipe),
        output,
        drops=None if origin.drops is None else Path(origin.drops),
        registry=None if origin.registry is None else Path(origin.registry),
        date=day,
        staging=Path(origin.staging),
        workers=workers or os.cpu_count() or 1,
        without=gone if house.registry is None else frozenset(origin.without),
        only={drop.digest for drop in house.manifest.drops},
    )
    check_unchanged(house.manifest, plan)
    plan = replace(plan, site=replace(plan.site, parent=manifest_digest(house.build)))
    return run(plan, _origin_of_child(house, gone), runner="direct", replace=False, quiet=quiet)


def _done(registry: Registry, event: Event, certificate: Certificate, at: str) -> None:
    if not isinstance(event.body, Takedown):
        return
    body = TakedownDone(
        request=event.body.request,
        identity=certificate.child.identity,
        manifest=certificate.child.manifest,
        certificate=sha256(certificate_bytes(certificate)).hexdigest(),
    )
    record_done(registry, body, at=at)
