"""malmoi stat: what a finished build is made of, in tokens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands.printing import BuildDirectory, Json, print_json, print_table

if TYPE_CHECKING:
    from pipelines.finished.stat import Count, Statistics

_SHOWN = 20  # shards
_BAR = 40


def stat(
    build: BuildDirectory,
    tokenizer: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Compare with this tokenizer: a shipped name or a tokenizer.json."),
    ] = None,
    tokenizers: Annotated[Path, typer.Option(help="Where tokenizers lie that are files.")] = Path(),
    as_json: Json = False,
) -> None:
    """Tokens by partner, language, contract and shard; fertility by language; how long documents are.

    Example: malmoi stat build/example --tokenizer tekken_240718
    """
    from pipelines.finished.stat import statistics

    found = statistics(build, tokenizer=tokenizer, tokenizers=tokenizers)
    if as_json:
        print_json(_plain(found))
        return
    for title, counts in (
        ("partner", found.partners),
        ("language", found.languages),
        ("contract", found.contracts),
        ("shard", found.shards[:_SHOWN]),
    ):
        print_table([_row(title, count, found.total) for count in counts])
        typer.echo()
    if len(found.shards) > _SHOWN:
        typer.echo(f"{len(found.shards) - _SHOWN:,} more shards: --json has all\n")
    print_table(_histogram(found.total))
    if found.compared:
        typer.echo()
        print_table(_compared(found))
    typer.echo(
        f"\n{found.total.documents:,} documents, {found.total.tokens:,} tokens of {found.tokenizer}, "
        f"{found.total.fertility:.3f} characters a token"
    )


def _row(title: str, count: Count, total: Count) -> dict[str, Any]:
    return {
        title: count.name,
        "documents": count.documents,
        "tokens": count.tokens,
        "share": f"{count.tokens / total.tokens:.2%}",
        "characters": count.characters,
        "characters a token": f"{count.fertility:.3f}",
        "tokens a document": f"{count.tokens / max(count.documents, 1):,.1f}",
    }


def _histogram(total: Count) -> list[dict[str, Any]]:
    most = max(total.lengths)
    return [
        {
            "tokens in a document": f"{1 << k:,} to {(2 << k) - 1:,}",
            "documents": count,
            "": "█" * round(_BAR * count / most),
        }
        for k, count in enumerate(total.lengths)
    ]


def _compared(found: Statistics) -> list[dict[str, Any]]:
    return [
        {
            "language": one.language,
            f"tokens, {found.tokenizer}": one.tokens,
            f"tokens, {found.other}": one.other_tokens,
            "ratio": f"{one.other_tokens / max(one.tokens, 1):.3f}",
            f"characters a token, {found.tokenizer}": f"{one.characters / max(one.tokens, 1):.3f}",
            f"characters a token, {found.other}": f"{one.characters / max(one.other_tokens, 1):.3f}",
        }
        for one in found.compared
    ]


def _plain(found: Statistics) -> dict[str, Any]:
    def plain(count: Count) -> dict[str, Any]:
        return {
            "name": count.name,
            "documents": count.documents,
            "tokens": count.tokens,
            "characters": count.characters,
            "fertility": round(count.fertility, 6),
            "lengths_log2": list(count.lengths),
        }

    return {
        "tokenizer": found.tokenizer,
        "total": plain(found.total),
        "partners": [plain(count) for count in found.partners],
        "languages": [plain(count) for count in found.languages],
        "contracts": [plain(count) for count in found.contracts],
        "shards": [plain(count) for count in found.shards],
        "other": found.other,
        "compared": found.compared,
    }
