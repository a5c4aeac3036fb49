"""Build: carry out the recipe when drops were admitted, and every night.

The build's directory is named by its day. The same inputs on the same day are the same build, so a
second run of it does nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, dag, task

from dags.settings import CORPUS_BUILT, DROPS_ADMITTED, PARAMS


@dag(
    dag_id="malmoi_build",
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("0 3 * * *", timezone="Asia/Seoul"), assets=[DROPS_ADMITTED]
    ),
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    tags=["malmoi"],
    doc_md=__doc__,
)
def malmoi_build() -> None:
    """One task: Beam spreads the work."""

    @task(outlets=[CORPUS_BUILT])
    def build_corpus(params: dict[str, Any] | None = None, **context: Any) -> dict[str, Any]:
        from pipelines.build import build

        settings = params or {}
        day = context["dag_run"].run_after.strftime("%Y-%m-%d")
        output = Path(settings["builds"]) / day
        manifest = build(
            Path(settings["recipe"]),
            output,
            drops=Path(settings["drops"]),
            date=day,
            staging=Path(settings["staging"]),
            quiet=True,
        )
        return {"build": str(output), "identity": manifest.identity, "shards": len(manifest.shards)}

    build_corpus()


malmoi_build()
