"""malmoi admit, malmoi quarantine: what happens to a drop, and to the rows that were refused."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands.looks import (
    LOOKS,
    LookKey,
    LookRegistry,
    Looks,
    Why,
    ranges,
    record_look,
    record_look_in,
    registry_of,
)
from pipelines.commands.printing import Json, existing, print_json
from schemas.days import checked_day
from schemas.errors import UsageError

if TYPE_CHECKING:
    from pipelines.admit import Filed

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # of mallopt, from malloc.h
_SHOWN = 20  # faults on the screen; all of them are in the files
ContractFile = Annotated[Path, typer.Argument(help="The partner's contract.")]
Day = Annotated[str | None, typer.Option(metavar="DAY", help="Day (ISO) on which it counts; default: today.")]


def admit(
    contract: ContractFile,
    drop: Annotated[Path, typer.Argument(help="The directory that was handed in.")],
    registry: Annotated[Path, typer.Option(help="Where receipts are kept (malmoi registry init).")],
    today: Day = None,
    key: Annotated[Path | None, typer.Option(help="Directory of the registry's keys.")] = None,
    without_drop_json: Annotated[
        bool, typer.Option("--without-drop-json", help="Take a drop without drop.json, on record.")
    ] = False,
    mends: Annotated[
        str | None,
        typer.Option(metavar="DROP", help="The rows are mended ones of this drop (its first 16 digits)."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Name every rule and what it would read; read no row.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read a drop against its contract: verdict, receipt, quarantine, report for the partner.

    Exits 0 where it is admitted, 1 where it is refused. A drop that was admitted before is counted once.

    Example: malmoi admit data_contracts/krafton.yaml examples/drops/krafton --registry .malmoi/registry
    """
    now = datetime.now(UTC)
    day = now.date().isoformat() if today is None else checked_day(today)
    if dry_run:
        _dry_run(existing(contract), drop, day, as_json=as_json)
        return
    _do_without("pandas", "isoduration", "idna", "webcolors", "cffi", "yaml")
    _keep_one_heap()
    from pipelines.admit import admit as admit_drop

    filed = admit_drop(
        existing(contract),
        drop,
        registry=registry,
        today=day,
        at=f"{day}T{now:%H:%M:%S}Z",
        key=key,
        without_drop_json=without_drop_json,
        mends=mends,
    )
    if as_json:
        files = {"directory": str(filed.directory), "before": filed.before}
        print_json({**filed.receipt, "registry": files})
    else:
        _print(filed)
    if filed.receipt["verdict"] == "refused":
        raise typer.Exit(1)


class _Nowhere(MetaPathFinder):
    """Finds no package of these names, installed or not."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:  # noqa: ARG002
        """Part of the import system's protocol."""
        if fullname in self._names:
            raise ModuleNotFoundError(fullname, name=fullname)


def _do_without(*names: str) -> None:
    """Packages that others take in where they are installed, and that nothing here uses.

    pyarrow asks for pandas at the first list it converts, jsonschema for formats that no schema here has,
    numba for cffi and yaml: together 0.27 s and 35 MB, a quarter of an admission of 100 MB. So do the 40 MB
    that mimalloc keeps and jemalloc gives back.
    """
    sys.meta_path.insert(0, _Nowhere(*names))
    import pyarrow as pa

    if "jemalloc" in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())


def _keep_one_heap() -> None:
    """Let glibc keep freed blocks in one heap (mallopt(3)), not one for each thread, and not give them back.

    The same blocks come and go with each piece of a drop: to fault their pages in anew takes 0.07 s of an
    admission of 100 MB, and the heaps of the threads 10 MB.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        for parameter, value in ((_ARENA_MAX, 1), (_MMAP_THRESHOLD, 4 << 20), (_TRIM_THRESHOLD, 64 << 20)):
            mallopt(parameter, value)


def _dry_run(contract: Path, drop: Path, day: str, *, as_json: bool) -> None:
    from dataclasses import asdict

    from pipelines.admit.dry_run import planned_rules
    from pipelines.intake.contracts import load_contract

    rules = planned_rules(load_contract(contract), drop, today=day)
    if as_json:
        print_json([asdict(rule) for rule in rules])
        return
    for rule in rules:
        typer.echo(f"{rule.where or '(drop)'}: {rule.rule}: reads {rule.reads}")
    typer.echo(f"{len(rules)} rules; no row was read")


def _print(filed: Filed) -> None:
    told = filed.receipt
    rows = sum(file["rows_arrived"] for file in told["files"])
    documents = sum(file["documents"] for file in told["files"])
    typer.echo(
        f"{told['partner']}: {told['verdict']}: {rows:,} rows, {documents:,} admitted, "
        f"{rows - documents:,} refused, {told['faults']['count']:,} faults"
    )
    if filed.before is not None:
        typer.echo(f"  admitted before, on {filed.before}: counted once")
    for finding in told["findings"]:
        where = f" {finding['where']}:" if finding["where"] else ""
        typer.echo(f"  {finding['severity']}: {finding['code']}:{where} {finding['message']}")
    if filed.admission is not None:
        _print_faults(filed.admission.faults.slice(0, _SHOWN).to_pylist(), told["faults"]["count"])
    for name in told["not_delivered"]:
        typer.echo(f"  not delivered: {name}")
    typer.echo(f"{filed.directory}/report.html")


def _print_faults(faults: Sequence[dict[str, Any]], count: int) -> None:
    from pipelines.lineage.admission_report import place

    for fault in faults:
        named = f" {fault['field']}" if fault["field"] else ""
        typer.echo(f"  {place(fault)}{named}: {fault['rule']}: {fault['reason']}")
    if count > len(faults):
        typer.echo(f"  and {count - len(faults):,} more: faults.parquet has all")


def export(
    contract: ContractFile,
    directory: Annotated[Path, typer.Argument(metavar="DIRECTORY", help="Where the drop's receipt lies.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="A new directory for the rows.")],
    looks: Looks = LOOKS,
    registry: LookRegistry = None,
    registry_key: LookKey = None,
    why: Why = None,
    as_json: Json = False,
) -> None:
    """Write refused rows back in their data sets' own shape, to be mended and handed in again.

    Example: malmoi quarantine export krafton.yaml .malmoi/registry/drops/krafton/0123456789abcdef -o mended
    """
    from pipelines.intake.contracts import load_contract
    from pipelines.intake.mending import export as write

    _look(directory, looks, registry or registry_of(directory), registry_key, why)
    counts = write(directory, load_contract(existing(contract)), output)
    if as_json:
        print_json(counts)
        return
    for path, count in counts.items():
        typer.echo(f"{output / path}: {count:,} rows")
    typer.echo(
        "mend them, then: malmoi prepare, or malmoi admit ... "
        f"--without-drop-json --mends {directory.resolve().name}"
    )


def _look(directory: Path, looks: Path, registry: Path | None, key: Path | None, why: str | None) -> None:
    """Refused rows are raw text: who takes them out is written down first, with the rows."""
    from pipelines.intake.quarantine import read_quarantine

    rows: dict[str, list[int]] = {}
    for line in read_quarantine(directory):
        if line["data"] is not None:
            rows.setdefault(line["file"], []).append(line["row"])
    of = "/".join(directory.resolve().parts[-2:])
    record_look_in(
        registry,
        key,
        why=why or "refused rows to be mended",
        command="quarantine export",
        of=of,
        rows=[f"{file}:{ranges(found)}" for file, found in sorted(rows.items())],
    )
    shown = {file: len(found) for file, found in sorted(rows.items())}
    record_look(looks, command="quarantine export", of=of, shown=shown)


def clean(
    registry: Annotated[Path, typer.Argument(metavar="REGISTRY", help="The registry's directory.")],
    on: Annotated[str, typer.Option(metavar="DAY", help="Remove what was kept until a day before this.")],
    as_json: Json = False,
) -> None:
    """Remove refused rows whose days of keeping are over. Receipts and faults, which hold no data, stay.

    Example: malmoi quarantine clean .malmoi/registry --on 2027-01-31
    """
    from pipelines.intake.quarantine import clean as remove

    if not (registry / "registry.json").is_file():
        raise UsageError(f"{registry}: is no registry: name its directory")
    removed = [str(path) for path in remove(registry, on=checked_day(on))]
    if as_json:
        print_json(removed)
        return
    for path in removed:
        typer.echo(f"removed {path}")
    typer.echo(f"{len(removed)} removed")
