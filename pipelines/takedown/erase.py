"""--erase: an inventory of every place where a document's text lies, and what was destroyed of it.

Ours to destroy are staged texts and tokens (they are made again of the drop), refused rows of the quarantine,
and shards of this and earlier builds. A drop is the partner's delivery, whole under its digest: it is named.
What left the house is out of reach, and is named too.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pyarrow.compute as pc

from pipelines.engine.files import write_whole
from pipelines.intake.quarantine import QUARANTINE_FILE
from pipelines.lineage.ledger import read_ledger
from pipelines.takedown.house import House
from pipelines.takedown.staged_places import rows_by_split
from schemas.contract import Role
from schemas.errors import MalmoiError
from schemas.identity import file_sha256
from schemas.manifest import DropFacts, read_manifest
from schemas.registry import BuildReleased, drop_directory
from schemas.takedown import Place, State, TakedownRequest


def erase(
    house: House, request: TakedownRequest, documents: pl.DataFrame, child: Path, also: Sequence[Path]
) -> tuple[Place, ...]:
    """Destroy what is ours to destroy of some documents (ledger rows), once the new build is there.

    Every place is told, whatever became of it; paths are relative to the directory of the new build.
    """
    if not len(documents):
        return ()
    home = child.resolve().parent
    return tuple(
        Place(kind, _relative(path, home), state, why, sha256)
        for kind, path, state, why, sha256 in (
            *_drops(documents),
            *_staging(house, documents),
            *_quarantine(house, request, documents),
            *_builds(house, documents, child, also),
            *_elsewhere(house),
        )
    )


_Told = tuple[str, Path | str, State, str, str | None]


def _relative(path: Path | str, home: Path) -> str:
    return path if isinstance(path, str) else os.path.relpath(path, home)


def _drops(documents: pl.DataFrame) -> Iterator[_Told]:
    """The files as they were handed in."""
    for partner, file in documents.select("partner", "file").unique().sort("partner", "file").iter_rows():
        why = (
            "the partner's delivery, whole under its digest: the partner sends it anew without the rows and "
            "takes this one back (malmoi registry withdraw)"
        )
        yield "drop", f"{partner}/{file}", State.KEPT, why, None


def _staging(house: House, documents: pl.DataFrame) -> Iterator[_Told]:
    """Clean texts and tokens of the splits that hold a document; what deduplication keeps are hashes."""
    staging = Path(house.origin.staging)
    if house.made is None:
        why = "what was staged for the build is not known (BUILD.runs is gone): remove the staging directory"
        yield "staging", staging, State.OUTSIDE, why, None
        return
    for split, _ in rows_by_split(house.made.splits, documents):
        why = "texts of the split; a build that reads the drop stages them again, and leaves these out"
        directory = staging / "splits" / split.digest
        if directory.exists():
            _destroy(directory)
        yield "staging", directory, State.ERASED, why, None
        for tokens in sorted(staging.glob(f"tokens/*/?????-{split.digest[:16]}.arrow")):
            tokens.unlink()
            yield "staging", tokens, State.ERASED, "tokens of the split", None


def _quarantine(house: House, request: TakedownRequest, documents: pl.DataFrame) -> Iterator[_Told]:
    """Refused rows of the same keys and persons; documents themselves were not refused."""
    if house.registry is None:
        return
    partners = set(documents["partner"].to_list())
    partners |= {rows.partner for rows in request.rows} | {one.partner for one in request.subjects}
    files = [
        (drop.partner, file)
        for drop in house.manifest.drops
        if drop.partner in partners
        for file in _quarantines(house.registry.directory, drop)
    ]
    for partner, file in files:
        goes = _goes(house, request, partner)
        lines = file.read_bytes().splitlines(keepends=True)
        left = [line for line in lines if not goes(orjson.loads(line))]
        if len(left) == len(lines):
            why = "holds no row of the keys or persons that are named; it goes by its own day"
            yield "quarantine", file, State.KEPT, why, None
        elif left:
            write_whole(file, b"".join(left))
            why = f"{len(lines) - len(left)} refused rows"
            yield "quarantine", file, State.ERASED, why, file_sha256(file)
        else:
            file.unlink()
            yield "quarantine", file, State.ERASED, f"all of its {len(lines)} refused rows", None


def _quarantines(registry: Path, drop: DropFacts) -> list[Path]:
    """A drop's refused rows: of its admission, and of each time it was judged anew by a changed contract."""
    first = drop_directory(registry, partner=drop.partner, drop=drop.digest)
    anew = first.parent.glob(f"{first.name}-*/{QUARANTINE_FILE}")
    return [file for file in (first / QUARANTINE_FILE, *sorted(anew)) if file.is_file()]


def _goes(house: House, request: TakedownRequest, partner: str) -> Callable[[dict[str, Any]], bool]:
    """Whether a refused row is one that the request names by its key or a person."""
    contract = house.contracts.get(partner)
    persons = {key for one in request.subjects if one.partner == partner for key in one.keys}
    keys = {rows.data_set: set(rows.parts) for rows in request.rows if rows.partner == partner}
    sets = {d.name: d for d in contract.data_sets} if contract else {}
    key_columns = {name: [c.name for c in sets[name].of_role(Role.KEY)] for name in keys if name in sets}
    subjects = {column.name for d in sets.values() for column in d.of_role(Role.SUBJECT)}

    def goes(line: dict[str, Any]) -> bool:
        data = line.get("data") or {}
        if request.contract == partner:
            return True
        if any(str(data.get(name)) in persons for name in subjects if name in data):
            return True
        return any(
            tuple(str(data.get(column)) for column in columns) in keys[name]
            for name, columns in key_columns.items()
        )

    return goes


def _builds(house: House, documents: pl.DataFrame, child: Path, also: Iterable[Path]) -> Iterator[_Told]:
    """Shards of the parent and of earlier builds that hold a document: they are removed, the rest stays."""
    ids = documents["doc_id"].unique().to_list()
    for build in dict.fromkeys(path.resolve() for path in (house.build, *also)):
        if build == child.resolve():
            continue
        try:
            manifest = read_manifest(build)
            where = pc.field("kept") & pc.field("doc_id").isin(ids)
            rows = read_ledger(build, ["shard"], where, manifest=manifest)
        except MalmoiError as error:
            yield "build", build, State.OUTSIDE, f"cannot be read: {error}", None
            continue
        names = set(rows["shard"].to_pylist())
        for shard in manifest.shards:
            if shard.name not in names:
                continue
            path = build / shard.path
            path.unlink(missing_ok=True)
            path.with_suffix(".idx").unlink(missing_ok=True)
            why = f"{build.name} is no whole build any more: {child.name} takes its place"
            yield "build", path, State.ERASED, why, None
        yield "index", build / "index", State.KEPT, "ids and numbers of documents; no text", None


def _elsewhere(house: House) -> Iterator[_Told]:
    """What the house cannot reach."""
    released = []
    if house.registry is not None:
        released = [e.body for e in house.registry.events() if isinstance(e.body, BuildReleased)]
        why = "keyed digests in the log, ids beside its key: by them later builds leave the documents out"
        yield "registry", house.registry.directory, State.KEPT, why, None
    if any(one.identity == house.manifest.identity for one in released):
        yield (
            "outside",
            "released copies",
            State.OUTSIDE,
            "the build left the house: whoever has it is to be told, with this certificate",
            None,
        )
    why = "exports, backups, other staging directories and trained models are not known here"
    yield "outside", "copies", State.OUTSIDE, why, None
    yield (
        "outside",
        "the request",
        State.OUTSIDE,
        "its file may hold the text: whoever keeps it destroys it",
        None,
    )


def _destroy(directory: Path) -> None:
    """Gone under its name at once, then file by file: a killed run leaves no half directory in use."""
    grave = directory.with_name(f".{directory.name}.erased-{os.getpid()}")
    directory.rename(grave)
    shutil.rmtree(grave)
