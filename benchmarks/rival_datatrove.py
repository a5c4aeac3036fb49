"""datatrove doing the same work, as a process of its own: one line of JSON with its times.

    python benchmarks/rival_datatrove.py TEXTS OUTPUT --tokenizer FILE --model FILE --workers 2

TEXTS and the tokenizer are what `rival_input` wrote: JSON lines that are read, decoded and extracted
already. The layout is that of datatrove's examples/fineweb.py and examples/minhash_deduplication.py, with
every choice that costs it less where there is one: words are split at white space, files between the steps
are not compressed, workers are forked (no new imports in each step), the last filter hands its documents
straight to the token writer, and nothing is shuffled.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    LanguageFilter,
)
from datatrove.pipeline.formatters import PIIFormatter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.tokens import DocumentTokenizer
from datatrove.pipeline.writers.jsonl import JsonlWriter
from datatrove.utils.lid import FT176LID
from datatrove.utils.word_tokenizers import WordTokenizer

LANGUAGES = ["ko", "en", "zh", "ja", "es"]
MIN_SCORE = 0.65  # FineWeb's
# Reviews and chat: fastText gives a few words a low score in whatever language they are.
MIN_SCORE_SHORT = 0.1
END_OF_DOCUMENT = "<|end_of_document|>"  # as `rival_input` names it in the tokenizer.json
NEWLINES_PER_WORD = 0.6  # the extracted texts have a blank line between blocks: twice FineWeb's 0.3
MINHASH = MinhashConfig()  # 14 bands of 8 functions over 5-grams of words


class SplitAtWhiteSpace(WordTokenizer):
    """The cheapest splitter of words: no dictionary, no model."""

    def word_tokenize(self, text: str) -> list[str]:
        return text.split()

    def sent_tokenize(self, text: str) -> list[str]:
        return text.splitlines()

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        raise NotImplementedError


class HandedModel(FT176LID):
    """datatrove's fastText identifier on a model file that is there already: nothing is fetched."""

    def __init__(self, languages: list[str], model_file: str) -> None:
        super().__init__(languages)
        self.model_file = model_file
        self._model: Any = None

    @property
    def model(self) -> Any:
        if self._model is None:
            from fasttext.FastText import _FastText

            self._model = _FastText(self.model_file)
        return self._model


class Language(LanguageFilter):
    """One filter for long and short texts, with the threshold of each."""

    def __init__(self, model_file: str) -> None:
        super().__init__(LANGUAGES, MIN_SCORE)
        self.model = HandedModel(LANGUAGES, model_file)

    def filter(self, doc: Document) -> bool:
        self.language_threshold = MIN_SCORE if doc.metadata["long"] else MIN_SCORE_SHORT
        return bool(super().filter(doc))


class _LongOnly:
    """Rules for pages would drop every review and chat line; they are not asked about them."""

    def filter(self, doc: Document) -> bool | tuple[bool, str]:
        return True if not doc.metadata["long"] else super().filter(doc)  # type: ignore[misc]


class Repetition(_LongOnly, GopherRepetitionFilter):
    """Gopher repetition for long texts."""


class Quality(_LongOnly, GopherQualityFilter):
    """Gopher quality for long texts."""


class C4(_LongOnly, C4QualityFilter):
    """C4 for long texts."""


class FineWeb(_LongOnly, FineWebQualityFilter):
    """FineWeb's line rules for long texts."""


def filters(model_file: str) -> list[Any]:
    """The filters and the PII formatter, in datatrove's order.

    Bounds of the mean word length and English stop words are off: they would drop every Chinese, Japanese and
    Korean page, and with them the work of the later steps. So are C4's rules on curly brackets (manuals hold
    code), on terminal punctuation and on sentences.
    """
    words = SplitAtWhiteSpace()
    return [
        Language(model_file),
        Repetition(language=words),
        Quality(min_avg_word_length=None, max_avg_word_length=None, min_stop_words=None, language=words),
        C4(filter_no_terminal_punct=False, min_num_sentences=-1, filter_curly_bracket=False, language=words),
        FineWeb(new_line_ratio=NEWLINES_PER_WORD, language=words),
        PIIFormatter(),
    ]


def signatures(folder: str) -> MinhashDedupSignature:
    """Stage one of four."""
    return MinhashDedupSignature(folder, config=MINHASH, language=SplitAtWhiteSpace())


def steps(
    texts: Path, home: Path, *, model: Path, tokenizer: Path, workers: int
) -> list[tuple[str, int, list[Any]]]:
    """(name, tasks, pipeline) of each step; all folders but the input lie under `home`."""
    clean, signed, buckets, removals, tokens = (
        str(home / name) for name in ("clean", "signatures", "buckets", "removals", "tokens")
    )
    return [
        (
            "clean",
            workers,
            [JsonlReader(str(texts)), *filters(str(model)), JsonlWriter(clean, compression=None)],
        ),
        ("signatures", workers, [JsonlReader(clean), signatures(signed)]),
        ("buckets", MINHASH.num_buckets, [MinhashDedupBuckets(signed, buckets, config=MINHASH)]),
        ("cluster", 1, [MinhashDedupCluster(buckets, removals, config=MINHASH)]),
        (
            "filter and tokens",
            workers,
            [
                JsonlReader(clean),
                MinhashDedupFilter(removals),
                DocumentTokenizer(tokens, str(tokenizer), eos_token=END_OF_DOCUMENT, shuffle_documents=False),
            ],
        ),
    ]


def main() -> None:
    """Run the steps one after the other and print what each took."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("texts", type=Path)
    arguments.add_argument("output", type=Path)
    arguments.add_argument("--tokenizer", type=Path, required=True)
    arguments.add_argument("--model", type=Path, required=True)
    arguments.add_argument("--workers", type=int, default=2)
    given = arguments.parse_args()
    seconds, blocks, counts = {}, {}, {}
    plan = steps(
        given.texts, given.output, model=given.model, tokenizer=given.tokenizer, workers=given.workers
    )
    for name, tasks, pipeline in plan:
        begun = time.monotonic()
        done = LocalPipelineExecutor(
            pipeline,
            tasks=tasks,
            workers=min(tasks, given.workers),
            logging_dir=str(given.output / "logs" / name.replace(" ", "_")),
            start_method="fork",
        ).run()
        seconds[name] = round(time.monotonic() - begun, 3)
        for block in done.stats:
            label = f"{name}: {block.name.split(' ', 1)[-1]}"
            blocks[label] = round(block.time_stats.global_mean * tasks, 3)
            counts[label] = {key: value.total for key, value in block.stats.items()}
    print(json.dumps({"seconds": seconds, "blocks": blocks, "counts": counts}))


if __name__ == "__main__":
    main()
