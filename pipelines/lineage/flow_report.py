"""The report's flows: rows from each partner through admission and every stage; tokens by language.

The first is drawn from the manifest's balance, so what is drawn closes where the laws hold: arrived =
quarantined + documents, documents = kept + what the stages dropped. Documents that are lost are not
tokenised: tokens flow from what was kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import polars as pl

from pipelines.lineage.fates import Fates
from pipelines.lineage.flow import Link, Node, flow
from pipelines.lineage.report_page import Cell, both, figure, section, table
from pipelines.lineage.report_words import language_words, stage_words
from schemas.manifest import Manifest
from schemas.reasons import Stage

_SHOWN = 20  # partners drawn by themselves; the table has all
_REST = "\x00rest"
_NEVER_DROP = (Stage.FINGERPRINT, Stage.REPLACE_PII)
_SHORT = {
    Stage.DECONTAMINATE.value: ("평가 오염", "benchmarks"),
    Stage.FIND_PII.value: ("개인정보", "personal data"),
}


def flow_sections(manifest: Manifest, fates: Fates) -> list[str]:
    """Both flows with their tables."""
    balances = _balances(manifest)
    stages = _stages(balances)
    return [
        section("flow", both("문서의 흐름", "Flow of documents"), _documents(balances, stages)),
        section("tokens", both("토큰의 흐름", "Flow of tokens"), _tokens(fates)),
    ]


def _balances(manifest: Manifest) -> dict[str, Counter[str]]:
    """By partner: sent (where said), arrived, quarantined, documents, kept, and "/stage": dropped there."""
    found: dict[str, Counter[str]] = {}
    for facts in manifest.data_sets:
        counts = found.setdefault(facts.partner, Counter())
        counts["sent"] += facts.rows_sent or 0
        counts["unsaid"] += facts.rows_sent is None
        counts["arrived"] += facts.rows_arrived
        counts["quarantined"] += sum(facts.quarantined.values())
        counts["documents"] += facts.documents
        counts["kept"] += facts.kept
        for name, count in facts.dropped.items():
            counts["/" + name.partition("/")[0]] += count
    return dict(sorted(found.items(), key=lambda item: (-item[1]["arrived"], item[0])))


def _stages(balances: Mapping[str, Counter[str]]) -> list[str]:
    """The stages that may drop, in the order of the data's way."""
    met = {name[1:] for counts in balances.values() for name in counts if name.startswith("/")}
    known = [stage.value for stage in Stage if stage not in _NEVER_DROP or stage.value in met]
    return known + sorted(met - set(known))


def _documents(balances: Mapping[str, Counter[str]], stages: Sequence[str]) -> str:
    drawn = _shown(balances)
    nodes = [Node(f"from {name}", _partner(name, len(balances)), 0, side="left") for name in drawn]
    nodes.append(Node("arrived", ("도착한 행", "rows arrived"), 1, side="above"))
    nodes += [
        Node(f"at {stage}", _SHORT.get(stage, stage_words(stage)), at, side="above")
        for at, stage in enumerate(stages, start=2)
    ]
    last = len(stages) + 2
    nodes.append(Node("kept", ("남은 문서", "kept"), last, side="above"))
    nodes.append(Node("held", ("격리", "quarantined"), 2, side="below", css="held", lane=1))
    nodes += [
        Node(f"lost {stage}", _lost(stage), at, side="below", css="lost", lane=1)
        for at, stage in enumerate(stages, start=3)
    ]
    links: list[Link] = []
    for at, (name, counts) in enumerate(drawn.items()):
        css, whose = "even" if at % 2 else "", _partner(name, len(balances))[0]
        links.append(Link(f"from {name}", "arrived", counts["arrived"], css))
        left = counts["documents"]
        way = ["arrived", *(f"at {stage}" for stage in stages), "kept"]
        for source, target, stage in zip(way[:-1], way[1:], ["", *stages], strict=True):
            left -= counts["/" + stage] if stage else 0
            links.append(Link(source, target, left, css, whose))
    links.append(Link("arrived", "held", sum(c["quarantined"] for c in drawn.values()), "held"))
    links += [
        Link(f"at {stage}", f"lost {stage}", sum(c["/" + stage] for c in drawn.values()), "lost")
        for stage in stages
    ]
    told = (
        "파트너마다 도착한 행이 접수와 각 단계를 지나 얼마나 남았는지; "
        "아래로 갈라지는 것은 격리되거나 버려진 것. 수는 아래 표에. "
        "How the rows of each partner went through admission and every stage; what branches off below was "
        "quarantined or dropped. The numbers are in the table below."
    )
    drawing = flow(nodes, links, captioned="flow-name", told=told, wide=1240, margins=(165, 40))
    title = both("파트너에서 남은 문서까지", "From the partners to the documents kept")
    return f"{figure('flow-name', title, drawing)}{_KEY}{_documents_table(balances, stages)}"


_KEY = (
    f'<p class="key"><span><i class="kept"></i>{both("지나감", "goes on").markup}</span>'
    f'<span><i class="lost"></i>{both("버림", "dropped").markup}</span>'
    f'<span><i class="held"></i>{both("격리", "quarantined").markup}</span></p>'
)


def _lost(stage: str) -> tuple[str, str]:
    korean, english = stage_words(stage)
    return f"{korean}에서 버림", f"dropped: {english}"


def _shown(balances: Mapping[str, Counter[str]]) -> dict[str, Counter[str]]:
    """The largest partners, and the rest as one."""
    named = list(balances.items())
    if len(named) <= _SHOWN + 1:
        return dict(named)
    rest: Counter[str] = Counter()
    for _, counts in named[_SHOWN:]:
        rest.update(counts)
    return {**dict(named[:_SHOWN]), _REST: rest}


def _partner(name: str, of: int) -> tuple[str, str]:
    if name == _REST:
        return f"그 밖의 {of - _SHOWN}곳", f"{of - _SHOWN} others"
    return name, name


def _documents_table(balances: Mapping[str, Counter[str]], stages: Sequence[str]) -> str:
    heads = [
        both("파트너", "partner"),
        both("보낸 행", "rows sent"),
        both("도착", "arrived"),
        both("격리", "quarantined"),
        both("문서", "documents"),
        *(both(*stage_words(stage)) for stage in stages),
        both("남음", "kept"),
    ]
    whole: Counter[str] = Counter()
    for counts in balances.values():
        whole.update(counts)
    rows = [_documents_row(name, counts, stages) for name, counts in balances.items()]
    rows.append(_documents_row(both("모두", "all"), whole, stages))
    caption = both(
        "파트너별 문서의 흐름: 단계의 열은 그 단계에서 버린 문서",
        "Flow of documents by partner: a stage's column counts what it dropped",
    )
    return table(caption, heads, rows, total=True)


def _documents_row(name: Cell, counts: Counter[str], stages: Sequence[str]) -> list[Cell]:
    sent: Cell = counts["sent"] if not counts["unsaid"] else both("말하지 않음", "not said")
    return [
        name,
        sent,
        counts["arrived"],
        counts["quarantined"],
        counts["documents"],
        *(counts["/" + stage] for stage in stages),
        counts["kept"],
    ]


def _tokens(fates: Fates) -> str:
    kept = fates.kept
    whole = (
        kept.group_by("partner")
        .agg(pl.col("tokens").sum())
        .sort(["tokens", "partner"], descending=[True, False])
    )
    order = whole["partner"].to_list()
    drawn = {
        name: (name if at < _SHOWN or len(order) <= _SHOWN + 1 else _REST) for at, name in enumerate(order)
    }
    cells = (
        kept.with_columns(partner=pl.col("partner").replace_strict(drawn, return_dtype=pl.String))
        .group_by("partner", "language", "validation")
        .agg(pl.col("tokens").sum())
        .sort("partner", "language", "validation")
    )
    size: Counter[str] = Counter()
    for partner, language, validation, tokens in cells.iter_rows():
        size[f"from {partner}"] += tokens
        size[f"in {language}"] += tokens
        size[f"validation {validation}"] += tokens
    partners = list(dict.fromkeys(drawn.values()))
    languages = sorted(set(cells["language"]), key=lambda name: (-size[f"in {name}"], name))
    nodes = [Node(f"from {name}", _partner(name, len(order)), 0, side="left") for name in partners]
    nodes += [Node(f"in {name}", language_words(name), 1) for name in languages]
    nodes += [
        Node("validation False", ("학습", "training"), 2),
        Node("validation True", ("검증", "validation"), 2),
    ]
    links = []
    for name in partners:
        mine = cells.filter(pl.col("partner") == name).group_by("language").agg(pl.col("tokens").sum())
        found = dict(mine.iter_rows())
        css = "even" if partners.index(name) % 2 else ""
        links += [Link(f"from {name}", f"in {lang}", found.get(lang, 0), css) for lang in languages]
    sides = cells.group_by("language", "validation").agg(pl.col("tokens").sum())
    split = {(language, validation): tokens for language, validation, tokens in sides.iter_rows()}
    links += [
        Link(f"in {lang}", f"validation {validation}", split.get((lang, validation), 0))
        for lang in languages
        for validation in (False, True)
    ]
    told = (
        "남은 문서의 토큰: 파트너, 언어, 학습과 검증. 수는 아래 표에. "
        "Tokens of the kept documents: by partner, language, training and validation. "
        "The numbers are in the table below."
    )
    picture = flow(nodes, links, captioned="tokens-name", told=told, wide=860, margins=(190, 150), small=True)
    title = both(
        "남은 문서의 토큰: 파트너, 언어, 학습과 검증",
        "Tokens of kept documents: partner, language, training and validation",
    )
    note = both("버린 문서는 토큰으로 나누지 않는다.", "Documents that are dropped are not tokenised.")
    words = f'<p class="note">{note.markup}</p>'
    return f"{figure('tokens-name', title, picture)}{words}{_tokens_table(kept, order, languages)}"


def _tokens_table(kept: pl.DataFrame, partners: Sequence[str], languages: Sequence[str]) -> str:
    cells = kept.group_by("partner", "language").agg(pl.col("tokens").sum())
    found = {(partner, language): tokens for partner, language, tokens in cells.iter_rows()}
    aside = dict(kept.filter("validation").group_by("partner").agg(pl.col("tokens").sum()).iter_rows())
    heads = [
        both("파트너", "partner"),
        *(both(*language_words(name)) for name in languages),
        both("검증용", "for validation"),
        both("토큰", "tokens"),
    ]
    rows: list[list[Cell]] = []
    for partner in partners:
        counts = [found.get((partner, language), 0) for language in languages]
        rows.append([partner, *counts, aside.get(partner, 0), sum(counts)])
    of_language = [sum(found.get((partner, name), 0) for partner in partners) for name in languages]
    sums = [*of_language, sum(aside.values()), sum(of_language)]
    rows.append([both("모두", "all"), *sums])
    return table(both("파트너와 언어별 토큰", "Tokens by partner and language"), heads, rows, total=True)
