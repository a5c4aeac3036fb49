"""Rights that allow everything, and a contract around data sets, for tests that are about something else."""

from __future__ import annotations

from schemas.contract import Contract, DataSet, DeliveredAs
from schemas.rights import UNIQUE_IDENTIFIERS, Article, LegalBasis, Purpose, Retention, Rights, Verb

ALL_RIGHTS = Rights(
    licence="CC-BY-4.0",
    agreement="",
    source=("own_service",),
    legal_basis=LegalBasis(Article.NO_PERSONAL_DATA, "", "", "", "", ""),
    purposes=tuple(sorted(purpose.value for purpose in Purpose)),
    ai_use=tuple(sorted((verb.value, "allowed") for verb in Verb)),
    model_release="open",
    max_student_parameters=70_000_000_000,
    territory=("worldwide",),
    starts="2026-01-01",
    expires="2027-12-31",
    retention=Retention(365),
    attribution="<가상>",
    personal_data=(),
    unique_identifiers=tuple(sorted((label, "remove") for label in UNIQUE_IDENTIFIERS)),
    upsampling_limit=4.0,
    notice_days=30,
    contact="mailto:corpus@partner.example",
    opt_outs=(),
)


def contract_of(*data_sets: DataSet, partner: str = "p", rights: Rights = ALL_RIGHTS) -> Contract:
    """A contract of nothing but its data sets and rights."""
    return Contract(
        partner=partner,
        version="1.0.0",
        status="active",
        digest="4" * 64,
        content_digest="5" * 64,
        data_sets=data_sets,
        rights=rights,
        delivered_as=DeliveredAs.RAW,
        quarantine_days=30,
        service=None,
        approvals=(),
    )
