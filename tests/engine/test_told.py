"""A run told to OpenLineage: valid events, to a real receiver, and never at the build's cost."""

from __future__ import annotations

import copy
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipelines.build import build as carry_out
from pipelines.build import make_plan
from pipelines.engine import told as telling
from pipelines.engine.plan import Plan
from pipelines.engine.told import EVENTS, told
from schemas.errors import LossExceeded, TaskFailed
from schemas.manifest import read_manifest
from tests.laws import tiny
from tests.lineage.openlineage_schema import faults

STAGES = ("CleanSplits", "SelectDocuments", "FindCandidates", "Tokenise", "WriteShards", "PublishManifest")


class Receiver(ThreadingHTTPServer):
    """An OpenLineage server that takes valid events alone."""

    daemon_threads = True

    def __init__(self, delay: float = 0.0) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.delay, self.events, self.refused = delay, [], []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(self.server.delay)
        event = json.loads(content)
        found = faults(event) if self.path == "/api/v1/lineage" else [self.path]
        self.server.refused.extend(found)
        self.server.events.append(event)
        self.send_response(400 if found else 201)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def receiving(delay: float = 0.0) -> Iterator[Receiver]:
    server = Receiver(delay)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OPENLINEAGE")]:
        monkeypatch.delenv(name)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    rows = [{"id": str(n), "text": tiny.text(n), "lang": "ko"} for n in range(30)]
    rows.append({"id": "copy", "text": tiny.text(3), "lang": "ko"})
    partner = tiny.Partner(rows=rows, columns={"lang": ("language", "string")})
    return tiny.write_home(tmp_path, [partner])


def plan_of(recipe: Path, name: str = "out") -> Plan:
    home = recipe.parent
    (home / name).mkdir(exist_ok=True)
    return make_plan(
        recipe, home / name, drops=home / "drops", date=None, staging=home / "staging", workers=1
    )


def events_in(directory: Path) -> list[dict]:
    return [
        json.loads(line) for path in directory.glob(f"*/{EVENTS}") for line in path.read_text().splitlines()
    ]


def kinds(events: list[dict], name: str) -> list[str]:
    return [event["eventType"] for event in events if event["job"]["name"] == name]


def test_a_build_is_told_whole_and_valid_to_file_and_receiver(recipe, tmp_path, monkeypatch):
    with receiving() as server:
        monkeypatch.setenv("OPENLINEAGE_URL", server.url)
        manifest = tiny.build(tmp_path, recipe).manifest
    assert server.refused == []
    events = events_in(tmp_path / "out.runs")
    assert [e["eventType"] for e in events] == [e["eventType"] for e in server.events]
    assert [fault for event in events for fault in faults(event)] == []
    assert kinds(events, "tiny") == ["START", "RUNNING", "COMPLETE"]
    for stage in STAGES:
        assert kinds(events, f"tiny.{stage}") == ["START", "RUNNING", "COMPLETE"]
    runs = {event["job"]["name"]: event["run"]["runId"] for event in events}
    assert len(set(runs.values())) == len(runs)
    for event in events:
        if event["job"]["name"] != "tiny":
            assert event["run"]["facets"]["parent"]["run"]["runId"] == runs["tiny"]
    last = events[-1]
    (drop,) = last["inputs"]
    assert drop["name"] == "drop/alpha/posts"
    assert drop["facets"]["version"]["datasetVersion"] == manifest.drops[0].digest
    assert drop["inputFacets"]["inputStatistics"]["rowCount"] == 31
    assert drop["facets"]["malmoi_rights"]["licence"] == "CC-BY-4.0"
    assert drop["facets"]["malmoi_rights"]["expires"] == "2028-12-31"
    assert [field["name"] for field in drop["facets"]["schema"]["fields"]] == ["id", "text", "lang"]
    shards, ledger = last["outputs"]
    statistics = shards["outputFacets"]["outputStatistics"]
    assert statistics["rowCount"] == sum(shard.rows for shard in manifest.shards) == 30
    assert statistics["size"] == sum(shard.bytes for shard in manifest.shards)
    assert ledger["outputFacets"]["outputStatistics"]["rowCount"] == 31
    lineage = shards["facets"]["columnLineage"]["fields"]
    origins = {name: [one["field"] for one in found["inputFields"]] for name, found in lineage.items()}
    assert origins == {"doc_id": ["id"], "input_ids": ["text"], "language": ["text", "lang"]}
    counted = last["run"]["facets"]["malmoi_statistics"]
    assert (counted["documents"], counted["kept"], counted["dropped"]) == (31, 30, 1)
    assert counted["tokens"] == sum(shard.tokens for shard in manifest.shards)
    assert "CleanSplits" in last["job"]["facets"]["sourceCode"]["sourceCode"]


def test_events_hold_no_text_and_no_path_of_the_machine(recipe, tmp_path):
    tiny.build(tmp_path, recipe)
    (path,) = (tmp_path / "out.runs").glob(f"*/{EVENTS}")
    content = path.read_text()
    assert str(tmp_path) not in content
    assert str(Path.home()) not in content
    assert socket.gethostname() not in content
    assert "도서관" not in content
    assert "mailto:" not in content


def test_a_failed_task_is_told_with_its_sentence(recipe, tmp_path):
    plan = plan_of(recipe)
    log = plan.site.log
    log.begin()
    log.record(step="CleanSplits", name="a", begun=time.monotonic(), seconds=0.5, documents=5, kept=4)
    message = f"alpha: too much was lost in {plan.site.staging}/splits: mend the recipe"
    log.fail(TaskFailed(message), "Tokenise")
    with pytest.raises(LossExceeded), told(plan, carry_out, {}):
        raise LossExceeded(message)
    events = events_in(tmp_path / "out.runs")
    assert [fault for event in events for fault in faults(event)] == []
    assert kinds(events, "tiny.CleanSplits") == ["START", "RUNNING", "COMPLETE"]
    assert kinds(events, "tiny.Tokenise") == ["START", "FAIL"]
    assert kinds(events, "tiny")[-1] == "FAIL"
    said = events[-1]["run"]["facets"]["errorMessage"]["message"]
    assert said == "alpha: too much was lost in staging/splits: mend the recipe"


def test_an_error_that_is_not_ours_is_told_by_its_type_alone(recipe, tmp_path):
    plan = plan_of(recipe)
    plan.site.log.begin()
    with pytest.raises(ValueError, match="secret"), told(plan, carry_out, {}):
        raise ValueError("secret text")
    assert "secret" not in next((tmp_path / "out.runs").glob(f"*/{EVENTS}")).read_text()
    assert events_in(tmp_path / "out.runs")[-1]["run"]["facets"]["errorMessage"]["message"] == "ValueError"


def test_a_killed_run_is_ended_by_the_next_one(recipe, tmp_path, monkeypatch):
    script = (
        "import os, sys, time; from pathlib import Path; from tests.engine.test_told import plan_of\n"
        "from pipelines.build import build; from pipelines.engine.told import EVENTS, told\n"
        "if __name__ == '__main__':\n"
        " plan = plan_of(Path(sys.argv[1])); plan.site.log.begin()\n"
        " with told(plan, build, {}):\n"
        "  while not (plan.site.log.directory / EVENTS).is_file(): time.sleep(0.05)\n"
        "  os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, recipe], capture_output=True, timeout=120, check=False
    )
    assert done.returncode == -9
    (path,) = (tmp_path / "out.runs").glob(f"*/{EVENTS}")
    (killed,) = events_in(tmp_path / "out.runs")
    assert killed["eventType"] == "START"
    with receiving() as server:
        monkeypatch.setenv("OPENLINEAGE_URL", server.url)
        for _ in range(2):  # the second has nothing to end any more
            plan = plan_of(recipe)
            plan.site.log.begin()
            with pytest.raises(LossExceeded), told(plan, carry_out, {}):
                raise LossExceeded("no")
    assert server.refused == []
    told_now = [event for event in server.events if event["run"]["runId"] == killed["run"]["runId"]]
    assert [event["eventType"] for event in told_now] == ["ABORT"]
    assert [json.loads(line)["eventType"] for line in path.read_text().splitlines()] == ["START", "ABORT"]


@pytest.mark.parametrize("trouble", ["closed", "silent", "refuses", "nonsense"])
def test_a_receiver_in_trouble_stops_nothing_and_is_said_once(trouble, recipe, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(telling, "_GRACE", 0.5)
    with receiving(delay=30 if trouble == "silent" else 0) as server:
        address = "http://127.0.0.1:9" if trouble == "closed" else server.url
        monkeypatch.setenv("OPENLINEAGE_URL", address)
        if trouble == "refuses":
            monkeypatch.setenv("OPENLINEAGE_ENDPOINT", "elsewhere")
        if trouble == "nonsense":
            monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "carrier pigeon")
        plan = plan_of(recipe)
        plan.site.log.begin()
        begun = time.monotonic()
        with pytest.raises(LossExceeded), told(plan, carry_out, {}):
            raise LossExceeded("no")
        assert time.monotonic() - begun < 5
    said = capsys.readouterr().err
    assert said.count("malmoi: warning: lineage events not received") == 1
    assert str(tmp_path) not in said
    assert kinds(events_in(tmp_path / "out.runs"), "tiny") == ["START", "RUNNING", "FAIL"]


def test_disabled_is_disabled(recipe, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
    built = tiny.build(tmp_path, recipe)
    assert read_manifest(built.directory).shards
    assert not list((tmp_path / "out.runs").glob(f"*/{EVENTS}"))


def test_no_command_but_a_build_pays_for_it():
    code = (
        "import sys\n"
        "import pipelines.commands.app, pipelines.admit\n"
        "print([name for name in sys.modules if name.split('.')[0] == 'openlineage'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=120, check=True)
    assert done.stdout.strip() == b"[]"


def test_the_receiver_refuses_what_is_not_of_the_specification(recipe, tmp_path):
    tiny.build(tmp_path, recipe)
    event = events_in(tmp_path / "out.runs")[-1]
    assert faults(event) == []
    damages = [
        lambda e: e.pop("eventTime"),
        lambda e: e.update(eventType="STARTED"),
        lambda e: e["run"].update(runId="1"),
        lambda e: e["run"]["facets"]["malmoi_statistics"].update(kept=-1),
        lambda e: e["run"]["facets"]["malmoi_code"].update(host="here"),
        lambda e: e["inputs"][0]["facets"]["malmoi_rights"].pop("licence"),
        lambda e: e["outputs"][0]["facets"]["columnLineage"].pop("fields"),
        lambda e: e["outputs"][0]["outputFacets"]["outputStatistics"].update(rowCount="30"),
        lambda e: e["job"]["facets"].update(version=e["outputs"][0]["facets"]["version"]),
    ]
    for damage in damages:
        damaged = copy.deepcopy(event)
        damage(damaged)
        assert faults(damaged)
