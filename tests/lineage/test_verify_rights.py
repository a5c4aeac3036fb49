"""Rights of a build: on its date, and on a later day."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.lineage.verify import verify
from schemas.manifest import Manifest
from schemas.rights import OptOut, Retention
from tests.lineage.small_build import publish

Built = tuple[Path, Manifest]


def said(build: Path) -> str:
    return "\n".join(str(finding) for finding in verify(build))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"purposes": ("distillation",)}, "does not allow pretraining"),
        ({"expires": "2026-11-23"}, "not on 2026-11-24"),
        ({"starts": "2026-11-25"}, "not on 2026-11-24"),
        ({"partner": "someone"}, "stands under no contract"),
        ({"model_release": "closed"}, "does not allow models trained on it to be released"),
        ({"territory": ("JP",)}, "does not cover KR"),
        ({"ai_use": ()}, "cawg.ai_generative_training is not allowed"),
        ({"legal_basis": None}, "legal basis"),
        ({"source": ()}, "where the data comes from"),
        ({"licence": ""}, "names no licence"),
        ({"retention": None}, "how long data may be held"),
        ({"unique_identifiers": ()}, "whether KR_DRIVER_LICENSE, KR_FRN"),
    ],
)
def test_documents_without_the_rights_are_found(built: Built, change, words):
    build, manifest = built
    first = manifest.contracts[0]
    if "partner" in change:
        changed = replace(first, **change)
    else:
        changed = replace(first, rights=replace(first.rights, **change))
    publish(build, replace(manifest, contracts=(changed, *manifest.contracts[1:])))
    assert words in said(build)
    assert "kept, and its contract does not allow the use" in said(build)


def test_tokens_seen_more_often_than_the_contract_allows_are_found(built: Built):
    build, manifest = built
    publish(build, replace(manifest, recipe={**manifest.recipe, "upsampling": {"a_dot": 5}}))
    assert "seen 5 times, the contract allows 4" in said(build)
    stage = {"name": "x", "sequence_length": 8, "mixture": [{"times": 2.5}]}
    stages = [stage, {**stage, "name": "y"}]
    publish(build, replace(manifest, recipe={**manifest.recipe, "curriculum": stages}))
    assert "seen 5 times, the contract allows 4" in said(build)
    publish(build, replace(manifest, recipe={**manifest.recipe, "curriculum": [{"name": 3}]}))
    assert "curriculum cannot be read" in said(build)


def test_documents_of_a_drop_that_the_manifest_does_not_name_are_found(built: Built):
    build, manifest = built
    publish(build, replace(manifest, drops=manifest.drops[1:]))
    assert "of a drop that the manifest does not name" in said(build)


@pytest.mark.parametrize(
    ("day", "retention", "check"),
    [
        ("2027-12-31", Retention(10), None),
        ("2028-01-01", Retention(10), "expired"),
        ("2028-01-10", Retention(10), "expired"),
        ("2028-01-11", Retention(10), "held too long"),
        ("2028-01-01", Retention(0), "held too long"),
        ("2099-01-01", Retention(None), "expired"),
        ("2025-12-31", Retention(10), "not yet"),
    ],
)
def test_what_has_ended_by_a_later_day_is_found(built: Built, day: str, retention: Retention, check):
    build, manifest = built
    contracts = [replace(c, rights=replace(c.rights, retention=retention)) for c in manifest.contracts]
    publish(build, replace(manifest, contracts=tuple(contracts)))
    assert verify(build) == ()
    assert {finding.check for finding in verify(build, on=day)} == ({check} if check else set())


def test_a_host_that_opted_out_after_the_build_is_told(built: Built):
    build, manifest = built
    outs = (OptOut("old.example", "2026-11-24"), OptOut("new.example", "2026-12-01"))
    first = manifest.contracts[0]
    changed = replace(first, rights=replace(first.rights, opt_outs=outs))
    publish(build, replace(manifest, contracts=(changed, *manifest.contracts[1:])))
    assert verify(build, on="2026-11-30") == ()
    (finding,) = verify(build, on="2026-12-01")
    assert (finding.check, finding.where) == ("opted out", "a_dot")
    assert "new.example" in finding.message
