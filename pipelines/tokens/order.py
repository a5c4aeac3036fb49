"""The order in which a build is seen: stages, steps, the sequences of a step. Computed, never stored.

A stage sees so many sequences of each source (`pipelines.tokens.mixture`). They are numbered, source after
source, and a keyed permutation says which of them stands at which position; step t of the stage holds the
positions from t x batch on. What is left at a stage's end and fills no whole batch is not seen. So a step
is a function of build, withdrawn documents that are left out, curriculum, seed and batch: any number of
ranks and workers can compute their part of any step alone, and where a training stands is told by one
number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipelines.tokens.mixture import Share, shares
from pipelines.tokens.order_index import INDEX_VERSION, OrderIndex, Source
from pipelines.tokens.packing import PACKING_VERSION, Packing, packing_of
from pipelines.tokens.permutation import Permutation
from schemas.curriculum import EVERY_LENGTH, Cut, Lengths, TrainingStage
from schemas.errors import UsageError
from schemas.identity import fingerprint

ORDER_VERSION = 1


@dataclass(frozen=True)
class Stage:
    """A stage of the curriculum over a build, its numbers worked out."""

    name: str
    length: int  # tokens of a sequence
    batch: int  # sequences of a step, all ranks together
    first_step: int  # of the training
    steps: int
    shares: tuple[Share, ...]  # by source
    index: OrderIndex  # the documents it chooses from
    packing: Packing
    permutation: Permutation

    @property
    def sequences(self) -> int:
        """All sequences of the stage, those of the last batch that is not whole included."""
        return self.permutation.size

    def at(self, positions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The sequences at positions of the stage: their sources and their numbers in these."""
        ends, shifts, laps = self._numbering
        places = self.permutation(positions)
        sources = np.searchsorted(ends, places, side="right")
        return sources, (places + shifts[sources]) % laps[sources]

    def positions_of(self, source: int, number: int) -> NDArray[np.int64]:
        """The positions at which a sequence of a source stands, in no order; `at` undone."""
        share, lap = self.shares[source], int(self.packing.counts[source])
        place = int(self._numbering[0][source]) - share.count
        if not share.count:
            return np.empty(0, np.int64)
        first = (number - share.first) % lap
        return self.permutation.inverse(np.arange(place + first, place + share.count, lap, dtype=np.int64))

    @cached_property
    def _numbering(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Of each source: the place after its last, from place to number in its laps, sequences of a lap."""
        counts = np.array([share.count for share in self.shares], np.int64)
        firsts = np.array([share.first for share in self.shares], np.int64)
        ends = np.cumsum(counts)
        return ends, firsts - (ends - counts), self.packing.counts


@dataclass(frozen=True)
class Order:
    """All stages. `identity` is the digest of everything that decides which sequence stands where."""

    stages: tuple[Stage, ...]
    identity: str

    @property
    def steps(self) -> int:
        """The steps of the whole training."""
        return self.stages[-1].first_step + self.stages[-1].steps

    def stage_of(self, step: int) -> Stage:
        """The stage of a step; raises UsageError for a step that there is not."""
        if not 0 <= step < self.steps:
            raise UsageError(f"step {step}: the training has steps 0 to {self.steps - 1}")
        return next(stage for stage in self.stages if step < stage.first_step + stage.steps)

    def sequences(
        self, step: int, *, rank: int = 0, ranks: int = 1
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """A rank's part of a step: sources and numbers; the parts one behind the other are the step."""
        stage = self.stage_of(step)
        part = stage.batch // ranks
        first = (step - stage.first_step) * stage.batch + rank * part
        return stage.at(np.arange(first, first + part, dtype=np.int64))

    def check_ranks(self, ranks: int) -> None:
        """Raises UsageError where a stage's batch cannot be shared evenly."""
        for stage in self.stages:
            if ranks < 1 or stage.batch % ranks:
                raise UsageError(
                    f"stage {stage.name}: {stage.batch} sequences a step cannot be shared evenly by {ranks} "
                    "ranks: choose a batch that is a multiple of the ranks"
                )


def make_order(
    indexes: Mapping[Lengths, OrderIndex],
    curriculum: Sequence[TrainingStage],
    *,
    seed: int,
    batch: int | None,
    limits: Mapping[str, float],
    upsampling: Mapping[str, float],
    made_from: Sequence[str | None],
) -> Order:
    """Work out a curriculum over the documents of a build.

    `indexes` has an index for the lengths of every stage, all of the same sources. `batch` is that of the
    stages which name none; `made_from` are digests of the build and of the list of documents left out. Raises
    UsageError: no stage, no batch, a mixture that cannot be, or fewer sequences than one batch.
    """
    if not curriculum:
        raise UsageError("no stage: name a curriculum in the recipe, or give a sequence length")
    batches = tuple(_batch(stage, batch) for stage in curriculum)
    packings: dict[Cut, Packing] = {
        stage.cut: packing_of(indexes[stage.lengths], stage.packing, stage.sequence_length)
        for stage in curriculum
    }
    sources = indexes[curriculum[0].lengths].sources
    counts: dict[Cut, list[int]] = {cut: packing.counts.tolist() for cut, packing in packings.items()}
    worked_out = shares(curriculum, sources, counts, limits=limits, upsampling=upsampling)
    stages = tuple(_stages(curriculum, worked_out, batches, indexes, packings, seed))
    identity = fingerprint(
        [
            [ORDER_VERSION, INDEX_VERSION, PACKING_VERSION],
            list(made_from),
            seed,
            [
                [stage.name, stage.packing, stage.sequence_length, size, list(found)]
                + ([] if stage.lengths == EVERY_LENGTH else [list(stage.lengths)])
                for stage, size, found in zip(curriculum, batches, worked_out, strict=True)
            ],
        ]
    )
    return Order(stages, identity)


def counted(order: Order, sources: Sequence[Source]) -> list[tuple[str, Source, int]]:
    """(stage, source, sequences) of every source that a stage sees: the mixture, as it came out."""
    return [
        (stage.name, source, share.count)
        for stage in order.stages
        for source, share in zip(sources, stage.shares, strict=True)
        if share.count
    ]


def _batch(stage: TrainingStage, batch: int | None) -> int:
    size = stage.batch if stage.batch is not None else batch
    if size is None or size < 1:
        raise UsageError(f"stage {stage.name}: no batch: say how many sequences a step has, at least one")
    return size


def _stages(
    curriculum: Sequence[TrainingStage],
    worked_out: Sequence[tuple[Share, ...]],
    batches: Sequence[int],
    indexes: Mapping[Lengths, OrderIndex],
    packings: Mapping[Cut, Packing],
    seed: int,
) -> Iterator[Stage]:
    first = 0
    for number, (stage, found, batch) in enumerate(zip(curriculum, worked_out, batches, strict=True)):
        total = sum(share.count for share in found)
        if total < batch:
            raise UsageError(
                f"stage {stage.name}: has {total} sequences, fewer than the {batch} of one step: choose a "
                "smaller batch or shorter sequences"
            )
        yield Stage(
            name=stage.name,
            length=stage.sequence_length,
            batch=batch,
            first_step=first,
            steps=total // batch,
            shares=found,
            index=indexes[stage.lengths],
            packing=packings[stage.cut],
            permutation=Permutation(total, ("malmoi order", ORDER_VERSION, seed, number)),
        )
        first += total // batch
