"""The commands. Each parses, calls one public function, prints, and exits 0, 1 or 2.

0 done, 1 the answer is no (findings, refused, limits broken), 2 wrong use or unreadable input.
"""

from __future__ import annotations

import dataclasses
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import orjson
import typer
from rich.console import Console
from rich.table import Table

from schemas.contract import Kind, Markup
from schemas.errors import MalmoiError, UsageError

app = typer.Typer(
    name="malmoi",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Contracts and drops of text in, tokenized Arrow shards out, every token traceable.",
)
contract_app = typer.Typer(no_args_is_help=True, help="Data contracts.")
app.add_typer(contract_app, name="contract")

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for machines.")]
BuildDirectory = Annotated[Path, typer.Argument(metavar="BUILD", help="A finished build.")]


@contract_app.command("lint")
def contract_lint(
    files: Annotated[list[Path], typer.Argument(help="ODCS 3.2 YAML files.")], as_json: Json = False
) -> None:
    """Check contracts and print every fault as file:line: path: what to do.

    Example: malmoi contract lint data_contracts/*.yaml
    """
    from pipelines.intake.contracts import lint_contract

    problems = [problem for file in files for problem in lint_contract(_existing(file))]
    if as_json:
        _print_json([dataclasses.asdict(problem) for problem in problems])
    else:
        for problem in problems:
            typer.echo(str(problem))
        typer.echo(f"{len(files)} contracts, {len(problems)} faults")
    raise typer.Exit(1 if problems else 0)


@app.command()
def admit(
    contract: Annotated[Path, typer.Argument(help="The partner's contract.")],
    drop: Annotated[Path, typer.Argument(help="The directory that was handed in.")],
    registry: Annotated[Path, typer.Option(help="Where receipts are kept.")],
    as_json: Json = False,
) -> None:
    """Read a drop against its contract and write its receipt; say what was refused and where.

    Example: malmoi admit data_contracts/krafton.yaml examples/drops/krafton --registry .malmoi/registry
    """
    from pipelines.intake.admission import admit as admit_drop

    content = admit_drop(_existing(contract), drop, registry)
    if as_json:
        _print_json(content)
        return
    rows = sum(file["rows_arrived"] for file in content["files"])
    documents = sum(file["documents"] for file in content["files"])
    refused = sum(sum(file["quarantined"].values()) for file in content["files"])
    typer.echo(
        f"{content['partner']}: {content['verdict']}: {rows} rows, {documents} admitted, {refused} refused"
    )
    for entry in content["quarantine"][:20]:
        where = f"{entry['file']} row {entry['row']}" + (f" field {entry['field']}" if entry["field"] else "")
        typer.echo(f"  {where}: {entry['reason']}")
    if len(content["quarantine"]) > 20:
        typer.echo(f"  and {len(content['quarantine']) - 20} more: see --json")
    for name in content["not_delivered"]:
        typer.echo(f"  not delivered: {name}")
    for path in content["not_named_by_contract"]:
        typer.echo(f"  not named by the contract, not read: {path}")


@app.command()
def build(
    recipe: Annotated[Path, typer.Argument(help="The recipe, YAML.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Directory of the build.")],
    drops: Annotated[Path | None, typer.Option(help="Where the partners' drops lie.")] = None,
    staging: Annotated[Path, typer.Option(help="Staged files, shared by builds.")] = Path(".malmoi/staging"),
    date: Annotated[str | None, typer.Option(help="Day (ISO) on which rights are judged.")] = None,
    runner: Annotated[str, typer.Option(help="direct: Beam's FnApiRunner.")] = "direct",
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; default: one per core.")] = None,
    replace: Annotated[bool, typer.Option(help="Build over another build in the output.")] = False,
    as_json: Json = False,
) -> None:
    """Carry out a recipe. Killed builds resume; finished ones are not made again.

    Example: malmoi build recipes/example.yaml -o build/example
    """
    from pipelines.build import build as carry_out
    from pipelines.lineage.report import report_summary

    manifest = carry_out(
        _existing(recipe),
        output,
        drops=drops,
        date=date,
        staging=staging,
        runner=runner,
        workers=workers,
        replace=replace,
        quiet=as_json,
    )
    if as_json:
        _print_json({"build": str(output), "identity": manifest.identity, "data_sets": manifest.data_sets})
        return
    _print_table(report_summary(manifest))
    tokens = sum(shard.tokens for shard in manifest.shards)
    typer.echo(f"{tokens:,} tokens in {len(manifest.shards)} shards: {output}/report.html")


@app.command()
def verify(build: BuildDirectory, as_json: Json = False) -> None:
    """Check a build against its manifest: every digest, every count, every document's place.

    Example: malmoi verify build/example
    """
    from pipelines.lineage.verify import verify as check

    findings = check(build)
    if as_json:
        _print_json([dataclasses.asdict(finding) for finding in findings])
    else:
        for finding in findings:
            typer.echo(str(finding))
        typer.echo("the build is whole" if not findings else f"{len(findings)} findings")
    raise typer.Exit(1 if findings else 0)


@app.command()
def trace(
    build: BuildDirectory,
    doc: Annotated[str | None, typer.Option(help="A document id, 32 hexadecimal digits.")] = None,
    shard: Annotated[str | None, typer.Option(help="A shard's name, with --row.")] = None,
    row: Annotated[int | None, typer.Option(help="A row of the shard, from 0.")] = None,
    as_json: Json = False,
) -> None:
    """Follow a document or a shard's row back to its file, row, contract and licence.

    Example: malmoi trace build/example --shard 0-train-00000 --row 0
    """
    from pipelines.lineage.trace import trace_document, trace_row

    if doc is not None and shard is None and row is None:
        found = trace_document(build, doc)
    elif doc is None and shard is not None and row is not None:
        found = trace_row(build, shard, row)
    else:
        raise UsageError("trace wants --doc ID, or --shard NAME --row N")
    facts = dataclasses.asdict(found)
    if as_json:
        _print_json(facts)
        return
    for name, value in facts.items():
        if value is not None:
            typer.echo(f"{name:>20}  {value.hex() if isinstance(value, bytes) else value}")


@app.command()
def report(build: BuildDirectory, as_json: Json = False) -> None:
    """Print what became of every data set; the page itself is BUILD/report.html.

    Example: malmoi report build/example
    """
    from pipelines.lineage.report import report_summary
    from schemas.manifest import read_manifest

    manifest = read_manifest(build)
    if as_json:
        _print_json(manifest.data_sets)
        return
    _print_table(report_summary(manifest))
    typer.echo(f"{build}/report.html")


@app.command()
def explain(
    recipe: Annotated[Path, typer.Argument(help="The recipe, YAML.")],
    file: Annotated[Path, typer.Argument(help="A UTF-8 file that holds one text.")],
    drops: Annotated[Path | None, typer.Option(help="Where the drops (and benchmarks) lie.")] = None,
    data_set: Annotated[
        str | None, typer.Option(help="PARTNER/NAME: as a document of that data set.")
    ] = None,
    kind: Annotated[Kind, typer.Option(help="Kind of text, without --data-set.")] = Kind.DOCUMENT,
    markup: Annotated[Markup, typer.Option(help="Markup of the text, without --data-set.")] = Markup.PLAIN,
    as_json: Json = False,
) -> None:
    """Send one text through every stage of a recipe and say what each one saw and did.

    Example: malmoi explain recipes/example.yaml page.html --kind web --markup html
    """
    from pipelines.preview import explain as explain_text

    content = _existing(file).read_bytes()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file.name}: not UTF-8 at byte {error.start}: convert it first") from None
    steps = explain_text(_existing(recipe), content, drops=drops, data_set=data_set, kind=kind, markup=markup)
    if as_json:
        _print_json([dataclasses.asdict(step) for step in steps])
        return
    for step in steps:
        verdict = "kept" if step.kept else f"dropped: {step.reason} ({step.detail})"
        facts = "  ".join(f"{name}={value}" for name, value in step.facts.items())
        size = f"{step.characters} characters" if step.characters is not None else ""
        typer.echo(f"{step.stage:>14}  {verdict}  {size}  {facts}".rstrip())


@app.command("try")
def try_(
    stage: Annotated[
        str, typer.Argument(help="extract, normalise, language, quality, decontaminate or pii.")
    ],
    option: Annotated[list[str] | None, typer.Option(help="A setting of the stage, NAME=VALUE.")] = None,
    kind: Annotated[Kind, typer.Option(help="Kind of the texts.")] = Kind.DOCUMENT,
    markup: Annotated[Markup | None, typer.Option(help="Default: html for extract, else plain.")] = None,
    languages: Annotated[str, typer.Option(help="Declared languages, with commas.")] = "",
    benchmark: Annotated[list[Path] | None, typer.Option(help="Benchmark files, for decontaminate.")] = None,
) -> None:
    """One stage on JSONL {id, text} from standard input; every row comes back, in order.

    Example: malmoi try pii < in.jsonl > out.jsonl
    """
    from pipelines.preview import TRIES, data_set_of, try_stage, with_options
    from schemas.recipe import Recipe

    if stage not in TRIES:
        raise UsageError(f"no stage {stage!r}: choose one of {', '.join(TRIES)}")
    recipe = with_options(
        Recipe(name="try", contracts=".", partners=(), purposes=(), date="1970-01-01"), stage, option or ()
    )
    default = Markup.HTML if stage == "extract" else Markup.PLAIN
    data_set = data_set_of(
        kind=kind, markup=markup or default, languages=tuple(filter(None, languages.split(",")))
    )
    _each_line(
        lambda rows: try_stage(
            stage, rows, recipe=recipe, data_set=data_set, benchmarks=tuple(benchmark or ())
        )
    )


@app.command()
def dedup(
    threshold: Annotated[float, typer.Option(min=0, max=1, help="Least Jaccard of a near duplicate.")] = 0.8,
) -> None:
    """Deduplicate JSONL {id, text, epoch?, partner?, quality?}; every row comes back, in order.

    Example: malmoi dedup --threshold 0.8 < in.jsonl > out.jsonl
    """
    from pipelines.preview import dedup_rows

    _each_line(lambda rows: dedup_rows(rows, threshold=threshold))


def _each_line(work: Callable[[list[dict[str, Any]]], Iterator[dict[str, Any]]]) -> None:
    """Standard input's rows through `work`, to standard output."""
    rows = []
    for number, line in enumerate(sys.stdin.buffer, start=1):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            raise UsageError(f"standard input, line {number}: not JSON: write one object a line") from None
        if not isinstance(row, dict) or "id" not in row or not isinstance(row.get("text"), str):
            raise UsageError(f"standard input, line {number}: write an object with 'id' and a string 'text'")
        rows.append(row)
    for result in work(rows):
        sys.stdout.buffer.write(orjson.dumps(result) + b"\n")


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise UsageError(f"{path}: no such file: check the path")
    return path


def _print_json(value: Any) -> None:
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    sys.stdout.buffer.write(orjson.dumps(value, default=_plain, option=options) + b"\n")


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(type(value).__name__)


def _print_table(rows: list[dict[str, Any]]) -> None:
    table = Table(box=None, header_style="bold")
    for name in rows[0]:
        table.add_column(name, justify="right" if isinstance(rows[0][name], int) else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in row.values()))
    Console(width=None if sys.stdout.isatty() else 160).print(table)


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


def main() -> None:
    """The script's entry."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    with _told():
        app()


if __name__ == "__main__":
    main()
