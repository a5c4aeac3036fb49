"""Batches for a training out of a finished build: packed, shuffled, mixed, resumable.

    loader = open_loader(Path("build/example"), sequence_length=2048, batch=8, seed=1)
    for batch in loader:
        ...                     # batch.tokens, batch.labels, batch.position_ids, batch.cu_seqlens
    state = loader.state()      # plain JSON
    loader = open_loader(..., resume=state)   # the same batches from here, with any number of ranks

A training has `len(loader)` steps; `loader.batch(step)` gives any of them. Which sequences a step holds is
told by `pipelines.tokens.order`. NumPy is all it needs; `torch_dataset` is there where torch is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import ValidationError

from pipelines.tokens.batch_kernels import fill_batch, fill_rows
from pipelines.tokens.finished import FinishedBuild, open_build
from pipelines.tokens.mapped_shards import MappedShards
from pipelines.tokens.order import Order, counted, make_order
from pipelines.tokens.order_index import OrderIndex, index_of_lengths, open_index
from pipelines.tokens.packing import Pieces
from pipelines.tokens.withdrawn import Withdrawn, read_withdrawn
from schemas.curriculum import Lengths, TrainingStage, curriculum_of
from schemas.documents import DOC_ID
from schemas.errors import BuildInconsistent, UsageError
from schemas.manifest import Manifest

STATE_VERSION = 1
DOCUMENTS = pa.schema(
    [
        ("sequence", pa.int32()),  # of the rank's batch
        ("position", pa.int32()),  # of the piece's first token in the sequence
        ("tokens", pa.int32()),
        ("doc_id", DOC_ID),
        ("shard", pa.string()),
        ("row", pa.int32()),
        ("offset", pa.int32()),  # of the piece's first token in the document
        ("withdrawn", pa.bool_()),
    ]
)


class Batch(NamedTuple):
    """One rank's part of a step: n sequences of L tokens. Arrays are new, int32, and the caller's own.

    Attention must stay between the borders in `cu_seqlens`, positions start anew at each: a document never
    sees another. `labels` are the tokens themselves (whoever trains shifts them), with -100 where there is
    no loss: the first token of every piece, which nothing before it may predict, padding, and withdrawn
    documents.
    """

    step: int
    stage: str
    tokens: NDArray[np.int32]  # (n, L)
    labels: NDArray[np.int32]  # (n, L)
    position_ids: NDArray[np.int32]  # (n, L)
    cu_seqlens: NDArray[np.int32]  # borders in the batch laid flat, from 0 to n x L
    max_seqlen: int

    @property
    def loss_mask(self) -> NDArray[np.bool_]:
        """Where there is a loss, (n, L)."""
        return self.labels >= 0


class Loader:
    """The batches of one rank. Made by `open_loader`; iterating goes on at `step` and moves it."""

    def __init__(
        self,
        build: FinishedBuild,
        index: OrderIndex,
        order: Order,
        *,
        withdrawn: Withdrawn | None,
        left_out: Withdrawn | None,
        rank: int,
        ranks: int,
    ) -> None:
        self.build, self.index, self.order, self.step = build, index, order, 0
        self.rank, self.ranks = rank, ranks
        self._withdrawn, self._left_out = withdrawn, left_out
        self._padding = build.manifest.tokenizer.end_of_document
        self._shards = MappedShards(build, index, withdrawn)

    def __len__(self) -> int:
        """Steps of the whole training."""
        return self.order.steps

    def __iter__(self) -> Iterator[Batch]:
        """The batches from `step` to the end."""
        while self.step < len(self):
            batch = self.batch(self.step)
            self.step += 1
            yield batch

    def part(self, worker: int, workers: int) -> Iterator[Batch]:
        """Every workers-th batch from `step` + worker on: workers in turn give what one would."""
        for step in range(self.step + worker, len(self), workers):
            yield self.batch(step)

    def batch(self, step: int) -> Batch:
        """The rank's part of any step."""
        stage = self.order.stage_of(step)
        found = self._pieces(step)
        shape = (len(found.starts) - 1, stage.length)
        if shape[0] * shape[1] > np.iinfo(np.int32).max:
            raise UsageError(f"stage {stage.name}: a rank's batch has over 2^31 - 1 tokens: choose a smaller")
        tokens, labels, positions = np.empty((3, *shape), np.int32)  # one block: malloc keeps it for the next
        ends = np.empty(len(found.pieces) + shape[0] + 1, np.int32)
        with self._shards.lock:
            self._shards.want(found.pieces[:, 0])
            count, longest = fill_batch(
                *found,
                self._shards.tokens,
                self._shards.masked,
                self._padding,
                tokens,
                labels,
                positions,
                ends,
            )
        return Batch(step, stage.name, tokens, labels, positions, ends[:count], int(longest))

    def rows(self, step: int, out: NDArray[np.int32] | None = None) -> NDArray[np.int32]:
        """The tokens of the rank's part of a step alone, (n, L); into `out` where it is given."""
        found = self._pieces(step)
        shape = (len(found.starts) - 1, self.order.stage_of(step).length)
        rows = np.empty(shape, np.int32) if out is None else out
        if rows.shape != shape or rows.dtype != np.int32:
            raise UsageError(f"out: is {rows.dtype} {rows.shape}, the rows are int32 {shape}")
        with self._shards.lock:
            self._shards.want(found.pieces[:, 0])
            fill_rows(*found, self._shards.tokens, self._padding, rows)
        return rows

    def documents(self, step: int) -> pa.Table:
        """Which documents a batch was made of: DOCUMENTS, a row a piece, in the order of `cu_seqlens`."""
        found = self._pieces(step)
        sequences = np.repeat(np.arange(len(found.starts) - 1), np.diff(found.starts))
        shards, begins, tokens = found.pieces.astype(np.int64).T
        before = np.cumsum(tokens) - tokens
        ids = np.empty((len(tokens), 16), np.uint8)
        rows, offsets = np.empty(len(tokens), np.int64), np.empty(len(tokens), np.int64)
        with self._shards.lock:
            self._shards.want(found.pieces[:, 0])
            for shard in np.unique(shards).tolist():
                mine = shards == shard
                starts, doc_ids = self._shards.documents(shard)
                rows[mine] = np.searchsorted(starts, begins[mine], side="right") - 1
                offsets[mine] = begins[mine] - starts[rows[mine]]
                ids[mine] = doc_ids[rows[mine]]
        gone = self._withdrawn.among(ids) if self._withdrawn else np.zeros(len(ids), np.bool_)
        names = [self.build.shards[shard].name for shard in shards.tolist()]
        columns = [
            pa.array(sequences, pa.int32()),
            pa.array(before - before[found.starts[sequences]], pa.int32()),
            pa.array(tokens, pa.int32()),
            pa.FixedSizeBinaryArray.from_buffers(DOC_ID, len(ids), [None, pa.py_buffer(ids)]),
            pa.array(names, pa.string()),
            pa.array(rows, pa.int32()),
            pa.array(offsets, pa.int32()),
            pa.array(gone),
        ]
        return pa.Table.from_arrays(columns, schema=DOCUMENTS)

    def mixture(self) -> list[dict[str, Any]]:
        """What the curriculum came to: stage, partner, language, epoch, sequences."""
        return [
            {
                "stage": stage,
                "partner": source.partner,
                "language": source.language,
                "epoch": source.epoch,
                "sequences": count,
            }
            for stage, source, count in counted(self.order, self.index.sources)
        ]

    def state(self, step: int | None = None) -> dict[str, Any]:
        """Where the training stands, as plain JSON: all that a resume needs, whatever the ranks and workers.

        `step` is the next one to be seen; without it, the loader's own.
        """
        return {
            "version": STATE_VERSION,
            "manifest": self.build.digest,
            "order": self.order.identity,
            "withdrawn": self._withdrawn.digest if self._withdrawn else None,
            "left_out": self._left_out.digest if self._left_out else None,
            "step": self.step if step is None else step,
        }

    def load_state(self, state: Mapping[str, Any], *, new_withdrawals: bool = False) -> None:
        """Go on where a state was taken.

        Raises UsageError where the state is of another build, order or list of withdrawn documents. With
        `new_withdrawals` another list to mask is taken: order, positions and steps are the same under any.
        """
        mine = self.state()
        if set(state) != set(mine) or state["version"] != STATE_VERSION:
            raise UsageError(f"state: is no state of version {STATE_VERSION}: take it from loader.state()")
        if state["manifest"] != mine["manifest"]:
            raise UsageError(
                f"state: is of build {str(state['manifest'])[:16]}, this is {mine['manifest'][:16]}: "
                "open the build it was taken from, or start a new training"
            )
        if state["left_out"] != mine["left_out"]:
            raise UsageError(
                "state: other documents are left out here; leaving documents out starts a new order: mask "
                "the list's loss instead (leave_out=False), or start at step 0"
            )
        if state["order"] != mine["order"]:
            raise UsageError(
                "state: was taken from another order: open the loader with the same seed, batch, sequence "
                "length, packing and curriculum, or start at step 0"
            )
        if state["withdrawn"] != mine["withdrawn"] and not new_withdrawals:
            raise UsageError(
                "state: was taken under another list of withdrawn documents: open the loader with that list, "
                "or say new_withdrawals=True to go on under this one"
            )
        step = state["step"]
        if not isinstance(step, int) or isinstance(step, bool) or not 0 <= step <= len(self):
            raise UsageError(f"state: step is not 0 to {len(self)}: take it from loader.state()")
        self.step = step

    def close(self) -> None:
        """Let the mapped shards go."""
        self._shards.close()

    def _pieces(self, step: int) -> Pieces:
        sources, numbers = self.order.sequences(step, rank=self.rank, ranks=self.ranks)
        return self.order.stage_of(step).packing.pieces(sources, numbers)


def open_loader(
    build: Path,
    *,
    sequence_length: int | None = None,
    packing: Literal["best_fit", "concat"] = "best_fit",
    curriculum: tuple[TrainingStage, ...] | None = None,
    batch: int | None = None,
    seed: int = 0,
    split: str = "train",
    rank: int = 0,
    ranks: int = 1,
    withdrawn: Path | None = None,
    key: str | None = None,
    leave_out: bool = False,
    resume: Mapping[str, Any] | None = None,
    new_withdrawals: bool = False,
    full_check: bool = False,
    order_directory: Path | None = None,
) -> Loader:
    """A loader over a finished build, after all checks.

    The stages are those of `curriculum`, or one of `sequence_length` and `packing` over everything, or
    those of the recipe the build was made by. `batch` is the sequences of a step, all ranks together.
    `withdrawn` is a signed list and `key` the public key trusted for it; their loss is masked, or with
    `leave_out` they are not there at all, which is another order. `full_check` reads every byte of the
    split first. Files made once for a build lie in `order_directory`, by default BUILD.order beside the
    build; they may be removed.

    Raises BuildInconsistent (missing or altered shard, empty build), UsageError (a curriculum that cannot be,
    a batch that the ranks cannot share, a resume of something else), InputUnreadable (the list).
    """
    if not 0 <= rank < ranks:
        raise UsageError(f"rank {rank} of {ranks}: ranks are numbered from 0")
    opened = open_build(build, split)
    if full_check:
        opened.check_digests()
    listed = _list_of(withdrawn, key)
    if leave_out and listed is None:
        raise UsageError("leave_out: no list of withdrawn documents: name one in withdrawn")
    masked, left_out = (None, listed) if leave_out else (listed, None)
    directory = order_directory or build.with_name(build.name + ".order")
    index = open_index(opened, directory, left_out)
    stages = _curriculum(opened.manifest, curriculum, sequence_length, packing)
    order = make_order(
        {lengths: index_of_lengths(opened, index, lengths, left_out) for lengths in _lengths(stages)},
        stages,
        seed=seed,
        batch=batch,
        limits={c.partner: c.rights.upsampling_limit for c in opened.manifest.contracts},
        upsampling=_upsampling(opened.manifest),
        made_from=(opened.digest, split, left_out.digest if left_out else None),
    )
    order.check_ranks(ranks)
    loader = Loader(opened, index, order, withdrawn=masked, left_out=left_out, rank=rank, ranks=ranks)
    if resume is not None:
        loader.load_state(resume, new_withdrawals=new_withdrawals)
    return loader


def _list_of(withdrawn: Path | None, key: str | None) -> Withdrawn | None:
    if withdrawn is None:
        return None
    if key is None:
        raise UsageError("withdrawn: no key: say which public key signs the list of withdrawn documents")
    return read_withdrawn(withdrawn, key=key)


def _curriculum(
    manifest: Manifest,
    curriculum: tuple[TrainingStage, ...] | None,
    sequence_length: int | None,
    packing: Literal["best_fit", "concat"],
) -> tuple[TrainingStage, ...]:
    if curriculum is not None:
        return curriculum
    if sequence_length is not None:
        try:
            return (TrainingStage(name="all", sequence_length=sequence_length, packing=packing),)
        except ValidationError as error:
            fields = ", ".join(sorted({str(found["loc"][-1]) for found in error.errors()}))
            raise UsageError(f"{fields}: not possible: see schemas.curriculum.TrainingStage") from None
    try:
        return curriculum_of(manifest.recipe)
    except ValidationError:
        raise BuildInconsistent("manifest.json: its recipe has no readable curriculum: build again") from None


def _lengths(stages: tuple[TrainingStage, ...]) -> list[Lengths]:
    return sorted({stage.lengths for stage in stages}, key=str)


def _upsampling(manifest: Manifest) -> dict[str, float]:
    said = manifest.recipe.get("upsampling")
    return {str(name): float(times) for name, times in said.items()} if isinstance(said, dict) else {}
