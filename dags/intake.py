"""Intake: read each partner's drop against its contract and write its receipt.

Runs every hour and looks at what lies there: a drop admitted before gives the same receipt, so lost,
merged or repeated triggers do no harm.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.sdk import CronTriggerTimetable, dag, task

from dags.settings import DROPS_ADMITTED, PARAMS


@dag(
    dag_id="malmoi_intake",
    schedule=CronTriggerTimetable("0 * * * *", timezone="Asia/Seoul"),
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    tags=["malmoi"],
    doc_md=__doc__,
)
def malmoi_intake() -> None:
    """List the contracts whose partner has a drop, admit each on its own, announce what was admitted."""

    @task
    def list_contracts(params: dict[str, Any] | None = None) -> list[str]:
        from pipelines.intake.contracts import load_contract

        settings = params or {}
        paths = sorted(Path(settings["contracts"]).glob("*.yaml"))
        return [
            str(path) for path in paths if (Path(settings["drops"]) / load_contract(path).partner).is_dir()
        ]

    @task
    def admit_drop(contract: str, params: dict[str, Any] | None = None) -> dict[str, str]:
        from pipelines.intake.admission import admit
        from pipelines.intake.contracts import load_contract

        settings = params or {}
        partner = load_contract(Path(contract)).partner
        content = admit(Path(contract), Path(settings["drops"]) / partner, Path(settings["registry"]))
        return {"partner": partner, "verdict": content["verdict"], "drop": content["drop"]}

    @task(outlets=[DROPS_ADMITTED])
    def announce(receipts: list[dict[str, str]]) -> int:
        return len(list(receipts))

    announce(admit_drop.expand(contract=list_contracts()))


malmoi_intake()
