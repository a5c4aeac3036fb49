"""The page a partner gets for a drop: what came, what was refused and where, and how it compares with before.

One HTML file in Korean and English, from the receipt and the faults alone: counts, names and positions; no
text and no value of any row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.lineage.plots import line
from pipelines.lineage.report_page import (
    Cell,
    Html,
    bar,
    both,
    cards,
    code,
    escaped,
    measure,
    page,
    section,
    share,
    table,
)
from pipelines.lineage.report_words import refusal_words
from schemas.admission import fault_groups

Values = Mapping[str, Any]  # a receipt as JSON values
_EXAMPLES = 5  # positions shown of each rule
_RULES = 100  # rows of the table of refusals
_FILES = 300
_VERDICTS = {
    "admitted": ("접수", "good"),
    "admitted with quarantine": ("접수(일부 행 격리)", "good"),
    "refused": ("거부", "bad"),
}
_LANGUAGES = {
    "ko": "한국어",
    "en": "영어",
    "zh": "중국어",
    "ja": "일본어",
    "es": "스페인어",
    "code": "코드",
    "und": "불명",
}
_STYLE = "td ul{margin:0;padding-left:1.1rem}"


def render_admission(
    receipt: Values, faults: pa.Table, *, day: str, earlier: Sequence[tuple[str, Values]] = ()
) -> str:
    """The page. `faults` is sorted; `earlier` holds the partner's drops before this one with their days."""
    korean, css = _VERDICTS[receipt["verdict"]]
    contract = receipt["contract"]
    verdict = Html(f'<span class="{css}">{both(korean, receipt["verdict"]).markup}</span>')
    return page(
        f"말모이 {receipt['partner']} {receipt['drop'][:16]}",
        f"<header><h1>{both('납품 결과', 'Admission').markup}: {escaped(receipt['partner'])}</h1>",
        f"<p>{verdict.markup} · {escaped(day)} · {both('계약', 'contract').markup} "
        f"{escaped(contract['version'])} "
        f"{code(contract['content_digest'][:16]).markup} · {both('납품', 'drop').markup} "
        f"{code(receipt['drop'][:16]).markup}{_period(receipt)}</p></header>",
        _totals(receipt),
        section("findings", both("판정 근거", "What decided"), _findings(receipt)),
        section("data-sets", both("데이터 세트", "Data sets"), _data_sets(receipt)),
        section("refused", both("거부된 행", "Refused rows"), _refused(faults), _mending(receipt, faults)),
        section("trends", both("이전 납품과 비교", "Against earlier drops"), _trends(receipt, day, earlier)),
        section("languages", both("언어", "Languages"), _languages(receipt)),
        section("personal-data", both("개인정보", "Personal data"), _personal(receipt)),
        section("rules", both("품질 규칙", "Quality rules"), _rules(receipt)),
        section("files", both("파일", "Files"), _files(receipt)),
        section("not-read", both("읽지 않은 것", "What was not read"), _not_read(receipt)),
        css=_STYLE,
    )


def _period(receipt: Values) -> str:
    period = receipt["period"]
    return "" if period is None else escaped(f" · {period['first']} – {period['last']}")


def _totals(receipt: Values) -> str:
    rows, documents = _sum(receipt, "rows_arrived"), _sum(receipt, "documents")
    sent = [file["rows_sent"] for file in receipt["files"]]
    return cards(
        [
            (sum(sent) if sent and None not in sent else "-", both("보낸 행", "rows sent")),
            (rows, both("도착한 행", "rows arrived")),
            (documents, both("받은 행", "rows admitted")),
            (rows - documents, both("거부된 행", "rows refused")),
            (share(rows - documents, rows), both("거부 비율", "share refused")),
            (receipt["faults"]["count"], both("오류", "faults")),
            (len(receipt["files"]), both("파일", "files")),
            (_sum(receipt, "bytes"), both("바이트", "bytes")),
        ]
    )


def _sum(receipt: Values, name: str) -> int:
    return sum(file[name] for file in receipt["files"])


def _findings(receipt: Values) -> str:
    heads = [
        both("정도", "severity"),
        both("항목", "what"),
        both("어디", "where"),
        both("내용과 조치", "what to do"),
    ]
    levels = {"error": ("오류", "bad"), "warning": ("주의", "soft")}
    rows: list[list[Cell]] = []
    for finding in sorted(receipt["findings"], key=lambda told: told["severity"] != "error"):
        korean, css = levels[finding["severity"]]
        level = Html(f'<span class="{css}">{both(korean, finding["severity"]).markup}</span>')
        said = both(finding["korean"], finding["message"])
        rows.append([level, code(finding["code"]), finding["where"], said])
    return table("findings", heads, rows)


def _data_sets(receipt: Values) -> str:
    heads = [
        both("데이터 세트", "data set"),
        both("도착한 행", "rows arrived"),
        both("받은 행", "admitted"),
        both("거부된 행", "refused"),
        both("받은 비율", "share admitted"),
    ]
    rows: list[list[Cell]] = []
    for told in receipt["data_sets"]:
        refused = sum(told["quarantined"].values())
        parts = [("kept", told["documents"], "admitted"), ("held", refused, "refused")]
        drawn = bar(parts, whole=told["rows"]).markup + share(told["documents"], told["rows"])
        amount = Html(f'<span class="measure">{drawn}</span>')
        rows.append([told["name"], told["rows"], told["documents"], refused, amount])
    return table("data sets", heads, rows)


def _refused(faults: pa.Table) -> str:
    """By rule and field, with the places of the first few; one line for each."""
    groups, which = fault_groups(faults)
    counts = np.bincount(which, minlength=len(groups)).tolist()
    names = [(rule, field or "", reason) for field, rule, reason in groups]
    ordered = sorted(range(len(groups)), key=lambda at: (-counts[at], names[at]))
    rows: list[list[Cell]] = []
    for at in ordered[:_RULES]:
        rule, field, reason = names[at]
        words = both(*refusal_words(reason))
        shown = faults.take(pa.array(np.flatnonzero(which == at)[:_EXAMPLES])).to_pylist()
        listed = "".join(f"<li>{code(place(fault)).markup}</li>" for fault in shown)
        rows.append([words, code(rule), code(field) if field else "", counts[at], Html(f"<ul>{listed}</ul>")])
    heads = [
        both("이유", "reason"),
        both("규칙", "rule"),
        both("필드", "field"),
        both("오류", "faults"),
        both("위치의 예(파일:줄:바이트)", "where, for example (file:line:byte)"),
    ]
    return table("refused rows", heads, rows)


def place(fault: Values) -> str:
    """file:line:byte; where the format has no lines, file and row; of a whole file, its path."""
    if fault["row"] < 0 and fault["line"] < 0:
        return str(fault["file"])
    if fault["line"] < 0:
        return f"{fault['file']} row {fault['row']}"
    at = f":{fault['offset']}" if fault["offset"] >= 0 else ""
    return f"{fault['file']}:{fault['line']}{at}"


def _mending(receipt: Values, faults: pa.Table) -> str:
    if not len(faults):
        return ""
    korean = (
        "모든 오류는 faults.parquet에, 거부된 행은 quarantine.jsonl에 있습니다(개인정보는 가림). "
        "행을 꺼내 고친 뒤 다시 납품하십시오:"
    )
    english = (
        "All faults are in faults.parquet, the refused rows in quarantine.jsonl (personal data masked). "
        "Take the rows out, mend them and hand them in again:"
    )
    command = "malmoi quarantine export CONTRACT DIRECTORY -o MENDED"
    again = f"malmoi admit CONTRACT MENDED --registry REGISTRY --mends {receipt['drop'][:16]}"
    said = f"{code(command).markup}<br>{code(again).markup}"
    return f"<p>{both(korean, english).markup}</p><p>{said}</p>"


def _trends(receipt: Values, day: str, earlier: Sequence[tuple[str, Values]]) -> str:
    if not earlier:
        return f"<p>{both('첫 납품입니다', 'this is the first drop').markup}</p>"
    drops = [*earlier, (day, receipt)]
    plots: list[tuple[Html, Html]] = [
        _plot("행", "rows", [(when, float(_sum(told, "rows_arrived"))) for when, told in drops], _whole),
        _plot("바이트", "bytes", [(when, float(_sum(told, "bytes"))) for when, told in drops], _whole),
        _plot("거부 비율", "share refused", [(when, _refused_share(told)) for when, told in drops], _percent),
    ]
    languages = Counter[str]()
    for _, told in drops:
        languages.update(_language_shares(told))
    for name, _ in languages.most_common(5):
        points = [(when, _language_shares(told).get(name, 0.0)) for when, told in drops]
        plots.append(_plot(_LANGUAGES.get(name, name), name, points, _percent))
    figures = "".join(f"<figure><figcaption>{t.markup}</figcaption>{p.markup}</figure>" for t, p in plots)
    return f'<div class="plots">{figures}</div>'


def _plot(korean: str, english: str, points: list[tuple[str, float]], shown: Any) -> tuple[Html, Html]:
    return both(korean, english), line(english, points, shown=shown)


def _whole(value: float) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= size:
            return f"{value / (1e3 if unit == 'k' else size):.3g}{unit}"
    return f"{value:,.0f}"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _refused_share(receipt: Values) -> float:
    rows = _sum(receipt, "rows_arrived")
    return (rows - _sum(receipt, "documents")) / rows if rows else 0.0


def _language_shares(receipt: Values) -> dict[str, float]:
    """Shares of the sampled rows, data sets weighed by their admitted rows."""
    shares: Counter[str] = Counter()
    whole = sum(told["documents"] for told in receipt["data_sets"] if told["sampled"])
    for told in receipt["data_sets"]:
        for name, count in told["languages"].items():
            shares[name] += told["documents"] / max(whole, 1) * count / max(told["sampled"], 1)
    return dict(shares)


def _languages(receipt: Values) -> str:
    heads = [
        both("데이터 세트", "data set"),
        both("언어", "language"),
        both("표본의 행", "rows of the sample"),
        both("비율", "share"),
    ]
    rows: list[list[Cell]] = []
    for told in receipt["data_sets"]:
        for name, count in sorted(told["languages"].items(), key=lambda item: (-item[1], item[0])):
            amount = measure("kept", count, told["sampled"], label=name)
            rows.append([told["name"], both(_LANGUAGES.get(name, name), name), count, amount])
    return table("languages", heads, rows)


def _personal(receipt: Values) -> str:
    heads = [
        both("데이터 세트", "data set"),
        both("종류", "class"),
        both("행", "rows"),
        both("비율", "share"),
    ]
    rows: list[list[Cell]] = [
        [told["name"], code(name), count, share(count, told["rows"])]
        for told in receipt["data_sets"]
        for name, count in sorted(told["pii"].items(), key=lambda item: (-item[1], item[0]))
    ]
    return table("personal data", heads, rows)


def _rules(receipt: Values) -> str:
    heads = [
        both("데이터 세트", "data set"),
        both("규칙", "rule"),
        both("정도", "severity"),
        both("측정", "measured"),
        both("결과", "result"),
    ]
    results = {
        True: ("통과", "passed", "good"),
        False: ("어김", "broken", "bad"),
        None: ("사람이 확인", "for people", "soft"),
    }
    rows: list[list[Cell]] = []
    for told in receipt["data_sets"]:
        for rule in told["rules"]:
            korean, english, css = results[rule["passed"]]
            result = Html(f'<span class="{css}">{both(korean, english).markup}</span>')
            named = Html(f"{code(rule['name']).markup}<br>{escaped(rule['description'])}")
            measured = "-" if rule["measured"] is None else f"{rule['measured']:.6g}"
            rows.append([told["name"], named, rule["severity"], measured, result])
    return table("quality rules", heads, rows)


def _files(receipt: Values) -> str:
    heads = [
        both("파일", "file"),
        both("바이트", "bytes"),
        both("보낸 행", "rows sent"),
        both("도착한 행", "arrived"),
        both("받은 행", "admitted"),
        both("SHA-256", "SHA-256"),
    ]
    rows: list[list[Cell]] = [
        [
            file["path"],
            file["bytes"],
            "-" if file["rows_sent"] is None else f"{file['rows_sent']:,}",
            file["rows_arrived"],
            file["documents"],
            code(file["sha256"][:16]),
        ]
        for file in receipt["files"][:_FILES]
    ]
    more = len(receipt["files"]) - _FILES
    rest = (
        f"<p>{both(f'외 {more:,}개', f'and {more:,} more: see the receipt').markup}</p>" if more > 0 else ""
    )
    return table("files", heads, rows) + rest


def _not_read(receipt: Values) -> str:
    heads = [both("무엇", "what"), both("이름", "name")]
    rows: list[list[Cell]] = [
        *(
            [both("납품되지 않은 데이터 세트", "data set not delivered"), name]
            for name in receipt["not_delivered"]
        ),
        *(
            [both("계약에 없는 파일", "file not named by the contract"), name]
            for name in receipt["not_named_by_contract"][:_FILES]
        ),
        *(
            [both(f"계약에 없는 열({told['name']})", f"column not named ({told['name']})"), name]
            for told in receipt["data_sets"]
            for name in told["unnamed_columns"]
        ),
    ]
    return table("not read", heads, rows)
