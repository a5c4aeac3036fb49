"""The report's data sets: all in one table, then partner by partner with every reason."""

from __future__ import annotations

from pipelines.lineage.report_page import Cell, Html, bar, both, escaped, section, share, table
from pipelines.lineage.report_words import drop_words, refusal_words
from schemas.manifest import DataSetFacts, Manifest

_LEGEND = (
    f'<p class="key"><span><i class="kept"></i>{both("남음", "kept").markup}</span>'
    f'<span><i class="lost"></i>{both("버림", "dropped").markup}</span>'
    f'<span><i class="held"></i>{both("격리", "quarantined").markup}</span></p>'
)


def data_sets_section(manifest: Manifest) -> str:
    """A row for each data set."""
    heads = [
        both("데이터 세트", "data set"),
        both("종류", "kind"),
        both("행", "rows"),
        both("격리", "quarantined"),
        both("문서", "documents"),
        both("남음", "kept"),
        both("남은 비율", "kept share"),
        both("토큰", "tokens"),
        both("개인정보", "personal data"),
    ]
    places = {partner: at for at, partner in enumerate(_partners(manifest))}
    rows: list[list[Cell]] = [
        [
            Html(f"{_link(facts.partner, places[facts.partner])} / {escaped(facts.data_set)}"),
            facts.kind,
            facts.rows_arrived,
            sum(facts.quarantined.values()),
            facts.documents,
            facts.kept,
            Html(f'<span class="measure">{_fate(facts).markup}{share(facts.kept, facts.documents)}</span>'),
            facts.tokens,
            sum(facts.pii.values()),
        ]
        for facts in manifest.data_sets
    ]
    caption = both("데이터 세트별 문서와 토큰", "Documents and tokens by data set")
    return section("data-sets", both("데이터 세트", "Data sets"), _LEGEND, table(caption, heads, rows))


def partner_sections(manifest: Manifest) -> list[str]:
    """Links to every partner, then all of each one's data sets."""
    partners = _partners(manifest)
    links = "".join(_link(partner, at) for at, partner in enumerate(partners))
    parts = [f'<p class="links">{links}</p>']
    for at, partner in enumerate(partners):
        parts.append(f'<h3 id="partner-{at}">{escaped(partner)}</h3>')
        parts += [_data_set(facts) for facts in manifest.data_sets if facts.partner == partner]
    return [section("partners", both("파트너별 명세", "Partner by partner"), *parts)]


def _data_set(facts: DataSetFacts) -> str:
    rows: list[list[Cell]] = [[both("도착한 행", "rows arrived"), facts.rows_arrived, ""]]
    for name, count in _largest(facts.quarantined):
        korean, english = refusal_words(name)
        label = both(f"격리: {korean}", f"quarantined: {english}")
        rows.append([label, count, share(count, facts.rows_arrived)])
    rows.append([both("문서", "documents"), facts.documents, share(facts.documents, facts.rows_arrived)])
    rows += [[both(*drop_words(n)), c, share(c, facts.documents)] for n, c in _largest(facts.dropped)]
    rows.append([both("남은 문서", "kept"), facts.kept, share(facts.kept, facts.documents)])
    rows.append([both("토큰", "tokens"), facts.tokens, ""])
    rows += [[both(f"개인정보: {n}", f"personal data: {n}"), c, ""] for n, c in _largest(facts.pii)]
    heads = [both("항목", "item"), both("수", "count"), both("비율", "share")]
    caption = Html(f"<b>{escaped(facts.partner)} / {escaped(facts.data_set)}</b> ({escaped(facts.kind)})")
    return _fate(facts).markup + table(caption, heads, rows)


def _partners(manifest: Manifest) -> list[str]:
    return sorted({facts.partner for facts in manifest.data_sets})


def _link(partner: str, at: int) -> str:
    return f'<a href="#partner-{at}">{escaped(partner)}</a>'


def _fate(facts: DataSetFacts) -> Html:
    parts = [
        ("kept", facts.kept, "남음 kept"),
        ("lost", sum(facts.dropped.values()), "버림 dropped"),
        ("held", sum(facts.quarantined.values()), "격리 quarantined"),
    ]
    return bar(parts, whole=sum(count for _, count, _ in parts))


def _largest(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
