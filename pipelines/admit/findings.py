"""What there is to say of a drop as a whole: findings with numbers and remedy, in English and Korean.

An error refuses the drop, a warning is reported. No finding holds a value of a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pipelines.intake.drops import AnnouncedFault, Drop
from pipelines.intake.quality_rules import RuleResult
from schemas.admission import DropFinding
from schemas.contract import Contract, DataSet, Severity
from schemas.rights import Article

ERROR, WARNING = Severity.ERROR, Severity.WARNING
# Of a contract whose legal basis is that there is no personal data: what the detectors take for some by
# mistake (version numbers, order numbers) stays below one row in a thousand on the handed drops.
NOISE = 0.001
_SHOWN = 10  # names in one message
_ANNOUNCED = {
    "contract_version": "계약의 다른 판으로 만든 납품물입니다. 지금의 계약으로 다시 준비하십시오",
    "contract_digest": "같은 판 번호의 다른 계약으로 만든 납품물입니다. 두 파일을 비교하고 다시 준비하십시오",
    "file_digest": "SHA-256이 drop.json과 다릅니다. 파일을 다시 보내십시오",
    "file_missing": "drop.json에 있으나 도착하지 않았습니다. 보내십시오",
    "file_not_announced": "drop.json에 없는 파일입니다. 납품물을 다시 준비하십시오",
    "file_size": "크기가 drop.json과 다릅니다. 파일을 다시 보내십시오",
    "rows_sent": "행 수가 drop.json과 다릅니다. 파일을 다시 보내거나 drop.json을 고치십시오",
    "signature": "drop.json의 서명이 내용과 맞지 않습니다. 다시 서명하십시오",
}


def of_delivery(drop: Drop, *, without_drop_json: bool) -> Iterator[DropFinding]:
    """What is seen before a file is read: whether the drop is complete, and what nobody asked for."""
    if drop.sent is None:
        yield DropFinding(
            WARNING if without_drop_json else ERROR,
            "drop_json_missing",
            "",
            "there is no drop.json, so nobody can say whether the drop is complete: "
            "make it with 'malmoi prepare', or admit it on record with --without-drop-json",
            "drop.json이 없어 납품이 끝났는지 알 수 없습니다. 'malmoi prepare'로 만들거나 "
            "--without-drop-json으로 기록을 남기고 받으십시오",
        )
    if drop.parts:
        names = _listed(drop.parts)
        yield DropFinding(
            WARNING,
            "part_file",
            "",
            f"{len(drop.parts)} files end in .part and were not read ({names}): finish sending them",
            f".part로 끝나는 파일 {len(drop.parts)}개는 읽지 않았습니다({names}). 전송을 마치십시오",
        )
    if drop.unnamed:
        yield DropFinding(
            WARNING,
            "not_named_by_contract",
            "",
            f"{len(drop.unnamed)} files are not named by the contract and were not read "
            f"({_listed(drop.unnamed)}): add them to malmoi.files, or leave them out",
            f"계약에 없는 파일 {len(drop.unnamed)}개는 읽지 않았습니다({_listed(drop.unnamed)}). "
            "malmoi.files에 추가하거나 빼십시오",
        )


def of_missing(drop: Drop) -> Iterator[DropFinding]:
    """Data sets that the contract does not call optional."""
    for name in drop.missing:
        yield DropFinding(
            ERROR,
            "not_delivered",
            name,
            "no file of this data set came: deliver it, or set malmoi.optional",
            "이 데이터 세트의 파일이 없습니다. 납품하거나 malmoi.optional로 정하십시오",
        )


def of_announcement(faults: Sequence[AnnouncedFault], *, unread: Sequence[str]) -> Iterator[DropFinding]:
    """Where drop.json and what arrived do not agree; a stray file that nobody reads does no harm."""
    for code, path, message in faults:
        harmless = code == "file_not_announced" and path in unread
        yield DropFinding(WARNING if harmless else ERROR, code, path, message, _ANNOUNCED[code])


def of_change(paths: Sequence[str]) -> Iterator[DropFinding]:
    """Files that were written while they were read."""
    for path in paths:
        yield DropFinding(
            ERROR,
            "file_changed",
            path,
            "changed while it was read: hand the drop in again when nothing writes to it",
            "읽는 동안 바뀌었습니다. 쓰기가 끝난 뒤 다시 납품하십시오",
        )


def of_volume(*, rows: int, documents: int) -> Iterator[DropFinding]:
    """A drop of nothing."""
    if documents == 0:
        yield DropFinding(
            ERROR,
            "empty",
            "",
            f"{rows:,} rows arrived and none can be admitted: see the faults, and check malmoi.files",
            f"{rows:,}행이 도착했으나 받을 수 있는 행이 없습니다. 오류와 malmoi.files를 확인하십시오",
        )


def of_quarantine(data_set: DataSet, *, refused: int, rows: int) -> Iterator[DropFinding]:
    """Refused rows against `malmoi.maxQuarantined`; rows that only a quality rule names are the rule's."""
    if refused > data_set.max_quarantined * rows:
        share, limit = refused / max(rows, 1), data_set.max_quarantined
        yield DropFinding(
            ERROR,
            "quarantine_share",
            data_set.name,
            f"{refused:,} of {rows:,} rows are refused ({share:.2%}), {limit:.2%} are allowed: mend them "
            "(see the faults), or change malmoi.maxQuarantined",
            f"{rows:,}행 중 {refused:,}행({share:.2%})이 거부되었습니다(허용 {limit:.2%}). "
            "행을 고치거나 malmoi.maxQuarantined를 바꾸십시오",
        )


def of_kept_out(data_set: DataSet, rows: int) -> Iterator[DropFinding]:
    """Rows whose content was taken down: they are refused, the others are not for their sake."""
    if rows:
        yield DropFinding(
            WARNING,
            "taken_down",
            data_set.name,
            f"{rows:,} rows hold content that was taken down, and are refused: leave them out of every drop",
            f"{rows:,}행은 삭제된 내용이어서 거부되었습니다. 앞으로의 납품물에서 빼십시오",
        )


def of_columns(data_set: DataSet, unnamed: Sequence[str]) -> Iterator[DropFinding]:
    """Columns that came and that nobody asked for."""
    if unnamed:
        yield DropFinding(
            WARNING,
            "column_not_named",
            data_set.name,
            f"{len(unnamed)} columns are not named by the contract and were not read ({_listed(unnamed)}): "
            "name them with a role or policy, or leave them out",
            f"계약에 없는 열 {len(unnamed)}개는 읽지 않았습니다({_listed(unnamed)}). "
            "역할이나 정책과 함께 계약에 적거나 빼십시오",
        )


def of_rules(results: Iterable[RuleResult]) -> Iterator[DropFinding]:
    """Quality rules that are broken, and (always an error) those that could not be run."""
    for result in results:
        rule = result.rule
        where = ".".join((result.data_set, rule.column)) if rule.column else result.data_set
        if result.problem:
            yield DropFinding(
                ERROR,
                "rule_not_run",
                where,
                f"the quality rule {rule.name} could not be run, it {result.problem}: mend the rule",
                f"품질 규칙 {rule.name}을(를) 실행할 수 없습니다({result.problem}). 규칙을 고치십시오",
            )
        elif result.passed is False:
            wanted = f"{rule.operator} {' and '.join(map(str, rule.value))}"
            unit = " %" if rule.unit == "percent" else ""
            got = "another text" if result.measured is None else f"{result.measured:.6g}{unit}"
            yield DropFinding(
                rule.severity,
                "quality_rule",
                where,
                f"the quality rule {rule.name} wants {wanted}{unit} and measures {got} over "
                f"{result.of:,} rows: mend the data, or change the rule",
                f"품질 규칙 {rule.name}: 기준 {wanted}{unit}, 측정 {got}({result.of:,}행). "
                "데이터를 고치거나 규칙을 바꾸십시오",
            )


def of_personal_data(
    contract: Contract, data_set: DataSet, counts: Mapping[str, int], *, rows: int
) -> Iterator[DropFinding]:
    """Classes found in the texts against what the contract says of them.

    Unique identifiers that are `absent` refused their rows already. Where the legal basis is that there is no
    personal data, and the contract does not say what is to be done with a class, more of it than noise takes
    the ground from under the whole drop (PIPA Art. 15): an error.
    """
    said = {policy.label: policy for policy in contract.rights.personal_data}
    unique = dict(contract.rights.unique_identifiers)
    basis = contract.rights.legal_basis
    no_basis = basis is not None and basis.article is Article.NO_PERSONAL_DATA
    for label, count in sorted(counts.items()):
        share = count / max(rows, 1)
        told, korean = f"{count:,} rows ({share:.2%}) hold {label}", f"{count:,}행({share:.2%})에 {label}"
        if label in unique:
            if unique[label] == "remove":
                yield DropFinding(
                    WARNING,
                    "unique_identifier",
                    data_set.name,
                    f"{told}, which the build takes out: leave it out before delivery (PIPA Art. 24)",
                    f"{korean}이(가) 있어 빌드에서 제거합니다. 납품 전에 빼십시오(개인정보 보호법 제24조)",
                )
        elif no_basis and label not in said:
            yield DropFinding(
                ERROR if count > 1 and share > NOISE else WARNING,
                "legal_basis_contradicted",
                data_set.name,
                f"{told}, and the contract's legal basis is that there is no personal data: take it out, "
                "or state the basis and a policy for the class",
                f"{korean}이(가) 있으나 계약의 법적 근거는 '개인정보 없음'입니다. 빼거나 법적 근거와 "
                "처리 방침을 계약에 적으십시오",
            )
        elif label not in said or not said[label].expected:
            yield DropFinding(
                WARNING,
                "pii_unexpected",
                data_set.name,
                f"{told}, which the contract does not expect: check the source, or say so in "
                "malmoi.personalData",
                f"{korean}이(가) 있으나 계약이 예상하지 않은 종류입니다. 출처를 확인하거나 "
                "malmoi.personalData에 적으십시오",
            )


def _listed(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + rest
