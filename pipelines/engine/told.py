"""A run told to receivers of OpenLineage while it works, from the run log and in a thread of its own.

RUN/openlineage.ndjson has every event. START, RUNNING (at once and then twice a minute while counts change)
and COMPLETE, FAIL or ABORT of the build and of each stage. A stage is said to be complete when the build is
over, with the time at which its last task ended. A run that was killed is told ABORT by the next one.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from pipelines.engine.lineage_facts import STEPS, Step, build_job, code_facts, source_of, step_job
from pipelines.engine.plan import Plan
from schemas.errors import MalmoiError
from schemas.lineage import Moment
from schemas.manifest import Manifest, read_manifest

if TYPE_CHECKING:
    from pipelines.lineage.receivers import Receivers

EVENTS = "openlineage.ndjson"
_LOOK = 5.0  # seconds between two looks at the run log
_AGAIN = 30.0  # seconds between two RUNNING events
_GRACE = 10.0  # seconds that the end of a build waits for a receiver
_ENDS = {"COMPLETE", "FAIL", "ABORT"}


@contextmanager
def told(plan: Plan, source: Callable[..., Any], sources: Mapping[str, Any]) -> Iterator[None]:
    """Tell of the run while the block works; `source` and `sources` are the code of build and stages.

    Nothing that goes wrong here reaches the build: it is said once, on standard error.
    """
    if os.environ.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true":
        yield
        return
    story = _Story(plan, source_of(source), {name: source_of(thing) for name, thing in sources.items()})
    thread = threading.Thread(target=story.tell, daemon=True, name="lineage")
    thread.start()
    try:
        yield
    except MalmoiError as error:
        story.end("FAIL", _without_places(str(error), plan))
        raise
    except Exception as error:
        story.end("FAIL", type(error).__name__)
        raise
    except BaseException:  # the user stopped it
        story.end("ABORT", "")
        raise
    else:
        story.end("COMPLETE", "")
    finally:
        thread.join(2 * _GRACE)
        if story.problem:
            place = f"{plan.site.log.directory.parent.name}/{plan.site.log.directory.name}/{EVENTS}"
            sys.stderr.write(f"malmoi: warning: lineage events not received: {story.problem}: see {place}\n")


def _without_places(message: str, plan: Plan) -> str:
    """An error's sentence with the names of directories instead of their paths on this machine."""
    site = plan.site
    places = {site.build, site.staging, site.home, *site.directories.values(), Path.home()}
    for place in sorted(places, key=lambda one: -len(str(one))):
        if len(place.parts) > 1:
            message = message.replace(str(place), place.name)
    return message


@dataclass
class _Seen:
    """What the run log says of one stage so far. Times are of the wall clock."""

    began: float = 0.0
    ended: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    told: dict[str, int] | None = None  # the counts of the last event; None before START

    def add(self, record: Mapping[str, Any], shift: float) -> None:
        """Count a finished task. `shift` is what makes the log's clock the wall clock."""
        began = record["begun"] + shift
        self.began = min(self.began or began, began)
        self.ended = max(self.ended, began + record["seconds"])
        facts = {"tasks": 1, "documents": 0, "kept": 0, "bytes": 0, "tokens": 0, "text_bytes": 0}
        for name, default in facts.items():
            value = record.get(name, default)
            if value or name in record:
                self.counts[name] = self.counts.get(name, 0) + int(value)


class _Story:
    """The events of one run."""

    def __init__(self, plan: Plan, source: str, sources: Mapping[str, str]) -> None:
        self.plan, self.problem = plan, ""
        self._source, self._sources = source, sources
        self._namespace = os.environ.get("OPENLINEAGE_NAMESPACE") or "malmoi"
        self._outcome, self._error = "COMPLETE", ""
        self._over = threading.Event()
        self._started = time.time()
        self._shift = self._started - time.monotonic()
        self._stages = {step.name: _Seen() for step in STEPS}
        self._by_task = {task: step.name for step in STEPS for task in step.tasks}
        self._read: dict[Path, int] = {}

    def end(self, outcome: str, error: str) -> None:
        """What came of the run: the thread tells the rest and ends."""
        self._outcome, self._error = outcome, error
        self._over.set()

    def tell(self) -> None:
        """The thread: tell until the run is over; whatever goes wrong is kept in `problem`."""
        try:
            from pipelines.lineage.openlineage import run_id
            from pipelines.lineage.receivers import Receivers

            self._code = code_facts(self.plan)
            self._run = run_id(self._started, run=self.plan.site.log.directory.name)
            receivers = Receivers(self.plan.site.log.directory / EVENTS)
            self._end_abandoned(receivers)
            self._tell_build(receivers, Moment("START", self._started))
            last = 0.0
            while True:
                over = self._over.wait(_LOOK)
                self._look()
                again = time.monotonic() - last > _AGAIN
                self._tell_stages(receivers, again=again)
                if again:
                    self._tell_build(receivers, Moment("RUNNING", time.time(), self._total()))
                    last = time.monotonic()
                if over:
                    break
            self._tell_ends(receivers)
            self.problem = receivers.close(_GRACE)
        except Exception as error:  # a receiver, a full disk, a configuration: never the build's trouble
            self.problem = self.problem or type(error).__name__

    def _look(self) -> None:
        """Read what the run log has got since the last look."""
        for record in self.plan.site.log.records(self._read):
            if name := self._by_task.get(record["step"]):
                self._stages[name].add(record, self._shift)

    def _tell_stages(self, receivers: Receivers, *, again: bool) -> None:
        for step in STEPS:
            seen = self._stages[step.name]
            if not seen.counts:
                continue
            if first := seen.told is None:
                self._tell_step(receivers, step, Moment("START", seen.began))
            if first or (again and seen.counts != seen.told):
                self._tell_step(receivers, step, Moment("RUNNING", max(seen.ended, seen.began), seen.counts))
                seen.told = dict(seen.counts)

    def _tell_ends(self, receivers: Receivers) -> None:
        """The last event of each stage that was seen, then the build's."""
        failed = self.plan.site.log.failed_step() if self._outcome == "FAIL" else None
        failing = self._by_task.get(failed or "", failed)
        for step in STEPS:
            seen = self._stages[step.name]
            if step.name == failing and self._outcome == "FAIL":
                if seen.told is None:
                    self._tell_step(receivers, step, Moment("START", time.time()))
                self._tell_step(receivers, step, Moment("FAIL", time.time(), seen.counts, self._error))
            elif seen.told is not None:
                self._tell_step(
                    receivers, step, Moment(self._stage_end(step, failing), seen.ended, seen.counts)
                )
        manifest = read_manifest(self.plan.site.build) if self._outcome == "COMPLETE" else None
        total = self._total() if manifest is None else _counted(manifest, self._total()["tasks"])
        self._tell_build(receivers, Moment(self._outcome, time.time(), total, self._error), manifest)

    def _stage_end(self, step: Step, failing: str | None) -> str:
        """COMPLETE where all of a stage is known to be done: the build is, or a later stage failed."""
        if self._outcome == "COMPLETE":
            return "COMPLETE"
        names = [one.name for one in STEPS]
        later = failing in names and names.index(step.name) < names.index(failing)
        return "COMPLETE" if later else "ABORT"

    def _total(self) -> dict[str, int]:
        cleaned, written = self._stages["CleanSplits"].counts, self._stages["WriteShards"].counts
        total = {"tasks": sum(seen.counts.get("tasks", 0) for seen in self._stages.values())}
        total |= {name: cleaned[name] for name in ("documents", "bytes") if name in cleaned}
        return total | {name: written[name] for name in ("kept", "tokens") if name in written}

    def _tell_build(self, receivers: Receivers, moment: Moment, manifest: Manifest | None = None) -> None:
        from pipelines.lineage.openlineage import event

        job = build_job(self.plan, self._source, manifest)
        receivers.emit(event(job, moment, run=self._run, namespace=self._namespace, code=self._code))

    def _tell_step(self, receivers: Receivers, step: Step, moment: Moment) -> None:
        from pipelines.lineage.openlineage import event, run_id

        job = step_job(self.plan, step, self._sources.get(step.name, ""), moment.statistics)
        run = run_id(self._started, run=self.plan.site.log.directory.name, stage=step.name)
        parent = (self._run, self.plan.site.recipe.name)
        receivers.emit(event(job, moment, run=run, namespace=self._namespace, code=self._code, parent=parent))

    def _end_abandoned(self, receivers: Receivers) -> None:
        """Tell ABORT of runs of this build that were killed: they began and never ended."""
        from pipelines.lineage.openlineage import ended

        mine = self.plan.site.log.directory
        for path in sorted(mine.parent.glob(f"*/{EVENTS}")):
            if path.parent == mine or _is_alive(path.parent.name):
                continue
            for event in ended("ABORT", _open_runs(path), at=time.time()):
                receivers.emit(event, file=path)


def _open_runs(path: Path) -> list[tuple[str, str, str]]:
    """(run id, namespace, job name) of runs in a file of events that have no end; stages before the build."""
    open_runs: dict[str, tuple[str, str, str]] = {}
    for line in path.read_bytes().split(b"\n")[:-1]:
        event = orjson.loads(line)
        run = event["run"]["runId"]
        if event["eventType"] in _ENDS:
            open_runs.pop(run, None)
        else:
            open_runs.setdefault(run, (run, event["job"]["namespace"], event["job"]["name"]))
    return list(open_runs.values())[::-1]


def _is_alive(run: str) -> bool:
    """Whether the process that a run's directory is named by still works; it is on this machine."""
    try:
        os.kill(int(run.rpartition("-")[2]), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def _counted(manifest: Manifest, tasks: int) -> dict[str, int]:
    sets = manifest.data_sets
    return {
        "tasks": tasks,
        "rows": sum(facts.rows_arrived for facts in sets),
        "quarantined": sum(sum(facts.quarantined.values()) for facts in sets),
        "documents": sum(facts.documents for facts in sets),
        "kept": sum(facts.kept for facts in sets),
        "dropped": sum(sum(facts.dropped.values()) for facts in sets),
        "bytes": sum(facts.bytes for facts in sets),
        "tokens": sum(facts.tokens for facts in sets),
    }
