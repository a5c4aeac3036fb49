"""Recipes: YAML read strictly into `schemas.recipe.Recipe`, every fault with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import date
from pathlib import Path
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from pipelines.intake.odcs import purposes
from pipelines.intake.yaml_source import Address, Source, did_you_mean, read_yaml
from schemas.errors import ContractRejected, Problem
from schemas.identity import canonical_json
from schemas.recipe import Recipe

_RECIPE = TypeAdapter(Recipe)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LANGUAGE = re.compile(r"[a-z]{2}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def load_recipe(path: Path) -> Recipe:
    """One recipe. Raises ContractRejected with all faults, InputUnreadable where there is no file.

    Values are taken as they stand: a number in quotes is no number, `yes` is no truth value.
    """
    source = read_yaml(path)
    if source.broken:
        raise ContractRejected(source.problems)
    problems = set(source.problems)
    recipe: Recipe | None = None
    try:
        recipe = _RECIPE.validate_json(canonical_json(source.value), strict=True)
    except ValidationError as error:
        problems.update(_worded(source, error))
    if isinstance(source.value, dict):
        problems.update(_broken_rules(source, source.value))
    if recipe is None or problems:
        raise ContractRejected(tuple(problems))
    return recipe


def _worded(source: Source, error: ValidationError) -> Iterator[Problem]:
    """Pydantic's findings with our addresses; its texts are used where ours would say no more."""
    for found in error.errors(include_url=False, include_input=False):
        address: Address = tuple(part for part in found["loc"] if part != "[key]")
        name = address[-1] if address else "recipe"
        match found["type"]:
            case "unexpected_keyword_argument":
                message = f"a recipe has no such field here: {did_you_mean(name, _known(address[:-1]))}"
            case "missing" | "missing_argument":
                message = f"{name} is missing: add it"
                address = address[:-1]
            case "enum":
                message = f"is not known: {did_you_mean(_at(source.value, address), _members(found))}"
            case _:
                message = f"{found['msg'][:1].lower()}{found['msg'][1:]}: mend it"
        yield source.problem(address, message)


def _members(found: Any) -> list[str]:
    """The names an enum allows, out of pydantic's context: "'web', 'dialogue' or 'table'"."""
    return re.findall(r"'([^']*)'", found["ctx"]["expected"])


def _at(value: Any, address: Address) -> str:
    """What stands at an address; where the fault is a key, the key."""
    for part in address:
        inside = (
            value.get(part) if isinstance(value, dict) else value[part] if isinstance(part, int) else None
        )
        value = inside
    return value if isinstance(value, str) else str(address[-1])


def _known(address: Address) -> set[str]:
    """The field names of the dataclass at an address."""
    at: Any = Recipe
    for part in address:
        if isinstance(part, int):
            at = get_args(at)[0]
        elif is_dataclass(at) and isinstance(at, type):
            at = get_type_hints(at).get(part)
    return {f.name for f in fields(at)} if is_dataclass(at) else set()


def _broken_rules(source: Source, value: dict[str, Any]) -> Iterator[Problem]:
    """What types cannot say; a value of a wrong type is left to the types."""
    yield from _day(source, value.get("date"))
    yield from _choices(source, value)
    partners = value.get("partners")
    for index, entry in _listed(value.get("exceptions")):
        partner = entry.get("partner") if isinstance(entry, dict) else None
        if isinstance(partner, str) and isinstance(partners, list) and partner not in partners:
            remedy = did_you_mean(partner, [name for name in partners if isinstance(name, str)])
            yield source.problem(("exceptions", index, "partner"), f"is no partner of this recipe: {remedy}")
        why = entry.get("why") if isinstance(entry, dict) else None
        if isinstance(why, str) and not why.strip():
            yield source.problem(("exceptions", index, "why"), "is empty: give the reason")
    decontaminate = value.get("decontaminate")
    benchmarks = decontaminate.get("benchmarks") if isinstance(decontaminate, dict) else None
    for index, glob in _listed(benchmarks):
        # A pattern that starts with a dot is relative to the recipe, and its author may go up from there.
        steps = glob.removeprefix("../").split("/") if isinstance(glob, str) else []
        if isinstance(glob, str) and (glob.startswith(("/", "~")) or ".." in steps):
            message = "leaves the recipe's and the drops' directory: write a path from the drops, or ../ once"
            yield source.problem(("decontaminate", "benchmarks", index), message)
    yield from _tokenizer(source, value.get("tokens"))


def _day(source: Source, day: Any) -> Iterator[Problem]:
    if not isinstance(day, str):
        return
    try:
        is_day = bool(_DAY.fullmatch(day)) and date.fromisoformat(day) is not None
    except ValueError:
        is_day = False
    if not is_day:
        yield source.problem(("date",), "is no day of the calendar: write it as YYYY-MM-DD")


def _choices(source: Source, value: dict[str, Any]) -> Iterator[Problem]:
    for key in ("partners", "purposes"):
        if value.get(key) == []:
            yield source.problem((key,), "is empty: name at least one")
        names = [name for _, name in _listed(value.get(key))]
        for index, name in enumerate(names):
            if name in names[:index]:
                yield source.problem((key, index), f"{name} stands twice: remove one")
    for index, purpose in _listed(value.get("purposes")):
        if isinstance(purpose, str) and purpose not in purposes():
            message = f"is no purpose a contract can allow: {did_you_mean(purpose, purposes())}"
            yield source.problem(("purposes", index), message)
    language = value.get("language")
    for index, code in _listed(language.get("wanted") if isinstance(language, dict) else None):
        if isinstance(code, str) and not _LANGUAGE.fullmatch(code):
            message = "is no language code of ISO 639-1: two small letters (ko, en, ...)"
            yield source.problem(("language", "wanted", index), message)


def _tokenizer(source: Source, tokens: Any) -> Iterator[Problem]:
    if not isinstance(tokens, dict):
        return
    name, digest = tokens.get("tokenizer"), tokens.get("tokenizer_sha256")
    if isinstance(name, str) and ("/" in name or name.endswith(".json")) and digest is None:
        yield source.problem(
            ("tokens", "tokenizer"), "a file needs tokenizer_sha256: add it (sha256sum FILE)"
        )
    if isinstance(digest, str) and not _SHA256.fullmatch(digest):
        yield source.problem(("tokens", "tokenizer_sha256"), "is no SHA-256: 64 small hexadecimal digits")


def _listed(value: Any) -> Iterator[tuple[int, Any]]:
    yield from enumerate(value if isinstance(value, list) else [])
