"""The same detectors as Presidio recognizers, for use in a plain AnalyzerEngine.

    engine = AnalyzerEngine(registry=RecognizerRegistry(recognizers("ko"), supported_languages=["ko"]), ...)

Importing presidio_analyzer takes seconds and 120 MB (it loads spaCy), so the build does not: `find_pii` calls
the detectors themselves. Findings, spans and scores are the same; Presidio leaves overlaps between entities.
"""

from __future__ import annotations

from collections.abc import Iterable

from presidio_analyzer import AnalysisExplanation, EntityRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from pipelines.stages.pii.detector import Detector
from pipelines.stages.pii.evidence import PERSON, Finding
from pipelines.stages.pii.gate import DETECTORS, find_whole
from pipelines.stages.pii.persons import merged, persons_in, standing


class MalmoiRecognizer(EntityRecognizer):
    """One entity, found by all detectors that know it."""

    def __init__(self, entity: str, detectors: tuple[Detector, ...], language: str) -> None:
        self.detectors = detectors
        self.label = f"Malmoi{entity}"
        super().__init__([entity], name=self.label, supported_language=language)

    def load(self) -> None:
        """Nothing is to be loaded."""

    def analyze(
        self,
        text: str,
        entities: list[str],
        nlp_artifacts: NlpArtifacts | None = None,  # noqa: ARG002 (Presidio's interface)
    ) -> list[RecognizerResult]:
        """Findings of the entity in the text; cue words are read by the detectors, not from the artifacts."""
        wanted = set(entities or self.supported_entities) & set(self.supported_entities)
        findings: Iterable[Finding] = find_whole(text, 0.0, self.detectors)
        if PERSON in wanted:
            findings = merged(findings, standing(persons_in(text), text, 0.0))
        return [
            RecognizerResult(
                finding.label,
                finding.start,
                finding.end,
                finding.score,
                AnalysisExplanation(
                    recognizer=self.label,
                    original_score=finding.score,
                    textual_explanation=", ".join(finding.evidence),
                ),
            )
            for finding in findings
            if finding.label in wanted
        ]


def recognizers(language: str = "ko") -> list[EntityRecognizer]:
    """One recognizer an entity, in the detectors' order."""
    entities = dict.fromkeys([*(e for detector in DETECTORS for e in detector.entities), PERSON])
    return [
        MalmoiRecognizer(entity, tuple(d for d in DETECTORS if entity in d.entities), language)
        for entity in entities
    ]
