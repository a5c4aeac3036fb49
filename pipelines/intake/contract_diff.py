"""malmoi contract diff: what changed between two versions of a contract, and whether the version follows.

The parsed contracts are compared field by field (`rights_diff`, `data_set_diff`), so that a field cannot be
left out; what the build never looks at (descriptions, names of people, tags) is wording. Terms of severity:
`contract_changes`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.intake.contract_changes import (
    BREAKING,
    COMPATIBLE,
    NARROWING,
    WIDENING,
    Bump,
    Change,
    Field,
    Finding,
    change,
    compare,
    one_of,
    ordered,
    replaced,
    told_elsewhere,
)
from pipelines.intake.contract_values import contract_of
from pipelines.intake.contracts import load_contract
from pipelines.intake.data_set_diff import data_set_changes
from pipelines.intake.odcs import PREFIX, custom, items_of
from pipelines.intake.rights_diff import rights_changes
from pipelines.intake.yaml_source import read_yaml
from schemas.contract import Approval, Contract, DeliveredAs, ServiceLevel
from schemas.errors import ContractRejected, UsageError

_SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?")
_BUMPS = (Bump.NONE, Bump.PATCH, Bump.MINOR, Bump.MAJOR)
_STATUS = ("retired", "proposed", "draft", "deprecated", "active")  # from the least to the most in force

CONTRACT = {
    "partner": Field("partner", "파트너", replaced(BREAKING)),
    "version": Field("version", "버전", told_elsewhere),  # judged by what else changed
    "status": Field("status", "상태", one_of(_STATUS, later=WIDENING, earlier=NARROWING)),
    "digest": Field("digest", "다이제스트", told_elsewhere),  # of all that is compared here
    "content_digest": Field("digest", "다이제스트", told_elsewhere),
    "data_sets": Field("data sets", "데이터 세트", told_elsewhere),  # data_set_diff
    "rights": Field("rights", "권리", told_elsewhere),  # rights_diff
    "delivered_as": Field(
        "delivered as", "전달 상태", one_of(tuple(DeliveredAs), later=NARROWING, earlier=WIDENING)
    ),
    "quarantine_days": Field(
        "days that refused rows are kept", "거부된 행의 보관 일수", ordered(more=WIDENING, less=NARROWING)
    ),
    "service": Field("service level", "서비스 수준", told_elsewhere),  # by SERVICE
    "approvals": Field("approvals", "승인", told_elsewhere),  # by person, below
}
_TIGHT = ordered(more=COMPATIBLE, less=BREAKING)
SERVICE = {
    "every_days": Field("days between drops", "드롭 간격(일)", _TIGHT),
    "late_days": Field("days a drop may be late", "허용 지연(일)", _TIGHT),
}


@dataclass(frozen=True)
class VersionVerdict:
    """Whether the new version number says what changed (https://semver.org)."""

    old: str
    new: str
    needed: Bump
    follows: bool
    message: str
    korean: str


@dataclass(frozen=True)
class Difference:
    """All that lies between two contracts."""

    old: Contract
    new: Contract
    changes: tuple[Change, ...]
    version: VersionVerdict

    @property
    def answer_is_no(self) -> bool:
        """Whether something breaks or narrows, or the version does not say so."""
        strict = any(found.change in (BREAKING, NARROWING) for found in self.changes)
        return strict or not self.version.follows


def diff_contract_files(old: Path, new: Path) -> Difference:
    """The difference of two contract files. Raises UsageError for one that has faults, InputUnreadable."""
    documents = []
    for path in (old, new):
        try:
            load_contract(path)
        except ContractRejected as error:
            raise UsageError(
                f"{path.name} has {len(error.problems)} faults and cannot be compared: "
                f"run `malmoi contract lint {path.name}` and mend them"
            ) from None
        documents.append(read_yaml(path).value)
    return diff_documents(*documents)


def diff_documents(old: dict[str, Any], new: dict[str, Any]) -> Difference:
    """The difference of two parsed contracts without faults."""
    before, after = contract_of(old), contract_of(new)
    changes = (*contract_changes(before, after), *_constraint(old, new), *_wording(old, new))
    if not changes and before.content_digest != after.content_digest:  # lists that are sets, in another order
        finding = Finding(COMPATIBLE, "written otherwise", "표기만 바뀜", Bump.PATCH)
        changes = (change(finding, Field("the contract", "계약", told_elsewhere), "", None),)
    return Difference(before, after, changes, judge_version(before.version, after.version, changes))


def contract_changes(old: Contract, new: Contract) -> tuple[Change, ...]:
    """Every difference of two contracts as the build sees them, worst class first inside each part."""
    rights = tuple(rights_changes(old.rights, new.rights))
    told = any(
        found.path.startswith(("rights.personal_data", "rights.unique_identifiers")) for found in rights
    )
    return (
        *compare(old, new, CONTRACT, ""),
        *_service(old.service, new.service),
        *rights,
        *data_set_changes(old.data_sets, new.data_sets, rights_told=told),
        *_approvals(old.approvals, new.approvals),
    )


def _service(old: ServiceLevel | None, new: ServiceLevel | None) -> Iterator[Change]:
    if old is not None and new is not None:
        yield from compare(old, new, SERVICE, "service")
    elif old != new:
        kind = BREAKING if old is None else COMPATIBLE
        english, korean = ("added", "추가") if old is None else ("removed", "삭제")
        yield change(Finding(kind, english, korean), CONTRACT["service"], "service", None)


def _approvals(old: tuple[Approval, ...], new: tuple[Approval, ...]) -> Iterator[Change]:
    """They sign a version of the contract, so they ask for no other."""
    for approval in old:
        if approval not in new:
            finding = Finding(
                NARROWING, f"{approval.by} no longer approves", f"{approval.by} 승인 철회", Bump.NONE
            )
            yield change(finding, CONTRACT["approvals"], f"approvals[{approval.by}]", None)
    for approval in new:
        if approval not in old:
            finding = Finding(COMPATIBLE, f"{approval.by} approves", f"{approval.by} 승인", Bump.NONE)
            yield change(finding, CONTRACT["approvals"], f"approvals[{approval.by}]", None)


def judge_version(old: str, new: str, changes: tuple[Change, ...]) -> VersionVerdict:
    """Breaking and narrowing changes ask for a major version, additions for a minor, wording for a patch."""
    needed = max((found.bump for found in changes), key=_BUMPS.index, default=Bump.NONE)
    numbers = [_SEMVER.fullmatch(version) for version in (old, new)]
    if numbers[0] is None or numbers[1] is None:
        wrong = old if numbers[0] is None else new
        return VersionVerdict(
            *(old, new, needed, False),
            f"version {wrong} is no semantic version: write MAJOR.MINOR.PATCH",
            f"버전 {wrong}은(는) 유의적 버전이 아니다. 주.부.수 형식으로 적는다",
        )
    was, now = (tuple(map(int, match.groups())) for match in numbers if match is not None)
    parts = {Bump.MAJOR: 1, Bump.MINOR: 2, Bump.PATCH: 3}
    size = parts.get(needed, 3)
    follows = now[:size] > was[:size] if needed is not Bump.NONE else now >= was
    if follows:
        words = f"version {old} to {new} says so", f"버전 {old} → {new}: 변경과 맞다"
    else:
        least = ".".join(map(str, (*was[: size - 1], was[size - 1] + 1, *[0] * (3 - size))))
        wanted = old if needed is Bump.NONE else least
        words = (
            f"version {old} to {new} does not say so: a {needed} change needs {wanted} or more",
            f"버전 {old} → {new}은(는) 변경을 나타내지 않는다. {needed} 변경이므로 {wanted} 이상이어야 한다",
        )
    return VersionVerdict(old, new, needed, follows, *words)


def _constraint(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    """What `constrained` means, in words that only people can weigh: another wording is another right."""
    said = [custom(document).get("malmoi.aiUse", {}).get("constraint") for document in (old, new)]
    if said[0] != said[1]:
        finding = Finding(
            NARROWING, "its constraint is worded otherwise: read both", "조건 문구가 바뀜: 둘 다 읽어야 한다"
        )
        yield change(finding, Field("AI use", "AI 이용", told_elsewhere), "rights.ai_use.constraint", None)


def _wording(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    """What no build looks at: told by its place, needs a patch version."""
    rest = _unread(old), _unread(new)
    before, after = dict(_leaves(rest[0], "", beside=rest[1])), dict(_leaves(rest[1], "", beside=rest[0]))
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) != after.get(path):
            finding = Finding(COMPATIBLE, "worded otherwise", "문구가 바뀜", Bump.PATCH)
            yield change(finding, Field(path, path, told_elsewhere), path, None)


_READ = {  # what contract_of reads, by the level it stands on
    "contract": {"tenant", "version", "status", "slaProperties", "schema"},
    "data_set": {"name", "properties", "quality"},
    "column": {"name", "logicalType", "required", "unique", "enum", "quality", "properties", "items"},
}
_READ_OPTIONS = {
    *("pattern", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("multipleOf", "minItems", "maxItems", "format"),
}
_READ_OF_RULE = {"id", "type", "severity", "metric", "query", "unit", "arguments", "description"}


def _unread(document: dict[str, Any]) -> dict[str, Any]:
    """A contract without all that `contract_of` reads; lists by name, so that order is no change."""
    rest = _rest(document, "contract")
    rest["support"] = [
        {key: value for key, value in entry.items() if index or key != "url"}
        for index, entry in items_of(document, "support")
    ]
    rest["schema"] = {
        item.get("name", ""): _unread_item(item, "data_set") for _, item in items_of(document, "schema")
    }
    rest["slaProperties"] = {
        f"{level.get('property')}/{level.get('element', '')}": {
            key: value
            for key, value in level.items()
            if key not in {"property", "element", "value", "valueExt", "unit"}
        }
        for _, level in items_of(document, "slaProperties")
    }
    return rest


def _unread_item(item: dict[str, Any], level: str) -> dict[str, Any]:
    rest = _rest(item, level)
    options = rest.pop("logicalTypeOptions", {})
    rest["logicalTypeOptions"] = {name: value for name, value in options.items() if name not in _READ_OPTIONS}
    columns = [*items_of(item, "properties"), *items_of(item.get("items"), "properties")]
    rest["properties"] = {column.get("name", ""): _unread_item(column, "column") for _, column in columns}
    rest["quality"] = [
        {key: value for key, value in rule.items() if key not in _READ_OF_RULE and not key.startswith("must")}
        for _, rule in items_of(item, "quality")
    ]
    return rest


def _rest(item: dict[str, Any], level: str) -> dict[str, Any]:
    rest = {key: value for key, value in item.items() if key not in _READ[level]}
    ours = {name: value for name, value in custom(item).items() if not name.startswith(PREFIX)}
    return {**rest, "customProperties": ours}


def _leaves(value: Any, path: str, *, beside: Any) -> Iterator[tuple[str, Any]]:
    """The scalars of a tree by path; what came or went whole with a data set or column is told there."""
    if isinstance(value, dict):
        other = beside if isinstance(beside, dict) else {}
        named = path == "schema" or path.endswith(".properties")
        for key, inner in value.items():
            if not named or key in other:
                yield from _leaves(inner, f"{path}.{key}" if path else str(key), beside=other.get(key))
    elif isinstance(value, list):
        others = beside if isinstance(beside, list) else []
        for index, inner in enumerate(value):
            twin = others[index] if index < len(others) else None
            yield from _leaves(inner, f"{path}[{index}]", beside=twin)
    else:
        yield path, value
