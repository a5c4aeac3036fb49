"""From profiles to proposals: which columns are text, key, version or language, and where the others stop.

Everything here is a proposal that the partner's engineer reads: the rules are few, and each is said in the
drafted file beside what it led to.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipelines.intake.draft_columns import (
    ColumnProfile,
    Personal,
    enumeration,
    id_pattern,
    looks_personal,
    merge_files,
)
from pipelines.intake.draft_groups import FileGroup
from schemas.contract import Delivery, Format, Kind, Markup, Policy, Role

_ID_WORDS = {"id", "no", "num", "number", "key", "guid", "uuid", "pk", "idx", "item", "seq", "번호", "식별자"}
_PLACE_OF_ID = {"url", "uri", "path", "slug", "link", "file", "filename"}  # second choice
_VERSION_WORDS = {
    "version",
    "rev",
    "revision",
    "revised",
    "updated",
    "modified",
    "crawl",
    "edition",
    "버전",
    "수정일",
}
_LANGUAGE_WORDS = {"lang", "language", "locale", "언어"}
_DIALOGUE_WORDS = {
    *("prompt", "response", "question", "answer", "utterance", "turn", "turns", "dialog", "dialogue"),
    *("conversation", "messages", "chat", "assistant", "reply", "대화", "질문", "답변", "발화"),
}
_TAG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")  # BCP 47
_LANGUAGES = {"ko", "kr", "en", "ja", "jp", "zh", "cn", "es", "de", "fr", "ru", "vi", "th"}
_FEW_TWINS = 0.05  # share of repeated values that an id may still have: they are refused, and told
_UNSEEN = 0.01  # share of rows that may break what a sample said, where files were not read to their ends
_SHORT_POST = 300  # code points of a text on the average
_GRID = 0.01  # degrees: about a kilometre


@dataclass
class DraftColumn:
    """One column as it is proposed."""

    profile: ColumnProfile
    logical_type: str
    required: bool
    role: Role = Role.OTHER
    policy: Policy | None = None
    unique: bool = False
    clock: str | None = None
    grid: float | None = None
    options: dict[str, Any] = field(default_factory=dict)
    enum: list[Any] = field(default_factory=list)
    personal: Personal | None = None

    @property
    def words(self) -> set[str]:
        """The words of its name."""
        return {word for word in re.split(r"[\W_]+", self.profile.path[-1].lower()) if word}


@dataclass(frozen=True)
class DraftSet:
    """One data set as it is proposed; `left_out` are columns whose values are of mixed types."""

    group: FileGroup
    kind: Kind
    markup: Markup
    delivery: Delivery
    columns: tuple[DraftColumn, ...]
    left_out: tuple[str, ...]
    sampled: int  # rows
    faults: int  # rows of the sample that the contract would refuse
    total: int  # rows of all files
    max_quarantined: float

    @property
    def format(self) -> Format:
        """The format of its files."""
        return self.group.samples[0].format

    @property
    def whole(self) -> bool:
        """Whether every file was read to its end."""
        return all(sample.whole for sample in self.group.samples)

    def of_role(self, role: Role) -> list[DraftColumn]:
        """The columns of a role, in order."""
        return [column for column in self.columns if column.role is role]


def propose(group: FileGroup) -> DraftSet:
    """The data set of a group of files."""
    file_format = group.samples[0].format
    whole = all(sample.whole for sample in group.samples)
    sampled = sum(len(sample.rows) for sample in group.samples)
    faults = sum(sample.faults for sample in group.samples)
    if file_format is Format.WARC:
        columns, left_out = list(_warc_columns()), []
    else:
        columns, left_out = _columns(group)
        _texts(columns, as_text=file_format is Format.CSV)
        faults += _key(columns, rows=sampled)
        _languages(columns)
        for column in columns:
            _finish(column, is_csv=file_format is Format.CSV, whole=whole)
        faults += sum(
            column.profile.misfits
            for column in columns
            if column.policy is not Policy.DROP and column.profile.rows
        )
    versions = any(column.role is Role.VERSION for column in columns)
    markup = _markup(columns, file_format)
    return DraftSet(
        group,
        _kind(columns, file_format, markup),
        markup,
        Delivery.UPSERT if versions and file_format is not Format.WARC else Delivery.APPEND,
        tuple(columns),
        tuple(left_out),
        sampled,
        faults,
        sum(sample.total for sample in group.samples),
        _allowed(faults, sampled + faults, whole=whole),
    )


def _allowed(faults: int, rows: int, *, whole: bool) -> float:
    """A share a little above what the sample has, in whole percents; 0 where all was read and is good."""
    share = faults / max(1, rows)
    least = 0.0 if whole and not faults else _UNSEEN
    return min(0.5, max(least, math.ceil(share * 150) / 100))


def _columns(group: FileGroup) -> tuple[list[DraftColumn], list[str]]:
    columns, left_out = [], []
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


def _key(columns: list[DraftColumn], *, rows: int) -> int:
    """Give the roles key and version; how many rows repeat a key all the same."""
    able = [column for column in columns if _may_be_key(column)]
    ranked = sorted(able, key=_rank)
    for column in ranked:
        if _twins(column) == 0 and _rank(column) < 2:
            return _make_key(column, twins=0)
    for column in ranked:
        for versions in _versions(columns):
            if _rank(column) < 2 and _twins(column, versions) == 0:
                for version in versions:
                    version.role = Role.VERSION
                return _make_key(column, twins=-1)
    for column in ranked:
        if _rank(column) < 2 and _twins(column) <= _FEW_TWINS * rows:
            return _make_key(column, twins=_twins(column))
    for column in ranked:
        if _twins(column) == 0 and column.logical_type == "string":
            return _make_key(column, twins=0)
    return 0


def _may_be_key(column: DraftColumn) -> bool:
    profile = column.profile
    return (
        len(profile.path) == 1
        and column.role is Role.OTHER
        and column.logical_type in ("string", "integer")
        and column.required
        and not profile.empty
        and not column.personal
        and profile.longest <= 200
    )


def _rank(column: DraftColumn) -> int:
    """0 for what is named like an id, 1 for what is named like a place, 2 for the rest."""
    words = column.words
    ends = any(word.endswith(("id", "no")) and len(word) <= 8 for word in words)
    return 0 if words & _ID_WORDS or ends else 1 if words & _PLACE_OF_ID else 2


def _versions(columns: list[DraftColumn]) -> Iterator[list[DraftColumn]]:
    """Columns that may tell revisions apart: one, or several of which each row has one (a schema that drifted)."""
    able = [
        column
        for column in columns
        if len(column.profile.path) == 1
        and column.role is Role.OTHER
        and column.logical_type in ("string", "integer", "number", "date", "timestamp")
        and (column.words & _VERSION_WORDS or column.logical_type in ("date", "timestamp"))
    ]
    yield from ([column] for column in able)
    named = [column for column in able if column.words & _VERSION_WORDS]
    if len(named) > 1:
        yield named


def _twins(column: DraftColumn, versions: list[DraftColumn] | None = None) -> int:
    """How many rows repeat the value (and version) of an earlier one."""
    keys = column.profile.hash_rows()
    parts = [keys]
    if versions:
        first = np.zeros_like(keys)
        for version in versions:
            values = version.profile.hash_rows()
            first = np.where(first == 0, values, first)
        parts.append(first)
    return len(keys) - len(np.unique(np.stack(parts, axis=1), axis=0))


def _make_key(column: DraftColumn, *, twins: int) -> int:
    column.role = Role.KEY
    column.unique = twins == 0
    if (pattern := id_pattern(column.profile)) is not None:
        column.options["pattern"] = f"^{pattern}$"
    return max(0, twins)


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
            and any(re.split("[-_]", value.lower())[0] in _LANGUAGES for value in values)
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
    if logical in ("boolean", "number") or (logical == "integer" and few and not column.words & _ID_WORDS):
        return Policy.KEEP
    return Policy.KEEP if enumeration(profile, whole=False) else Policy.DROP


def _markup(columns: list[DraftColumn], file_format: Format) -> Markup:
    if file_format is Format.WARC:
        return Markup.HTML
    texts = [column.profile for column in columns if column.role is Role.TEXT]
    if not texts:
        return Markup.PLAIN
    longest = max(texts, key=lambda profile: profile.characters)
    count = max(1, longest.types["string"])
    if longest.coded >= 0.5 * count:
        return Markup.PLAIN
    if longest.tagged >= 0.5 * count and longest.tagged > longest.marked:
        return Markup.HTML
    return Markup.MARKDOWN if longest.marked >= 0.3 * count else Markup.PLAIN


def _kind(columns: list[DraftColumn], file_format: Format, markup: Markup) -> Kind:
    texts = [column for column in columns if column.role is Role.TEXT]
    if file_format is Format.WARC or markup is Markup.HTML:
        return Kind.WEB
    if not texts:
        return Kind.TABLE
    longest = max(texts, key=lambda column: column.profile.characters)
    profile = longest.profile
    if len(texts) > 1 and all(column.words & _LANGUAGES for column in texts):
        return Kind.PARALLEL
    if profile.coded >= 0.5 * max(1, profile.types["string"]) and 2 * profile.marked < profile.coded:
        return Kind.CODE
    said = {
        word for column in texts for part in column.profile.path for word in re.split(r"[\W_]+", part.lower())
    }
    if said & _DIALOGUE_WORDS or len(profile.path) > 1:
        return Kind.DIALOGUE
    if any(column.personal is Personal.PLACE for column in columns):
        return Kind.TABLE
    return Kind.SHORT_POST if profile.mean_length < _SHORT_POST else Kind.DOCUMENT


def texts_of(draft: DraftSet, most: int) -> list[tuple[str, str | None]]:
    """Texts of rows spread over the samples, joined as the reader joins them, with the declared language."""
    texts = draft.of_role(Role.TEXT)
    language = next(iter(draft.of_role(Role.LANGUAGE)), None)
    share = max(1, most // len(draft.group.samples))
    found = []
    for sample in draft.group.samples:
        step = max(1, len(sample.rows) // share)
        for row in sample.rows[::step][:share]:
            parts = [piece for column in texts for piece in _pieces(row, column.profile.path)]
            declared = row.get(language.profile.path[0]) if language else None
            found.append(
                ("\n".join(part for part in parts if part), declared if isinstance(declared, str) else None)
            )
    return found


def _pieces(value: Any, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _pieces(item, path)
    elif path:
        if isinstance(value, dict):
            yield from _pieces(value.get(path[0]), path[1:])
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
    elif isinstance(value, str):
        yield value
