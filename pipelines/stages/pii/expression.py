"""Regular expressions that are compiled when they are first used.

There are some 150 of them, and compiling them takes a tenth of a second: a process whose texts hold no
address needs none for addresses.
"""

from __future__ import annotations

import re
from typing import Any, cast

_METHODS = ("search", "match", "fullmatch", "finditer", "findall", "sub", "split", "pattern", "groupindex")


class _Expression:
    def __init__(self, text: str, flags: int) -> None:
        self._text, self._flags = text, flags

    def __getattr__(self, name: str) -> Any:
        if name not in _METHODS:
            raise AttributeError(name)
        compiled = re.compile(self._text, self._flags)
        for method in _METHODS:
            setattr(self, method, getattr(compiled, method))
        return getattr(self, name)


def expression(text: str, flags: int = 0) -> re.Pattern[str]:
    """As re.compile, later: what is wrong with it is raised when it is first used."""
    return cast("re.Pattern[str]", _Expression(text, flags))
