"""Licences of a build: SPDX 2.3 JSON, and the attributions that the contracts ask for.

A package is a data set as a partner delivered it; its licence is that of the contract (rows may be narrower:
the contract says which licences rows can have, and the build drops the others).
"""

from __future__ import annotations

import re
from typing import Any

from license_expression import ExpressionError  # type: ignore[import-untyped]

from pipelines.finished.cards.facts import UNKNOWN, CardFacts
from pipelines.intake.spdx import parsed_licence
from schemas.rights import Rights

_NO_ASSERTION = "NOASSERTION"


def spdx(facts: CardFacts) -> dict[str, Any]:
    """The SPDX document. Its day is the build's: nothing here has a clock."""
    drops: dict[str, list[str]] = {}
    for drop in facts.manifest.drops:
        drops.setdefault(drop.partner, []).append(drop.digest)
    contracts = {contract.partner: contract for contract in facts.contracts}
    corpus = {
        "SPDXID": "SPDXRef-corpus",
        "name": facts.name,
        "versionInfo": facts.manifest.identity,
        "downloadLocation": _NO_ASSERTION,
        "filesAnalyzed": False,
        "licenseConcluded": _NO_ASSERTION,
        "licenseDeclared": " AND ".join(
            f"({one})" if " " in one else one
            for one in sorted({_declared(c.rights) for c in facts.contracts})
        )
        or _NO_ASSERTION,
        "copyrightText": _NO_ASSERTION,
        "checksums": [{"algorithm": "SHA256", "checksumValue": facts.digest}],
        "comment": "; ".join(
            f"{amount.name}: {amount.documents} documents, {amount.tokens} tokens"
            for amount in facts.by_licence()
        ),
    }
    packages, relations = [corpus], [_relation("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-corpus")]
    for number, one in enumerate(facts.by_data_set()):
        contract = contracts[one.partner]
        name = f"SPDXRef-data-set-{number}"
        packages.append(
            {
                "SPDXID": name,
                "name": f"{one.partner}/{one.data_set}",
                "versionInfo": ", ".join(digest[:16] for digest in drops.get(one.partner, ())),
                "supplier": f"Organization: {one.partner}",
                "downloadLocation": _NO_ASSERTION,
                "filesAnalyzed": False,
                "licenseConcluded": _NO_ASSERTION,
                "licenseDeclared": _declared(contract.rights),
                "copyrightText": _NO_ASSERTION,
                "attributionTexts": [contract.rights.attribution] if contract.rights.attribution else [],
                "comment": f"contract {contract.version} ({contract.digest}); "
                f"{one.documents} documents, {one.tokens} tokens",
            }
        )
        relations.append(_relation("SPDXRef-corpus", "CONTAINS", name))
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": facts.name,
        "documentNamespace": f"urn:malmoi:spdx:{facts.digest}",
        "creationInfo": {"created": f"{facts.manifest.date}T00:00:00Z", "creators": ["Tool: malmoi"]},
        "packages": packages,
        "relationships": relations,
        "hasExtractedLicensingInfos": _own_licences(facts),
    }


def licence_url(expression: str) -> str:
    """The page of a single SPDX licence; the expression itself where it is more, or one's own."""
    single = re.fullmatch(r"[A-Za-z0-9.-]+", expression) and not expression.startswith("LicenseRef-")
    return f"https://spdx.org/licenses/{expression}" if single else expression


def attribution(facts: CardFacts) -> str:
    """The attributions, by partner, with licence and contract; plain text."""
    lines = [
        f"{facts.name}: attributions / 저작자 표시",
        f"manifest {facts.digest}",
        "",
    ]
    for contract in facts.contracts:
        rights = contract.rights
        amounts = [p for p in facts.portions if p.partner == contract.partner]
        lines += [
            f"{contract.partner}  ({rights.licence or _NO_ASSERTION})",
            f"  {' '.join(rights.attribution.split()) or 'no attribution asked for / 표시 의무 없음'}",
            f"  {', '.join(sorted({p.data_set for p in amounts}))}; contract {contract.version}",
        ]
        if rights.agreement:
            lines.append(f"  agreement {rights.agreement}")
        lines.append("")
    return "\n".join(lines)


def _declared(rights: Rights) -> str:
    """The contract's expression where SPDX tools can read it."""
    try:
        parsed_licence(rights.licence)
    except ExpressionError:
        return _NO_ASSERTION
    return rights.licence or _NO_ASSERTION


def _own_licences(facts: CardFacts) -> list[dict[str, str]]:
    found = {}
    for contract in facts.contracts:
        for name in re.findall(r"LicenseRef-[A-Za-z0-9.-]+", contract.rights.licence):
            agreement = contract.rights.agreement or UNKNOWN["en"]
            found[name] = {
                "licenseId": name,
                "extractedText": f"An agreement with {contract.partner}; its text: {agreement}",
            }
    return [found[name] for name in sorted(found)]


def _relation(one: str, kind: str, other: str) -> dict[str, str]:
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
