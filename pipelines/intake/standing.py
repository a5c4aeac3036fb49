"""Whether a contract stands on a day: in force, approved, its rights stated. Reads nothing of a drop."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from pipelines.intake.approvals import is_signed
from schemas.admission import DropFinding
from schemas.contract import Contract, Severity
from schemas.rights import Use, denials

_SOON = 30  # days before the end of a contract on which it is warned of
_ERROR, _WARNING = Severity.ERROR, Severity.WARNING
# What `schemas.rights.denials` finds missing, in Korean. Data that no build may use is not taken in: without
# a stated legal basis even holding it has none (PIPA Art. 15, 24).
_MISSING = {
    "licence": "계약에 라이선스가 없습니다",
    "legal_basis": "계약에 개인정보 처리의 법적 근거가 없습니다",
    "source": "계약에 데이터의 출처가 없습니다",
    "unique_identifiers": "계약에 고유식별정보의 유무가 모두 적혀 있지 않습니다",
    "retention": "계약에 종료 뒤 보유 기간이 없습니다",
}


def standing(contract: Contract, today: str) -> Iterator[DropFinding]:
    """Findings on the contract alone, on a day (ISO date)."""
    yield from _status(contract)
    yield from _term(contract, today)
    yield from _approvals(contract)
    yield from _rights(contract, today)


def _status(contract: Contract) -> Iterator[DropFinding]:
    match contract.status:
        case "active":
            return
        case "deprecated":
            message = "the contract is deprecated: agree on its successor"
            korean = "계약이 폐기 예정(deprecated)입니다. 후속 계약을 맺으십시오"
            yield DropFinding(_WARNING, "status", "", message, korean)
        case other:
            message = f"the contract is {other}, not active: set its status to active once it is agreed"
            korean = f"계약의 상태가 active가 아니라 {other}입니다. 합의한 뒤 active로 바꾸십시오"
            yield DropFinding(_ERROR, "status", "", message, korean)


def _term(contract: Contract, today: str) -> Iterator[DropFinding]:
    rights = contract.rights
    if today < rights.starts:
        message = f"the contract starts on {rights.starts}, today is {today}: hand the drop in again then"
        korean = f"계약은 {rights.starts}에 시작합니다(오늘 {today}). 그날 이후 다시 납품하십시오"
        yield DropFinding(_ERROR, "not_started", "", message, korean)
    if today > rights.expires:
        message = f"the contract ended on {rights.expires}, today is {today}: renew it"
        korean = f"계약이 {rights.expires}에 끝났습니다(오늘 {today}). 갱신하십시오"
        yield DropFinding(_ERROR, "expired", "", message, korean)
    elif (left := (date.fromisoformat(rights.expires) - date.fromisoformat(today)).days) < _SOON:
        message = f"the contract ends on {rights.expires}, in {left} days: renew it in time"
        korean = f"계약이 {left}일 뒤({rights.expires}) 끝납니다. 미리 갱신하십시오"
        yield DropFinding(_WARNING, "expires_soon", "", message, korean)


def _approvals(contract: Contract) -> Iterator[DropFinding]:
    approvals = contract.approvals
    if not approvals:
        message = "nobody has approved the contract: sign it with 'malmoi contract approve'"
        korean = "계약이 승인되지 않았습니다. 'malmoi contract approve'로 서명하십시오"
        yield DropFinding(_ERROR, "unapproved", "", message, korean)
        return
    stale = sum(approval.digest != contract.content_digest for approval in approvals)
    if stale:
        message = (
            f"{stale} of {len(approvals)} approvals are of another text of the contract: approve it again"
        )
        korean = f"승인 {len(approvals)}건 중 {stale}건이 지금의 계약 내용과 다릅니다. 다시 승인하십시오"
        yield DropFinding(_ERROR, "approval_stale", "", message, korean)
    forged = sum(not is_signed(contract.partner, contract.version, approval) for approval in approvals)
    if forged:
        message = (
            f"the signatures of {forged} of {len(approvals)} approvals are false: approve the contract again"
        )
        korean = f"승인 {len(approvals)}건 중 {forged}건의 서명이 맞지 않습니다. 다시 승인하십시오"
        yield DropFinding(_ERROR, "approval_false", "", message, korean)


def _rights(contract: Contract, today: str) -> Iterator[DropFinding]:
    """What every use of the contract would be denied for; the term was judged above."""
    rights = contract.rights
    least = Use(
        purposes=rights.purposes,
        release="closed",
        territory=rights.territory,
        date=today,
        student_parameters=0,
    )
    for denial in denials(contract.partner, rights, least):
        if denial.code in _MISSING:
            message = f"{denial.message}: add it to the contract, nothing of the drop could be used"
            korean = f"{_MISSING[denial.code]}. 추가하지 않으면 어디에도 쓸 수 없습니다"
            yield DropFinding(_ERROR, denial.code, "", message, korean)
        elif denial.code == "territory":
            message = "the contract names no territory: add malmoi.territory, nothing could be used"
            korean = "계약에 이용 가능한 국가가 없습니다. malmoi.territory를 추가하십시오"
            yield DropFinding(_ERROR, denial.code, "", message, korean)
        elif denial.code == "ai_use":
            message = (
                f"{denial.message}, though the contract allows a purpose that needs it: check malmoi.aiUse"
            )
            korean = (
                "허용한 목적에 필요한 AI 이용(malmoi.aiUse)이 허용되지 않았거나 조건부입니다. 확인하십시오"
            )
            yield DropFinding(_WARNING, denial.code, "", message, korean)
    if not rights.purposes:
        message = "the contract allows no purpose: add malmoi.purposes, nothing of the drop could be used"
        korean = "계약에 허용한 목적이 없습니다. malmoi.purposes를 추가하십시오"
        yield DropFinding(_ERROR, "purpose", "", message, korean)
