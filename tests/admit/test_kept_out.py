"""Content that was taken down, handed in again: refused, exact or near, and nothing of it kept."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import orjson
import pyarrow as pa
import pytest

from pipelines.admit import Filed, admit
from pipelines.engine.suppression import Way, suppression_bytes
from pipelines.intake.quarantine import QUARANTINE_FILE, read_quarantine
from pipelines.intake.registry import Registry, admitted
from pipelines.intake.takedowns import record_takedown, suppression_key
from pipelines.stages.fingerprint import fingerprint, shingle_sets
from pipelines.stages.pii.find import find_pii
from schemas.contract import Markup
from schemas.documents import DOCUMENT
from schemas.recipe import FingerprintSettings, NormaliseSettings
from schemas.takedown import Scope, TakedownRequest, Why
from tests.admit.posts import TODAY, Agreement, post, write_drop
from tests.laws.tiny import text
from tests.takedown import A_DATA_SET

AT = f"{TODAY}T09:00:00Z"
SAID = f"{text(1)} 전화는 010-1234-5678 입니다."
SAME = f"  {text(1)}  전화는 010-9876-5432 입니다. "  # another number and white space: the same text
NEAR = SAID.replace("입니다.", "이다.")


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    Registry.open(tmp_path / "registry", create=True)
    return tmp_path / "registry"


def take_down(registry: Path, said: str, way: Way, effective: str | None = None) -> None:
    log = Registry.open(registry)
    columns = {"doc_id": bytes(16), "row": 0, "text": said, "language": None}
    batch = find_pii(pa.RecordBatch.from_pylist([columns], DOCUMENT), way.pii, A_DATA_SET).kept
    content = suppression_bytes(
        [fingerprint(batch, way.fingerprint, A_DATA_SET).kept],
        key=suppression_key(log),
        way=way,
        shingles=partial(shingle_sets, settings=way.fingerprint),
    )
    request = TakedownRequest("T-1", "desk", TODAY, Why.OTHER, scope=Scope.CONTENT, effective=effective)
    documents = {"d" * 64: ["1" * 32]}
    record_takedown(log, request, documents=documents, deadline=TODAY, suppressed=content, at=AT)


def hand_in(home: Path, registry: Path, rows: list[dict], agreement: Agreement | None = None) -> Filed:
    contract = (agreement or Agreement()).write(home)
    drop = write_drop(home / f"drop-{len(list(home.iterdir()))}", {"posts.jsonl": rows})
    return admit(contract, drop, registry=registry, today=TODAY, at=AT)


def refused(filed: Filed) -> list[int]:
    assert filed.admission is not None
    faults = filed.admission.faults.to_pylist()
    assert {(one["rule"], one["reason"]) for one in faults} <= {("rights/suppressed", "suppressed")}
    return [one["row"] for one in faults]


@pytest.mark.parametrize("way", [Way(), Way(fingerprint=FingerprintSettings(size=4), threshold=0.7)])
def test_rows_with_it_are_refused_and_the_others_are_not(tmp_path, registry, way):
    take_down(registry, SAID, way)
    agreement = Agreement()
    agreement.custom("malmoi.maxQuarantined", 0, of=agreement.posts)
    texts = [text(2), SAME, text(3), NEAR, text(4)]
    filed = hand_in(tmp_path, registry, [post(n, text=said) for n, said in enumerate(texts)], agreement)
    assert refused(filed) == [1, 3]
    assert filed.receipt["verdict"] == "admitted with quarantine"
    (told,) = filed.receipt["data_sets"]
    assert (told["documents"], told["quarantined"]) == (3, {"suppressed": 2})
    assert [one["code"] for one in filed.receipt["findings"]] == ["taken_down"]
    assert (filed.directory / QUARANTINE_FILE).is_file()
    assert [line["data"] for line in read_quarantine(filed.directory)] == [None, None]


def test_nothing_of_it_is_kept_where_the_row_has_another_fault_too(tmp_path, registry):
    take_down(registry, SAID, Way())
    rows = [post(0), post(1, text=SAME, stars=77), post(2, stars=77)]
    filed = hand_in(tmp_path, registry, rows)
    first, second = read_quarantine(filed.directory)
    assert first["data"] is None
    assert len(first["faults"]) == 2
    assert second["data"]["id"] == "p2"


def test_a_drop_of_nothing_else_is_refused(tmp_path, registry):
    take_down(registry, SAID, Way())
    filed = hand_in(tmp_path, registry, [post(0, text=SAME), post(1, text=NEAR)])
    assert filed.receipt["verdict"] == "refused"
    assert admitted(Registry.open(registry)) == []


def test_columns_are_joined_and_pages_read_as_the_build_does(tmp_path, registry):
    agreement = Agreement()
    agreement.custom("malmoi.markup", Markup.HTML.value, of=agreement.posts)
    take_down(registry, f"{text(1)}", Way(normalise=NormaliseSettings(max_blank_lines=2)))
    page = f"<html><body><nav>집 글</nav><p>{text(1)}</p></body></html>"
    other = f"<html><body><p>{text(2)}</p></body></html>"
    filed = hand_in(tmp_path, registry, [post(0, text=page), post(1, text=other)], agreement)
    assert refused(filed) == [0]


def test_before_its_day_it_comes_in(tmp_path, registry):
    take_down(registry, SAID, Way(), effective="2026-12-24")
    assert hand_in(tmp_path, registry, [post(0, text=SAME)]).receipt["verdict"] == "admitted"


def test_a_list_without_its_way_is_looked_up_by_the_usual_one(tmp_path, registry, monkeypatch):
    monkeypatch.setattr("pipelines.engine.suppression._WAY", b"unsaid")
    take_down(registry, SAID, Way())
    monkeypatch.undo()
    assert refused(hand_in(tmp_path, registry, [post(0, text=SAME), post(1)])) == [0]


def test_without_a_list_its_code_is_not_loaded(tmp_path, registry, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pipelines.admit.kept_out", None)
    assert hand_in(tmp_path, registry, [post(0, text=SAME)]).receipt["verdict"] == "admitted"
    assert orjson.loads((registry / "events" / "0000000001.json").read_bytes())["type"] == "drop_admitted"
