"""A drop admitted into a registry: judged, its files put there whole, and only then the event that counts.

Admissions of one partner wait for each other (a lock that the kernel drops when its holder dies), because the
keys of a drop are held against all drops before it. Other partners' go on. A drop that was admitted before is
recognised by its content: its receipt is given back, and the log stays as it is; unless the contract decides
over rows by other rules now, then it is judged anew, and what was said before stays beside it.
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from pipelines.admit.one_drop import MAX_ROW_BYTES, admit_drop, keys_file
from pipelines.intake.approvals import valid_approvals
from pipelines.intake.contracts import admission_rules, load_contract
from pipelines.intake.drops import discover
from pipelines.intake.new_files import sync_directory, sync_tree
from pipelines.intake.receipt_signatures import sign_receipt
from pipelines.intake.registry import Registry, record_admission
from pipelines.intake.service_levels import Previous
from pipelines.intake.signatures import SigningKey
from pipelines.lineage.admission_report import render_admission
from schemas.admission import Admission, Verdict
from schemas.contract import Contract
from schemas.drop import Period
from schemas.errors import UsageError
from schemas.identity import canonical_json, file_sha256, fingerprint
from schemas.receipt import RECEIPT_JSON, Side
from schemas.registry import AdmittedAs, Body, ContractApproved, DropAdmitted, DropWithdrawn, Event, Takedown

if TYPE_CHECKING:
    from pipelines.admit.kept_out import KeptOut

REPORT = "report.html"
_TRENDS = 24  # earlier drops that the report compares with
_UNFINISHED = ".admitting-"


@dataclass(frozen=True)
class Filed:
    """What became of a drop, and where its receipt lies. `before` is the day of an earlier admission."""

    receipt: dict[str, Any]
    directory: Path
    before: str | None
    admission: Admission | None  # None: it was admitted before, and not read again


@dataclass(frozen=True)
class _Earlier:
    """An admitted drop of the same partner."""

    drop: str
    day: str
    directory: Path
    receipt: dict[str, Any]
    withdrawn: str | None  # effective day


def admit(
    contract_path: Path,
    drop: Path,
    *,
    registry: Path,
    today: str,
    at: str,
    key: Path | None = None,
    without_drop_json: bool = False,
    mends: str | None = None,
    max_row_bytes: int = MAX_ROW_BYTES,
) -> Filed:
    """Admit a drop into a registry.

    today: the day on which the contract is judged; at: the event's moment (UTC). mends: the drop (its first
    16 digits) whose refused rows these are. Raises ContractRejected, InputUnreadable, UsageError, and OSError
    where the disk is full: nothing is registered then.
    """
    contract = load_contract(contract_path)
    log = Registry.open(registry, key=key)
    home = log.directory / "drops" / contract.partner
    home.mkdir(parents=True, exist_ok=True)
    with _alone(home):
        events = list(log.events())
        earlier = _earlier(log, events, contract.partner)
        before = _same_content(drop, contract, earlier)
        if before is not None and before.receipt["contract"].get("rules") == admission_rules(contract):
            return Filed(before.receipt, before.directory, before.day, None)
        if mends is not None:
            _check_mended(home, mends)
        if before is not None:
            earlier = earlier[: earlier.index(before)]
        directory = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=home))
        try:
            return _admitted(
                contract,
                drop,
                log,
                earlier,
                directory,
                today=today,
                at=at,
                without_drop_json=without_drop_json,
                again=contract.digest if before is not None else "",
                mends=mends is not None,
                max_row_bytes=max_row_bytes,
                kept_out=_kept_out(log, events, today),
            )
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def _admitted(
    contract: Contract,
    drop: Path,
    log: Registry,
    earlier: Sequence[_Earlier],
    directory: Path,
    *,
    today: str,
    at: str,
    without_drop_json: bool,
    again: str,
    mends: bool,
    max_row_bytes: int,
    kept_out: KeptOut | None,
) -> Filed:
    admission = admit_drop(
        contract,
        drop,
        today=today,
        earlier_keys=_earlier_keys(contract, earlier, today),
        secret=log.secret(),
        without_drop_json=without_drop_json,
        mends=mends,
        max_row_bytes=max_row_bytes,
        quarantine_to=directory,
        previous=_previous(earlier),
        log=log.head(),
        kept_out=kept_out,
    )
    content = dict(admission.receipt)
    (directory / RECEIPT_JSON).write_bytes(canonical_json(content) + b"\n")
    sign_receipt(
        directory / RECEIPT_JSON, SigningKey.read(log.key_directory / "signing.pem"), role=Side.CONSORTIUM
    )
    trends = [(one.day, one.receipt) for one in earlier[-_TRENDS:]]
    page = render_admission(content, admission.faults, day=today, earlier=trends)
    (directory / REPORT).write_text(page, encoding="utf-8")
    target = log.drop_directory(partner=contract.partner, drop=content["drop"], again=again)
    _put(directory, target)
    if admission.verdict is not Verdict.REFUSED:
        _record(log, contract, content, receipt=file_sha256(target / RECEIPT_JSON), at=at)
    return Filed(content, target, None, admission)


def _record(log: Registry, contract: Contract, content: dict[str, Any], *, receipt: str, at: str) -> None:
    """The approvals that the drop came under, and the drop; each once."""
    for approval in valid_approvals(contract):
        approved = ContractApproved(
            partner=contract.partner,
            version=contract.version,
            content_digest=contract.content_digest,
            by=approval.by,
            on=approval.on,
            key=approval.key,
        )
        log.append_once(approved, at=at, same=partial(_says, approved))
    counts = {
        told["name"]: {
            "rows": told["rows"],
            "documents": told["documents"],
            "quarantined": sum(told["quarantined"].values()),
        }
        for told in content["data_sets"]
    }
    body = DropAdmitted(
        partner=contract.partner,
        drop=content["drop"],
        contract=contract.digest,
        content_digest=contract.content_digest,
        receipt=receipt,
        verdict=AdmittedAs(content["verdict"]),
        data_sets=counts,
        notice_days=contract.rights.notice_days,
    )
    record_admission(log, body, at=at)


def _says(body: Body, event: Event) -> bool:
    return event.body == body


def _put(directory: Path, target: Path) -> None:
    """Make a finished directory the drop's; what an attempt that came to nothing left there goes."""
    sync_tree(directory)
    directory.chmod(0o755)
    if target.exists():
        target.rename(target.with_name(f"{_UNFINISHED}old-{target.name}"))
    directory.rename(target)
    sync_directory(target.parent)
    shutil.rmtree(target.with_name(f"{_UNFINISHED}old-{target.name}"), ignore_errors=True)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One admission of a partner at a time; what killed ones left is swept away."""
    with (home / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for path in home.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(path, ignore_errors=True)
        yield


def _earlier(log: Registry, events: Sequence[Event], partner: str) -> list[_Earlier]:
    """The partner's admitted drops, in the order of the log."""
    withdrawn: dict[str, str] = {}
    found: dict[str, tuple[Event, DropAdmitted, str]] = {}
    for event in events:
        match event.body:
            case DropAdmitted() as body if body.partner == partner:
                first = found.get(body.drop, (event,))[0]
                found[body.drop] = (first, body, body.contract if first is not event else "")
            case DropWithdrawn() as body if body.partner == partner:
                withdrawn[body.drop] = min(body.effective, withdrawn.get(body.drop, body.effective))
    told = []
    for event, body, again in found.values():
        directory = log.drop_directory(partner=partner, drop=body.drop, again=again)
        try:
            receipt = orjson.loads((directory / RECEIPT_JSON).read_bytes())
        except (OSError, ValueError):
            raise UsageError(
                f"{directory}: the receipt of an admitted drop is missing or broken: "
                "restore the registry's files"
            ) from None
        told.append(_Earlier(body.drop, event.at[:10], directory, receipt, withdrawn.get(body.drop)))
    return told


def _kept_out(log: Registry, events: Sequence[Event], today: str) -> KeptOut | None:
    """Content that was taken down; its code is not even loaded where there is none."""
    if not any(isinstance(event.body, Takedown) and event.body.suppressed for event in events):
        return None
    from pipelines.admit.kept_out import read_kept_out

    return read_kept_out(log, today)


def _same_content(drop: Path, contract: Contract, earlier: Sequence[_Earlier]) -> _Earlier | None:
    """The earlier drop of the very same files; files are digested only where names and sizes are the same."""
    if not earlier:
        return None
    files = sorted(file.path for file in discover(drop, contract).files)
    sizes = [(path, (drop / path).stat().st_size) for path in files]
    alike = [one for one in earlier if [(f["path"], f["bytes"]) for f in one.receipt["files"]] == sizes]
    if not alike:
        return None
    digest = fingerprint([[path, file_sha256(drop / path)] for path in files])
    same = next((one for one in alike if one.drop == digest), None)
    if same is not None and same.withdrawn is not None:
        raise UsageError(
            f"{digest[:16]}: the partner took this very drop back, with effect on {same.withdrawn}: "
            "it cannot be admitted again as it is"
        )
    return same


def _earlier_keys(contract: Contract, earlier: Sequence[_Earlier], today: str) -> dict[str, list[Path]]:
    """The keys files of the drops that count on the day, by data set: what was taken back may come again."""
    counting = [one.directory for one in earlier if one.withdrawn is None or one.withdrawn > today]
    names = [data_set.name for data_set in contract.data_sets]
    paths = {name: [directory / keys_file(name) for directory in counting] for name in names}
    return {name: [path for path in listed if path.exists()] for name, listed in paths.items()}


def _previous(earlier: Sequence[_Earlier]) -> Previous | None:
    if not earlier:
        return None
    period = earlier[-1].receipt["period"]
    return Previous(earlier[-1].day, None if period is None else Period(**period))


def _check_mended(home: Path, mends: str) -> None:
    if not (home / mends[:16] / RECEIPT_JSON).is_file():
        raise UsageError(
            f"{mends}: no drop of this partner has been judged under this name: "
            "give the first 16 digits of the drop whose rows were mended"
        )
