"""Personal data masked in what is put aside of a refused row: a placeholder for every finding."""

from __future__ import annotations

import pyarrow as pa

from pipelines.admit.texts import MIN_SCORE
from pipelines.stages.pii.evidence import Finding
from pipelines.stages.pii.gate import every_finding, resolve
from pipelines.stages.pii.identity_numbers import RESIDENT
from schemas.rights import UNIQUE_IDENTIFIERS

_CERTAIN = 3.0  # of what is masked whatever else lies there
_SHORTEST = 13  # digits of a resident number: less is none


class Placeholders:
    """Masks texts and columns of texts."""

    def text(self, text: str) -> str:
        """One text, masked."""
        return self.changed(pa.array([text])).get(0, text)

    def changed(self, texts: pa.Array) -> dict[int, str]:
        """By row, the texts of a column that are others when masked; only what passes the gate is read."""
        changed = {}
        for row, findings in every_finding(texts):
            text = texts[row].as_py()
            masked = _masked(text, findings)
            if masked != text:
                changed[row] = masked
        return changed


def _masked(text: str, findings: list[Finding]) -> str:
    """The text with [CLASS] for every finding.

    Unique identifiers are masked whatever speaks for them, and everything of the shape of a resident number:
    the quarantine keeps none (PIPA Art. 24-2), and a masked order number costs nobody anything.
    """
    able = [f for f in findings if f.label in UNIQUE_IDENTIFIERS or f.score >= MIN_SCORE]
    shapes = RESIDENT.pattern.finditer(text) if len(text) >= _SHORTEST else ()
    shaped = [Finding(*match.span(), "KR_RRN", _CERTAIN, ()) for match in shapes]
    if not (able or shaped):
        return text
    for finding in reversed(resolve([*able, *shaped], 0.0)):
        text = f"{text[: finding.start]}[{finding.label}]{text[finding.end :]}"
    return text
