from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from pipelines.tokens.finished import open_build
from pipelines.tokens.loader import open_loader
from pipelines.tokens.order_index import new_directory, open_index
from schemas.curriculum import Portion, TrainingStage
from schemas.errors import BuildInconsistent, UsageError
from schemas.identity import canonical_json
from tests.tokens.trained_on import Document, write_build

SHARD = "segments/0/train/data-00001-of-00002.arrow"


@pytest.fixture
def build(tmp_path: Path) -> Path:
    path = tmp_path / "build"
    write_build(path, [[[Document(30)] * 20, [Document(20, "q", "en")] * 20]])
    return path


def loaded(build: Path, **options):
    return open_loader(build, **{"sequence_length": 16, "batch": 2, **options})


def cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 64)


def other_tokens(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096 + 40] ^= 1
    path.write_bytes(content)


def another_shard(path: Path) -> None:
    """One of the same size, as a build of other texts leaves it."""
    write_build(path.parents[3] / "other", [[[Document(20)], [Document(20, "q", "en")] * 20]])
    content = (path.parents[3] / "other" / SHARD).read_bytes()
    assert len(content) == path.stat().st_size
    path.write_bytes(content)


@pytest.mark.parametrize("first_opened", [False, True], ids=["at first", "later"])
@pytest.mark.parametrize(
    ("damage", "message"),
    [(Path.unlink, "the shard is missing"), (cut_off, "bytes, the manifest says")],
    ids=["missing", "cut off"],
)
def test_a_shard_that_is_not_there_whole_is_named_before_training_starts(
    build, damage, message, first_opened
):
    if first_opened:
        loaded(build)
    damage(build / SHARD)
    with pytest.raises(BuildInconsistent, match=f"{SHARD}: .*{message}"):
        loaded(build)


def test_a_shard_of_other_content_is_seen_by_its_head(build):
    loaded(build)
    another_shard(build / SHARD)
    with pytest.raises(BuildInconsistent, match=f"{SHARD}: is not the shard it was"):
        loaded(build)


@pytest.mark.parametrize("damage", [other_tokens, another_shard])
def test_every_altered_byte_is_seen_on_request(build, damage):
    loaded(build, full_check=True)
    damage(build / SHARD)
    with pytest.raises(BuildInconsistent, match=f"{SHARD}: its bytes are not those of the manifest"):
        loaded(build, full_check=True)


def test_a_file_that_is_no_shard_is_named(build):
    size = (build / SHARD).stat().st_size
    (build / SHARD).write_bytes(b"\xff" * size)
    with pytest.raises(BuildInconsistent, match=f"{SHARD}: is not the shard of the manifest"):
        loaded(build)


def test_a_shard_that_vanishes_while_training_is_named(build):
    loader = loaded(build)
    (build / SHARD).unlink()
    with pytest.raises(BuildInconsistent, match=f"{SHARD}: the shard cannot be read"):
        list(loader)


def drop_manifest(build: Path) -> None:
    (build / "manifest.json").unlink()


def change_manifest(build: Path) -> None:
    content = json.loads((build / "manifest.json").read_text())
    content["date"] = "2026-11-25"
    (build / "manifest.json").write_bytes(canonical_json(content) + b"\n")


def spoil_digest(build: Path) -> None:
    (build / "manifest.sha256").write_bytes(b"\xff")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (drop_manifest, "no finished build"),
        (change_manifest, "is not the digest of manifest.json"),
        (spoil_digest, "is not the digest of manifest.json"),
    ],
)
def test_a_build_without_its_manifest_is_none(build, damage: Callable[[Path], None], message):
    damage(build)
    with pytest.raises(BuildInconsistent, match=message):
        loaded(build)


@pytest.mark.parametrize("segments", [[], [[[]]], [[[Document(0), Document(0)]]]])
def test_an_empty_build_is_an_error(tmp_path, segments):
    write_build(tmp_path / "b", segments)
    with pytest.raises(BuildInconsistent, match="its train split has no tokens"):
        loaded(tmp_path / "b")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "test"}, "there are train and validation"),
        ({"rank": 2, "ranks": 2}, "ranks are numbered from 0"),
        ({"ranks": 3}, "2 sequences a step cannot be shared evenly by 3 ranks"),
        ({"ranks": 1000}, "2 sequences a step cannot be shared evenly by 1000 ranks"),
        ({"batch": None}, "stage all: no batch"),
        ({"batch": 0}, "stage all: no batch"),
        ({"batch": 10_000}, "has 65 sequences, fewer than the 10000 of one step"),
        ({"sequence_length": 1}, "sequence_length: not possible"),
        ({"packing": "worst_fit"}, "packing: not possible"),
        ({"sequence_length": None}, "no stage: name a curriculum"),
        (
            {"curriculum": (TrainingStage("s", 16, mixture=(Portion(partner="q", sequences=999),)),)},
            r"stage s, mixture\[0\]: asks for 999 sequences of partner q, language en, epoch 0, which has ",
        ),
    ],
)
def test_what_cannot_be_is_said_before_training_starts(build, options, message):
    with pytest.raises(UsageError, match=message):
        loaded(build, **options)


def test_a_step_that_there_is_not_is_an_error(build):
    loader = loaded(build)
    for step in (-1, len(loader)):
        with pytest.raises(UsageError, match=f"the training has steps 0 to {len(loader) - 1}"):
            loader.batch(step)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1}, "another order: open the loader with the same seed"),
        ({"batch": 4}, "another order"),
        ({"sequence_length": 8}, "another order"),
        ({"packing": "concat"}, "another order"),
        (
            {"curriculum": (TrainingStage("all", 16, mixture=(Portion(partner="p", times=1),)),)},
            "another order",
        ),
    ],
)
def test_a_state_of_another_order_is_refused(build, change, message):
    state = loaded(build).state(2)
    with pytest.raises(UsageError, match=message):
        loaded(build, **change, resume=state)


@pytest.mark.parametrize("step", [-1, 10_000, "2", None, True, 1.5])
def test_a_state_of_no_step_is_refused(build, step):
    state = {**loaded(build).state(), "step": step}
    with pytest.raises(UsageError, match="state: step is not 0 to"):
        loaded(build, resume=state)


@pytest.mark.parametrize("state", [{}, {"version": 1, "step": 3}, {"more": 1}])
def test_what_is_no_state_is_refused(build, state):
    with pytest.raises(UsageError, match="is no state of version 1"):
        loaded(build, resume=state if "more" not in state else {**loaded(build).state(), **state})


def test_a_state_of_another_build_is_refused(build, tmp_path):
    write_build(tmp_path / "b", [[[Document(30)] * 20]])
    with pytest.raises(UsageError, match=r"is of build [0-9a-f]{16}, this is [0-9a-f]{16}"):
        loaded(tmp_path / "b", resume=loaded(build).state(1))


def test_a_training_at_its_end_has_nothing_more(build):
    loader = loaded(build)
    assert len(list(loader)) == len(loader)
    assert list(loaded(build, resume=loader.state())) == []


def test_the_recipes_curriculum_is_followed_where_nothing_else_is_said(tmp_path):
    stages = (
        TrainingStage("general", 8, batch=2, mixture=(Portion(partner="p", times=2),)),
        TrainingStage("long", 32, packing="concat", batch=1),
    )
    recipe = {"curriculum": stages, "upsampling": {"q": 2}}
    documents = [Document(30), Document(20, "q", "en")] * 8
    write_build(tmp_path / "b", [[documents]], recipe=recipe, limits={"p": 3, "q": 2})
    loader = open_loader(tmp_path / "b")
    assert [(stage.name, stage.length, stage.batch) for stage in loader.order.stages] == [
        ("general", 8, 2),
        ("long", 32, 1),
    ]
    # 32 of 8 tokens, twice, and once more in the other stage; q's 160 tokens are 5 of 32, and upsampled
    assert [(row["stage"], row["partner"], row["sequences"]) for row in loader.mixture()] == [
        ("general", "p", 64),
        ("long", "p", 8),
        ("long", "q", 10),
    ]
    write_build(tmp_path / "c", [[documents]], recipe=recipe, limits={"p": 2, "q": 2})
    with pytest.raises(UsageError, match="partner p, language ko, epoch 0 is seen 3 times in all"):
        open_loader(tmp_path / "c")
    write_build(tmp_path / "d", [[documents]], recipe={"curriculum": [{"name": 1}]})
    with pytest.raises(BuildInconsistent, match="no readable curriculum"):
        open_loader(tmp_path / "d")


def test_the_index_is_the_same_wherever_it_is_made_and_half_of_one_is_made_good(build, tmp_path):
    opened = open_build(build)
    one, two = (open_index(opened, tmp_path / name) for name in ("one", "two"))
    for path in one.directory.iterdir():
        assert path.read_bytes() == (two.directory / path.name).read_bytes()
    (one.directory / "documents.u32").write_bytes(b"half")
    with pytest.raises(BuildInconsistent, match=r"documents.u32: is not whole: remove .*, it is made again"):
        open_index(opened, tmp_path / "one")
    assert list(build.iterdir()) == list(open_build(build).path.iterdir())  # nothing was put into the build


def test_of_two_who_make_the_index_at_once_the_first_wins_and_nothing_is_left_lying(build, tmp_path):
    opened, home = open_build(build), tmp_path / "order"
    with new_directory(home / "raced") as mine:
        (mine / "file").write_bytes(b"slow")
        with new_directory(home / "raced") as other:
            (other / "file").write_bytes(b"fast")
    assert [path.name for path in home.iterdir()] == ["raced"]
    assert (home / "raced" / "file").read_bytes() == b"fast"
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(open_index, [opened] * 6, [home] * 6))
    assert len({index.sources for index in found}) == 1
    assert len(list(home.iterdir())) == 2


def test_a_contract_that_the_manifest_has_not_is_an_error(build):
    content = json.loads((build / "manifest.json").read_text())
    content["contracts"] = content["contracts"][:1]
    from tests.tokens.trained_on import sign_manifest

    sign_manifest(build, canonical_json(content) + b"\n")
    with pytest.raises(BuildInconsistent, match="names a contract that the manifest has not"):
        loaded(build)


@pytest.mark.parametrize("clash", ["torch is not there", "torch is there"])
def test_torch_is_only_wanted_where_it_is_asked_for(build, clash):
    from importlib.util import find_spec

    from pipelines.tokens.torch_dataset import torch_dataset

    if find_spec("torch") is None:
        if clash == "torch is there":
            pytest.skip("torch is not installed on this machine")
        with pytest.raises(UsageError, match="torch is not installed: install it"):
            torch_dataset(loaded(build))
        return
    if clash == "torch is not there":
        pytest.skip("torch is installed on this machine")
    from torch.utils.data import DataLoader

    expected = [batch.tokens.tolist() for batch in loaded(build)]
    for workers in (0, 1, 3):
        loader = DataLoader(torch_dataset(loaded(build)), batch_size=None, num_workers=workers)
        assert [batch["input_ids"].tolist() for batch in loader] == expected


def test_the_loader_brings_no_beam_and_no_torch_with_it():
    code = (
        "import sys, pipelines.tokens.loader\n"
        "print([m for m in ('torch', 'apache_beam', 'datasets', 'polars') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
