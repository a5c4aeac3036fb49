from __future__ import annotations

from bisect import bisect_left, bisect_right

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from schemas.id_columns import id_bytes, in_order, span_of, words_of

# Few different bytes, so that ids repeat and differ late; zeros at the end are not to be lost.
IDS = st.lists(st.binary(min_size=2, max_size=2).map(lambda two: two[:1] * 8 + two[1:] * 8), max_size=12)
FEW = st.lists(
    st.sampled_from([bytes(16), bytes(15) + b"\x01", b"\x01" + bytes(15), b"\xff" * 16]), max_size=12
)


@given(ids=IDS | FEW, first=st.integers(0, 3), chunks=st.booleans())
def test_a_column_is_its_ids_whatever_its_offset_and_chunks(ids, first, chunks):
    whole = pa.array(ids, pa.binary(16))
    column = pa.chunked_array([whole.slice(0, first), whole.slice(first)]) if chunks else whole.slice(first)
    expected = ids if chunks else ids[first:]
    assert [row.tobytes() for row in id_bytes(column)] == expected
    assert words_of(id_bytes(column)).tolist() == [
        [int.from_bytes(one[:8], "big"), int.from_bytes(one[8:], "big")] for one in expected
    ]


@given(
    ids=IDS | FEW, sort=st.booleans(), wanted=st.sampled_from([bytes(16), b"\x01" + bytes(15), b"\xff" * 16])
)
def test_order_and_places_are_those_of_the_bytes(ids, sort, wanted):
    ids = sorted(ids) if sort else ids
    found = id_bytes(pa.array(ids, pa.binary(16)))
    assert in_order(words_of(found)) == (ids == sorted(ids))
    assert in_order(words_of(found), strictly=True) == (ids == sorted(set(ids)))
    if sort:
        assert span_of(found, wanted) == (bisect_left(ids, wanted), bisect_right(ids, wanted))
