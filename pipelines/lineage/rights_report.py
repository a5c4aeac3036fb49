"""The report's rights: how long each contract runs, on a time line, what it allows, who was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date

from pipelines.lineage.report_page import (
    Cell,
    Html,
    both,
    code,
    day,
    english,
    escaped,
    figure,
    section,
    table,
)
from schemas.manifest import ContractFacts, Manifest
from schemas.rights import held_until

_WIDE, _LEFT, _RIGHT, _ROW, _TOP = 1040.0, 170.0, 30.0, 26.0, 40.0
_HATCH = (
    '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><line class="hatch" x1="0" y1="0" x2="0" y2="6"/></pattern></defs>'
)


def rights_sections(manifest: Manifest) -> list[str]:
    """Time line, terms, contracts; partners left out; warnings."""
    ordered = sorted(manifest.contracts, key=lambda one: (one.rights.expires, one.partner))
    excluded: list[list[Cell]] = [[one.partner, english(one.reason)] for one in manifest.excluded]
    warnings: list[list[Cell]] = [[english(warning)] for warning in manifest.warnings]
    return [
        section(
            "rights",
            both("권리와 기한", "Rights and their terms"),
            _line(manifest, ordered) if ordered else "",
            _terms(manifest, ordered),
            _contracts(manifest),
        ),
        section(
            "excluded",
            both("제외된 파트너", "Excluded partners"),
            table(
                both("제외된 파트너와 까닭", "Partners left out, and why"),
                [both("파트너", "partner"), both("까닭", "reason")],
                excluded,
            ),
        ),
        section(
            "warnings",
            both("알림", "Warnings"),
            table(both("계약에 대한 알림", "Warnings of contracts"), [both("알림", "warning")], warnings),
        ),
    ]


def _day(iso: str) -> int | None:
    try:
        return date.fromisoformat(iso).toordinal()
    except ValueError:
        return None


def _line(manifest: Manifest, contracts: list[ContractFacts]) -> str:
    """A row for each contract, first to end first: its term, then how long data may still be held."""
    today = _day(manifest.date)
    spans = [(one, _day(one.rights.starts), _day(one.rights.expires), _held(one)) for one in contracts]
    days = [day for _, *ends in spans for day in ends if isinstance(day, int)]
    days += [today] if today is not None else []
    if not days:
        return ""
    first, last = date.fromordinal(min(days)).year, date.fromordinal(max(days)).year + 1
    begin, end = date(first, 1, 1).toordinal(), date(min(last, date.max.year), 1, 1).toordinal()

    def place(day: int) -> float:
        return _LEFT + (_WIDE - _LEFT - _RIGHT) * (min(day, end) - begin) / max(end - begin, 1)

    tall = _TOP + _ROW * len(contracts) + 16
    drawn = [_years(first, last, place, tall)]
    for at, (one, starts, expires, held) in enumerate(spans):
        y = _TOP + _ROW * at + 6
        drawn.append(
            f'<text x="{_LEFT - 10:.0f}" y="{y + 12:.0f}" text-anchor="end">{escaped(one.partner)}</text>'
        )
        if starts is None or expires is None:
            continue
        last_day = end if held is None else held
        title = (
            f"{one.partner}: {one.rights.starts} – {one.rights.expires}, ≤ {held_until(one.rights) or '…'}"
        )
        drawn.append(f"<g><title>{escaped(title)}</title>")
        drawn.append(
            f'<rect class="kept" x="{place(starts):.1f}" y="{y:.0f}" '
            f'width="{max(place(expires) - place(starts), 1):.1f}" height="14"/>'
            f'<rect class="after" x="{place(expires):.1f}" y="{y:.0f}" '
            f'width="{max(place(last_day) - place(expires), 0):.1f}" height="14"/></g>'
        )
    if today is not None:
        x = place(today)
        drawn.append(f'<path class="today" d="M{x:.1f},26V{tall - 8:.0f}"/>')
        drawn.append(f'<text x="{x:.1f}" y="21" text-anchor="middle">{escaped(manifest.date)}</text>')
    name = both("계약 기간과 그 뒤의 보관", "Terms of the contracts, and how long data may be held after")
    told = "수와 날짜는 아래 표에. The dates are in the table below."
    after = both("기간 뒤 보관(빗금)", "may be held after it (hatched)")
    key = (
        f'<p class="key"><span><i class="kept"></i>{both("계약 기간", "term").markup}</span>'
        f'<span><i class="held"></i>{after.markup}</span>'
        f"<span>┆ {both('권리를 판정한 날', 'day on which rights were judged').markup}</span></p>"
    )
    picture = Html(
        f'<svg viewBox="0 0 {_WIDE:.0f} {tall:.0f}" role="img" aria-labelledby="terms-name">'
        f"<desc>{told}</desc>{_HATCH}{''.join(drawn)}</svg>"
    )
    return figure("terms-name", name, picture) + key


def _held(contract: ContractFacts) -> int | None:
    try:
        until = held_until(contract.rights)
    except (ValueError, OverflowError):  # no date, or one past the calendar's end
        return _day(contract.rights.expires)
    return None if until is None else _day(until)


def _years(first: int, last: int, place: Callable[[int], float], tall: float) -> str:
    step = max(1, -(-(last - first) // 16))
    drawn = []
    for year in range(first, last + 1, step):
        x = place(date(min(year, date.max.year), 1, 1).toordinal())
        drawn.append(f'<path class="rule" d="M{x:.1f},{_TOP:.0f}V{tall - 8:.0f}"/>')
        drawn.append(f'<text class="count" x="{x:.1f}" y="{_TOP - 2:.0f}" text-anchor="middle">{year}</text>')
    return "".join(drawn)


def _terms(manifest: Manifest, contracts: list[ContractFacts]) -> str:
    today = _day(manifest.date)
    rows: list[list[Cell]] = []
    for one in contracts:
        ends, held = _day(one.rights.expires), _held(one)
        left: Cell = ends - today if ends is not None and today is not None else "-"
        until = (
            both("서비스가 끝날 때까지", "end of the service")
            if held is None
            else day(date.fromordinal(held).isoformat())
        )
        outs = ", ".join(f"{out.domain} ({out.since})" for out in one.rights.opt_outs)
        rows.append(
            [
                one.partner,
                day(one.rights.starts),
                day(one.rights.expires),
                left,
                until,
                one.rights.notice_days,
                outs,
            ]
        )
    heads = [
        both("파트너", "partner"),
        both("시작", "starts"),
        both("끝", "ends"),
        both("기준일부터 남은 날", "days left on the day judged"),
        both("보관 기한", "may be held until"),
        both("예고 기간(일)", "notice, days"),
        both("거부한 도메인", "domains opted out"),
    ]
    return table(both("기한, 먼저 끝나는 계약부터", "Terms, the first to end first"), heads, rows)


def _basis(contract: ContractFacts) -> Cell:
    """The article of the PIPA, not to be broken."""
    basis = contract.rights.legal_basis
    return Html(f'<span class="whole">{escaped(basis.article)}</span>') if basis else "-"


def _contracts(manifest: Manifest) -> str:
    tokens: Counter[str] = Counter()
    for facts in manifest.data_sets:
        tokens[facts.partner] += facts.tokens
    heads = [
        both("파트너", "partner"),
        both("판", "version"),
        both("라이선스", "licence"),
        both("허용 목적", "purposes"),
        both("지역", "territory"),
        both("모델 공개", "model release"),
        both("학생 모델 한도", "students up to"),
        both("법적 근거", "legal basis"),
        both("토큰", "tokens"),
    ]
    rows: list[list[Cell]] = [
        [
            one.partner,
            one.version,
            one.rights.licence,
            ", ".join(one.rights.purposes),
            ", ".join(one.rights.territory),
            one.rights.model_release,
            one.rights.max_student_parameters,
            _basis(one),
            tokens[one.partner],
        ]
        for one in manifest.contracts
    ]
    given: list[list[Cell]] = [
        [one.partner, one.rights.attribution, code(one.digest[:16])] for one in manifest.contracts
    ]
    return table(both("계약과 라이선스", "Contracts and licences"), heads, rows) + table(
        both("출처 표시와 계약 지문", "Attribution, and the contracts' digests"),
        [both("파트너", "partner"), both("출처 표시", "attribution"), both("계약 지문", "contract digest")],
        given,
    )
