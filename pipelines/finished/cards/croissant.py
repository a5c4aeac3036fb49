"""MLCommons Croissant 1.1 with RAI fields and what may be done (ODRL), as JSON-LD.

Files are named as they lie in the build, with their SHA-256; beside the manifest.json of a copy of the build,
mlcroissant reads the ledger by it. Sources: docs.mlcommons.org/croissant, specification 1.1 and RAI 1.0.
"""

from __future__ import annotations

from typing import Any

from pipelines.finished.cards.facts import UNKNOWN, CardFacts
from pipelines.finished.cards.licences import licence_url
from schemas.manifest import ContractFacts, FileFacts, LedgerFacts, ShardFacts
from schemas.reasons import REASON_WORDING, Reason
from schemas.rights import PURPOSE_IRI, Purpose

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "dpv": "https://w3id.org/dpv#",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_SHARD = "application/vnd.apache.arrow.stream"
_PARQUET = "application/x-parquet"
# Columns of the ledger that a reader of Croissant can show: name, type, what it is.
_LEDGER = (
    ("partner", "sc:Text", "who delivered the document"),
    ("data_set", "sc:Text", "the data set of the partner's contract"),
    ("kind", "sc:Text", "what kind of text it is"),
    ("language", "sc:Text", "the language recognised"),
    ("kept", "sc:Boolean", "whether it is in a shard"),
    ("stage", "sc:Text", "the stage that dropped it"),
    ("reason", "sc:Text", "why"),
    ("tokens", "sc:Integer", "its tokens"),
    ("shard", "sc:Text", "its shard"),
    ("shard_row", "sc:Integer", "its row there"),
)
# RAI 1.0's closed list of kinds of collection, by what contracts say of the source.
_COLLECTION = {
    "own_service": "User-generated content data",
    "crawl": "Web Scraping",
    "licensed": "Secondary Data analysis",
    "public": "Secondary Data analysis",
    "staff": "Manual Human Curator",
    "synthetic": "Others",
}


def croissant(facts: CardFacts) -> dict[str, Any]:
    """The JSON-LD of a build."""
    manifest = facts.manifest
    year, month, day = (int(part) for part in manifest.date.split("-"))
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "@id": f"urn:malmoi:build:{facts.digest}",
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": facts.name,
        "description": _description(facts),
        "url": f"urn:malmoi:build:{facts.digest}",
        "version": f"{year}.{month}.{day}+{manifest.identity[:16]}",
        "datePublished": manifest.date,
        "isLiveDataset": False,
        "license": [licence_url(amount.name) for amount in facts.by_licence() if amount.name],
        "inLanguage": [amount.name for amount in facts.by("language")],
        "creator": [
            {
                "@type": "sc:Organization",
                "name": contract.partner,
                "url": f"urn:malmoi:partner:{contract.partner}",
            }
            for contract in facts.contracts
        ],
        "keywords": [*(amount.name for amount in facts.by("kind")), "pretraining", "tokens", "lineage"],
        "citeAs": f"@misc{{malmoi_{facts.digest[:16]}, title={{{_bibtex(facts.name)}}}, "
        f"year={{{year}}}, note={{manifest {facts.digest}}}}}",
        "distribution": _files(facts),
        "recordSet": [_ledger_records()],
        "usageInfo": [_policy(contract) for contract in facts.contracts],
        "prov:wasDerivedFrom": [
            {"@type": "prov:Entity", "@id": f"urn:malmoi:drop:{drop.partner}:{drop.digest}"}
            for drop in manifest.drops
        ],
        **_rai(facts),
    }


def _description(facts: CardFacts) -> str:
    return (
        f"{facts.documents:,} documents, {facts.tokens:,} tokens ({facts.manifest.tokenizer.name}) of "
        f"{len(facts.contracts)} partners, handed in under data contracts, cleaned, deduplicated, with "
        "personal data replaced; every document is followed by the ledger to its row, contract and licence."
    )


def _bibtex(name: str) -> str:
    return "".join(sign for sign in name if sign not in "{}\\,=")


def _files(facts: CardFacts) -> list[dict[str, Any]]:
    files: list[dict[str, Any]] = [
        {
            "@type": "cr:FileObject",
            "@id": "manifest.json",
            "name": "manifest.json",
            "description": "what the build consists of, by digest",
            "contentUrl": "manifest.json",
            "encodingFormat": "application/json",
            "sha256": facts.digest,
        }
    ]
    for segment in facts.manifest.segments:
        files += [_file(file, _PARQUET, "ledger") for file in segment.ledger]
        files += [
            _file(shard, _SHARD, f"shard {shard.name}") for shard in (*segment.train, *segment.validation)
        ]
    files.append(
        {
            "@type": "cr:FileSet",
            "@id": "ledger",
            "name": "ledger",
            "description": "every document's decision",
            "encodingFormat": _PARQUET,
            "includes": "ledger/*.parquet",
        }
    )
    return files


def _file(file: FileFacts | LedgerFacts | ShardFacts, form: str, what: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": file.path,
        "name": file.path,
        "description": what,
        "contentUrl": file.path,
        "contentSize": f"{file.bytes} B",
        "encodingFormat": form,
        "sha256": file.sha256,
    }


def _ledger_records() -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "documents",
        "name": "documents",
        "description": "one record a document, kept or dropped",
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"documents/{name}",
                "name": name,
                "description": what,
                "dataType": kind,
                "source": {"fileSet": {"@id": "ledger"}, "extract": {"column": name}},
            }
            for name, kind, what in _LEDGER
        ],
    }


def _policy(contract: ContractFacts) -> dict[str, Any]:
    """What a contract allows, as an ODRL set: use for its purposes, in its territory, in its term."""
    rights = contract.rights
    known = [PURPOSE_IRI[Purpose(one)] for one in rights.purposes if one in set(Purpose)]
    constraints = [
        _constraint("odrl:purpose", "odrl:isAnyOf", sorted(set(known))),
        _constraint("odrl:spatial", "odrl:isAnyOf", list(rights.territory)),
        _constraint("odrl:dateTime", "odrl:gteq", rights.starts),
        _constraint("odrl:dateTime", "odrl:lteq", rights.expires),
    ]
    duties = [{"odrl:action": "odrl:attribute", "odrl:attributedParty": rights.attribution}]
    return {
        "@type": "odrl:Set",
        "@id": f"urn:malmoi:contract:{contract.partner}:{contract.digest}",
        "odrl:assigner": contract.partner,
        "odrl:permission": [
            {
                "odrl:action": "odrl:use",
                "odrl:constraint": constraints,
                "odrl:duty": duties if rights.attribution else [],
            }
        ],
        "odrl:prohibition": [
            {"odrl:action": f"cawg.{verb}"} for verb, answer in rights.ai_use if answer == "notAllowed"
        ],
    }


def _constraint(left: str, operator: str, right: object) -> dict[str, object]:
    return {"odrl:leftOperand": left, "odrl:operator": operator, "odrl:rightOperand": right}


def _rai(facts: CardFacts) -> dict[str, Any]:
    sources = sorted({source for contract in facts.contracts for source in contract.rights.source})
    sets = facts.manifest.data_sets
    whole = max(1, facts.tokens)
    recipe = facts.manifest.recipe
    return {
        "rai:dataCollection": f"Handed in by {len(facts.contracts)} partners as drops under data contracts "
        "(ODCS 3.2), each admitted by machine against its contract.",
        "rai:dataCollectionType": sorted({_COLLECTION.get(source, "Others") for source in sources}),
        "rai:dataCollectionRawData": "Sources that the contracts name: " + ", ".join(sources),
        "rai:dataCollectionMissingData": f"{sum(facts.refused().values()):,} rows were refused at "
        f"admission; of {sum(one.documents for one in sets):,} documents "
        f"{sum(facts.dropped().values()):,} were dropped: "
        + "; ".join(f"{_reason(key)} {count:,}" for key, count in facts.dropped().items()),
        "rai:dataPreprocessingProtocol": [
            f"{stage} (version {version})" for stage, version in facts.manifest.stage_versions.items()
        ],
        "rai:dataManipulationProtocol": "Personal data found is replaced by invented values with a mark, or "
        "removed, as each contract says; exact and near duplicates lose to the document of earlier rank.",
        "rai:machineAnnotationTools": [
            f"{name} (SHA-256 {digest})" for name, digest in facts.manifest.models.items()
        ],
        "rai:dataAnnotationProtocol": UNKNOWN["en"],
        "rai:dataBiases": [
            *(f"language {one.name}: {one.tokens / whole:.1%} of the tokens" for one in facts.by("language")),
            *(f"partner {one.name}: {one.tokens / whole:.1%} of the tokens" for one in facts.by("partner")),
        ],
        "rai:dataUseCases": [str(purpose) for purpose in _listed(recipe.get("purposes"))],
        "rai:dataLimitations": [
            f"{contract.partner}: until {contract.rights.expires}, "
            f"in {', '.join(contract.rights.territory)}, models {contract.rights.model_release}"
            for contract in facts.contracts
        ],
        "rai:dataSocialImpact": UNKNOWN["en"],
        "rai:personalSensitiveInformation": [
            f"{label}: {count:,} found and replaced or removed"
            for label, count in facts.personal_data().items()
        ]
        or ["none found"],
        "rai:dataReleaseMaintenancePlan": "Withdrawals, takedowns and ended rights make a new build; "
        "notice days by partner: "
        + ", ".join(f"{contract.partner} {contract.rights.notice_days}" for contract in facts.contracts),
    }


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []


def _reason(key: str) -> str:
    name = key.partition("/")[2]
    return REASON_WORDING[Reason(name)] if name in set(Reason) else name
