"""Audit: verify every build that lies there and follow a token of each shard back to its contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.sdk import dag, task

from dags.settings import CORPUS_BUILT, PARAMS


@dag(
    dag_id="malmoi_audit",
    schedule=[CORPUS_BUILT],
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    tags=["malmoi"],
    doc_md=__doc__,
)
def malmoi_audit() -> None:
    """A build with a finding fails its task; the findings stand in the error."""

    @task
    def list_builds(params: dict[str, Any] | None = None) -> list[str]:
        settings = params or {}
        return sorted(str(path.parent) for path in Path(settings["builds"]).glob("*/manifest.json"))

    @task
    def verify_build(build: str) -> int:
        from pipelines.lineage.trace import trace_row
        from pipelines.lineage.verify import verify
        from schemas.errors import BuildInconsistent
        from schemas.manifest import read_manifest

        findings = verify(Path(build))
        if findings:
            raise BuildInconsistent("\n".join(str(finding) for finding in findings))
        shards = [shard for shard in read_manifest(Path(build)).shards if shard.rows]
        for shard in shards:
            trace_row(Path(build), shard.name, 0)
        return len(shards)

    verify_build.expand(build=list_builds())


malmoi_audit()
