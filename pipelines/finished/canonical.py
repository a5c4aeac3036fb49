"""A text on the way that a build's documents went, as far as their fingerprints.

extract → normalise → find pii → fingerprint, by the recipe in the manifest and by each data set's way (see
`pipelines.lineage.ways`). The stages between them drop documents and change no text, so they are left out;
so are the limits at which the others drop, but for a text with nothing in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
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
from pipelines.stages.pii.stand_ins import find_with_stand_ins, spellings
from schemas.contract import Column, DataSet, Delivery, Format, Markup, Role
from schemas.documents import DOCUMENT
from schemas.errors import BuildInconsistent
from schemas.manifest import Manifest, read_manifest
from schemas.recipe import Recipe

_SPELLINGS = 64  # of the particles behind stand-ins that are tried


@dataclass(frozen=True)
class Canonical:
    """What the build would know a text by, were it a document of one of these data sets."""

    data_sets: tuple[str, ...]  # partner/data set, of all whose ways lead here
    exact: bytes  # 16
    bands: NDArray[np.uint64]
    shingles: NDArray[np.uint64]  # sorted, distinct
    respelled: bool = False  # a guess at what stood before personal data was replaced: for `exact` alone


def canonicals(build: Path, text: str, *, manifest: Manifest | None = None) -> tuple[Canonical, ...]:
    """The different canonical texts that a build's data sets make of a text.

    A text is taken as its data set delivers it (HTML, Markdown), as one that is plain already, and as the
    build left it, with stand-ins for personal data. Classes of personal data differ by contract, and so may
    canonical texts: each contract's are tried. Empty where nothing is left of the text. Raises
    BuildInconsistent where the build does not say how its texts were made.
    """
    recipe = recipe_of(manifest or read_manifest(build))
    by_shape: dict[tuple[object, ...], list[Way]] = {}
    for way in read_ways(build):
        by_shape.setdefault(way.shape, []).append(way)
    found: dict[bytes, Canonical] = {}
    for ways in by_shape.values():
        for made in _of_way(text, ways[0], recipe):
            known = found.setdefault(made.exact, made)
            names = dict.fromkeys((*known.data_sets, *(way.name for way in ways)))
            found[made.exact] = replace(
                known, data_sets=tuple(names), respelled=known.respelled and made.respelled
            )
    return tuple(found.values())


def recovered(text: str, way: Way, recipe: Recipe, *, exact: bytes) -> tuple[Canonical, bool]:
    """The canonical text of a document out of what a shard holds of it, and whether its digest proves it.

    Where it does not (a passage was cut, a template wrote the turns) it is that of the text in the shard.
    """
    data_set = _data_set(way)
    left = spellings(find_with_stand_ins(_document(text), recipe.pii, data_set), most=_SPELLINGS)
    digests = fingerprint(left, recipe.fingerprint, data_set).kept["exact"].to_pylist()
    at = digests.index(exact) if exact in digests else 0
    return _fingerprinted(left.slice(at, 1), recipe, data_set), exact in digests


def recipe_of(manifest: Manifest) -> Recipe:
    """The recipe in a manifest, without the places of its files; BuildInconsistent where it is none."""
    try:
        return _reader().validate_python({**manifest.recipe, "contracts": ""})
    except ValidationError:
        raise BuildInconsistent(
            "the manifest's recipe is none of this version: trace with the version that made the build"
        ) from None


@cache
def _reader() -> TypeAdapter[Recipe]:
    return TypeAdapter(Recipe)


def _of_way(text: str, way: Way, recipe: Recipe) -> Iterator[Canonical]:
    """As delivered and as plain text, which are often the same; then as the build left it."""
    delivered = _data_set(way)
    for data_set in {way.markup: delivered, Markup.PLAIN: replace(delivered, markup=Markup.PLAIN)}.values():
        batch = _clean(text, data_set, recipe)
        if not len(batch):
            continue
        settings = replace(recipe.pii, max_share=1.0)
        yield _fingerprinted(find_pii(batch, settings, data_set).kept, recipe, data_set)
        left = spellings(find_with_stand_ins(batch, recipe.pii, data_set), most=_SPELLINGS)
        for number in range(len(left)):
            made = _fingerprinted(left.slice(number, 1), recipe, data_set)
            yield replace(made, respelled=number > 0)


def _clean(text: str, data_set: DataSet, recipe: Recipe) -> pa.RecordBatch:
    batch = extract(_document(text), recipe.extract, data_set).kept
    return normalise(batch, recipe.normalise, data_set).kept if len(batch) else batch


def _fingerprinted(batch: pa.RecordBatch, recipe: Recipe, data_set: DataSet) -> Canonical:
    made = fingerprint(batch, recipe.fingerprint, data_set).kept
    return Canonical(
        data_sets=(),
        exact=made["exact"][0].as_py(),
        bands=made["bands"].flatten().to_numpy(),
        shingles=shingle_sets(batch, recipe.fingerprint).flatten().to_numpy(),
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
