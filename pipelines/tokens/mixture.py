"""How many sequences of every source each stage of the training sees: whole numbers, within the contracts.

A source's sequences are seen in laps: all of them once before any is seen again. A stage goes on in the lap
where the last stage of the same packing and length stopped, so half a lap and half a lap are one lap. The
limit of a contract holds over the whole curriculum, twice: the tokens seen are at most `upsampling_limit`
times those that stand there, and no token is seen more often than that limit, rounded up. Stages that cut a
source in other ways may meet the same token, so their laps, each rounded up, are added. Stages that choose
documents by length meet only where a length is in both: both limits hold for every length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from pipelines.tokens.order_index import Source
from schemas.curriculum import EVERY_LENGTH, Cut, Portion, TrainingStage, exact, fits, length_classes
from schemas.errors import UsageError


@dataclass(frozen=True)
class Share:
    """Sequences of one source in one stage: `count` of them, from number `first` of the laps on."""

    count: int
    first: int


def shares(
    curriculum: Sequence[TrainingStage],
    sources: Sequence[Source],
    sequences: Mapping[Cut, Sequence[int]],
    *,
    limits: Mapping[str, float],
    upsampling: Mapping[str, float],
) -> tuple[tuple[Share, ...], ...]:
    """For each stage the share of each source.

    `sequences` has the numbers of sequences of the sources by their cut, 0 of one that has no document of
    its lengths; `limits` and `upsampling` are by partner. Raises UsageError that names stage and portion: it
    fits nothing, or asks for more than there is or the contract allows.
    """
    before: dict[Cut, list[int]] = {cut: [0] * len(sources) for cut in sequences}
    found = []
    for stage in curriculum:
        cut = stage.cut
        counts = _counts(stage, sources, sequences[cut], limits, upsampling)
        if not sum(counts):
            raise UsageError(f"curriculum, stage {stage.name}: sees nothing: raise a portion of its mixture")
        found.append(tuple(map(Share, counts, before[cut])))
        before[cut] = [old + new for old, new in zip(before[cut], counts, strict=True)]
    for number, source in enumerate(sources):
        laps = {
            cut: Fraction(seen[number], sequences[cut][number])
            for cut, seen in before.items()
            if seen[number]
        }
        for tokens in length_classes(lengths for *_, lengths in laps):
            of_these = [lap for (*_, lengths), lap in laps.items() if lengths.hold(tokens)]
            _check_limit(source, of_these, limits)
    return tuple(found)


def _counts(
    stage: TrainingStage,
    sources: Sequence[Source],
    sequences: Sequence[int],
    limits: Mapping[str, float],
    upsampling: Mapping[str, float],
) -> list[int]:
    if not any(sequences):
        raise UsageError(
            f"curriculum, stage {stage.name}: no document of the build has {stage.lengths}: mend "
            "min_tokens and max_tokens"
        )
    if not stage.mixture:
        return [
            int(exact(upsampling.get(source.partner, 1)) * count)
            for source, count in zip(sources, sequences, strict=True)
        ]
    counts = [0] * len(sources)
    there = {number for number, count in enumerate(sequences) if count}
    free = set(there)
    of_length = "" if stage.lengths == EVERY_LENGTH else f" with {stage.lengths}"
    for place, portion in enumerate(stage.mixture):
        where = f"curriculum, stage {stage.name}, mixture[{place}]"
        mine = sorted(number for number in free if _fits(portion, sources[number]))
        free -= set(mine)
        if not mine:
            taken = any(_fits(portion, sources[number]) for number in there)
            what = "earlier portions take all that it fits" if taken else "fits no document of the build"
            what += of_length
            raise UsageError(f"{where}: {what}: it selects {_selects(portion)}; mend or remove it")
        if portion.sequences is None:
            times = exact(portion.times or 0)
            for number in mine:
                counts[number] = int(times * sequences[number])
        else:
            parts = _divided(portion.sequences, [sequences[number] for number in mine])
            for number, part in zip(mine, parts, strict=True):
                counts[number] = part
                most = int(exact(limits.get(sources[number].partner, 1)) * sequences[number])
                if part > most:
                    raise UsageError(
                        f"{where}: asks for {part} sequences of {sources[number]}{of_length}, which has "
                        f"{sequences[number]} and may be seen {limits.get(sources[number].partner, 1):g} "
                        f"times: {most} are the most there are"
                    )
    return counts


def _fits(portion: Portion, source: Source) -> bool:
    return fits(portion, partner=source.partner, language=source.language, epoch=source.epoch)


def _selects(portion: Portion) -> str:
    parts = [
        f"{name} {value}"
        for name in ("partner", "language", "epoch")
        if (value := getattr(portion, name)) is not None
    ]
    return ", ".join(parts) or "everything"


def _divided(whole: int, weights: Sequence[int]) -> list[int]:
    """Whole numbers that add up to `whole`, in proportion: the largest remainders get one more."""
    total = sum(weights)
    parts = [whole * weight // total for weight in weights]
    left = sorted(range(len(weights)), key=lambda i: (-(whole * weights[i] % total), i))
    for i in left[: whole - sum(parts)]:
        parts[i] += 1
    return parts


def _check_limit(source: Source, laps: Sequence[Fraction], limits: Mapping[str, float]) -> None:
    limit = limits.get(source.partner, 1)
    times = sum(laps, Fraction())
    most = sum(map(ceil, laps))
    if times > exact(limit):
        raise UsageError(
            f"curriculum: {source} is seen {float(times):g} times in all, its contract allows {limit:g}: "
            "lower its portions"
        )
    if most > ceil(exact(limit)):
        raise UsageError(
            f"curriculum: a token of {source} may be seen {most} times, as stages cut it into sequences in "
            f"{len(laps)} ways, and its contract allows {limit:g}: give these "
            "stages one packing and length, or see it in fewer of them"
        )
