"""What every command shares: its options, and how results are printed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from schemas.errors import UsageError

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for machines.")]
BuildDirectory = Annotated[Path, typer.Argument(metavar="BUILD", help="A finished build.")]


def existing(path: Path) -> Path:
    """The path, if a file lies there; UsageError otherwise."""
    if not path.is_file():
        raise UsageError(f"{path}: no such file: check the path")
    return path


def print_json(value: Any) -> None:
    """Indented JSON on standard output; bytes as hexadecimal digits."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    sys.stdout.buffer.write(orjson.dumps(value, default=_plain, option=options) + b"\n")


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(type(value).__name__)


def print_table(rows: list[dict[str, Any]]) -> None:
    """Rows of the same columns; numbers to the right."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    for name in rows[0]:
        table.add_column(name, justify="right" if isinstance(rows[0][name], int) else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in row.values()))
    Console(width=None if sys.stdout.isatty() else 160).print(table)
