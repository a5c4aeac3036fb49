"""Recipes: YAML read strictly into `schemas.recipe.Recipe`, every fault with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from pipelines.intake.odcs import purposes
from pipelines.intake.yaml_source import Address, Source, did_you_mean, read_yaml
from schemas.countries import COUNTRIES
from schemas.days import is_day
from schemas.errors import ContractRejected, Problem
from schemas.identity import canonical_json
from schemas.recipe import Recipe
from schemas.rights import WORLDWIDE
from schemas.shards import NO_LANGUAGE

_RECIPE = TypeAdapter(Recipe)
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
    yield from _partners(source, value)
    yield from _territory(source, value)
    yield from _uses(source, value)
    yield from _curriculum(source, value)
    decontaminate = value.get("decontaminate")
    benchmarks = decontaminate.get("benchmarks") if isinstance(decontaminate, dict) else None
    for index, glob in _listed(benchmarks):
        # A pattern that starts with a dot is relative to the recipe, and its author may go up from there.
        steps = glob.removeprefix("../").split("/") if isinstance(glob, str) else []
        if isinstance(glob, str) and (glob.startswith(("/", "~")) or ".." in steps):
            message = "leaves the recipe's and the drops' directory: write a path from the drops, or ../ once"
            yield source.problem(("decontaminate", "benchmarks", index), message)
    yield from _tokenizer(source, value)


def _partners(source: Source, value: dict[str, Any]) -> Iterator[Problem]:
    """Wherever a partner is named, it is one of the recipe's; whatever is granted has its reason."""
    partners = value.get("partners")
    named: list[tuple[Address, Any]] = []
    for key in ("exceptions", "accepts"):
        for index, entry in _listed(value.get(key)):
            if not isinstance(entry, dict):
                continue
            named.append(((key, index, "partner"), entry.get("partner")))
            why = entry.get("why")
            if isinstance(why, str) and not why.strip():
                yield source.problem((key, index, "why"), "is empty: give the reason")
    named += [(("without_drop_json", i), name) for i, name in _listed(value.get("without_drop_json"))]
    upsampling = value.get("upsampling")
    named += [(("upsampling", name), name) for name in (upsampling if isinstance(upsampling, dict) else ())]
    allowed = value.get("max_duplicates")
    named += [(("max_duplicates", name), name) for name in (allowed if isinstance(allowed, dict) else ())]
    dedup = value.get("dedup")
    by_language = dedup.get("partners_by_language") if isinstance(dedup, dict) else None
    for code, names in by_language.items() if isinstance(by_language, dict) else ():
        named += [(("dedup", "partners_by_language", code, i), name) for i, name in _listed(names)]
        if isinstance(code, str) and not _LANGUAGE.fullmatch(code):
            message = "is no language code of ISO 639-1: two small letters (ko, en, ...)"
            yield source.problem(("dedup", "partners_by_language", code), message)
    named += [((*address, "partner"), portion.get("partner")) for address, portion in _portions(value)]
    for address, partner in named:
        if isinstance(partner, str) and isinstance(partners, list) and partner not in partners:
            remedy = did_you_mean(partner, [name for name in partners if isinstance(name, str)])
            yield source.problem(address, f"is no partner of this recipe: {remedy}")


def _curriculum(source: Source, value: dict[str, Any]) -> Iterator[Problem]:
    """Stages have names of their own, and a portion says in one way how much it is."""
    stages = [(i, stage) for i, stage in _listed(value.get("curriculum")) if isinstance(stage, dict)]
    names = [stage.get("name") for _, stage in stages]
    for place, (index, stage) in enumerate(stages):
        name = stage.get("name")
        if isinstance(name, str) and not name.strip():
            yield source.problem(("curriculum", index, "name"), "is empty: give the stage a name")
        elif name in names[:place]:
            yield source.problem(("curriculum", index, "name"), f"{name} stands twice: rename one")
        least, most = stage.get("min_tokens"), stage.get("max_tokens")
        if isinstance(least, int) and isinstance(most, int) and least > most:
            message = f"is below min_tokens ({least}): no document is so long and so short: mend one"
            yield source.problem(("curriculum", index, "max_tokens"), message)
    for address, portion in _portions(value):
        given = [key for key in ("times", "sequences") if portion.get(key) is not None]
        if len(given) != 1:
            message = "times and sequences both stand here" if given else "says not how much is seen"
            yield source.problem(address, f"{message}: give times or sequences, one of them")
        language = portion.get("language")
        if isinstance(language, str) and not _LANGUAGE.fullmatch(language) and language != NO_LANGUAGE:
            message = f"is no language code: two small letters (ko, en, ...), or {NO_LANGUAGE}"
            yield source.problem((*address, "language"), message)


def _portions(value: dict[str, Any]) -> Iterator[tuple[Address, dict[str, Any]]]:
    """Every portion of every stage of the curriculum, with its address."""
    for index, stage in _listed(value.get("curriculum")):
        for number, portion in _listed(stage.get("mixture") if isinstance(stage, dict) else None):
            if isinstance(portion, dict):
                yield ("curriculum", index, "mixture", number), portion


def _territory(source: Source, value: dict[str, Any]) -> Iterator[Problem]:
    territory = value.get("territory")
    if territory == []:
        yield source.problem(("territory",), "is empty: name countries, or worldwide")
    for index, country in _listed(territory):
        if isinstance(country, str) and country != WORLDWIDE and country not in COUNTRIES:
            message = "is no country code of ISO 3166-1: two capital letters (KR, ...), or worldwide"
            yield source.problem(("territory", index), message)


def _uses(source: Source, value: dict[str, Any]) -> Iterator[Problem]:
    """What a purpose implies is said too, or a contract's limit on it would never be asked."""
    asked = value.get("purposes")
    asked = asked if isinstance(asked, list) else []
    if "open_release" in asked and value.get("release", "closed") == "closed":
        message = "release is closed, and open_release is among the purposes: write release: open"
        yield source.problem(("release",) if "release" in value else ("purposes",), message)
    if "distillation" in asked and value.get("student_parameters", 0) == 0:
        message = "distillation is among the purposes: say how large its largest student is"
        at: Address = ("student_parameters",) if "student_parameters" in value else ("purposes",)
        yield source.problem(at, message)


def _day(source: Source, day: Any) -> Iterator[Problem]:
    if isinstance(day, str) and not is_day(day):
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


def _tokenizer(source: Source, value: dict[str, Any]) -> Iterator[Problem]:
    tokens = value.get("tokens")
    if not isinstance(tokens, dict):
        return
    name, digest = tokens.get("tokenizer"), tokens.get("tokenizer_sha256")
    is_file = isinstance(name, str) and ("/" in name or name.endswith((".json", ".tiktoken")))
    if is_file and digest is None:
        yield source.problem(
            ("tokens", "tokenizer"), "a file needs tokenizer_sha256: add it (sha256sum FILE)"
        )
    if isinstance(digest, str) and not _SHA256.fullmatch(digest):
        yield source.problem(("tokens", "tokenizer_sha256"), "is no SHA-256: 64 small hexadecimal digits")
    is_table = isinstance(name, str) and name.endswith(".tiktoken")
    if is_table and tokens.get("pattern") is None:
        message = "a .tiktoken table needs pattern, the expression that cuts a text into words: add it"
        yield source.problem(("tokens", "tokenizer"), message)
    for key in ("pattern", "special_tokens"):
        if not is_table and tokens.get(key):
            message = "is of .tiktoken tables only; another file says it itself: take it out"
            yield source.problem(("tokens", key), message)
    yield from _templates(source, value, tokens)


def _templates(source: Source, value: dict[str, Any], tokens: dict[str, Any]) -> Iterator[Problem]:
    partners, seen = value.get("partners"), set()
    for index, template in _listed(tokens.get("templates")):
        if not isinstance(template, dict):
            continue
        at = ("tokens", "templates", index)
        data_set, turn = template.get("data_set"), template.get("turn")
        if isinstance(data_set, str):
            partner, slash, name = data_set.partition("/")
            if not slash or not name or (isinstance(partners, list) and partner not in partners):
                message = "is no data set of a partner of this recipe: write partner/data_set"
                yield source.problem((*at, "data_set"), message)
            if data_set in seen:
                yield source.problem((*at, "data_set"), f"{data_set} has a template already: remove one")
            seen.add(data_set)
        if isinstance(turn, list) and "".join(map(str, turn)).count("{text}") != 1:
            yield source.problem((*at, "turn"), "{text} must stand in it once: that is where the turn goes")
        roles, speakers = template.get("roles", ["user", "assistant"]), template.get("speakers")
        if roles == []:
            yield source.problem((*at, "roles"), "is empty: name who speaks")
        for name, role in speakers.items() if isinstance(speakers, dict) else ():
            if isinstance(roles, list) and role not in roles:
                yield source.problem((*at, "speakers", name), f"{role} is none of the roles: name one")


def _listed(value: Any) -> Iterator[tuple[int, Any]]:
    yield from enumerate(value if isinstance(value, list) else [])
