"""Four-fold figures of the model of persons on development texts: no model sees the fold it is measured on."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt
from pii_persons_candidates import names_in
from pii_persons_data import Text
from pii_persons_trainer import Trainer

from pipelines.stages.pii.person_text_kernels import Tables
from pipelines.stages.pii.persons import MEMORY

GROUPS = (
    *("klue", "kopii", "presid", "persons_dialogue", "persons_news", "persons_forms"),
    *("second_persons_dialogue", "second_persons_news", "second_clean", ""),
)


def counted(
    texts: list[Text], t: Tables, weights: npt.NDArray[np.int8], least: int, memory: int
) -> list[tuple[str, set[tuple[int, int]], set[tuple[int, int]]]]:
    """Identifier, gold and what is found of each text, neutral spans aside."""
    spans, _ = names_in([text.text for text in texts], t, weights, least, memory)
    found: list[set[tuple[int, int]]] = [set() for _ in texts]
    for row, start, end in spans.tolist():
        found[row].add((start, end))
    return [
        (
            text.id,
            set(text.persons),
            {
                n
                for n in names
                if n in text.persons or not any(n[0] < e and s < n[1] for s, e in text.neutral)
            },
        )
        for text, names in zip(texts, found, strict=True)
    ]


def fold_of(text: str) -> int:
    """Which of four folds a text is of."""
    return sha256(text.encode()).digest()[0] % 4


def line(rows: list[tuple[str, set[tuple[int, int]], set[tuple[int, int]]]]) -> str:
    """Recall and precision, and the share of texts without persons that are hit."""
    gold, right, said = (
        sum(map(len, part))
        for part in ([g for _, g, _ in rows], [g & f for _, g, f in rows], [f for _, _, f in rows])
    )
    clean = [bool(found) for _, real, found in rows if not real]
    return f"{right / max(1, gold):.3f} / {right / max(1, said):.3f} of {gold}, {sum(clean)}/{len(clean)} clean hit"


def figures(trainer: Trainer, sets: list[list[Text]]) -> None:
    """Prints four-fold figures on development texts; the fold of a text is a digest's."""
    found: dict[int, list[Any]] = {least: [] for least in range(-28, 16, 4)}
    for fold in range(4):
        weights = trainer.train(*([x for x in texts if fold_of(x.text) != fold] for texts in sets))
        texts = [x for texts in sets for x in texts if fold_of(x.text) == fold]
        for least in found:
            found[least] += counted(texts, trainer.t, weights, least, MEMORY)
    for least, left in found.items():
        rest = left
        for group in GROUPS:
            said = [row for row in rest if row[0].startswith(group)]
            rest = [row for row in rest if not row[0].startswith(group)]
            print(f"from {least}: {group or 'other cases'} {line(said)}", flush=True)
