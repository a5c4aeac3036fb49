"""What changed in a contract's data sets: their files, columns, limits, quality rules and expectations."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from pipelines.intake.contract_changes import (
    BREAKING,
    COMPATIBLE,
    NARROWING,
    WIDENING,
    Bump,
    Change,
    ChangeClass,
    Field,
    Finding,
    became,
    change,
    compare,
    members,
    one_of,
    ordered,
    replaced,
    stated,
    told_elsewhere,
)
from pipelines.intake.rights_diff import pii_policies
from schemas.contract import Column, DataSet, Expected, Policy, QualityRule, Role, Severity

_TIGHTER, _LOOSER = BREAKING, COMPATIBLE
_CLOCKS = (None, "hour", "day", "month")
_CARE = (Policy.KEEP, Policy.GENERALISE, Policy.KEY, Policy.DROP, Policy.FORBID)
_ORIGINS = ("", "machine", "mixed", "people")  # from what asks for most terms to what asks for none
_STRUCTURAL = {Role.TEXT, Role.KEY, Role.VERSION}  # the document's text and id are made of these
# Rights of rows.
_NARROWING_ROLES = {Role.LICENCE, Role.URL, Role.CRAWL_DATE, Role.ORIGIN, Role.SEED, Role.TOMBSTONE}


def _bound(*, more: ChangeClass, less: ChangeClass) -> Field:
    """A limit that may be absent: it tightens by coming and loosens by going."""
    compared = ordered(more=more, less=less)

    def way(old: Any, new: Any) -> Iterator[Finding]:
        if old is None or new is None:
            yield became(_TIGHTER if old is None else _LOOSER, old, new)
        else:
            yield from compared(old, new)

    return Field("", "", way)


def _multiple_of(old: Any, new: Any) -> Iterator[Finding]:
    looser = new is None or (old is not None and old % new == 0)
    yield became(_LOOSER if looser else _TIGHTER, old, new)


LOWER, UPPER = _bound(more=_TIGHTER, less=_LOOSER).way, _bound(more=_LOOSER, less=_TIGHTER).way
_PRESENT = stated(added=_TIGHTER, removed=_LOOSER, changed=_TIGHTER)
LIMITS = {
    "unique": Field("values are unique", "값의 유일성", ordered(more=_TIGHTER, less=_LOOSER)),
    "pattern": Field("pattern", "패턴", _PRESENT),
    "min_length": Field("least length", "최소 길이", LOWER),
    "max_length": Field("greatest length", "최대 길이", UPPER),
    "minimum": Field("least value", "최솟값", LOWER),
    "maximum": Field("greatest value", "최댓값", UPPER),
    "exclusive_minimum": Field("value above", "초과", LOWER),
    "exclusive_maximum": Field("value below", "미만", UPPER),
    "multiple_of": Field("multiple of", "배수", _multiple_of),
    "min_items": Field("least number of items", "최소 항목 수", LOWER),
    "max_items": Field("greatest number of items", "최대 항목 수", UPPER),
    "date_format": Field("format of dates", "날짜 형식", _PRESENT),
    "enum": Field("allowed values", "허용 값", members(added=_LOOSER, removed=_TIGHTER, empty_is_any=True)),
}
COLUMN = {
    "name": Field("name", "이름", told_elsewhere),  # columns are matched by it
    "role": Field("role", "역할", replaced(BREAKING)),
    "logical_type": Field("type", "자료형", replaced(BREAKING)),
    "required": Field("required", "필수 여부", ordered(more=_TIGHTER, less=_LOOSER)),
    "path": Field("place", "위치", replaced(BREAKING)),
    "policy": Field("policy", "처리 방법", one_of(_CARE, later=NARROWING, earlier=WIDENING)),
    "grid": Field("grid", "격자 간격", ordered(more=NARROWING, less=WIDENING, rank=lambda step: step or 0.0)),
    "clock": Field("clock", "시각 단위", one_of(_CLOCKS, later=NARROWING, earlier=WIDENING)),
    "limits": Field("limits", "제한", told_elsewhere),  # by LIMITS
}
DATA_SET = {
    "name": Field("name", "이름", told_elsewhere),  # data sets are matched by it
    "kind": Field("kind", "글의 종류", replaced(BREAKING)),
    "files": Field("files", "파일 패턴", members(added=COMPATIBLE, removed=BREAKING)),
    "format": Field("format", "파일 형식", replaced(BREAKING)),
    "encoding": Field("encoding", "문자 인코딩", replaced(BREAKING)),
    "delimiter": Field("delimiter", "구분자", replaced(BREAKING)),
    "markup": Field("markup", "표기 방식", replaced(BREAKING)),
    "join": Field("join", "본문 연결 문자열", replaced(BREAKING)),
    "delivery": Field("delivery", "전달 방식", replaced(BREAKING)),
    "languages": Field("languages", "언어", members(added=COMPATIBLE, removed=BREAKING)),
    "columns": Field("columns", "열", told_elsewhere),  # by COLUMN
    "optional": Field("may be absent", "없어도 되는지", ordered(more=_LOOSER, less=_TIGHTER)),
    "max_quarantined": Field(
        "share that may go to quarantine", "격리 허용 비율", ordered(more=_LOOSER, less=_TIGHTER)
    ),
    "row_licences": Field("licences of rows", "행 라이선스", members(added=WIDENING, removed=NARROWING)),
    "origin": Field("origin", "글을 쓴 주체", one_of(_ORIGINS, later=WIDENING, earlier=NARROWING)),
    "machine_terms": Field(
        "terms of the machine's maker",
        "제작사 약관",
        ordered(more=WIDENING, less=NARROWING, rank=lambda said: said == "allowed"),
    ),
    "quality": Field("quality rules", "품질 규칙", told_elsewhere),  # by RULE
    "rows_expected": Field("rows expected in a drop", "드롭의 예상 행 수", told_elsewhere),
    "languages_expected": Field("shares of languages expected", "언어별 예상 비율", told_elsewhere),
    "pii_policy": Field("personal data", "개인정보", told_elsewhere),  # of the contract's rights
    "absent_identifiers": Field("identifiers that may not occur", "없어야 하는 식별정보", told_elsewhere),
}
EXPECTED = {"least": Field("least", "최소", LOWER), "most": Field("most", "최대", UPPER)}
RULE = {
    name: Field(english, korean, replaced(BREAKING))
    for name, english, korean in (
        ("name", "name", "이름"),
        ("type", "type", "유형"),
        ("column", "column", "열"),
        ("metric", "metric", "지표"),
        ("query", "query", "질의"),
        ("operator", "operator", "연산자"),
        ("unit", "unit", "단위"),
        ("arguments", "arguments", "인수"),
    )
} | {
    "severity": Field(
        "severity", "심각도", one_of(tuple(reversed(Severity)), later=BREAKING, earlier=COMPATIBLE)
    ),
    "value": Field("value", "기준값", told_elsewhere),  # with its operator, below
    "description": Field("description", "설명", replaced(COMPATIBLE, bump=Bump.PATCH)),
}
_SLACK = {
    "mustBeLessThan": 1,
    "mustBeLessOrEqualTo": 1,
    "mustBeGreaterThan": -1,
    "mustBeGreaterOrEqualTo": -1,
}


def data_set_changes(
    old: tuple[DataSet, ...], new: tuple[DataSet, ...], *, rights_told: bool
) -> Iterator[Change]:
    """Every change of the data sets; `rights_told`: what follows from the rights was told there."""
    before, after = {item.name: item for item in old}, {item.name: item for item in new}
    gone = [item for item in old if item.name not in after]
    came = [item for item in new if item.name not in before]
    for item in gone:
        renamed = next((other for other in came if dataclasses.replace(other, name=item.name) == item), None)
        if renamed is not None:
            came.remove(renamed)
            words = (
                f"{item.name} is called {renamed.name}: the ids of its documents change",
                (f"{item.name}의 이름이 {renamed.name}(으)로 바뀜: 문서 id가 달라진다"),
            )
        else:
            words = f"{item.name} removed", f"{item.name} 삭제"
        yield _of(BREAKING, "data_sets", item.name, item.name, *words)
    for item in came:
        kind, said = (COMPATIBLE, "may be absent") if item.optional else (BREAKING, "every drop must have it")
        korean = "없어도 됨" if item.optional else "모든 드롭에 있어야 함"
        words = f"{item.name} added; {said}", f"{item.name} 추가; {korean}"
        yield _of(kind, "data_sets", item.name, item.name, *words)
    for item in old:
        if (other := after.get(item.name)) is not None and other != item:
            yield from _data_set(item, other, rights_told=rights_told)
    if not gone and not came and list(before) != list(after):
        yield _of(COMPATIBLE, "data_sets", "", None, "written in another order", "순서만 바뀜", Bump.PATCH)


def _data_set(old: DataSet, new: DataSet, *, rights_told: bool) -> Iterator[Change]:
    name, at = old.name, f"data_sets[{old.name}]"
    yield from compare(old, new, DATA_SET, at, name)
    yield from _columns(old, new, at)
    yield from _rules(old, new, at)
    yield from _expected(
        old.rows_expected, new.rows_expected, DATA_SET["rows_expected"], f"{at}.rows_expected", name
    )
    shares = dict(old.languages_expected), dict(new.languages_expected)
    for code in sorted(shares[0].keys() | shares[1].keys()):
        field = Field(f"share of {code} expected", f"{code}의 예상 비율", told_elsewhere)
        pair = shares[0].get(code), shares[1].get(code)
        yield from _expected(*pair, field, f"{at}.languages_expected[{code}]", name)
    if not rights_told:
        yield from pii_policies(old.pii_policy, new.pii_policy, f"{at}.pii_policy", name)
        absent = DATA_SET["absent_identifiers"]
        way = members(added=NARROWING, removed=WIDENING)
        if old.absent_identifiers != new.absent_identifiers:
            for finding in way(old.absent_identifiers, new.absent_identifiers):
                yield change(finding, absent, f"{at}.absent_identifiers", name)


def _columns(old: DataSet, new: DataSet, at: str) -> Iterator[Change]:
    before = {column.name: column for column in old.columns}
    after = {column.name: column for column in new.columns}
    gone = [column for column in old.columns if column.name not in after]
    came = [column for column in new.columns if column.name not in before]
    for column in gone:
        path = f"{at}.columns[{column.name}]"
        twin = next((c for c in came if _but_for_name(c) == _but_for_name(column)), None)
        if twin is not None:
            came.remove(twin)
            words = f"column {column.name} is called {twin.name}", f"열 {column.name} → {twin.name}"
            yield Change(BREAKING, path, old.name, *words, Bump.MAJOR)
            continue
        yield Change(
            BREAKING, path, old.name, f"column {column.name} removed", f"열 {column.name} 삭제", Bump.MAJOR
        )
        if column.policy is Policy.FORBID:
            words = f"column {column.name} is no longer forbidden", f"열 {column.name} 금지 해제"
            yield Change(WIDENING, path, old.name, *words, Bump.MINOR)
    for column in came:
        yield from _new_column(column, old.name, f"{at}.columns[{column.name}]")
    for column in old.columns:
        other = after.get(column.name)
        if other is None or other == column:
            continue
        path = f"{at}.columns[{column.name}]"
        for found in (
            *compare(column, other, COLUMN, path, old.name),
            *compare(column.limits, other.limits, LIMITS, f"{path}.limits", old.name),
        ):
            yield dataclasses.replace(
                found,
                message=f"column {column.name}: {found.message}",
                korean=f"열 {column.name}: {found.korean}",
            )
    yield from _order(old, new, at)


def _but_for_name(column: Column) -> Column:
    return dataclasses.replace(column, name="", path=())


def _new_column(column: Column, data_set: str, path: str) -> Iterator[Change]:
    bump, what = Bump.MINOR, "may be absent"
    kind, korean = COMPATIBLE, "없어도 됨"
    if column.required:
        kind, bump, what, korean = BREAKING, Bump.MAJOR, "every row must have it", "모든 행에 있어야 함"
    elif column.role in _STRUCTURAL:
        kind, bump = BREAKING, Bump.MAJOR
        what, korean = "texts or ids of documents are made of it", "문서의 본문 또는 id가 달라진다"
    elif column.role in _NARROWING_ROLES or column.policy is Policy.FORBID:
        kind, bump = NARROWING, Bump.MAJOR
        what, korean = "it takes rows out of use", "이 열에 따라 쓸 수 없는 행이 생긴다"
    words = f"column {column.name} added; {what}", f"열 {column.name} 추가; {korean}"
    yield Change(kind, path, data_set, *words, bump)


def _order(old: DataSet, new: DataSet, at: str) -> Iterator[Change]:
    """Texts are joined, and keys make ids, in the contract's order."""
    for role in (Role.TEXT, Role.KEY, Role.VERSION):
        names = [[column.name for column in side.of_role(role)] for side in (old, new)]
        if names[0] != names[1] and sorted(names[0]) == sorted(names[1]):
            words = f"{role} columns stand in another order", f"{role} 열의 순서가 바뀜"
            yield Change(BREAKING, f"{at}.columns", old.name, *words, Bump.MAJOR)
            return
    names = [[column.name for column in side.columns] for side in (old, new)]
    if names[0] != names[1] and sorted(names[0]) == sorted(names[1]):
        words = "columns are written in another order", "열의 순서만 바뀜"
        yield Change(COMPATIBLE, f"{at}.columns", old.name, *words, Bump.PATCH)


def _expected(
    old: Expected | None, new: Expected | None, field: Field, path: str, data_set: str
) -> Iterator[Change]:
    none = Expected(None, None)
    for found in compare(old or none, new or none, EXPECTED, path, data_set):
        yield dataclasses.replace(
            found, message=f"{field.english}: {found.message}", korean=f"{field.korean}: {found.korean}"
        )
    if old != new and (old or none) == (new or none):
        yield change(became(COMPATIBLE, old, new, bump=Bump.PATCH), field, path, data_set)


def _rules(old: DataSet, new: DataSet, at: str) -> Iterator[Change]:
    before = {(rule.column, rule.name): rule for rule in old.quality}
    after = {(rule.column, rule.name): rule for rule in new.quality}
    for key, rule in before.items():
        path = f"{at}.quality[{rule.name}]"
        other = after.get(key)
        if other is None:
            words = f"quality rule {rule.name} removed", f"품질 규칙 {rule.name} 삭제"
            yield Change(COMPATIBLE, path, old.name, *words, Bump.MINOR)
        elif other != rule:
            yield from _rule(rule, other, path, old.name)
    for key, rule in after.items():
        if key not in before:
            kind = BREAKING if rule.severity is Severity.ERROR and rule.type != "text" else COMPATIBLE
            words = f"quality rule {rule.name} ({rule.severity}) added", f"품질 규칙 {rule.name} 추가"
            bump = Bump.MAJOR if kind is BREAKING else Bump.MINOR
            yield Change(kind, f"{at}.quality[{rule.name}]", old.name, *words, bump)
    same = before.keys() == after.keys() and all(before[key] == after[key] for key in before)
    if same and old.quality != new.quality:
        words = "quality rules are written in another order", "품질 규칙의 순서만 바뀜"
        yield Change(COMPATIBLE, f"{at}.quality", old.name, *words, Bump.PATCH)


def _rule(old: QualityRule, new: QualityRule, path: str, data_set: str) -> Iterator[Change]:
    found = list(compare(old, new, RULE, path, data_set))
    if old.value != new.value:
        kind = COMPATIBLE if _looser(old, new) else BREAKING
        found.append(change(became(kind, old.value, new.value), RULE["value"], f"{path}.value", data_set))
    warned = old.severity is new.severity is Severity.WARNING
    for item in found:
        told = dataclasses.replace(
            item,
            message=f"quality rule {old.name}: {item.message}",
            korean=f"품질 규칙 {old.name}: {item.korean}",
        )
        if warned and item.change is BREAKING:  # a warning refuses nothing, before or after
            told = dataclasses.replace(told, change=COMPATIBLE, bump=Bump.MINOR)
        yield told


def _looser(old: QualityRule, new: QualityRule) -> bool:
    """Whether all that passed the old rule passes the new one: only where both compare in one direction."""
    way = _SLACK.get(old.operator or "")
    if way is None or old.operator != new.operator or len(old.value) != 1 or len(new.value) != 1:
        return False
    was, now = old.value[0], new.value[0]
    return _is_number(was) and _is_number(now) and way * (float(now) - float(was)) >= 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _of(
    kind: ChangeClass,
    path: str,
    item: str,
    data_set: str | None,
    english: str,
    korean: str,
    bump: Bump | None = None,
) -> Change:
    at = f"{path}[{item}]" if item else path
    needed = bump or (Bump.MAJOR if kind in (BREAKING, NARROWING) else Bump.MINOR)
    return Change(kind, at, data_set, f"data set: {english}", f"데이터 세트: {korean}", needed)


def names_of(changes: Iterable[Change]) -> list[str]:
    """The data sets that changes name, sorted."""
    return sorted({change.data_set for change in changes if change.data_set is not None})
