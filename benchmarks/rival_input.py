"""What datatrove is handed before the clock starts: extracted texts and the same tokenizer.

It reads no HTML, CSV, Parquet, WARC or CP949: our readers and our extract and normalise stages did it.
"""

from __future__ import annotations

import base64
import importlib.util
import json
from collections import defaultdict
from functools import partial
from itertools import pairwise
from pathlib import Path

import orjson
from rival_datatrove import END_OF_DOCUMENT

from pipelines.build import make_plan
from pipelines.engine.clean import run_stages
from pipelines.engine.plan import Plan
from pipelines.intake.readers import read_split
from pipelines.stages.extract import extract
from pipelines.stages.normalise import normalise
from schemas.contract import Kind
from schemas.reasons import Stage

LONG = (Kind.WEB, Kind.DOCUMENT)


def plan_of(recipe: Path, drops: Path, home: Path) -> Plan:
    """The plan of a build that is never carried out."""
    return make_plan(
        recipe,
        home / "unbuilt",
        drops=drops,
        date=None,
        staging=home / "unbuilt-staging",
        workers=1,
    )


def write_texts(plan: Plan, folder: Path, *, files: int) -> dict[str, int]:
    """All extracted documents as JSON lines, dealt to `files` files of equal long and short text.

    Returns the number of documents and the bytes of their text.
    """
    folder.mkdir(parents=True)
    site = plan.site
    stages = (
        (Stage.EXTRACT, partial(extract, settings=site.recipe.extract)),
        (Stage.NORMALISE, partial(normalise, settings=site.recipe.normalise)),
    )
    sizes: dict[bool, list[int]] = defaultdict(lambda: [0] * files)
    total = {"documents": 0, "bytes": 0}
    outputs = [(folder / f"{number:05d}.jsonl").open("wb") for number in range(files)]
    for planned in plan.splits:
        data_set = site.data_set(planned.split)
        long = data_set.kind in LONG
        reads = read_split(
            site.directories[planned.split.partner, planned.drop],
            planned.split,
            data_set,
            max_row_bytes=site.recipe.max_row_mib << 20,
        )
        for read in reads:
            batch = read.documents
            for _, survivors, _ in run_stages(batch, stages, data_set):
                batch = survivors
            for name, text in zip(batch["doc_id"].to_pylist(), batch["text"].to_pylist(), strict=True):
                line = orjson.dumps(
                    {"id": name.hex(), "text": text, "metadata": {"long": long, "kind": data_set.kind.value}}
                )
                target = sizes[long].index(min(sizes[long]))
                sizes[long][target] += len(line)
                outputs[target].write(line + b"\n")
                total["documents"] += 1
                total["bytes"] += len(text.encode())
    for output in outputs:
        output.close()
    return total


def write_tokenizer(path: Path, name: str = "tekken_240911") -> None:
    """A vocabulary of mistral-common as a tokenizer.json with the same ids.

    The rank table holds no merges: each token's are found by merging its bytes with lower ranks only, until
    two parts are left (as in Hugging Face's converter of tiktoken tables).
    """
    spec = importlib.util.find_spec("mistral_common")
    if spec is None or spec.origin is None:
        raise SystemExit("mistral-common is missing: pip install it")
    shipped = orjson.loads((Path(spec.origin).parent / "data" / f"{name}.json").read_bytes())
    config = shipped["config"]
    special = config["default_num_special_tokens"]
    plain = shipped["vocab"][: config["default_vocab_size"] - special]
    ranks = {base64.b64decode(token["token_bytes"]): token["rank"] for token in plain}
    letters = _byte_letters()
    spelt = {token: "".join(letters[byte] for byte in token) for token in ranks}
    merges = [
        [spelt[left], spelt[right]]
        for token, rank in sorted(ranks.items(), key=lambda item: item[1])
        if len(token) > 1
        for left, right in [_parts(token, rank, ranks)]
    ]
    vocabulary = {spelt[token]: rank + special for token, rank in ranks.items()}
    vocabulary[END_OF_DOCUMENT] = 2
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    split = {
        "type": "Split",
        "pattern": {"Regex": config["pattern"]},
        "behavior": "Isolated",
        "invert": False,
    }
    end = {
        "id": 2,
        "content": END_OF_DOCUMENT,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }
    content = {
        "version": "1.0",
        "added_tokens": [end],
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "ignore_merges": True,
            "byte_fallback": False,
            "fuse_unk": False,
            "vocab": vocabulary,
            "merges": merges,
        },
    }
    path.write_text(json.dumps(content), encoding="utf-8")


def _parts(token: bytes, rank: int, ranks: dict[bytes, int]) -> tuple[bytes, bytes]:
    """The two tokens that merge into this one."""
    parts = [token[at : at + 1] for at in range(len(token))]
    while len(parts) > 2:
        merged = [ranks.get(left + right, rank) for left, right in pairwise(parts)]
        best = min(merged)
        if best >= rank:
            break
        at = merged.index(best)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    if len(parts) != 2:
        raise SystemExit(f"rank {rank} is no merge of two tokens: the rank table is not one of byte pairs")
    return parts[0], parts[1]


def _byte_letters() -> list[str]:
    """GPT-2's letter for each byte: printable ones stand for themselves, the others from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]
