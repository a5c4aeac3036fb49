"""What the texts of a data set to be are like: markup, kind, and the texts of a few rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pipelines.intake.draft_personal import Personal
from pipelines.intake.draft_set import DraftColumn, DraftSet
from schemas.contract import Format, Kind, Markup, Role

LANGUAGES = {"ko", "kr", "en", "ja", "jp", "zh", "cn", "es", "de", "fr", "ru", "vi", "th"}
_DIALOGUE_WORDS = {
    *("prompt", "response", "question", "answer", "utterance", "turn", "turns", "dialog", "dialogue"),
    *("conversation", "messages", "chat", "assistant", "reply", "대화", "질문", "답변", "발화"),
}
_SHORT_POST = 300  # code points of a text on the average


def markup_of(columns: list[DraftColumn], file_format: Format) -> Markup:
    """What half of the longest texts hold; a few signs of Markdown suffice."""
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


def kind_of(columns: list[DraftColumn], file_format: Format, markup: Markup) -> Kind:
    """A guess by the names of the texts, their lengths and what stands beside them."""
    texts = [column for column in columns if column.role is Role.TEXT]
    if file_format is Format.WARC or markup is Markup.HTML or not texts:
        return Kind.WEB if markup is Markup.HTML else Kind.TABLE
    longest = max(texts, key=lambda column: column.profile.characters)
    profile = longest.profile
    if len(texts) > 1 and all(column.words & LANGUAGES for column in texts):
        return Kind.PARALLEL
    if profile.coded >= 0.5 * max(1, profile.types["string"]) and 2 * profile.marked < profile.coded:
        return Kind.CODE
    said = {
        word for column in texts for part in column.profile.path for word in re.split(r"[\W_]+", part.lower())
    }
    if said & _DIALOGUE_WORDS or len(profile.path) > 1:
        return Kind.DIALOGUE
    long = Kind.SHORT_POST if profile.mean_length < _SHORT_POST else Kind.DOCUMENT
    return Kind.TABLE if any(column.personal is Personal.PLACE for column in columns) else long


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
