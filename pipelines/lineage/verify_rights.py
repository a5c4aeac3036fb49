"""Check a build's rights from the manifest's own facts: on its date, and on a later day.

What the contracts and the recipe said lies in the manifest, so nothing else is needed;
`schemas.rights.denials` decides here as it did for the build.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
from pydantic import ValidationError

from pipelines.lineage.finding import Finding
from schemas.curriculum import curriculum_of, most_times
from schemas.manifest import ContractFacts, Manifest
from schemas.rights import Use, denials, held_until


def check_rights(manifest: Manifest) -> Iterator[Finding]:
    """Every data set with kept documents stands under a contract that allows the recipe, on its date."""
    contracts = {contract.partner: contract for contract in manifest.contracts}
    refused = {partner: list(_against(contract, manifest)) for partner, contract in contracts.items()}
    for facts in manifest.data_sets:
        where = f"{facts.partner}/{facts.data_set}"
        if facts.partner not in contracts:
            yield Finding("rights", where, "stands under no contract of the manifest")
        elif facts.kept:
            for message in refused[facts.partner]:
                yield Finding("rights", where, message)
    for excluded in manifest.excluded:
        if excluded.partner in contracts:
            yield Finding("rights", excluded.partner, "was left out, and yet is among the contracts")


def check_rights_of_documents(ledger: pl.DataFrame, manifest: Manifest) -> Iterator[Finding]:
    """Every kept document's drop and data set are the manifest's, and its contract allows the use."""
    allowed = [c.partner for c in manifest.contracts if not any(_against(c, manifest))]
    drops = [f"{drop.partner}/{drop.drop}" for drop in manifest.drops]
    sets = [f"{facts.partner}/{facts.data_set}" for facts in manifest.data_sets]
    of = ("partner", "drop", "data_set")
    found = ledger.lazy().filter("kept").select(of).unique().collect()  # few: judged once each
    found = found.with_columns(
        of_drop=pl.format("{}/{}", "partner", "drop"), of_set=pl.format("{}/{}", "partner", "data_set")
    )
    for message, broken in (
        ("kept, and its contract does not allow the use", ~pl.col("partner").is_in(allowed)),
        ("kept, and of a drop that the manifest does not name", ~pl.col("of_drop").is_in(drops)),
        ("kept, and of a data set that the manifest does not name", ~pl.col("of_set").is_in(sets)),
    ):
        against = found.filter(broken)
        if len(against):
            wrong = ledger.filter("kept").join(against, on=of, how="semi", maintain_order="left")
            first = wrong["doc_id"][0].hex()
            yield Finding("rights", first, f"{message} ({len(wrong)} in all)")


def check_rights_on(manifest: Manifest, day: str) -> Iterator[Finding]:
    """What has ended by a later day: rights, the time data may be held, hosts that opted out since."""
    used = {facts.partner for facts in manifest.data_sets if facts.kept}
    for contract in manifest.contracts:
        if contract.partner not in used:
            continue
        rights, last = contract.rights, held_until(contract.rights)
        remedy = f"`malmoi takedown BUILD --expired --on {day} -o NEW`"
        if day < rights.starts:
            yield Finding("not yet", contract.partner, f"its contract starts on {rights.starts}, after {day}")
        elif last is not None and last < day:
            message = (
                f"its contract ended on {rights.expires}, and its data might be held until {last}: {remedy}"
            )
            yield Finding("held too long", contract.partner, message)
        elif rights.expires < day:
            message = f"its contract ended on {rights.expires}: train on it no more; {remedy}"
            yield Finding("expired", contract.partner, message)
        for out in rights.opt_outs:
            if manifest.date < out.since <= day:
                message = f"{out.domain} has opted out on {out.since}, after the build's date: build again"
                yield Finding("opted out", contract.partner, message)


def _against(contract: ContractFacts, manifest: Manifest) -> Iterator[str]:
    recipe = manifest.recipe
    for denial in denials(contract.partner, contract.rights, use_of(manifest, manifest.date)):
        yield denial.message
    upsampling = recipe.get("upsampling")
    once = upsampling.get(contract.partner, 1) if isinstance(upsampling, dict) else 1
    try:
        curriculum = curriculum_of(recipe)
    except ValidationError:
        yield "the recipe's curriculum cannot be read"
        return
    times = most_times(curriculum, contract.partner, once)
    if times > contract.rights.upsampling_limit:
        limit = contract.rights.upsampling_limit
        yield f"its tokens are seen {times:g} times, the contract allows {limit:g}"


def use_of(manifest: Manifest, day: str) -> Use:
    """What the recipe wanted, on a day; what it does not say is the most that it can mean."""
    recipe = manifest.recipe
    students, accepts = recipe.get("student_parameters"), recipe.get("accepts")
    return Use(
        purposes=_texts(recipe.get("purposes")),
        release=str(recipe.get("release", "open")),
        territory=_texts(recipe.get("territory")),
        date=day,
        student_parameters=students if isinstance(students, int) else 0,
        accepts=tuple(
            (str(entry.get("partner")), str(entry.get("verb")))
            for entry in (accepts if isinstance(accepts, list | tuple) else ())
            if isinstance(entry, dict)
        ),
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()
