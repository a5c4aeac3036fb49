"""What the three DAGs share: where things lie (parameters of a run) and what they tell each other."""

from __future__ import annotations

from airflow.sdk import Asset, Param

DROPS_ADMITTED = Asset("malmoi://drops/admitted")
CORPUS_BUILT = Asset("malmoi://corpus/built")

PARAMS = {
    "contracts": Param("data_contracts", type="string", description="Directory of the contracts."),
    "drops": Param("examples/drops", type="string", description="Directory of the partners' drops."),
    "registry": Param(".malmoi/registry", type="string", description="Directory of the receipts."),
    "recipe": Param("recipes/example.yaml", type="string", description="The recipe to carry out."),
    "builds": Param("build/scheduled", type="string", description="Directory the builds are put in."),
    "staging": Param(".malmoi/staging", type="string", description="Staged files, shared by builds."),
}
