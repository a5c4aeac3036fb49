"""A text on the way that a build's documents went, as far as their fingerprints.

extract → normalise → find pii → fingerprint, by the recipe in the manifest and by each data set's way (see
`pipelines.lineage.ways`). The stages between them drop documents and change no text, so they are left out;
so are the limits at which the others drop, but for a text with nothing in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from pipelines.lineage.ways import Way, read_ways
from pipelines.stages.extract import extract
from pipelines.stages.fingerprint import fingerprint, shingle_sets
from pipelines.stages.normalise import normalise
from pipelines.stages.pii.find import find_pii
from schemas.contract import Column, DataSet, Delivery, Format, Markup, Role
from schemas.documents import DOCUMENT
from schemas.errors import BuildInconsistent
from schemas.manifest import Manifest, read_manifest
from schemas.recipe import Recipe


@dataclass(frozen=True)
class Canonical:
    """What the build would know a text by, were it a document of one of these data sets."""

    data_sets: tuple[str, ...]  # partner/data set, of all whose ways lead here
    exact: bytes  # 16
    bands: NDArray[np.uint64]
    shingles: NDArray[np.uint64]  # sorted, distinct


def canonicals(build: Path, text: str, *, manifest: Manifest | None = None) -> tuple[Canonical, ...]:
    """The different canonical texts that a build's data sets make of a text, by the first of each.

    A text is taken as its data set delivers it (HTML, Markdown) and as one that is plain already. Empty where
    nothing is left of it. Raises BuildInconsistent where the build does not say how its texts were made.
    """
    known = manifest or read_manifest(build)
    recipe = recipe_of(known)
    named: dict[tuple[object, ...], list[str]] = {}
    shaped: dict[tuple[object, ...], Way] = {}
    for way in read_ways(build):
        named.setdefault(way.shape, []).append(way.name)
        shaped.setdefault(way.shape, way)
    found: dict[bytes, Canonical] = {}
    for shape, way in shaped.items():
        for batch in _on_its_way(text, way, recipe):
            made = _fingerprinted(batch, recipe, _data_set(way))
            before = found[made.exact].data_sets if made.exact in found else ()
            names = dict.fromkeys((*before, *named[shape]))
            found[made.exact] = replace(made, data_sets=tuple(names))
    return tuple(found.values())


def recipe_of(manifest: Manifest) -> Recipe:
    """The recipe in a manifest, without the places of its files; BuildInconsistent where it is none."""
    try:
        return TypeAdapter(Recipe).validate_python({**manifest.recipe, "contracts": ""})
    except ValidationError:
        raise BuildInconsistent(
            "the manifest's recipe is none of this version: trace with the version that made the build"
        ) from None


def _on_its_way(text: str, way: Way, recipe: Recipe) -> Iterator[pa.RecordBatch]:
    """The text with its spans, as delivered and as plain text."""
    delivered = _data_set(way)
    settings = replace(recipe.pii, max_share=1.0)
    for data_set in {way.markup: delivered, Markup.PLAIN: replace(delivered, markup=Markup.PLAIN)}.values():
        batch = _document(text)
        for stage in (
            partial(extract, settings=recipe.extract),
            partial(normalise, settings=recipe.normalise),
            partial(find_pii, settings=settings),
        ):
            batch = stage(batch, data_set=data_set).kept
        if len(batch):
            yield batch


def _fingerprinted(batch: pa.RecordBatch, recipe: Recipe, data_set: DataSet) -> Canonical:
    made = fingerprint(batch, recipe.fingerprint, data_set).kept
    return Canonical(
        data_sets=(),
        exact=made["exact"][0].as_py(),
        bands=made["bands"].values.to_numpy(),
        shingles=shingle_sets(batch, recipe.fingerprint).values.to_numpy(),
    )


def _document(text: str) -> pa.RecordBatch:
    columns = {"doc_id": bytes(16), "row": 0, "text": text, "language": None}
    return pa.RecordBatch.from_pylist([columns], schema=DOCUMENT)


def _data_set(way: Way) -> DataSet:
    """A data set of which the stages see what they saw of the way's."""
    count = 1 if way.joined is None else 2
    text = [Column(str(i), Role.TEXT, "string", required=True, path=(str(i),)) for i in range(count)]
    return DataSet(
        name=way.data_set,
        kind=way.kind,
        files=(),
        format=Format.JSONL,
        encoding="utf-8",
        delimiter=",",
        markup=way.markup,
        join=way.joined or "\n",
        delivery=Delivery.APPEND,
        languages=(),
        columns=tuple(text),
        pii_policy=tuple((label, "surrogate") for label in way.classes),
    )
