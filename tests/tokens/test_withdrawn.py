from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.intake.signatures import SigningKey
from pipelines.tokens.loader import Loader, open_loader
from pipelines.tokens.withdrawn import read_withdrawn, write_withdrawn
from schemas.errors import InputUnreadable, UsageError
from tests.tokens.test_loader import check, same, some_documents
from tests.tokens.trained_on import ids_of, new_key, write_build


@pytest.fixture(scope="module")
def key(tmp_path_factory) -> SigningKey:
    return new_key(tmp_path_factory.mktemp("key"))


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> tuple[Path, dict[bytes, list[int]]]:
    path = tmp_path_factory.mktemp("withdrawn") / "build"
    return path, write_build(path, [[some_documents(n, 100) for n in (1, 2)], [some_documents(3, 100)]])


def opened(home, tmp_path, key, documents, **options) -> Loader:
    path = tmp_path / f"{len(documents)}.json"
    write_withdrawn(path, documents, signer=key)
    settings = {"sequence_length": 16, "batch": 4, **options}
    return open_loader(home[0], withdrawn=path, key=key.public, **settings)


@pytest.mark.parametrize("packing", ["best_fit", "concat"])
def test_their_loss_is_masked_and_nothing_moves(home, tmp_path, key, packing):
    gone = [*ids_of(300)[5:300:7], bytes(16)]  # of which one is not in this build
    plain = open_loader(home[0], sequence_length=16, batch=4, packing=packing)
    masked = opened(home, tmp_path, key, gone, packing=packing)
    shards = {path: path.read_bytes() for path in home[0].rglob("*.arrow")}
    assert len(masked) == len(plain)
    lost = 0
    for batch, other in zip(masked, plain, strict=True):
        check(batch, home[1], frozenset(gone))
        assert same(batch._replace(labels=other.labels), other)
        lost += int((other.loss_mask & ~batch.loss_mask).sum())
    assert lost > 100
    assert masked.documents(3)["withdrawn"].to_pylist() == [
        doc in set(gone) for doc in masked.documents(3)["doc_id"].to_pylist()
    ]
    assert {path: path.read_bytes() for path in home[0].rglob("*.arrow")} == shards


def test_left_out_they_are_nowhere_and_the_order_is_another(home, tmp_path, key):
    gone = ids_of(300)[::3]
    plain = open_loader(home[0], sequence_length=16, batch=1)
    without = opened(home, tmp_path, key, gone, batch=1, leave_out=True)
    kept = {doc: tokens for doc, tokens in home[1].items() if doc not in set(gone)}
    seen = sum((check(batch, kept) for batch in without), start=check(without.batch(0), kept))
    assert set(seen) == {token for tokens in kept.values() for token in tokens}
    assert without.order.identity != plain.order.identity
    with pytest.raises(UsageError, match="leaving documents out starts a new order"):
        without.load_state(plain.state(3))
    with pytest.raises(UsageError, match="leaving documents out starts a new order"):
        opened(home, tmp_path, key, gone[1:], batch=1, leave_out=True, resume=without.state(3))
    again = opened(home, tmp_path, key, gone, batch=1, leave_out=True, resume=without.state(3))
    assert same(next(iter(again)), without.batch(3))


def test_a_list_that_comes_in_the_middle_of_a_training_is_taken_on_request(home, tmp_path, key):
    plain = open_loader(home[0], sequence_length=16, batch=4)
    state, gone = plain.state(7), ids_of(300)[:50]
    with pytest.raises(UsageError, match=r"another list of withdrawn documents.*new_withdrawals=True"):
        opened(home, tmp_path, key, gone, resume=state)
    on = opened(home, tmp_path, key, gone, resume=state, new_withdrawals=True)
    assert on.step == 7
    batch = next(iter(on))
    assert same(batch._replace(labels=plain.batch(7).labels), plain.batch(7))
    assert on.state()["withdrawn"] == on._withdrawn.digest


def test_leaving_all_out_is_an_error(home, tmp_path, key):
    with pytest.raises(Exception, match="nothing is left of its train split"):
        opened(home, tmp_path, key, ids_of(300), leave_out=True)


@given(st.sets(st.integers(0, 60)), st.lists(st.integers(0, 60), max_size=30))
@settings(deadline=None, max_examples=50)
def test_who_is_on_the_list_is_found(tmp_path_factory, key, listed, asked):
    ids = ids_of(61)
    path = tmp_path_factory.mktemp("list") / "w.json"
    digest = write_withdrawn(path, [ids[n] for n in listed], signer=key)
    found = read_withdrawn(path, key=key.public)
    assert found.digest == digest
    assert len(found) == len(listed)
    raw = np.frombuffer(b"".join(ids[n] for n in asked), np.uint8).reshape(-1, 16)
    assert found.among(raw).tolist() == [n in listed for n in asked]


def damaged(content: dict, how: str) -> object:
    documents = content["documents"]
    return {
        "a document less": {**content, "documents": documents[1:]},
        "another order": {**content, "documents": documents[::-1]},
        "twice": {**content, "documents": [documents[0], *documents]},
        "no id": {**content, "documents": ["x" * 32]},
        "no list": {**content, "documents": None},
        "another version": {**content, "version": 2},
        "another signature": {**content, "signature": "0" * 128},
        "no signature": {**content, "signature": None},
        "a field more": {**content, "why": "x"},
        "an array": [content],
    }[how]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("a document less", "signature does not hold"),
        ("another order", "documents: are not"),
        ("twice", "documents: are not"),
        ("no id", "documents: are not"),
        ("no list", "documents: are not"),
        ("another version", "version: is not 1"),
        ("another signature", "signature does not hold"),
        ("no signature", "signature: is no text"),
        ("a field more", "is no list of withdrawn documents"),
        ("an array", "is no list of withdrawn documents"),
    ],
)
def test_a_list_that_was_changed_is_refused(tmp_path, key, how, message):
    path = tmp_path / "w.json"
    write_withdrawn(path, ids_of(3), signer=key)
    path.write_text(json.dumps(damaged(json.loads(path.read_text()), how)))
    with pytest.raises(InputUnreadable, match=message):
        read_withdrawn(path, key=key.public)


def test_only_the_trusted_key_counts_and_one_must_be_named(home, tmp_path, key):
    path = tmp_path / "w.json"
    write_withdrawn(path, ids_of(3), signer=key)
    with pytest.raises(InputUnreadable, match="another key than the one trusted"):
        read_withdrawn(path, key=new_key(tmp_path).public)
    with pytest.raises(UsageError, match="say which public key"):
        open_loader(home[0], sequence_length=16, batch=1, withdrawn=path)
    with pytest.raises(UsageError, match="leave_out: no list"):
        open_loader(home[0], sequence_length=16, batch=1, leave_out=True)
    for broken in (tmp_path / "none.json", home[0] / "manifest.sha256"):
        with pytest.raises(InputUnreadable, match=r"cannot be read|is no JSON"):
            read_withdrawn(broken, key=key.public)
    with pytest.raises(UsageError, match="16 bytes"):
        write_withdrawn(path, [b"short"], signer=key)
