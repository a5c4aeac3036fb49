"""Text to token ids, as a recipe wants them: a pinned vocabulary, what stands around documents, templates.

Reads the text column. Writes input_ids: list<int32>, one list a document, ended by end_of_document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.tokens.engines import Encoded
from pipelines.tokens.templates import Template, read_template
from pipelines.tokens.vocabularies import Vocabulary, read_vocabulary
from schemas.errors import BuildInconsistent, UsageError
from schemas.identity import fingerprint
from schemas.manifest import TokenizerFacts
from schemas.recipe import TokenSettings

# 2: what a recipe puts around documents and turns; texts are never cut (were, past 262,144 characters).
TOKENIZER_VERSION = 2
_GROUP_BYTES = 1 << 20
_INT32_MAX = 2**31 - 1
# What ends a document in the tokenizers in use; the first that a file declares is taken.
_ENDS = ("</s>", "<|end_of_text|>", "<|endoftext|>", "<eos>", "<|im_end|>", "[EOS]")

Ids = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Tokenizer:
    """A tokenizer with what a recipe says of it."""

    vocabulary_file: Vocabulary
    end_of_document: int
    begin_of_document: int | None = None
    templates: Mapping[str, Template] = field(default_factory=dict, repr=False)  # by "partner/data set"
    identity: str = ""  # fingerprint of everything that decides the ids
    few: bool = field(default=False, repr=False)

    def for_few(self) -> Tokenizer:
        """The same, for a few short texts: sooner ready, and slower then."""
        return replace(self, few=True)

    @property
    def name(self) -> str:
        """The file's name."""
        return self.vocabulary_file.name

    @property
    def sha256(self) -> str:
        """The file's digest."""
        return self.vocabulary_file.sha256

    @property
    def vocabulary(self) -> int:
        """Every id is smaller than this."""
        return self.vocabulary_file.size

    @property
    def facts(self) -> TokenizerFacts:
        """What the manifest says of it."""
        return TokenizerFacts(
            name=self.name,
            sha256=self.sha256,
            vocabulary=self.vocabulary,
            end_of_document=self.end_of_document,
            begin_of_document=self.begin_of_document,
        )

    def encode(
        self,
        texts: pa.StringArray | pa.ChunkedArray,
        *,
        data_set: str = "",
        join: str = "\n",
        turns: pa.ListArray | None = None,
    ) -> pa.ListArray:
        """One list<int32> a text, none null, each ended by end_of_document.

        The texts of a data set ("partner/name") with a template are written turn by turn: `turns` is their
        TURNS; without it they are cut at `join`. Strings that look like a special token ("</s>") are text
        and never become its id.
        Raises BuildInconsistent for a null text and UsageError past 2^31 - 1 tokens in one call.
        """
        if texts.null_count:
            raise BuildInconsistent(
                "a document without text reached the tokenizer: this is a defect, report it"
            )
        template = self.templates.get(data_set)
        found: list[Encoded] = []
        done = 0
        for chunk in texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]:
            for group in _groups(chunk):
                if template is None:
                    found.append(self._plain(group))
                else:
                    known = None if turns is None else turns.slice(done, len(group))
                    found.append(self._dialogues(group, *template.turns(group, join, known), template))
                done += len(group)
        offsets = np.zeros(len(texts) + 1, dtype=np.int64)
        if found:
            np.cumsum(np.concatenate([lengths for _, lengths in found]), out=offsets[1:])
        if offsets[-1] > _INT32_MAX:
            raise UsageError(
                f"{offsets[-1]} tokens do not fit in one batch: lower tokens.shard_mib in the recipe"
            )
        values = np.concatenate([ids for ids, _ in found]) if found else np.zeros(0, dtype=np.int32)
        return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(values))

    def decode(self, ids: Sequence[int] | npt.NDArray[np.int32] | pa.Array) -> str:
        """The text of the ids; special ones are left out, bytes that are no UTF-8 become U+FFFD.

        What a template wrote around a turn is text of the document from then on.
        """
        plain = ids.tolist() if isinstance(ids, np.ndarray) else None
        if plain is None:
            plain = ids.to_pylist() if isinstance(ids, pa.Array) else [int(token) for token in ids]
        return self.vocabulary_file.decode(plain)

    def _encoded(self, texts: pa.StringArray) -> Encoded:
        strings = texts.to_numpy(zero_copy_only=False).tolist()  # quicker than to_pylist
        engine = self.vocabulary_file.light if self.few else self.vocabulary_file.engine
        encoded = engine.encode(strings)
        if len(encoded.lengths) != len(texts) or int(encoded.lengths.sum()) != len(encoded.ids):
            raise BuildInconsistent(f"{self.name}: the engine lost a text: this is a defect, report it")
        return encoded

    def _plain(self, texts: pa.StringArray) -> Encoded:
        """One stretch of text a document."""
        kinds = np.zeros(len(texts), dtype=np.int64)
        return _with_ids_around(
            self._encoded(texts), kinds, before=[self._begin], behind=[(self.end_of_document,)]
        )

    def _dialogues(
        self,
        texts: pa.StringArray,
        stretches: pa.StringArray,
        turns: npt.NDArray[np.int64],
        template: Template,
    ) -> Encoded:
        """Many stretches a document: begin stands before the first, end behind the last."""
        a_turn = len(template.behind)
        counts = turns * a_turn
        kinds = np.arange(len(stretches)) % a_turn
        ends = np.cumsum(counts)
        kinds[ends - counts] += a_turn
        kinds[ends - 1] += 2 * a_turn
        first, last = ((), self._begin), ((), (self.end_of_document,))
        found = _with_ids_around(
            self._encoded(stretches),
            kinds,
            before=[first[number // a_turn % 2] for number in range(4 * a_turn)],
            behind=[
                template.behind[number % a_turn] + last[number // a_turn // 2] for number in range(4 * a_turn)
            ],
        )
        lengths = np.add.reduceat(found.lengths, ends - counts) if len(texts) else found.lengths
        return Encoded(found.ids, lengths)

    @property
    def _begin(self) -> tuple[int, ...]:
        return () if self.begin_of_document is None else (self.begin_of_document,)


def load_tokenizer(settings: TokenSettings, *, directory: Path) -> Tokenizer:
    """The tokenizer a recipe names; a path is relative to `directory`. Its file is read once a process.

    Raises UsageError that names the field: an unknown name, a missing file, a missing or wrong digest, more
    ids than `vocabulary` declares, a special token that the file does not have.
    """
    file = read_vocabulary(settings, directory)
    if settings.vocabulary is not None and file.size > settings.vocabulary:
        raise UsageError(
            f"tokens.vocabulary: {file.name} has ids up to {file.size - 1}, the recipe declares "
            f"{settings.vocabulary}: give the model room for {file.size}, or name another tokenizer"
        )
    if settings.end is None:
        end = next((file.specials[name] for name in _ENDS if name in file.specials), None)
        if end is None:
            raise UsageError(
                f"tokens.end: {file.name} declares none of {', '.join(_ENDS)} as a special token: "
                "name the one that ends a document"
            )
    else:
        end = _special(file, settings.end, "end")
    templates = {
        template.data_set: read_template(template, file.specials, f"tokens.templates.{number}")
        for number, template in enumerate(settings.templates)
    }
    around = [settings.begin, settings.end, settings.templates, settings.pattern, settings.special_tokens]
    return Tokenizer(
        vocabulary_file=file,
        end_of_document=end,
        begin_of_document=None if settings.begin is None else _special(file, settings.begin, "begin"),
        templates=templates,
        identity=fingerprint([TOKENIZER_VERSION, file.sha256, around]),
    )


def _special(file: Vocabulary, name: str, where: str) -> int:
    if name not in file.specials:
        known = ", ".join(list(file.specials)[:8]) or "none"
        raise UsageError(
            f"tokens.{where}: {name!r} is no special token of {file.name} (it has {known}): name one of them"
        )
    return file.specials[name]


def _with_ids_around(
    encoded: Encoded,
    kinds: npt.NDArray[np.int64],
    *,
    before: Sequence[tuple[int, ...]],
    behind: Sequence[tuple[int, ...]],
) -> Encoded:
    """The stretches with the ids of their kind around them."""
    heads = np.array([len(ids) for ids in before])[kinds]
    tails = np.array([len(ids) for ids in behind])[kinds]
    lengths = heads + encoded.lengths + tails
    ends = np.cumsum(lengths)
    ids = np.empty(int(lengths.sum()), dtype=np.int32)
    text = np.ones(len(ids), dtype=bool)
    for kind, (head, tail) in enumerate(zip(before, behind, strict=True)):
        if not head and not tail:
            continue
        mine = np.flatnonzero(kinds == kind)
        for number, special in enumerate(head):
            at = (ends - lengths)[mine] + number
            ids[at], text[at] = special, False
        for number, special in enumerate(tail):
            at = (ends - tails)[mine] + number
            ids[at], text[at] = special, False
    ids[text] = encoded.ids
    return Encoded(ids, lengths)


def _groups(texts: pa.StringArray) -> Iterator[pa.StringArray]:
    """Slices of about a mebibyte of text; a longer text is a group of its own."""
    if not len(texts):
        return
    ends = np.cumsum(pc.binary_length(texts).to_numpy(zero_copy_only=False).astype(np.int64))
    start, done = 0, 0
    while start < len(texts):
        stop = max(start + 1, int(np.searchsorted(ends, done + _GROUP_BYTES, side="right")))
        yield texts.slice(start, stop - start)
        start, done = stop, int(ends[stop - 1])
