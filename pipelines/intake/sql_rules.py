"""Rules in SQL: run by DuckDB in a child process with walls around it (`pipelines.intake.sql_sandbox`)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

_SANDBOX = Path(__file__).with_name("sql_sandbox.py")
_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
_GRACE = 10  # seconds for the child to start, and behind its own timer, before it is killed
_WORDS = {
    "not_one_select": "is not one SELECT statement",
    "too_long": "ran too long",
    "too_much_memory": "needs too much memory",
    "not_one_value": "does not give one row of one column",
    "not_a_number": "gives a text where a number is compared",
    "died": "ended the process it ran in",
    "placeholder": "uses a placeholder that is not ${table} or ${column}",
    "duckdb": "is refused by DuckDB",
}


@dataclass(frozen=True)
class SqlLimits:
    """What a rule may use. DuckDB counts its own memory; the sandbox adds room for the interpreter."""

    seconds: float = 60.0
    memory_mib: int = 512
    threads: int = 2


@dataclass(frozen=True)
class SqlAnswer:
    """What a query gave: a number, a bool or null, or (of a text) whether it is the expected one."""

    value: float | int | bool | None = None
    equal: bool | None = None
    problem: str = ""  # why there is none, in words


@dataclass(frozen=True)
class SqlQuery:
    """One query and the text that it is compared with."""

    sql: str
    expected: str


class Spill:
    """The tables that sql rules read: Arrow IPC files on disk, one more whenever the schema changes."""

    def __init__(self, directory: Path, name: str) -> None:
        self.paths: list[Path] = []
        self._start = directory / name
        self._writer: pa.RecordBatchFileWriter | None = None
        self._schema: pa.Schema | None = None

    def add(self, table: pa.RecordBatch) -> None:
        """One more batch."""
        if self._writer is None or table.schema != self._schema:
            self.close()
            path = self._start.with_name(f"{self._start.name}-{len(self.paths)}.arrow")
            self._writer, self._schema = pa.ipc.new_file(str(path), table.schema), table.schema
            self.paths.append(path)
        self._writer.write_batch(table)

    def close(self) -> None:
        """Finish the file that is open."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def identifier(name: str) -> str:
    """A name as SQL quotes it."""
    return '"' + name.replace('"', '""') + '"'


def with_names(query: str, *, table: str, column: str | None) -> str | None:
    """The query with ${table} and ${column} in it; None where another placeholder is left."""
    names = {"table": identifier(table)}
    if column is not None:
        names["column"] = ".".join(identifier(part) for part in column.split("."))
    if any(found not in names for found in _PLACEHOLDER.findall(query)):
        return None
    return _PLACEHOLDER.sub(lambda match: names[match[1]], query)


def run_queries(
    queries: Sequence[SqlQuery | None], tables: Mapping[str, Sequence[Path]], limits: SqlLimits
) -> list[SqlAnswer]:
    """The answer of each query, in order. One that breaks the child costs only itself."""
    answers = [SqlAnswer(problem=_WORDS["placeholder"])] * len(queries)
    waiting = [(place, query) for place, query in enumerate(queries) if query is not None]
    while waiting:
        told = list(_child([query for _, query in waiting], tables, limits))
        told += [SqlAnswer(problem=_WORDS["died"])] if len(told) < len(waiting) else []
        for (place, _), answer in zip(waiting, told, strict=False):
            answers[place] = answer
        waiting = waiting[len(told) :]
    return answers


def _child(
    queries: Sequence[SqlQuery], tables: Mapping[str, Sequence[Path]], limits: SqlLimits
) -> Iterator[SqlAnswer]:
    job = {
        "tables": {name: [str(path) for path in paths] for name, paths in tables.items() if paths},
        "queries": [query.sql for query in queries],
        "expected": [query.expected for query in queries],
        "seconds": limits.seconds,
        "memory_mib": limits.memory_mib,
        "threads": limits.threads,
    }
    try:
        done = subprocess.run(  # noqa: S603 - our own script
            [sys.executable, "-I", str(_SANDBOX)],
            input=json.dumps(job).encode(),
            capture_output=True,
            timeout=_GRACE + (limits.seconds + 1) * len(queries),
            check=False,
        )
        output = done.stdout
    except subprocess.TimeoutExpired as error:
        output = error.stdout or b""
    for line in output.splitlines():
        told = json.loads(line)
        if "error" in told:
            detail = f": {told['detail']}" if told["detail"] else ""
            yield SqlAnswer(problem=f"{_WORDS[told['error']]}{detail}")
        else:
            yield SqlAnswer(value=told.get("value"), equal=told.get("equal"))
