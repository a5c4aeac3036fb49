"""What may be done with a partner's data, and whether a use is allowed: nothing unless it is said.

Terms: CAWG training-and-data-mining 1.1 (four verbs), W3C DPV 2.1 (purposes, legal bases), PIPA (articles).
`denials` is the one place that decides; admission, build and verify all ask it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

DPV = "https://w3id.org/dpv#"


class Purpose(StrEnum):
    """What a recipe may be for; a teacher that is distilled and released needs the first three."""

    PRETRAINING = "pretraining"
    DISTILLATION = "distillation"
    OPEN_RELEASE = "open_release"
    EVALUATION = "evaluation"
    RESEARCH = "research"


class Verb(StrEnum):
    """The CAWG assertions: cawg.<verb>."""

    DATA_MINING = "data_mining"
    AI_INFERENCE = "ai_inference"
    AI_GENERATIVE_TRAINING = "ai_generative_training"
    AI_TRAINING = "ai_training"


# Which verbs a purpose makes use of. Distillation runs the teacher over the text and trains on what it says.
VERBS: dict[Purpose, tuple[Verb, ...]] = {
    Purpose.PRETRAINING: (Verb.AI_GENERATIVE_TRAINING,),
    Purpose.DISTILLATION: (Verb.AI_GENERATIVE_TRAINING, Verb.AI_INFERENCE),
    Purpose.OPEN_RELEASE: (Verb.AI_GENERATIVE_TRAINING,),
    Purpose.EVALUATION: (Verb.AI_INFERENCE,),
    Purpose.RESEARCH: (Verb.DATA_MINING,),
}
# Nearest concepts of DPV 2.1 (https://w3id.org/dpv), stored beside the short codes in exports.
PURPOSE_IRI: dict[Purpose, str] = {
    Purpose.PRETRAINING: DPV + "ResearchAndDevelopment",
    Purpose.DISTILLATION: DPV + "ResearchAndDevelopment",
    Purpose.OPEN_RELEASE: DPV + "CommercialPurpose",
    Purpose.EVALUATION: DPV + "ServiceOptimisation",
    Purpose.RESEARCH: DPV + "ScientificResearch",
}


class Article(StrEnum):
    """Why personal data may be processed (PIPA), or why the question does not arise."""

    CONSENT = "15-1-1"
    CONTRACT = "15-1-4"
    LEGITIMATE_INTEREST = "15-1-6"  # asks for purpose, necessity and balancing (PIPC, 17 July 2024)
    PSEUDONYMISED = "28-2"  # statistics, scientific research, archiving
    ANONYMOUS = "58-2"
    NO_PERSONAL_DATA = "none"


ARTICLE_IRI: dict[Article, str] = {
    Article.CONSENT: DPV + "Consent",
    Article.CONTRACT: DPV + "Contract",
    Article.LEGITIMATE_INTEREST: DPV + "LegitimateInterest",
    Article.PSEUDONYMISED: DPV + "ScientificResearch",
    Article.ANONYMOUS: DPV + "AnonymisedData",
    Article.NO_PERSONAL_DATA: DPV + "NonPersonalData",
}
# PIPA Art. 24 and Decree Art. 19; a resident number may not even be processed with consent (Art. 24-2).
UNIQUE_IDENTIFIERS = ("KR_RRN", "KR_FRN", "KR_PASSPORT", "KR_DRIVER_LICENSE")
WORLDWIDE = "worldwide"


@dataclass(frozen=True)
class LegalBasis:
    """On which ground personal data in the drops is processed."""

    article: Article
    purpose: str  # of 28-2: statistics, scientificResearch or archiving
    evidence: str  # sha256:<64 hexadecimal digits> of the record that shows it; "" where none is needed
    legitimate_purpose: str  # the three parts of 15-1-6
    necessity: str
    balancing: str


@dataclass(frozen=True)
class ClassPolicy:
    """What the contract says of one class of personal data."""

    label: str
    expected: bool
    policy: str  # remove, surrogate, keep
    why: str  # of keep


@dataclass(frozen=True)
class OptOut:
    """A host whose owner does not want its pages used, subdomains included, from a day on."""

    domain: str
    since: str  # ISO date; counts for pages crawled before it too


@dataclass(frozen=True)
class Retention:
    """How long data may be held after the rights end: days, or (None) until the service ends."""

    days: int | None


@dataclass(frozen=True)
class Rights:
    """The rights of a contract. Empty means unknown, and unknown means not allowed."""

    licence: str  # SPDX expression or LicenseRef-*
    agreement: str  # sha256:<hex> of the signed agreement that a LicenseRef-* stands for
    source: tuple[str, ...]  # own_service, crawl, licensed, public, staff, synthetic
    legal_basis: LegalBasis | None
    purposes: tuple[str, ...]  # sorted
    ai_use: tuple[tuple[str, str], ...]  # (verb, allowed | notAllowed | constrained), sorted
    model_release: str  # open or closed
    max_student_parameters: int  # of distilled students; 0: none
    territory: tuple[str, ...]  # ISO 3166-1 alpha-2, sorted, or (worldwide,)
    starts: str  # ISO date, inclusive
    expires: str  # ISO date, inclusive
    retention: Retention | None
    attribution: str
    personal_data: tuple[ClassPolicy, ...]  # sorted by label
    unique_identifiers: tuple[tuple[str, str], ...]  # (class, absent | remove), sorted
    upsampling_limit: float  # how often a token may be seen for every time it stands in the corpus
    notice_days: int  # between the partner's notice and its effect
    contact: str
    opt_outs: tuple[OptOut, ...]  # sorted


@dataclass(frozen=True)
class Use:
    """What a recipe wants to do, and when."""

    purposes: tuple[str, ...]
    release: str  # open or closed
    territory: tuple[str, ...]
    date: str
    student_parameters: int  # of the largest student; 0 where nothing is distilled
    accepts: tuple[tuple[str, str], ...] = ()  # (partner, verb) whose constraint a person has accepted


@dataclass(frozen=True)
class Denial:
    """Why a contract does not allow a use: a stable code and what to say."""

    code: str
    message: str


def denials(partner: str, rights: Rights, use: Use) -> tuple[Denial, ...]:
    """Every reason for which `rights` do not allow `use`; none where all of it is allowed."""
    return tuple(_denials(partner, rights, use))


def _denials(partner: str, rights: Rights, use: Use) -> Iterator[Denial]:
    if lacking := sorted(set(use.purposes) - set(rights.purposes)):
        yield Denial("purpose", f"the contract does not allow {', '.join(lacking)}")
    yield from _verbs(partner, rights, use)
    if use.release != "closed" and rights.model_release != "open":
        yield Denial("release", "the contract does not allow models trained on it to be released openly")
    if "distillation" in use.purposes and use.student_parameters > rights.max_student_parameters:
        yield Denial(
            "student_size",
            f"the contract allows students of {rights.max_student_parameters:,} parameters, "
            f"the recipe makes {use.student_parameters:,}",
        )
    abroad = sorted(set(use.territory) - set(rights.territory))
    if WORLDWIDE not in rights.territory and (abroad or not use.territory):
        yield Denial(
            "territory", f"the contract does not cover {', '.join(abroad) or 'an unnamed territory'}"
        )
    if not rights.starts <= use.date <= rights.expires:
        yield Denial("term", f"the contract runs {rights.starts} to {rights.expires}, not on {use.date}")
    if not rights.licence:
        yield Denial("licence", "the contract names no licence")
    if rights.legal_basis is None:
        yield Denial("legal_basis", "the contract does not say on which legal basis the data is processed")
    if not rights.source:
        yield Denial("source", "the contract does not say where the data comes from")
    if missing := sorted(set(UNIQUE_IDENTIFIERS) - {label for label, _ in rights.unique_identifiers}):
        yield Denial(
            "unique_identifiers", f"the contract does not say whether {', '.join(missing)} may occur"
        )
    if rights.retention is None:
        yield Denial("retention", "the contract does not say how long data may be held after its end")


def _verbs(partner: str, rights: Rights, use: Use) -> Iterator[Denial]:
    answers = dict(rights.ai_use)
    known = [Purpose(purpose) for purpose in use.purposes if purpose in set(Purpose)]
    for verb in sorted({verb for purpose in known for verb in VERBS[purpose]}):
        answer = answers.get(verb.value, "notAllowed")
        if answer == "constrained" and (partner, verb.value) not in use.accepts:
            yield Denial(
                "ai_use", f"cawg.{verb} is constrained and the recipe does not accept the constraint"
            )
        elif answer not in ("allowed", "constrained"):
            yield Denial("ai_use", f"cawg.{verb} is not allowed")


def held_until(rights: Rights) -> str | None:
    """The last day on which data may still be held; None where that is the end of the service."""
    if rights.retention is None:
        return rights.expires
    if rights.retention.days is None:
        return None
    return (date.fromisoformat(rights.expires) + timedelta(days=rights.retention.days)).isoformat()


def opted_out(host: str, opt_outs: tuple[OptOut, ...], day: str) -> bool:
    """Whether a host, or a domain above it, has opted out by a day."""
    return any(
        out.since <= day and (host == out.domain or host.endswith("." + out.domain)) for out in opt_outs
    )
