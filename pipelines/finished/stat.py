"""`malmoi stat`: how many tokens, of whom, in which language, in how long documents; and how well they fit.

Everything is counted from the shards themselves. Fertility is characters (code points) per token, without
the tokens that end documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.finished.shards import mapped_shard, readable_build, spans
from pipelines.lineage.fates import bins_of
from pipelines.tokens.token_bytes import TokenBytes, read_token_bytes
from pipelines.tokens.tokenizer import Tokenizer, load_tokenizer
from schemas.errors import BuildInconsistent, UsageError
from schemas.identity import file_sha256
from schemas.manifest import Manifest
from schemas.recipe import TokenSettings
from schemas.shards import NO_LANGUAGE, code_of, code_table

BINS = 32  # bin k of a histogram: documents of 2^k to 2^(k + 1) - 1 tokens
_LANGUAGES = 27**3 + 1  # codes of languages are smaller


@dataclass(frozen=True)
class Count:
    """Documents, tokens and code points under one name; `lengths[k]` documents have 2^k tokens and more."""

    name: str
    documents: int = 0
    tokens: int = 0
    characters: int = 0
    lengths: tuple[int, ...] = ()

    @property
    def fertility(self) -> float:
        """Code points per token of text."""
        return self.characters / max(self.tokens - self.documents, 1)


@dataclass(frozen=True)
class Comparison:
    """The same texts of one language in the build's tokens and in another tokenizer's."""

    language: str
    characters: int
    tokens: int  # of text: without the ends of documents
    other_tokens: int


@dataclass(frozen=True)
class Statistics:
    """What `malmoi stat` prints; every list adds up to `total`."""

    tokenizer: str
    total: Count
    partners: tuple[Count, ...]
    languages: tuple[Count, ...]
    contracts: tuple[Count, ...]  # partner, version and beginning of the digest
    shards: tuple[Count, ...]
    other: str | None = None
    compared: tuple[Comparison, ...] = ()


@dataclass
class _Sums:
    """Counts by a small number, (groups,) each, lengths (groups, BINS)."""

    groups: int
    documents: npt.NDArray[np.int64] = field(init=False)
    tokens: npt.NDArray[np.int64] = field(init=False)
    characters: npt.NDArray[np.int64] = field(init=False)
    lengths: npt.NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.documents, self.tokens, self.characters = np.zeros((3, self.groups), np.int64)
        self.lengths = np.zeros((self.groups, BINS), np.int64)

    def add(
        self, group: npt.NDArray[np.int64], tokens: npt.NDArray[np.int64], characters: npt.NDArray[np.int64]
    ) -> None:
        np.add.at(self.documents, group, 1)
        np.add.at(self.tokens, group, tokens)
        np.add.at(self.characters, group, characters)
        np.add.at(self.lengths, (group, bins_of(tokens)), 1)

    def count(self, group: int, name: str) -> Count:
        lengths = np.trim_zeros(self.lengths[group], "b").tolist()
        return Count(
            name,
            int(self.documents[group]),
            int(self.tokens[group]),
            int(self.characters[group]),
            tuple(lengths),
        )


def statistics(build: Path, *, tokenizer: str | None = None, tokenizers: Path = Path()) -> Statistics:
    """Count a finished build; with `tokenizer`, its texts are encoded again by that one.

    A tokenizer that is a file (the build's or the other) is looked for in `tokenizers`. Raises
    BuildInconsistent where a shard is not the manifest's or names a contract that the manifest has not.
    """
    manifest = readable_build(build)
    table = read_token_bytes(manifest.tokenizer, tokenizers)
    other = None if tokenizer is None else _other(tokenizer, tokenizers)
    partners = code_table(contract.partner for contract in manifest.contracts)
    codes = np.array(sorted(partners.values()), np.int64)
    of_partner, of_language = _Sums(len(codes)), _Sums(_LANGUAGES)
    again = np.zeros(_LANGUAGES, np.int64)
    shards = []
    for shard in manifest.shards:
        of_shard = _Sums(1)
        with mapped_shard(build, shard) as batch:
            for first, last in spans(batch["input_ids"]):
                rows = batch.slice(first, last - first)
                tokens, characters = _sizes(rows, table)
                languages = rows["language"].to_numpy().astype(np.int64)
                of_shard.add(np.zeros(len(rows), np.int64), tokens, characters)
                of_language.add(languages, tokens, characters)
                of_partner.add(_places(rows, codes, shard.path), tokens, characters)
                if other is not None:
                    encoded = other.encode(table.texts(rows["input_ids"]).cast(pa.string()))
                    np.add.at(again, languages, np.diff(encoded.offsets.to_numpy()) - 1)
        shards.append(of_shard.count(0, shard.name))
    names = {code: name for name, code in partners.items()}
    by_partner = [of_partner.count(place, names[int(code)]) for place, code in enumerate(codes)]
    languages = tuple(
        _largest(
            of_language.count(int(code), language_of(int(code)))
            for code in np.flatnonzero(of_language.documents)
        )
    )
    return Statistics(
        tokenizer=manifest.tokenizer.name,
        total=_total(shards),
        partners=tuple(_largest(count for count in by_partner if count.documents)),
        languages=languages,
        contracts=tuple(_contracts(manifest, by_partner)),
        shards=tuple(shards),
        other=None if other is None else other.name,
        compared=()
        if other is None
        else tuple(
            Comparison(one.name, one.characters, one.tokens - one.documents, int(again[code_of(one.name)]))
            for one in languages
        ),
    )


def language_of(code: int) -> str:
    """The language of a code: `schemas.shards.code_of` backwards."""
    if code == _LANGUAGES - 1:
        return "code"
    letters = ""
    while code:
        code, letter = divmod(code, 27)
        letters = chr(ord("a") + letter - 1) + letters
    return letters or NO_LANGUAGE


def _sizes(rows: pa.RecordBatch, table: TokenBytes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    lists = rows["input_ids"]
    return np.diff(lists.offsets.to_numpy()).astype(np.int64), table.character_counts(lists)


def _places(rows: pa.RecordBatch, codes: npt.NDArray[np.int64], path: str) -> npt.NDArray[np.int64]:
    """The place of each row's contract among the sorted codes."""
    found = rows["contract"].to_numpy().astype(np.int64)
    places: npt.NDArray[np.int64] = np.searchsorted(codes, found).astype(np.int64)
    if len(codes) == 0 or (codes[np.minimum(places, len(codes) - 1)] != found).any():
        raise BuildInconsistent(f"{path}: names a contract that the manifest has not: run `malmoi verify`")
    return places


def _contracts(manifest: Manifest, by_partner: list[Count]) -> Iterator[Count]:
    counts = {count.name: count for count in by_partner}
    for contract in manifest.contracts:
        count = counts[contract.partner]
        name = f"{contract.partner} {contract.version} {contract.digest[:16]}"
        yield Count(name, count.documents, count.tokens, count.characters, count.lengths)


def _total(shards: list[Count]) -> Count:
    lengths = np.zeros(BINS, np.int64)
    for count in shards:
        lengths[: len(count.lengths)] += np.array(count.lengths, np.int64)  # of an empty shard: none
    return Count(
        "total",
        sum(count.documents for count in shards),
        sum(count.tokens for count in shards),
        sum(count.characters for count in shards),
        tuple(np.trim_zeros(lengths, "b").tolist()),
    )


def _largest(counts: Iterator[Count]) -> list[Count]:
    return sorted(counts, key=lambda count: (-count.tokens, count.name))


def _other(name: str, directory: Path) -> Tokenizer:
    """The tokenizer to compare with: a shipped name, or a file, which is taken as it is."""
    if not name.endswith((".json", ".tiktoken")):
        return load_tokenizer(TokenSettings(tokenizer=name), directory=directory)
    try:
        digest = file_sha256(directory / name)
    except OSError as error:
        raise UsageError(
            f"--tokenizer {name}: cannot be read ({error.strerror}): say with --tokenizers where it lies"
        ) from None
    return load_tokenizer(TokenSettings(tokenizer=name, tokenizer_sha256=digest), directory=directory)
