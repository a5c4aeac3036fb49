"""The curriculum: stages of the training, what each sees of whom, how often. A part of the recipe.

The manifest carries it, and `pipelines.tokens.loader` follows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

_STRICT = ConfigDict(extra="forbid", defer_build=True)
Positive = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]


class Lengths(NamedTuple):
    """Documents of how many tokens, as they stand in the shards, are meant: both ends included."""

    least: int | None = None
    most: int | None = None

    def hold(self, tokens: int) -> bool:
        """Whether a document of so many tokens is meant."""
        return (self.least is None or self.least <= tokens) and (self.most is None or tokens <= self.most)

    def __str__(self) -> str:
        ends = ((self.least, "at least"), (self.most, "at most"))
        said = [f"{words} {tokens:,}" for tokens, words in ends if tokens is not None]
        return " and ".join(said or ["any number of"]) + " tokens"


EVERY_LENGTH = Lengths()
Cut = tuple[str, int, Lengths]  # packing, sequence length, documents


@dataclass(frozen=True, config=_STRICT)
class Portion:
    """How much of some documents a stage of the training sees; what is not named selects all.

    Just one of `times` and `sequences` is given.
    """

    partner: str | None = None
    language: str | None = None
    epoch: Count | None = None  # of the registry: the segment the documents lie in
    times: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None  # each sequence, so often
    sequences: Count | None = None  # so many in all


@dataclass(frozen=True, config=_STRICT)
class TrainingStage:
    """One stage of the curriculum: what is seen, in sequences of which length; see `pipelines.tokens.order`.

    Of the portions that fit a document the first counts; what no portion fits is not seen. Without any
    portion all is seen, each partner's as often as the recipe's `upsampling` says. With `min_tokens` or
    `max_tokens` the stage, its mixture too, knows of no other documents than those of such lengths.
    """

    name: str
    sequence_length: Annotated[int, Field(ge=2, le=1 << 24)]
    packing: Literal["best_fit", "concat"] = "best_fit"
    batch: Positive | None = None  # sequences a step of all ranks; otherwise the trainer says
    mixture: tuple[Portion, ...] = ()
    min_tokens: Positive | None = None  # of a document, as it stands in the shards
    max_tokens: Positive | None = None

    @property
    def lengths(self) -> Lengths:
        """The documents that the stage chooses from."""
        return Lengths(self.min_tokens, self.max_tokens)

    @property
    def cut(self) -> Cut:
        """What decides its sequences, whatever it sees of them."""
        return self.packing, self.sequence_length, self.lengths


_CURRICULUM: TypeAdapter[tuple[TrainingStage, ...]] = TypeAdapter(tuple[TrainingStage, ...])


def curriculum_of(recipe: Mapping[str, Any]) -> tuple[TrainingStage, ...]:
    """The curriculum in a manifest's recipe; pydantic's ValidationError where it is none."""
    return _CURRICULUM.validate_python(recipe.get("curriculum", ()))


def fits(portion: Portion, *, partner: str, language: str | None, epoch: int | None) -> bool:
    """Whether a portion selects the documents of a partner, in a language and an epoch."""
    return (
        portion.partner in (None, partner)
        and portion.language in (None, language)
        and portion.epoch in (None, epoch)
    )


def exact(number: float) -> Fraction:
    """The number as it is written: 0.1 is a tenth."""
    return Fraction(repr(number))


def length_classes(every: Iterable[Lengths]) -> list[int]:
    """A number of tokens out of each class of documents that the same of some ranges hold."""
    found = {1}
    for lengths in every:
        found |= {lengths.least or 1, 1 if lengths.most is None else lengths.most + 1}
    return sorted(found)


def most_times(curriculum: Sequence[TrainingStage], partner: str, upsampling: float) -> float:
    """How often documents of a partner are seen over all stages: in the language, epoch and length seen most.

    Portions that ask for a number of sequences count nothing: how many there are is known when all is packed.
    """
    if not curriculum:
        return upsampling
    portions = [portion for stage in curriculum for portion in stage.mixture]
    languages = {None, *(portion.language for portion in portions)}  # None: any that no portion names
    epochs = {None, *(portion.epoch for portion in portions)}
    return float(
        max(
            sum(
                (
                    _times(stage, partner, language, epoch, upsampling)
                    for stage in curriculum
                    if stage.lengths.hold(tokens)
                ),
                Fraction(),
            )
            for language in languages
            for epoch in epochs
            for tokens in length_classes(stage.lengths for stage in curriculum)
        )
    )


def _times(
    stage: TrainingStage, partner: str, language: str | None, epoch: int | None, upsampling: float
) -> Fraction:
    if not stage.mixture:
        return exact(upsampling)
    for portion in stage.mixture:
        if fits(portion, partner=partner, language=language, epoch=epoch):
            return exact(portion.times or 0)
    return Fraction()
