"""The child process in which sql rules run: reads a job on standard input, writes one JSON line a query.

Started by `pipelines.intake.sql_rules` as a script of its own (`python -I sql_sandbox.py`): it imports
nothing of ours. Four walls: DuckDB without external access, extensions and settings; one SELECT a query; the
kernel's limits on memory and written files; a timer that interrupts. What outlives the timer, the parent
kills.

Job: {"tables": {name: [Arrow IPC files]}, "queries": [sql], "expected": [text], "seconds": s,
"memory_mib": m, "threads": n}. Line: {"value": number | bool | null}; of a text only {"equal": whether it is
the expected one}, for it may be a row's; or {"error": kind, "detail": words}.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
import threading
from typing import Any

os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"  # the others reserve 1 GiB, which the limit counts

import duckdb
import pyarrow as pa

_ROOM_MIB = 1024  # for the interpreter, its libraries and the threads' stacks
# Messages about the statement itself; those of other errors may quote values of rows.
_OF_THE_STATEMENT = ("ParserException", "CatalogException", "BinderException", "PermissionException")


def main() -> None:
    """Answer every query of the job, in order."""
    job = json.load(sys.stdin)
    data = (job["memory_mib"] + _ROOM_MIB) << 20
    resource.setrlimit(resource.RLIMIT_DATA, (data, data))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    connection = _locked(job)
    for index, query in enumerate(job["queries"]):
        expected = job["expected"][index]
        sys.stdout.write(json.dumps(_answer(connection, query, expected, job["seconds"])) + "\n")
        sys.stdout.flush()


def _locked(job: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": f"{job['memory_mib']}MiB",
            "threads": str(job["threads"]),
            "temp_directory": "",
            "max_temp_directory_size": "0KiB",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "allow_unsigned_extensions": "false",
        },
    )
    connection.execute("SET python_enable_replacements = false")
    for name, paths in job["tables"].items():
        parts = [pa.ipc.open_file(pa.memory_map(path)).read_all() for path in paths]
        connection.register(name, pa.concat_tables(parts, promote_options="permissive"))
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _answer(
    connection: duckdb.DuckDBPyConnection, query: str, expected: str, seconds: float
) -> dict[str, Any]:
    timer = threading.Timer(seconds, connection.interrupt)
    timer.start()
    try:
        statements = connection.extract_statements(query)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            return {"error": "not_one_select", "detail": f"{len(statements)} statements"}
        return _told(connection.execute(statements[0]).fetchmany(2), expected)
    except duckdb.InterruptException:
        return {"error": "too_long", "detail": f"more than {seconds:g} seconds"}
    except (duckdb.OutOfMemoryException, MemoryError):
        return {"error": "too_much_memory", "detail": ""}
    except duckdb.Error as error:
        kind = type(error).__name__
        detail = " ".join(str(error).split())[:300] if kind in _OF_THE_STATEMENT else kind
        return {"error": "duckdb", "detail": detail}
    finally:
        timer.cancel()


def _told(rows: list[tuple[Any, ...]], expected: str) -> dict[str, Any]:
    if len(rows) != 1 or len(rows[0]) != 1:
        return {"error": "not_one_value", "detail": f"{len(rows)} rows"}
    value = rows[0][0]
    if value is None or isinstance(value, bool):
        return {"value": value}
    try:
        number = float(value)
    except (TypeError, ValueError):
        return {"equal": str(value) == expected}
    if not math.isfinite(number):
        return {"value": None}
    return {"value": int(value) if number == int(value) else number}


if __name__ == "__main__":
    main()
