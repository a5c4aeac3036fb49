"""Files are whole or not there; errors of tasks hold places, not texts."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.engine.files import whole_directory, whole_file, write_whole
from pipelines.engine.runner import _deal
from pipelines.engine.runs import RunLog, task
from schemas.errors import LossExceeded, TaskFailed


def test_a_block_that_fails_leaves_nothing_behind(tmp_path: Path):
    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), whole_file(tmp_path / "a") as temporary:
        fail(temporary)
    with pytest.raises(ZeroDivisionError), whole_directory(tmp_path / "d") as temporary:
        fail(temporary / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_replaced_at_once(tmp_path: Path):
    write_whole(tmp_path / "a", b"old")
    with whole_file(tmp_path / "a") as temporary:
        temporary.write_bytes(b"new")
        assert (tmp_path / "a").read_bytes() == b"old"
    assert (tmp_path / "a").read_bytes() == b"new"


def test_a_directory_that_another_process_made_meanwhile_stays(tmp_path: Path):
    with whole_directory(tmp_path / "d") as temporary:
        (temporary / "x").write_bytes(b"same")
        (tmp_path / "d").mkdir()
        (tmp_path / "d" / "x").write_bytes(b"same")
    assert [path.name for path in tmp_path.iterdir()] == ["d"]


def test_a_task_that_fails_names_type_and_place_but_not_the_message(tmp_path: Path):
    log = RunLog(tmp_path / "run")
    log.begin()
    with pytest.raises(TaskFailed) as caught, task(log, "Step", "partner/file@0"):
        raise ValueError("김하늘 900101-1234567")
    assert "ValueError" in str(caught.value)
    assert "Step partner/file@0" in str(caught.value)
    assert "김하늘" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert b"900101" not in (tmp_path / "run" / "error.json").read_bytes()
    failure = log.failure()
    assert isinstance(failure, TaskFailed)
    assert str(failure) == str(caught.value)


def test_the_first_error_of_a_run_is_the_one_that_is_told(tmp_path: Path):
    log = RunLog(tmp_path / "run")
    log.begin()
    for number in range(3):
        with pytest.raises(LossExceeded), task(log, "Step", "x"):
            raise LossExceeded(f"error {number}")
    assert isinstance(log.failure(), LossExceeded)
    assert str(log.failure()) == "error 0"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 1000), min_size=1, max_size=40), st.integers(1, 6))
def test_lanes_hold_every_element_once_and_are_balanced(costs: list[int], lanes: int):
    elements = [(float(cost), index) for index, cost in enumerate(costs)]
    hands = dict(_deal((0, elements), lanes))
    assert sorted(value for hand in hands.values() for value in hand) == list(range(len(costs)))
    loads = [sum(costs[value] for value in hand) for hand in hands.values()]
    # Graham 1966: whoever gives the next piece to the least loaded ends within this.
    assert max(loads) <= sum(costs) / lanes + max(costs) * (1 - 1 / lanes) + 1e-9
