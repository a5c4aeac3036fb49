"""What no JSON Schema can say of a contract's rights: rules of law, licences and the calendar."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from pipelines.intake.column_rules import leaves, role_of
from pipelines.intake.house_rules import breach
from pipelines.intake.odcs import TODO, custom, custom_address, items_of
from pipelines.intake.spdx import forbidden_by, licence_fault, own_licences
from pipelines.intake.yaml_source import Address, Source
from schemas.days import is_day
from schemas.errors import Problem
from schemas.rights import UNIQUE_IDENTIFIERS, VERBS, Article, Purpose

_LONGEST_TERM = 10  # years of rights that are restricted
_FREE_OF_PURPOSE = {"evaluation", "research"}  # what a licence for non-commercial use allows
# What is not allowed while a right is missing (schemas.rights.denials).
_MISSING = {
    "malmoi.source": "nothing may be built: nobody knows where the data comes from",
    "malmoi.legalBasis": "nothing may be built: personal data has no legal basis",
    "malmoi.aiUse": "nothing may be built: no CAWG verb is allowed",
    "malmoi.territory": "nothing may be built in any territory",
    "malmoi.retention": "nothing may be built: nobody knows when to delete",
    "malmoi.uniqueIdentifiers": "nothing may be built: say of the four whether they may occur",
    "malmoi.modelRelease": "no model may be released openly",
    "malmoi.personalData": "the recipe decides on every class of personal data",
    "malmoi.upsamplingLimit": "a token may be seen once",
    "malmoi.noticeDays": "a withdrawal takes effect at once",
    "malmoi.deliveredAs": "drops count as raw",
}


def broken_rights(source: Source, today: str | None) -> Iterator[Problem]:
    """Every fault of the rights; `today` (ISO date) judges the term, None leaves it to the build."""
    document = source.value
    if not isinstance(document, dict):
        return
    ours = custom(document)
    yield from _missing(source, ours)
    yield from _licence(source, document, ours)
    yield from _term(source, document, ours, today)
    yield from _purposes(source, document, ours)
    yield from _legal_basis(source, document, ours)
    yield from _personal_data(source, document, ours)
    for index, data_set in items_of(document, "schema"):
        yield from _rows(source, ("schema", index), data_set, ours)
    if "crawl" in _words(ours, "malmoi.source") and "malmoi.optOuts" not in ours:
        message = "crawled data without malmoi.optOuts: list the hosts that opted out, or [] where none did"
        yield breach(source, "opt-outs", custom_address(document, "malmoi.source"), message)


def _missing(source: Source, ours: Mapping[str, Any]) -> Iterator[Problem]:
    for name, effect in _MISSING.items():
        if name not in ours:
            yield breach(source, "missing-right", ("customProperties",), f"no {name}, so {effect}: add it")
    verdicts = ours.get("malmoi.uniqueIdentifiers")
    if isinstance(verdicts, dict) and (lacking := [x for x in UNIQUE_IDENTIFIERS if x not in verdicts]):
        message = f"nothing is said of {', '.join(lacking)}, so nothing may be built: say absent or remove"
        at = custom_address(source.value, "malmoi.uniqueIdentifiers")
        yield breach(source, "missing-right", at, message)


def _licence(source: Source, document: dict[str, Any], ours: Mapping[str, Any]) -> Iterator[Problem]:
    licence = ours.get("malmoi.licence")
    if not isinstance(licence, str) or TODO.match(licence):
        return
    at = custom_address(document, "malmoi.licence")
    if fault := licence_fault(licence):
        yield breach(source, "licence-unknown", at, fault)
    own = own_licences(licence)
    for _, data_set in items_of(document, "schema"):
        own += tuple(
            name for row in _words(custom(data_set), "malmoi.rowLicences") for name in own_licences(row)
        )
    if own and "malmoi.agreement" not in ours:
        message = f"{own[0]} without malmoi.agreement: add the SHA-256 of the signed text"
        yield breach(source, "licence-agreement", at, message)
    if not own and "malmoi.agreement" in ours:
        where = custom_address(document, "malmoi.agreement")
        message = "no LicenseRef-* that it is the text of: name it in malmoi.licence, or remove it"
        yield breach(source, "licence-agreement", where, message)
    beyond = sorted(set(_words(ours, "malmoi.purposes")) - _FREE_OF_PURPOSE)
    if beyond and (forbidden := forbidden_by(licence)):
        message = (
            f"the licence says {' and '.join(forbidden)}, which {', '.join(beyond)} breaks: name another"
        )
        yield breach(source, "licence-forbids", at, message)


def _term(
    source: Source, document: dict[str, Any], ours: Mapping[str, Any], today: str | None
) -> Iterator[Problem]:
    starts, expires = ours.get("malmoi.starts"), ours.get("malmoi.expires")
    at = custom_address(document, "malmoi.expires")
    days = [day for day in (starts, expires) if isinstance(day, str) and is_day(day)]
    if len(days) != 2:
        return
    first, last = map(date.fromisoformat, days)
    if last < first:
        message = f"{last} lies before malmoi.starts, {first}: exchange or mend them"
        yield breach(source, "term-order", at, message)
    elif today is not None and last < date.fromisoformat(today):
        message = (
            f"the rights ended on {last}, and it is {today}: agree on a new term, or retire the contract"
        )
        yield breach(source, "expired", at, message)
    licence = ours.get("malmoi.licence")
    restricted = len(_words(ours, "malmoi.purposes")) < len(Purpose) or bool(
        own_licences(licence) if isinstance(licence, str) else ()
    )
    if restricted and last.year - first.year > _LONGEST_TERM:
        message = f"restricted rights that run {last.year - first.year} years have no end: name a nearer day"
        yield breach(source, "endless-term", at, message)


def _purposes(source: Source, document: dict[str, Any], ours: Mapping[str, Any]) -> Iterator[Problem]:
    at = custom_address(document, "malmoi.purposes")
    purposes = _words(ours, "malmoi.purposes")
    use = ours.get("malmoi.aiUse")
    if isinstance(use, dict):
        for purpose in (Purpose(word) for word in purposes if word in set(Purpose)):
            lacking = [
                verb.value for verb in VERBS[purpose] if use.get(verb.value, "notAllowed") == "notAllowed"
            ]
            if lacking:
                verbs = " and ".join(f"cawg.{verb}" for verb in lacking)
                message = f"{purpose} needs {verbs}: allow it in malmoi.aiUse, or drop {purpose}"
                yield breach(source, "purpose-verb", at, message)
        if "constrained" in use.values() and not use.get("constraint"):
            where = custom_address(document, "malmoi.aiUse")
            yield breach(source, "constraint", where, "constrained without constraint: say it in words")
    release = ours.get("malmoi.modelRelease")
    if "open_release" in purposes and release == "closed":
        message = (
            "open_release, but models may only be released closed: change malmoi.modelRelease or the purposes"
        )
        yield breach(source, "purpose-release", at, message)
    if release == "open" and purposes and "open_release" not in purposes:
        where = custom_address(document, "malmoi.modelRelease")
        message = "open, but open_release is no purpose: add it to malmoi.purposes, or say closed"
        yield breach(source, "purpose-release", where, message)
    largest = ours.get("malmoi.maxStudentParameters", 0)
    if "distillation" in purposes and largest == 0:
        message = "distillation without malmoi.maxStudentParameters: say how large a student may be"
        yield breach(source, "student-size", at, message)


def _legal_basis(source: Source, document: dict[str, Any], ours: Mapping[str, Any]) -> Iterator[Problem]:
    basis = ours.get("malmoi.legalBasis")
    if not isinstance(basis, dict):
        return
    at = custom_address(document, "malmoi.legalBasis")
    article = basis.get("article")
    if article == Article.LEGITIMATE_INTEREST:
        for part in ("legitimatePurpose", "necessity", "balancing"):
            if not basis.get(part):
                message = f"15-1-6 without {part}: say it in a sentence"
                yield breach(source, "legitimate-interest", at, message)
    if article == Article.PSEUDONYMISED:
        for part in ("purpose", "evidence"):
            if not basis.get(part):
                yield breach(source, "pseudonymised", at, f"28-2 without {part}: add it")
        if ours.get("malmoi.deliveredAs") != "pseudonymised":
            message = (
                "28-2, but the data is not delivered pseudonymised: say malmoi.deliveredAs: pseudonymised"
            )
            yield breach(source, "pseudonymised", at, message)
    if article in (Article.CONSENT, Article.CONTRACT) and not basis.get("evidence"):
        message = f"{article} without evidence: add the SHA-256 of the record that shows it"
        yield breach(source, "legal-evidence", at, message)
    if article in (Article.NO_PERSONAL_DATA, Article.ANONYMOUS):
        for label, said in _classes(ours):
            if said.get("expected") is True:
                where = (*custom_address(document, "malmoi.personalData"), label, "expected")
                message = (
                    f"the legal basis is {article}, but {label} is expected: name a basis, or expect none"
                )
                yield breach(source, "no-personal-data", where, message)


def _personal_data(source: Source, document: dict[str, Any], ours: Mapping[str, Any]) -> Iterator[Problem]:
    at = custom_address(document, "malmoi.personalData")
    verdicts = ours.get("malmoi.uniqueIdentifiers")
    for label, said in _classes(ours):
        if said.get("policy") == "keep" and not said.get("why"):
            yield breach(source, "kept-class", (*at, label), f"{label} is kept without a reason: say why")
        if label not in UNIQUE_IDENTIFIERS:
            continue
        if said.get("policy") in ("keep", "surrogate"):
            message = f"{label} is a unique identifier (PIPA Art. 24): its policy is remove"
            yield breach(source, "identifier-kept", (*at, label, "policy"), message)
        is_absent = isinstance(verdicts, dict) and verdicts.get(label) == "absent"
        if is_absent and said.get("expected") is True:
            message = f"{label} is absent by malmoi.uniqueIdentifiers, and expected here: change one"
            yield breach(source, "identifier-kept", (*at, label, "expected"), message)


def _rows(
    source: Source, address: Address, data_set: dict[str, Any], rights: Mapping[str, Any]
) -> Iterator[Problem]:
    """What narrows the rights row by row: urls, licences, origin."""
    ours = custom(data_set)
    roles = {role_of(leaf.value): leaf for leaf in leaves(data_set, address)}
    keys = {leaf.path for leaf in leaves(data_set) if role_of(leaf.value) == "key"}
    if "crawl" in _words(rights, "malmoi.source") and "url" not in roles and ("url",) not in keys:
        message = "crawled, but no column is the page's url: give one the role url, or name the key url"
        yield breach(source, "crawl-url", address, message)
    at = (*address, *custom_address(data_set, "malmoi.rowLicences"))
    licences = _words(ours, "malmoi.rowLicences")
    if "licence" in roles and not licences:
        message = "a licence column without malmoi.rowLicences: list the licences that rows may have"
        yield breach(source, "row-licences", roles["licence"].address, message)
    if licences and "licence" not in roles:
        yield breach(
            source, "row-licences", at, "no column has the role licence: give one, or remove the list"
        )
    for index, licence in enumerate(licences):
        if fault := licence_fault(licence):
            yield breach(source, "row-licences", (*at, index), fault)
    origin, terms = ours.get("malmoi.origin"), ours.get("malmoi.machineTerms")
    where = (*address, *custom_address(data_set, "malmoi.origin"))
    if origin in ("machine", "mixed") and terms is None:
        message = f"{origin} without malmoi.machineTerms: say whether the machine's terms allow training"
        yield breach(source, "machine-terms", where, message)
    if origin == "people" and terms is not None:
        message = "by people, but with malmoi.machineTerms: remove it, or say machine or mixed"
        yield breach(source, "machine-terms", where, message)
    if origin is None:
        message = "no malmoi.origin, so nobody knows whether a machine wrote it: say people, machine or mixed"
        yield breach(source, "missing-right", address, message)


def _classes(ours: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    listed = ours.get("malmoi.personalData")
    for label, said in sorted(listed.items()) if isinstance(listed, dict) else ():
        if isinstance(said, dict):
            yield label, said


def _words(ours: Mapping[str, Any], name: str) -> list[str]:
    listed = ours.get(name)
    return [word for word in listed if isinstance(word, str)] if isinstance(listed, list) else []
