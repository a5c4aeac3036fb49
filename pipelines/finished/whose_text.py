"""Whether a text is in the corpus, and from whom: `malmoi trace BUILD --text FILE`.

The text goes the way documents go (`pipelines.finished.canonical`) and is looked up in the build's index: by
the digest of its canonical text, then by its bands. What is alike by bands is compared, shingle by shingle,
with the text that a shard holds. Ids, numbers and names come out; no text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.finished.canonical import Canonical, canonicals, recipe_of, recovered
from pipelines.lineage.fingerprints import Candidate, FingerprintIndex
from pipelines.lineage.trace import MappedShard, Trace, find_trace
from pipelines.lineage.ways import Way, read_ways
from pipelines.tokens.token_bytes import TokenBytes, read_token_bytes
from schemas.errors import BuildInconsistent, UsageError
from schemas.manifest import Manifest, read_manifest
from schemas.recipe import Recipe

LOOKED_AT = 50  # candidates that are compared, those that meet in most bands first
SHOWN = 20  # matches that are traced

# How a similarity is known, the surest first.
DIGEST = "digest"  # the canonical texts are equal
SHINGLES = "shingles"  # exact Jaccard; the digest proves that the document's canonical text was recovered
SHARD = "shard"  # exact Jaccard with the text in the shard, from which passages were cut or particles differ
BANDS = "bands"  # estimated from the share of bands they meet in: the document's text is not in the build


@dataclass(frozen=True)
class TextMatch:
    """A document with the text, or one alike."""

    match: str  # exact or near
    similarity: float
    known_by: str  # digest, shingles, shard or bands; the last two are estimates
    bands: int  # that both meet in
    document: Trace


@dataclass(frozen=True)
class TextAnswer:
    """What a build has of a text: exact, near, or nothing."""

    answer: str  # exact, near or no
    canonical_texts: int  # different ones that the data sets' ways make of it
    bands: int  # of each
    least_similarity: float  # of what counts as near
    matches: tuple[TextMatch, ...]  # exact ones first, then by similarity
    exact: int  # documents of the same text, those not shown too
    more: int  # matches that are not shown
    not_compared: int  # candidates behind LOOKED_AT


def whose_text(
    build: Path,
    text: str,
    *,
    least_similarity: float | None = None,
    tokenizers: Path = Path(),
    shown: int = SHOWN,
) -> TextAnswer:
    """Look a text up; near is what reaches the similarity, or the recipe's threshold of deduplication.

    Raises UsageError where nothing is left of the text, or the build's tokenizer is a file that is not in
    `tokenizers`; BuildInconsistent where the build has no index.
    """
    manifest = read_manifest(build)
    recipe = recipe_of(manifest)
    least = recipe.dedup.threshold if least_similarity is None else least_similarity
    asked = canonicals(build, text, manifest=manifest)
    if not asked:
        raise UsageError("nothing is left of the text once it is cleaned: give one with letters in it")
    with FingerprintIndex(build, manifest) as index:
        same = sorted({doc_id for one in asked for doc_id in index.exact(one.exact)})
        alike = _alike(index, asked)
    compared = [candidate for candidate in alike if candidate.doc_id not in set(same)]
    near = _Comparison(build, manifest, recipe, tokenizers).of(asked, compared[:LOOKED_AT], least)
    bands = {candidate.doc_id: candidate.bands for candidate in alike}
    exact = [
        TextMatch("exact", 1.0, DIGEST, bands.get(doc_id, 0), _traced(build, manifest, doc_id))
        for doc_id in same[:shown]
    ]
    exact.sort(key=lambda match: match.document.decision != "kept")
    matches = [*exact, *near]
    return TextAnswer(
        answer="exact" if exact else "near" if near else "no",
        canonical_texts=sum(not one.respelled for one in asked),
        bands=recipe.fingerprint.bands,
        least_similarity=least,
        matches=tuple(matches[:shown]),
        exact=len(same),
        more=len(same) - len(exact) + max(0, len(matches) - shown),
        not_compared=max(0, len(compared) - LOOKED_AT),
    )


def _alike(index: FingerprintIndex, asked: Iterable[Canonical]) -> list[Candidate]:
    """Candidates of all canonical texts, each with the most bands it meets one in; most bands first."""
    best: dict[tuple[bytes, bytes], Candidate] = {}
    for one in asked:
        if one.respelled:
            continue
        for candidate in index.near(one.bands):
            known = best.setdefault((candidate.doc_id, candidate.exact), candidate)
            if candidate.bands > known.bands:
                best[candidate.doc_id, candidate.exact] = candidate
    return sorted(best.values(), key=lambda one: (-one.bands, one.doc_id, one.exact))


def _traced(build: Path, manifest: Manifest, doc_id: bytes) -> Trace:
    found = find_trace(build, manifest, doc_id)
    if found is None:
        raise BuildInconsistent(
            f"document {doc_id.hex()} is in the index and not in the ledger: run `malmoi verify {build.name}`"
        )
    return found


class _Comparison:
    """Candidates held against a text, each by the surest means there are."""

    def __init__(self, build: Path, manifest: Manifest, recipe: Recipe, tokenizers: Path) -> None:
        self._build, self._manifest, self._recipe = build, manifest, recipe
        self._tokenizers = tokenizers
        self._ways = {way.name: way for way in read_ways(build)}

    def of(self, asked: tuple[Canonical, ...], candidates: list[Candidate], least: float) -> list[TextMatch]:
        """The candidates that reach the similarity, the nearest first."""
        traced = [(one, _traced(self._build, self._manifest, one.doc_id)) for one in candidates]
        traced.sort(key=lambda pair: pair[1].decision != "kept")  # what a kept one shows, its copies share
        known: dict[bytes, tuple[float, str]] = {}
        matches = []
        for candidate, document in traced:
            if candidate.exact not in known:
                similarity = self._compared(asked, candidate, document)
                if similarity[1] == SHINGLES:
                    known[candidate.exact] = similarity
            else:
                similarity = known[candidate.exact]
            if similarity[0] >= least:
                rounded = round(similarity[0], 6)
                matches.append(TextMatch("near", rounded, similarity[1], candidate.bands, document))
        return sorted(matches, key=lambda match: (-match.similarity, match.document.doc_id))

    def _compared(
        self, asked: tuple[Canonical, ...], candidate: Candidate, document: Trace
    ) -> tuple[float, str]:
        way = self._ways.get(f"{document.partner}/{document.data_set}")
        if document.shard is None or way is None:
            return (candidate.bands / self._recipe.fingerprint.bands) ** (
                1 / self._recipe.fingerprint.rows
            ), BANDS
        found, proven = self._of_shard(document, way, candidate.exact)
        similarity = max(_jaccard(one, found) for one in asked if not one.respelled)
        return similarity, SHINGLES if proven else SHARD

    def _of_shard(self, document: Trace, way: Way, exact: bytes) -> tuple[Canonical, bool]:
        shard = next(one for one in self._manifest.shards if one.name == document.shard)
        with MappedShard(self._build, shard) as batch:
            lists = batch["input_ids"].slice(document.shard_row, 1)
            (text,) = self._token_bytes.texts(lists).to_pylist()
        return recovered(text, way, self._recipe, exact=exact)

    @property
    def _token_bytes(self) -> TokenBytes:
        return read_token_bytes(self._manifest.tokenizer, self._tokenizers)  # cached


def _jaccard(one: Canonical, other: Canonical) -> float:
    """Of two sorted sets of shingles: shared / all."""
    shared = len(np.intersect1d(one.shingles, other.shingles, assume_unique=True))
    return shared / (len(one.shingles) + len(other.shingles) - shared)
