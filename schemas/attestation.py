"""What a signed build says of itself to others: an in-toto Statement v1 with SLSA provenance v1, in DSSE.

Specifications: in-toto/attestation spec/v1/statement.md, slsa.dev/spec/v1.0/provenance,
secure-systems-lab/dsse protocol.md. Nothing in it knows a clock or a host: the same build and key give the
same bytes.
"""

from __future__ import annotations

import base64
from typing import Any

from schemas.identity import canonical_json
from schemas.manifest import Manifest

STATEMENT = "https://in-toto.io/Statement/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
PAYLOAD = "application/vnd.in-toto+json"
BUILD_TYPE = "urn:malmoi:build:3"  # the number of the manifest's form
BUILDER = "urn:malmoi:pipelines.build"


def statement(manifest: Manifest, digest: str) -> dict[str, Any]:
    """The statement about a build; `digest` is SHA-256 of its manifest, which names all other files.

    A contract's digest is BLAKE2b-256 of its canonical JSON; files of drops, models and the lock are SHA-256.
    """
    return {
        "_type": STATEMENT,
        "subject": [{"name": "manifest.json", "digest": {"sha256": digest}}],
        "predicateType": PROVENANCE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"recipe": manifest.recipe, "date": manifest.date},
                "internalParameters": {
                    "contentRoot": manifest.root,
                    "parent": manifest.parent,
                    "runtime": manifest.runtime,
                    "stageVersions": manifest.stage_versions,
                },
                "resolvedDependencies": [
                    *(
                        {
                            "name": f"contract/{one.partner}@{one.version}",
                            "digest": {"blake2b256": one.digest},
                        }
                        for one in manifest.contracts
                    ),
                    *(
                        {
                            "name": f"drop/{drop.partner}/{drop.drop}/{file.path}",
                            "digest": {"sha256": file.sha256},
                        }
                        for drop in manifest.drops
                        for file in drop.files
                    ),
                    *(
                        {"name": f"model/{name}", "digest": {"sha256": sha256}}
                        for name, sha256 in sorted(manifest.models.items())
                    ),
                    {
                        "name": f"tokenizer/{manifest.tokenizer.name}",
                        "digest": {"sha256": manifest.tokenizer.sha256},
                    },
                ],
            },
            "runDetails": {
                "builder": {"id": BUILDER, "version": {"manifest": str(manifest.version)}},
                "metadata": {"invocationId": manifest.identity},
            },
        },
    }


def signed_message(payload: bytes) -> bytes:
    """What a DSSE signature is over: PAE of the payload and its type."""
    kind = PAYLOAD.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def envelope(payload: bytes, *, key: str, signature: str) -> bytes:
    """The envelope's bytes; `key` and `signature` hexadecimal, as everywhere here."""
    content = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD,
        "signatures": [{"keyid": key, "sig": base64.b64encode(bytes.fromhex(signature)).decode()}],
    }
    return canonical_json(content) + b"\n"
