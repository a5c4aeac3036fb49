"""From what was read to the verdict: counts, findings and the receipt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.admit import findings as say
from pipelines.admit.masks import Placeholders
from pipelines.admit.reading import FileFacts, Tally
from pipelines.intake.contracts import admission_rules
from pipelines.intake.drops import Drop, announced_faults
from pipelines.intake.quality_rules import RuleResult
from pipelines.intake.quarantine import first_of_rows
from pipelines.intake.service_levels import Previous, language_shares, lateness, volume
from pipelines.intake.standing import standing
from schemas.admission import DataSetReceipt, DropFinding, Verdict
from schemas.contract import Contract, Severity
from schemas.drop import Period
from schemas.merkle import leaf_hash, root_of_hashes
from schemas.reasons import Refusal
from schemas.receipt import Receipt, ReceiptContract, ReceiptFaults, ReceiptFile, drop_of, file_leaf
from schemas.registry import Head

_MAX_NAMES = 100  # unnamed columns of a data set that a receipt lists
_MAX_NAME = 60  # characters of one


class RefusedRows(NamedTuple):
    """The refused rows of a file."""

    rows: NDArray[np.int64]  # -1: one that has no number
    reasons: pa.Array  # of each one's first fault
    by_rules: int  # how many have no faults but those of quality rules, or are kept out for their content


Refused = dict[str, RefusedRows]  # by file
_NONE = RefusedRows(np.zeros(0, np.int64), pa.nulls(0, pa.string()), 0)


@dataclass(frozen=True)
class Judged:
    """Everything there is to say of a drop that was read."""

    findings: tuple[DropFinding, ...]
    verdict: Verdict
    files: tuple[ReceiptFile, ...]
    data_sets: tuple[DataSetReceipt, ...]
    refused: Mapping[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Question:
    """What a drop is judged by, besides itself."""

    contract: Contract
    today: str
    without_drop_json: bool
    mends: bool  # the drop holds mended rows: volume, languages, lateness and completeness are not judged
    previous: Previous | None


def judge(
    asked: Question,
    drop: Drop,
    facts: Sequence[FileFacts],
    tallies: Mapping[str, Tally],
    faults: pa.Table,
    rules: Sequence[RuleResult],
) -> Judged:
    """Findings, verdict and counts; `faults` is sorted."""
    refused = _refused_rows(faults, {result.rule.name for result in rules})
    files = _files(drop, facts, refused)
    sets = tuple(_data_sets(asked.contract, tallies, files, rules))
    told = (*_whole(asked, drop, facts, files), *_by_data_set(asked, sets, refused, files, tallies, rules))
    if any(finding.severity is Severity.ERROR for finding in told):
        verdict = Verdict.REFUSED
    else:
        verdict = Verdict.ADMITTED_WITH_QUARANTINE if len(faults) else Verdict.ADMITTED
    rows = {path: np.unique(entries.rows[entries.rows >= 0]) for path, entries in refused.items()}
    return Judged(told, verdict, files, sets, {path: found for path, found in rows.items() if len(found)})


def receipt(
    asked: Question, drop: Drop, judged: Judged, *, faults: ReceiptFaults, log: Head | None
) -> Receipt:
    """The receipt of a drop that was judged."""
    contract = asked.contract
    return Receipt(
        version=3,
        partner=contract.partner,
        contract=ReceiptContract(
            contract.version, contract.digest, contract.content_digest, admission_rules(contract)
        ),
        drop=drop_of({file.path: file.sha256 for file in judged.files}),
        drop_json=drop.sent is not None,
        period=_period(drop),
        verdict=judged.verdict,
        findings=judged.findings,
        merkle_root=root_of_hashes([leaf_hash(file_leaf(file)) for file in judged.files]).hex(),
        files=judged.files,
        data_sets=judged.data_sets,
        not_named_by_contract=drop.unnamed,
        not_delivered=_not_delivered(contract, drop),
        faults=faults,
        log=log,
    )


def _period(drop: Drop) -> Period | None:
    return None if drop.sent is None else drop.sent.period


def _not_delivered(contract: Contract, drop: Drop) -> tuple[str, ...]:
    """Data sets without a file, the optional ones among them."""
    present = {file.data_set for file in drop.files}
    return tuple(sorted({data_set.name for data_set in contract.data_sets} - present))


def _refused_rows(faults: pa.Table, rules: set[str]) -> Refused:
    if not len(faults):
        return {}
    first = first_of_rows(faults)
    of_rule = pc.and_(
        pc.equal(faults["reason"], Refusal.INVALID_VALUE.value),
        pc.is_in(faults["rule"], value_set=pa.array(sorted(rules), pa.string())),
    )
    # A partner cannot know what was taken down: it costs them the row, not the drop.
    taken_down = pc.equal(faults["reason"], Refusal.SUPPRESSED.value)
    by_rule = np.logical_and.reduceat(pc.or_(of_rule, taken_down).to_numpy(), first)
    told = faults.select(["file", "row", "reason"]).take(pa.array(first)).combine_chunks()
    found = {}
    for path in told["file"].unique().to_pylist():
        own = pc.equal(told["file"], path).to_numpy()
        rows, reasons = (told[name].filter(pa.array(own)).combine_chunks() for name in ("row", "reason"))
        found[path] = RefusedRows(rows.to_numpy(), reasons, int(by_rule[own].sum()))
    return found


def _files(drop: Drop, facts: Sequence[FileFacts], refused: Refused) -> tuple[ReceiptFile, ...]:
    """By path. Rows that were sent and lie behind a break count to the break's entry."""
    sent = dict(drop.rows_sent)
    listed = []
    for fact in facts:
        path = fact.file.path
        entries = refused.get(path, _NONE)
        counts = Counter({one["values"]: one["counts"] for one in entries.reasons.value_counts().to_pylist()})
        documents, rows = fact.rows - len(entries.rows), fact.rows
        breaks = np.flatnonzero(entries.rows < 0)
        expected = sent.get(path)
        if expected is not None and expected > rows and len(breaks):
            counts[entries.reasons[breaks[0]].as_py()] += expected - rows
            rows = expected
        listed.append(
            ReceiptFile(
                path=path,
                data_set=fact.file.data_set,
                bytes=fact.bytes,
                sha256=fact.sha256,
                rows_sent=expected,
                rows_arrived=rows,
                documents=documents,
                uncompressed_bytes=fact.uncompressed,
                quarantined=dict(sorted(counts.items())),
            )
        )
    return tuple(sorted(listed, key=lambda file: file.path))


def _data_sets(
    contract: Contract,
    tallies: Mapping[str, Tally],
    files: Sequence[ReceiptFile],
    rules: Sequence[RuleResult],
) -> Iterator[DataSetReceipt]:
    for data_set in contract.data_sets:
        own = [file for file in files if file.data_set == data_set.name]
        if not own:
            continue
        tally = tallies[data_set.name]
        quarantined: Counter[str] = Counter()
        for file in own:
            quarantined.update(file.quarantined)
        languages = tally.sample.counts()
        yield DataSetReceipt(
            name=data_set.name,
            rows=sum(file.rows_arrived for file in own),
            documents=sum(file.documents for file in own),
            quarantined=dict(sorted(quarantined.items())),
            languages=dict(sorted(languages.items())),
            sampled=languages.total(),
            pii=dict(sorted(tally.personal.items())),
            rules=tuple(_rule(result) for result in rules if result.data_set == data_set.name),
            unnamed_columns=tuple(sorted({_name(name) for name in tally.unnamed})[:_MAX_NAMES]),
        )


def _name(name: str) -> str:
    """A column's name as a receipt may hold it: of a CSV file without a header it is a row's value."""
    told = Placeholders().text(name)
    return told if len(told) <= _MAX_NAME else told[:_MAX_NAME] + "…"


def _rule(result: RuleResult) -> dict[str, Any]:
    return {
        "name": result.rule.name,
        "column": result.rule.column,
        "type": result.rule.type,
        "severity": result.rule.severity.value,
        "measured": result.measured,
        "of": result.of,
        "passed": result.passed,
        "problem": result.problem,
        "description": result.rule.description,
    }


def _whole(
    asked: Question, drop: Drop, facts: Sequence[FileFacts], files: Sequence[ReceiptFile]
) -> Iterator[DropFinding]:
    """Findings on the contract and the drop as a whole."""
    yield from standing(asked.contract, asked.today)
    yield from say.of_delivery(drop, without_drop_json=asked.without_drop_json)
    yield from say.of_change([fact.file.path for fact in facts if fact.changed])
    arrived = {file.path: (file.bytes, file.sha256, file.rows_arrived) for file in files}
    yield from say.of_announcement(announced_faults(drop, arrived), unread=drop.unnamed)
    documents = sum(file.documents for file in files)
    yield from say.of_volume(rows=sum(file.rows_arrived for file in files), documents=documents)
    if not asked.mends:
        yield from say.of_missing(drop)
        yield from lateness(asked.contract, asked.previous, today=asked.today, period=_period(drop))


def _by_data_set(
    asked: Question,
    sets: Sequence[DataSetReceipt],
    refused: Refused,
    files: Sequence[ReceiptFile],
    tallies: Mapping[str, Tally],
    rules: Sequence[RuleResult],
) -> Iterator[DropFinding]:
    """Findings on each data set that came."""
    for told in sets:
        data_set = tallies[told.name].data_set
        own_rules = [result for result in rules if result.data_set == told.name]
        paths = [file.path for file in files if file.data_set == told.name]
        by_rule = sum(refused.get(path, _NONE).by_rules for path in paths)
        lost = told.rows - told.documents - by_rule
        yield from say.of_quarantine(data_set, refused=lost, rows=told.rows)
        yield from say.of_kept_out(data_set, told.quarantined.get(Refusal.SUPPRESSED.value, 0))
        yield from say.of_columns(data_set, told.unnamed_columns)
        yield from say.of_rules(own_rules)
        yield from say.of_personal_data(asked.contract, data_set, told.pii, rows=told.rows)
        if not asked.mends:
            yield from volume(data_set, told.rows)
            yield from language_shares(
                data_set, told.languages, sampled=told.sampled, rows=max(told.documents, told.sampled)
            )
