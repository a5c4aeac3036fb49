"""Contract init: what a sample says, and nothing that only a person can decide."""

from __future__ import annotations

import csv
import gzip
import io
import re
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.draft import draft
from pipelines.intake.contracts import lint_contract
from pipelines.intake.draft_columns import ColumnProfile, looks_personal, shape
from schemas.admission import Verdict
from schemas.contract import Delivery, Kind, Markup, Policy, Role
from schemas.errors import InputUnreadable, UsageError
from tests.drafts import (
    SENTENCES,
    TODAY,
    admit_under,
    approved,
    decide,
    decided,
    errors_of,
    loaded,
    some_posts,
    write_csv,
    write_jsonl,
)
from tests.laws.builds import malmoi

WORDS = ("dawn", "noon", "dusk", "night", "rain", "snow", "wind")
PARTNERS = ("a_dot", "fortytwodot", "krafton", "liner", "selectstar", "snu_kaist")


@pytest.mark.parametrize("partner", PARTNERS)
def test_a_draft_waits_for_a_person_and_then_admits_the_drop_it_is_from(
    repository: Path, tmp_path: Path, partner: str
):
    drop, path = repository / "examples" / "drops" / partner, tmp_path / f"{partner}.yaml"
    path.write_text(draft(drop, partner=partner), encoding="utf-8")
    faults = lint_contract(path, today=TODAY)
    open_lines = {fault.line for fault in faults if fault.rule == "todo"}
    assert len(open_lines) >= 17
    assert {fault.line for fault in faults if fault.severity == "error"} == open_lines
    contract = decided(drop, partner, tmp_path / "decided.yaml")
    assert lint_contract(contract, today=TODAY) == ()
    assert admit_under(contract, drop).verdict is not Verdict.REFUSED


@pytest.mark.slow
@pytest.mark.parametrize("partner", PARTNERS)
def test_a_draft_of_a_handed_drop_admits_it(handed: Path, tmp_path: Path, partner: str):
    contract = decided(handed / partner, partner, tmp_path / "decided.yaml")
    assert lint_contract(contract, today=TODAY) == ()
    assert admit_under(contract, handed / partner).verdict is not Verdict.REFUSED


OPTIONAL = ["nick", "score", "seen", "sent_at", "lat", "tag"]


@st.composite
def folders(draw: st.DrawFn) -> tuple[str, list[dict], dict]:
    """Rows of a data set, and how they are written down."""
    form = draw(st.sampled_from(["jsonl", "csv", "parquet"]))
    count = draw(st.integers(5, 60))
    optional = draw(
        st.lists(st.sampled_from(["nick", "score", "seen", "sent_at", "lat", "tag"]), unique=True)
    )
    holes = draw(st.booleans())
    nested = form != "csv" and draw(st.booleans())
    key = draw(st.sampled_from(["doc_id", "no", "review_no", "slug"]))
    form_of_key = draw(st.sampled_from(["n-{:04}", "{}", "ab/{:03}", "X{:02}y", "글-{}"]))
    rows = []
    for n in range(count):
        sentence = draw(st.sampled_from(SENTENCES))
        body = [{"role": "user", "text": f"{sentence} {n}"}, {"role": "bot", "text": sentence}]
        row: dict = {key: form_of_key.format(n), "body": body if nested else f"{sentence} {n}"}
        for name in optional:
            value = {
                "nick": f"secretnick{n % 7}",
                "score": draw(st.integers(-3, 10)),
                "seen": draw(st.booleans()),
                "sent_at": f"2026-10-{1 + n % 28:02}T21:{n % 60:02}:00",
                "lat": 35 + n / 1000,
                "tag": draw(st.sampled_from(["news", "sport", "talk"])),
            }[name]
            row[name] = ("" if form == "csv" else None) if holes and n % 4 == 1 else value
        rows.append(row)
    ways = {
        "encoding": draw(st.sampled_from(["utf-8", "cp949"])) if form == "csv" else "utf-8",
        "delimiter": draw(st.sampled_from([",", ";", "\t", "|"])),
        "ending": draw(st.sampled_from(["", ".gz", ".zst"])),
        "files": draw(st.integers(1, 3)),
    }
    return form, rows, ways


@given(folders())
@settings(max_examples=25)
def test_any_folder_gives_a_draft_that_lints_clean_admits_it_and_quotes_none_of_it(folder):
    form, rows, ways = folder
    with tempfile.TemporaryDirectory() as home:
        drop = Path(home) / "drop"
        parts = [rows[n :: ways["files"]] for n in range(ways["files"])]
        for number, part in enumerate(part for part in parts if part):
            if form == "jsonl":
                write_jsonl(drop / f"talk_{number}.jsonl{ways['ending']}", part)
            elif form == "csv":
                path = drop / f"talk_{number}.csv{ways['ending']}"
                write_csv(path, part, encoding=ways["encoding"], delimiter=ways["delimiter"])
            else:
                drop.mkdir(exist_ok=True)
                pq.write_table(pa.Table.from_pylist(part), drop / f"talk_{number}.parquet")
        text = draft(drop, partner="p")
        contract = decided(drop, "p", Path(home) / "p.yaml")
        assert errors_of(contract) == []
        admission = admit_under(contract, drop)
        assert admission.verdict is not Verdict.REFUSED, admission.findings
        assert admission.receipt["not_named_by_contract"] == []
        assert admission.faults.num_rows == 0
        assert not any(sentence in text for sentence in SENTENCES)
        assert "secretnick" not in text


def test_the_same_folder_gives_the_same_bytes_whatever_the_hash_seed(repository: Path, tmp_path: Path):
    drop = repository / "examples" / "drops" / "krafton"
    drafts = []
    for seed in ("1", "2"):
        path = tmp_path / f"{seed}.yaml"
        malmoi("contract", "init", drop, "--partner", "krafton", "-o", path, env={"PYTHONHASHSEED": seed})
        drafts.append(path.read_bytes())
    assert drafts[0] == drafts[1]


def test_turns_of_a_dialogue_are_columns_inside_a_list(tmp_path: Path):
    drop = tmp_path / "drop"
    rows = [
        {"dlg_id": f"d-{n}", "turns": [{"role": "user", "text": SENTENCES[n % 5]}, {"text": SENTENCES[0]}]}
        for n in range(40)
    ]
    write_jsonl(drop / "talks.jsonl", rows)
    (talks,) = loaded(drop, tmp_path).data_sets
    assert [(c.path, c.role, c.required) for c in talks.columns] == [
        (("dlg_id",), Role.KEY, True),
        (("turns", "role"), Role.OTHER, False),
        (("turns", "text"), Role.TEXT, True),
    ]
    assert talks.kind is Kind.DIALOGUE


def test_revisions_of_a_key_make_a_version_column_and_an_upsert(tmp_path: Path):
    drop = tmp_path / "drop"
    rows = [
        {
            "page_id": f"m-{n // 2}",
            "revised": f"2026-01-{1 + n % 2:02}",
            "title": "",
            "body": f"# A\n\n{SENTENCES[n % 5] * 9}",
        }
        for n in range(40)
    ]
    write_jsonl(drop / "manuals.jsonl", rows)
    (manuals,) = loaded(drop, tmp_path).data_sets
    assert [(c.name, c.limits.unique) for c in manuals.of_role(Role.KEY)] == [("page_id", False)]
    assert [c.name for c in manuals.of_role(Role.VERSION)] == ["revised"]
    assert manuals.delivery is Delivery.UPSERT
    assert (manuals.kind, manuals.markup) == (Kind.DOCUMENT, Markup.MARKDOWN)


def test_what_a_row_always_has_and_what_it_may_be_is_limited_and_what_varies_is_not(tmp_path: Path):
    drop = tmp_path / "drop"
    rows = some_posts(200)
    for n, row in enumerate(rows):
        row.update(
            score=1 + n % 10,
            label=["good", "bad"][n % 2],
            room=f"r{n % 3}",
            rare=WORDS[n % 7],
            note=None if n else "x",
        )
    write_jsonl(drop / "posts.jsonl", rows)
    (posts,) = loaded(drop, tmp_path).data_sets
    columns = {column.name: column for column in posts.columns}
    assert columns["post_id"].limits.pattern == "^[a-z]+-[0-9]+$"
    assert columns["post_id"].limits.unique
    assert (columns["body"].required, columns["body"].limits.min_length) == (True, 1)
    assert (columns["score"].limits.minimum, columns["score"].limits.maximum) == (0, 10)
    assert columns["label"].limits.enum == ("bad", "good")
    assert columns["room"].limits.enum == ()  # numbered things grow
    assert columns["rare"].limits.enum == ()  # seven words in 200 rows may have an eighth
    assert not columns["note"].required
    assert {columns[name].policy for name in ("score", "label")} == {Policy.KEEP}


PERSONAL = {
    "nick": Policy.KEY,
    "userId": Policy.KEY,
    "작성자": Policy.KEY,
    "user_name": Policy.DROP,
    "phone": Policy.DROP,
    "client_ip": Policy.DROP,
    "주소": Policy.DROP,
    "lat": Policy.GENERALISE,
    "start_lon": Policy.GENERALISE,
    "sent_at": Policy.GENERALISE,
    "birth": Policy.DROP,
    "odd": Policy.DROP,
    "contact_hidden": Policy.DROP,
    "zip": Policy.DROP,
}


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_what_looks_personal_is_never_kept_and_none_of_its_values_is_listed(tmp_path: Path, form: str):
    drop = tmp_path / "drop"
    rows = some_posts(120)
    for n, row in enumerate(rows):
        values = {
            "nick": ["bada", "nari"][n % 2],
            "userId": f"u{n % 9}",
            "작성자": ["bada", "nari"][n % 2],
            "user_name": ["bada", "nari"][n % 2],
            "phone": "010-0000-0000",
            "client_ip": "192.0.2.7",
            "주소": "가상시 없는길 1",
            "lat": 35.1 + n / 1000,
            "start_lon": 127.1 + n / 1000,
            "sent_at": f"2026-10-{1 + n % 28:02} 06:10",
            "birth": "1990-01-01",
            "odd": ["김가상", "이가상", "박가상"][n % 3],  # names in a column whose name says nothing
            "contact_hidden": f"m{n}@partner.example",
            "zip": 10000 + n % 3,
        }
        row.update(values)
    (write_jsonl if form == "jsonl" else write_csv)(drop / f"posts.{form}", rows)
    text = draft(drop, partner="p")
    assert not re.search(
        "bada|nari|가상시|김가상|010-0000|192[.]0|1990|partner[.]example", decide(text).split("schema:")[1]
    )
    (posts,) = loaded(drop, tmp_path).data_sets
    assert {c.name: c.policy for c in posts.columns if c.name in PERSONAL} == PERSONAL


def test_languages_and_classes_of_personal_data_are_counted_and_never_shown(tmp_path: Path):
    drop = tmp_path / "drop"
    rows = [
        {"no": f"c-{n}", "text": f"{SENTENCES[n % 3]} {'전화는 010-0000-1234 입니다.' if n < 4 else ''}"}
        for n in range(50)
    ]
    rows += [{"no": f"e-{n}", "text": f"{SENTENCES[3]} {SENTENCES[4]}"} for n in range(50)]
    write_jsonl(drop / "posts.jsonl", rows)
    text = draft(drop, partner="p")
    assert "PHONE_NUMBER: {expected: true, policy: surrogate} # 4" in text
    assert "010-0000" not in text
    contract = loaded(drop, tmp_path)
    (posts,) = contract.data_sets
    assert set(posts.languages) == {"ko", "en"}
    for _, expected in posts.languages_expected:
        assert (expected.least, expected.most) == (0.35, 0.65)
    assert (posts.rows_expected.least, posts.rows_expected.most) == (50, 200)


@given(st.text(min_size=1, max_size=12))
@settings(max_examples=60)
def test_a_shape_matches_the_id_it_is_of_and_has_no_letter_of_it(value: str):
    found = shape(value)
    if found:
        assert re.fullmatch(found, value)
        assert not set(re.sub(r"\[(0-9|a-z|A-Z|[.])\]", "", found)) & set("abcdefghijklmnopqrstuvwxyz")


def test_a_name_that_is_no_persons_is_not_personal():
    for name in ("file_name", "product", "title", "gender_bias", "category", "cardinality", "topic"):
        assert looks_personal(ColumnProfile((name,))) is None


def test_init_writes_no_file_over_another_and_takes_no_odd_partner(repository: Path, tmp_path: Path):
    drop, path = repository / "examples" / "drops" / "selectstar", tmp_path / "there.yaml"
    path.write_text("mine")
    assert malmoi("contract", "init", drop, "--partner", "selectstar", "-o", path).returncode == 2
    assert path.read_text() == "mine"
    with pytest.raises(UsageError, match="a-z"):
        draft(drop, partner="Select Star")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputUnreadable, match="no file"):
        draft(tmp_path / "empty", partner="p")
    with pytest.raises(InputUnreadable, match="no directory"):
        draft(tmp_path / "none", partner="p")


def test_the_proposed_policies_can_be_carried_out_by_prepare(repository: Path, tmp_path: Path):
    """Trips hold drivers, positions and times: keyed, on a grid and by the day once `deliveredAs` says so."""
    folder, contract = tmp_path / "folder", tmp_path / "contract.yaml"
    folder.mkdir()
    for path in (repository / "examples" / "drops" / "fortytwodot").glob("trips*"):
        (folder / path.name).write_bytes(path.read_bytes())
    text = decide(draft(folder, partner="p"))
    contract.write_text(text.replace("deliveredAs, value: raw", "deliveredAs, value: pseudonymised"))
    assert errors_of(contract) == []
    secret = tmp_path / "subject.key"
    assert malmoi("prepare", "--new-subject-key", secret).returncode == 0
    done = malmoi("prepare", contract, folder, "-o", tmp_path / "drop", "--subject-key", secret)
    assert (done.returncode, done.stderr) == (0, b"")
    approved(contract)
    assert admit_under(contract, tmp_path / "drop").verdict is Verdict.ADMITTED
    sent = gzip.decompress((tmp_path / "drop" / "trips.csv.gz").read_bytes()).decode()
    rows = list(csv.DictReader(io.StringIO(sent)))
    assert len(rows) == 31
    assert all(re.fullmatch("k1:[0-9a-f]{32}", row["driver"]) for row in rows)
    assert all(len(row["start_lat"].partition(".")[2]) <= 2 for row in rows)
    assert {row["started_at"][10:] for row in rows} <= {"", "T00:00", "T00:00:00"}
