"""What no JSON Schema can say of a contract's columns: roles, policies, types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipelines.intake.column_limits import broken_limits
from pipelines.intake.house_rules import breach
from pipelines.intake.odcs import custom, custom_address, is_container, items_of
from pipelines.intake.yaml_source import Address, Source
from schemas.errors import Problem

_WARC_COLUMNS = {"url", "date", "html"}
_SCALARS = {"string", "integer", "number", "date", "timestamp"}
# Which ODCS logicalTypes a role can have; a column without a role may be anything.
ROLE_TYPES = {
    "text": {"string", "array"},
    "key": {"string", "integer"},
    "version": _SCALARS,
    "language": {"string"},
    "subject": {"string", "integer"},
    "tombstone": {"boolean"},
    "licence": {"string"},
    "url": {"string"},
    "crawl_date": {"string", "date", "timestamp"},
    "origin": {"string"},
    "seed": {"string", "integer", "array"},
    "speaker": {"string", "integer"},
}
# Which policies a column of a role may have: what is dropped cannot be read for it.
ROLE_POLICIES = {
    "key": {"keep", "key"},
    "seed": {"keep", "key"},
    "speaker": {"keep", "key"},
    "subject": {"key"},
    "text": {"keep"},
}
_TIMES = {"date", "timestamp", "time", "string"}


@dataclass(frozen=True)
class Leaf:
    """A column that has a role or a policy: its path of names, its address in the file, its ODCS object."""

    path: tuple[str, ...]
    address: Address
    value: dict[str, Any]


def leaves(data_set: dict[str, Any], address: Address = ()) -> Iterator[Leaf]:
    """A data set's columns in order; for a list of objects, the columns inside it: ("turns", "text")."""
    yield from _leaves(data_set, address, ())


def _leaves(item: dict[str, Any], address: Address, path: tuple[str, ...]) -> Iterator[Leaf]:
    for index, column in items_of(item, "properties"):
        name = column.get("name")
        at: Address = (*address, "properties", index)
        here = (*path, name if isinstance(name, str) else "")
        ours = custom(column)
        if is_container(column) and "malmoi.role" not in ours and "malmoi.policy" not in ours:
            yield from _leaves(column["items"], (*at, "items"), here)
        else:
            yield Leaf(here, at, column)


def role_of(column: dict[str, Any]) -> str:
    """The role a column says it has; "" where it says none, or something that is no word."""
    role = custom(column).get("malmoi.role")
    return role if isinstance(role, str) else ""


def broken_column_rules(source: Source, address: Address, data_set: dict[str, Any]) -> Iterator[Problem]:
    """Every fault of a data set's columns."""
    roles: list[str] = []
    paths: set[tuple[str, ...]] = set()
    is_warc = custom(data_set).get("malmoi.format") == "warc"
    for leaf in leaves(data_set, address):
        role = role_of(leaf.value)
        roles.append(role)
        yield from _column(source, leaf, role)
        yield from _policy(source, leaf, role)
        yield from broken_limits(source, leaf.address, leaf.value)
        if leaf.path in paths:
            message = "a second column of this name: remove one"
            yield breach(source, "name-twice", (*leaf.address, "name"), message)
        paths.add(leaf.path)
        if is_warc and leaf.path[0] not in _WARC_COLUMNS:
            message = "WARC has the columns url, date and html: remove it"
            yield breach(source, "warc-columns", (*leaf.address, "name"), message)
        if is_warc and leaf.path == ("html",) and role != "text":
            message = "the text of WARC is html: give it the role text"
            yield breach(source, "warc-columns", leaf.address, message)
    yield from _speakers(source, address, data_set)
    if "text" not in roles:
        message = "no column has the role text: say which columns the document is made of"
        yield breach(source, "no-text", (*address, "properties"), message)
    yield from _containers(source, address, data_set)


def _speakers(source: Source, address: Address, data_set: dict[str, Any]) -> Iterator[Problem]:
    """A speaker stands beside the text of a dialogue's turns, and there is one."""
    found = list(leaves(data_set, address))
    texts = {leaf.path[:-1] for leaf in found if role_of(leaf.value) == "text"}
    dialogue = custom(data_set).get("malmoi.kind") == "dialogue"
    speakers = [leaf for leaf in found if role_of(leaf.value) == "speaker"]
    for number, leaf in enumerate(speakers):
        at = (*leaf.address, *custom_address(leaf.value, "malmoi.role"))
        if len(leaf.path) != 2 or leaf.path[:-1] not in texts or not dialogue:
            message = "a speaker is of the turns of a dialogue: put it beside the text in their list"
            yield breach(source, "role-place", at, message)
        elif number:
            yield breach(source, "role-place", at, "a second speaker: say one column of the turns")


def _containers(source: Source, address: Address, item: dict[str, Any]) -> Iterator[Problem]:
    """Lists of objects: their own limits would not be checked."""
    for index, column in items_of(item, "properties"):
        if not is_container(column) or "malmoi.policy" in custom(column):
            continue
        at: Address = (*address, "properties", index)
        for name in sorted({"logicalTypeOptions", "enum", "unique", "quality"} & column.keys()):
            message = (
                f"{name} of a list of objects is not checked: put it on the columns inside, or remove it"
            )
            yield breach(source, "limit", (*at, name), message)
        yield from _containers(source, (*at, "items"), column["items"])


def _column(source: Source, leaf: Leaf, role: str) -> Iterator[Problem]:
    column, address = leaf.value, leaf.address
    logical = column.get("logicalType")
    if not leaf.path[-1]:
        yield breach(source, "missing-field", address, "name is missing: name the column as the files do")
    if logical is None:
        message = "logicalType is missing: add it (string, integer, date, ...)"
        yield breach(source, "missing-field", address, message)
    elif isinstance(logical, str) and logical not in ROLE_TYPES.get(role, {logical}):
        allowed = " or ".join(sorted(ROLE_TYPES[role]))
        message = f"a {role} column cannot be {logical}: {allowed}"
        yield breach(source, "role-type", (*address, "logicalType"), message)
    if role == "key" and column.get("required") is not True:
        message = "a key column must be there in every row: say required: true"
        yield breach(source, "key-column", address, message)
    if (role == "key") != (column.get("primaryKey") is True):
        at: Address = (*address, "primaryKey") if "primaryKey" in column else address
        message = "primaryKey: true and the role key go together: say both or neither"
        yield breach(source, "key-column", at, message)
    if len(leaf.path) > 1 and role in ROLE_TYPES and role not in ("text", "speaker"):
        at = (*address, *custom_address(column, "malmoi.role"))
        message = f"a {role} inside a list is not one of its row: give it the role text, or a policy"
        yield breach(source, "role-place", at, message)
    if len(leaf.path) > 2 and role == "text":
        message = "text more than one list deep is not read: flatten it"
        yield breach(source, "role-place", address, message)


def _policy(source: Source, leaf: Leaf, role: str) -> Iterator[Problem]:
    ours = custom(leaf.value)
    policy, logical = ours.get("malmoi.policy"), leaf.value.get("logicalType")
    at = (*leaf.address, *custom_address(leaf.value, "malmoi.policy"))
    if role in ROLE_TYPES and isinstance(policy, str):
        allowed = ROLE_POLICIES.get(role, {"keep"})
        if policy not in allowed and policy in {"drop", "keep", "key", "generalise", "forbid"}:
            rule = "subject-key" if role == "subject" else "role-policy"
            message = (
                f"a {role} column cannot have the policy {policy}: {' or '.join(sorted(allowed))}, or no role"
            )
            yield breach(source, rule, at, message)
    if policy == "forbid" and leaf.value.get("required") is True:
        yield breach(source, "role-policy", at, "what is forbidden cannot be required: say required: false")
    steps = {"malmoi.grid": {"number", "integer"}, "malmoi.clock": _TIMES}
    for name, types in steps.items():
        if name not in ours:
            continue
        step = (*leaf.address, *custom_address(leaf.value, name))
        if policy != "generalise":
            message = f"{name} is of the policy generalise: remove it, or generalise the column"
            yield breach(source, "generalise", step, message)
        elif isinstance(logical, str) and logical not in types:
            message = f"{name} cannot be of a {logical} column: use it on {' or '.join(sorted(types))}"
            yield breach(source, "generalise", step, message)
    if policy == "generalise" and len(steps.keys() & ours.keys()) != 1:
        message = "generalise has malmoi.grid (a number's step) or malmoi.clock (hour, day, month): say one"
        yield breach(source, "generalise", at, message)
