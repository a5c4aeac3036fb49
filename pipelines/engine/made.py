"""What a build was made of, and where that lay, beside it: enough to change a few of its documents alone.

BUILD.runs/{origin.json, made.json} lie outside the build, for they name staged files. made.json proves
itself: with what was taken down it gives the manifest's identity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass as checked

from pipelines.engine.files import write_whole
from pipelines.engine.plan import Plan, identity_of
from schemas.errors import UsageError
from schemas.identity import canonical_json, file_sha256
from schemas.manifest import Manifest

MADE_VERSION = 1


@checked(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class MadeSplit:
    """A split of the build and its staged directory."""

    index: int
    partner: str
    data_set: str
    path: str
    first_row: int
    drop: str
    epoch: int
    digest: str

    @property
    def name(self) -> str:
        """As `pipelines.engine.clean.StagedSplit` has it."""
        return split_name(self.partner, self.path, self.first_row, self.drop)


@checked(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class Made:
    """The whole of made.json."""

    version: int
    made_of: str
    taken_down: tuple[str, ...]  # document ids, sorted
    suppressed: tuple[str, ...]
    splits: tuple[MadeSplit, ...]  # by index
    joins: Mapping[str, str]  # what stands between the turns of a data set ("partner/name")
    inputs: Mapping[str, str]  # SHA-256 of the recipe ("") and of the contracts' files


@dataclass(frozen=True)
class Inputs:
    """Where the recipe and its contracts lie."""

    recipe: Path
    contracts: Path

    def digests(self) -> dict[str, str]:
        """SHA-256 by file name; of the recipe by ""."""
        files = {path.name: path for path in self.contracts.iterdir() if path.suffix in {".yaml", ".yml"}}
        return {"": file_sha256(self.recipe)} | {
            name: file_sha256(path) for name, path in sorted(files.items())
        }


@dataclass(frozen=True)
class Origin:
    """Where a build's recipe, drops and staged files lay, for whoever makes its tokens anew."""

    recipe: str
    drops: str | None
    registry: str | None
    staging: str
    without: tuple[str, ...] = ()  # documents taken down that no registry knows of: ids, sorted


def keep_origin(build: Path, origin: Origin) -> None:
    """Put it beside a build."""
    write_whole(_beside(build, "origin.json"), canonical_json(origin) + b"\n")


def origin_of(build: Path) -> Origin | None:
    """Where a build was made from; None where its run log is not beside it."""
    try:
        said = orjson.loads(_beside(build, "origin.json").read_bytes())
        return Origin(**{**said, "without": tuple(said.get("without", ()))})
    except (OSError, ValueError, TypeError):
        return None


def inherited(base: Path | None) -> frozenset[str]:
    """The documents that a base without a registry was taken down of: what goes on from it does without."""
    origin = None if base is None else origin_of(base.resolve())
    return frozenset(origin.without if origin else ())


def known_origin(
    build: Path, *, recipe: Path | None, drops: Path | None, registry: Path | None, staging: Path | None
) -> Origin:
    """Where a build was made from: what is given, then what lies beside it; UsageError where neither says."""
    known = origin_of(build.resolve())
    if known is None:
        if recipe is None or staging is None:
            raise UsageError(
                f"{build.name}.runs does not say where the build was made from: give --recipe and --staging "
                "(and --drops or --registry as when it was built)"
            )
        known = Origin(str(recipe.resolve()), None, None, str(staging.resolve()))
    given = {"recipe": recipe, "drops": drops, "registry": registry, "staging": staging}
    found: dict[str, Any] = {name: str(path.resolve()) for name, path in given.items() if path}
    return replace(known, **found)


def split_name(partner: str, path: str, first_row: int, drop: str) -> str:
    """A split in the run log, and what breaks the last tie between two rows of one document id."""
    return f"{partner}/{path}@{first_row:020d}/{drop}"


def made(plan: Plan, inputs: Inputs) -> Made:
    """What a plan's build is made of."""
    site = plan.site
    return Made(
        version=MADE_VERSION,
        made_of=plan.made_of,
        taken_down=tuple(sorted(site.taken_down)),
        suppressed=site.suppressed.digests,
        splits=tuple(
            MadeSplit(
                index=planned.index,
                partner=planned.split.partner,
                data_set=planned.split.data_set,
                path=planned.split.path,
                first_row=planned.split.first_row,
                drop=planned.drop,
                epoch=planned.epoch,
                digest=planned.digest,
            )
            for planned in plan.splits
        ),
        joins={f"{c.partner}/{d.name}": d.join for c in site.contracts for d in c.data_sets},
        inputs=inputs.digests(),
    )


def write_made(build: Path, what: Made) -> None:
    """Put it beside a build."""
    write_whole(_beside(build, "made.json"), canonical_json(what) + b"\n")


def read_made(build: Path, manifest: Manifest) -> Made | None:
    """What lies beside a build; None where nothing there gives the manifest's identity."""
    try:
        found = TypeAdapter(Made).validate_json(_beside(build, "made.json").read_bytes())
    except (OSError, ValueError):
        return None
    same = identity_of(found.made_of, found.taken_down, found.suppressed) == manifest.identity
    return found if same and found.version == MADE_VERSION else None


def _beside(build: Path, name: str) -> Path:
    return build.with_name(build.name + ".runs") / name
