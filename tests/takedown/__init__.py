"""Takedown of documents."""

from __future__ import annotations

from pipelines.preview import data_set_of
from schemas.contract import Kind, Markup

A_DATA_SET = data_set_of(kind=Kind.DOCUMENT, markup=Markup.PLAIN, languages=())
