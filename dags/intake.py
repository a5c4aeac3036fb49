"""Intake: read each partner's drop against its contract and admit it into the registry.

Runs every hour and looks at what lies there: a drop admitted before is counted once, so lost, merged or
repeated triggers do no harm. A drop without drop.json is still being sent, and is left alone.
"""

from __future__ import annotations

from datetime import UTC, datetime
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
        from pipelines.intake.registry import Registry
        from schemas.drop import DROP_JSON

        settings = params or {}
        Registry.open(Path(settings["registry"]), create=True)
        paths = sorted(Path(settings["contracts"]).glob("*.yaml"))
        drops = {str(path): Path(settings["drops"]) / load_contract(path).partner for path in paths}
        return [path for path, drop in drops.items() if (drop / DROP_JSON).is_file()]

    @task
    def admit_drop(contract: str, params: dict[str, Any] | None = None) -> dict[str, str]:
        from pipelines.admit import admit
        from pipelines.intake.contracts import load_contract

        settings = params or {}
        partner = load_contract(Path(contract)).partner
        now = datetime.now(UTC)
        filed = admit(
            Path(contract),
            Path(settings["drops"]) / partner,
            registry=Path(settings["registry"]),
            today=now.date().isoformat(),
            at=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        return {"partner": partner, "verdict": filed.receipt["verdict"], "drop": filed.receipt["drop"]}

    @task(outlets=[DROPS_ADMITTED])
    def announce(receipts: list[dict[str, str]]) -> int:
        return sum(receipt["verdict"] != "refused" for receipt in receipts)

    announce(admit_drop.expand(contract=list_contracts()))


malmoi_intake()
