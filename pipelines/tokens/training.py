"""A tokenizer from a sample of clean text: byte-level BPE by `tokenizers`.

The words that merges stay within are cut as tekken cuts them: letters by case, one digit (or up to three),
signs with the line ends behind them. Special tokens come first, so an embedding's reserved rows lie together.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from pipelines.tokens.shards import write_whole
from pipelines.tokens.tokenizer import load_tokenizer
from schemas.errors import InputUnreadable, UsageError
from schemas.identity import canonical_json, file_sha256
from schemas.recipe import TokenSettings

# <|reserved_5|> and so on follow, up to `reserved`.
SPECIALS = ("<|begin_of_text|>", "<|end_of_text|>", "<|pad|>", "<|im_start|>", "<|im_end|>")
_DIGITS = {"one": r"\p{N}", "three": r"\p{N}{1,3}"}
# The expression of tekken_240911 in mistral_common, its digits by rule.
_WORDS = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|DIGITS| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_HELD_OUT = 20  # every so many documents is not learnt from: fertility is measured on it
# A text is learnt from in pieces of so many characters: no run without a blank is longer than that.
_LONGEST = 1 << 12


@dataclass(frozen=True)
class TrainSettings:
    """What kind of tokenizer is wanted."""

    vocabulary: int = 163_840  # ids, the reserved ones included
    reserved: int = 256  # of them for special tokens, from id 0
    digits: Literal["one", "three"] = "one"  # how many digits a token holds at most
    min_frequency: int = 2  # a pair that is rarer is no token


@dataclass(frozen=True)
class Fertility:
    """Characters a token carries, by language, on documents that were not learnt from."""

    language: str
    documents: int
    characters: int
    tokens: int

    @property
    def characters_per_token(self) -> float:
        """The more, the shorter a text becomes."""
        return self.characters / self.tokens if self.tokens else 0.0


@dataclass(frozen=True)
class Trained:
    """A tokenizer and what it was made from; stands beside it as facts.json."""

    sha256: str
    vocabulary: int
    sample_sha256: str
    settings: TrainSettings
    fertility: tuple[Fertility, ...]


def train(sample: Path, output: Path, settings: TrainSettings) -> Trained:
    """Write OUTPUT/tokenizer.json and facts.json; the same sample and settings give the same bytes.

    Raises InputUnreadable for a file that is no sample, UsageError for one too small for the vocabulary.
    """
    if settings.vocabulary < settings.reserved + 256 or settings.reserved < len(SPECIALS):
        raise UsageError(
            f"--reserved takes {len(SPECIALS)} at least, --vocabulary 256 more than that: give other numbers"
        )
    if (output / "tokenizer.json").exists():
        raise UsageError(f"{output}/tokenizer.json lies there already: name another directory")
    model = _learn(sample, settings)
    if model.get_vocab_size() != settings.vocabulary:
        raise UsageError(
            f"the sample gives {model.get_vocab_size():,} ids, {settings.vocabulary:,} were asked for: "
            "draw a larger sample, or ask for a smaller --vocabulary"
        )
    output.mkdir(parents=True, exist_ok=True)
    _, digest = write_whole(output / "tokenizer.json", [model.to_str().encode()])
    trained = Trained(
        sha256=digest,
        vocabulary=settings.vocabulary,
        sample_sha256=file_sha256(sample),
        settings=settings,
        fertility=_fertility(sample, output, digest),
    )
    write_whole(output / "facts.json", [canonical_json(trained) + b"\n"])
    return trained


def _learn(sample: Path, settings: TrainSettings) -> Tokenizer:
    model = Tokenizer(models.BPE())
    words = _WORDS.replace("DIGITS", _DIGITS[settings.digits])
    model.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(words), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    model.decoder = decoders.ByteLevel()
    names = [*SPECIALS, *(f"<|reserved_{number}|>" for number in range(len(SPECIALS), settings.reserved))]
    trainer = trainers.BpeTrainer(
        vocab_size=settings.vocabulary,
        min_frequency=settings.min_frequency,
        show_progress=False,
        special_tokens=[AddedToken(name, special=True, normalized=False) for name in names],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    model.train_from_iterator(_texts(sample), trainer)
    return model


def _texts(sample: Path) -> Iterator[list[str]]:
    """What is learnt from, a batch at a time."""
    for batch in _batches(sample):
        learnt = batch.filter(pa.array(~_held_out(batch)))
        yield [
            text[start : start + _LONGEST]
            for text in learnt["text"].to_pylist()
            for start in range(0, len(text), _LONGEST)
        ]


def _fertility(sample: Path, directory: Path, digest: str) -> tuple[Fertility, ...]:
    tokenizer = load_tokenizer(
        TokenSettings(tokenizer="tokenizer.json", tokenizer_sha256=digest), directory=directory
    )
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for batch in _batches(sample):
        held = batch.filter(pa.array(_held_out(batch)))
        lengths = np.diff(tokenizer.encode(held["text"]).offsets.to_numpy()) - 1  # without the end
        texts, languages = held["text"].to_pylist(), held["language"].to_pylist()
        for text, language, tokens in zip(texts, languages, lengths.tolist(), strict=True):
            count = counts[language or "unknown"]
            count[0] += 1
            count[1] += len(text)
            count[2] += tokens
    return tuple(Fertility(language, *count) for language, count in sorted(counts.items()))


def _held_out(batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    """Every 20th document or so, by its id."""
    digests = [hashlib.blake2b(one, digest_size=4).digest() for one in batch["doc_id"].to_pylist()]
    return np.asarray(np.frombuffer(b"".join(digests), dtype="<u4") % _HELD_OUT == 0)


def _batches(sample: Path) -> Iterator[pa.RecordBatch]:
    try:
        with pq.ParquetFile(sample) as file:
            if not {"doc_id", "language", "text"} <= set(file.schema_arrow.names):
                raise InputUnreadable(f"{sample.name}: is no sample: draw one with `malmoi tokenizer sample`")
            yield from file.iter_batches(columns=["doc_id", "language", "text"], batch_size=4096)
    except (OSError, pa.ArrowException) as error:
        raise InputUnreadable(
            f"{sample.name}: cannot be read ({type(error).__name__}): draw it with `malmoi tokenizer sample`"
        ) from None
