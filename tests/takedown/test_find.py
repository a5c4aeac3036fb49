"""What a request names is found in the rows that hold it, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from pipelines.takedown.carry_out import open_house
from pipelines.takedown.find import find
from schemas.takedown import Rows, Scope, Subjects, TakedownRequest, Why
from tests.laws.test_prefix_stability import House
from tests.laws.test_takedown import near
from tests.laws.tiny import DAY, text


@pytest.mark.parametrize("scope", Scope)
def test_persons_hosts_and_texts_are_found_in_the_rows_that_hold_them(tmp_path: Path, scope: Scope):
    columns = {"who": ("subject", "string"), "link": ("url", "string")}
    house = House(tmp_path, columns=columns)
    rows = [
        {"id": f"a{n}", "text": text(n), "who": "f" * 63 + str(n % 2), "link": f"https://{n}.example.com/x"}
        for n in range(6)
    ]
    house.hand_in("alpha", "one", rows)
    house.hand_in("beta", "one", [{**row, "id": f"b{n}", "text": text(30 + n)} for n, row in enumerate(rows)])
    house.seal()
    house.build("build")
    alpha, beta = house.partners
    opened = open_house(tmp_path / "build")

    def found(**named: object) -> set[bytes]:
        request = TakedownRequest("T", "somebody", DAY, Why.DATA_SUBJECT, scope=scope, **named)
        return set(find(opened, request).documents["doc_id"].to_list())

    persons = Subjects("alpha", ("f" * 63 + "1",))
    assert found(subjects=(persons,)) == {alpha.doc_id(f"a{n}") for n in (1, 3, 5)}
    assert found(domains=("2.example.com",)) == {alpha.doc_id("a2"), beta.doc_id("b2")}
    assert len(found(domains=("example.com",))) == 12
    assert found(domains=("ample.com",)) == set()
    assert found(texts=(text(3),)) == {alpha.doc_id("a3")}
    assert found(texts=(" ",)) == set()  # nothing is left of it to be looked for
    assert alpha.doc_id("a3") in found(texts=(near(text(3), Random(2)),))
    assert found(contract="beta") == {beta.doc_id(f"b{n}") for n in range(6)}
    assert found(rows=(Rows("alpha", "posts", ("a4", "nobody")),)) == {alpha.doc_id("a4")}
