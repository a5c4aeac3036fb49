"""Whether a build may go on from an older one: what that holds must be allowed today, document by document.

The result is the same with a base and without; what a base was made of lies in the staging directory.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import orjson
import pyarrow.compute as pc

from pipelines.engine.plan import Plan
from pipelines.lineage.ledger import read_ledger
from schemas.errors import BuildInconsistent, UsageError
from schemas.identity import canonical_json
from schemas.manifest import Manifest, read_manifest


def check_base(base: Path, plan: Plan) -> None:
    """Raise UsageError where the base was not built by this recipe's rules, BuildInconsistent for its rights.

    The message names the takedown that mends the base.
    """
    manifest = read_manifest(base)
    built = manifest.recipe.get("name")
    if built != plan.site.recipe.name:
        raise UsageError(f"--base {base.name}: is a build of {built!r}, not of {plan.site.recipe.name!r}")
    refuse(base, plan.site.date, expired=_expired(manifest, plan), withdrawn=_withdrawn(base, manifest, plan))


def check_base_documents(base: Path, lost: Iterable[bytes], day: str) -> None:
    """The same for documents that their row's rights have taken out of this build, by id."""
    kept = read_ledger(base, ["doc_id", "kept"]).filter(pc.field("kept"))
    here = sorted(set(lost) & set(kept["doc_id"].to_pylist()))
    if here:
        said = f"{len(here)} documents that their rows' rights or later drops take out, as {here[0].hex()}"
        refuse(base, day, expired=(), withdrawn=(said,))


def refuse(base: Path, day: str, *, expired: Iterable[str], withdrawn: Iterable[str]) -> None:
    """Raise BuildInconsistent where anything is said against the base, with what mends it."""
    ended, taken = sorted(set(expired)), sorted(set(withdrawn))
    if not ended and not taken:
        return
    remedies = [f"malmoi takedown {base.name} --expired --on {day} -o {base.name}-mended"] if ended else []
    if taken:
        remedies.append(f"malmoi takedown {base.name} REQUEST -o {base.name}-mended")
    raise BuildInconsistent(
        f"--base {base.name}: holds what may not be used on {day}:\n  "
        + "\n  ".join([*ended, *taken])
        + f"\nMend it with `{'` and `'.join(remedies)}`, or build without --base"
    )


def _expired(manifest: Manifest, plan: Plan) -> Iterator[str]:
    """Contracts that the base used and that allow it no longer."""
    used = {facts.partner for facts in manifest.data_sets if facts.kept}
    for excluded in plan.excluded:
        if excluded.partner in used:
            yield f"{excluded.partner}: {excluded.reason}"
    known = {contract.partner for contract in plan.site.contracts} | {e.partner for e in plan.excluded}
    for partner in used - known:
        yield f"{partner}: is no partner of the recipe any more"


def _withdrawn(base: Path, manifest: Manifest, plan: Plan) -> Iterator[str]:
    """Drops of the base that are no part of this build, and documents of it that were taken down."""
    excluded = {one.partner for one in plan.excluded}
    there = {(drop.partner, drop.digest) for drop in plan.drops}
    for drop in manifest.drops:
        if drop.partner not in excluded and (drop.partner, drop.digest) not in there:
            yield f"{drop.partner}: drop {drop.drop} was withdrawn, or is no longer there"
    if plan.site.taken_down:
        kept = read_ledger(base, ["doc_id", "kept"], manifest=manifest).filter(pc.field("kept"))
        gone = [one.hex() for one in kept["doc_id"].to_pylist() if one.hex() in plan.site.taken_down]
        if gone:
            yield f"{len(gone)} documents were taken down, among them {gone[0]}"


def check_unchanged(manifest: Manifest, plan: Plan, *, but: Collection[str] = ()) -> None:
    """Raise where a plan's recipe (`but` for some of its fields), contracts or drops are not the build's.

    A contract or drop that the plan leaves out for its rights is no change.
    """
    said = dict(orjson.loads(canonical_json(manifest.recipe)))
    now = orjson.loads(canonical_json(plan.site.recipe.identity))
    other = sorted(
        name for name in said.keys() | now.keys() if name not in but and said.get(name) != now.get(name)
    )
    if other:
        raise UsageError(
            f"the recipe has changed since ({', '.join(other)}): run `malmoi build` with it, or restore it"
        )
    left_out = {excluded.partner for excluded in plan.excluded}
    contracts = {(f.partner, f.digest) for f in manifest.contracts if f.partner not in left_out}
    drops = {(f.partner, f.epoch, f.digest) for f in manifest.drops if f.partner not in left_out}
    if contracts != {(c.partner, c.digest) for c in plan.site.contracts} or drops != {
        (drop.partner, drop.epoch, drop.digest) for drop in plan.drops
    }:
        raise BuildInconsistent(
            "contracts or drops have changed since: run `malmoi build`, which honours the registry's "
            "takedowns, or restore them"
        )
