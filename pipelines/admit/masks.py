"""Personal data masked in what is put aside of a refused row: a placeholder for every finding."""

from __future__ import annotations

import pyarrow as pa

from pipelines.admit.texts import MIN_SCORE
from pipelines.stages.pii.gate import every_finding, gated_rows, resolve
from pipelines.stages.pii.identity_numbers import RESIDENT
from schemas.rights import UNIQUE_IDENTIFIERS


class Placeholders:
    """Masks texts and columns of texts."""

    def text(self, text: str) -> str:
        """One text, masked."""
        return masked(text)

    def texts(self, texts: pa.Array) -> list[str | None]:
        """A column of texts; only those that pass the gate are looked at."""
        values: list[str | None] = texts.to_pylist()
        for place in gated_rows(texts.fill_null("")).tolist():
            value = values[place]
            values[place] = None if value is None else masked(value)
        return values


def masked(text: str) -> str:
    """The text with [CLASS] for every finding.

    Unique identifiers are masked whatever speaks for them, and everything of the shape of a resident number:
    the quarantine keeps none (PIPA Art. 24-2), and a masked order number costs nobody anything.
    """
    for match in reversed([match.span() for match in RESIDENT.pattern.finditer(text)]):
        text = f"{text[: match[0]]}[KR_RRN]{text[match[1] :]}"
    findings = [
        finding
        for finding in every_finding(text)
        if finding.label in UNIQUE_IDENTIFIERS or finding.score >= MIN_SCORE
    ]
    for finding in reversed(resolve(findings, 0.0)):
        text = f"{text[: finding.start]}[{finding.label}]{text[finding.end :]}"
    return text
