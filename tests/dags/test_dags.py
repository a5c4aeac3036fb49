"""The DAGs parse, hold what they should, and run on a migrated SQLite by the real Airflow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PARSE = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(dag_folder=sys.argv[1])
tasks = {name: sorted(dag.task_ids) for name, dag in bag.dags.items()}
print("RESULT" + json.dumps([tasks, sorted(map(str, bag.import_errors))]))
"""
RUN = """
import json, sys
from dags import {module}
run = {module}.{dag}().test(run_conf=json.loads(sys.argv[1]))
print("RESULT" + json.dumps([run.state] + sorted(t.state for t in run.get_task_instances())))
"""


@pytest.fixture(scope="module")
def airflow(repository: Path, tmp_path_factory: pytest.TempPathFactory):
    """Runs a script with an Airflow home of its own, its database migrated."""
    pytest.importorskip("airflow", reason="Airflow is an extra: make test-all installs it")
    home = tmp_path_factory.mktemp("airflow")
    env = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(repository / "dags"),
        "PYTHONPATH": str(repository),
    }

    def run(*words: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, *words], env=env, cwd=repository, capture_output=True, timeout=500, check=False
        )

    migrated = run("-m", "airflow", "db", "migrate")
    assert migrated.returncode == 0, migrated.stderr.decode()[-2000:]
    return run


def result(done: subprocess.CompletedProcess) -> list:
    lines = [line for line in done.stdout.decode().splitlines() if line.startswith("RESULT")]
    assert lines, done.stdout.decode()[-2000:] + done.stderr.decode()[-2000:]
    return json.loads(lines[-1].removeprefix("RESULT"))


def test_the_dags_parse_and_hold_their_tasks(airflow, repository: Path):
    tasks, errors = result(airflow("-c", PARSE, str(repository / "dags")))
    assert errors == []
    assert tasks == {
        "malmoi_intake": ["admit_drop", "announce", "list_contracts"],
        "malmoi_build": ["build_corpus"],
        "malmoi_audit": ["list_builds", "verify_build"],
    }


def test_intake_build_and_audit_run_in_turn(airflow, tmp_path: Path):
    places = {name: str(tmp_path / name) for name in ("registry", "builds", "staging")}
    for module in ("intake", "build", "audit"):
        script = RUN.format(module=module, dag=f"malmoi_{module}")
        states = result(airflow("-c", script, json.dumps(places)))
        assert set(states) == {"success"}, (module, states)
    assert len(list((tmp_path / "registry" / "drops").glob("*/*/receipt.json"))) == 6
    assert len(list((tmp_path / "builds").glob("*/manifest.json"))) == 1
