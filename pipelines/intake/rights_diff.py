"""What changed in a contract's rights: what may be done, where, when, by whom, with what care."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from license_expression import ExpressionError  # type: ignore[import-untyped]

from pipelines.intake.contract_changes import (
    BREAKING,
    COMPATIBLE,
    NARROWING,
    WIDENING,
    Bump,
    Change,
    Field,
    Finding,
    became,
    change,
    compare,
    members,
    ordered,
    replaced,
    stated,
    told_elsewhere,
)
from pipelines.intake.spdx import parsed_licence
from schemas.rights import WORLDWIDE, ClassPolicy, LegalBasis, Retention, Rights

# What a licence asks for. One that stands in no line is not known to ask for less than any other.
_ASKS: dict[frozenset[str], tuple[str, ...]] = {
    frozenset(): ("CC0-1.0", "Unlicense", "0BSD", "MIT-0", "PDDL-1.0"),
    frozenset({"attribution"}): (
        *("MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC"),
        *("CC-BY-3.0", "CC-BY-4.0", "ODC-By-1.0"),
    ),
    frozenset({"attribution", "share alike"}): (
        *("CC-BY-SA-3.0", "CC-BY-SA-4.0", "ODbL-1.0", "MPL-2.0"),
        *("GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later"),
        *("LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later", "AGPL-3.0-only"),
    ),
    frozenset({"attribution", "non-commercial"}): ("CC-BY-NC-3.0", "CC-BY-NC-4.0"),
    frozenset({"attribution", "no derivatives"}): ("CC-BY-ND-3.0", "CC-BY-ND-4.0"),
    frozenset({"attribution", "non-commercial", "share alike"}): ("CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0"),
    frozenset({"attribution", "non-commercial", "no derivatives"}): ("CC-BY-NC-ND-3.0", "CC-BY-NC-ND-4.0"),
}
_ASKED_BY = {name: asks for asks, names in _ASKS.items() for name in names}
_ANSWERS = {"notAllowed": 0, "constrained": 1, "allowed": 2}
_CARE = {"keep": 0, "": 1, "surrogate": 1, "remove": 2}  # "": not named, so the recipe's own policy


def licence(old: str, new: str) -> Iterator[Finding]:
    """Wider only where the new licence is known to ask for less whichever of its alternatives is chosen."""
    before, after = _alternatives(old), _alternatives(new)
    if before is not None and before == after:
        yield Finding(COMPATIBLE, "written in another way", "표기만 바뀜", Bump.PATCH)
        return
    wider = not old
    if before and after:
        one_more_choice = before < after
        wider = one_more_choice or (_asks_less(before, after) and not _asks_less(after, before))
    yield became(WIDENING if wider else NARROWING, old, new)


def _asks_less(old: frozenset[frozenset[str]], new: frozenset[frozenset[str]]) -> bool:
    """Whether every choice under the old licence has one under the new that asks for no more."""
    choices = [[_obligations(choice) for choice in side] for side in (old, new)]
    return all(any(mine <= theirs for mine in choices[1]) for theirs in choices[0])


def _obligations(choice: frozenset[str]) -> frozenset[str]:
    """What all licences of one choice ask for together; an unknown licence asks for itself."""
    return frozenset().union(*(_ASKED_BY.get(name, frozenset({name, "attribution"})) for name in choice))


def _alternatives(expression: str) -> frozenset[frozenset[str]] | None:
    """An SPDX expression as its choices, each the licences that hold together; None where it is none."""
    try:
        parsed = parsed_licence(expression)
    except ExpressionError:
        return None
    return None if parsed is None else _choices(parsed)


def _choices(parsed: Any) -> frozenset[frozenset[str]]:
    operator = getattr(parsed, "operator", "").strip()
    if operator == "OR":
        return frozenset().union(*map(_choices, parsed.args))
    if operator == "AND":
        sides = [_choices(part) for part in parsed.args]
        return frozenset(frozenset().union(*together) for together in product(*sides))
    return frozenset({frozenset({str(parsed)})})


def _territory(old: tuple[str, ...], new: tuple[str, ...]) -> Iterator[Finding]:
    if (WORLDWIDE in old) != (WORLDWIDE in new):
        yield became(NARROWING if WORLDWIDE in old else WIDENING, old, new)
    elif WORLDWIDE in old:  # countries beside it say nothing
        yield became(COMPATIBLE, old, new)
    else:
        yield from members(added=WIDENING, removed=NARROWING)(old, new)


def _retention_days(retention: Retention | None) -> float:
    if retention is None:
        return -1  # not said, so not allowed
    return float("inf") if retention.days is None else retention.days


def _retention(old: Retention | None, new: Retention | None) -> Iterator[Finding]:
    kind = WIDENING if _retention_days(new) > _retention_days(old) else NARROWING
    words = [
        "(nothing)" if r is None else "until serviceEnd" if r.days is None else f"{r.days} days"
        for r in (old, new)
    ]
    yield became(kind, *words)


def _legal_basis(old: LegalBasis | None, new: LegalBasis | None) -> Iterator[Finding]:
    if old is None or new is None:
        kind = WIDENING if old is None else NARROWING
        yield became(kind, old and old.article, new and new.article)


BASIS = {
    "article": Field("legal basis (PIPA article)", "법적 근거(조항)", replaced(NARROWING)),
    "purpose": Field("purpose of the legal basis", "법적 근거의 목적", replaced(NARROWING)),
    "evidence": Field(
        "evidence of the legal basis",
        "법적 근거의 증빙",
        stated(added=COMPATIBLE, removed=NARROWING, changed=COMPATIBLE),
    ),
} | {
    name: Field(english, korean, stated(added=COMPATIBLE, removed=NARROWING, changed=COMPATIBLE))
    for name, english, korean in (
        ("legitimate_purpose", "legitimate purpose", "목적의 정당성"),
        ("necessity", "necessity", "처리의 필요성"),
        ("balancing", "balancing of interests", "이익형량"),
    )
}
RIGHTS: dict[str, Field] = {
    "licence": Field("licence", "라이선스", licence),
    "agreement": Field(
        "signed agreement", "서명된 협약서", stated(added=WIDENING, removed=NARROWING, changed=NARROWING)
    ),
    "source": Field("source of the data", "데이터 출처", members(added=BREAKING, removed=COMPATIBLE)),
    "legal_basis": Field("legal basis", "법적 근거", _legal_basis),  # its parts: BASIS
    "purposes": Field("purposes allowed", "허용 목적", members(added=WIDENING, removed=NARROWING)),
    "ai_use": Field("AI use", "AI 이용", told_elsewhere),  # by verb, below
    "model_release": Field(
        "release of models",
        "모델 공개",
        ordered(more=WIDENING, less=NARROWING, rank=lambda said: said == "open"),
    ),
    "max_student_parameters": Field(
        "largest student (parameters)", "학생 모델의 최대 매개변수", ordered(more=WIDENING, less=NARROWING)
    ),
    "territory": Field("territory", "이용 지역", _territory),
    "starts": Field("first day", "시작일", ordered(more=NARROWING, less=WIDENING)),
    "expires": Field("last day", "종료일", ordered(more=WIDENING, less=NARROWING)),
    "retention": Field("retention after the end", "종료 뒤 보유 기간", _retention),
    "attribution": Field("attribution", "출처 표시", replaced(COMPATIBLE)),
    "personal_data": Field("personal data", "개인정보", told_elsewhere),  # by class, below
    "unique_identifiers": Field("unique identifiers", "고유식별정보", told_elsewhere),  # by class, below
    "upsampling_limit": Field("upsampling limit", "반복 학습 한도", ordered(more=WIDENING, less=NARROWING)),
    "notice_days": Field(
        "days of notice before a withdrawal", "철회 통지 기간(일)", ordered(more=WIDENING, less=NARROWING)
    ),
    "contact": Field("contact", "연락처", replaced(COMPATIBLE, bump=Bump.PATCH)),
    "opt_outs": Field("opt-outs", "이용 거부 도메인", told_elsewhere),  # by domain, below
}


def rights_changes(old: Rights, new: Rights) -> Iterator[Change]:
    """Every change of the rights, in the order of their fields."""
    yield from compare(old, new, RIGHTS, "rights")
    if old.legal_basis is not None and new.legal_basis is not None:
        yield from compare(old.legal_basis, new.legal_basis, BASIS, "rights.legal_basis")
    yield from ranked_pairs(old.ai_use, new.ai_use, _ANSWERS, "notAllowed", RIGHTS["ai_use"], "rights.ai_use")
    yield from _personal_data(old.personal_data, new.personal_data)
    # A class that is not named denies every use, so naming it is wider, and "absent" asks more than "remove".
    ranks = {"": 0, "absent": 1, "remove": 2}
    identifiers = RIGHTS["unique_identifiers"]
    yield from ranked_pairs(
        old.unique_identifiers, new.unique_identifiers, ranks, "", identifiers, "rights.unique_identifiers"
    )
    yield from _opt_outs(old, new)


def ranked_pairs(
    old: tuple[tuple[str, str], ...],
    new: tuple[tuple[str, str], ...],
    ranks: dict[str, int],
    absent: str,
    field: Field,
    path: str,
    data_set: str | None = None,
) -> Iterator[Change]:
    """(name, answer) pairs: an answer of a higher rank widens what may be done, a lower one narrows it."""
    before, after = dict(old), dict(new)
    for name in sorted(before.keys() | after.keys()):
        answers = before.get(name, absent), after.get(name, absent)
        if before.get(name) == after.get(name):
            continue
        was, now = ranks.get(answers[0], -1), ranks.get(answers[1], -1)
        kind = WIDENING if now > was else NARROWING if now < was else COMPATIBLE
        shown = Field(f"{field.english}, {name}", f"{field.korean}, {name}", field.way)
        yield change(became(kind, *answers), shown, f"{path}[{name}]", data_set)


def pii_policies(
    old: tuple[tuple[str, str], ...], new: tuple[tuple[str, str], ...], path: str, data_set: str | None = None
) -> Iterator[Change]:
    """What is done with each class of personal data: more care narrows."""
    ranks = {policy: -care for policy, care in _CARE.items()}
    field = Field("personal data", "개인정보", told_elsewhere)
    yield from ranked_pairs(old, new, ranks, "", field, path, data_set)


def _personal_data(old: tuple[ClassPolicy, ...], new: tuple[ClassPolicy, ...]) -> Iterator[Change]:
    yield from pii_policies(
        tuple((said.label, said.policy) for said in old),
        tuple((said.label, said.policy) for said in new),
        "rights.personal_data",
    )
    after = {said.label: said for said in new}
    table = {
        "expected": Field(
            "expected in the text", "본문에 예상되는지", ordered(more=COMPATIBLE, less=BREAKING)
        ),
        "policy": Field("policy", "처리 방법", told_elsewhere),
        "why": Field("reason for keeping", "유지 사유", replaced(COMPATIBLE, bump=Bump.PATCH)),
    }
    for said in old:
        if said.label in after:
            yield from compare(said, after[said.label], table, f"rights.personal_data[{said.label}]")


def _opt_outs(old: Rights, new: Rights) -> Iterator[Change]:
    before = {out.domain: out.since for out in reversed(old.opt_outs)}  # the earliest day of a domain counts
    after = {out.domain: out.since for out in reversed(new.opt_outs)}
    field = RIGHTS["opt_outs"]
    for domain in sorted(before.keys() | after.keys()):
        was, now = before.get(domain), after.get(domain)
        if was == now:
            continue
        if was is None:
            finding = Finding(NARROWING, f"{domain} opts out from {now}", f"{domain} {now}부터 이용 거부")
        elif now is None:
            finding = Finding(WIDENING, f"{domain} no longer opts out", f"{domain} 이용 거부 해제")
        else:
            finding = became(NARROWING if now < was else WIDENING, f"{domain} {was}", f"{domain} {now}")
        yield change(finding, field, f"rights.opt_outs[{domain}]", None)
