"""What no JSON Schema can say of a contract: rules across fields, each a fault with its line."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from pipelines.intake.odcs import API_VERSION, custom, custom_address, is_container, items_of
from pipelines.intake.yaml_source import Address, Source
from schemas.errors import Problem

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WARC_COLUMNS = {"url", "date", "html"}
_SCALARS = {"string", "integer", "number", "date", "timestamp"}
# Which ODCS logicalTypes a role can have; `drop` may be anything.
_TYPES = {
    "text": {"string", "array"},
    "key": {"string", "integer"},
    "version": _SCALARS,
    "language": {"string"},
}


@dataclass(frozen=True)
class Leaf:
    """A column that has a role: its path of names, its address in the file, its ODCS object."""

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
        if is_container(column) and "malmoi.role" not in custom(column):
            yield from _leaves(column["items"], (*at, "items"), here)
        else:
            yield Leaf(here, at, column)


def broken_rules(source: Source) -> Iterator[Problem]:
    """Every fault of a contract that its schemas do not find; wrong types are left to them."""
    document = source.value
    if not isinstance(document, dict):
        return
    yield from _head(source, document)
    seen: set[str] = set()
    for index, data_set in items_of(document, "schema"):
        address: Address = ("schema", index)
        name = data_set.get("name")
        if isinstance(name, str):
            if name in seen:
                yield source.problem((*address, "name"), f"a second data set {name}: give each its own name")
            seen.add(name)
            yield from _word(source, (*address, "name"), name)
        yield from _files(source, address, data_set)
        yield from _reading(source, address, data_set)
        yield from _columns(source, address, data_set)


def _head(source: Source, document: dict[str, Any]) -> Iterator[Problem]:
    version = document.get("apiVersion")
    if isinstance(version, str) and version != API_VERSION:
        yield source.problem(("apiVersion",), f"must be {API_VERSION}: write the contract for ODCS 3.2")
    if "tenant" not in document:
        yield source.problem((), "tenant is missing: name the partner")
    elif isinstance(document["tenant"], str):
        yield from _word(source, ("tenant",), document["tenant"])
    if not document.get("version"):
        yield source.problem(("version",), "is empty: number the contract's versions")
    if not document.get("schema"):
        yield source.problem(("schema",), "no data set: describe at least one")
    support = next((entry for _, entry in items_of(document, "support")), {})
    if not support.get("url"):
        yield source.problem(("support",), "no contact: add a channel with its url (mailto:...)")
    yield from _term(source, document)


def _term(source: Source, document: dict[str, Any]) -> Iterator[Problem]:
    ours = custom(document)
    days: list[date] = []
    for name in ("malmoi.starts", "malmoi.expires"):
        day = ours.get(name)
        if not isinstance(day, str) or not _DAY.fullmatch(day):
            continue  # the schema says so
        try:
            days.append(date.fromisoformat(day))
        except ValueError:
            yield source.problem(custom_address(document, name), f"{day} is no day of the calendar: mend it")
    if len(days) == 2 and days[1] < days[0]:
        at = custom_address(document, "malmoi.expires")
        yield source.problem(at, f"{days[1]} lies before malmoi.starts, {days[0]}: exchange or mend them")


def _word(source: Source, address: Address, name: str) -> Iterator[Problem]:
    if not _NAME.fullmatch(name):
        yield source.problem(
            address, "becomes part of file names and ids: use a-z, 0-9 and _, a letter first"
        )


def _files(source: Source, address: Address, data_set: dict[str, Any]) -> Iterator[Problem]:
    globs = custom(data_set).get("malmoi.files")
    at = (*address, *custom_address(data_set, "malmoi.files"))
    for index, glob in enumerate(globs if isinstance(globs, list) else []):
        if not isinstance(glob, str) or not glob:
            continue
        parts = glob.split("/")
        if glob.startswith(("/", "~")) or re.match(r"[A-Za-z]:", glob):
            yield source.problem((*at, index), "starts outside the drop: name files from inside it")
        elif ".." in parts:
            yield source.problem((*at, index), "climbs out of the drop with ..: name files inside it")
        elif "**" in glob or "\\" in glob or "\0" in glob or any(part in {"", "."} for part in parts):
            yield source.problem((*at, index), "is no plain glob: use names, /, *, ? and [...]")
    others: set[str] = set()
    for _, other in items_of(source.value, "schema"):
        if other is data_set:
            break
        listed = custom(other).get("malmoi.files")
        others.update(glob for glob in (listed if isinstance(listed, list) else []) if isinstance(glob, str))
    for index, glob in enumerate(globs if isinstance(globs, list) else []):
        if isinstance(glob, str) and glob in others:
            yield source.problem(
                (*at, index), "an earlier data set has this glob: a file belongs to one data set"
            )


def _reading(source: Source, address: Address, data_set: dict[str, Any]) -> Iterator[Problem]:
    ours = custom(data_set)
    file_format, encoding = ours.get("malmoi.format"), ours.get("malmoi.encoding")
    at = (*address, *custom_address(data_set, "malmoi.encoding"))
    if isinstance(encoding, str) and encoding:
        if file_format in ("parquet", "arrow", "warc"):
            yield source.problem(at, f"{file_format} files say their own encoding: remove it")
        elif not _is_text_encoding(encoding):
            yield source.problem(at, "no encoding has this name: try utf-8, cp949 or euc-kr")
    if "malmoi.delimiter" in ours and file_format != "csv":
        at = (*address, *custom_address(data_set, "malmoi.delimiter"))
        yield source.problem(at, "only csv has a delimiter: remove it")


def _is_text_encoding(name: str) -> bool:
    """Whether text can be decoded by it: `hex` and `rot13` are codecs too, and no encodings."""
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return False
    return bool(getattr(found, "_is_text_encoding", True))


def _columns(source: Source, address: Address, data_set: dict[str, Any]) -> Iterator[Problem]:
    roles: list[Any] = []
    paths: set[tuple[str, ...]] = set()
    is_warc = custom(data_set).get("malmoi.format") == "warc"
    for leaf in leaves(data_set, address):
        role = custom(leaf.value).get("malmoi.role")
        roles.append(role)
        yield from _column(source, leaf, role)
        if leaf.path in paths:
            yield source.problem((*leaf.address, "name"), "a second column of this name: remove one")
        paths.add(leaf.path)
        if is_warc and leaf.path[0] not in _WARC_COLUMNS:
            yield source.problem(
                (*leaf.address, "name"), "WARC has the columns url, date and html: remove it"
            )
    if "text" not in roles:
        message = "no column has the role text: say which columns the document is made of"
        yield source.problem((*address, "properties"), message)
    if is_warc and ("html",) in paths and _role_at(data_set, "html") != "text":
        yield source.problem((*address, "properties"), "the text of WARC is html: give it the role text")


def _role_at(data_set: dict[str, Any], name: str) -> Any:
    return next(
        (custom(leaf.value).get("malmoi.role") for leaf in leaves(data_set) if leaf.path == (name,)), None
    )


def _column(source: Source, leaf: Leaf, role: Any) -> Iterator[Problem]:
    column, address = leaf.value, leaf.address
    logical = column.get("logicalType")
    if logical is None:
        yield source.problem(address, "logicalType is missing: add it (string, integer, date, ...)")
    elif isinstance(logical, str) and isinstance(role, str) and logical not in _TYPES.get(role, {logical}):
        allowed = " or ".join(sorted(_TYPES[role]))
        yield source.problem((*address, "logicalType"), f"a {role} column cannot be {logical}: {allowed}")
    if role == "key" and column.get("required") is not True:
        yield source.problem(address, "a key column must be there in every row: say required: true")
    if (role == "key") != (column.get("primaryKey") is True):
        at: Address = (*address, "primaryKey") if "primaryKey" in column else address
        yield source.problem(at, "primaryKey: true and the role key go together: say both or neither")
    inside_list = len(leaf.path) > 1
    if inside_list and role in ("key", "version", "language"):
        at = (*address, *custom_address(column, "malmoi.role"))
        yield source.problem(at, f"a {role} inside a list is not one of its row: text or drop")
    if len(leaf.path) > 2 and role != "drop":
        yield source.problem(address, "text more than one list deep is not read: flatten it")
