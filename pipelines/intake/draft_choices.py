"""From profiles to proposals: which columns are text, key, version or language, and where the others stop.

Everything here is a proposal that the partner's engineer reads: the rules are few, and each is said in the
drafted file beside what it led to.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from pipelines.intake.draft_columns import ColumnProfile, enumeration, looks_personal, merge_files
from pipelines.intake.draft_groups import FileGroup
from pipelines.intake.draft_keys import ID_WORDS, choose_key
from pipelines.intake.draft_personal import Personal
from pipelines.intake.draft_set import DraftColumn, DraftSet
from pipelines.intake.draft_texts import LANGUAGES, kind_of, markup_of
from schemas.contract import Delivery, Format, Policy, Role

_LANGUAGE_WORDS = {"lang", "language", "locale", "언어"}
_TAG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")  # BCP 47
_UNSEEN = 0.01  # share of rows that may break what a sample said, where files were not read to their ends
_GRID = 0.01  # degrees: about a kilometre


def propose(group: FileGroup, *, scale: float = 1.0) -> DraftSet:
    """The data set of a group of files; they are `scale` times as large as those that were sampled."""
    file_format = group.samples[0].format
    whole = all(sample.whole for sample in group.samples) and not group.more
    sampled = sum(len(sample.rows) for sample in group.samples)
    faults = sum(sample.faults for sample in group.samples)
    if file_format is Format.WARC:
        columns, left_out = list(_warc_columns()), list[str]()
    else:
        columns, left_out = _columns(group)
        _texts(columns, as_text=file_format is Format.CSV)
        faults += choose_key(columns, rows=sampled)
        _languages(columns)
        for column in columns:
            _finish(column, is_csv=file_format is Format.CSV, whole=whole)
        faults += sum(
            column.profile.misfits
            for column in columns
            if column.policy is not Policy.DROP and column.profile.rows
        )
    versions = any(column.role is Role.VERSION for column in columns)
    markup = markup_of(columns, file_format)
    return DraftSet(
        group,
        kind_of(columns, file_format, markup),
        markup,
        Delivery.UPSERT if versions and file_format is not Format.WARC else Delivery.APPEND,
        tuple(columns),
        tuple(left_out),
        sampled,
        faults,
        round(sum(sample.total for sample in group.samples) * scale),
        _allowed(faults, sampled + faults, whole=whole),
    )


def _allowed(faults: int, rows: int, *, whole: bool) -> float:
    """A share a little above what the sample has, in whole percents; 0 where all was read and is good."""
    share = faults / max(1, rows)
    least = 0.0 if whole and not faults else _UNSEEN
    return min(0.5, max(least, math.ceil(share * 150) / 100))


def _columns(group: FileGroup) -> tuple[list[DraftColumn], list[str]]:
    columns: list[DraftColumn] = []
    left_out: list[str] = []
    for profile in merge_files(group.samples):
        logical = profile.logical_type
        if logical is None:
            left_out.append(profile.name)
            continue
        required = profile.always and profile.misfits == 0
        columns.append(DraftColumn(profile, logical, required, personal=looks_personal(profile)))
    return columns, left_out


def _warc_columns() -> Iterator[DraftColumn]:
    """What the reader makes of a response: address, day, page."""
    url = ColumnProfile(("url",), "WARC-Target-URI")
    day = ColumnProfile(("date",), "WARC-Date")
    page = ColumnProfile(("html",), "payload")
    yield DraftColumn(url, "string", required=True, role=Role.KEY)
    yield DraftColumn(day, "timestamp", required=False, role=Role.VERSION)
    yield DraftColumn(page, "string", required=True, role=Role.TEXT)


def _texts(columns: list[DraftColumn], *, as_text: bool) -> None:
    """All columns of prose; where there is none, the longest text that does not look personal."""
    possible = [c for c in columns if c.logical_type in ("string", "array") and not c.personal]
    chosen = [c for c in possible if c.profile.prose or (c.logical_type == "array" and c.profile.words)]
    if not chosen and possible:
        longest = max(possible, key=lambda c: c.profile.characters / max(1, c.profile.given))
        chosen = [longest] if longest.profile.characters else []
    for column in chosen:
        column.role = Role.TEXT
        if column.logical_type == "string" and column.required and not column.profile.empty:
            column.options["minLength"] = 1
        if as_text and column.profile.empty:
            column.required = False


def _languages(columns: list[DraftColumn]) -> None:
    for column in columns:
        values = column.profile.values
        if (
            column.role is Role.OTHER
            and len(column.profile.path) == 1
            and column.logical_type == "string"
            and column.words & _LANGUAGE_WORDS
            and values
            and all(_TAG.fullmatch(value) for value in values)
            and any(re.split("[-_]", value.lower())[0] in LANGUAGES for value in values)
        ):
            column.role = Role.LANGUAGE
            return


def _finish(column: DraftColumn, *, is_csv: bool, whole: bool) -> None:
    """Type, limits and policy of a column as its role leaves them."""
    profile = column.profile
    if is_csv:
        _type_of_csv(column)
    if column.role is not Role.OTHER:
        if is_csv or column.logical_type not in ("string", "integer", "array", "date", "timestamp"):
            column.logical_type = "string" if profile.types["string"] else column.logical_type
        return
    column.policy = _policy(column, top=len(profile.path) == 1)
    if column.policy is Policy.GENERALISE:
        if column.personal is Personal.TIME:
            column.clock = "day"
        else:
            column.grid = _GRID
    elif column.policy is Policy.KEEP:
        column.enum = enumeration(profile, whole=whole) or []
        if column.logical_type in ("integer", "number") and profile.least is not None and profile.least >= 0:
            column.options["minimum"] = 0
            if profile.most in (1, 5, 10, 100):  # a scale that was used to its end
                column.options["maximum"] = int(profile.most)
    elif column.policy is Policy.DROP:
        column.required = False


def _type_of_csv(column: DraftColumn) -> None:
    """In CSV everything is text: a type only where every cell has it, and the role takes it."""
    profile = column.profile
    if profile.empty:
        column.required = False
        if column.logical_type != "string":
            column.logical_type = "string"
    elif column.role is Role.OTHER and profile.given:
        if profile.integers == profile.given:
            column.logical_type = "integer"
        elif profile.numbers == profile.given:
            column.logical_type = "number"


def _policy(column: DraftColumn, *, top: bool) -> Policy:
    """Never keep for what looks personal; keep only what is a number, a truth or a category."""
    profile, logical = column.profile, column.logical_type
    if column.personal is Personal.DIRECT or not top:
        whole_category = column.personal is None and enumeration(profile, whole=True)
        return Policy.KEEP if whole_category and not top else Policy.DROP
    if column.personal is Personal.PERSON:
        return Policy.KEY if logical in ("string", "integer") else Policy.DROP
    if column.personal is Personal.TIME:
        return Policy.GENERALISE if logical in ("date", "timestamp") else Policy.DROP
    if column.personal is Personal.PLACE:
        return Policy.GENERALISE if logical in ("number", "integer") else Policy.DROP
    few = (
        profile.values is not None
    )  # distinct values: a whole number that is always another is somebody's id
    if logical in ("boolean", "number") or (logical == "integer" and few and not column.words & ID_WORDS):
        return Policy.KEEP
    return Policy.KEEP if enumeration(profile, whole=False) else Policy.DROP
