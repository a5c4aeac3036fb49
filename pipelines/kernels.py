"""numba's `njit` for every kernel here: compiled code comes from the cache without numba's compiler.

Before it loads a function, numba brings its compiler up (90 modules, thousands of declarations: 0.12 s and
10 MB of every process), which a function that is in the cache has no use for. One that is not there is
compiled as ever: the compiler then brings itself up. For the same reason the modules of numba that compiled
code was made from are not imported with it (its strings, its random numbers: 0.04 s): code without Python
objects asks nothing of them.
"""

from __future__ import annotations

import sys
from typing import Any

from numba import njit
from numba.core import environment
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


_rebuild_with_module: Any = environment._rebuild_env
_new_environment: Any = environment.Environment
_environments: Any = environment.Environment._memo


def _rebuild_env(module: str, consts: Any, name: str) -> Any:
    """numba.core.environment._rebuild_env (0.68) without the import of a module of numba's own."""
    if name in _environments or module in sys.modules or not module.startswith("numba."):
        return _rebuild_with_module(module, consts, name)
    made: Any = _new_environment({"__name__": module})
    made.consts[:] = consts
    made.env_name = name
    _environments[name] = made
    return made


Cache.load_overload = _load_overload  # type: ignore[method-assign]
environment._rebuild_env = _rebuild_env
