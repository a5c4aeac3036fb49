from __future__ import annotations

from pathlib import Path

from pipelines.engine.runs import RunLog


def test_every_line_is_read_once_and_only_when_it_is_whole(tmp_path: Path):
    log = RunLog(tmp_path)
    log.begin()
    read: dict[Path, int] = {}
    assert log.records(read) == []
    log.record(step="Read", name="a")
    other = tmp_path / "tasks" / "1.jsonl"
    other.write_bytes(b'{"step":"Read","name":"b"}\n{"step":"Re')
    assert sorted(one["name"] for one in log.records(read)) == ["a", "b"]
    assert log.records(read) == []
    with other.open("ab") as file:
        file.write(b'ad","name":"c"}\n')
    log.record(step="Read", name="d")
    assert sorted(one["name"] for one in log.records(read)) == ["c", "d"]
    assert len(log.records({})) == 4
