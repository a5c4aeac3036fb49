"""Licence expressions read with the names that occur in them, as with all of the list."""

from __future__ import annotations

from functools import cache
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from license_expression import ExpressionError, get_spdx_licensing

from pipelines.intake import spdx

WORDS = st.sampled_from(
    [
        "MIT",
        "mit",
        "CC-BY-4.0",
        "CC-BY-NC-4.0",
        "GPL-2.0-or-later",
        "GPL-2.0",
        "Classpath-exception-2.0",
        "LicenseRef-KOGL-Type-1",
        "KOGL-1",
        "Apache",
        "unknown",
        "AND",
        "OR",
        "WITH",
        "and",
        "(",
        ")",
        "+",
    ]
)


@cache
def whole() -> Any:
    return get_spdx_licensing()


@given(words=st.lists(WORDS, min_size=1, max_size=7), between=st.sampled_from([" ", "  ", ""]))
def test_an_expression_says_the_same_whatever_of_the_list_is_taken_in(words: list[str], between: str):
    expression = between.join(words)
    try:
        expected = whole().parse(expression)
    except Exception:  # of some its own assertions fail
        with pytest.raises(ExpressionError):
            spdx.parsed_licence(expression)
        return
    found = spdx.parsed_licence(expression)
    assert str(found) == str(expected)
    assert spdx._names(found) == [str(key) for key in whole().license_keys(expected)]


def test_the_names_known_are_those_of_the_whole_list():
    assert spdx._known() == set(whole().known_symbols)
