"""malmoi admit on a registry: once, whatever is killed, full or at work beside it."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest

from pipelines.intake.registry import Registry, admitted
from schemas.registry import DropAdmitted
from tests.admit.posts import TODAY, Agreement, post, write_drop
from tests.laws.builds import malmoi


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    Registry.open(tmp_path / "registry", create=True)
    return tmp_path / "registry"


def admit(contract: Path, drop: Path, registry: Path, *more: str) -> subprocess.CompletedProcess:
    return malmoi("admit", contract, drop, "--registry", registry, "--today", TODAY, *more)


def start(
    contract: Path, drop: Path, registry: Path, *, limit: Callable[[], None] | None = None
) -> subprocess.Popen:
    words = ["admit", str(contract), str(drop), "--registry", str(registry), "--today", TODAY, "--json"]
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=limit,  # noqa: PLW1509 - the tests start no threads
    )


def drops_in(registry: Path) -> list[str]:
    events = Registry.open(registry).events()
    return [event.body.drop for event in events if isinstance(event.body, DropAdmitted)]


def litter(registry: Path) -> list[str]:
    return [path.name for path in (registry / "drops").glob("*/*") if path.name.startswith(".admitting-")]


def test_a_drop_is_registered_with_all_its_files_and_told_on_the_screen(tmp_path, registry):
    contract = Agreement().write(tmp_path)
    drop = write_drop(tmp_path / "drop", {"posts.jsonl": [post(n, stars=n % 7) for n in range(30)]})
    done = admit(contract, drop, registry)
    output = done.stdout.decode()
    assert done.returncode == 0, done.stderr.decode()
    assert "gaon: admitted with quarantine: 30 rows, 26 admitted, 4 refused, 4 faults" in output
    assert "posts.jsonl:7:" in output
    assert "stars: maximum: out_of_range" in output
    [one] = admitted(Registry.open(registry))
    assert sorted(path.name for path in one.receipt.parent.iterdir()) == [
        "faults.parquet",
        "keys-posts.arrow",
        "quarantine.jsonl",
        "receipt.json",
        "receipt.sig.json",
        "report.html",
    ]
    assert malmoi("verify", "--receipt", one.receipt).returncode == 0
    log = malmoi("registry", "log", registry).stdout.decode()
    assert "contract_approved" in log
    assert "drop_admitted" in log


def test_a_refused_drop_has_its_receipt_and_report_and_no_event(tmp_path, registry):
    contract = Agreement().write(tmp_path)
    drop = write_drop(tmp_path / "drop", {"posts.jsonl": [post(1, text=...)]})
    done = admit(contract, drop, registry, "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert (told["verdict"], drops_in(registry)) == ("refused", [])
    there = Path(told["registry"]["directory"])
    assert {"receipt.json", "report.html", "quarantine.jsonl"} <= {path.name for path in there.iterdir()}


def test_wrong_use_is_one_sentence_and_exit_2(tmp_path, registry):
    contract = Agreement().write(tmp_path)
    drop = write_drop(tmp_path / "drop", {"posts.jsonl": [post(1)]})
    for done, words in (
        (admit(contract, tmp_path / "nowhere", registry), "is no directory"),
        (admit(contract, drop, tmp_path / "no-registry"), "malmoi registry init"),
        (malmoi("admit", contract, drop, "--registry", registry, "--today", "2026-02-30"), "calendar"),
        (admit(contract, drop, registry, "--mends", "0" * 16), "no drop of this partner"),
    ):
        assert (done.returncode, done.stdout) == (2, b"")
        assert words in done.stderr.decode()


def test_a_dry_run_names_every_rule_and_reads_no_row(tmp_path):
    agreement = Agreement()
    agreement.posts["quality"] = [{"id": "counted", "type": "library", "metric": "rowCount", "mustBe": 9}]
    drop = write_drop(tmp_path / "drop", {"posts.jsonl": [post(1)]})
    (drop / "posts.jsonl").write_bytes(b"\xff\xfe no rows at all")
    done = malmoi(
        "admit", agreement.write(tmp_path), drop, "--registry", tmp_path / "none", "--dry-run", "--json"
    )
    rules = json.loads(done.stdout)
    assert done.returncode == 0
    named = " ".join(rule["rule"] for rule in rules)
    for part in ("term", "approvals", "type: integer", "range", "required", "quality rule counted", "key"):
        assert part in named
    assert all(rule["reads"] for rule in rules)


def test_a_drop_that_comes_again_is_counted_once(tmp_path, registry):
    contract = Agreement().write(tmp_path)
    drop = write_drop(tmp_path / "drop", {"posts.jsonl": [post(n) for n in range(9)]})
    first, again = admit(contract, drop, registry), admit(contract, drop, registry)
    assert (first.returncode, again.returncode, len(drops_in(registry))) == (0, 0, 1)
    assert f"admitted before, on {TODAY}: counted once" in again.stdout.decode()


def test_keys_are_unique_over_all_drops_and_come_again_after_a_withdrawal(tmp_path, registry):
    agreement = Agreement()
    agreement.custom("malmoi.noticeDays", 0)
    contract = agreement.write(tmp_path)
    first = write_drop(tmp_path / "first", {"posts.jsonl": [post(n) for n in range(6)]})
    second = write_drop(tmp_path / "second", {"posts.jsonl": [post(n) for n in range(4, 10)]})
    assert admit(contract, first, registry).returncode == 0
    told = json.loads(admit(contract, second, registry, "--json").stdout)
    assert told["files"][0]["quarantined"] == {"repeated_key": 2}
    [digest, _] = drops_in(registry)
    third = write_drop(tmp_path / "third", {"posts_3.jsonl": [post(n) for n in range(6)]})
    withdrawn = malmoi(
        *("registry", "withdraw", registry, "--partner", "gaon", "--drop", digest, "--on", TODAY)
    )
    assert withdrawn.returncode == 0, withdrawn.stderr.decode()
    told = json.loads(admit(contract, third, registry, "--json").stdout)
    assert told["files"][0]["quarantined"] == {}  # the second one's 4 and 5 were refused: nobody has them
    again = admit(contract, first, registry)
    assert again.returncode == 2
    assert "took this very drop back" in again.stderr.decode()


def test_thirty_thousand_faults_are_all_told_and_twenty_shown(tmp_path, registry):
    rows = [post(n, stars="x", text=...) if n % 2 else post(n, stars=9) for n in range(20_000)]
    drop = write_drop(tmp_path / "drop", {"posts.jsonl": rows})
    done = admit(Agreement().write(tmp_path), drop, registry)
    assert done.returncode == 1
    output = done.stdout.decode()
    assert output.count("  posts.jsonl:") == 20
    assert "and 29,980 more" in output
    [faults] = (registry / "drops").glob("*/*/faults.parquet")
    reasons = Counter(pq.read_table(faults)["reason"].to_pylist())
    assert reasons == {"out_of_range": 10_000, "wrong_type": 10_000, "missing_column": 10_000}
    lines = (faults.parent / "quarantine.jsonl").read_bytes().splitlines()
    assert len(lines) == 20_000
    assert {len(orjson.loads(line)["faults"]) for line in lines} == {1, 2}


def test_the_same_drop_handed_in_four_times_at_once_is_one_event(tmp_path, registry):
    contract = Agreement().write(tmp_path)
    drop = write_drop(tmp_path / "drop", {"posts.jsonl": [post(n) for n in range(50)]})
    running = [start(contract, drop, registry) for _ in range(4)]
    receipts = [json.loads(process.communicate(timeout=250)[0]) for process in running]
    assert len(drops_in(registry)) == 1
    assert sum(receipt.pop("registry")["before"] is None for receipt in receipts) == 1
    assert all(receipt == receipts[0] for receipt in receipts)


def test_different_drops_at_once_never_admit_a_key_twice(tmp_path, registry):
    contract = Agreement().write(tmp_path)
    drops = [
        write_drop(
            tmp_path / f"drop{i}",
            {f"posts_{i}.jsonl": [post(n) for n in (*range(5), *range(10 * i + 10, 10 * i + 15))]},
        )
        for i in range(3)
    ]
    running = [start(contract, drop, registry) for drop in drops]
    receipts = [json.loads(process.communicate(timeout=250)[0]) for process in running]
    assert len(drops_in(registry)) == sum(receipt["verdict"] != "refused" for receipt in receipts) == 3
    assert sum(file["documents"] for receipt in receipts for file in receipt["files"]) == 20
    assert malmoi("registry", "verify", registry).returncode == 0


@pytest.mark.slow
def test_killed_at_any_moment_and_started_again_it_is_the_same_receipt_and_one_event(tmp_path, registry):
    contract = Agreement().write(tmp_path)
    rows = [post(n, stars=n % 7) for n in range(3_000)]
    drop = write_drop(tmp_path / "drop", {"posts.jsonl": rows})
    other = tmp_path / "other"
    Registry.open(other, create=True, key=tmp_path / "registry.key")
    began = time.monotonic()
    assert admit(contract, drop, other, "--key", str(tmp_path / "registry.key")).returncode == 0
    whole = time.monotonic() - began
    [expected] = (other / "drops").glob("*/*/receipt.json")
    moments = random.Random(4)
    for _ in range(8):
        process = start(contract, drop, registry)
        time.sleep(whole * moments.uniform(0.3, 1.0))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert admit(contract, drop, registry).returncode == 0
    [receipt] = (registry / "drops").glob("*/*/receipt.json")
    assert receipt.read_bytes() == expected.read_bytes()
    assert len(drops_in(registry)) == 1
    assert litter(registry) == []


def test_a_full_disk_registers_nothing_and_leaves_nothing(tmp_path, registry):
    """Files may not grow past 4 KiB here: the keys of 2,000 rows take 32 KB."""
    contract = Agreement().write(tmp_path)
    drop = write_drop(tmp_path / "drop", {"posts.jsonl": [post(n) for n in range(2_000)]})

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    process = start(contract, drop, registry, limit=full)
    output, error = process.communicate(timeout=250)
    assert (process.returncode, output) == (2, b"")
    assert "Traceback" not in error.decode()
    assert "disk" in error.decode()
    assert (drops_in(registry), litter(registry)) == ([], [])
    assert not list((registry / "drops").glob("*/[0-9a-f]*"))
    assert admit(contract, drop, registry).returncode == 0
    assert len(drops_in(registry)) == 1


def test_an_admission_that_fails_at_the_event_is_not_half_registered(tmp_path, registry):
    """The receipt is there, the log is not to be written to: nothing counts; and then it does."""
    if os.geteuid() == 0:
        (registry / "events").rename(registry / "events.away")
    else:
        (registry / "events").chmod(0o500)
    contract = Agreement().write(tmp_path)
    drop = write_drop(tmp_path / "drop", {"posts.jsonl": [post(1)]})
    assert admit(contract, drop, registry).returncode != 0
    if os.geteuid() == 0:
        (registry / "events.away").rename(registry / "events")
    else:
        (registry / "events").chmod(0o755)
    assert drops_in(registry) == []
    assert admit(contract, drop, registry).returncode == 0
    assert len(drops_in(registry)) == 1


def test_a_changed_contract_judges_a_drop_anew_where_it_decides_over_rows(tmp_path, registry):
    """Contacts and a longer term leave a receipt as it is; a limit makes it stale. The epoch stays."""
    agreement = Agreement()
    drop = write_drop(tmp_path / "drop", {"posts.jsonl": [post(n, stars=n % 6) for n in range(12)]})

    def again() -> tuple[dict, list[str]]:
        done = admit(agreement.write(tmp_path), drop, registry, "--json", "--without-drop-json")
        assert done.stdout, done.stderr.decode()
        return json.loads(done.stdout), drops_in(registry)

    first, _ = again()
    [before] = admitted(Registry.open(registry))
    assert malmoi("registry", "seal", registry).returncode == 0
    agreement.custom("malmoi.expires", "2028-12-31")
    agreement.custom("malmoi.noticeDays", 60)
    same, drops = again()
    assert (same["registry"]["before"], drops) == (TODAY, [first["drop"]])
    agreement.posts["properties"][2]["logicalTypeOptions"]["maximum"] = 3
    other, drops = again()
    assert (other["registry"]["before"], drops) == (None, [first["drop"]] * 2)
    assert (first["faults"]["count"], other["faults"]["count"]) == (0, 4)
    [after] = admitted(Registry.open(registry))
    assert (before.epoch, after.epoch, after.notice_days) == (None, 0, 60)
    assert before.receipt.read_bytes() != after.receipt.read_bytes()
    assert malmoi("registry", "seal", registry).stdout.decode().startswith("nothing")
    assert malmoi("registry", "verify", registry).returncode == 0
    assert again()[0]["registry"]["before"] == TODAY
