"""What no JSON Schema can say of a contract as a whole and of its data sets: rules across fields."""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

from pipelines.intake.column_rules import broken_column_rules, leaves, role_of
from pipelines.intake.house_rules import breach
from pipelines.intake.odcs import API_VERSION, custom, custom_address, items_of, levels
from pipelines.intake.yaml_source import Address, Source, dotted
from schemas.days import is_day
from schemas.errors import Problem

MAX_COLUMNS = 2_000  # of one contract: the widest known table has 700
# https://semver.org, without build metadata
_SEMVER = re.compile(r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TODO = re.compile(r"\bTODO\b")


def too_large(source: Source) -> Iterator[Problem]:
    """Whether the contract has more columns than are looked at; nothing else is then said of it."""
    columns = sum(level == "column" for level, _, _ in levels(source.value))
    if columns > MAX_COLUMNS:
        message = (
            f"{columns:,} columns, of which {MAX_COLUMNS:,} are allowed: name only those that are delivered"
        )
        yield breach(source, "yaml-size", ("schema",), message)


def broken_rules(source: Source) -> Iterator[Problem]:
    """Every fault of shape that the schemas do not find; wrong types are left to them."""
    yield from _todos(source)
    document = source.value
    if not isinstance(document, dict):
        return
    yield from _head(source, document)
    yield from _days(source, document)
    seen: set[str] = set()
    for index, data_set in items_of(document, "schema"):
        address: Address = ("schema", index)
        name = data_set.get("name")
        if isinstance(name, str):
            if name in seen:
                message = f"a second data set {name}: give each its own name"
                yield breach(source, "name-twice", (*address, "name"), message)
            seen.add(name)
            yield from _word(source, (*address, "name"), name)
        yield from _files(source, address, data_set)
        yield from _reading(source, address, data_set)
        yield from broken_column_rules(source, address, data_set)


def _todos(source: Source) -> Iterator[Problem]:
    """Wherever the file says TODO, comments too."""
    found = list(_TODO.finditer(source.text))
    if not found:
        return
    places = sorted((place, path) for path, place in source.places.items())
    starts = [place for place, _ in places]
    for match in found:
        line = source.text.count("\n", 0, match.start()) + 1
        column = match.start() - source.text.rfind("\n", 0, match.start())
        before = bisect_right(starts, (line, column))
        address: Address = places[before - 1][1] if before else ()
        path = dotted(address)
        what = _property(source.value, address) or "this"
        message = f"a person has to decide {what}: replace it, and the word TODO with it"
        yield Problem(source.file, line, column, path, message, "todo")


def _property(document: Any, address: Address) -> str:
    """The custom property that an address lies in; "" where it lies in none."""
    if "customProperties" not in address:
        return ""
    value = document
    for part in address[: address.index("customProperties") + 2]:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return ""
    name = value.get("property") if isinstance(value, dict) else None
    return name if isinstance(name, str) else ""


def _head(source: Source, document: dict[str, Any]) -> Iterator[Problem]:
    api = document.get("apiVersion")
    if isinstance(api, str) and api != API_VERSION:
        message = f"must be {API_VERSION}: write the contract for ODCS 3.2"
        yield breach(source, "odcs-version", ("apiVersion",), message)
    if "tenant" not in document:
        yield breach(source, "missing-field", (), "tenant is missing: name the partner")
    elif isinstance(document["tenant"], str):
        yield from _word(source, ("tenant",), document["tenant"])
    version = document.get("version")
    if isinstance(version, str) and not _SEMVER.fullmatch(version) and not _TODO.match(version):
        message = "is no semantic version: number it MAJOR.MINOR.PATCH, like 1.0.0"
        yield breach(source, "semver", ("version",), message)
    status = document.get("status", "draft")
    if isinstance(status, str) and status != "active" and not _TODO.match(status):
        message = f"is {status}: a drop is refused while it is not active; say active once it is agreed"
        yield breach(source, "not-active", ("status",), message)
    if not document.get("schema"):
        yield breach(source, "no-data-set", ("schema",), "no data set: describe at least one")
    support = next((entry for _, entry in items_of(document, "support")), {})
    if not support.get("url"):
        message = "no contact: add a channel with its url (mailto:...)"
        yield breach(source, "no-contact", ("support",), message)


def _days(source: Source, document: dict[str, Any]) -> Iterator[Problem]:
    """Days of the rights, opt-outs and approvals that are written as days and do not exist."""
    ours = custom(document)
    for name in ("malmoi.starts", "malmoi.expires"):
        yield from _day(source, custom_address(document, name), ours.get(name))
    for name, field in (("malmoi.optOuts", "since"), ("malmoi.approvals", "on")):
        for index, entry in items_of(ours, name):
            yield from _day(source, (*custom_address(document, name), index, field), entry.get(field))


def _day(source: Source, address: Address, day: Any) -> Iterator[Problem]:
    if isinstance(day, str) and _DAY.fullmatch(day) and not is_day(day):
        yield breach(source, "calendar-day", address, f"{day} is no day of the calendar: mend it")


def _word(source: Source, address: Address, name: str) -> Iterator[Problem]:
    if not _NAME.fullmatch(name) and not _TODO.match(name):
        message = "becomes part of file names and ids: use a-z, 0-9 and _, a letter first"
        yield breach(source, "name-form", address, message)


def _files(source: Source, address: Address, data_set: dict[str, Any]) -> Iterator[Problem]:
    globs = custom(data_set).get("malmoi.files")
    at = (*address, *custom_address(data_set, "malmoi.files"))
    others: set[str] = set()
    for _, other in items_of(source.value, "schema"):
        if other is data_set:
            break
        listed = custom(other).get("malmoi.files")
        others.update(glob for glob in (listed if isinstance(listed, list) else []) if isinstance(glob, str))
    for index, glob in enumerate(globs if isinstance(globs, list) else []):
        if not isinstance(glob, str) or not glob:
            continue
        if fault := _glob_fault(glob):
            yield breach(source, "glob", (*at, index), fault)
        if glob in others:
            message = "an earlier data set has this glob: a file belongs to one data set"
            yield breach(source, "glob", (*at, index), message)


def _glob_fault(glob: str) -> str:
    parts = glob.split("/")
    if glob.startswith(("/", "~")) or re.match(r"[A-Za-z]:", glob):
        return "starts outside the drop: name files from inside it"
    if ".." in parts:
        return "climbs out of the drop with ..: name files inside it"
    if "**" in glob or "\\" in glob or "\0" in glob or any(part in {"", "."} for part in parts):
        return "is no plain glob: use names, /, *, ? and [...]"
    return ""


def _reading(source: Source, address: Address, data_set: dict[str, Any]) -> Iterator[Problem]:
    ours = custom(data_set)
    file_format, encoding = ours.get("malmoi.format"), ours.get("malmoi.encoding")
    at = (*address, *custom_address(data_set, "malmoi.encoding"))
    if isinstance(encoding, str) and encoding and not _TODO.match(encoding):
        if file_format in ("parquet", "arrow", "warc"):
            message = f"{file_format} files say their own encoding: remove it"
            yield breach(source, "encoding", at, message)
        elif not _is_text_encoding(encoding):
            yield breach(source, "encoding", at, "no encoding has this name: try utf-8, cp949 or euc-kr")
    if "malmoi.delimiter" in ours and file_format != "csv":
        at = (*address, *custom_address(data_set, "malmoi.delimiter"))
        yield breach(source, "encoding", at, "only csv has a delimiter: remove it")
    if ours.get("malmoi.delivery") == "upsert":
        roles = {role_of(leaf.value) for leaf in leaves(data_set)}
        if lacking := [role for role in ("key", "version") if role not in roles]:
            at = (*address, *custom_address(data_set, "malmoi.delivery"))
            message = (
                f"upsert needs a {' and a '.join(lacking)} column: give one the role, or deliver by append"
            )
            yield breach(source, "upsert-version", at, message)


def _is_text_encoding(name: str) -> bool:
    """Whether text can be decoded by it: `hex` and `rot13` are codecs too, and no encodings."""
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return False
    return bool(getattr(found, "_is_text_encoding", True))
