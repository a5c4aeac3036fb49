"""Law of prefix stability: what comes later changes nothing of what was, but for what was withdrawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import orjson
import pytest

from pipelines.admit import admit
from pipelines.finished.canonical import canonicals
from pipelines.intake.registry import Registry
from pipelines.intake.takedowns import record_takedown
from pipelines.lineage.fingerprints import FingerprintIndex
from pipelines.lineage.trace import trace_document
from pipelines.lineage.verify import verify
from schemas.errors import InputUnreadable, LossExceeded
from schemas.manifest import manifest_digest
from schemas.registry import DropWithdrawn, EpochSealed, EventType
from schemas.takedown import TakedownRequest, Why
from tests.laws.tiny import DAY, Partner, build, text, write_drop, write_home

FIRST = {
    "alpha": [{"id": f"a{number}", "text": text(number)} for number in range(6)],
    "beta": [{"id": f"b{number}", "text": text(20 + number)} for number in range(4)],
}
# Later drops bring copies of what is there, from partners of a better rank too, and texts of their own.
SECOND = {
    "alpha": [
        {"id": "a20", "text": FIRST["beta"][0]["text"]},
        {"id": "a21", "text": FIRST["alpha"][0]["text"]},
        {"id": "a22", "text": text(40)},
    ],
    "beta": [{"id": "b20", "text": text(40)}, {"id": "b21", "text": text(41)}],
}
AT = "2026-11-24T09:00:00Z"


class House:
    """A registry with drops of two partners, each drop in a directory of its own."""

    def __init__(self, home: Path, **partner: object) -> None:
        self.home = home
        self.partners = [Partner("alpha", **partner), Partner("beta", **partner)]
        self.recipe = write_home(home, self.partners)
        self.log = Registry.open(home / "registry", create=True)
        self.epochs = 0

    def hand_in(self, partner: str, name: str, rows: list[dict]) -> str:
        """Admit a drop; its digest."""
        drop = self.home / "drops" / partner / name
        write_drop(drop, rows, name=f"posts_{name}.jsonl")
        contract = self.home / "contracts" / f"{partner}.yaml"
        filed = admit(
            contract, drop, registry=self.home / "registry", today=DAY, at=AT, without_drop_json=True
        )
        assert filed.receipt["verdict"] != "refused", filed.receipt["findings"]
        return str(filed.receipt["drop"])

    def seal(self) -> None:
        self.log.append(EventType.EPOCH_SEALED, EpochSealed(self.epochs), at=AT)
        self.epochs += 1

    def build(self, output: str, **options: object):
        return build(self.home, self.recipe, output, registry=self.home / "registry", **options)


def segment(directory: Path, epoch: int) -> dict[str, bytes]:
    """All bytes of an epoch's segment, its part of the ledger, edges, fingerprints and copies' counts."""
    patterns = (
        f"segments/{epoch}/**/*",
        f"ledger/part-{epoch}-*",
        f"index/edges/part-{epoch}-*",
        f"index/fingerprints/part-{epoch}-*",
        f"index/copies-{epoch}.parquet",
    )
    paths = [path for pattern in patterns for path in directory.glob(pattern)]
    return {str(path.relative_to(directory)): path.read_bytes() for path in paths if path.is_file()}


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    made.first = {partner: made.hand_in(partner, "one", rows) for partner, rows in FIRST.items()}
    made.seal()
    return made


def test_a_later_epoch_leaves_every_byte_of_the_earlier_one(house: House):
    before = house.build("before")
    for partner, rows in SECOND.items():
        house.hand_in(partner, "two", rows)
    unsealed = house.build("unsealed")
    assert unsealed.manifest == before.manifest
    house.seal()
    after = house.build("after", base=before.directory)
    assert segment(after.directory, 0) == segment(before.directory, 0)
    assert [s.epoch for s in after.manifest.segments] == [0, 1]
    assert after.manifest.segments[0] == before.manifest.segments[0]
    # Rank is the epoch first: the later copies lost, although alpha ranks before beta.
    alpha, beta = house.partners
    assert after.kept - before.kept == {alpha.doc_id("a22"), beta.doc_id("b21")}
    assert verify(after.directory) == ()
    traced = trace_document(after.directory, alpha.doc_id("a22").hex())
    assert (traced.epoch, traced.file, traced.shard) == (1, "posts_two.jsonl", "1-train-00000")
    nothing = house.build("nothing", staging=house.home / "other-staging", workers=2)
    assert after.manifest.parent == manifest_digest(before.directory)
    assert nothing.manifest == replace(after.manifest, parent=None)


def test_a_withdrawn_drop_is_as_if_it_had_never_come(house: House):
    house.hand_in("beta", "two", SECOND["beta"])
    house.hand_in("alpha", "two", SECOND["alpha"])
    house.seal()
    before = house.build("before")
    gone = DropWithdrawn("beta", house.first["beta"], notice="2026-11-01", effective="2026-12-01")
    house.log.append(EventType.DROP_WITHDRAWN, gone, at=AT)
    assert house.build("notice").manifest == before.manifest
    after = house.build("after", date="2026-12-01")
    alpha, beta = house.partners
    # alpha's copy of beta's first text stands now
    assert after.kept - before.kept == {alpha.doc_id("a20")}
    assert before.kept - after.kept == {beta.doc_id(row["id"]) for row in FIRST["beta"]}
    assert verify(after.directory) == ()


def test_a_newer_version_withdraws_the_older_of_an_earlier_epoch(tmp_path: Path):
    columns = {"rev": ("version", "integer")}
    house = House(tmp_path, columns=columns, data_set={"malmoi.delivery": "upsert"})
    house.hand_in("beta", "one", [{**row, "rev": 1} for row in FIRST["beta"]])
    house.hand_in("alpha", "one", [{"id": "a", "text": text(1), "rev": 9}])
    house.seal()
    house.hand_in("alpha", "two", [{"id": "a", "text": text(2), "rev": 10}])
    house.seal()
    built = house.build("out")
    alpha = house.partners[0]
    assert alpha.doc_id("a", "10") in built.kept
    (old,) = [row for row in built.rows if row["doc_id"] == alpha.doc_id("a", "9")]
    assert (old["stage"], old["reason"]) == ("rights", "superseded")


def test_documents_that_were_taken_down_are_not_built(house: House):
    alpha = house.partners[0]
    down = TakedownRequest("T-1", "somebody", notice="2026-11-01", reason=Why.PARTNER, effective="2026-11-20")
    gone = {house.first["alpha"]: [alpha.doc_id("a0").hex()]}
    record_takedown(house.log, down, documents=gone, deadline="2026-12-01", suppressed=None, at=AT)
    built = house.build("out")
    assert alpha.doc_id("a0") not in built.kept
    (row,) = [row for row in built.rows if row["doc_id"] == alpha.doc_id("a0")]
    assert (row["stage"], row["reason"], row["detail"]) == ("rights", "taken_back", "takedown")
    whole = house.build("undone", date="2026-11-19").directory
    for directory, there in ((whole, [alpha.doc_id("a0")]), (built.directory, [])):
        (digest,) = {one.exact for one in canonicals(directory, FIRST["alpha"][0]["text"])}
        with FingerprintIndex(directory) as index:
            assert index.exact(digest) == there


def test_an_admitted_drop_that_is_missing_or_changed_is_named(house: House):
    path = house.home / "drops" / "alpha" / "one" / "posts_one.jsonl"
    content = path.read_bytes()
    name = house.first["alpha"][:16]
    path.write_bytes(content.replace("오늘".encode(), "어제".encode(), 1))  # as long as it was
    with pytest.raises(InputUnreadable, match=f"alpha: drop {name} of the registry"):
        house.build("changed")
    path.unlink()
    with pytest.raises(InputUnreadable, match=f"alpha: drop {name} of the registry"):
        house.build("missing")
    path.parent.rename(path.parent.with_name("elsewhere"))
    (path.parent.with_name("elsewhere") / path.name).write_bytes(content)
    assert len(house.build("moved").kept) == 10


def test_a_drop_admitted_by_other_rules_is_refused_until_it_is_admitted_again(house: House):
    """A longer term is judged when the build selects; a limit on a column is what rows are admitted by."""
    alpha = house.partners[0]
    house.partners[0] = replace(alpha, rights={**alpha.rights, "malmoi.expires": "2029-12-31"})
    write_home(house.home, house.partners)
    assert len(house.build("longer").kept) == 10
    house.partners[0] = replace(alpha, data_set={**alpha.data_set, "malmoi.maxQuarantined": 0.5})
    write_home(house.home, house.partners)
    with pytest.raises(LossExceeded, match=r"alpha: drop .*by other columns or rules\n.*malmoi admit"):
        house.build("stale")
    drop = house.home / "drops" / "alpha" / "one"
    contract = house.home / "contracts" / "alpha.yaml"
    admit(contract, drop, registry=house.home / "registry", today=DAY, at=AT, without_drop_json=True)
    assert len(house.build("again").kept) == 10


def test_a_registry_without_a_sealed_epoch_builds_nothing(tmp_path: Path):
    house = House(tmp_path)
    house.hand_in("alpha", "one", FIRST["alpha"])
    with pytest.raises(LossExceeded, match="alpha, beta: no drop was admitted in a sealed epoch"):
        house.build("out")


@pytest.mark.parametrize("seed", [1, 2])
def test_a_history_built_epoch_by_epoch_is_the_history_built_from_nothing(tmp_path: Path, seed: int):
    """Copies and near copies of all that came before, partners in any order; each resolves its epoch."""
    random = Random(seed)
    house = House(tmp_path)
    said: list[str] = []
    for epoch in range(6):
        for partner in random.sample(["alpha", "beta"], random.choice([1, 2]) if epoch else 2):
            rows = []
            for number in range(6):
                new = text(1000 * epoch + 100 * (partner == "beta") + number)
                old = random.choice(said or [new])
                chosen = random.choice([new, old, old.replace("오래", random.choice(["잠깐", "날마다"]), 1)])
                said.append(chosen)
                rows.append({"id": f"{partner}-{epoch}-{number}", "text": chosen})
            house.hand_in(partner, f"d{epoch}", rows)
        house.seal()
        grown = house.build(f"grown-{epoch}")
    (log,) = tmp_path.glob("grown-5.runs/*/tasks/*.jsonl")
    steps = [orjson.loads(line) for line in log.read_bytes().splitlines()]
    assert next(step["settled"] for step in steps if step["step"] == "ResolveDuplicates") > 4
    nothing = house.build("nothing", staging=tmp_path / "other-staging")
    assert nothing.manifest == grown.manifest
    assert len([row for row in grown.rows if row["stage"] == "dedup"]) > 10
    assert verify(grown.directory) == ()
