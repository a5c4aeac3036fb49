"""Which engine turns text into ids fastest, and whether it gives the reference engine's ids.

    python benchmarks/tokenizer_speed.py [--data ../shared/data] [--megabytes 24] [--rounds 3]

Every engine runs in a process of its own, pinned to one core, in a throw-away environment, over the same texts
with the vocabulary tekken_240911. Text is new to it in the first pass, which is the one that counts: a corpus
is read once, and caches flatter repeats. Writes the section "tokenizers" of RESULTS.md.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))
sys.path[:] = [
    entry for entry in sys.path if Path(entry or ".").resolve() != HERE
]  # this file's name is a package's

from benchmarks.results import RESULTS, machine, table, write_section  # noqa: E402

RIVALS = (
    "tiktoken==0.14.0",
    "tokenizers==0.23.3",
    "fastokens==0.3.5",
    "gigatoken==0.10.0",
    "kitoken==0.11.1",
)
NEEDED = ("mistral-common", "numpy", "orjson")
ENGINES = ("tiktoken", "tokenizers", "fastokens", "gigatoken", "kitoken")
OURS = "ours, Arrow in, Arrow out"


def main() -> None:
    """Measure every engine and write the section."""
    options = _options()
    texts = _texts(options.data)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        corpora = {"all": texts, "some": _some(texts, options.megabytes)}
        for name, chosen in corpora.items():
            (place / f"{name}.json").write_text(json.dumps(chosen), encoding="utf-8")
        python = _environment()
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in (*ENGINES, OURS)}
        for _ in range(options.rounds):
            for name, done in runs.items():
                interpreter = sys.executable if name == OURS else python
                done.append(_run(interpreter, "speed", name, place / "some.json"))
        exact = {name: _run(python, "exact", name, place / "all.json", place / "ids.npy") for name in ENGINES}
        long = {name: _run(python, "long", name) for name in ("tiktoken", "fastokens")}
    write_section(RESULTS, "tokenizers", _report(options, texts, corpora["some"], runs, exact, long))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--megabytes", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def _texts(data: Path) -> list[str]:
    from tests.tokens.handed_texts import handed_texts

    return list(dict.fromkeys(text for some in handed_texts(data) for text in some))


def _some(texts: list[str], megabytes: int) -> list[str]:
    shuffled = random.Random(7).sample(texts, len(texts))
    chosen, size = [], 0
    for text in shuffled:
        if size >= megabytes * 1_000_000:
            break
        chosen.append(text)
        size += len(text.encode())
    return chosen


def _environment() -> str:
    """A throw-away environment with all rivals in it."""
    place = Path(tempfile.gettempdir()) / "malmoi-bench-tokenizers"
    python, uv = place / "bin" / "python", str(Path(sys.executable).with_name("uv"))
    if not (place / ".made").is_file():
        shutil.rmtree(place, ignore_errors=True)
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(place)], check=True)
        packages = [*RIVALS, *NEEDED]
        subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), *packages], check=True)
        (place / ".made").touch()
    return str(python)


def _run(python: str, work: str, *given: object) -> dict[str, Any]:
    """One piece of work of tokenizer_engine.py, on one core."""
    command = ["taskset", "-c", "0", python, str(HERE / "tokenizer_engine.py"), work, *map(str, given)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"{given[0]} ended with {done.returncode} at {work}: {done.stderr[-2000:]}")
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(work, given[0], said, flush=True)
    return said


def _report(
    options: argparse.Namespace,
    texts: list[str],
    some: list[str],
    runs: dict[str, list[dict[str, Any]]],
    exact: dict[str, dict[str, Any]],
    long: dict[str, dict[str, Any]],
) -> str:
    def median(name: str, key: str) -> float:
        return statistics.median(run[key] for run in runs[name])

    size, every = sum(len(t.encode()) for t in some) / 1e6, sum(len(t.encode()) for t in texts) / 1e6
    rows = [
        [
            name,
            runs[name][0]["version"],
            f"{size / median(name, 'first'):.1f}",
            f"{size / median(name, 'second'):.1f}",
            f"{median(name, 'load'):.2f}",
            f"{median(name, 'memory'):.0f}",
            f"{exact[name]['differ']:,}" if name in exact else "",
        ]
        for name in runs
    ]
    head = [
        "engine",
        "version",
        "MB/s, text it never saw",
        "MB/s, again",
        "load, s",
        "peak MiB",
        "texts that differ",
    ]
    kinds = sorted(long["fastokens"])
    runs_of = [
        [kind, *(_seconds(long[name].get(kind)) for name in ("fastokens", "tiktoken"))] for kind in kinds
    ]
    ratio = median("tiktoken", "first") / median("fastokens", "first")
    giga = median("fastokens", "first") / median("gigatoken", "first")
    share = median("fastokens", "first") / median(OURS, "first")
    return f"""## Tokenizer engines

`python benchmarks/tokenizer_speed.py --megabytes {options.megabytes} --rounds {options.rounds}`, vocabulary tekken_240911, on
{machine()}. {len(some):,} handed texts that differ ({size:.1f} MB) in batches of a mebibyte, each engine in a process
of its own on one core; seconds of processor time, medians of {options.rounds} rounds in turn. Exactness: ids of all
{len(texts):,} handed texts ({every:.1f} MB) against tiktoken's.

{table(head, rows)}

fastokens is chosen: {ratio:.1f} times tiktoken on text it never saw, no text differs, its ids come as one buffer, and it takes any
pattern. gigatoken ({giga:.2f} of its speed here) refuses a tokenizer.json whose pattern it has no code for, which any table's may
be, and needs awkward and fsspec; a process that encodes little loses to tiktoken by the time fastokens takes to load.
The last row is `Tokenizer.encode` around it (Arrow strings in, Arrow lists with the ends of documents out): {share:.2f} of
the bare engine's speed.

A document of a million characters without a break, seconds of processor time (each is given 20 s):

{table(["run", "fastokens", "tiktoken"], runs_of)}
"""


def _seconds(value: float | str | None) -> str:
    return "" if value is None else value if isinstance(value, str) else f"{value:.2f}"


if __name__ == "__main__":
    main()
