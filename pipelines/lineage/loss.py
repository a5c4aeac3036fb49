"""The law of loudness: a stage that drops more than the recipe allows stops the build."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemas.contract import Kind
from schemas.errors import BuildInconsistent, LossExceeded
from schemas.manifest import DataSetFacts
from schemas.reasons import Reason, Stage
from schemas.recipe import Recipe


@dataclass(frozen=True)
class Balance:
    """What became of one data set's rows. dropped: by "stage/reason"."""

    partner: str
    data_set: str
    kind: Kind
    rows: int
    quarantined: int
    documents: int
    dropped: Mapping[str, int]


def check_losses(balances: Sequence[Balance], recipe: Recipe, *, stages: Sequence[Stage]) -> None:
    """Raise LossExceeded with every limit that is broken, with its numbers.

    A stage's share is what it dropped of the data set's documents. An exception for one reason takes
    that reason out of the stage's sum and holds it to its own share.
    """
    faults = []
    for balance in balances:
        name = f"{balance.partner}/{balance.data_set}"
        if balance.rows == 0:
            faults.append(f"{name}: no row arrived")
        elif balance.quarantined > recipe.max_quarantined * balance.rows:
            faults.append(
                f"{name}: {balance.quarantined} of {balance.rows} rows refused, "
                f"the recipe allows {recipe.max_quarantined:.1%}"
            )
        for stage in stages:
            faults.extend(f"{name}: {fault}" for fault in _stage_faults(balance, recipe, stage))
    if faults:
        raise LossExceeded(
            "\n".join(faults) + "\nMend the drop or the rules, or write an exception with its reason into "
            "the recipe (exceptions: partner, data_set, stage, share, why)"
        )


def check_duplicates(data_sets: Sequence[DataSetFacts], recipe: Recipe) -> None:
    """Raise LossExceeded for every partner that lost more of its documents to copies than the recipe allows.

    The share is of the documents that came to deduplication; repeated keys count among the lost.
    """
    came, lost = came_to_deduplication(data_sets)
    faults = [
        f"{partner}: {lost[partner]} of the {came[partner]} documents that came to deduplication are copies, "
        f"the recipe allows {limit:.1%}"
        for partner, limit in sorted(recipe.max_duplicates.items())
        if lost[partner] > limit * came[partner]
    ]
    if faults:
        raise LossExceeded(
            "\n".join(faults) + "\nSee whom they lost to (dedup in the report of an earlier build), mend the "
            "drop, or allow more in the recipe (max_duplicates)"
        )


def came_to_deduplication(data_sets: Sequence[DataSetFacts]) -> tuple[Counter[str], Counter[str]]:
    """By partner, how many documents came to deduplication, and how many of these it dropped."""
    came, lost = Counter[str](), Counter[str]()
    for facts in data_sets:
        copies = sum(n for key, n in facts.dropped.items() if key.split("/", 1)[0] == Stage.DEDUP)
        came[facts.partner] += facts.kept + copies
        lost[facts.partner] += copies
    return came, lost


def check_matches(matched: Mapping[Stage, int], recipe: Recipe) -> None:
    """Raise LossExceeded where a stage that must find something found nothing in the whole build."""
    silent = [stage.value for stage in recipe.must_match if not matched.get(stage, 0)]
    if silent:
        raise LossExceeded(
            f"{', '.join(silent)}: matched nothing in the whole build: check its settings and inputs, "
            "or take it out of 'must_match'"
        )


def _stage_faults(balance: Balance, recipe: Recipe, stage: Stage) -> list[str]:
    reasons = Counter(
        {
            Reason(key.split("/", 1)[1]): count
            for key, count in balance.dropped.items()
            if key.split("/", 1)[0] == stage
        }
    )
    limit = recipe.max_loss.get(balance.kind, {}).get(stage, 1.0)
    why = f"the recipe allows {balance.kind}"
    faults = []
    for exception in recipe.exceptions:
        if (exception.partner, exception.data_set, exception.stage) != (
            balance.partner,
            balance.data_set,
            stage,
        ):
            continue
        if exception.reason is None:
            limit, why = exception.share, "its exception allows"
        else:
            count = reasons.pop(exception.reason, 0)
            if count > exception.share * balance.documents:
                faults.append(
                    f"{stage} dropped {count} of {balance.documents} documents as {exception.reason}, "
                    f"its exception allows {exception.share:.1%}"
                )
    lost = reasons.total()
    if lost > limit * balance.documents:
        most = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common(3))
        faults.append(f"{stage} dropped {lost} of {balance.documents} documents ({most}), {why} {limit:.1%}")
    return faults


def check_balance(data_sets: Sequence[DataSetFacts], recipe: Recipe) -> None:
    """Raise where what a build came to breaks a limit of its recipe, or nothing was kept at all."""
    check_losses(
        [
            Balance(
                partner=facts.partner,
                data_set=facts.data_set,
                kind=Kind(facts.kind),
                rows=facts.rows_arrived,
                quarantined=0,  # judged at admission
                documents=facts.documents,
                dropped=facts.dropped,
            )
            for facts in data_sets
        ],
        recipe,
        stages=(Stage.RIGHTS, Stage.DEDUP),
    )
    check_duplicates(data_sets, recipe)
    matched: Counter[Stage] = Counter()
    for facts in data_sets:
        for key, count in facts.dropped.items():
            matched[Stage(key.split("/", 1)[0])] += count
        matched[Stage.FIND_PII] += sum(facts.pii.values())
    check_matches(matched, recipe)
    if not sum(facts.kept for facts in data_sets):
        raise BuildInconsistent("no document was kept: see the report of the losses and mend the recipe")
