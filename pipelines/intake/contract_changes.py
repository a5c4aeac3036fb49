"""What a change of a contract is called, and the few ways in which two values of a field are compared.

`breaking`: a drop that was good may be refused, a document gets another text or id, or something that was
delivered no longer is. `rights-narrowing`: less may be done with what was delivered. `rights-widening`: more
may. `compatible`: neither. A field that nobody gave a way of comparison is breaking: unknown is never mild.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class ChangeClass(StrEnum):
    """The four classes of a change."""

    BREAKING = "breaking"
    RIGHTS_NARROWING = "rights-narrowing"
    RIGHTS_WIDENING = "rights-widening"
    COMPATIBLE = "compatible"


class Bump(StrEnum):
    """Which number of the version must rise (https://semver.org)."""

    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"
    NONE = "none"  # approvals: they sign a version, so they cannot raise it


BREAKING, COMPATIBLE = ChangeClass.BREAKING, ChangeClass.COMPATIBLE
NARROWING, WIDENING = ChangeClass.RIGHTS_NARROWING, ChangeClass.RIGHTS_WIDENING
BUMPS = {
    BREAKING: Bump.MAJOR,
    NARROWING: Bump.MAJOR,
    WIDENING: Bump.MINOR,
    COMPATIBLE: Bump.MINOR,
}
MEANING = {
    BREAKING: (
        "builds keep what they read under the old contract; a drop made as before may be refused, and the "
        "next build reads the data set anew",
        "기존 빌드는 그대로이나, 예전처럼 만든 드롭은 거부될 수 있고 다음 빌드는 데이터 세트를 다시 읽는다",
    ),
    NARROWING: (
        "builds that used the old contract hold what the new one no longer allows: build again, or take it "
        "down, before they are used or released further",
        "옛 계약으로 만든 빌드에 새 계약이 허용하지 않는 것이 들어 있다. "
        "더 쓰거나 공개하기 전에 다시 빌드하거나 삭제해야 한다",
    ),
    WIDENING: (
        "builds that used the old contract stay within their rights; a new build may do more",
        "옛 계약으로 만든 빌드는 계속 권리 안에 있고, 새 빌드는 더 많은 것을 할 수 있다",
    ),
    COMPATIBLE: (
        "nothing changes for builds that used the old contract",
        "옛 계약으로 만든 빌드에는 영향이 없다",
    ),
}


@dataclass(frozen=True)
class Change:
    """One difference between two contracts. `path` names the field as schemas.contract does."""

    change: ChangeClass
    path: str
    data_set: str | None  # None: the contract as a whole
    message: str
    korean: str
    bump: Bump

    @property
    def meaning(self) -> tuple[str, str]:
        """What it means for builds that used the old contract, in English and in Korean."""
        return MEANING[self.change]


@dataclass(frozen=True)
class Finding:
    """What a way of comparison says: the class and what happened, in both languages."""

    change: ChangeClass
    what: str
    korean: str
    bump: Bump | None = None  # None: as the class asks


Way = Callable[[Any, Any], Iterator[Finding]]


@dataclass(frozen=True)
class Field:
    """How one field is called and compared."""

    english: str
    korean: str
    way: Way


def compare(
    old: Any, new: Any, table: dict[str, Field], at: str, data_set: str | None = None
) -> Iterator[Change]:
    """Every field of two dataclasses of one type, by the table; fields it does not know are breaking."""
    for name in old.__dataclass_fields__:
        before, after = getattr(old, name), getattr(new, name)
        if before == after:
            continue
        field = table.get(name, Field(name, name, replaced(BREAKING)))
        path = f"{at}.{name}" if at else name
        for finding in field.way(before, after):
            yield change(finding, field, path, data_set)


def change(finding: Finding, field: Field, path: str, data_set: str | None) -> Change:
    """A finding about a field, as a change."""
    return Change(
        finding.change,
        path,
        data_set,
        f"{field.english}: {finding.what}",
        f"{field.korean}: {finding.korean}",
        finding.bump or BUMPS[finding.change],
    )


def told_elsewhere(_old: Any, _new: Any) -> Iterator[Finding]:
    """Of fields that are compared by their parts, or follow from another field."""
    return iter(())


def replaced(kind: ChangeClass, *, bump: Bump | None = None) -> Way:
    """Any change is of one class."""

    def way(old: Any, new: Any) -> Iterator[Finding]:
        yield became(kind, old, new, bump=bump)

    return way


def stated(*, added: ChangeClass, removed: ChangeClass, changed: ChangeClass) -> Way:
    """A value that may be absent (None, empty): by whether it comes, goes or changes."""

    def way(old: Any, new: Any) -> Iterator[Finding]:
        if not _said(old):
            yield became(added, old, new)
        elif not _said(new):
            yield became(removed, old, new)
        else:
            yield became(changed, old, new)

    return way


def ordered(*, more: ChangeClass, less: ChangeClass, rank: Callable[[Any], Any] = lambda value: value) -> Way:
    """Values in an order; where they cannot be compared, or rank alike, the stricter class."""

    def way(old: Any, new: Any) -> Iterator[Finding]:
        try:
            rises = rank(new) > rank(old)
            falls = rank(new) < rank(old)
        except TypeError:
            rises = falls = False
        strict = more if more in (BREAKING, NARROWING) else less
        yield became(more if rises else less if falls else strict, old, new)

    return way


def one_of(ranks: tuple[Any, ...], *, later: ChangeClass, earlier: ChangeClass) -> Way:
    """Values of a closed list, in its order; an unknown one stands before all."""
    places = {value: place for place, value in enumerate(ranks)}
    return ordered(more=later, less=earlier, rank=lambda value: places.get(value, -1))


def members(*, added: ChangeClass, removed: ChangeClass, empty_is_any: bool = False) -> Way:
    """Sets: what came and what went. With `empty_is_any` no values mean no limit (enumerations)."""

    def way(old: Any, new: Any) -> Iterator[Finding]:
        if empty_is_any and not old:
            yield Finding(removed, f"only {_listed(new)} from now on", f"이제 {_listed(new)}만 허용")
            return
        if empty_is_any and not new:
            yield Finding(added, "any value from now on", "이제 모든 값을 허용")
            return
        gone = [value for value in old if value not in new]
        came = [value for value in new if value not in old]
        if gone:
            yield Finding(removed, f"{_listed(gone)} removed", f"{_listed(gone)} 삭제")
        if came:
            yield Finding(added, f"{_listed(came)} added", f"{_listed(came)} 추가")
        if not gone and not came:
            yield Finding(COMPATIBLE, "written in another order", "순서만 바뀜", Bump.PATCH)

    return way


def became(kind: ChangeClass, old: Any, new: Any, *, bump: Bump | None = None) -> Finding:
    """A finding that shows both values."""
    before, after = shown(old), shown(new)
    return Finding(kind, f"{before} became {after}", f"{before} → {after}", bump)


def shown(value: Any) -> str:
    """A value of a contract as a message shows it; long texts are cut."""
    if value is None or value in ("", ()):
        return "(nothing)"
    if isinstance(value, tuple):
        return ", ".join(shown(part) for part in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return text if len(text) <= 60 else text[:60] + "…"


def _listed(values: Any) -> str:
    return ", ".join(map(shown, values))


def _said(value: Any) -> bool:
    return value is not None and value not in ("", ())
