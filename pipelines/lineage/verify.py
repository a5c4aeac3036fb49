"""Check a finished build against itself: files, counts, and every document's place.

Reads everything in the build directory. What is damaged becomes a finding, never an error; a file whose
digest is wrong is not looked into, so nothing is concluded from damaged bytes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import polars as pl
import pyarrow as pa

from pipelines.lineage.finding import Finding
from pipelines.lineage.ledger import balance_of
from pipelines.lineage.verify_index import check_index
from pipelines.lineage.verify_pieces import Piece, all_rows, check_places, read_pieces
from pipelines.lineage.verify_quick import holds
from pipelines.lineage.verify_receipts import check_receipts
from pipelines.lineage.verify_rights import check_rights, check_rights_of_documents, check_rights_on
from pipelines.lineage.verify_rows import (
    check_balance_of,
    check_ledger_rows,
    check_shard,
    check_splits,
    shard_rows,
)
from schemas.content import content_root, places
from schemas.errors import MalmoiError
from schemas.identity import file_sha256
from schemas.manifest import (
    FileFacts,
    LedgerFacts,
    Manifest,
    ShardFacts,
    digest_line,
    manifest_digest,
    read_manifest,
)
from schemas.shard_trailer import altered_parts

_OWN = ("manifest.json", "manifest.sha256")
# ValueError: bytes that are no UTF-8, or rows that have no stage to be counted under.
_UNREADABLE = (MalmoiError, OSError, ValueError, pa.ArrowException, pl.exceptions.PolarsError)


def verify(build: Path, *, on: str | None = None) -> tuple[Finding, ...]:
    """All findings about a build, sorted; none if it is whole. `on`: an ISO day to judge rights on too."""
    try:
        manifest = read_manifest(build)
    except (MalmoiError, OSError) as error:
        return (Finding("files", "manifest.json", str(error)),)
    findings = [*_check_digest(build)]
    damaged: set[str] = set()
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:  # digests and kernels run beside each other
        for finding in _check_files(build, manifest, pool):
            findings.append(finding)
            damaged.add(finding.where)
        of_manifest = pool.submit(_check_manifest, build, manifest, damaged)
        whole = not findings and holds(build, manifest, pool)
        findings += of_manifest.result()
        if findings or not whole:
            findings += _check_rows(build, manifest, damaged, pool)
    findings += check_rights_on(manifest, on) if on is not None else ()
    return tuple(sorted(set(findings)))


def _check_manifest(build: Path, manifest: Manifest, damaged: set[str]) -> list[Finding]:
    """What the manifest says, against itself and the receipts."""
    return [
        *_check_conservation(manifest),
        *check_receipts(build, manifest, damaged),
        *check_rights(manifest),
        *_check_names(manifest),
    ]


def _check_digest(build: Path) -> Iterator[Finding]:
    try:
        with (build / "manifest.sha256").open("rb") as file:
            said = file.read(1 << 10)  # it has 80 bytes
    except OSError:
        yield Finding("files", "manifest.sha256", "is missing or cannot be read")
        return
    if said != digest_line(manifest_digest(build)):
        yield Finding("files", "manifest.json", "is not what manifest.sha256 says")


def _check_files(build: Path, manifest: Manifest, pool: Executor) -> Iterator[Finding]:
    """Every listed file is there with its bytes and digest, and nothing else lies in the directory."""
    listed: set[str] = set()
    wanted: list[FileFacts | LedgerFacts | ShardFacts] = []
    for facts in manifest.files:
        if facts.path in listed:
            yield Finding("files", facts.path, "stands in the manifest twice")
            continue
        listed.add(facts.path)
        wanted.append(facts)
    wanted.sort(key=lambda facts: -facts.bytes)  # the longest first, so that all end together
    problems = pool.map(lambda facts: _file_problem(build / facts.path, facts), wanted)
    for facts, problem in zip(wanted, problems, strict=True):
        if problem is not None:
            yield Finding("files", facts.path, problem)
    directories = {str(parent) for path in listed for parent in PurePosixPath(path).parents}
    for root, folders, files in os.walk(build):
        for name in sorted(folders):
            path = Path(root, name)
            relative = path.relative_to(build).as_posix()
            if path.is_symlink() or relative not in directories:
                yield Finding("files", relative, "does not belong to the build")
        for name in sorted(files):
            relative = Path(root, name).relative_to(build).as_posix()
            if relative not in listed and relative not in _OWN:
                yield Finding("files", relative, "does not belong to the build")


def _file_problem(path: Path, facts: FileFacts | LedgerFacts | ShardFacts) -> str | None:
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            return "is no plain file"
        if found.st_size != facts.bytes:
            return f"has {found.st_size} bytes, the manifest says {facts.bytes}"
        if file_sha256(path) != facts.sha256:
            return "has other bytes than the manifest's SHA-256 says" + _altered(path, facts)
    except OSError as error:
        return "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
    return None


def _altered(path: Path, facts: FileFacts | LedgerFacts | ShardFacts) -> str:
    """Of a shard: which parts its own trailer says are not what was written."""
    if not isinstance(facts, ShardFacts):
        return ""
    try:
        parts = altered_parts(path)
    except MalmoiError:
        return "; its trailer is damaged"
    return f"; by its trailer: {', '.join(parts)}" if parts else ""


def _check_conservation(manifest: Manifest) -> Iterator[Finding]:
    """Rows sent = arrived = documents + quarantined; documents = kept + dropped; tokens add up."""
    seen: set[tuple[str, str]] = set()
    for facts in manifest.data_sets:
        where = f"{facts.partner}/{facts.data_set}"
        if (facts.partner, facts.data_set) in seen:
            yield Finding("conservation", where, "stands in the manifest twice")
        seen.add((facts.partner, facts.data_set))
        if facts.rows_sent is not None and facts.rows_sent != facts.rows_arrived:
            message = f"{facts.rows_sent} rows were sent, {facts.rows_arrived} arrived"
            yield Finding("conservation", where, message)
        quarantined = sum(facts.quarantined.values())
        if facts.rows_arrived != facts.documents + quarantined:
            message = (
                f"{facts.rows_arrived} rows arrived, {facts.documents} became documents and {quarantined} "
                "are in quarantine"
            )
            yield Finding("conservation", where, message)
        dropped = sum(facts.dropped.values())
        if facts.documents != facts.kept + dropped:
            message = f"{facts.documents} documents, {facts.kept} kept and {dropped} dropped"
            yield Finding("conservation", where, message)
    for name, by_shard, by_data_set in (
        ("documents", sum(s.rows for s in manifest.shards), sum(d.kept for d in manifest.data_sets)),
        ("tokens", sum(s.tokens for s in manifest.shards), sum(d.tokens for d in manifest.data_sets)),
    ):
        if by_shard != by_data_set:
            message = f"shards have {by_shard} {name}, data sets {by_data_set}"
            yield Finding("conservation", "manifest.json", message)


def misplaced(manifest: Manifest) -> Iterator[tuple[ShardFacts, str, str]]:
    """Shards that have not the name and path of their place in the manifest, with these."""
    for place in places(manifest.segments):
        if (place.shard.name, place.shard.path) != (place.name, place.path):
            yield place.shard, place.name, place.path


def _check_names(manifest: Manifest) -> Iterator[Finding]:
    for shard, name, path in misplaced(manifest):
        yield Finding("shards", shard.path, f"is called {shard.name}: its place is {name}, {path}")
    yield from check_places(manifest)
    if content_root(manifest.segments) != manifest.root:
        yield Finding("root", "manifest.json", "its root is not over its shards and ledger pieces")


def _check_rows(build: Path, manifest: Manifest, damaged: set[str], pool: Executor) -> Iterator[Finding]:
    """Ledger against manifest and shards; of damaged files nothing is concluded."""
    paths = [file.path for segment in manifest.segments for file in segment.ledger]
    if damaged.intersection(paths):
        yield Finding("ledger", "ledger", "is damaged, so neither counts nor shards were compared with it")
        return
    if not paths:
        yield Finding("ledger", "ledger", "has no files")
        return
    try:
        pieces = read_pieces(build, manifest, pool)
    except _UNREADABLE as error:
        yield Finding("ledger", "ledger", f"cannot be read ({type(error).__name__})")
        return
    if not pieces:
        return  # no shard has one: check_places says so
    for piece in pieces:
        yield from piece.findings
    ledger = all_rows(pieces)
    yield from check_ledger_rows(ledger, manifest)
    yield from check_rights_of_documents(ledger, manifest)
    counts = [piece.counts for piece in pieces if piece.counts is not None]
    if len(counts) < len(pieces):
        yield Finding("ledger", "ledger", "has rows that cannot be counted")
    else:
        yield from check_balance_of(manifest, balance_of(counts))
    yield from _check_shards(build, manifest, damaged, pieces, pool)
    yield from check_splits(build, manifest, damaged)
    yield from check_index(build, manifest, damaged, pieces)


def _check_shards(
    build: Path, manifest: Manifest, damaged: set[str], pieces: Sequence[Piece], pool: Executor
) -> Iterator[Finding]:
    """Each shard against its ledger piece, whose kept documents lie in no other."""
    of_shard = {piece.place.name: piece for piece in pieces}

    def check(shard: ShardFacts) -> list[Finding]:
        piece = of_shard.get(shard.name)
        if piece is None or shard.path in damaged:
            return []
        kept = piece.rows.filter("kept")
        found = list(check_shard(build, shard, shard_rows(kept), manifest.tokenizer))
        elsewhere = kept.filter(pl.col("shard") != shard.name)
        if len(elsewhere):
            message = f"places {len(elsewhere)} documents in another shard, as {elsewhere['doc_id'][0].hex()}"
            found.append(Finding("ledger", piece.facts.path, message))
        return found

    for findings in pool.map(check, manifest.shards):
        yield from findings
