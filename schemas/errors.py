"""Every error Malmoi raises, named by its consequence; each message ends in the remedy.

    MalmoiError
    ├── UsageError            wrong use: nothing was read (exit 2)
    ├── ContractRejected      stop before reading a byte; all problems at once (exit 1)
    ├── InputUnreadable       a file that cannot be read at all (exit 2)
    ├── LossExceeded          a law of loudness was broken: nothing is published (exit 1)
    ├── BuildInconsistent     what is on disk contradicts itself: nothing is published (exit 1)
    └── TaskFailed            a task of the pipeline died; names the task, never its text (exit 2)

No message ever holds document text or personal data: ids, offsets, lengths and field names only.
"""

from __future__ import annotations

from dataclasses import dataclass


class MalmoiError(Exception):
    """An error whose message can be shown to a user as it is."""

    exit_code = 2


class UsageError(MalmoiError):
    """The command or the recipe asks for something that cannot be done."""


@dataclass(frozen=True, order=True)
class Problem:
    """One fault in a YAML document: where (file:line:column, path) and what, with the remedy."""

    file: str
    line: int  # from 1
    column: int  # from 1, in code points
    path: str
    message: str
    rule: str = ""  # of a contract: its id in pipelines.intake.house_rules
    severity: str = "error"  # error or warning

    def __str__(self) -> str:
        mark = "warning: " if self.severity == "warning" else ""
        name = f" [{self.rule}]" if self.rule else ""
        return f"{self.file}:{self.line}:{self.column}: {self.path}: {mark}{self.message}{name}"


class ContractRejected(MalmoiError):
    """A contract or recipe has faults; `problems` holds all of them."""

    exit_code = 1

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[ContractRejected], tuple[tuple[Problem, ...]]]:
        return ContractRejected, (self.problems,)


class InputUnreadable(MalmoiError):
    """A file that was to be read is missing, outside its drop, or not of its format at all."""


class LossExceeded(MalmoiError):
    """A stage dropped more than the recipe allows, or matched nothing where it must."""

    exit_code = 1


class BuildInconsistent(MalmoiError):
    """Counts, digests or files of a build contradict each other."""

    exit_code = 1


class TaskFailed(MalmoiError):
    """A task of the pipeline failed. Carries the task's name and the error's type and place."""
