"""What an auditor does with the example build: verify, prove, sign, look again at the drop."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.intake.build_signatures import check_signed, sign_build
from pipelines.intake.signatures import SigningKey
from pipelines.lineage.ledger import write_ledger
from pipelines.lineage.verify import verify
from pipelines.rerun import rerun
from schemas.attestation import statement
from schemas.content import content_root
from schemas.errors import UsageError
from schemas.identity import file_sha256
from schemas.manifest import LedgerFacts, Manifest, ShardFacts, manifest_bytes, manifest_digest, read_manifest
from schemas.signatures import verify_signature
from tests.laws.builds import Finished, malmoi
from tests.lineage.small_build import publish


@pytest.fixture
def copy(built: Finished, tmp_path: Path) -> Path:
    """The example build with its run log beside it, to break."""
    shutil.copytree(built.build.with_name(built.build.name + ".runs"), tmp_path / "copy.runs")
    return shutil.copytree(built.build, tmp_path / "copy")


def files(build: Path) -> list[Path]:
    return sorted(path for path in build.rglob("*") if path.is_file())


def test_a_changed_byte_of_any_file_and_any_missing_file_is_found(copy: Path):
    assert verify(copy) == ()
    random = Random(8)
    paths = files(copy)
    assert len(paths) > 20
    for path in paths:
        whole = path.read_bytes()
        name = path.relative_to(copy).as_posix()
        for at in {0, len(whole) - 1, random.randrange(len(whole))}:
            path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << random.randrange(8))]) + whole[at + 1 :])
            assert verify(copy), (name, at)
        path.write_bytes(whole + b"\n")
        assert verify(copy), name
        path.unlink()
        assert verify(copy), name
        path.write_bytes(whole)
    assert verify(copy) == ()


def test_every_damage_ends_with_one_on_the_command_line(copy: Path):
    assert malmoi("verify", copy).returncode == 0
    for name in ("manifest.json", "manifest.sha256", "report.html"):
        whole = (copy / name).read_bytes()
        (copy / name).write_bytes(whole[:-2] + bytes([whole[-2] ^ 1]) + whole[-1:])
        done = malmoi("verify", copy)
        assert (done.returncode, done.stderr) == (1, b""), name
        assert name.split(".")[0].encode() in done.stdout
        (copy / name).write_bytes(whole)
    (copy / "manifest.json").unlink()
    assert malmoi("verify", copy).returncode == 1


def test_two_shards_that_changed_places_are_found(copy: Path):
    manifest = read_manifest(copy)
    one, other = (
        max(manifest.segments[0].train + manifest.segments[0].validation, key=lambda s: s.rows),
        manifest.segments[0].validation[0],
    )
    assert one.name != other.name
    left, right = copy / one.path, copy / other.path
    left.rename(copy / "x")
    right.rename(left)
    (copy / "x").rename(right)
    assert {finding.where for finding in verify(copy)} >= {one.path, other.path}


def _refit(build: Path, change: Callable[[dict], dict], *, rooted: bool) -> Manifest:
    """The first kept row of the first ledger piece changed, all digests made to fit; `rooted`: roots too."""
    manifest = read_manifest(build)
    segment = manifest.segments[0]
    facts = segment.ledger[0]
    table = pq.read_table(build / facts.path)
    rows = table.to_pylist()
    at = next(i for i, row in enumerate(rows) if row["kept"] and not row["pii"])
    rows[at] = change(rows[at])
    written = write_ledger(build / facts.path, pa.Table.from_pylist(rows, table.schema))
    new = (
        LedgerFacts(facts.path, *written)
        if rooted
        else replace(facts, bytes=written.bytes, sha256=written.sha256)
    )
    segments = (replace(segment, ledger=(new, *segment.ledger[1:])), *manifest.segments[1:])
    forged = replace(manifest, segments=segments)
    if rooted:
        forged = replace(forged, root=content_root(segments))
    publish(build, forged)
    return forged


EDITS = [
    {"row": 10**6},
    {"quality": 0.123},
    {"language": None},
    {"pii": [("PHONE_NUMBER", 1)]},
    {"detail": "edited"},
]


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_row_with_digests_made_to_fit_is_found_by_the_root(copy: Path, edit: dict):
    _refit(copy, lambda row: row | edit, rooted=False)
    assert "root" in {finding.check for finding in verify(copy)}


def test_a_wholly_forged_build_is_found_by_registry_signature_known_root_and_drop(copy: Path, tmp_path: Path):
    key = SigningKey.create(tmp_path / "key.pem")
    (tmp_path / "key.pub").write_text(key.public + "\n")
    registry = tmp_path / "registry"
    assert malmoi("registry", "init", registry).returncode == 0
    for role in ("data_lead", "counsel"):
        SigningKey.create(tmp_path / f"{role}.pem")
        words = ("--role", role, "--by", role, "--key", tmp_path / f"{role}.pem")
        assert malmoi("release", "approve", registry, copy, *words).returncode == 0
    assert malmoi("release", "publish", registry, copy).returncode == 0
    assert malmoi("sign", copy, "--key", tmp_path / "key.pem").returncode == 0
    root = read_manifest(copy).root
    anchors = (("--registry", registry), ("--public-key", tmp_path / "key.pub"), ("--root", root))
    done = malmoi("verify", copy, *(word for pair in anchors for word in pair))
    assert (done.returncode, done.stdout) == (0, b"the build is whole\n"), done.stdout
    _refit(copy, lambda row: row | {"detail": "edited"}, rooted=True)
    assert verify(copy) == ()  # nothing inside contradicts it: somebody outside has to know better
    (copy.parent / f"{copy.name}.runs" / "released.json").unlink()  # the mark of its release beside it
    assert malmoi("verify", copy).returncode == 0
    for pair, told in zip(anchors, ("release: ", "signature: ", "root: "), strict=True):
        done = malmoi("verify", copy, *pair)
        assert done.returncode == 1, done.stdout
        assert {line.split(" ")[0] for line in done.stdout.decode().splitlines()[:-1]} == {told.strip()}


def test_a_sample_made_again_is_what_the_build_holds_and_what_was_altered_is_named(copy: Path):
    again = rerun(copy, sample=10_000)
    assert (again.findings, again.cut) == ([], 0)
    assert again.compared == sum(facts.documents for facts in read_manifest(copy).data_sets)
    touched: list[str] = []

    def swap(row: dict) -> dict:
        touched.append(row["doc_id"].hex())
        return row | {"language": "en" if row["language"] == "ko" else "ko"}

    _refit(copy, swap, rooted=True)
    found = rerun(copy, sample=10_000).findings
    assert [(one.where, "language" in one.message) for one in found] == [(touched[0], True)]


@pytest.mark.slow
def test_a_token_that_no_drop_gives_is_named(copy: Path):
    manifest = read_manifest(copy)
    shard = max(manifest.shards, key=lambda one: one.rows)
    content = bytearray((copy / shard.path).read_bytes())
    content[4096] ^= 1  # the first token of the first document: another token, as good as the first
    (copy / shard.path).write_bytes(bytes(content))
    forged = [
        replace(one, sha256=file_sha256(copy / shard.path)) if one.name == shard.name else one
        for one in manifest.shards
    ]
    _republish(copy, manifest, forged)
    found = rerun(copy, sample=10_000).findings
    assert [one.message for one in found] == [
        f"{shard.name} row 0 has other tokens, the first is its token 0"
    ]
    done = malmoi("verify", copy, "--deep", "--sample", "5")
    assert done.returncode in (0, 1)
    assert b"Traceback" not in done.stderr


def _republish(build: Path, manifest: Manifest, shards: list[ShardFacts]) -> None:
    by_name = {shard.name: shard for shard in shards}
    segments = tuple(
        replace(
            one,
            train=tuple(by_name[shard.name] for shard in one.train),
            validation=tuple(by_name[shard.name] for shard in one.validation),
        )
        for one in manifest.segments
    )
    publish(build, replace(manifest, segments=segments, root=content_root(segments)))


def test_a_rerun_without_what_the_build_was_made_from_says_so(copy: Path):
    publish(copy, replace(read_manifest(copy), stage_versions={"language": 99}))
    with pytest.raises(UsageError, match="stages"):
        rerun(copy, sample=1)
    (copy.parent / "copy.runs" / "origin.json").unlink()
    with pytest.raises(UsageError, match=r"origin\.json"):
        rerun(copy, sample=1)


def test_a_proof_is_checked_alone_by_the_command_line(copy: Path, tmp_path: Path):
    manifest = read_manifest(copy)
    row = pq.read_table(copy / manifest.segments[0].ledger[0].path, columns=["doc_id", "kept"]).to_pylist()[0]
    for words, says in (
        (("--doc", row["doc_id"].hex()), b" is in "),
        (("--doc", "f" * 32), b"is in no epoch"),
        (("--shard", manifest.shards[0].name), b"is in the build"),
    ):
        proof = tmp_path / "proof.json"
        assert malmoi("prove", copy, *words, "-o", proof).returncode == 0
        done = malmoi("verify", "--proof", proof, "--root", manifest.root)
        assert done.returncode == 0, done.stdout + done.stderr
        assert says in done.stdout
        assert malmoi("verify", "--proof", proof, "--root", "0" * 64).returncode == 1
    proof.write_bytes(b"{}")
    assert malmoi("verify", "--proof", proof).returncode == 2
    assert malmoi("prove", copy, "--doc", "f").returncode == 2


def test_a_signature_stands_for_one_key_and_one_manifest(copy: Path, tmp_path: Path):
    key, other = SigningKey.create(tmp_path / "one.pem"), SigningKey.create(tmp_path / "two.pem")
    for name, signer in (("one", key), ("two", other)):
        (tmp_path / f"{name}.pub").write_text(signer.public)
    before = {path: path.read_bytes() for path in files(copy)}
    plain, slsa = sign_build(copy, key)
    assert {path: path.read_bytes() for path in files(copy)} == before
    assert check_signed(copy, tmp_path / "one.pub") == ()
    assert check_signed(copy, tmp_path / "two.pub")
    for path in (plain, slsa):
        whole = path.read_bytes()
        for at in range(0, len(whole), 97):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            assert check_signed(copy, tmp_path / "one.pub"), (path.name, at)
        path.write_bytes(whole)
    # By the text of the DSSE protocol: PAE over the type and the payload.
    envelope = json.loads(slsa.read_bytes())
    payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"].encode()
    message = b" ".join([b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload])
    (signature,) = envelope["signatures"]
    assert verify_signature(
        key=key.public, message=message, signature=base64.b64decode(signature["sig"]).hex()
    )
    assert json.loads(payload)["subject"][0]["digest"] == {"sha256": manifest_digest(copy)}
    publish(copy, replace(read_manifest(copy), date="2026-11-23"))
    assert len(check_signed(copy, tmp_path / "one.pub")) == 2
    (tmp_path / "bad.pub").write_text("no key")
    with pytest.raises(UsageError, match="no Ed25519 public key"):
        check_signed(copy, tmp_path / "bad.pub")


def test_the_statement_is_one_to_in_toto(copy: Path):
    """By the reference's own classes."""
    from google.protobuf.json_format import ParseDict
    from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance
    from in_toto_attestation.v1 import statement as reference
    from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
    from in_toto_attestation.v1.statement_pb2 import Statement

    said = statement(read_manifest(copy), manifest_digest(copy))
    reference.Statement.copy_from_pb(ParseDict(said, Statement())).validate()
    provenance = ParseDict(said["predicate"], Provenance())  # raises on a field that it does not know
    assert len(provenance.build_definition.resolved_dependencies) > 10
    for one in provenance.build_definition.resolved_dependencies:
        ResourceDescriptor.copy_from_pb(one).validate()


HOSTILE = [
    lambda content: content.replace(b'"version":3', b'"version":3,"version":3'),
    lambda content: content.replace(b"segments/", b"../ments/", 1),
    lambda content: content[: len(content) // 2],
    lambda content: b"[" * 200_000,
    lambda content: content.replace(b'"bytes":', b'"bytes":1e308', 1),
    lambda content: b"\x00" * 100,
]


@pytest.mark.parametrize("hostile", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 6))])
@pytest.mark.timeout(120)
def test_every_command_refuses_a_hostile_manifest_with_a_sentence(copy: Path, tmp_path: Path, hostile: int):
    content = HOSTILE[hostile](manifest_bytes(read_manifest(copy)))
    (copy / "manifest.json").write_bytes(content)
    commands = [("verify", copy), ("trace", copy, "--doc", "0" * 32), ("prove", copy, "--doc", "0" * 32)]
    if hostile == 0:
        key = tmp_path / "key.pem"
        SigningKey.create(key)
        commands += [
            ("report", copy),
            ("stat", copy),
            ("sign", copy, "--key", key),
            ("export", "text", copy, "-o", tmp_path / "x"),
            ("export", "megatron", copy, "-o", tmp_path / "y"),
            ("audit", "pii", copy),
        ]
    for words in commands:
        done = malmoi(*words)
        assert done.returncode in (1, 2), words
        said = done.stdout + done.stderr
        assert b"manifest" in said, (words, said)
        assert b"Traceback" not in said
        assert b"error of Malmoi itself" not in said, words
