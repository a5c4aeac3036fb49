"""malmoi trace: a document, a shard's row, a token or a text back to its origin, or forward to builds."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands.printing import Json, existing, print_json, print_table
from pipelines.commands.sightings import print_seen, seen_by
from schemas.errors import UsageError

if TYPE_CHECKING:
    from pipelines.finished.exposure import Exposure
    from pipelines.finished.whose_text import TextAnswer, TextMatch
    from pipelines.lineage.trace import Trace
    from pipelines.lineage.verdicts import Relatives
    from schemas.manifest import Manifest

_WANTS = (
    "trace wants BUILD with --doc ID, --shard NAME --row N, --token NAME:OFFSET or --text FILE; "
    "or --doc ID --builds DIR"
)


def trace(
    build: Annotated[Path | None, typer.Argument(metavar="[BUILD]", help="A finished build.")] = None,
    doc: Annotated[str | None, typer.Option(help="A document id, 32 hexadecimal digits.")] = None,
    shard: Annotated[str | None, typer.Option(help="A shard's name, with --row.")] = None,
    row: Annotated[int | None, typer.Option(help="A row of the shard, from 0.")] = None,
    token: Annotated[
        str | None, typer.Option(metavar="NAME:OFFSET", help="A token of a shard, from 0.")
    ] = None,
    text: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A text, UTF-8; - for standard input.")
    ] = None,
    similarity: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Of a text: what counts as near; default: the recipe's threshold."),
    ] = None,
    tokenizers: Annotated[
        Path, typer.Option(help="Of a text: where the build's tokenizer lies if it was a file.")
    ] = Path(),
    builds: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Of a document: every build in DIR and what it made of it."),
    ] = None,
    prov: Annotated[bool, typer.Option("--prov", help="Print W3C PROV-JSON (not of a text).")] = False,
    registry: Annotated[
        Path | None, typer.Option(help="Say too which models saw it at which steps (malmoi release trained).")
    ] = None,
    left_out: Annotated[Path | None, typer.Option(help="The list that these trainings left out.")] = None,
    list_key: Annotated[str | None, typer.Option(metavar="HEX", help="The list's public key.")] = None,
    as_json: Json = False,
) -> None:
    """Follow a document, a shard's row or token, or a text back to its row, contract, stages and relatives.

    A text that is not there, and a document that no build keeps, is a "no": exit 1.

    Example: malmoi trace build/example --shard 0-train-00000 --row 0

    Example: malmoi trace build/example --text article.txt --json

    Example: malmoi trace --doc 0f8fad5bd9cb469fa16570867728950e --builds build
    """
    asked = [doc is not None, shard is not None or row is not None, token is not None, text is not None]
    if sum(asked) != 1 or (build is None) == (builds is None) or (similarity is not None and text is None):
        raise UsageError(_WANTS)
    if registry is not None and (build is None or text is not None or prov):
        raise UsageError("--registry says which models saw a document: give BUILD and the document")
    if builds is not None:
        if doc is None or prov:
            raise UsageError(_WANTS)
        _forward(builds, doc, as_json=as_json)
    elif build is not None and text is not None:
        if prov:
            raise UsageError("--prov is of one document: take its id from the answer about the text")
        _text(build, text, similarity, tokenizers, as_json=as_json)
    elif build is not None:
        manifest, found = _found(build, doc, shard, row, token)
        seen = None if registry is None else seen_by(build, found.doc_id, registry, left_out, list_key)
        _backward(build, manifest, found, seen, prov=prov, as_json=as_json)


def _found(
    build: Path, doc: str | None, shard: str | None, row: int | None, token: str | None
) -> tuple[Manifest, Trace]:
    """The build's manifest, read once for all that is told, and the document."""
    from pipelines.lineage.trace import trace_document, trace_row, trace_token
    from schemas.manifest import read_manifest

    if doc is not None:
        manifest = read_manifest(build)
        return manifest, trace_document(build, doc, manifest=manifest)
    name, number = _place(shard, row, token)
    manifest = read_manifest(build)
    follow = trace_row if token is None else trace_token
    return manifest, follow(build, name, number, manifest=manifest)


def _place(shard: str | None, row: int | None, token: str | None) -> tuple[str, int]:
    """A shard's name, and which row or token of it."""
    if token is not None:
        name, colon, offset = token.rpartition(":")
        if not colon or not offset.isdecimal():
            raise UsageError(f"--token wants a shard's name and a number, as 0-train-00000:1234. {_WANTS}")
        return name, int(offset)
    if shard is None or row is None:
        raise UsageError(_WANTS)
    return shard, row


def _backward(
    build: Path,
    manifest: Manifest,
    found: Trace,
    seen: tuple[Exposure, ...] | None,
    *,
    prov: bool,
    as_json: bool,
) -> None:
    from pipelines.lineage.prov import prov_document
    from pipelines.lineage.trace import document_id
    from pipelines.lineage.verdicts import relatives

    near = relatives(build, manifest, document_id(found.doc_id))
    if prov:
        print_json(prov_document(build, manifest, found, near))
    elif as_json:
        facts = dataclasses.asdict(found) | {"relatives": dataclasses.asdict(near)}
        print_json(facts if seen is None else facts | {"seen_by": [one.facts() for one in seen]})
    else:
        for line in (*_trace_lines(found), *_relative_lines(near)):
            typer.echo(line)
        print_seen(seen or ())


def _trace_lines(found: Trace) -> Iterable[str]:
    for name, value in dataclasses.asdict(found).items():
        if value is not None and value not in ((), {}) and name not in {"stages", "purposes"}:
            yield f"{name:>20}  {value}"
        elif name == "purposes":
            yield f"{name:>20}  {', '.join(value)}"
    yield ""
    for verdict in found.stages:
        facts = ", ".join(f"{name} {_worded(value)}" for name, value in verdict.facts.items())
        yield f"{verdict.stage:>20}  {'; '.join(filter(None, (verdict.verdict, verdict.why, facts)))}"


def _relative_lines(near: Relatives) -> Iterable[str]:
    if not near.nearest:
        return
    yield ""
    yield f"{'relatives':>20}  {near.lost_to_it} lost to it, {near.kept_alike} kept ones it resembles"
    for one in near.nearest:
        whose = f"{one.partner}/{one.data_set}, {one.decision}"
        yield f"{one.similarity:>20}  {one.relation}: {one.doc_id} of {whose}"


def _text(build: Path, text: Path, similarity: float | None, tokenizers: Path, *, as_json: bool) -> None:
    from pipelines.finished.whose_text import whose_text

    content = sys.stdin.buffer.read() if str(text) == "-" else existing(text).read_bytes()
    try:
        decoded = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{text.name}: no UTF-8 at byte {error.start}: convert it first") from None
    found = whose_text(build, decoded, least_similarity=similarity, tokenizers=tokenizers)
    if as_json:
        print_json(dataclasses.asdict(found))
    else:
        for line in _answer_lines(found):
            typer.echo(line)
    raise typer.Exit(1 if found.answer == "no" else 0)


def _answer_lines(found: TextAnswer) -> Iterable[str]:
    if found.answer == "no":
        yield f"no: neither this text nor one of similarity {found.least_similarity} came to deduplication"
        yield "What earlier stages drop has no fingerprint: `malmoi explain` says if they would drop it."
    else:
        near = len(found.matches) - min(found.exact, len(found.matches))
        yield f"{found.answer}: {found.exact} documents of this text, {near} shown that are near it"
    for match in found.matches:
        yield from _match_lines(match, found.bands)
    if found.more:
        yield f"and {found.more} more"
    if found.not_compared:
        yield f"{found.not_compared} candidates that meet it in few bands were not compared"


def _match_lines(match: TextMatch, bands: int) -> Iterable[str]:
    one = match.document
    how = {
        "digest": "equal by digest",
        "shingles": f"similarity {match.similarity}",
        "shard": f"similarity {match.similarity}, an estimate: of the text as it stands in the shard",
        "bands": f"similarity {match.similarity}, an estimate: by {match.bands} of {bands} bands",
    }[match.known_by]
    yield ""
    yield f"{match.match:>20}  {one.doc_id}, {how}"
    yield f"{'from':>20}  {one.partner}/{one.data_set}, drop {one.drop}, {one.file} row {one.row}"
    yield f"{'contract':>20}  {one.contract_version}, {one.licence}"
    if one.decision == "kept":
        yield f"{'kept':>20}  shard {one.shard} row {one.shard_row}, {one.tokens} tokens"
    else:
        lost = "" if one.duplicate_of is None else f", lost to {one.duplicate_of} ({one.similarity})"
        yield f"{'dropped':>20}  {one.stage}: {one.reason}{lost}"


def _forward(directory: Path, doc: str, *, as_json: bool) -> None:
    from pipelines.lineage.holding import builds_in, holdings

    found = holdings(builds_in(directory), doc)
    if as_json:
        print_json([dataclasses.asdict(one) for one in found])
    else:
        columns = ("build", "date", "decision", "stage", "reason", "shard", "shard_row", "tokens")
        rows = [{name: getattr(one, name) for name in columns} for one in found]
        print_table([{name: "" if value is None else value for name, value in row.items()} for row in rows])
    raise typer.Exit(0 if any(one.decision == "kept" for one in found) else 1)


def _worded(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items())
    return str(value)
