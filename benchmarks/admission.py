"""Admission beside `pyarrow.json` reading the same file, and beside `datacontract test`.

    python benchmarks/admission.py --rounds 5

The first part runs in one process, in turn: pyarrow.json with all its threads, and our row checks with digest,
types, limits and key index. The second part times whole processes, ours a real admission into a fresh registry;
datacontract-cli is installed into a throw-away environment under --cache. Writes its section of RESULTS.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.json
from admission_input import ROWS, write_contract, write_rows
from results import RESULTS, machine, table, write_section

from pipelines.intake.checks import check_file
from pipelines.intake.checks.keys import KeyIndex
from pipelines.intake.contracts import load_contract
from pipelines.intake.drops import DropFile

RIVAL = "datacontract-cli[duckdb]==1.2.8"
TODAY = "2026-11-24"
MALMOI = Path(sys.executable).with_name("malmoi")
LIMIT = 64 << 20  # bytes of a row


@dataclass(frozen=True)
class Process:
    """One whole process: wall seconds, peak of its resident memory in bytes, what it printed."""

    seconds: float
    processor: float  # seconds, of all cores
    memory: int
    output: str


def run(command: Sequence[object], folder: Path, allowed: tuple[int, ...]) -> Process:
    """Run a command to its end; ends the benchmark where it fails."""
    printed = folder / "printed.txt"
    begun = time.monotonic()
    with printed.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [str(word) for word in command], stdout=file, stderr=subprocess.DEVNULL, cwd=folder
        )
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in allowed:
        raise SystemExit(f"{command[0]} ended with {process.returncode}: {printed.read_text()[-500:]}")
    return Process(
        seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10, printed.read_text(encoding="utf-8")
    )


def read_arrow(path: Path) -> float:
    """Seconds of pyarrow.json with all its threads; the bad rows are of the types it infers."""
    begun = time.perf_counter()
    pyarrow.json.read_json(path)
    return time.perf_counter() - begun


def check_rows(contract: Path, path: Path) -> tuple[float, int]:
    """Seconds of the row checks with digest and key index, and the faults they tell."""
    wanted = load_contract(contract).data_set("posts")
    begun = time.perf_counter()
    keys = KeyIndex(wanted, partner="gaon", secret=bytes(32))
    faults = 0
    for batch in check_file(path.parent, DropFile("posts", path.name), wanted, max_row_bytes=LIMIT):
        faults += len(batch.with_faults(keys.add(batch)).faults)
    return time.perf_counter() - begun, faults


def against_arrow(contract: Path, files: dict[str, Path], rounds: int) -> str:
    """The first table."""
    rows = []
    for name, path in files.items():
        arrow, ours, told = [], [], 0
        check_rows(contract, path)  # loads the kernels
        for _ in range(rounds):
            arrow.append(read_arrow(path))
            seconds, told = check_rows(contract, path)
            ours.append(seconds)
        ratio = statistics.median(a / b for a, b in zip(arrow, ours, strict=True))
        speed = path.stat().st_size / 1e6 / statistics.median(ours)
        rows.append(
            [
                name,
                f"{statistics.median(arrow):.2f}",
                f"{statistics.median(ours):.2f}",
                f"{speed:.0f}",
                f"{ratio:.2f}",
                f"{told:,}",
            ]
        )
    return table(["rows", "pyarrow.json, s", "row checks, s", "MB/s", "ratio", "faults told"], rows)


def rival(cache: Path) -> Path:
    """datacontract-cli in an environment of its own, made once."""
    home = cache / "datacontract"
    command = home / "bin" / "datacontract"
    if not command.exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        subprocess.run([home / "bin" / "pip", "install", "--quiet", RIVAL], check=True)
        subprocess.run([home / "bin" / "python", "-m", "compileall", "-q", home / "lib"], check=False)
    return command


def admit(contract: Path, drop: Path, cache: Path) -> tuple[Process, int]:
    """One admission into a fresh registry, and the faults it tells."""
    for old in (cache / "registry", cache / "registry.key"):
        shutil.rmtree(old, ignore_errors=True) if old.is_dir() else old.unlink(missing_ok=True)
    subprocess.run([MALMOI, "registry", "init", cache / "registry"], check=True, stdout=subprocess.DEVNULL)
    command = [MALMOI, "admit", contract, drop, "--registry", cache / "registry", "--today", TODAY]
    done = run([*command, "--without-drop-json", "--json"], cache, (0,))
    return done, int(json.loads(done.output)["faults"]["count"])


def test(command: Path, contract: Path, cache: Path) -> tuple[Process, int]:
    """One `datacontract test`, and the bad rows it names."""
    result = cache / "result.json"
    done = run([command, "test", contract, "--output", result, "--output-format", "json"], cache, (0, 1))
    checks = json.loads(result.read_text(encoding="utf-8"))["checks"]
    named = sum(1 for check in checks if check.get("result") == "failed" and "#" in str(check.get("reason")))
    return done, named


def against_rival(contract: Path, files: dict[str, Path], cache: Path, rounds: int) -> str:
    """The second table."""
    command = rival(cache)
    # Ours compiled to bytecode as theirs is.
    subprocess.run(["make", "-s", ".venv/.bytecode"], cwd=Path(__file__).parents[1], check=True)
    rows = []
    for name, path in files.items():
        theirs_contract = cache / f"{path.stem}-rival.yaml"
        write_contract(theirs_contract, rows=path)
        ours: list[tuple[Process, int]] = []
        theirs: list[tuple[Process, int]] = []
        admit(contract, path.parent, cache)  # kernels are compiled by it
        for _ in range(rounds):
            ours.append(admit(contract, path.parent, cache))
            theirs.append(test(command, theirs_contract, cache))
        for who, runs in (("Malmoi", ours), ("datacontract-cli", theirs)):
            seconds = statistics.median(done.seconds for done, _ in runs)
            processor = statistics.median(done.processor for done, _ in runs)
            memory = max(done.memory for done, _ in runs) >> 20
            told = f"{runs[-1][1]:,}"
            rows.append([f"{name}: {who}", f"{seconds:.2f}", f"{processor:.2f}", f"{memory}", told])
        ratio = statistics.median(
            other.seconds / own.seconds for (own, _), (other, _) in zip(ours, theirs, strict=True)
        )
        rows.append([f"{name}: ratio", f"{ratio:.2f}", "", "", ""])
    return table(["rows", "s", "processor s", "peak MiB", "faults told by row"], rows)


def prepared(cache: Path) -> tuple[Path, dict[str, Path]]:
    """The approved contract, and the file of each drop."""
    files = {}
    for name in ("clean", "10 % bad"):
        folder = cache / f"drop-{name.split()[0]}"
        folder.mkdir(parents=True, exist_ok=True)
        files[name] = folder / "posts.jsonl"
        write_rows(files[name], bad=name != "clean")
    contract, key = cache / "gaon.yaml", cache / "approver.pem"
    write_contract(contract)
    key.unlink(missing_ok=True)
    subprocess.run([MALMOI, "key", "create", key], check=True, stdout=subprocess.DEVNULL)
    approve = [MALMOI, "contract", "approve", contract, "--by", "Kim Seon-u, legal", "--key", key]
    subprocess.run([*approve, "--on", "2026-11-01"], check=True, stdout=subprocess.DEVNULL)
    return contract, files


def main() -> None:
    parser = argparse.ArgumentParser(description="Admission beside pyarrow.json and datacontract-cli.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cache", type=Path, default=Path("/tmp/malmoi-admission"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    load = os.getloadavg()[0]
    contract, files = prepared(given.cache)
    # First, while this process is small: a child's peak counts what it was forked from.
    beside = against_rival(contract, files, given.cache, given.rounds)
    print(beside)
    arrow = against_arrow(contract, files, given.rounds)
    print(arrow)
    size = files["clean"].stat().st_size / 1e6
    text = f"""
## Admission

`python benchmarks/admission.py --rounds {given.rounds}`, on {machine()}; load average before {load:.1f}.
{ROWS:,} rows, {size:.0f} MB of JSON lines, clean and with 10 % bad rows that have 30,000 faults. Medians of
{given.rounds} rounds in turn; the ratio is the median of the rounds' ratios.

In one process: `pyarrow.json.read_json` with all its threads, and the row checks with SHA-256,
UTF-8 validity, types, limits and the index of keys.

{arrow}

Whole processes: `malmoi admit` into a fresh registry (that is with personal data classes, language sample,
receipt, quarantine file and report page) and `datacontract test`.

{beside}

datacontract-cli stops naming rows after 500; it names them by their key, ours by line and byte.
"""
    write_section(given.results, "admission", text)


if __name__ == "__main__":
    main()
