"""The run log: what has a clock, a process or a host in it, outside the build (BUILD.runs/<run>/).

tasks/<pid>.jsonl    one line a finished piece of work: {task, name, pid, seconds, documents, bytes, ...}
error.json           the first error of a task, in words that hold no text
openlineage.ndjson   events for receivers of OpenLineage (`pipelines.engine.told`)
run.json             the command's settings, start, end, outcome
"""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from schemas import errors
from schemas.errors import ContractRejected, MalmoiError, TaskFailed


def beside(build: Path) -> Path:
    """Where what has a clock in it lies: BUILD.runs."""
    return build.with_name(build.name + ".runs")


@dataclass(frozen=True)
class RunLog:
    """Where one run writes; any number of processes may use it at once."""

    directory: Path

    @classmethod
    def beside(cls, build: Path) -> RunLog:
        """A run's place beside its build, named by time and process; `begin` makes it."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        return cls(beside(build) / f"{stamp}-{os.getpid()}")

    def begin(self) -> None:
        """Make the directory; until then the run has left no trace."""
        (self.directory / "tasks").mkdir(parents=True)

    def record(self, **facts: Any) -> None:
        """Append a line to this process's own file."""
        with (self.directory / "tasks" / f"{os.getpid()}.jsonl").open("ab") as file:
            file.write(orjson.dumps({**facts, "pid": os.getpid()}) + b"\n")

    def records(self, read: dict[Path, int]) -> list[dict[str, Any]]:
        """The lines of all processes since the last look, which left in `read` how far each file was read.

        A line that is being written is left for the next look.
        """
        found: list[dict[str, Any]] = []
        for path in sorted((self.directory / "tasks").glob("*.jsonl")):
            with path.open("rb") as file:
                file.seek(read.get(path, 0))
                *lines, _ = file.read().split(b"\n")
            read[path] = read.get(path, 0) + sum(len(line) + 1 for line in lines)
            found += map(orjson.loads, lines)
        return found

    def fail(self, error: MalmoiError, step: str = "") -> None:
        """Keep the first error of the run, and in which step it was, for the process that started it."""
        problems = [astuple(problem) for problem in getattr(error, "problems", ())]
        facts = {"type": type(error).__name__, "message": str(error), "problems": problems, "step": step}
        try:
            with (self.directory / "error.json").open("xb") as file:
                file.write(orjson.dumps(facts))
        except FileExistsError:
            return

    def failed_step(self) -> str | None:
        """The step whose task failed first; None where none did."""
        try:
            step = orjson.loads((self.directory / "error.json").read_bytes())["step"]
        except (FileNotFoundError, orjson.JSONDecodeError):
            return None
        return str(step) or None

    def failure(self) -> MalmoiError | None:
        """The error that a task left, as it was raised; None where there is none."""
        try:
            facts = orjson.loads((self.directory / "error.json").read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            return None
        if facts["type"] == ContractRejected.__name__:
            return ContractRejected(tuple(errors.Problem(*problem) for problem in facts["problems"]))
        kind: type[MalmoiError] = getattr(errors, facts["type"], TaskFailed)
        return kind(facts["message"])


@dataclass
class Progress:
    """What a task adds to its record while it works."""

    facts: dict[str, Any] = field(default_factory=dict)


@contextmanager
def task(log: RunLog, step: str, name: str) -> Iterator[Progress]:
    """Run one task: record it when it is done; turn any error into one without document text.

    Beam logs and re-raises what escapes a DoFn together with the element, so nothing but ids may escape.
    """
    progress = Progress()
    begun = time.monotonic()
    try:
        yield progress
    except MalmoiError as error:
        log.fail(error, step)
        raise
    except Exception as error:
        failure = TaskFailed(f"{step} {name}: {_where(error)}: run again to resume; nothing was published")
        log.fail(failure, step)
        raise failure from None
    ended = time.monotonic()
    log.record(step=step, name=name, begun=round(begun, 4), seconds=round(ended - begun, 4), **progress.facts)


def _where(error: BaseException) -> str:
    """The error's type and the innermost line of our own code; never its message."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if f"{os.sep}pipelines{os.sep}" in f.filename] or frames
    place = f" at {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    number = f" (errno {error.errno})" if isinstance(error, OSError) else ""
    return f"{type(error).__name__}{number}{place}"
