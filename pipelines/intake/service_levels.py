"""Service levels: volume, languages and lateness of a drop against what the contract expects."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from schemas.admission import DropFinding
from schemas.contract import Contract, DataSet, Expected, Severity
from schemas.drop import Period

CONFIDENCE = 0.99
_Z = 2.5758293035489004  # of the normal distribution: 99 % two-sided


@dataclass(frozen=True)
class Previous:
    """The admitted drop before this one: when it came, and the days its data is of."""

    day: str
    period: Period | None


def volume(data_set: DataSet, rows: int) -> Iterator[DropFinding]:
    """Rows of one drop against `malmoi.rows`."""
    expected = data_set.rows_expected
    if expected is None or _within(expected, rows):
        return
    wanted, korean = _range(expected, "{:,g}")
    yield DropFinding(
        Severity.ERROR,
        "volume",
        data_set.name,
        f"{rows:,} rows arrived, {wanted} are expected: hand in what is missing, or change malmoi.rows",
        f"{rows:,}행이 도착했으나 예상은 {korean}행입니다. 빠진 것을 납품하거나 malmoi.rows를 고치십시오",
    )


def share_bounds(part: int, sampled: int, whole: int) -> tuple[float, float]:
    """Wilson's interval (1927) of a share at 99 %, narrowed to what is sampled of a finite whole.

    The finite population correction: a sample of n of N weighs like one of n (N - 1) / (N - n).
    """
    if sampled == 0:
        return 0.0, 1.0
    share = part / sampled
    if sampled >= whole:
        return share, share
    size = sampled * (whole - 1) / (whole - sampled)
    centre = (share + _Z * _Z / (2 * size)) / (1 + _Z * _Z / size)
    reach = _Z * math.sqrt(share * (1 - share) / size + _Z * _Z / (4 * size * size)) / (1 + _Z * _Z / size)
    return max(0.0, centre - reach), min(1.0, centre + reach)


def language_shares(
    data_set: DataSet, languages: Mapping[str, int], *, sampled: int, rows: int
) -> Iterator[DropFinding]:
    """Shares of the sample against `malmoi.languageShare.*`.

    A share is refused where even its 99 % interval lies outside, and warned of where only the measure does.
    """
    for language, expected in data_set.languages_expected:
        if sampled == 0:
            continue
        low, high = share_bounds(languages.get(language, 0), sampled, rows)
        share = languages.get(language, 0) / sampled
        if _within(expected, share):
            continue
        sure = (expected.least is not None and high < expected.least) or (
            expected.most is not None and low > expected.most
        )
        wanted, korean = _range(expected, "{:.1%}")
        measured = f"{share:.1%} ({low:.1%} to {high:.1%} at {CONFIDENCE:.0%}, {sampled:,} of {rows:,} rows)"
        yield DropFinding(
            Severity.ERROR if sure else Severity.WARNING,
            "language_share",
            data_set.name,
            f"{language}: {measured}, {wanted} is expected: check the drop, or change the contract",
            f"{language} 비율 {share:.1%}(표본 {sampled:,}/{rows:,}행, 99 % 구간 {low:.1%}~{high:.1%}), "
            f"예상 {korean}. 납품물을 확인하거나 계약을 고치십시오",
        )


def lateness(
    contract: Contract, previous: Previous | None, *, today: str, period: Period | None
) -> Iterator[DropFinding]:
    """The drop's day against the one before it, and the days its data is of against those of that one."""
    service = contract.service
    if service is None or previous is None:
        return
    due = date.fromisoformat(previous.day) + timedelta(days=service.every_days)
    late = (date.fromisoformat(today) - due).days
    if late > service.late_days:
        yield DropFinding(
            Severity.WARNING,
            "late",
            "",
            f"the drop was due on {due} and came {late} days later ({service.late_days} are allowed; "
            f"the one before came on {previous.day}): deliver in time, or change frequency and latency",
            f"{due}까지 납품해야 했으나 {late}일 늦었습니다(허용 {service.late_days}일, "
            f"직전 납품 {previous.day}). 기한을 지키거나 frequency와 latency를 고치십시오",
        )
    if period is not None and previous.period is not None:
        gap = (date.fromisoformat(period.first) - date.fromisoformat(previous.period.last)).days - 1
        if gap > 0:
            yield DropFinding(
                Severity.WARNING,
                "period_gap",
                "",
                f"{gap} days lie between the data of the drop before (to {previous.period.last}) and this "
                f"one (from {period.first}): hand in the days between",
                f"직전 납품({previous.period.last}까지)과 이번({period.first}부터) 사이에 {gap}일이 "
                "비어 있습니다. 빠진 날의 데이터를 납품하십시오",
            )


def _within(expected: Expected, value: float) -> bool:
    return not (
        (expected.least is not None and value < expected.least)
        or (expected.most is not None and value > expected.most)
    )


def _range(expected: Expected, form: str) -> tuple[str, str]:
    least, most = expected.least, expected.most
    if least is not None and most is not None:
        return f"{form.format(least)} to {form.format(most)}", f"{form.format(least)}~{form.format(most)}"
    if least is not None:
        return f"at least {form.format(least)}", f"{form.format(least)} 이상"
    return f"at most {form.format(most)}", f"{form.format(most)} 이하"
