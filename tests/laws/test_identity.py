"""What shapes a result is in its identity, and nothing else is; a changed output has a changed version."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.admit import admit_drop
from pipelines.build import chain, make_plan, stages
from pipelines.engine.clean import run_stages
from pipelines.engine.drops import DropPlace
from pipelines.engine.plan import SHAPING_TEXT, Plan, Sources, plan_build, versions
from pipelines.intake.readers import read_split
from pipelines.stages.turns import has_turns
from schemas.documents import TURNS_VERSION
from schemas.reasons import Stage

GOLDEN = Path(__file__).parent / "stage_outputs.json"


@pytest.fixture(scope="module")
def plan(example: Path, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    home = tmp_path_factory.mktemp("plan")
    return make_plan(example, home / "out", drops=None, date=None, staging=home / "staging", workers=2)


def planned(plan: Plan, **changes: object) -> Plan:
    site = plan.site
    settings = {
        "admit": admit_drop,
        "date": site.date,
        "build": site.build,
        "home": site.home,
        "staging": site.staging,
        "log": site.log,
        "workers": site.lanes,
        **{name: value for name, value in changes.items() if name != "recipe"},
    }
    recipe = changes.get("recipe", site.recipe)
    places = tuple(DropPlace(drop.partner, drop.directory.parent) for drop in plan.drops)
    sources = Sources(places, site.benchmarks)
    return plan_build(recipe, site.contracts, chain(), sources, **settings)  # type: ignore[arg-type]


def test_workers_places_and_runs_are_no_part_of_the_identity(plan: Plan, tmp_path: Path):
    other = planned(plan, workers=7, build=tmp_path / "b", staging=tmp_path / "s")
    assert other.site.identity == plan.site.identity
    assert [split.digest for split in other.splits] == [split.digest for split in plan.splits]


def test_a_threshold_renames_what_it_shapes_and_a_term_does_not(plan: Plan):
    recipe = plan.site.recipe
    stricter = planned(plan, recipe=replace(recipe, pii=replace(recipe.pii, min_score=0.6)))
    assert not {s.digest for s in stricter.splits} & {s.digest for s in plan.splits}
    later = planned(plan, date="2026-12-01")
    assert later.site.identity != plan.site.identity
    assert [s.digest for s in later.splits] == [s.digest for s in plan.splits]
    tokens = planned(plan, recipe=replace(recipe, tokens=replace(recipe.tokens, shard_mib=2)))
    assert tokens.site.identity != plan.site.identity
    assert [s.digest for s in tokens.splits] == [s.digest for s in plan.splits]


def outputs(plan: Plan) -> dict[str, str]:
    """A digest of everything each stage made of the example drops."""
    digests, turns = {stage: hashlib.sha256() for stage in Stage}, hashlib.sha256()
    chosen = stages(plan.site.recipe, plan.site.benchmarks)
    for one in plan.splits:
        data_set = plan.site.data_set(one.split)
        drop = plan.site.directories[one.split.partner, one.drop]
        for read in read_split(drop, one.split, data_set, max_row_bytes=1 << 26):
            for stage, kept, dropped in run_stages(read.documents, chosen, data_set):
                rows = [{k: v for k, v in row.items() if k != "turns"} for row in kept.to_pylist()]
                content = json.dumps([rows, dropped.to_pylist()], default=bytes.hex)
                digests[stage].update(content.encode())
            if has_turns(kept):
                turns.update(json.dumps(kept["turns"].to_pylist()).encode())
    found = {stage.value: digest.hexdigest() for stage, digest in digests.items() if stage in dict(chosen)}
    return {**found, "turns": turns.hexdigest()}


def test_a_stage_whose_output_changed_has_a_new_version(plan: Plan, request: pytest.FixtureRequest):
    """Rewritten by `pytest tests/laws/test_identity.py --update-golden`, after the version was bumped.

    A stage's output changes with those before it too; what counts is that the first that differs has a new
    version, or that drops or packages differ.
    """
    found = {
        "versions": {stage.value: version for stage, version in plan.site.pipeline.versions.items()}
        | {"turns": TURNS_VERSION},
        "inputs": sorted(file.sha256 for drop in plan.drops for file in drop.files),
        "packages": versions(SHAPING_TEXT),
        "outputs": outputs(plan),
    }
    if request.config.getoption("--update-golden"):
        GOLDEN.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    golden = json.loads(GOLDEN.read_text())
    assert golden["inputs"] == found["inputs"], "the example drops changed: run with --update-golden"
    assert golden["packages"] == found["packages"], "the lock changed: run with --update-golden"
    changed = [name for name in found["outputs"] if golden["outputs"][name] != found["outputs"][name]]
    if changed:
        name = Stage.FIND_PII.value if changed[0] == Stage.REPLACE_PII.value else changed[0]
        assert golden["versions"][name] != found["versions"][name], f"{changed[0]} changed: bump its version"
    assert golden == found, "versions were bumped: run with --update-golden"
