"""What a request names, as documents of a build: by ledger, staged rights of rows, fingerprints, drops.

Rights of staged splits hold each row's key (a digest) and host; persons' pseudonyms are in no staged file, so
for them the drop is read again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dedup.candidates import bucket_keys
from pipelines.dedup.component import Codes
from pipelines.engine.made import MadeSplit
from pipelines.engine.suppression import suppressed_now, suppressed_rows
from pipelines.stages.fingerprint import shingle_sets
from pipelines.takedown.house import House
from pipelines.takedown.persons import rows_of_persons
from pipelines.takedown.staged_places import codes_of, places_of
from schemas.errors import UsageError
from schemas.identity import document_ids
from schemas.takedown import TakedownRequest

_LOOK_KEY = bytes(16)  # for fingerprints that are compared at once and never written


@dataclass(frozen=True)
class Answer:
    """How many of the things that a request names one way were asked for, and the documents found."""

    what: str
    asked: int
    documents: int


@dataclass(frozen=True)
class Found:
    """What a request came to."""

    documents: pl.DataFrame  # ledger rows, each once
    unknown: tuple[str, ...]  # documents (ids) that were named and are not in this build
    answers: tuple[Answer, ...]
    texts: tuple[pa.RecordBatch, ...]  # what was asked for as a text: rows with its fingerprints


def find(house: House, request: TakedownRequest) -> Found:
    """The documents of a build that a request names, kept or not."""
    parts: list[pl.DataFrame] = []
    answers: list[Answer] = []

    def answer(what: str, asked: int, rows: pl.DataFrame) -> None:
        answers.append(Answer(what, asked, rows["doc_id"].n_unique()))
        parts.append(rows)

    named = set(request.documents)
    if request.documents:
        answer("documents", len(request.documents), _by_ids(house, request.documents))
    for rows in request.rows:
        ids = _ids_of_keys(rows.partner, rows.data_set, rows.parts)
        named |= ids
        found = _by_ids(house, ids)
        if len(found) < len(rows.keys) and house.made is not None:  # the key has a version beside it
            digests = document_ids(partner=rows.partner, data_set="", keys=rows.parts)
            where = pc.field("key").isin(pa.array(digests, pa.binary(16)))
            mine = [s for s in house.made.splits if (s.partner, s.data_set) == (rows.partner, rows.data_set)]
            found = _once([found, by_places(house, _rows_where(house, mine, where))])
        answer("rows", len(rows.keys), found)
    for persons in request.subjects:
        places = list(rows_of_persons(house, persons.partner, frozenset(persons.keys)))
        answer("subjects", len(persons.keys), by_places(house, places))
    if request.domains:
        answer("domains", len(request.domains), by_places(house, _rows_of_hosts(house, request.domains)))
    texts: tuple[pa.RecordBatch, ...] = ()
    if request.texts:
        from pipelines.takedown.texts import fingerprints_of

        texts = fingerprints_of(request.texts, house.recipe, house.contracts.values())
        answer("texts", len(request.texts), _by_codes(house, near(house, texts)))
    if request.contract is not None:
        known = {facts.partner for facts in house.manifest.data_sets}
        if request.contract not in known:
            raise UsageError(f"contract: no partner of this build: name one of {', '.join(sorted(known))}")
        answer("contract", 1, house.ledger(pc.field("partner") == request.contract))
    documents = _once(parts)
    there = {doc_id.hex() for doc_id in documents["doc_id"]}
    return Found(documents, tuple(sorted(named - there)), tuple(answers), texts)


def near(house: House, batches: Sequence[pa.RecordBatch]) -> Codes:
    """The staged documents that are equal or near to rows with fingerprints, as later builds tell them.

    Not by BUILD/index/fingerprints: what rights took out is not in it, and has to be named all the same.
    """
    shingles = partial(shingle_sets, settings=house.recipe.fingerprint)
    asked = suppressed_now(batches, key=_LOOK_KEY, shingles=shingles)
    keys = [bucket_keys(batch) for batch in batches]
    wanted = np.unique(np.concatenate([one[:, [0, *range(2, one.shape[1])]].reshape(-1) for one in keys]))
    candidates = np.unique(house.staged.holders(wanted)[1])
    found = [np.empty(0, np.int64)]
    for split in np.unique(candidates >> 32).tolist():
        own = candidates[candidates >> 32 == split]
        rows = house.staged.take(split, own & 0xFFFFFFFF)
        threshold = house.recipe.dedup.threshold
        found.append(own[suppressed_rows(rows, asked, shingles=shingles, threshold=threshold)])
    return np.concatenate(found)


def neighbourhood(house: House, codes: Codes) -> tuple[pl.DataFrame, list[pa.RecordBatch]]:
    """All that is nearly the same text as some documents, as ledger rows; the documents' own staged rows."""
    own = [
        house.staged.take(int(split), codes[codes >> 32 == split] & 0xFFFFFFFF)
        for split in np.unique(codes >> 32)
    ]
    return _by_codes(house, near(house, own)) if own else _once([]), own


def codes_in(house: House, documents: pl.DataFrame) -> Codes:
    """Where documents stand in the staged splits; those that a stage dropped stand nowhere."""
    if house.made is None or not len(documents):
        return np.empty(0, np.int64)
    return codes_of(house.made.splits, house.staged, documents)


def _ids_of_keys(partner: str, data_set: str, keys: Iterable[Sequence[str]]) -> set[str]:
    return {doc_id.hex() for doc_id in document_ids(partner=partner, data_set=data_set, keys=keys)}


def _by_ids(house: House, ids: Collection[str]) -> pl.DataFrame:
    return house.parts.rows([bytes.fromhex(one) for one in ids])


def by_places(house: House, places: Sequence[tuple[str, str, int]]) -> pl.DataFrame:
    """Ledger rows of (drop, file, row)."""
    wanted = pl.DataFrame(
        places, schema={"drop": pl.String, "file": pl.String, "row": pl.Int64}, orient="row"
    )
    if not len(wanted):
        return _once([])
    drops = pa.array(wanted["drop"].unique().to_list())
    return house.ledger(pc.field("drop").isin(drops)).join(
        wanted.unique(), on=["drop", "file", "row"], how="semi"
    )


def _by_codes(house: House, codes: Codes) -> pl.DataFrame:
    return by_places(house, places_of(house.made.splits, house.staged, codes) if house.made else [])


def _once(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Ledger rows, each once."""
    empty = pl.DataFrame(schema={"doc_id": pl.Binary, "drop": pl.String, "file": pl.String, "row": pl.Int64})
    some = [part for part in parts if len(part)]
    return pl.concat(some).unique(["drop", "file", "row"], maintain_order=True) if some else empty


def _rows_where(
    house: House, splits: Iterable[MadeSplit], where: pc.Expression
) -> list[tuple[str, str, int]]:
    found = []
    for split in splits:
        directory = house.staged.directories[split.index]
        with pa.memory_map(str(directory / "rights.arrow")) as source:
            rows = pa.ipc.open_file(source).read_all().filter(where)["row"].to_pylist()
        found += [(split.drop, split.path, row) for row in rows]
    return found


def _rows_of_hosts(house: House, domains: Sequence[str]) -> list[tuple[str, str, int]]:
    """Rows whose URL's host is one of the domains, or below one."""
    try:
        names = [domain.strip().lower().rstrip(".").encode("idna").decode() for domain in domains]
    except UnicodeError:
        raise UsageError("domains: one of them is no domain: write example.com") from None
    staged = house.staged  # raises where nothing is known of it
    where = None
    for name in names:
        one = (pc.field("host") == name) | pc.ends_with(pc.field("host"), f".{name}")
        where = one if where is None else where | one
    mine = [split for split in (house.made.splits if house.made else ()) if split.index in staged.directories]
    return _rows_where(house, mine, where) if where is not None else []
