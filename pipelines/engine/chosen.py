"""Which contracts a build may use at all: the law of rights, contract by contract."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from pipelines.intake.standing import standing
from pipelines.stages.pii.gate import ENTITIES
from schemas.contract import Contract, Severity
from schemas.curriculum import most_times
from schemas.errors import LossExceeded, UsageError
from schemas.manifest import Excluded
from schemas.recipe import Recipe
from schemas.rights import denials

# Of `pipelines.intake.standing`: whether anybody agreed to the contract as it stands.
_AGREED = frozenset({"status", "unapproved", "approval_stale", "approval_false"})


def choose(
    contracts: tuple[Contract, ...], recipe: Recipe, day: str
) -> tuple[tuple[Contract, ...], tuple[Excluded, ...]]:
    """The contracts that allow what the recipe wants on a day, in its order of rank; the rest with reasons.

    Raises UsageError for a partner without a contract or a token seen more often than its contract allows,
    LossExceeded where no contract is left.
    """
    by_partner = {contract.partner: contract for contract in contracts}
    if missing := [partner for partner in recipe.partners if partner not in by_partner]:
        raise UsageError(
            f"no contract of {', '.join(missing)}: put it into {recipe.contracts}, "
            "or take it out of 'partners'"
        )
    chosen, excluded = [], []
    for partner in recipe.partners:
        contract = by_partner[partner]
        if reasons := list(_reasons(contract, recipe, day)):
            excluded.append(Excluded(partner, "; ".join(reasons)))
        else:
            chosen.append(contract)
    if not chosen:
        raise LossExceeded(
            "no contract allows what the recipe asks for: change its purposes or its date\n"
            + "\n".join(f"{one.partner}: {one.reason}" for one in excluded)
        )
    _check_upsampling(chosen, recipe)
    return tuple(chosen), tuple(excluded)


def _reasons(contract: Contract, recipe: Recipe, day: str) -> Iterator[str]:
    for denial in denials(contract.partner, contract.rights, recipe.use(day)):
        yield denial.message
    for finding in standing(contract, day):
        if finding.severity is Severity.ERROR and finding.code in _AGREED:
            yield finding.message


def _check_upsampling(contracts: list[Contract], recipe: Recipe) -> None:
    limits = {contract.partner: contract.rights.upsampling_limit for contract in contracts}
    beyond = [
        f"upsampling: {partner}: {times:g} times, its contract allows {limits[partner]:g}"
        for partner, times in sorted(recipe.upsampling.items())
        if times > limits.get(partner, times)
    ]
    beyond += [
        f"curriculum: {partner}: {times:g} times over all stages, its contract allows {limit:g}"
        for partner, limit in sorted(limits.items())
        if (times := most_times(recipe.curriculum, partner, recipe.upsampling.get(partner, 1))) > limit
        and recipe.curriculum
    ]
    if beyond:
        raise UsageError("\n".join(beyond) + "\nLower it in the recipe")


def warnings(contracts: tuple[Contract, ...], recipe: Recipe, day: str) -> tuple[str, ...]:
    """What a person should know of the contracts that are used: ends within the horizon, classes unseen."""
    horizon = (date.fromisoformat(day) + timedelta(days=recipe.horizon_days)).isoformat()
    said = []
    for contract in contracts:
        if contract.rights.expires < horizon:
            said.append(
                f"{contract.partner}: the contract ends on {contract.rights.expires}, within "
                f"{recipe.horizon_days} days: renew it, or plan for what is built on it"
            )
        unseen = [
            policy.label
            for policy in contract.rights.personal_data
            if policy.policy != "keep" and policy.label not in ENTITIES
        ]
        if unseen:
            said.append(
                f"{contract.partner}: the contract wants {', '.join(unseen)} removed or replaced, and "
                "nothing here looks for that yet"
            )
    return tuple(said)
