"""`malmoi`: the process around the commands. Exits 0, 1 or 2, and never with a traceback.

0 done, 1 the answer is no (findings, refused, limits broken), 2 wrong use or unreadable input.
"""

from __future__ import annotations

import atexit
import gc
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from schemas.errors import MalmoiError


@contextmanager
def _told() -> Iterator[None]:
    """Errors as one sentence on standard error and an exit code; never a traceback."""
    try:
        yield
    except MalmoiError as error:
        _stop(str(error), error.exit_code)
    except KeyboardInterrupt:
        _stop("stopped; nothing was published: run again to resume", 2)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        _stop(f"{type(error).__name__} (errno {error.errno}): check the path, its rights and the disk", 2)
    except Exception as error:  # the last resort: a type, never a text
        _stop(f"{type(error).__name__}: an error of Malmoi itself; nothing was published", 2)


def _stop(message: str, code: int) -> NoReturn:
    from typer import echo

    echo(f"malmoi: {message}", err=True)
    sys.exit(code)


def _leave() -> None:
    """Spare the collections at the end, over all that was ever imported: a fifth of a second.

    DuckDB's binding counts its own objects there and complains of those that were not collected.
    """
    if "duckdb" not in sys.modules:
        gc.freeze()


def main() -> None:
    """The script's entry."""
    # A command lives for seconds and its objects with it: collections cost a tenth of its time.
    gc.set_threshold(200_000, 20, 20)
    atexit.register(_leave)
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    with _told():
        from pipelines.commands.app import app  # hundreds of modules: after the threshold is set

        app(sys.argv[1:])()


if __name__ == "__main__":
    main()
