"""Releases and trainings of a real build, through the command line."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from pipelines.engine.frozen import RELEASED_JSON
from pipelines.finished.exposure import Settings, exposures, record
from pipelines.intake.registry import Registry
from pipelines.intake.registry_check import check_registry
from pipelines.intake.releases import release_of
from pipelines.intake.signatures import SigningKey
from pipelines.tokens.loader import open_loader
from pipelines.tokens.withdrawn import write_withdrawn
from schemas.errors import BuildInconsistent, UsageError
from schemas.registry import TrainingRecorded
from tests.laws.builds import malmoi, malmoi_here
from tests.laws.tiny import Built, Partner, build, write_home

AT = "2026-11-24T09:00:00Z"
DAY = "2026-11-24"


@pytest.fixture
def home(tmp_path: Path, small: Built, partners: list[Partner]) -> Path:
    """A registry, two people's keys, and the small build of its own to break."""
    Registry.open(tmp_path / "registry", create=True)
    shutil.copytree(small.directory, tmp_path / "out")
    shutil.copytree(small.directory.parent / "staging", tmp_path / "staging")
    write_home(tmp_path, partners, tokens={"shard_mib": 1, "validation_share": 0.2})
    for name in ("lead", "counsel"):
        SigningKey.create(tmp_path / f"{name}.pem")
    return tmp_path


def release(home: Path, verb: str, *words: object):
    return malmoi_here("release", verb, home / "registry", home / "out", *map(str, words))


def approved(home: Path) -> None:
    for role, name in (("data_lead", "lead"), ("counsel", "counsel")):
        done = release(home, "approve", "--role", role, "--by", name, "--key", home / f"{name}.pem")
        assert done.returncode == 0, done.stderr


def forge(path: Path) -> None:
    """Another manifest, and its digest beside it, as whoever can write there would leave them."""
    content = path / "manifest.json"
    content.write_bytes(content.read_bytes().replace(b'"warnings":[]', b'"warnings":["changed"]'))
    digest = hashlib.sha256(content.read_bytes()).hexdigest()
    (path / "manifest.sha256").write_text(f"{digest}  manifest.json\n")


def test_a_build_from_candidate_to_withdrawn(home, partners):
    assert b"candidate" in release(home, "show").stdout
    done = release(home, "publish", "--on", DAY)
    assert done.returncode == 2
    assert b"data_lead, counsel has not approved" in done.stderr
    approved(home)
    shown = json.loads(release(home, "show", "--json").stdout)
    assert shown["state"] == "approved"
    assert [one["role"] for one in shown["approvals"]] == ["data_lead", "counsel"]
    lead, other = (SigningKey.read(home / f"{name}.pem").public for name in ("lead", "counsel"))
    assert release(home, "show", "--data-lead", lead, "--counsel", other).returncode == 0
    assert release(home, "show", "--data-lead", other).returncode == 1
    done = release(home, "publish", "--on", DAY)
    assert done.returncode == 0, done.stderr
    registry = Registry.open(home / "registry")
    assert check_registry(registry) == []
    # frozen: found by verify with and without the registry, not built over
    assert malmoi_here("verify", home / "out", "--registry", home / "registry").returncode == 0
    recipe = write_home(home, partners, tokens={"shard_mib": 1, "validation_share": 0.5})
    with pytest.raises(UsageError, match="released and is frozen"):
        build(home, recipe, replace=True)
    kept = (home / "out" / "manifest.json").read_bytes()
    forge(home / "out")
    for words in ((), ("--registry", home / "registry")):
        done = malmoi_here("verify", home / "out", *words)
        assert done.returncode == 1
        assert b"has been changed since" in done.stdout
    (home / "out.runs" / RELEASED_JSON).rename(home / "aside")
    assert b"released this identity as" in malmoi_here("verify", home / "out", *words).stdout
    (home / "out" / "manifest.json").write_bytes(b'{"identity":' + b"[" * 200_000)
    done = malmoi_here("verify", home / "out", *words)
    assert done.returncode == 1
    assert b"is not a manifest" in done.stdout + done.stderr
    assert b"itself" not in done.stderr
    (home / "aside").rename(home / "out.runs" / RELEASED_JSON)
    (home / "out" / "manifest.json").write_bytes(kept)
    digest = hashlib.sha256(kept).hexdigest()
    (home / "out" / "manifest.sha256").write_text(f"{digest}  manifest.json\n")
    # withdrawn: verify says so, and it may be built over
    done = release(home, "withdraw", "--why", "a takedown", "--on", "2026-12-01")
    assert done.returncode == 0, done.stderr
    assert b"withdrawn on 2026-12-01: a takedown" in malmoi_here("verify", home / "out", *words).stdout
    assert build(home, recipe, replace=True).manifest.identity != json.loads(kept)["identity"]
    assert check_registry(Registry.open(home / "registry")) == []


def test_the_registry_alone_keeps_a_build_from_being_replaced(home, partners):
    from pipelines.engine.frozen import check_not_frozen

    approved(home)
    assert release(home, "publish", "--on", DAY).returncode == 0
    (home / "out.runs" / RELEASED_JSON).unlink()
    check_not_frozen(home / "out", None)
    with pytest.raises(UsageError, match="released and is frozen"):
        check_not_frozen(home / "out", home / "registry")


def test_what_verify_finds_is_not_released(home):
    approved(home)
    (shard,) = (home / "out").glob("segments/0/train/*.arrow")
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    done = release(home, "publish", "--on", DAY)
    assert done.returncode == 1
    assert b"findings, so it is not released" in done.stderr
    done = release(home, "publish", "--on", "2031-01-01")  # nobody's rights last so long
    assert done.returncode == 1
    assert b"released" in release(home, "show").stdout or b"approved" in release(home, "show").stdout
    assert release_of(Registry.open(home / "registry").events(), "0" * 64).released_at is None


def test_a_document_is_followed_to_the_models_that_saw_it(home):
    words = ("--length", "64", "--batch", "4", "--seed", "5")
    loader = open_loader(home / "out", sequence_length=64, batch=4, seed=5)
    middle = len(loader) // 2
    assert middle > 1
    done = release(home, "trained", "--model", "teacher-1", "--steps", f"0:{middle}", *words)
    assert done.returncode == 0, done.stderr
    again = release(home, "trained", "--model", "teacher-1", "--steps", f"0:{middle}", *words)
    assert b"recorded before" in again.stdout
    release(home, "trained", "--model", "teacher-2", "--steps", f"{middle}:{len(loader) - 1}", *words)
    steps: dict[str, dict[int, int]] = {}
    for step in range(len(loader)):
        for row in loader.documents(step).to_pylist():
            seen = steps.setdefault(row["doc_id"].hex(), {})
            seen[step] = seen.get(step, 0) + row["tokens"]
    trainings = release_of(
        Registry.open(home / "registry").events(),
        hashlib.sha256((home / "out" / "manifest.json").read_bytes()).hexdigest(),
    ).trainings
    for doc_id, seen in steps.items():
        first, second = exposures(home / "out", doc_id, trainings)
        assert {s.step: s.tokens for s in first.sightings if s.step <= middle}.keys() == {
            step for step in seen if step <= middle
        }
        assert first.tokens == sum(n for step, n in seen.items() if step <= middle)
        assert second.steps == tuple(sorted(step for step in seen if step >= middle))
    doc_id, seen = next(iter(steps.items()))
    done = malmoi("trace", home / "out", "--doc", doc_id, "--registry", home / "registry", "--json")
    told = json.loads(done.stdout)["seen_by"]
    assert [one["model"] for one in told] == ["teacher-1", "teacher-2"]
    assert told[0]["steps"] == [step for step in sorted(seen) if step <= middle]
    assert "seen_by" not in json.loads(malmoi_here("trace", home / "out", "--doc", doc_id, "--json").stdout)
    shown = malmoi_here(
        "trace", home / "out", "--doc", doc_id, "--registry", home / "registry"
    ).stdout.decode()
    assert f"teacher-1, steps 0 to {middle}:" in shown


def test_trainings_that_cannot_be_are_not_recorded(home):
    registry = Registry.open(home / "registry")
    settings = Settings(batch=4, sequence_length=64)
    steps = len(open_loader(home / "out", sequence_length=64, batch=4))
    for first, last in ((0, steps), (3, 2)):
        with pytest.raises(UsageError, match=f"the training has steps 0 to {steps - 1}"):
            record(
                home / "out", registry, model="m", first_step=first, last_step=last, settings=settings, at=AT
            )
    assert release(home, "trained", "--model", "m", "--steps", "all").returncode == 2
    assert list(registry.events()) == []


def test_an_order_that_is_another_now_is_no_answer(home, tmp_path):
    registry = Registry.open(home / "registry")
    settings = Settings(batch=4, sequence_length=64)
    event, _ = record(home / "out", registry, model="m", first_step=0, last_step=1, settings=settings, at=AT)
    body = event.body
    assert isinstance(body, TrainingRecorded)
    doc_id = open_loader(home / "out", sequence_length=64, batch=4).documents(0)["doc_id"][0].as_py().hex()
    changed = TrainingRecorded(**{**vars(body), "order": "0" * 64})
    with pytest.raises(BuildInconsistent, match="use the version of Malmoi that recorded it"):
        exposures(home / "out", doc_id, [changed])
    key = SigningKey.create(tmp_path / "list.pem")
    digest = write_withdrawn(tmp_path / "list.json", [bytes.fromhex(doc_id)], signer=key)
    (unknown,) = exposures(home / "out", doc_id, [TrainingRecorded(**{**vars(body), "left_out": digest})])
    assert unknown.unknown.startswith(f"list {digest[:16]} was left out")
