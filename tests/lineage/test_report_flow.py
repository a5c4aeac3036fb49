"""What the report draws is what the manifest and the ledger say."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.lineage.fates import Fates, count_fates
from pipelines.lineage.flow import Link, Node, flow
from pipelines.lineage.flow_report import flow_sections
from pipelines.lineage.ledger import read_ledger
from schemas.manifest import DataSetFacts, Manifest
from schemas.reasons import Stage

PARTNERS = [f"p{number:02}" for number in range(30)]
DROPS = [
    "extract/no_text",
    "language/language_unsure",
    "quality/too_short",
    "dedup/exact_duplicate",
    "odd/one",
]


@pytest.fixture(scope="session")
def fates(whole: tuple[Path, Manifest]) -> Fates:
    return count_fates(*whole)


def drawn(section: str) -> Counter[tuple[str, str, str]]:
    """(whose, from, to) of every link with what it carries, as its title says; data-value says the same."""
    found: Counter[tuple[str, str, str]] = Counter()
    for value, title in re.findall(r'data-value="(\d+)"[^>]*><title>([^<]*)</title>', section):
        whose, way, count = re.fullmatch(r"(?:(.*?): )?(.* → .*): ([\d,]+)", title).groups()
        assert int(value) == int(count.replace(",", ""))
        found[(whose or "", *way.split(" → "))] += int(value)
    return found


def through(links: Counter[tuple[str, str, str]]) -> tuple[Counter[str], Counter[str]]:
    """What comes into each node and what leaves it."""
    into, out = Counter(), Counter()
    for (_, source, target), value in links.items():
        out[source] += value
        into[target] += value
    return into, out


@st.composite
def balances(draw) -> list[DataSetFacts]:
    """Data sets whose balance holds."""
    found = []
    for partner in draw(st.lists(st.sampled_from(PARTNERS), min_size=1, max_size=40)):
        counts = st.integers(0, 10_000)
        dropped = draw(st.dictionaries(st.sampled_from(DROPS), counts))
        kept, held = draw(counts), draw(counts)
        documents = kept + sum(dropped.values())
        found.append(
            DataSetFacts(
                partner=partner,
                data_set="d",
                kind="web",
                rows_sent=draw(st.sampled_from([None, documents + held])),
                rows_arrived=documents + held,
                quarantined={"invalid_json": held},
                documents=documents,
                kept=kept,
                dropped=dropped,
                bytes=1,
                tokens=kept,
                pii={},
            )
        )
    return found


@settings(max_examples=40)
@given(facts=balances())
def test_the_flow_of_documents_closes_and_is_the_manifests(
    facts: list[DataSetFacts], whole: tuple[Path, Manifest], fates: Fates
):
    section = flow_sections(replace(whole[1], data_sets=tuple(facts)), fates)[0]
    links = drawn(section)
    into, out = through(links)
    for node in into.keys() & out.keys():
        assert into[node] == out[node], node
    arrived = sum(one.rows_arrived for one in facts)
    assert out["도착한 행 rows arrived"] == into["도착한 행 rows arrived"] == arrived
    assert into["격리 quarantined"] == sum(sum(one.quarantined.values()) for one in facts)
    assert into["남은 문서 kept"] == sum(one.kept for one in facts)
    lost = Counter()
    for one in facts:
        for name, count in one.dropped.items():
            lost[name.split("/")[0]] += count
    for stage, count in lost.items():
        ends = [value for (_, _, to), value in links.items() if to.endswith(f"dropped: {stage_words(stage)}")]
        assert sum(ends) == count
    partners = Counter()
    for one in facts:
        partners[one.partner] += one.rows_arrived
    if len(partners) <= 21:
        assert {name: out[name] for name in partners} == dict(partners)
    row = re.search(r"<tfoot><tr>.*?</tr></tfoot>", section)[0]
    numbers = [int(cell.replace(",", "")) for cell in re.findall(r'<td class="n">([\d,]+)</td>', row)]
    assert numbers[-1] == into["남은 문서 kept"]
    assert arrived in numbers


def stage_words(stage: str) -> str:
    return {"dedup": "deduplicate"}.get(stage, stage) if stage in list(Stage) else stage


def test_the_flow_of_tokens_is_the_ledgers(whole: tuple[Path, Manifest]):
    build, manifest = whole
    section = flow_sections(manifest, count_fates(build, manifest))[1]
    into, out = through(drawn(section))
    rows = read_ledger(build, manifest=manifest).to_pylist()
    for partner in {row["partner"] for row in rows}:
        assert out[partner] == sum(row["tokens"] for row in rows if row["partner"] == partner)
    for name, told in (("ko", "한국어 Korean"), ("en", "영어 English"), (None, "알 수 없음 unknown")):
        tokens = sum(row["tokens"] for row in rows if row["language"] == name)
        assert into[told] == out[told] == tokens > 0
    aside = {shard.name for segment in manifest.segments for shard in segment.validation}
    assert into["검증 validation"] == sum(row["tokens"] for row in rows if row["shard"] in aside) > 0
    assert into["학습 training"] == sum(shard.tokens for s in manifest.segments for shard in s.train)


def test_fates_are_the_same_however_the_ledger_is_cut(whole: tuple[Path, Manifest]):
    build, manifest = whole
    fates = count_fates(build, manifest).fates
    rows = read_ledger(build, manifest=manifest).to_pylist()
    assert fates["documents"].sum() == len(rows)
    assert fates["tokens"].sum() == sum(row["tokens"] for row in rows)
    counted = Counter((row["partner"], row["kept"], row["stage"], row["reason"]) for row in rows)
    for key, count in counted.items():
        same = [
            n
            for *found, n in fates.select("partner", "kept", "stage", "reason", "documents").iter_rows()
            if tuple(found) == key
        ]
        assert sum(same) == count


@settings(max_examples=40)
@given(values=st.lists(st.lists(st.integers(0, 1000), min_size=3, max_size=3), min_size=1, max_size=5))
def test_links_are_as_wide_as_what_they_carry_and_stay_in_their_nodes(values: list[list[int]]):
    nodes = [Node(f"a{at}", (f"a{at}", f"a{at}"), 0, side="left") for at in range(len(values))]
    nodes += [Node(f"b{to}", (f"b{to}", f"b{to}"), 1) for to in range(3)]
    links = [Link(f"a{at}", f"b{to}", value) for at, row in enumerate(values) for to, value in enumerate(row)]
    if not any(link.value for link in links):
        return
    svg = ET.fromstring(flow(nodes, links, captioned="x", told="", wide=500, margins=(50, 50)).markup)
    wide, tall = map(float, svg.get("viewBox").split()[2:])
    boxes = [
        tuple(float(box.get(name)) for name in ("x", "y", "width", "height")) for box in svg.findall("rect")
    ]
    whole = sum(sum(row) for row in values)
    for x, y, width, height in boxes:
        assert 0 <= x <= x + width <= wide
        assert 0 <= y <= y + height <= tall
    for one in svg.findall("path"):
        start, thick = re.match(r"M[\d.]+,([\d.]+)C[^v]*v([\d.]+)C", one.get("d")).groups()
        carried = int(one.get("data-value"))
        assert float(thick) == pytest.approx(max(300 * carried / whole, 1.2), abs=0.01)
        assert any(y - 0.1 <= float(start) <= y + height + 0.1 for _, y, _, height in boxes)


def test_a_build_that_kept_nothing_of_some_partner_is_drawn(whole: tuple[Path, Manifest]):
    build, manifest = whole
    none = replace(manifest.data_sets[0], kept=0, dropped={}, documents=0, rows_arrived=0, quarantined={})
    sections = flow_sections(replace(manifest, data_sets=(none,)), count_fates(build, manifest))
    for svg in re.findall(r"<svg.*?</svg>", "".join(sections)):
        ET.fromstring(svg)
