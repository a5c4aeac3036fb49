"""--erase: what is ours to destroy is destroyed, the rest is named; and the key of a drop that has gone."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from pipelines.commands.app import app
from pipelines.lineage.verify import verify
from pipelines.takedown.certificate import check_certificate
from schemas.registry import DropWithdrawn, EventType, drop_directory
from schemas.takedown import Rows
from tests.laws.test_prefix_stability import AT, House
from tests.laws.test_takedown import asked, history, take_down
from tests.laws.tiny import text


def test_erase_destroys_what_is_ours_and_names_the_rest(tmp_path: Path):
    house = history(tmp_path, 5)
    built = house.build("build")
    gone = next(row for row in built.rows if row["kept"])
    request = asked(1, [gone["doc_id"]])
    carried = take_down(house, "build", "child", request, erased=True, also=[tmp_path / "build"])
    places = {(place.kind, place.state.value) for place in carried.certificate.places}
    assert {("drop", "kept"), ("staging", "erased"), ("build", "erased"), ("outside", "outside")} <= places
    (shard,) = [one for one in built.manifest.shards if one.name == gone["shard"]]
    assert not (tmp_path / "build" / shard.path).exists()
    said = next(row for row in house_rows(tmp_path) if row["id"] == key_of(house, gone["doc_id"]))["text"]
    for path in (tmp_path / "staging").rglob("*"):
        assert not path.is_file() or said.encode() not in path.read_bytes()
    certificate, child = carried.certificate, tmp_path / "child"
    assert check_certificate(certificate, child) == ()
    assert verify(child) == ()
    (tmp_path / "build" / shard.path).write_bytes(b"back again")
    (found,) = check_certificate(certificate, child)
    assert "is there" in found.message
    again = take_down(house, "build", "child", request, erased=True)  # as after a kill: nothing is lost
    assert [one.doc_id for one in again.certificate.gone] == [gone["doc_id"].hex()]
    assert not (tmp_path / "build" / shard.path).exists()


def test_refused_rows_go_from_every_judgement_of_a_drop(tmp_path: Path):
    house = House(tmp_path)
    drop = house.hand_in("alpha", "one", [{"id": key, "text": text(n)} for n, key in enumerate("ab")])
    house.hand_in("beta", "one", [{"id": "b", "text": text(7)}])
    house.seal()
    house.build("build")
    left = b'{"data":{"id":"zz"}}\n'
    files = [
        drop_directory(tmp_path / "registry", partner="alpha", drop=drop, again=again) / "quarantine.jsonl"
        for again in ("", "c" * 64)
    ]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b'{"data":{"id":"a"}}\n' + left)
    take_down(house, "build", "child", asked(1, [], rows=(Rows("alpha", "posts", ("a",)),)), erased=True)
    assert [file.read_bytes() for file in files] == [left, left]


def test_the_key_of_a_drop_is_destroyed_once_it_is_out_of_all_builds(tmp_path: Path):
    house = House(tmp_path)
    drop = house.hand_in("alpha", "one", [{"id": "a", "text": text(1)}])
    house.seal()
    words = ("registry", "forget", tmp_path / "registry", "--drop", drop, "--on", "2026-12-01")
    run = [str(word) for word in words]
    assert CliRunner().invoke(app(), run).exit_code != 0
    house.log.append(
        EventType.DROP_WITHDRAWN, DropWithdrawn("alpha", drop, "2026-11-01", "2026-12-01"), at=AT
    )
    done = CliRunner().invoke(app(), run)
    assert (done.exit_code, "no key" in done.output) == (0, True)


def house_rows(home: Path) -> list[dict]:
    """Every row of every drop."""
    return [
        json.loads(line) for path in home.glob("drops/*/*/*.jsonl") for line in path.read_text().splitlines()
    ]


def key_of(house: House, doc_id: bytes) -> str:
    """The key of the row that a document was."""
    return next(
        row["id"] for row in house_rows(house.home) for p in house.partners if p.doc_id(row["id"]) == doc_id
    )
