"""numba's `njit` for every kernel here: compiled code comes from the cache without numba's compiler.

Before it loads a function, numba brings its compiler up (90 modules, thousands of declarations: 0.12 s and
10 MB of every process), which a function that is in the cache has no use for. One that is not there is
compiled as ever: the compiler then brings itself up.
"""

from __future__ import annotations

from typing import Any

from numba import njit
from numba.core.caching import Cache
from numba.core.runtime.nrt import rtsys

__all__ = ["njit"]


def _load_overload(cache: Any, signature: Any, target: Any) -> Any:
    """numba.core.caching.Cache.load_overload (0.68) without its `target.refresh()`.

    Of what that does, loaded code needs the memory functions alone.
    """
    rtsys.initialize(target)
    with cache._guard_against_spurious_io_errors():
        return cache._load_overload(signature, target)


Cache.load_overload = _load_overload  # type: ignore[method-assign]
