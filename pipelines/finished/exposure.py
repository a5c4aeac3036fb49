"""Which models saw a document, at which steps: trainings of the registry, recomputed from their orders."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from pipelines.intake.registry import Registry
from pipelines.intake.releases import record_training
from pipelines.lineage.ledger import find_document
from pipelines.tokens.loader import Loader, open_loader
from pipelines.tokens.sightings import Sighting, sightings
from pipelines.tokens.withdrawn import read_withdrawn
from schemas.errors import BuildInconsistent, UsageError
from schemas.registry import Event, TrainingRecorded


@dataclass(frozen=True)
class Settings:
    """Of a training, as `open_loader` takes them: all that decides its order."""

    seed: int = 0
    batch: int | None = None
    sequence_length: int | None = None  # None: the stages of the recipe
    packing: Literal["best_fit", "concat"] = "best_fit"
    split: str = "train"


@dataclass(frozen=True)
class DocumentList:
    """A signed list of withdrawn documents, and the key that is trusted for it."""

    path: Path
    key: str


@dataclass(frozen=True)
class Exposure:
    """What one recorded training saw of a document."""

    model: str
    first_step: int
    last_step: int
    sightings: tuple[Sighting, ...]
    unknown: str = ""  # why nothing can be said; "" where the sightings are all there are

    @property
    def steps(self) -> tuple[int, ...]:
        """The steps, rising."""
        return tuple(sorted({sighting.step for sighting in self.sightings}))

    @property
    def tokens(self) -> int:
        """Tokens of the document that were seen, each as often as it was."""
        return sum(sighting.tokens for sighting in self.sightings)

    def facts(self) -> dict[str, Any]:
        """As JSON has it."""
        said = asdict(self)
        said["sightings"] = [sighting._asdict() for sighting in self.sightings]
        return {**said, "steps": self.steps, "tokens": self.tokens}


def record(
    build: Path,
    registry: Registry,
    *,
    model: str,
    first_step: int,
    last_step: int,
    settings: Settings,
    masked: DocumentList | None = None,
    left_out: DocumentList | None = None,
    at: str,
) -> tuple[Event, bool]:
    """Record that a model was trained on steps of a build: (the event, whether it is new).

    The order is worked out, so that settings which make none, or fewer steps, are refused (UsageError).
    """
    loader = _opened(build, settings, left_out)
    if not 0 <= first_step <= last_step < len(loader):
        raise UsageError(f"steps {first_step} to {last_step}: the training has steps 0 to {len(loader) - 1}")
    state = loader.state()
    body = TrainingRecorded(
        model=model,
        manifest=state["manifest"],
        first_step=first_step,
        last_step=last_step,
        order=state["order"],
        seed=settings.seed,
        batch=settings.batch,
        sequence_length=settings.sequence_length,
        packing=settings.packing,
        split=settings.split,
        withdrawn=None if masked is None else read_withdrawn(masked.path, key=masked.key).digest,
        left_out=state["left_out"],
    )
    return record_training(registry, body, at=at)


def exposures(
    build: Path, doc_id: str, trainings: Iterable[TrainingRecorded], *, left_out: DocumentList | None = None
) -> tuple[Exposure, ...]:
    """What recorded trainings on a build saw of a document (32 hexadecimal digits), in the log's order.

    `left_out` is the list that trainings left out; for one that left out another, nothing can be said.
    Raises BuildInconsistent where an order is not the one that was recorded.
    """
    rows = [row for row in find_document(build, bytes.fromhex(doc_id)) if row["kept"]]
    opened = cache(partial(_opened, build))  # a run that was taken up again has its settings in each event
    return tuple(_exposure(opened, rows[0] if rows else None, one, left_out) for one in trainings)


def _exposure(
    opened: Callable[[Settings, DocumentList | None], Loader],
    row: dict[str, Any] | None,
    training: TrainingRecorded,
    left_out: DocumentList | None,
) -> Exposure:
    told = training.model, training.first_step, training.last_step
    if row is None:
        return Exposure(*told, ())
    mine = None
    if training.left_out is not None:
        given = None if left_out is None else read_withdrawn(left_out.path, key=left_out.key).digest
        if given != training.left_out:
            why = f"list {training.left_out[:16]} was left out of its order: give it with --left-out"
            return Exposure(*told, (), why)
        mine = left_out
    loader = opened(_settings(training), mine)
    if loader.order.identity != training.order:
        raise BuildInconsistent(
            f"{training.model}: its order is {training.order[:16]}, the one worked out here "
            f"{loader.order.identity[:16]}: use the version of Malmoi that recorded it"
        )
    number = {shard.name: i for i, shard in enumerate(loader.build.shards)}.get(row["shard"])
    if number is None:  # of the other split
        return Exposure(*told, ())
    begin, end = _tokens_of(loader, number, row["shard_row"])
    found = sightings(loader, number, begin, end, first=training.first_step, last=training.last_step)
    return Exposure(*told, tuple(found))


def _settings(training: TrainingRecorded) -> Settings:
    packing: Literal["best_fit", "concat"] = "concat" if training.packing == "concat" else "best_fit"
    return Settings(training.seed, training.batch, training.sequence_length, packing, training.split)


def _opened(build: Path, settings: Settings, left_out: DocumentList | None) -> Loader:
    return open_loader(
        build,
        sequence_length=settings.sequence_length,
        packing=settings.packing,
        batch=settings.batch,
        seed=settings.seed,
        split=settings.split,
        withdrawn=None if left_out is None else left_out.path,
        key=None if left_out is None else left_out.key,
        leave_out=left_out is not None,
    )


def _tokens_of(loader: Loader, shard: int, row: int) -> tuple[int, int]:
    """Where a document's tokens begin and end in its shard; two offsets of a mapped file are read."""
    with pa.memory_map(loader.build.place(shard)) as source:
        offsets = pa.ipc.open_stream(source).read_next_batch()["input_ids"].offsets
        return offsets[row].as_py(), offsets[row + 1].as_py()
