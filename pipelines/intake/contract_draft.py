"""A contract in draft: what a sample of a drop says, written as ODCS 3.2 YAML with comments in two languages.

What only a person can decide is the value `TODO`, which `malmoi contract lint` refuses (rule todo). No text
of the drop gets into a draft: names of files and columns do, and values only of short categories
(`draft_columns.enumeration`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.intake.draft_personal import Personal
from pipelines.intake.draft_sample import SAMPLE_BYTES, SAMPLE_ROWS, Unread
from pipelines.intake.draft_set import DraftColumn, DraftSet
from schemas.contract import Format, Policy, Role
from schemas.rights import UNIQUE_IDENTIFIERS, Purpose, Verb

_TODO = "TODO"
_SLACK = 0.15  # added to either side of a language's measured share
_SMALL = 0.05  # shares below it are expected to stay below four times as much
# Found in texts, these are taken out; the others get an invented value of the same form.
_REMOVED = frozenset(
    {"CREDIT_CARD", "CREDENTIAL", "KR_BANK_ACCOUNT", "KR_BRN", "KR_CRN", *UNIQUE_IDENTIFIERS}
)
_WHY = {
    Personal.PERSON: ("who wrote or did it", "사람을 가리키는 아이디나 별명"),
    Personal.DIRECT: ("points at a person by itself", "그 자체로 개인을 알 수 있는 정보"),
    Personal.PLACE: ("where somebody was", "사람의 위치"),
    Personal.TIME: ("when somebody did it", "행위 시각"),
}


@dataclass(frozen=True)
class Findings:
    """What the stages found in the sampled texts of one data set."""

    texts: int
    languages: Mapping[str, float]  # shares, the largest first
    pii: Mapping[str, int]  # texts with a span, by class


def draft_contract(
    partner: str,
    sets: list[tuple[DraftSet, Findings]],
    unread: Iterable[Unread],
    *,
    version: str,
) -> str:
    """The draft as YAML text; the same drop gives the same text. `version` is the contract's."""
    lines = [*_head(partner, version), *_rights(sets), *_service(sets), "schema:"]
    for draft, found in sets:
        lines += _data_set(draft, found)
    lines += _not_covered(unread)
    return "\n".join(lines) + "\n"


def quoted(value: Any) -> str:
    """A value as YAML flow: strings in double quotes, what cannot be printed escaped."""
    if isinstance(value, list):
        return "[" + ", ".join(map(quoted, value)) + "]"
    if not isinstance(value, str):
        return json.dumps(value)
    letters = []
    for letter in value:
        if letter in '"\\':
            letters.append("\\" + letter)
        elif letter.isprintable():
            letters.append(letter)
        else:
            point = ord(letter)
            letters.append(f"\\x{point:02x}" if point < 256 else f"\\U{point:08x}")
    return '"' + "".join(letters) + '"'


def _said(indent: str, english: str, korean: str) -> Iterator[str]:
    """A comment, a line in each language."""
    yield f"{indent}# {english}"
    yield f"{indent}# {korean}"


def _head(partner: str, version: str) -> Iterator[str]:
    most = f"{SAMPLE_ROWS:,} rows and {SAMPLE_BYTES >> 20} MiB of a file at most"
    yield f"# Draft by `malmoi contract init`, from {most}."
    yield from _said(
        "",
        "Decide what is open, read the rest, run `malmoi contract lint`. Fields: data_contracts/FIELDS.md",
        "표본으로 작성한 초안이다. 남은 결정을 채우고 나머지를 확인한 뒤 `malmoi contract lint`를 실행한다.",
    )
    yield "apiVersion: v3.2.0"
    yield "kind: DataContract"
    yield f"id: malmoi-{partner.replace('_', '-')}"
    yield f"name: Texts of {partner}"
    yield f"version: {quoted(version)}"
    yield "status: draft # active, once it is agreed. 합의하면 active로 바꾼다"
    yield f"tenant: {quoted(partner)}"
    yield "description:"
    yield from _said("  ", "What the data is, in a sentence", "데이터가 무엇인지 한 문장으로")
    yield f"  purpose: {_TODO}"
    yield "support:"
    yield "  - channel: corpus desk"
    yield "    tool: email"
    yield from _said(
        "    ", "Whom to ask about a drop, as mailto:name@host", "드롭에 관한 문의처, mailto:이름@호스트"
    )
    yield f"    url: {_TODO}"


# What a person decides: field, how the open value stands, and what is asked, in both languages.
_OPEN = (
    ("licence", _TODO, "SPDX expression, or LicenseRef-* with malmoi.agreement", "SPDX 식 또는 LicenseRef-*"),
    ("purposes", f"[{_TODO}]", f"What may be done, of: {', '.join(Purpose)}", "허용할 이용 목적"),
    (
        "aiUse",
        "{" + ", ".join(f"{verb}: {_TODO}" for verb in Verb) + "}",
        "Each allowed, notAllowed or constrained (then say the constraint)",
        "AI 이용 행위별 허용 여부",
    ),
    (
        "source",
        f"[{_TODO}]",
        "How it was come by, of: own_service, crawl, licensed, public, staff, synthetic",
        "데이터를 얻은 경로",
    ),
    ("modelRelease", _TODO, "May models trained on it be released: open or closed", "모델 공개 허용 여부"),
    (
        "maxStudentParameters",
        _TODO,
        "Largest student of distillation, 0: none",
        "증류 학생 모델의 최대 매개변수",
    ),
    ("territory", f"[{_TODO}]", "Where: countries (KR, ...) or worldwide", "이용할 수 있는 국가"),
    ("starts", _TODO, "First day, YYYY-MM-DD", "권리 시작일"),
    ("expires", _TODO, "Last day, YYYY-MM-DD", "권리 종료일"),
    ("retention", _TODO, "{days: N} after the end, or {until: serviceEnd}", "종료 뒤 보유 기간"),
    ("attribution", _TODO, "Whom to name, and how", "출처 표시 문구"),
    ("upsamplingLimit", _TODO, "How often a token may be seen in training, 1 or more", "반복 학습 한도"),
    ("noticeDays", _TODO, "Days between notice of withdrawal and its effect", "철회 통지 기간(일)"),
)


def _rights(sets: list[tuple[DraftSet, Findings]]) -> Iterator[str]:
    yield "customProperties:"
    for name, value, english, korean in _OPEN:
        yield from _said("  ", english, korean)
        yield f"  - {{property: malmoi.{name}, value: {value}}}"
    personal = _personal_classes(sets)
    yield from _said(
        "  ",
        "PIPA article: 15-1-1, 15-1-4, 15-1-6, 28-2, 58-2, or none"
        + (" (no answer here: personal data was found)" if personal else " where there is no personal data"),
        "개인정보 처리의 법적 근거(개인정보 보호법 조항)",
    )
    yield f"  - {{property: malmoi.legalBasis, value: {{article: {_TODO}}}}}"
    yield from _said(
        "  ",
        "raw: as the partner has it; pseudonymised: malmoi prepare carries out the policies of the columns",
        "raw는 원본 그대로, pseudonymised는 malmoi prepare로 열별 정책을 적용해 전달한다",
    )
    yield "  - {property: malmoi.deliveredAs, value: raw}"
    found = {label for label in UNIQUE_IDENTIFIERS if any(label in facts.pii for _, facts in sets)}
    whole = all(draft.whole and facts.texts >= draft.sampled for draft, facts in sets)
    yield from _said(
        "  ",
        "Unique identifiers (PIPA Art. 24): absent refuses a row that has one, remove takes it out",
        "고유식별정보: absent이면 있는 행을 거부하고, remove이면 빌드에서 제거한다",
    )
    yield "  - property: malmoi.uniqueIdentifiers"
    answers = (
        f"{label}: {'remove' if label in found or not whole else 'absent'}" for label in UNIQUE_IDENTIFIERS
    )
    yield f"    value: {{{', '.join(answers)}}}"
    texts = sum(facts.texts for _, facts in sets)
    yield from _said(
        "  ",
        f"Classes of personal data found in {texts:,} sampled texts, and in how many of them",
        "표본 본문에서 찾은 개인정보의 종류와 글의 수",
    )
    yield "  - property: malmoi.personalData"
    yield "    value:" if personal else "    value: {}"
    for label, count in personal.items():
        policy = "remove" if label in _REMOVED else "surrogate"
        yield f"      {label}: {{expected: true, policy: {policy}}} # {count:,}"


def _personal_classes(sets: list[tuple[DraftSet, Findings]]) -> dict[str, int]:
    """Classes but for unique identifiers, which have a field of their own; by name."""
    counts: dict[str, int] = {}
    for _, found in sets:
        for label, count in found.pii.items():
            counts[label] = counts.get(label, 0) + count
    return {label: counts[label] for label in sorted(counts) if label not in UNIQUE_IDENTIFIERS}


def _service(sets: list[tuple[DraftSet, Findings]]) -> Iterator[str]:
    yield "slaProperties:"
    yield from _said("  ", "Days between drops", "드롭 간격(일)")
    yield f"  - {{property: frequency, value: {_TODO}, unit: d}}"
    yield from _said(
        "  ",
        "Volume: half to twice of what this drop has. Languages: what the sample has, 15 points either way",
        "분량은 이 드롭의 절반에서 두 배, 언어 비율은 표본에서 15%포인트 안팎",
    )
    for draft, found in sets:
        name = draft.group.name
        least, most = max(1, draft.total // 2), max(2, draft.total * 2)
        yield f"  - {{property: malmoi.rows, element: {name}, value: {least}, valueExt: {most}}}"
        for code, share in found.languages.items():
            if code != "code":
                low, high = _band(share)
                level = f"malmoi.languageShare.{code}, element: {name}"
                yield f"  - {{property: {level}, value: {low}, valueExt: {high}}}"


def _band(share: float) -> tuple[float, float]:
    """Twentieths around a share."""
    if share < _SMALL:
        return 0.0, 0.2
    low, high = math.floor((share - _SLACK) * 20) / 20, math.ceil((share + _SLACK) * 20) / 20
    return max(0.0, low), min(1.0, high)


def _data_set(draft: DraftSet, found: Findings) -> Iterator[str]:
    group = draft.group
    first = group.samples[0]
    files = len(group.samples) + len(group.more)
    rest = "" if draft.whole else f" of about {draft.total:,}"
    yield f"  - name: {group.name}"
    yield "    logicalType: object"
    yield from _said(
        "    ",
        f"{files} file(s), {draft.sampled:,} rows sampled{rest}, {draft.faults:,} of them could not be taken",
        f"파일 {files}개, 표본 {draft.sampled:,}행, 그중 {draft.faults:,}행은 받을 수 없었다",
    )
    if draft.left_out:
        names = quoted(list(draft.left_out))
        yield from _said(
            "    ",
            f"Left out, since their values are of several types: {names}",
            "자료형이 섞인 열은 뺐다",
        )
    if not draft.of_role(Role.KEY):
        yield from _said(
            "    ",
            "No column names its rows: documents are named by file and row",
            "행을 식별하는 열을 찾지 못했다",
        )
    if not draft.of_role(Role.TEXT):
        yield from _said(
            "    ",
            "No column looks like text: give one the role text",
            "본문 열을 찾지 못했다: 역할 text를 줄 것",
        )
    yield "    customProperties:"
    yield from _said(
        "      ",
        "A guess: web, dialogue, short_post, document, code, parallel or table",
        "추측한 값이므로 확인할 것",
    )
    yield f"      - {{property: malmoi.kind, value: {draft.kind}}}"
    yield f"      - {{property: malmoi.files, value: {quoted(list(group.globs))}}}"
    yield f"      - {{property: malmoi.format, value: {draft.format}}}"
    if first.encoding:
        yield f"      - {{property: malmoi.encoding, value: {first.encoding}}}"
    if draft.format is Format.CSV:
        yield f"      - {{property: malmoi.delimiter, value: {quoted(first.delimiter)}}}"
    if draft.markup != "plain":
        yield f"      - {{property: malmoi.markup, value: {draft.markup}}}"
    yield from _said(
        "      ",
        "append: a key comes once; upsert: the newest version counts; snapshot: a drop replaces the last",
        "append 키는 한 번만, upsert 최신 버전만 유효, snapshot 새 드롭이 이전 드롭을 대체",
    )
    yield f"      - {{property: malmoi.delivery, value: {draft.delivery}}}"
    languages = quoted(list(found.languages)) if found.languages else f"[{_TODO}]"
    yield f"      - {{property: malmoi.languages, value: {languages}}}"
    yield from _said(
        "      ",
        "Share of the rows that may be refused before the whole drop is",
        "드롭을 거부하지 않고 격리할 수 있는 행의 비율",
    )
    yield f"      - {{property: malmoi.maxQuarantined, value: {draft.max_quarantined}}}"
    yield from _said(
        "      ",
        "Who wrote the texts: people, machine (then malmoi.machineTerms too) or mixed",
        "글을 쓴 주체",
    )
    yield f"      - {{property: malmoi.origin, value: {_TODO}}}"
    yield "    properties:"
    yield from _columns(draft.columns, draft.format)


def _columns(columns: tuple[DraftColumn, ...], file_format: Format) -> Iterator[str]:
    opened: set[str] = set()
    for column in columns:
        path = column.profile.path
        if len(path) == 1:
            yield from _column(column, file_format, "      ")
        elif path[0] not in opened:
            opened.add(path[0])
            yield f"      - name: {quoted(path[0])}"
            yield "        logicalType: array"
            yield "        physicalType: array"
            yield "        items:"
            yield "          logicalType: object"
            yield "          properties:"
            for inner in columns:
                if inner.profile.path[0] == path[0] and len(inner.profile.path) == 2:
                    yield from _column(inner, file_format, "            ")


def _column(column: DraftColumn, file_format: Format, indent: str) -> Iterator[str]:
    inside = indent + "  "
    yield f"{indent}- name: {quoted(column.profile.path[-1])}"
    if column.personal is not None and column.policy is not None:
        english, korean = _WHY[column.personal]
        yield f"{inside}# Looks personal: {english}. {korean}"
    yield f"{inside}logicalType: {column.logical_type}"
    yield f"{inside}physicalType: {quoted(_physical(column, file_format))}"
    if column.logical_type == "array" and column.role is Role.TEXT:
        yield f"{inside}items: {{logicalType: string}}"
    if column.role is Role.KEY:
        yield f"{inside}primaryKey: true"
    yield f"{inside}required: {'true' if column.required else 'false'}"
    if column.unique:
        yield f"{inside}unique: true"
    if column.options:
        options = ", ".join(f"{name}: {quoted(value)}" for name, value in column.options.items())
        yield f"{inside}logicalTypeOptions: {{{options}}}"
    if column.enum:
        values = ", ".join(f"{{value: {quoted(value)}}}" for value in column.enum)
        yield f"{inside}enum: [{values}]"
    ours = [f"{{property: malmoi.role, value: {column.role}}}"] if column.role is not Role.OTHER else []
    if column.policy is not None:
        ours.append(f"{{property: malmoi.policy, value: {column.policy}}}")
    if column.policy is Policy.GENERALISE:
        step = f"clock, value: {column.clock}" if column.clock else f"grid, value: {column.grid}"
        ours.append(f"{{property: malmoi.{step}}}")
    yield f"{inside}customProperties: [{', '.join(ours)}]"


def _physical(column: DraftColumn, file_format: Format) -> str:
    if column.profile.physical:
        return column.profile.physical
    return "string" if file_format is Format.CSV else column.logical_type.replace("timestamp", "string")


def _not_covered(unread: Iterable[Unread]) -> Iterator[str]:
    for file in sorted(unread, key=lambda item: item.path):
        path = quoted(file.path)
        yield from _said("", f"Not covered: {path}: {file.why}", f"포함하지 않은 파일: {file.korean}")
