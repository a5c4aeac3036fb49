"""Every field of a contract acts: change it, and lint, admission, build or verify says something else.

The list is made from schemas/malmoi-odcs.schema.json; a field (or role, or policy) without a case fails.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
import pytest

from pipelines.admit import admit, admit_drop
from pipelines.intake.contracts import lint_contract, load_contract
from pipelines.intake.registry import Registry
from pipelines.intake.registry_events import withdraw
from pipelines.lineage.verify import verify
from schemas.errors import BuildInconsistent, ContractRejected, LossExceeded, UsageError
from tests.laws.tiny import DAY, Partner, build, text, write_home

SCHEMA = json.loads(files("schemas").joinpath("malmoi-odcs.schema.json").read_text("utf-8"))["$defs"]
PLAIN = [{"id": str(number), "text": text(number)} for number in range(3)]
PHONE = {"id": "p", "text": "제 번호는 010-0000-5678이에요. 내일 오후에 꼭 연락 주세요."}
RRN = {"id": "r", "text": "주민등록번호는 900101-1234567이에요. 내일 오후에 꼭 연락 주세요."}
HAN = {"id": "h", "text": "明日天気良好"}  # Chinese or Japanese: only the partner can tell
Rows = Sequence[Mapping[str, Any]]
Columns = Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Case:
    """A contract around some rows, and what one change of one field is seen by."""

    seen_by: Callable[[Path, Partner, Case], Any]
    rights: Mapping[str, Any] = field(default_factory=dict)
    data_set: Mapping[str, Any] = field(default_factory=dict)
    columns: Columns = field(default_factory=dict)
    rows: Rows = tuple(PLAIN)
    raw: tuple[str, bytes] | None = None  # a file of the drop, instead of rows
    recipe: Mapping[str, Any] = field(default_factory=dict)
    changed: Mapping[str, Any] = field(default_factory=dict)  # fields of Partner
    day: str = DAY

    def partner(self, *, change: bool) -> Partner:
        """The partner before and after the change."""
        base = Partner(rights=self.rights, data_set=self.data_set, columns=self.columns, rows=self.rows)
        if not change:
            return base
        merged = {
            name: {**getattr(base, name), **value} if name in ("rights", "data_set", "columns") else value
            for name, value in self.changed.items()
        }
        return replace(base, **merged)


def write(home: Path, partner: Partner, case: Case) -> Path:
    path = write_home(home, [partner], **case.recipe)
    if case.raw is not None:
        drop = home / "drops" / partner.name
        (drop / "posts.jsonl").unlink(missing_ok=True)
        drop.mkdir(parents=True, exist_ok=True)
        (drop / case.raw[0]).write_bytes(case.raw[1])
    return path


def lint(home: Path, partner: Partner, case: Case) -> Any:
    """The rules that lint finds broken."""
    write(home, partner, case)
    problems = lint_contract(home / "contracts" / f"{partner.name}.yaml", today=DAY)
    return sorted((problem.rule, problem.severity) for problem in problems)


def admission(home: Path, partner: Partner, case: Case) -> Any:
    """Verdict, findings and faults."""
    write(home, partner, case)
    contract = load_contract(home / "contracts" / f"{partner.name}.yaml")
    found = admit_drop(contract, home / "drops" / partner.name, today=DAY, without_drop_json=True)
    faults = [(fault["row"], fault["field"], fault["reason"]) for fault in found.faults.to_pylist()]
    findings = sorted((finding.severity, finding.code) for finding in found.findings)
    return found.verdict, findings, faults, list(found.receipt["not_delivered"])


def quarantine(home: Path, partner: Partner, case: Case) -> Any:
    """What the quarantine file says of itself."""
    write(home, partner, case)
    contract = load_contract(home / "contracts" / f"{partner.name}.yaml")
    with tempfile.TemporaryDirectory() as place:
        admit_drop(
            contract,
            home / "drops" / partner.name,
            today=DAY,
            without_drop_json=True,
            quarantine_to=Path(place),
        )
        return orjson.loads((Path(place) / "quarantine.jsonl").read_bytes().splitlines()[0])


def corpus(home: Path, partner: Partner, case: Case) -> Any:
    """What became of every document; or why there is no build."""
    path = write(home, partner, case)
    try:
        built = build(home, path)
    except (LossExceeded, UsageError, ContractRejected, BuildInconsistent) as error:
        return type(error).__name__, str(error)
    assert verify(built.directory) == ()
    rows = [
        tuple(row[name] for name in ("doc_id", "language", "kept", "stage", "reason", "tokens"))
        for row in built.rows
    ]
    return sorted(rows, key=repr), [facts.pii for facts in built.manifest.data_sets]


def later(home: Path, partner: Partner, case: Case) -> Any:
    """What verify finds of the build on a later day."""
    built = build(home, write(home, partner, case))
    return [(finding.check, finding.where) for finding in verify(built.directory, on=case.day)]


def report(home: Path, partner: Partner, case: Case) -> Any:
    """Whom the report names."""
    built = build(home, write(home, partner, case))
    return [one for one in ("Kim", "Lee") if one in (built.directory / "report.html").read_text()]


def withdrawal(home: Path, partner: Partner, case: Case) -> Any:
    """When a withdrawal takes effect."""
    write(home, partner, case)
    log = Registry.open(home / "registry", create=True)
    at = "2026-11-24T09:00:00Z"
    filed = admit(
        home / "contracts" / f"{partner.name}.yaml",
        home / "drops" / partner.name,
        registry=home / "registry",
        today=DAY,
        at=at,
        without_drop_json=True,
    )
    event, _ = withdraw(log, partner=partner.name, drop=filed.receipt["drop"], on="2026-12-01", at=at)
    return event.body.effective


def rights(case: Callable[..., Any], value: Any, name: str, **more: Any) -> Case:
    """A change of one field of the contract."""
    return Case(case, changed={"rights": {f"malmoi.{name}": value}}, **more)


def described(case: Callable[..., Any], value: Any, name: str, **more: Any) -> Case:
    """A change of one field of the data set."""
    return Case(case, changed={"data_set": {f"malmoi.{name}": value}}, **more)


def column(case: Callable[..., Any], before: tuple[str, str], after: tuple[str, str], **more: Any) -> Case:
    """A change of the column `x`."""
    return Case(case, columns={"x": before}, changed={"columns": {"x": after}}, **more)


def having(*values: Any, rows: Rows = PLAIN) -> Rows:
    """The rows with a column `x`."""
    return [{**row, "x": value} for row, value in zip(rows, values, strict=True)]


USE = {"data_mining": "allowed", "ai_inference": "allowed", "ai_training": "allowed"}
UNIQUE = {"KR_FRN": "remove", "KR_PASSPORT": "remove", "KR_DRIVER_LICENSE": "remove"}
PSEUDONYMISED = {"malmoi.deliveredAs": "pseudonymised"}
DROPPED = ("policy:drop", "string")
CONTRACT = {
    "licence": rights(lint, "LicenseRef-ours", "licence"),
    "agreement": rights(
        lint, "sha256:" + "b" * 64, "agreement", rights={"malmoi.licence": "LicenseRef-ours"}
    ),
    "source": rights(corpus, None, "source"),
    "legalBasis": rights(corpus, None, "legalBasis"),
    "purposes": rights(corpus, ["research"], "purposes"),
    "aiUse": rights(corpus, {**USE, "ai_generative_training": "notAllowed"}, "aiUse"),
    "modelRelease": rights(corpus, "closed", "modelRelease"),
    "maxStudentParameters": rights(corpus, 7_000_000_000, "maxStudentParameters"),
    "territory": rights(corpus, ["JP"], "territory"),
    "starts": rights(corpus, "2026-11-25", "starts"),
    "expires": rights(corpus, "2026-11-23", "expires"),
    "retention": rights(later, {"days": 60}, "retention", day="2029-02-01"),
    "attribution": rights(report, "Lee", "attribution", rights={"malmoi.attribution": "Kim"}),
    "personalData": rights(
        corpus,
        {"PHONE_NUMBER": {"expected": True, "policy": "keep", "why": "invented"}},
        "personalData",
        rows=[PHONE, *PLAIN],
    ),
    "uniqueIdentifiers": rights(
        corpus, {**UNIQUE, "KR_RRN": "absent"}, "uniqueIdentifiers", rows=[RRN, *PLAIN]
    ),
    "upsamplingLimit": rights(corpus, 1, "upsamplingLimit", recipe={"upsampling": {"alpha": 2}}),
    "noticeDays": rights(withdrawal, 10, "noticeDays"),
    "optOuts": rights(
        corpus,
        [{"domain": "b.example", "since": "2026-01-01"}],
        "optOuts",
        columns={"x": ("url", "string")},
        rows=having("https://a.example/", "https://b.example/", "https://c.example/"),
    ),
    "deliveredAs": rights(
        admission,
        "pseudonymised",
        "deliveredAs",
        columns={"x": ("subject", "string")},
        rows=having("a", "b", "c"),
    ),
    "quarantineDays": rights(quarantine, 3, "quarantineDays", rows=[*PLAIN, {"id": "b", "text": 7}]),
    "approvals": Case(corpus, changed={"approved": False}),
}
CSV = {"malmoi.format": "csv", "malmoi.files": ["posts*.csv"]}
CSV_FILE = ("posts.csv", "\n".join(["id,text", *(f"{row['id']},{row['text']}" for row in PLAIN)]).encode())
HTML = [{**row, "text": f"<p>{row['text']}</p><p>{row['text']}</p>"} for row in PLAIN]
DATA_SET = {
    "kind": described(corpus, "web", "kind"),
    "files": described(admission, ["other*.jsonl"], "files"),
    "format": described(admission, "csv", "format"),
    "encoding": described(admission, "cp949", "encoding"),
    "delimiter": described(admission, ";", "delimiter", data_set=CSV, raw=CSV_FILE),
    "markup": described(corpus, "html", "markup", rows=HTML),
    "join": described(
        corpus,
        "\n(한 줄 띄움)\n",
        "join",
        columns={"x": ("text", "string")},
        rows=having(*(text(30 + number) for number in range(3))),
    ),
    "delivery": described(
        corpus,
        "upsert",
        "delivery",
        columns={"x": ("version", "integer")},
        rows=having(1, 2, 1, rows=[PLAIN[0], {**PLAIN[1], "id": "0"}, PLAIN[2]]),
    ),
    "languages": described(
        corpus, ["ja"], "languages", data_set={"malmoi.languages": ["zh"]}, rows=[*PLAIN, HAN]
    ),
    "optional": described(admission, True, "optional", raw=("notes.txt", b"nothing")),
    "maxQuarantined": described(admission, 0, "maxQuarantined", rows=[*PLAIN, {"id": "b", "text": 7}]),
    "rowLicences": described(
        admission,
        ["MIT"],
        "rowLicences",
        data_set={"malmoi.rowLicences": ["MIT", "CC0-1.0"]},
        columns={"x": ("licence", "string")},
        rows=having("MIT", "CC0-1.0", "MIT"),
    ),
    "origin": described(corpus, "machine", "origin"),
    "machineTerms": described(
        corpus,
        "forbidden",
        "machineTerms",
        data_set={"malmoi.origin": "machine", "malmoi.machineTerms": "allowed"},
    ),
}
ROLES = {
    "text": column(corpus, DROPPED, ("text", "string"), rows=having(*(text(30 + n) for n in range(3)))),
    "key": column(corpus, DROPPED, ("key", "string"), rows=having("a", "b", "c")),
    "version": column(corpus, DROPPED, ("version", "string"), rows=having("1", "2", "3")),
    "language": column(
        corpus,
        DROPPED,
        ("language", "string"),
        data_set={"malmoi.languages": ["zh", "ja", "ko"]},
        rows=having("ko", "ja", rows=[PLAIN[0], HAN]),
    ),
    "subject": column(
        admission, DROPPED, ("subject", "string"), rights=PSEUDONYMISED, rows=having("a", "b", "c")
    ),
    "tombstone": column(
        corpus, ("policy:drop", "boolean"), ("tombstone", "boolean"), rows=having(True, False, False)
    ),
    "licence": column(
        corpus,
        DROPPED,
        ("licence", "string"),
        data_set={"malmoi.rowLicences": ["MIT"]},
        rows=having("MIT", None, "MIT"),
    ),
    "url": column(
        corpus,
        DROPPED,
        ("url", "string"),
        rights={"malmoi.optOuts": [{"domain": "a.example", "since": "2026-01-01"}]},
        rows=having("https://a.example/", "https://b.example/", "https://c.example/"),
    ),
    "crawl_date": column(
        corpus, DROPPED, ("crawl_date", "string"), rows=having("2026-11-01", "2026-11-25", "")
    ),
    "origin": column(corpus, DROPPED, ("origin", "string"), rows=having("people", "machine", "people")),
    "seed": column(corpus, DROPPED, ("seed", "string"), rows=having("", "nowhere", "")),
    # Beside the text in a list, which these columns are not; what it does there: tests/laws/test_turns.py.
    "speaker": column(lint, DROPPED, ("speaker", "string"), rows=having("a", "b", "c")),
}
NUMBER = ("policy:generalise", "number")
POLICIES = {
    "drop": column(
        admission,
        ("policy:keep", "string"),
        DROPPED,
        rights=PSEUDONYMISED,
        rows=having("a", "b", "c"),
    ),
    "keep": column(
        admission, DROPPED, ("policy:keep", "string"), rights=PSEUDONYMISED, rows=having("a", "b", "c")
    ),
    "key": column(
        admission,
        ("policy:keep", "string"),
        ("policy:key", "string"),
        rights=PSEUDONYMISED,
        rows=having("a", "b", "c"),
    ),
    "generalise": column(lint, ("policy:keep", "number"), NUMBER, rows=having(1.5, 2.5, 3.5)),
    "forbid": column(admission, DROPPED, ("policy:forbid", "string"), rows=having("a", "b", "c")),
}
# `role` and `policy` act by their values, grid and clock by what a generalised value may be.
FINER = {
    "grid": {"malmoi.grid": (0.1, 0.01), "values": (37.51, 37.52, 37.53), "type": "number"},
    "clock": {"malmoi.clock": ("hour", "day"), "values": ("2026-10-01T10:00:00",) * 3, "type": "timestamp"},
}


def names(level: str) -> set[str]:
    return {name.removeprefix("malmoi.") for name in SCHEMA[level]["properties"]}


def test_the_list_has_every_field_of_the_schema():
    assert set(CONTRACT) == names("contract")
    assert set(DATA_SET) == names("data_set")
    assert names("column") == {"role", "policy", *FINER}
    columns = SCHEMA["column"]["properties"]
    assert set(ROLES) == set(columns["malmoi.role"]["enum"])
    assert set(POLICIES) == set(columns["malmoi.policy"]["enum"])


ALL = {
    **{f"contract {name}": case for name, case in CONTRACT.items()},
    **{f"data set {name}": case for name, case in DATA_SET.items()},
    **{f"role {name}": case for name, case in ROLES.items()},
    **{f"policy {name}": case for name, case in POLICIES.items()},
}


@pytest.mark.parametrize("name", ALL)
def test_a_changed_field_is_seen(name: str, tmp_path: Path):
    case = ALL[name]
    before = case.seen_by(tmp_path / "before", case.partner(change=False), case)
    after = case.seen_by(tmp_path / "after", case.partner(change=True), case)
    assert before != after


@pytest.mark.parametrize("name", FINER)
def test_a_changed_grid_or_clock_is_seen(name: str, tmp_path: Path):
    """Values on the finer grid are refused on the coarser one."""
    said = dict(FINER[name])
    values, logical_type = said.pop("values"), said.pop("type")
    ((prop, settings),) = said.items()
    seen = []
    for setting in settings:
        home = tmp_path / str(setting)
        partner = Partner(
            rights=PSEUDONYMISED,
            columns={"x": ("policy:generalise", logical_type)},
            more={"x": {prop: setting}},
            rows=having(*values),
        )
        seen.append(admission(home, partner, Case(admission)))
    assert seen[0] != seen[1]
