"""One engine that finds personal data, as a process of its own; ours and the rivals alike.

    python benchmarks/pii_engine.py find   ENGINE TEXTS FINDINGS    JSON lines in, JSON lines out
    python benchmarks/pii_engine.py speed  ENGINE TEXTS SECONDS     one JSON line with MB and CPU seconds
    python benchmarks/pii_engine.py linear ENGINE MOST_MB SECONDS   one JSON line with [MB, CPU seconds, MiB]...

Only the standard library is imported before the engine: ko-pii and maskingtape run in environments of their
own. TEXTS holds a JSON string a line; FINDINGS gets a list of [start, end, entity] a line, in code points,
with our entity names. Time is CPU time of the process, bound to one core: other work on the machine does not
count. Nothing of a text is printed.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

Spans = list[tuple[int, int, str]]


class Finder(NamedTuple):
    """Texts as the engine takes them (outside the clock), the finding, and its result as spans (outside too)."""

    find: Callable[[Any], Any]
    take: Callable[[list[str]], Any] = lambda texts: texts
    spans: Callable[[Any], list[Spans]] = lambda found: found


DOCUMENTS = 1_000  # texts of one call
PHONE = "010-0123-4567 "  # in an unassigned block
LEAST_MB = 1 / 16
_SHARED = {
    "ACCOUNT": "KR_BANK_ACCOUNT",
    "ADDRESS": "KR_ADDRESS",
    "CARD": "CREDIT_CARD",
    "DRIVER_LICENSE": "KR_DRIVER_LICENSE",
    "EMAIL": "EMAIL_ADDRESS",
    "FRN": "KR_FRN",
    "IP": "IP_ADDRESS",
    "PASSPORT": "KR_PASSPORT",
    "PHONE": "PHONE_NUMBER",
    "RRN": "KR_RRN",
}
KO_PII = _SHARED | {
    "BUSINESS_REG": "KR_BRN",
    "CORP_REG": "KR_CRN",
    "DT_BIRTH": "DATE_OF_BIRTH",
    "FAX": "PHONE_NUMBER",
    "VEHICLE": "KR_VEHICLE_PLATE",
}
MASKINGTAPE = _SHARED | {"BIZ_REG": "KR_BRN", "BIRTH_DATE": "DATE_OF_BIRTH", "NAME": "PERSON"}


def ours(*, persons: bool = True) -> Finder:
    """`find_pii` over Arrow batches, as the build calls it, for every class it knows."""
    import pyarrow as pa

    from pipelines.preview import data_set_of
    from pipelines.stages.pii.find import find_pii
    from pipelines.stages.pii.gate import ENTITIES
    from schemas.contract import Kind, Markup
    from schemas.documents import DOCUMENT
    from schemas.recipe import PiiSettings

    compile_all()
    entities = tuple(sorted(ENTITIES - (frozenset() if persons else frozenset({"PERSON"}))))
    settings = PiiSettings(entities=entities, max_share=1.0)
    data_set = data_set_of(kind=Kind.DIALOGUE, markup=Markup.PLAIN, languages=())

    def take(texts: list[str]) -> pa.RecordBatch:
        return pa.RecordBatch.from_arrays(
            [
                pa.array([row.to_bytes(16, "big") for row in range(len(texts))], pa.binary(16)),
                pa.array(range(len(texts)), pa.int64()),
                pa.array(texts, pa.string()),
                pa.nulls(len(texts), pa.string()),
            ],
            schema=DOCUMENT,
        )

    def spans(found: pa.Array) -> list[Spans]:
        return [[(span["start"], span["end"], span["label"]) for span in row] for row in found.to_pylist()]

    return Finder(lambda batch: find_pii(batch, settings, data_set).kept["spans"], take, spans)


def compile_all() -> None:
    """Compile every expression, which a process pays once, when it first needs one: outside the clock."""
    import importlib
    import pkgutil

    from pipelines.stages import pii
    from pipelines.stages.pii.expression import _Expression

    for module in pkgutil.iter_modules(pii.__path__):
        for value in vars(importlib.import_module(f"{pii.__name__}.{module.name}")).values():
            if isinstance(value, _Expression):
                value.fullmatch("")


def presidio(*, korean: bool, only_ours: bool = False) -> Finder:
    """AnalyzerEngine over a blank spaCy pipeline: with its default registry for Korean, or its Korean ones on."""
    import spacy
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer import predefined_recognizers as known
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    class Blank(SpacyNlpEngine):
        def load(self) -> None:
            # without its rule-based tokenizer spacy.blank("ko") asks for mecab-ko
            tokenizer = {"nlp": {"tokenizer": {"@tokenizers": "spacy.Tokenizer.v1"}}}
            self.nlp = {"ko": spacy.blank("ko", config=tokenizer)}
            self.nlp["ko"].max_length = 10**9

    registry = RecognizerRegistry(supported_languages=["ko"])
    if not only_ours:
        registry.load_predefined_recognizers(languages=["ko"])
    if korean:
        for name in ("KrRrn", "KrFrn", "KrBrn", "KrPassport", "KrDriverLicense", "CreditCard"):
            registry.add_recognizer(getattr(known, f"{name}Recognizer")(supported_language="ko"))
        registry.remove_recognizer("PhoneRecognizer")
        registry.add_recognizer(known.PhoneRecognizer(supported_language="ko", supported_regions=("KR",)))
    if only_ours:
        for name in ("Email", "Ip", "MacAddress", "Url"):
            registry.add_recognizer(getattr(known, f"{name}Recognizer")(supported_language="ko"))
    engine = AnalyzerEngine(
        registry=registry,
        nlp_engine=Blank(models=[{"lang_code": "ko", "model_name": "blank"}]),
        supported_languages=["ko"],
    )
    return Finder(
        lambda texts: [
            [(r.start, r.end, r.entity_type) for r in engine.analyze(text, language="ko")] for text in texts
        ]
    )


def datatrove() -> Finder:
    """The expressions of its PIIFormatter (FineWeb's settings), which replaces and does not say where."""
    from datatrove.pipeline.formatters import PIIFormatter

    formatter = PIIFormatter()
    mail, address = formatter.emails_replacer, formatter.ip_replacer

    def find(texts: list[str]) -> list[Spans]:
        found = []
        for text in texts:
            spans = [(*match.span(), "EMAIL_ADDRESS") for match in mail.regex.finditer(text)]
            spans += [
                (*match.span(), "IP_ADDRESS")
                for match in address.regex.finditer(text)
                if address.validator is None or address.validator(match[0])
            ]
            found.append(spans)
        return found

    return Finder(find)


def ko_pii() -> Finder:
    """detect_all, every label."""
    from ko_pii import detect_all

    return Finder(
        lambda texts: [
            [(d.start, d.end, KO_PII.get(d.label, d.label)) for d in detect_all(text)] for text in texts
        ]
    )


def maskingtape() -> Finder:
    """Its rule pipeline (no language model); its `rrn` holds foreigners' numbers too."""
    from maskingtape import Pipeline

    pipeline = Pipeline()

    def entity(kind: str, value: str) -> str:
        digits = [c for c in value if c.isdigit()]
        if kind == "rrn" and len(digits) > 6 and digits[6] in "5678":
            return "KR_FRN"
        return MASKINGTAPE.get(kind.upper(), kind)

    return Finder(
        lambda texts: [
            [(d.start, d.end, entity(d.kind, d.text)) for d in pipeline.scan(text)] for text in texts
        ]
    )


ENGINES: dict[str, tuple[str, Callable[[], Finder]]] = {
    "ours": ("malmoi", ours),
    "ours without persons": ("malmoi", lambda: ours(persons=False)),
    "presidio": ("presidio-analyzer", lambda: presidio(korean=False)),
    "presidio+ko": ("presidio-analyzer", lambda: presidio(korean=True)),
    "presidio, our classes": ("presidio-analyzer", lambda: presidio(korean=True, only_ours=True)),
    "datatrove": ("datatrove", datatrove),
    "ko-pii": ("ko-pii", ko_pii),
    "maskingtape": ("maskingtape", maskingtape),
}


def read(path: str) -> list[str]:
    """A JSON string a line."""
    with Path(path).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def chunks(texts: list[str]) -> Iterator[list[str]]:
    """DOCUMENTS at a time."""
    for start in range(0, len(texts), DOCUMENTS):
        yield texts[start : start + DOCUMENTS]


def find_all(engine: Finder, source: str, target: str) -> dict[str, object]:
    """Findings of every text into a file."""
    with Path(target).open("w", encoding="utf-8") as out:
        for texts in chunks(read(source)):
            found = engine.spans(engine.find(engine.take(texts)))
            out.writelines(json.dumps(spans) + "\n" for spans in found)
    return {}


def seconds_of(engine: Finder, texts: list[str]) -> float:
    """CPU seconds that the finding takes."""
    taken = engine.take(texts)
    begun = time.process_time()
    engine.find(taken)
    return time.process_time() - begun


def measure_speed(engine: Finder, source: str, seconds: str) -> dict[str, object]:
    """Bytes and CPU seconds over the texts in order, ended after a chunk once `seconds` are spent."""
    every = read(source)
    seconds_of(engine, every[:50])
    spent = size = 0.0
    for texts in chunks(every):
        spent += seconds_of(engine, texts)
        size += sum(len(text.encode()) for text in texts)
        if spent > float(seconds):
            break
    return {"mb": size / 1e6, "seconds": spent}


def measure_linear(engine: Finder, most: str, seconds: str) -> dict[str, object]:
    """One text of nothing but telephone numbers, twice as long each time, until one takes `seconds`."""
    seconds_of(engine, [PHONE])
    size, runs = LEAST_MB, []
    while size <= float(most):
        spent = seconds_of(engine, [PHONE * int(size * 1e6 / len(PHONE))])
        runs.append((size, spent, peak_mib()))
        if spent > float(seconds):
            break
        size *= 2
    return {"runs": runs}


def peak_mib() -> float:
    """Peak resident memory of this program (what getrusage says includes the parent's at the fork)."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def main(work: str, name: str, first: str, second: str) -> None:
    """One engine, one piece of work."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # interrupts come to the first
    package, make = ENGINES[name]
    done = {"find": find_all, "speed": measure_speed, "linear": measure_linear}[work](make(), first, second)
    print(json.dumps({"version": metadata.version(package), **done}))


if __name__ == "__main__":
    main(*sys.argv[1:])
