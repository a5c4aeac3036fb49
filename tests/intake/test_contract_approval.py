"""malmoi contract approve: the file keeps its bytes, the signature holds, later changes make it stale."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

from pipelines.intake.approvals import valid_approvals
from pipelines.intake.approving import approve
from pipelines.intake.contracts import lint_contract, load_contract
from pipelines.intake.signatures import SigningKey
from pipelines.intake.yaml_source import read_yaml
from schemas.errors import ContractRejected, UsageError
from tests.intake.test_contracts import CONTRACTS, PARTNERS
from tests.laws.builds import malmoi

EXAMPLE_KEY = CONTRACTS.parent / "examples" / "keys" / "approver.pem"
BY, DAY = "김가온, 법무팀", "2026-11-24"


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey.create(tmp_path / "approver.pem")


def copied(tmp_path: Path, partner: str, *, approved: bool) -> Path:
    """A contract, without its approvals unless they are asked for."""
    lines = (CONTRACTS / f"{partner}.yaml").read_bytes().splitlines(keepends=True)
    start = next(n for n, line in enumerate(lines) if b"malmoi.approvals" in line)
    kept = lines if approved else lines[:start] + lines[start + 3 :]
    path = tmp_path / f"{partner}.yaml"
    path.write_bytes(b"".join(kept))
    return path


@pytest.mark.parametrize("partner", PARTNERS)
def test_the_example_approvals_are_signed_by_the_example_key(partner: str):
    contract = load_contract(CONTRACTS / f"{partner}.yaml")
    (approval,) = valid_approvals(contract)
    assert approval.key == SigningKey.read(EXAMPLE_KEY).public


@pytest.mark.parametrize("partner", PARTNERS)
def test_an_approval_adds_three_lines_and_changes_no_other_byte(
    tmp_path: Path, partner: str, key: SigningKey
):
    path = copied(tmp_path, partner, approved=False)
    before = path.read_bytes()
    digest = load_contract(path).content_digest
    approve(path, by=BY, on=DAY, key=key)
    after = path.read_bytes().splitlines(keepends=True)
    start = next(n for n, line in enumerate(after) if b"malmoi.approvals" in line)
    assert b"".join(after[:start] + after[start + 3 :]) == before
    contract = load_contract(path)
    assert contract.content_digest == digest
    assert [(a.by, a.on, a.key) for a in valid_approvals(contract)] == [(BY, DAY, key.public)]
    assert lint_contract(path, today=DAY) == ()


def test_two_people_approve_and_the_same_approval_twice_is_one(tmp_path: Path, key: SigningKey):
    path = copied(tmp_path, "a_dot", approved=True)
    assert len(approve(path, by=BY, on=DAY, key=key)) == 2
    once = path.read_bytes()
    assert len(approve(path, by=BY, on=DAY, key=key)) == 2
    assert path.read_bytes() == once
    assert len(valid_approvals(load_contract(path))) == 2


@pytest.mark.parametrize(
    "ending", ["\r\n", "no newline at the end", "comments", "byte order mark", "at the end"]
)
def test_whatever_the_file_looks_like_only_the_approval_is_added(
    tmp_path: Path, key: SigningKey, ending: str
):
    path = copied(tmp_path, "selectstar", approved=False)
    text = path.read_text("utf-8")
    head, rights, rest = (
        text[: text.index("customProperties:")],
        text[text.index("customProperties:") : text.index("slaProperties:")],
        text[text.index("slaProperties:") :],
    )
    content = {
        "\r\n": text.replace("\n", "\r\n").encode(),
        "no newline at the end": (head + rest + rights).rstrip("\n").encode(),
        "comments": (head + rights + "\n# levels\n\n" + rest).encode(),
        "byte order mark": b"\xef\xbb\xbf" + text.encode(),
        "at the end": (head + rest + rights + "\n\n# the end\n").encode(),
    }[ending]
    path.write_bytes(content)
    approve(path, by='Kim "Ga-on" \\ legal', on=DAY, key=key)
    after = path.read_bytes()
    lines = after.splitlines(keepends=True)
    start = next(n for n, line in enumerate(lines) if b"malmoi.approvals" in line)
    rest_of_it = b"".join(lines[:start] + lines[start + 3 :])
    assert rest_of_it in (content, content + b"\n")
    assert len(valid_approvals(load_contract(path))) == 1
    assert (b"\n" in after.replace(b"\r\n", b"")) == (ending != "\r\n")


def test_a_contract_in_brackets_is_refused_and_untouched(tmp_path: Path, key: SigningKey):
    path = tmp_path / "a_dot.yaml"
    value = read_yaml(copied(tmp_path, "a_dot", approved=False)).value
    path.write_text(json.dumps(value), "utf-8")
    before = path.read_bytes()
    with pytest.raises(UsageError, match="write it as a list of lines"):
        approve(path, by=BY, on=DAY, key=key)
    assert path.read_bytes() == before


def test_a_contract_with_errors_is_not_approved(tmp_path: Path, key: SigningKey):
    path = copied(tmp_path, "a_dot", approved=False)
    path.write_text(path.read_text("utf-8").replace("value: [KR]", "value: TODO"), "utf-8")
    before = path.read_bytes()
    with pytest.raises(ContractRejected) as refused:
        approve(path, by=BY, on=DAY, key=key)
    assert {problem.rule for problem in refused.value.problems} == {"todo"}
    assert path.read_bytes() == before
    path.write_text(
        before.decode().replace("TODO", "[KR]").replace("status: active", "status: draft"), "utf-8"
    )
    with pytest.raises(UsageError, match="status"):
        approve(path, by=BY, on=DAY, key=key)
    with pytest.raises(UsageError, match="--by"):
        approve(CONTRACTS / "a_dot.yaml", by=" ", on=DAY, key=key)


def test_a_change_makes_approvals_stale_and_a_new_one_replaces_them(tmp_path: Path, key: SigningKey):
    path = copied(tmp_path, "a_dot", approved=True)
    path.write_text(path.read_text("utf-8").replace("2029-12-31", "2028-12-31"), "utf-8")
    assert {problem.rule for problem in lint_contract(path)} == {"approval-stale"}
    assert valid_approvals(load_contract(path)) == ()
    approve(path, by=BY, on=DAY, key=key)
    assert lint_contract(path) == ()
    assert [a.key for a in load_contract(path).approvals] == [key.public]


def test_no_part_of_an_approval_can_be_changed(tmp_path: Path):
    path = copied(tmp_path, "krafton", approved=True)
    lines = path.read_text("utf-8").splitlines(keepends=True)
    place = next(n for n, line in enumerate(lines) if "malmoi.approvals" in line) + 2
    draw = random.Random(0)
    line = lines[place]
    for _ in range(40):
        at = draw.randrange(line.index('"') + 1, line.rindex('"'))
        if not line[at].isalnum():
            continue
        other = draw.choice([c for c in "0123456789abcdef" if c != line[at]])
        lines[place] = line[:at] + other + line[at + 1 :]
        path.write_text("".join(lines), "utf-8")
        assert any(p.severity == "error" for p in lint_contract(path)), at


def test_the_command_approves_and_records_it_once(tmp_path: Path):
    path = copied(tmp_path, "liner", approved=False)
    registry = tmp_path / "registry"
    assert malmoi("registry", "init", registry).returncode == 0
    arguments = ("--by", "Kim Ga-on", "--key", EXAMPLE_KEY, "--on", DAY, "--registry", registry)
    for _ in range(2):
        done = malmoi("contract", "approve", path, *arguments)
        assert done.returncode == 0, done.stderr
    events = [json.loads(file.read_bytes()) for file in sorted((registry / "events").iterdir())]
    (event,) = [event for event in events if event["type"] == "contract_approved"]
    assert event["body"]["content_digest"] == load_contract(path).content_digest
    assert event["body"]["key"] == SigningKey.read(EXAMPLE_KEY).public


def test_the_command_refuses_a_day_that_does_not_exist_and_a_key_that_is_none(tmp_path: Path):
    path = copied(tmp_path, "liner", approved=False)
    before = path.read_bytes()
    no_key = tmp_path / "no.pem"
    no_key.write_text("no key")
    for arguments in (
        ("--key", EXAMPLE_KEY, "--on", "2026-02-30"),
        ("--key", no_key),
        ("--key", tmp_path / "gone"),
    ):
        done = malmoi("contract", "approve", path, "--by", "Kim Ga-on", *arguments)
        assert done.returncode == 2
        assert done.stderr.startswith(b"malmoi: ")
    shutil.copy(CONTRACTS / "a_dot.yaml", tmp_path / "broken.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text(broken.read_text("utf-8").replace("status: active", "status: 3"), "utf-8")
    assert malmoi("contract", "approve", broken, "--by", "K", "--key", EXAMPLE_KEY).returncode == 1
    assert path.read_bytes() == before
