"""Withdrawn documents: a signed list of document ids, laid over shards that stay as they are.

A list is JSON: {"documents": [32 hexadecimal digits, ...], "key", "signature", "version"}, documents sorted,
each once; the signature (Ed25519) is over a title and the canonical JSON without it. The loader masks the
loss of these documents; who does not know the signing key by another way trusts nobody.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from pipelines.kernels import njit
from pipelines.tokens.shards import write_whole
from schemas.errors import InputUnreadable, UsageError
from schemas.identity import DIGEST_SIZE, canonical_json
from schemas.signatures import Signer, verify_signature

WITHDRAWN_VERSION = 1
_TITLE = b"malmoi withdrawn documents 1\n"
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Withdrawn:
    """A list that was checked. `digest` names it: SHA-256 over what was signed, without the signature."""

    digest: str
    words: NDArray[np.uint64]  # (documents, 2): the ids as big-endian numbers, sorted

    def __len__(self) -> int:
        return len(self.words)

    def among(self, doc_ids: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Which of the ids (documents, 16 bytes) are on the list."""
        found: NDArray[np.bool_] = _among(doc_ids.view(">u8").astype(np.uint64), self.words)
        return found


def write_withdrawn(path: Path, documents: Iterable[bytes], *, signer: Signer) -> str:
    """Write a signed list of 16-byte document ids; returns its digest.

    The same documents and key give the same bytes. Raises UsageError for an id that is none.
    """
    ids = sorted(set(documents))
    if any(len(one) != DIGEST_SIZE for one in ids):
        raise UsageError(f"a document id has {DIGEST_SIZE} bytes: take the ids from the ledger or from trace")
    content: dict[str, Any] = {
        "documents": [one.hex() for one in ids],
        "key": signer.public,
        "version": WITHDRAWN_VERSION,
    }
    signed = _TITLE + canonical_json(content)
    write_whole(path, [canonical_json({**content, "signature": signer.sign(signed)}) + b"\n"])
    return hashlib.sha256(signed).hexdigest()


def read_withdrawn(path: Path, *, key: str) -> Withdrawn:
    """A signed list whose signature is of `key` (64 hexadecimal digits), the one the reader trusts.

    Raises InputUnreadable: no such file, not of this form, another key, or a signature that does not hold.
    """
    try:
        content = orjson.loads(path.read_bytes())
    except OSError as error:
        raise InputUnreadable(
            f"{path.name}: cannot be read (errno {error.errno}): check the path and its rights"
        ) from None
    except ValueError:
        raise InputUnreadable(
            f"{path.name}: is no JSON: fetch the list of withdrawn documents anew"
        ) from None
    fault = _fault(content, key)
    if fault:
        raise InputUnreadable(f"{path.name}: {fault}")
    signature = content.pop("signature")
    signed = _TITLE + canonical_json(content)
    if not verify_signature(key=key, message=signed, signature=signature):
        raise InputUnreadable(
            f"{path.name}: the signature does not hold: fetch the list of withdrawn documents anew"
        )
    raw = np.frombuffer(bytes.fromhex("".join(content["documents"])), dtype=">u8").reshape(-1, 2)
    return Withdrawn(hashlib.sha256(signed).hexdigest(), raw.astype(np.uint64))


def _fault(content: Any, key: str) -> str | None:
    if not isinstance(content, dict) or set(content) != {"documents", "key", "signature", "version"}:
        return "is no list of withdrawn documents: it has documents, key, signature and version"
    if content["version"] != WITHDRAWN_VERSION:
        return f"version: is not {WITHDRAWN_VERSION}: write the list with this version of malmoi"
    if content["key"] != key:
        return "key: signed by another key than the one trusted: ask who keeps the list for its key"
    if not isinstance(content["signature"], str):
        return "signature: is no text: fetch the list anew"
    documents = content["documents"]
    ids = isinstance(documents, list) and all(
        isinstance(one, str) and _ID.fullmatch(one) for one in documents
    )
    if not ids or any(a >= b for a, b in pairwise(documents)):
        return "documents: are not document ids of 32 hexadecimal digits, sorted, each once: write it anew"
    return None


@njit(cache=True, nogil=True)
def _among(ids: Any, words: Any) -> Any:
    found = np.zeros(len(ids), np.bool_)
    for i in range(len(ids)):
        high, low = ids[i, 0], ids[i, 1]
        first, last = 0, len(words)
        while first < last:
            middle = (first + last) // 2
            if words[middle, 0] < high or (words[middle, 0] == high and words[middle, 1] < low):
                first = middle + 1
            else:
                last = middle
        found[i] = first < len(words) and words[first, 0] == high and words[first, 1] == low
    return found
