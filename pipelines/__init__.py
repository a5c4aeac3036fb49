"""Malmoi: contracts and drops of text in, tokenized Arrow shards out.

`from pipelines import build` gives the pipeline; calling it carries out a recipe.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

# Every file with functions for numba (tests/test_kernels.py holds the list against the files).
KERNELS = (
    "dedup/buckets.py",
    "dedup/dominance.py",
    "dedup/parts.py",
    "intake/checks/field_kernels.py",
    "intake/checks/json_kernels.py",
    "intake/checks/key_store.py",
    "intake/checks/siphash.py",
    "kernels.py",
    "stages/decontaminate.py",
    "stages/fingerprint_kernels.py",
    "stages/language.py",
    "stages/normalise.py",
    "stages/passages.py",
    "stages/pii/automaton_kernels.py",
    "stages/pii/gate_kernels.py",
    "stages/pii/hash_kernels.py",
    "stages/pii/person_kernels.py",
    "stages/pii/person_scores.py",
    "stages/pii/person_signs.py",
    "stages/pii/person_text_kernels.py",
    "stages/pii/player_kernels.py",
    "stages/pii/player_text_kernels.py",
    "stages/repetition_kernels.py",
    "stages/text_kernels.py",
    "stages/word_kernels.py",
    "tokens/batch_kernels.py",
    "tokens/copy_kernels.py",
    "tokens/order_index.py",
    "tokens/packing.py",
    "tokens/permutation.py",
    "tokens/withdrawn.py",
)


def _kernel_cache() -> Path:
    """Where compiled kernels are kept between runs: a directory named by the digest of their sources.

    numba looks only at the file of the function that is called, so after a change in a kernel that it
    calls in turn it would go on with what was compiled before.
    """
    digest = hashlib.blake2b(digest_size=8)
    home = Path(__file__).parent
    for name in KERNELS:
        digest.update(name.encode() + b"\0" + (home / name).read_bytes())
    return home / "__pycache__" / f"kernels-{digest.hexdigest()}"


os.environ.setdefault("NUMBA_CACHE_DIR", str(_kernel_cache()))
# pydantic asks every installed package for plugins at its first check; none may change what a check says.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
