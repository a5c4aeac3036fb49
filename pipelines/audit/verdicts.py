"""What two readers found in a sample, and what follows for the build: bounds on leaks, by class and partner.

A document leaks a class where either reader says so and its contract does not keep that class; `settled.csv`,
in the form of a sheet, has the last word on the documents it names. Bounds are Clopper-Pearson, one-sided, on
the share of a partner's kept documents that hold a leak. That of the build is theirs weighted by their
documents, each at its part of the risk.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from pipelines.audit.bounds import lower_bound, upper_bound
from pipelines.audit.sample import READERS, Sample, Stratum, draw, sheet_name
from schemas.errors import UsageError

RISK = 0.05
ANY = "any class"
EVERY = "every partner"
_NONE = frozenset({"none", "-", "0", "no", "없음"})
_CLASS = re.compile(r"[A-Z][A-Z0-9_]*")

Found = dict[str, frozenset[str]]  # classes by document id


@dataclass(frozen=True)
class Bound:
    """Of a partner's kept documents, the share that may hold a leak of a class."""

    partner: str
    entity: str
    kept: int
    read: int
    leaking: int
    lower: float
    upper: float


@dataclass(frozen=True)
class Audit:
    """The result of a reading."""

    build: str
    seed: int
    confidence: float
    read: int
    agreement: float  # share of documents on which both readers say the same classes
    kappa: float  # Cohen's, on whether a document leaks at all
    unsettled: tuple[str, ...]  # documents on which they differ and that nobody settled
    bounds: tuple[Bound, ...]


def conclude(build: Path, sheets: Path) -> Audit:
    """Read the filled sheets of `write_sheets` and state the bounds.

    Raises UsageError for a sheet that is not filled, is of another build, or names what is no class.
    """
    sample = _sample(sheets)
    again, drawn = draw(build, size=sample.size, seed=sample.seed)
    if again != sample:
        raise UsageError(f"{sheets.name}: not a sample of this build: draw it again with --sample")
    first, second = (_sheet(sheets / sheet_name(reader), sample) for reader in READERS)
    settled = _settled(sheets / "settled.csv", sample)
    said = {doc: first[doc] | second[doc] for doc in sample.doc_ids} | settled
    let_stand = {
        doc_id.hex(): set(labels) for doc_id, labels in drawn.select("doc_id", "kept_labels").iter_rows()
    }
    union = {doc: classes - let_stand[doc] for doc, classes in said.items()}
    differ = tuple(doc for doc in sample.doc_ids if first[doc] != second[doc])
    return Audit(
        build=sample.build,
        seed=sample.seed,
        confidence=1 - RISK,
        read=len(sample.doc_ids),
        agreement=round(1 - len(differ) / len(sample.doc_ids), 4),
        kappa=round(_kappa(first, second), 4),
        unsettled=tuple(doc for doc in differ if doc not in settled),
        bounds=tuple(_bounds(sample, union)),
    )


def _bounds(sample: Sample, union: Found) -> list[Bound]:
    entities = [ANY, *sorted(set().union(*union.values()))]
    ids = iter(sample.doc_ids)
    drawn = {stratum.partner: [next(ids) for _ in range(stratum.drawn)] for stratum in sample.strata}
    bounds = []
    for entity in entities:
        hits = {
            partner: sum(bool(union[doc]) if entity == ANY else entity in union[doc] for doc in docs)
            for partner, docs in drawn.items()
        }
        bounds += [
            Bound(
                *(stratum.partner, entity, stratum.kept, stratum.drawn, hits[stratum.partner]),
                lower=round(lower_bound(hits[stratum.partner], stratum.drawn, risk=RISK), 6),
                upper=_upper(hits[stratum.partner], stratum, RISK),
            )
            for stratum in sample.strata
        ]
        kept = sum(stratum.kept for stratum in sample.strata)
        risk = RISK / len(sample.strata)
        whole = sum(_upper(hits[s.partner], s, risk) * s.kept for s in sample.strata) / kept
        low = sum(lower_bound(hits[s.partner], s.drawn, risk=risk) * s.kept for s in sample.strata) / kept
        bounds.append(
            Bound(
                *(EVERY, entity, kept, len(sample.doc_ids), sum(hits.values())),
                lower=round(low, 6),
                upper=round(whole, 6),
            )
        )
    return bounds


def _upper(hits: int, stratum: Stratum, risk: float) -> float:
    """Where every document was read there is nothing to guess."""
    if stratum.drawn == stratum.kept:
        return round(hits / stratum.kept, 6)
    return round(upper_bound(hits, stratum.drawn, risk=risk), 6)


def _kappa(first: Found, second: Found) -> float:
    """Cohen's kappa on leak or none; 1.0 where both say the same of all."""
    total = len(first)
    same = sum(bool(first[doc]) == bool(second[doc]) for doc in first) / total
    a, b = (sum(map(bool, found.values())) / total for found in (first, second))
    chance = a * b + (1 - a) * (1 - b)
    return 1.0 if chance == 1 else (same - chance) / (1 - chance)


def _sample(sheets: Path) -> Sample:
    try:
        said = json.loads((sheets / "sample.json").read_bytes())
        strata = tuple(Stratum(**stratum) for stratum in said.pop("strata"))
        return Sample(strata=strata, doc_ids=tuple(said.pop("doc_ids")), **said)
    except (OSError, ValueError, TypeError, KeyError):
        raise UsageError(
            f"{sheets.name}/sample.json: missing or not as it was written: draw the sample again"
        ) from None


def _sheet(path: Path, sample: Sample) -> Found:
    """A whole sheet: every document of the sample, every piece of it filled."""
    found = _filled(path, sample)
    missing = len(set(sample.doc_ids) - set(found))
    if missing:
        raise UsageError(f"{path.name}: {missing} documents of the sample are missing: read them all")
    return found


def _settled(path: Path, sample: Sample) -> Found:
    return _filled(path, sample) if path.is_file() else {}


def _filled(path: Path, sample: Sample) -> Found:
    try:
        table = csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""))
        rows = [row for row in table if row.get("doc_id")]
    except (OSError, UnicodeDecodeError, csv.Error):
        raise UsageError(f"{path.name}: missing or no CSV in UTF-8: save the sheet as it was") from None
    found: defaultdict[str, set[str]] = defaultdict(set)
    known = set(sample.doc_ids)
    for number, row in enumerate(rows, start=1):
        if row["doc_id"] not in known:
            raise UsageError(f"{path.name}, row {number}: a document that is not in the sample: take it out")
        words = [word.strip() for word in re.split("[,;]", row.get("found") or "") if word.strip()]
        if not words:
            raise UsageError(f"{path.name}, row {number}: found is empty: write none, or the classes found")
        if len(words) == 1 and words[0].lower() in _NONE:
            words = []
        if any(not _CLASS.fullmatch(word) for word in words):
            raise UsageError(
                f"{path.name}, row {number}: found is no list of classes like PERSON, KR_ADDRESS"
            )
        found[row["doc_id"]] |= set(words)
    return {doc: frozenset(classes) for doc, classes in found.items()}
