"""The tokens of documents that come back: as the pipeline would have them, out of their staged texts.

A document of the very text of one whose tokens stand in a shard of the parent has those tokens: a tokenizer
is a function of the text, and of the data set only where a template of the recipe names it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.takedown.direct import Changed, Decided, Parent
from pipelines.takedown.ledger_parts import Part
from pipelines.tokens.tokenizer import load_tokenizer
from schemas.documents import TURNS

_FEW_BYTES = 1 << 20  # of text to be encoded: more is worth the start of the fast engine


def tokens_of(parent: Parent, decided: Decided) -> dict[int, np.ndarray]:
    """By code, the tokens of each document that comes back."""
    found: dict[int, np.ndarray] = {}
    staged: dict[int, pa.RecordBatch] = {}
    were_kept = {one.doc_id: one for one in decided.of(kept=False)}
    for one in decided.of(kept=True):
        rows = staged[one.code] = _staged(parent, one)
        twin = were_kept.get(one.before.duplicate_of or b"")
        if twin is not None and alike(parent, one, twin) and _same(rows, _staged(parent, twin)):
            found[one.code] = _in_shard(parent, twin)
    left = [one for one in decided.of(kept=True) if one.code not in found]
    return found | _encoded(parent, left, staged) if left else found


def _staged(parent: Parent, one: Changed) -> pa.RecordBatch:
    return parent.files.take(one.split.index, np.array([one.code & 0xFFFFFFFF]), turns=True)


def _same(rows: pa.RecordBatch, others: pa.RecordBatch) -> bool:
    """Whether two staged documents have the same text, and the same turns in it, if their sets have any."""
    names = {"text"} | ({TURNS.name} & {*rows.schema.names, *others.schema.names})
    return names <= {*rows.schema.names} & {*others.schema.names} and all(
        rows[name].equals(others[name]) for name in names
    )


def _name(one: Changed) -> str:
    return f"{one.split.partner}/{one.split.data_set}"


def alike(parent: Parent, one: Changed, other: Changed) -> bool:
    """Whether equal texts of both have equal tokens."""
    templates = {template.data_set for template in parent.recipe.tokens.templates}
    return _name(one) == _name(other) or templates.isdisjoint({_name(one), _name(other)})


def _in_shard(parent: Parent, one: Changed) -> np.ndarray:
    """The tokens of a document that was kept, out of its shard."""
    part = part_of(parent, one)
    rows = parent.parts.table(part)
    own = rows.filter(pc.and_(pc.equal(rows["doc_id"], pa.scalar(one.doc_id, pa.binary(16))), rows["kept"]))
    with pa.memory_map(str(parent.build / part.shard.path)) as source:
        batch = pa.ipc.open_stream(source).read_next_batch()
        return np.array(batch["input_ids"][own["shard_row"][0].as_py()].values, np.int32)


def part_of(parent: Parent, one: Changed) -> Part:
    """The part of the build that a document's id says."""
    (partition,) = parent.parts.partitions(one.split.epoch, [one.doc_id])
    return parent.parts.parts[one.split.epoch, partition]


def _encoded(
    parent: Parent, wanted: Sequence[Changed], staged: dict[int, pa.RecordBatch]
) -> dict[int, np.ndarray]:
    tokenizer = load_tokenizer(parent.recipe.tokens, directory=parent.home)
    if sum(staged[one.code]["text"].nbytes for one in wanted) <= _FEW_BYTES:
        tokenizer = tokenizer.for_few()
    found: dict[int, np.ndarray] = {}
    for name in sorted({_name(one) for one in wanted}):
        own = [one.code for one in wanted if _name(one) == name]
        rows = pa.concat_batches([staged[code] for code in own])
        turns = rows[TURNS.name] if TURNS.name in rows.schema.names else None
        lists = tokenizer.encode(rows["text"], data_set=name, join=parent.made.joins[name], turns=turns)
        found |= {code: np.asarray(lists[at].values, np.int32) for at, code in enumerate(own)}
    return found
