"""Malmoi: contracts and drops of text in, tokenized Arrow shards out.

`from pipelines import build` gives the pipeline; calling it carries out a recipe.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def _kernel_cache() -> Path:
    """Where compiled kernels are kept between runs: a directory named by the digest of their sources.

    numba looks only at the file of the function that is called, so after a change in a kernel that it
    calls in turn it would go on with what was compiled before.
    """
    digest = hashlib.blake2b(digest_size=8)
    home = Path(__file__).parent
    for path in sorted(home.rglob("*.py")):
        source = path.read_bytes()
        if b"njit" in source:
            digest.update(path.relative_to(home).as_posix().encode() + b"\0" + source)
    return home / "__pycache__" / f"kernels-{digest.hexdigest()}"


os.environ.setdefault("NUMBA_CACHE_DIR", str(_kernel_cache()))
