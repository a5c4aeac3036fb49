"""The commands. Each parses, calls one public function, prints, and exits 0, 1 or 2.

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

import typer

from pipelines.commands import audit, builds, contract, contract_change, drops, keys, prepare, registry, texts
from schemas.errors import MalmoiError

app = typer.Typer(
    name="malmoi",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Contracts and drops of text in, tokenized Arrow shards out, every token traceable.",
)
contract_app = typer.Typer(no_args_is_help=True, help="Data contracts.")
app.add_typer(contract_app, name="contract")
registry_app = typer.Typer(no_args_is_help=True, help="The log of what was admitted, sealed and released.")
app.add_typer(registry_app, name="registry")
key_app = typer.Typer(no_args_is_help=True, help="Signing keys.")
app.add_typer(key_app, name="key")
receipt_app = typer.Typer(
    no_args_is_help=True, help="Receipts of drops; 'malmoi verify --receipt' checks one."
)
app.add_typer(receipt_app, name="receipt")
quarantine_app = typer.Typer(no_args_is_help=True, help="Refused rows: take them out, or let them go.")
app.add_typer(quarantine_app, name="quarantine")
audit_app = typer.Typer(no_args_is_help=True, help="What a finished build may still hold.")
app.add_typer(audit_app, name="audit")

contract_app.command("lint")(contract.lint)
contract_app.command("approve")(contract.approve)
contract_app.command("fields")(contract.fields)
contract_app.command("diff")(contract_change.diff)
contract_app.command("init")(contract_change.init)
registry_app.command("init")(registry.init)
registry_app.command("log")(registry.log)
registry_app.command("verify")(registry.verify)
registry_app.command("seal")(registry.seal)
registry_app.command("withdraw")(registry.withdraw)
registry_app.command("release")(registry.release)
registry_app.command("prove")(registry.prove)
key_app.command("create")(keys.create)
receipt_app.command("sign")(keys.sign)
quarantine_app.command("export")(drops.export)
quarantine_app.command("clean")(drops.clean)
audit_app.command("pii")(audit.pii)
app.command("prepare")(prepare.prepare)
app.command("admit")(drops.admit)
app.command("build")(builds.build)
app.command("verify")(builds.verify)
app.command("trace")(builds.trace)
app.command("report")(builds.report)
app.command("explain")(texts.explain)
app.command("try")(texts.try_)
app.command("dedup")(texts.dedup)


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
    typer.echo(f"malmoi: {message}", err=True)
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
        app()


if __name__ == "__main__":
    main()
