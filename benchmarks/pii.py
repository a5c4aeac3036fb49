"""Personal data: recall, precision, silence and speed, ours and the rivals in one run.

    python benchmarks/pii.py                     everything; writes its section of RESULTS.md
    python benchmarks/pii.py --print-only        the same, printed alone
    python benchmarks/pii.py --engines ours --misses    what ours missed or reported without reason

Scored on our cases (tests/stages/pii/cases) and on the handed labelled texts, each in the part that may be
tuned on and the part that may not (held out; test half). `--misses` lists the first alone: id, class,
offsets. No text and no value is ever printed. ko-pii and maskingtape are installed by name, at fixed
versions, into environments under the system's temporary directory; where that fails, the run says so and
goes on without them. Speed is MB of UTF-8 by CPU second of one core.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT)]  # the cases are the tests'

import pyarrow.parquet as pq  # noqa: E402
from pii_scoring import Found, Labelled, Mistake, Scores, rows, score  # noqa: E402
from pii_split import DEVELOPMENT, FILES, TEST, half, judged, read_mapping, truth_of, truths  # noqa: E402
from results import RESULTS, machine, table, write_section  # noqa: E402

from tests.stages.pii.cases import FRESH, LABELS, MORE, NEUTRAL, SECOND, Case, all_cases  # noqa: E402

RIVALS = {"ko-pii": "ko-pii==1.22.15", "maskingtape": "maskingtape==0.4.0"}  # engines of other environments
SCORED = ("ours", "presidio", "presidio+ko", "datatrove", "ko-pii", "maskingtape")
TIMED = (*SCORED[:1], "ours without persons", *SCORED[1:3], "presidio, our classes", *SCORED[3:])
SETS = (
    *("cases, development", "cases, held out", "cases, fresh (held out)", "second (held out)"),
    *("handed, development half", "handed, test half"),
)
OPEN = {"cases, development", "handed, development half"}  # whose mistakes may be listed
CLEAN_MB = 10.0  # half reviews, half manuals
SLOW_SECONDS = 8.0  # CPU seconds that an engine gets on each corpus
ITEM_EVERY = 5  # documents
LONG_MB, LONG_SECONDS = 64, 60.0  # ours goes on to texts of more than 50 MB


def cases() -> dict[str, list[Labelled]]:
    """Our cases, by set."""
    found: dict[str, list[Labelled]] = {name: [] for name in SETS[:4]}
    for case in all_cases():
        marked = tuple(
            truth_of(case.text, span.start, span.end, None if span.label == NEUTRAL else span.label)
            for span in case.spans
        )
        family = case.family.removeprefix(FRESH).removeprefix(SECOND).removeprefix(MORE)
        group = family if family.startswith(("persons_", "phones_")) else "elsewhere"
        found[_set_of(case)].append(Labelled(case.id, case.text, group, marked, LABELS))
    return found


def _set_of(case: Case) -> str:
    """Development halves together; what is held out by when it was written."""
    if not case.held_out:
        return SETS[0]
    return SETS[2 if case.family.startswith(FRESH) else 3 if case.family.startswith(SECOND) else 1]


def handed(directory: Path) -> dict[str, list[Labelled]]:
    """The handed labelled texts, by half."""
    with (directory / "mapping.csv").open(encoding="utf-8") as lines:
        mapping = read_mapping(lines)
    found: dict[str, list[Labelled]] = {name: [] for name in SETS[4:]}
    for file in FILES:
        told = judged(file, mapping)
        with (directory / f"{file}.jsonl").open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                name = SETS[4:][{DEVELOPMENT: 0, TEST: 1}[half(file, row)]]
                found[name].append(
                    Labelled(row["id"], row["text"], group_of(file, row), truths(file, row, mapping), told)
                )
    return found


def group_of(file: str, row: dict[str, Any]) -> str:
    """Persons are scored apart: dialogue, other Korean documents, news, English."""
    if file == "ko_pii_generated":
        return "dialogue" if "대화" in row["domain"] or "메신저" in row["domain"] else "documents"
    return {"klue_ner": "news", "presidio": "English"}[file]


def clean_texts(drops: Path) -> dict[str, list[str]]:
    """Reviews and manuals of the handed drops, half of CLEAN_MB each."""
    with gzip.open(drops / "krafton" / "reviews_1.csv.gz") as raw:
        reader = csv.DictReader(io.TextIOWrapper(raw, encoding="utf-8-sig", newline=""))
        reviews = list(_first_bytes((row["content"] for row in reader), CLEAN_MB / 2))
    manuals = pq.read_table(drops / "fortytwodot" / "manuals_1.parquet", columns=["body_md"])["body_md"]
    manuals_2 = pq.read_table(drops / "fortytwodot" / "manuals_2.parquet", columns=["body_md"])["body_md"]
    documents = [*manuals.to_pylist(), *manuals_2.to_pylist()]
    return {"reviews": reviews, "documents": list(_first_bytes(iter(documents), CLEAN_MB / 2))}


def _first_bytes(texts: Iterator[str | None], megabytes: float) -> Iterator[str]:
    left = megabytes * 1e6
    for text in texts:
        if left <= 0:
            return
        if text:
            left -= len(text.encode())
            yield text


def shuffled_together(texts: dict[str, list[str]]) -> list[str]:
    """Reviews between the documents, evenly, so that a slow engine's beginning is like the whole."""
    placed = [
        (place / len(group), name, text) for name, group in texts.items() for place, text in enumerate(group)
    ]
    return [text for _, _, text in sorted(placed, key=lambda one: one[:2])]


def with_items(texts: Sequence[str], items: Sequence[str]) -> list[str]:
    """Every ITEM_EVERY-th text with one of the items on a line of its own in its middle."""
    mixed = []
    for place, text in enumerate(texts):
        if place % ITEM_EVERY == 0:
            item = items[place // ITEM_EVERY % len(items)]
            middle = text.find("\n", len(text) // 2)
            middle = len(text) if middle < 0 else middle
            text = f"{text[:middle]}\n{item}\n{text[middle:]}"  # noqa: PLW2901
        mixed.append(text)
    return mixed


class Engines:
    """Runs engines as processes; those that are not to be had are left out, with a message."""

    def __init__(self, wanted: Sequence[str], home: Path) -> None:
        self.home = home
        self.python = {name: sys.executable for name in wanted if name not in RIVALS}
        self.versions: dict[str, str] = {}
        for name, requirement in RIVALS.items():
            if name in wanted and (python := self._environment(name, requirement)):
                self.python[name] = python

    def _environment(self, name: str, requirement: str) -> str | None:
        """A throw-away environment with one rival in it."""
        place = Path(tempfile.gettempdir()) / f"malmoi-bench-{requirement.replace('==', '-')}"
        python = place / "bin" / "python"
        uv = str(Path(sys.executable).with_name("uv"))
        try:
            if not (place / ".made").is_file():
                shutil.rmtree(place, ignore_errors=True)
                for command in (
                    [uv, "venv", "--quiet", "--python", sys.executable, str(place)],
                    [uv, "pip", "install", "--quiet", "--no-deps", "--python", str(python), requirement],
                ):
                    subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
                (place / ".made").touch()
        except (OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", None) or str(error)
            print(f"{name} is left out: {requirement} does not install ({said.strip().splitlines()[-1]})")
            return None
        return str(python)

    def run(self, work: str, name: str, *given: object) -> dict[str, Any]:
        """One piece of work of pii_engine.py."""
        command = [self.python[name], str(HERE / "pii_engine.py"), work, name, *map(str, given)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        if done.returncode:
            raise SystemExit(f"{name} ended with {done.returncode} at {work}: {done.stderr[-2000:]}")
        said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        self.versions[name] = said["version"]
        return said

    def findings(self, name: str, texts: Sequence[str]) -> list[list[Found]]:
        """What an engine finds in each text."""
        source, target = self.home / "texts.jsonl", self.home / "findings.jsonl"
        write_texts(source, texts)
        self.run("find", name, source, target)
        with target.open(encoding="utf-8") as lines:
            return [[Found(*span) for span in json.loads(line)] for line in lines]


def write_texts(path: Path, texts: Sequence[str]) -> None:
    """A JSON string a line."""
    with path.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(text) + "\n" for text in texts)


def accuracy(engines: Engines, sets: dict[str, list[Labelled]], mistakes: list[Mistake]) -> Iterator[str]:
    """The tables of recall and precision, and the shares of clean texts hit."""
    names = [name for name in SCORED if name in engines.python]
    for title, texts in sets.items():
        scores: dict[str, Scores] = {}
        for name in names:
            listed = mistakes if name == "ours" and title in OPEN else None
            scores[name] = score(texts, engines.findings(name, [text.text for text in texts]), listed)
        head = ["class", "spans", *names]
        exact, overlap = rows(scores, exact=True), rows(scores, exact=False)
        yield f"### {title[0].upper()}{title[1:]}: {len(texts):,} texts\n"
        yield "Recall / precision, exact span.\n\n" + table(head, exact) + "\n"
        if others := [line for line, same in zip(overlap, exact, strict=True) if line != same]:
            yield "By any overlap, where that differs.\n\n" + table(head, others) + "\n"
        hit = [f"{scores[name].clean_hit / max(1, scores[name].clean):.2%}" for name in names]
        clean = max(one.clean for one in scores.values())
        yield table(["texts without any label", "texts", *names], [["share hit", f"{clean:,}", *hit]]) + "\n"


def silence(engines: Engines, texts: dict[str, list[str]], most: int = 2_000) -> Iterator[str]:
    """Shares of real, mostly clean texts in which something is found, by corpus, and ours by class."""
    names = [name for name in SCORED if name in engines.python]
    lines, notes = [], []
    for corpus, every in texts.items():
        sample = every[:: max(1, len(every) // most)][:most]
        cells = []
        for name in names:
            found = [{f.entity for f in spans} & LABELS for spans in engines.findings(name, sample)]
            cells.append(f"{sum(map(bool, found)) / len(found):.2%}")
            if name == "ours":
                counts = {label: sum(label in one for one in found) for label in sorted(LABELS)}
                said = ", ".join(f"{label} {count}" for label, count in counts.items() if count)
                notes.append(f"Ours in {corpus}, texts by class: {said or 'none'}.")
        lines.append([corpus, f"{len(sample):,}", *cells])
    yield "### Real texts that are hit at all\n"
    yield table(["texts of the handed drops", "texts", *names], lines) + "\n"
    yield "\n".join(notes) + " The manuals hold addresses of servers and of people: not every hit is wrong.\n"


def speed(engines: Engines, texts: dict[str, list[str]], items: Sequence[str]) -> Iterator[str]:
    """MB/s on clean texts and with items in them."""
    names = [name for name in TIMED if name in engines.python]
    together = shuffled_together(texts)
    corpora = {**texts, "both": together, "both, an item in every fifth": with_items(together, items)}
    lines = []
    for corpus, every in corpora.items():
        source = engines.home / "texts.jsonl"
        write_texts(source, every)
        done = {name: engines.run("speed", name, source, SLOW_SECONDS) for name in names}
        rate = {name: one["mb"] / max(one["seconds"], 1e-9) for name, one in done.items()}
        size = sum(len(text.encode()) for text in every) / 1e6
        lines.append([f"{corpus} ({size:.1f} MB)", *(f"{rate[name]:.2f}" for name in names)])
    yield f"### MB/s, one core (an engine that takes longer than {SLOW_SECONDS:.0f} s is measured on the beginning)\n"
    yield table(["texts", *names], lines) + "\n"


def linearity(engines: Engines, most: float) -> Iterator[str]:
    """Seconds and peak memory on one text of nothing but telephone numbers."""
    names = [name for name in ("ours without persons", *SCORED) if name in engines.python]
    runs = {
        name: engines.run(
            "linear", name, *((LONG_MB, LONG_SECONDS) if name.startswith("ours") else (most, SLOW_SECONDS))
        )["runs"]
        for name in names
    }
    sizes = sorted({size for done in runs.values() for size, _, _ in done})
    cell = {
        name: {size: f"{spent:.2f} s, {mib:,.0f}" for size, spent, mib in done} for name, done in runs.items()
    }
    yield f"### One text of nothing but telephone numbers: CPU seconds, MiB of the process (rivals until {SLOW_SECONDS:.0f} s)\n"
    yield table(
        ["MB", *names], [[f"{size:g}", *(cell[name].get(size, "") for name in names)] for size in sizes]
    )


def main() -> None:
    """Measures, prints, writes."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--drops", type=Path, default=ROOT.parent / "shared" / "data")
    asked.add_argument("--engines", nargs="+", default=list(TIMED), choices=TIMED, metavar="ENGINE")
    asked.add_argument("--only", nargs="+", choices=("accuracy", "silence", "speed", "linearity"))
    asked.add_argument("--linear-mb", type=float, default=8, help="longest text of nothing but numbers")
    asked.add_argument("--print-only", action="store_true", help="leave RESULTS.md as it is")
    asked.add_argument("--misses", action="store_true", help="list what ours got wrong in the open sets")
    given = asked.parse_args()
    parts = given.only or ("accuracy", "silence", "speed", "linearity")
    if not given.drops.is_dir():
        raise SystemExit(f"no drops at {given.drops}: name the handed ones with --drops")
    mistakes: list[Mistake] = []
    with tempfile.TemporaryDirectory() as home:
        engines = Engines(given.engines, Path(home))
        own = cases()
        items = [text.text for text in own[SETS[0]] if not text.clean and "\n" not in text.text]
        said: list[str] = []
        if "accuracy" in parts:
            said += accuracy(engines, {**own, **handed(given.drops / "pii")}, mistakes)
        texts = clean_texts(given.drops) if {"silence", "speed"} & set(parts) else {}
        if "silence" in parts:
            said += silence(engines, texts)
        if "speed" in parts:
            said += speed(engines, texts, items)
        if "linearity" in parts:
            said += linearity(engines, given.linear_mb)
        versions = ", ".join(f"{name} {version}" for name, version in engines.versions.items())
    report = "\n".join(("## Personal data\n", f"On {machine()}. {versions}.\n", *said))
    print(report)
    if given.misses:
        print("\n".join("\t".join(map(str, mistake)) for mistake in mistakes))
    if not (given.print_only or given.only or given.misses):
        write_section(RESULTS, "personal data", report)


if __name__ == "__main__":
    main()
