"""Receipts: what a partner can check alone, and that nothing in them can be changed unseen."""

from __future__ import annotations

import dataclasses
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.intake.receipt_check import check_receipt
from pipelines.intake.receipt_signatures import sign_receipt, signatures_of
from pipelines.intake.registry import Registry, record_admission
from pipelines.intake.registry_check import prove
from pipelines.intake.registry_events import seal
from pipelines.intake.signatures import SigningKey
from schemas.errors import BuildInconsistent, InputUnreadable, UsageError
from schemas.identity import canonical_json
from schemas.receipt import Side, read_receipt, receipt_bytes
from tests.intake.registries import AT, admission, admit_small, receipt_of, small_drop
from tests.laws.builds import malmoi


@dataclasses.dataclass(frozen=True)
class Kept:
    """What a partner keeps, and the registry it is about."""

    receipt: Path
    drop: Path
    proof: Path
    registry: Registry

    def findings(self, **options: Any) -> set[str]:
        """The checks that find something, of all there are."""
        known = {"drop": self.drop, "proof": self.proof, "key": self.registry.key, **options}
        return {finding.check for finding in check_receipt(self.receipt, **known)}


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """A drop admitted third, signed by both sides, with a proof made when the log had grown."""
    registry = Registry.open(tmp_path / "registry", create=True)
    for number in range(2):
        record_admission(registry, admission(number), at=AT)
    drop = small_drop(tmp_path / "drop")
    receipt, _ = admit_small(registry, drop)
    home = tmp_path / "partner"
    home.mkdir()
    kept = Path(shutil.copy(receipt, home / "receipt.json"))
    sign_receipt(kept, SigningKey.read(registry.key_directory / "signing.pem"), role=Side.CONSORTIUM)
    sign_receipt(kept, SigningKey.create(tmp_path / "partner.pem"), role=Side.PARTNER)
    for number in range(3, 6):
        record_admission(registry, admission(number), at=AT)
    proof = home / "proof.json"
    proof.write_bytes(canonical_json(prove(registry, read_receipt(kept.read_bytes(), name="it"))) + b"\n")
    made = Kept(kept, drop, proof, registry)
    assert made.findings() == set()
    return made


def rewritten(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """The file with its JSON changed, as canonical as before."""
    content = json.loads(path.read_bytes())
    change(content)
    path.write_bytes(canonical_json(content) + b"\n")


def test_any_changed_byte_of_receipt_signatures_or_proof_is_found(kept: Kept):
    dice = random.Random(11)
    for path in (kept.receipt, kept.receipt.with_name("receipt.sig.json"), kept.proof):
        content = path.read_bytes()
        for place in range(0, len(content), 11):
            byte = bytes([content[place] ^ (1 << dice.randrange(8))])
            path.write_bytes(content[:place] + byte + content[place + 1 :])
            assert kept.findings(), (path.name, place)
        path.write_bytes(content)
    assert kept.findings() == set()


def test_a_changed_digit_is_found_without_signatures_and_proof(kept: Kept):
    """What a receipt says of files, log and sums hangs together by itself."""
    kept.receipt.with_name("receipt.sig.json").unlink()
    changes: dict[str, tuple[str, Callable[[dict[str, Any]], None]]] = {
        "sha256": ("merkle", lambda told: told["files"][1].update(sha256="0" * 64)),
        "bytes": ("merkle", lambda told: told["files"][1].update(bytes=1)),
        "file gone": ("merkle", lambda told: told["files"].pop()),
        "files exchanged": ("merkle", lambda told: told["files"].reverse()),
        "root": ("merkle", lambda told: told.update(merkle_root="0" * 64)),
        "drop": ("merkle", lambda told: told.update(drop="0" * 64)),
        "rows": ("counts", lambda told: told["files"][0].update(rows_arrived=7)),
        "refused": ("counts", lambda told: told["files"][0].update(quarantined={"not_json": 1})),
        "sum": ("counts", lambda told: told["data_sets"][0].update(documents=7)),
        "data set gone": ("counts", lambda told: told["data_sets"].clear()),
        "log size": ("log", lambda told: told["log"].update(size=1)),
        "log root": ("log", lambda told: told["log"].update(root="0" * 64)),
        "no log": ("log", lambda told: told.update(log=None)),
        "version": ("form", lambda told: told.update(version=1)),
        "more": ("form", lambda told: told.update(more=True)),
        "verdict": ("form", lambda told: told.update(verdict="perhaps")),
    }
    content = kept.receipt.read_bytes()
    for name, (check, change) in changes.items():
        rewritten(kept.receipt, change)
        assert check in kept.findings(drop=None, proof=None), name
        kept.receipt.write_bytes(content)
    assert kept.findings(drop=None, proof=None) == set()


def test_the_files_of_the_drop_are_held_against_the_receipt(kept: Kept):
    file = kept.drop / "pages" / "1.jsonl"
    content = file.read_bytes()

    def told() -> list[str]:
        return [str(finding) for finding in check_receipt(kept.receipt, drop=kept.drop)]

    file.write_bytes(content[:-1] + b" ")
    assert told() == ["drop: pages/1.jsonl: has other bytes"]
    file.write_bytes(content[:-1])
    assert told() == [f"drop: pages/1.jsonl: has {len(content) - 1} bytes, not {len(content)}"]
    file.unlink()
    assert told() == ["drop: pages/1.jsonl: is missing"]
    file.write_bytes(content)
    for ignored in ("drop.json", "pages/9.jsonl.part"):
        (kept.drop / ignored).write_bytes(b"")
    assert told() == []
    (kept.drop / "pages" / "forgotten.jsonl").write_bytes(b"{}")
    assert told() == ["drop: pages/forgotten.jsonl: lies in the drop, and the receipt does not name it"]


def test_a_receipt_does_not_lead_out_of_the_drop(kept: Kept, tmp_path: Path):
    (tmp_path / "outside").write_bytes(b"secret")
    for path in ("../outside", str(tmp_path / "outside")):
        rewritten(kept.receipt, lambda told, path=path: told["files"][0].update(path=path))
        found = check_receipt(kept.receipt, drop=kept.drop)
        assert any(finding.message == "is a path out of the drop" for finding in found)


def test_faults_beside_the_receipt_are_those_it_names(kept: Kept):
    (kept.receipt.parent / "faults.parquet").write_bytes(b"others")
    assert [str(finding) for finding in check_receipt(kept.receipt)] == [
        "faults: faults.parquet: beside the receipt is not what it names"
    ]


def test_another_registry_is_not_the_one_whose_key_is_known(kept: Kept, tmp_path: Path):
    other = Registry.open(tmp_path / "other", create=True)
    assert kept.findings(key=other.key) == {"signatures", "log"}
    assert kept.findings(key="no key") == {"signatures", "log"}
    assert kept.findings(key=None) == set()


def test_a_proof_of_another_drop_log_or_time_is_none(kept: Kept, tmp_path: Path):
    receipt = read_receipt(kept.receipt.read_bytes(), name="it")
    good = json.loads(kept.proof.read_bytes())
    elder = json.loads(canonical_json(kept.registry.head(2)))
    with_another = Registry.open(tmp_path / "other", create=True)
    path, _ = admit_small(with_another, kept.drop)
    foreign = json.loads(canonical_json(prove(with_another, read_receipt(path.read_bytes(), name="it"))))
    others = [event for event in kept.registry.events() if event.sequence == 3]
    other_event = (kept.registry.directory / "events" / f"{others[0].sequence:010}.json").read_text()
    for name, changes in {
        "the log before the drop": {"second": elder},
        "a shorter log": {"second": json.loads(canonical_json(kept.registry.head(5)))},
        "another log": foreign,
        "another event": {"event": other_event},
        "no event": {"event": "{}"},
        "nothing": {"consistency": [], "inclusion": []},
        "nodes exchanged": {"consistency": good["consistency"][::-1], "inclusion": good["inclusion"][::-1]},
        "another start": {"first": json.loads(canonical_json(kept.registry.head(3)))},
    }.items():
        kept.proof.write_bytes(canonical_json({**good, **changes}) + b"\n")
        assert kept.findings() == {"proof"}, name
    kept.proof.write_bytes(b"{}\n")
    assert kept.findings() == {"form"}
    assert receipt.log is not None


def test_another_receipt_of_the_same_drop_is_not_the_one_in_the_log(kept: Kept):
    """As the consortium might write it afterwards: signed, of the same files, from an earlier head."""
    other = receipt_of(kept.drop, log=kept.registry.head(1))
    kept.receipt.write_bytes(receipt_bytes(other))
    kept.receipt.with_name("receipt.sig.json").unlink()
    kept.proof.write_bytes(canonical_json(prove(kept.registry, other)) + b"\n")
    assert [str(finding) for finding in check_receipt(kept.receipt, drop=kept.drop, proof=kept.proof)] == [
        "proof: event: names another receipt of the drop"
    ]


def test_a_log_that_lost_what_the_receipt_saw_gives_no_proof(kept: Kept, tmp_path: Path):
    """The registry starts over with the same key: its events are others."""
    receipt = read_receipt(kept.receipt.read_bytes(), name="it")
    for path in (kept.registry.directory / "events").iterdir():
        path.unlink()
    (kept.registry.directory / "tail.json").unlink()  # what is remembered of the log goes with it
    shutil.rmtree(kept.registry.directory / "claims")
    with pytest.raises(UsageError, match="not in this registry"):
        prove(kept.registry, receipt)
    admit_small(kept.registry, kept.drop)
    with pytest.raises(BuildInconsistent, match="does not begin with"):
        prove(kept.registry, receipt)
    seal(kept.registry, at=AT)
    with pytest.raises(BuildInconsistent, match="does not begin with"):
        prove(kept.registry, receipt)
    alone = receipt_of(kept.drop, log=None)
    with pytest.raises(UsageError, match="without a registry"):
        prove(kept.registry, alone)


def test_proofs_hold_between_all_sizes_of_the_log(tmp_path: Path):
    registry = Registry.open(tmp_path / "registry", create=True)
    receipts = []
    for number in range(9):
        drop = small_drop(tmp_path / f"drop{number}", salt=str(number))
        receipts.append((admit_small(registry, drop)[0], drop))
        for path, delivered in receipts:
            proof = prove(registry, read_receipt(path.read_bytes(), name="it"))
            (tmp_path / "proof.json").write_bytes(canonical_json(proof) + b"\n")
            proven = tmp_path / "proof.json"
            assert check_receipt(path, drop=delivered, proof=proven, key=registry.key) == []


def test_both_sides_sign_once_in_any_order(kept: Kept, tmp_path: Path):
    path = tmp_path / "receipt.json"
    path.write_bytes(kept.receipt.read_bytes())
    partner = SigningKey.read(tmp_path / "partner.pem")
    consortium = SigningKey.read(kept.registry.key_directory / "signing.pem")
    for _ in range(2):
        sign_receipt(path, partner, role=Side.PARTNER)
        sign_receipt(path, consortium, role=Side.CONSORTIUM)
    assert signatures_of(path) == signatures_of(kept.receipt)
    assert path.with_name("receipt.sig.json").read_bytes() == (
        kept.receipt.with_name("receipt.sig.json").read_bytes()
    )
    with pytest.raises(UsageError, match="another key has signed as partner"):
        sign_receipt(path, consortium, role=Side.PARTNER)
    path.write_bytes(b"{}")
    with pytest.raises(InputUnreadable):
        sign_receipt(path, partner, role=Side.PARTNER)


def test_the_bytes_of_a_receipt_are_its_own(kept: Kept):
    receipt = read_receipt(kept.receipt.read_bytes(), name="it")
    assert receipt_bytes(receipt) == kept.receipt.read_bytes()
    assert receipt_of(kept.drop, log=receipt.log) == receipt


def test_a_partner_follows_a_receipt_by_the_commands(repository: Path, tmp_path: Path):
    """From a drop handed in to a proof checked where the registry is not."""
    home, drop = tmp_path / "registry", tmp_path / "drop"
    shutil.copytree(repository / "examples" / "drops" / "selectstar", drop)
    key = json.loads(malmoi("registry", "init", home, "--json").stdout)["key"]
    contract = repository / "data_contracts" / "selectstar.yaml"
    done = malmoi("admit", contract, drop, "--registry", home, "--today", "2026-11-24")
    assert done.returncode == 0, done.stderr.decode()
    (receipt,) = home.rglob("receipt.json")
    kept = tmp_path / "kept"
    shutil.copytree(receipt.parent, kept)
    SigningKey.create(tmp_path / "mine.pem")
    signed = malmoi(
        "receipt", "sign", kept / "receipt.json", "--key", tmp_path / "mine.pem", "--role", "partner"
    )
    assert signed.returncode == 0, signed.stderr.decode()
    assert malmoi("registry", "seal", home).returncode == 0
    proof = tmp_path / "proof.json"
    done = malmoi("registry", "prove", home, "--since", kept / "receipt.json", "-o", proof)
    assert done.returncode == 0, done.stderr.decode()
    shutil.rmtree(home)
    words = ("verify", "--receipt", kept / "receipt.json", "--drop", drop, "--proof", proof)
    done = malmoi(*words, "--key", key)
    assert (done.returncode, done.stdout) == (0, b"the receipt holds\n"), done.stdout.decode()
    delivered = next(path for path in drop.rglob("*") if path.is_file() and path.name != "drop.json")
    delivered.write_bytes(b"")
    done = malmoi(*words, "--json")
    assert done.returncode == 1
    assert [finding["where"] for finding in json.loads(done.stdout)] == [
        delivered.relative_to(drop).as_posix()
    ]


def test_verify_is_told_a_build_or_a_receipt(tmp_path: Path):
    for wrong in ([], [tmp_path, "--proof", tmp_path / "proof.json"]):
        done = malmoi("verify", *wrong)
        assert done.returncode == 2
        assert b"or --receipt FILE with --drop" in done.stderr
