"""Peak memory of all processes of a build, of a build of twice the input, and the time of a build again.

    python benchmarks/memory.py

Every 50 ms the memory of the whole process tree is added up, three ways: RSS (counts a page once for each
process that maps it, mapped files too: an upper bound), PSS (divides shared pages among those that share them:
what the machine really holds) and USS (what only one process has). Writes its section of RESULTS.md.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from results import RESULTS, machine, table, write_section
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
EVERY = 0.05
LIMIT = 2 << 30  # bytes
GROWTH = 1.2  # of the peak, when the input is doubled


@dataclass
class Peak:
    """Largest sums over the process tree, in bytes, and how long it ran."""

    seconds: float = 0.0
    processes: int = 0
    sums: dict[str, int] = field(default_factory=lambda: {"rss": 0, "pss": 0, "uss": 0})


def watch(command: list[str | Path], log: Path) -> Peak:
    """Run a command to its end and sample its tree; ends the benchmark where it fails."""
    peak, begun = Peak(), time.monotonic()
    with log.open("w", encoding="utf-8") as errors:
        process = psutil.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=errors)
        while process.poll() is None:
            sample(process, peak)
            time.sleep(EVERY)
    peak.seconds = time.monotonic() - begun
    if process.returncode:
        raise SystemExit(f"the build ended with {process.returncode}:\n{log.read_text()[-2000:]}")
    return peak


def sample(process: psutil.Process, peak: Peak) -> None:
    """Raise the peak to what the tree holds now; a process that ends meanwhile counts nothing."""
    sums = dict.fromkeys(peak.sums, 0)
    try:
        tree = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for one in tree:
        try:
            memory = one.memory_full_info()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        for name in sums:
            sums[name] += getattr(memory, name)
    peak.processes = max(peak.processes, len(tree))
    peak.sums = {name: max(sums[name], peak.sums[name]) for name in sums}


def without_limits(recipe: Path, home: Path) -> Path:
    """The recipe without limits on losses: pages whose words are shuffled have fewer sentences that end."""
    yaml = YAML(typ="safe")
    content = yaml.load(recipe.read_text(encoding="utf-8"))
    contracts = home / "contracts"
    contracts.mkdir()
    for path in sorted((recipe.resolve().parent / content["contracts"]).glob("*.yaml")):
        _wide_contract(path, contracts / path.name)
    content |= {"contracts": str(contracts)}
    content |= {"max_loss": {}, "max_quarantined": 1.0, "exceptions": []}
    path = home / recipe.name
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(content, file)
    return path


def _wide_contract(source: Path, target: Path) -> None:
    """A contract that takes twice the rows, and keys with an ending; approved with the examples' key."""
    yaml = YAML()
    document = yaml.load(source.read_text(encoding="utf-8"))
    levels = [level for level in document["slaProperties"] if not level["property"].startswith("malmoi.")]
    document["slaProperties"] = levels
    for data_set in document["schema"]:
        data_set.pop(
            "quality", None
        )  # one of its rules is on the length of texts, and short ones get a number
        for column in data_set["properties"]:
            if column.get("primaryKey"):
                column.get("logicalTypeOptions", {}).pop("pattern", None)
                if not column.get("logicalTypeOptions", True):
                    del column["logicalTypeOptions"]
    with target.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)
    words = ["--by", "benchmark", "--on", "2026-11-24", "--key", ROOT / "examples" / "keys" / "approver.pem"]
    malmoi = Path(sys.executable).with_name("malmoi")
    subprocess.run([malmoi, "contract", "approve", target, *words], check=True, stdout=subprocess.DEVNULL)


def command_of(given: argparse.Namespace, recipe: Path, drops: Path, home: Path) -> list[str | Path]:
    """The build's command line."""
    return [
        Path(sys.executable).with_name("malmoi"),
        *("build", recipe, "--drops", drops, "-o", home / "build"),
        *("--staging", home / "staging", "--workers", str(given.workers)),
    ]


def measure(given: argparse.Namespace, home: Path) -> str:
    """Once, again, twice the input."""
    from doubled_drops import write_doubled

    from pipelines.intake.contracts import load_contracts
    from pipelines.intake.recipes import load_recipe

    recipe = load_recipe(given.recipe)
    wanted = [
        contract
        for contract in load_contracts(given.recipe.resolve().parent / recipe.contracts)
        if contract.partner in recipe.partners
    ]
    write_doubled(given.drops, wanted, home / "doubled")
    (home / "once").mkdir()
    (home / "twice").mkdir()
    load = os.getloadavg()[0]
    once = watch(command_of(given, given.recipe, given.drops, home / "once"), home / "once.log")
    runs = set((home / "once" / "build.runs").iterdir())
    again = watch(command_of(given, given.recipe, given.drops, home / "once"), home / "again.log")
    if set((home / "once" / "build.runs").iterdir()) != runs:
        raise SystemExit("a finished build was carried out again: it should have been left as it is")
    twice = watch(
        command_of(given, without_limits(given.recipe, home), home / "doubled", home / "twice"),
        home / "twice.log",
    )
    names = {"rss": "RSS sum", "pss": "PSS sum", "uss": "USS sum"}
    rows = [
        [
            label,
            f"{once.sums[name] / 2**20:,.0f}",
            f"{twice.sums[name] / 2**20:,.0f}",
            f"{twice.sums[name] / once.sums[name]:.2f}",
        ]
        for name, label in names.items()
    ]
    within = max(once.sums["pss"], twice.sums["pss"]) < LIMIT
    grows = twice.sums["pss"] / once.sums["pss"] <= GROWTH
    return f"""
## Memory, and a build again

`python benchmarks/memory.py --workers {given.workers}` over `recipes/{given.recipe.name}`, on {machine()}; load
average before {load:.1f}. Every process of the command's tree (up to {once.processes}), every 50 ms; peaks in MiB.

{table(["", "the drops", "twice the drops", "ratio"], rows)}

RSS counts a shared or mapped page once for each process and so is an upper bound; PSS divides it among those who
share it: that is what the machine holds, and what the limits are about. Under 2 GiB:
{"yes" if within else "**no**"}; within 20 % of itself with twice the input: {"yes" if grows else "**no**"}. The
second half of the doubled input is a copy with other keys and the words of each line in another order
(`doubled_drops.py`), so it is no duplicate of the first.

The builds took {once.seconds:.1f} s and {twice.seconds:.1f} s with the sampling; the same command on the
finished build {again.seconds:.1f} s, and did nothing again.
"""


def main() -> None:
    """Measure in a directory that is removed at the end."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "consortium.yaml")
    parser.add_argument("--drops", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="malmoi-memory-") as home:
        write_section(given.results, "memory", measure(given, Path(home)))


if __name__ == "__main__":
    main()
