"""The commands by name. Each parses, calls one public function, prints, and exits 0, 1 or 2.

A command's module is imported where it is called or listed: of a process that lives for a second, reading all
of them takes a tenth.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import typer

_HELP = "Contracts and drops of text in, tokenized Arrow shards out, every token traceable."
_GROUPS = {
    "contract": "Data contracts.",
    "registry": "The log of what was admitted, sealed and released.",
    "release": "Builds that leave the house, and who trained on them.",
    "key": "Signing keys.",
    "receipt": "Receipts of drops; 'malmoi verify --receipt' checks one.",
    "audit": "What a finished build may still hold.",
    "quarantine": "Refused rows: take them out, or let them go.",
    "export": "A finished build for other programs.",
    "tokenizer": "Tokenizers from a build's clean text.",
}
# What is typed, and the module of this package and the function that it calls; in the order of the help.
_COMMANDS = (
    ("contract lint", "contract", "lint"),
    ("contract approve", "contract", "approve"),
    ("contract fields", "contract", "fields"),
    ("contract diff", "contract_change", "diff"),
    ("contract init", "contract_change", "init"),
    ("registry init", "registry", "init"),
    ("registry log", "registry", "log"),
    ("registry verify", "registry", "verify"),
    ("registry seal", "registry", "seal"),
    ("registry withdraw", "registry", "withdraw"),
    ("registry forget", "registry", "forget"),
    ("registry key", "registry", "key"),
    ("registry prove", "registry", "prove"),
    ("key create", "keys", "create"),
    ("receipt sign", "keys", "sign"),
    ("quarantine export", "drops", "export"),
    ("quarantine clean", "drops", "clean"),
    ("audit pii", "audit", "pii"),
    ("release approve", "release", "approve"),
    ("release publish", "release", "publish"),
    ("release withdraw", "release", "withdraw"),
    ("release show", "release", "show"),
    ("release trained", "release", "trained"),
    ("prepare", "prepare", "prepare"),
    ("admit", "drops", "admit"),
    ("build", "builds", "build"),
    ("verify", "builds", "verify"),
    ("prove", "proofs", "prove"),
    ("sign", "proofs", "sign"),
    ("trace", "traces", "trace"),
    ("report", "builds", "report"),
    ("takedown", "takedown", "takedown"),
    ("stat", "stat", "stat"),
    ("export megatron", "export", "megatron"),
    ("export text", "export", "text"),
    ("export cards", "export", "cards"),
    ("tokenizer sample", "tokenizers", "sample"),
    ("tokenizer train", "tokenizers", "train"),
    ("retokenise", "tokenizers", "retokenise"),
    ("explain", "texts", "explain"),
    ("try", "texts", "try_"),
    ("dedup", "texts", "dedup"),
)


def app(words: Sequence[str] = ()) -> typer.Typer:
    """The program for these words: with the command or group that the first of them names, or with all."""
    called = [one for one in _COMMANDS if words and one[0].split()[0] == words[0]]
    program = typer.Typer(
        name="malmoi",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help=_HELP,
    )
    program.callback()(_program)
    groups: dict[str, typer.Typer] = {}
    for typed, module, function in called or _COMMANDS:
        *group, name = typed.split()
        into = program
        if group:
            (of,) = group
            if of not in groups:
                groups[of] = typer.Typer(no_args_is_help=True, help=_GROUPS[of])
                program.add_typer(groups[of], name=of)
            into = groups[of]
        into.command(name)(getattr(import_module(f"pipelines.commands.{module}"), function))
    return program


def _program() -> None:
    """Of a single command, typer makes a program without a name for it: a callback keeps the name."""
