"""Tokenising and writing against the bare engine and against datatrove's token writer; bytes beside the tokens.

    python benchmarks/shards.py --rounds 3

All sides get the same texts, read and extracted before any clock starts, and two processes. Ours are the
build's own tasks (Tokenise, WriteShards with the ledger), called without Beam. Writes its section of
RESULTS.md.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from results import RESULTS, machine, table, write_section

from pipelines.dedup.parts import Parts
from pipelines.engine.clean import StagedSplit
from pipelines.engine.duplicates import Decided
from pipelines.engine.partition import Tokenised
from pipelines.engine.runs import RunLog
from pipelines.engine.shards import _tokenise, _write_partition, layout_of
from pipelines.tokens.megatron import index_of
from pipelines.tokens.shards import write_shard
from pipelines.tokens.tokenizer import load_tokenizer
from schemas.contract import Kind
from schemas.documents import DROPPED, STAGED
from schemas.identity import document_ids
from schemas.recipe import FingerprintSettings, PassageSettings, TokenSettings

HERE = Path(__file__).parent
ROOT = HERE.parent
BATCH = 2048  # documents in a staged batch, as the build has
MEAN = 1000  # tokens in a document, for the overhead


@dataclass(frozen=True)
class Side:
    """One side in one round: seconds of the wall, and processor seconds of all its processes."""

    wall: float
    cpu: float


def stage(texts: Path, staging: Path, *, splits: int) -> list[StagedSplit]:
    """The texts as staged directories of about equal size, as CleanSplits leaves them."""
    rows = [orjson.loads(line) for path in sorted(texts.glob("*.jsonl")) for line in path.open("rb")]
    rows.sort(key=lambda row: row["id"])
    chance = np.random.default_rng(7)  # of fingerprints, which are not what is measured
    bands = FingerprintSettings().bands
    found = []
    for index in range(splits):
        mine = [row for row in rows[index::splits] if row["text"]]
        directory = staging / "splits" / f"{index:064d}"
        directory.mkdir(parents=True)
        with pa.ipc.new_file(str(directory / "documents.arrow"), STAGED) as writer:
            for first in range(0, len(mine), BATCH):
                part = mine[first : first + BATCH]
                columns = {
                    "doc_id": [bytes.fromhex(row["id"]) for row in part],
                    "row": range(first, first + len(part)),
                    "text": [row["text"] for row in part],
                    "language": ["ko"] * len(part),
                    "language_score": [1.0] * len(part),
                    "quality": (chance.integers(0, 1001, len(part)) / 1000).tolist(),
                    "spans": [[]] * len(part),
                    "exact": [chance.bytes(16) for _ in part],
                    "bands": list(chance.integers(0, 1 << 63, (len(part), bands), np.uint64)),
                }
                arrays = [pa.array(columns[field.name], field.type) for field in STAGED]
                writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=STAGED))
        with pa.ipc.new_file(str(directory / "dropped.arrow"), DROPPED):
            pass
        size = sum(len(row["text"].encode()) for row in mine)
        counts = {"bytes": size, "text_bytes": size, "kept": len(mine)}
        facts = {"partner": "p", "data_set": "d", "path": f"{index}", "first_row": 0, "drop": "0" * 16}
        found.append(
            StagedSplit(index=index, epoch=0, period="", digest=directory.name, counts=counts, **facts)
        )
    decisions = pa.schema([("position", pa.int32()), ("reason", pa.string())])
    for index in range(splits):
        with pa.ipc.new_file(str(staging / f"{index}.arrow"), decisions):
            pass
    return found


def site_of(home: Path, staging: Path) -> Any:
    """What the two tasks ask of a build's site."""
    log = RunLog(home / "log")
    if not log.directory.exists():
        log.begin()
    data_set = SimpleNamespace(kind=Kind.DOCUMENT, name="d", join="\n")
    return SimpleNamespace(
        recipe=SimpleNamespace(
            tokens=TokenSettings(), passages=PassageSettings(), fingerprint=FingerprintSettings()
        ),
        home=Path(),
        build=home / "build",
        staging=staging,
        log=log,
        contract=lambda _: SimpleNamespace(data_set=lambda _: data_set),
    )


def engine_alone(splits: list[StagedSplit], staging: Path) -> None:
    """Encode every staged text and let the tokens go."""
    tokenizer = load_tokenizer(TokenSettings(), directory=Path())
    for split in splits:
        with pa.memory_map(str(staging / "splits" / split.digest / "documents.arrow")) as source:
            reader = pa.ipc.open_file(source)
            for number in range(reader.num_record_batches):
                tokenizer.encode(reader.get_batch(number)["text"])


def _warm() -> None:
    """Load what a worker of a build has loaded by then: the tokenizer, libraries, machine code."""
    with tempfile.TemporaryDirectory(prefix="malmoi-warm-") as name:
        home = Path(name)
        (home / "texts").mkdir()
        (home / "texts" / "one.jsonl").write_bytes(orjson.dumps({"id": "0" * 32, "text": "데워 두기"}))
        (home / "build").mkdir()
        splits = stage(home / "texts", home / "staging", splits=1)
        layout = layout_of(1, site_of(home, home))
        tokenise_share(splits, layout, home, home / "staging")
        write_share(tokenised_in(home, splits, layout), [0], home, home / "staging")


def _worker(job: Callable[..., None], arguments: tuple[Any, ...], barrier: Barrier, spent: Any) -> None:
    _warm()
    barrier.wait()
    begun = time.process_time()
    try:
        job(*arguments)
    finally:  # whatever becomes of it, the clock's process waits for a number
        spent.put(time.process_time() - begun)


def in_parallel(job: Callable[..., None], shares: list[tuple[Any, ...]]) -> Side:
    """Run a share in each process; the clock starts when all are warm."""
    context = multiprocessing.get_context("spawn")
    os.environ["RAYON_NUM_THREADS"] = "1"  # as a build's workers have it
    barrier, spent = context.Barrier(len(shares) + 1), context.Queue()
    running = [context.Process(target=_worker, args=(job, share, barrier, spent)) for share in shares]
    for process in running:
        process.start()
    barrier.wait()
    begun = time.perf_counter()
    cpu = sum(spent.get() for _ in running)
    wall = time.perf_counter() - begun
    for process in running:
        process.join()
        if process.exitcode:
            raise SystemExit(f"a worker ended with {process.exitcode}")
    return Side(wall, cpu)


def tokenise_share(splits: list[StagedSplit], layout: Any, home: Path, staging: Path) -> None:
    """Tokenise, as a worker does it."""
    site = site_of(home, staging)
    decided = Decided((), staging, Parts(staging))
    done = [_tokenise((split, decided, layout), site) for split in splits]
    (home / f"done-{splits[0].index}.json").write_bytes(orjson.dumps([str(one.path) for one in done]))


def tokenised_in(home: Path, splits: list[StagedSplit], layout: Any) -> list[Tokenised]:
    """What `tokenise_share` left of a share."""
    paths = orjson.loads((home / f"done-{splits[0].index}.json").read_bytes())
    return [Tokenised(split.index, Path(path), 0, layout) for split, path in zip(splits, paths, strict=True)]


def write_share(tokenised: list[Any], partitions: list[int], home: Path, staging: Path) -> None:
    """WriteShards, as a worker does it."""
    site = site_of(home, staging)
    for partition in partitions:
        _write_partition((f"0/{partition}", tokenised), site)


def ours(splits: list[StagedSplit], home: Path, staging: Path, workers: int) -> Side:
    """Tokenise, then WriteShards, into an empty build."""
    for place in (home, staging / "tokens"):
        shutil.rmtree(place, ignore_errors=True)
    (home / "build").mkdir(parents=True)
    site = site_of(home, staging)
    layout = layout_of(sum(split.counts["bytes"] for split in splits), site)
    shares = [splits[worker::workers] for worker in range(workers)]
    first = in_parallel(tokenise_share, [(share, layout, home, staging) for share in shares])
    tokenised = [one for share in shares for one in tokenised_in(home, share, layout)]
    parts = [list(range(worker, layout.partitions, workers)) for worker in range(workers)]
    second = in_parallel(write_share, [(tokenised, part, home, staging) for part in parts if part])
    return Side(first.wall + second.wall, first.cpu + second.cpu)


def rival(texts: Path, tokenizer: Path, home: Path, workers: int) -> Side:
    """datatrove's DocumentTokenizer over the same texts; its loading of the tokenizer does not count."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    command = [sys.executable, __file__, "--rival", str(texts), str(tokenizer), str(home), str(workers)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"datatrove ended with {done.returncode}:\n{done.stderr[-2000:]}")
    said = json.loads(done.stdout.splitlines()[-1])
    return Side(said["wall"], said["cpu"])


def run_rival(texts: str, tokenizer: str, home: str, workers: str) -> None:
    """The rival's process: times its own run, less what loading the tokenizer takes in it."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.tokens import DocumentTokenizer
    from rival_datatrove import END_OF_DOCUMENT
    from tokenizers import Tokenizer

    begun, cpu = time.perf_counter(), time.process_time()
    Tokenizer.from_file(tokenizer)
    loaded, loaded_cpu = time.perf_counter() - begun, time.process_time() - cpu
    writer = DocumentTokenizer(
        f"{home}/tokens", tokenizer, eos_token=END_OF_DOCUMENT, shuffle_documents=False
    )
    executor = LocalPipelineExecutor(
        [JsonlReader(texts), writer],
        tasks=int(workers),
        workers=int(workers),
        logging_dir=f"{home}/logs",
        start_method="fork",
    )
    before, begun = os.times(), time.perf_counter()
    executor.run()
    wall, after = time.perf_counter() - begun, os.times()
    cpu = sum(after[:4]) - sum(before[:4])
    print(json.dumps({"wall": wall - loaded, "cpu": cpu - int(workers) * loaded_cpu}))


def overhead(home: Path) -> dict[str, float]:
    """Bytes beside the tokens of a shard of 64 MiB of tokens and its .idx, as shares of the tokens' bytes."""
    lengths = np.random.default_rng(7).lognormal(np.log(MEAN) - 0.5, 1.0, 16 * 1024).astype(np.int64) + 1
    lengths = np.maximum(1, (lengths * (MEAN / lengths.mean())).astype(np.int64))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    lists = pa.ListArray.from_arrays(pa.array(offsets), pa.array(np.zeros(offsets[-1], np.int32)))
    ids = document_ids(partner="p", data_set="d", keys=[(str(n),) for n in range(len(lengths))])
    partners = [f"partner_{n % 36:02d}" for n in range(len(lengths))]
    languages = [("ko", "en", "zh", "ja", "es", "code")[n % 6] for n in range(len(lengths))]
    rows = pa.table(
        [lists, pa.array(ids, pa.binary(16)), pa.array(partners), pa.array(languages)],
        ["input_ids", "doc_id", "partner", "language"],
    )
    written = write_shard(home / "overhead.arrow", rows)
    bare = 4 * written.tokens
    return {
        "mean": written.tokens / written.rows,
        "shard": (written.bytes - bare) / bare,
        "idx": len(index_of(lists, documents=False)) / bare,
        "idx_documents": len(index_of(lists, documents=True)) / bare,
    }


def report(sides: dict[str, list[Side]], facts: dict[str, Any], share: dict[str, float]) -> str:
    """The section of RESULTS.md."""
    middle = {
        name: Side(statistics.median(r.wall for r in runs), statistics.median(r.cpu for r in runs))
        for name, runs in sides.items()
    }
    size = facts["bytes"] / 1e6
    rows = [
        [name, f"{side.wall:.2f}", f"{size / side.wall:.1f}", f"{side.cpu:.2f}"]
        for name, side in middle.items()
    ]
    bare, mine, theirs = (sides[name] for name in ("engine alone", "tokenise and write", "datatrove"))
    to_engine = [
        statistics.median(getattr(b, k) / getattr(m, k) for b, m in zip(bare, mine, strict=True))
        for k in ("wall", "cpu")
    ]
    to_rival = [
        statistics.median(getattr(t, k) / getattr(m, k) for t, m in zip(theirs, mine, strict=True))
        for k in ("wall", "cpu")
    ]
    both = share["shard"] + share["idx"]
    return f"""
## Shards: writing them, and what they weigh

`python benchmarks/shards.py --rounds {facts["rounds"]} --workers {facts["workers"]}` over the texts of
`{facts["recipe"]}` ({facts["documents"]:,} documents, {size:.1f} MB of UTF-8), on {machine()};
load average before {facts["load"]:.1f}. Medians of {facts["rounds"]} rounds in turn; ratios are medians of the rounds' ratios.
{facts["workers"]} processes on every side, one thread of the engine in each, as in a build. Tokenizers, libraries and
machine code are loaded before the clocks start (datatrove loads its own inside: the time of one load is taken off).

{table(["", "wall, s", "MB/s", "processor, s"], rows)}

| | asked | wall | processor |
| --- | ---: | ---: | ---: |
| tokenise and write, of the bare engine's speed | 0.9 | {to_engine[0]:.2f} | {to_engine[1]:.2f} |
| tokenise and write, times datatrove's token writer | 3 | {to_rival[0]:.1f} | {to_rival[1]:.1f} |

Ours is the work of the build's tasks Tokenise and WriteShards: reading staged texts, encoding, the files by
partition, gathering, sorting by document id, the shard with its SHA-256 and trailer, and beside it the ledger file, the edges
and the index of fingerprints (of made-up fingerprints here), which datatrove has none of. It reads JSON lines, encodes with the same vocabulary, writes .ds and .index, and
shuffles nothing.

| bytes beside the tokens, {share["mean"]:,.0f} tokens a document | share |
| --- | ---: |
| shard: ids, contracts, languages, offsets, head, trailer | {share["shard"]:.3%} |
| Megatron's .idx | {share["idx"]:.3%} |
| **both** (asked: under 1 %) | **{both:.3%}** |
| .idx with document indices (`--documents`, for BERT and T5) | {share["idx_documents"]:.3%} |
"""


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "consortium.yaml")
    parser.add_argument("--drops", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument(
        "--texts", type=Path, help="a directory that an earlier run left, instead of reading the drops"
    )
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--scratch", type=Path, help="where all is written and removed; default: a new one")
    return parser.parse_args()


def main() -> None:
    """Prepare the texts, run the sides in turn, write."""
    given = arguments()
    home = given.scratch or Path(tempfile.mkdtemp(prefix="malmoi-shards-"))
    texts = given.texts or home / "handed"
    if not (texts / "tokenizer.json").is_file():
        from rival_input import plan_of, write_texts, write_tokenizer

        write_texts(plan_of(given.recipe, given.drops, home), texts / "texts", files=given.workers)
        write_tokenizer(texts / "tokenizer.json")
    staging = home / "staging"
    shutil.rmtree(staging, ignore_errors=True)
    splits = stage(texts / "texts", staging, splits=2 * given.workers)
    load = os.getloadavg()[0]
    sides: dict[str, list[Side]] = {"engine alone": [], "tokenise and write": [], "datatrove": []}
    for _ in range(given.rounds):
        shares = [(splits[worker :: given.workers], staging) for worker in range(given.workers)]
        sides["engine alone"].append(in_parallel(engine_alone, shares))
        sides["tokenise and write"].append(ours(splits, home / "ours", staging, given.workers))
        sides["datatrove"].append(
            rival(texts / "texts", texts / "tokenizer.json", home / "rival", given.workers)
        )
        print({name: runs[-1] for name, runs in sides.items()}, file=sys.stderr)
    facts = {
        "rounds": given.rounds,
        "workers": given.workers,
        "recipe": given.recipe.name,
        "documents": sum(split.counts["kept"] for split in splits),
        "bytes": sum(split.counts["bytes"] for split in splits),
        "load": load,
    }
    write_section(given.results, "shards", report(sides, facts, overhead(home)))
    if given.scratch is None:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--rival"]:
        run_rival(*sys.argv[2:])
    else:
        main()
