from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pyarrow.compute as pc

from pipelines.lineage import search_report
from pipelines.lineage.ledger import read_ledger
from pipelines.lineage.personal_report import CLASSES
from pipelines.lineage.report import render_report, report_summary
from pipelines.lineage.report_words import REASONS, REFUSALS, STAGES
from pipelines.stages.pii.gate import ENTITIES
from schemas.reasons import Reason, Refusal, Stage
from schemas.rights import ClassPolicy
from tests.lineage.small_build import documents, write_build

VOID = {"meta", "input"}


class Balanced(HTMLParser):
    """Checks that every tag is closed in its turn; keeps the text and the links."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.ids: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        found = dict(attrs)
        if "id" in found:
            self.ids.add(found["id"])
        if "href" in found:
            self.links.append(found["href"])
        assert "src" not in found

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(page: str) -> Balanced:
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    return parser


def test_the_page_is_whole_by_itself_and_the_same_each_time(built):
    build, manifest = built
    page = render_report(manifest, build)
    assert page == render_report(manifest, build)
    assert page == (build / "report.html").read_text(encoding="utf-8")
    parsed = read(page)
    assert "http" not in re.sub(r"http-equiv", "", page)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    for kind, inline in re.findall(r"<(script|style)>(.*?)</\1>", page, re.DOTALL):
        digest = b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<[^>]* (style|on\w+)=", page)  # the policy forbids both
    assert {link.removeprefix("#") for link in parsed.links} <= parsed.ids


def test_the_page_tells_counts_reasons_contracts_and_shards_in_both_languages(built):
    build, manifest = built
    text = " ".join(read(render_report(manifest, build)).text)
    for facts in manifest.data_sets:
        assert f"{facts.tokens:,}" in text
    for words in (
        "nearly the same text as a kept document",
        "남은 문서와 거의 같은 글",
        "JSON이 아닌 줄",
        "한국어",
        "Korean",
    ):
        assert words in text
    for shard in manifest.shards:
        assert shard.name in text
    assert "its contract does not allow distillation" in text
    assert "CC-BY-4.0" in text
    assert text.count("holds") == 7
    assert "broken" not in text


def test_a_balance_that_does_not_hold_is_shown_as_broken(built):
    build, manifest = built
    first = manifest.data_sets[0]
    wrong = replace(manifest, data_sets=(replace(first, kept=first.kept + 1), *manifest.data_sets[1:]))
    text = " ".join(read(render_report(wrong, build)).text)
    assert text.count("broken") == 3  # two laws, and the header that counts them
    assert "2 laws of conservation broken" in text


def test_names_cannot_become_markup(built):
    build, manifest = built
    evil = "<b>x</b>\"'&"
    first = manifest.contracts[0]
    contracts = (replace(first, rights=replace(first.rights, licence=evil)), *manifest.contracts[1:])
    sets = (replace(manifest.data_sets[0], data_set=evil, dropped={evil: 1}), *manifest.data_sets[1:])
    page = render_report(replace(manifest, contracts=contracts, data_sets=sets), build)
    read(page)
    assert "<b>x" not in page
    assert evil in " ".join(read(page).text)


def test_the_summary_has_a_row_for_each_data_set_and_their_total(built):
    _, manifest = built
    rows = report_summary(manifest)
    assert [row["data set"] for row in rows] == ["a_dot/chat", "liner/pages", "liner/help", "total"]
    for column in ("rows", "quarantined", "documents", "dropped", "kept", "tokens", "personal data"):
        assert rows[-1][column] == sum(row[column] for row in rows[:-1]) > 0
    assert all(list(row) == list(rows[0]) for row in rows)


def test_every_stage_reason_and_refusal_has_its_korean_wording():
    assert set(STAGES) == set(Stage)
    assert set(REASONS) == set(Reason)
    assert set(REFUSALS) == set(Refusal)


def test_personal_data_is_told_by_data_set_class_and_action_with_the_word_it_was_done_on(built):
    build, manifest = built
    first = manifest.contracts[0]
    said = (
        ClassPolicy("EMAIL_ADDRESS", expected=True, policy="keep", why="공개된 연락처"),
        ClassPolicy("KR_RRN", expected=True, policy="keep", why="법이 시킴"),
        ClassPolicy("PHONE_NUMBER", expected=True, policy="remove", why=""),
    )
    contracts = (replace(first, rights=replace(first.rights, personal_data=said)), *manifest.contracts[1:])
    pii = {
        "EMAIL_ADDRESS:kept": 41,
        "KR_RRN:removed": 42,
        "PHONE_NUMBER:removed": 43,
        "KR_PASSPORT": 44,
        "URL": 45,
    }
    facts = replace(manifest.data_sets[0], pii=pii, dropped={"find_pii/forbidden_identifier": 46})
    page = render_report(
        replace(manifest, contracts=contracts, data_sets=(facts, *manifest.data_sets[1:])), build
    )
    text = " ".join(" ".join(read(page).text).split())
    for words in (
        "EMAIL_ADDRESS 그대로 둠 kept 41",
        "공개된 연락처",
        "KR_RRN 삭제 removed 42",
        "the contract says keep, the law forbids it",
        "PHONE_NUMBER 삭제 removed 43",
        ": remove",
        "KR_PASSPORT 가명으로 바꿈 surrogate 44",
        "unique identifiers are never kept",
        "URL 가명으로 바꿈 surrogate 45",
        "does not say: the default",
        "held what the contract says is absent 46",
    ):
        assert words in text


def test_every_class_that_is_looked_for_has_its_korean_name():
    assert set(CLASSES) == ENTITIES


def test_lengths_are_those_of_the_ledger_in_powers_of_two(built):
    build, manifest = built
    lengths = read_ledger(build, ["tokens"], pc.field("kept"), manifest=manifest)["tokens"].to_pylist()
    page = render_report(manifest, build)
    told = re.search(r"tokens in a document, all documents: ([^\"]*)", page).group(1)
    said = {int(low.replace(",", "")): int(n) for low, n in re.findall(r"([\d,]+) \+: (\d+)", told)}
    assert said == dict(sorted(Counter(1 << (n.bit_length() - 1) for n in lengths).items()))
    partner = manifest.data_sets[0].partner
    tokens = sum(facts.tokens for facts in manifest.data_sets if facts.partner == partner)
    assert re.search(
        rf"<th scope=\"row\">{partner}</th><td class=\"n\">[\d,]+</td><td class=\"n\">{tokens:,}</td>", page
    )


def test_a_build_of_which_nothing_was_kept_or_that_has_no_contract_has_a_page(tmp_path):
    rows = [
        row | {"kept": False, "stage": "quality", "reason": "too_short", "tokens": 0} for row in documents(3)
    ]
    rows = [row | {"duplicate_of": None, "input_ids": None} for row in rows]
    manifest = write_build(tmp_path / "none", rows)
    nothing = replace(manifest, contracts=(), drops=(), date="", data_sets=(), segments=())
    for one in (manifest, nothing):
        read(render_report(one, tmp_path / "none"))


def test_past_the_largest_index_the_page_names_the_command(built, monkeypatch):
    build, manifest = built
    assert 'id="index"' in render_report(manifest, build)
    monkeypatch.setattr(search_report, "MOST", sum(facts.documents for facts in manifest.data_sets) - 1)
    page = render_report(manifest, build)
    assert 'id="index"' not in page
    assert "malmoi trace BUILD --doc ID" in page


def test_the_order_of_the_ledgers_rows_and_parts_leaves_the_index_as_it_is(built):
    build, manifest = built
    found = search_report.index_of(build, manifest)
    segment = manifest.segments[0]
    turned = replace(manifest, segments=(replace(segment, ledger=segment.ledger[::-1]),))
    assert search_report.index_of(build, turned) == found
    assert render_report(turned, build) == render_report(manifest, build)
