"""The commands by name. Each parses, calls one public function, prints, and exits 0, 1 or 2."""

from __future__ import annotations

import typer

from pipelines.commands import (
    audit,
    builds,
    contract,
    contract_change,
    drops,
    export,
    keys,
    prepare,
    registry,
    release,
    stat,
    texts,
    tokenizers,
)

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
audit_app = typer.Typer(no_args_is_help=True, help="What a finished build may still hold.")
app.add_typer(audit_app, name="audit")
quarantine_app = typer.Typer(no_args_is_help=True, help="Refused rows: take them out, or let them go.")
app.add_typer(quarantine_app, name="quarantine")
export_app = typer.Typer(no_args_is_help=True, help="A finished build for other programs.")
app.add_typer(export_app, name="export")
release_app = typer.Typer(no_args_is_help=True, help="Builds that leave the house, and who trained on them.")
app.add_typer(release_app, name="release")
tokenizer_app = typer.Typer(no_args_is_help=True, help="Tokenizers from a build's clean text.")
app.add_typer(tokenizer_app, name="tokenizer")

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
registry_app.command("prove")(registry.prove)
release_app.command("approve")(release.approve)
release_app.command("publish")(release.publish)
release_app.command("withdraw")(release.withdraw)
release_app.command("show")(release.show)
release_app.command("trained")(release.trained)
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
app.command("stat")(stat.stat)
export_app.command("megatron")(export.megatron)
export_app.command("text")(export.text)
export_app.command("cards")(export.cards)
tokenizer_app.command("sample")(tokenizers.sample)
tokenizer_app.command("train")(tokenizers.train)
app.command("retokenise")(tokenizers.retokenise)
app.command("explain")(texts.explain)
app.command("try")(texts.try_)
app.command("dedup")(texts.dedup)
