"""One engine in a process of its own: `tokenizer_engine.py speed|exact|long NAME ...`; says JSON.

Knows nothing of Malmoi but for the engine "ours": it runs in an environment that holds the rivals alone.
"""

from __future__ import annotations

import base64
import gc
import importlib.metadata
import importlib.util
import json
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import numpy as np  # noqa: E402

MARK = "\x00\x01\x02\x03"
Encode = Callable[[list[str]], Any]


def vocabulary() -> tuple[str, list[bytes]]:
    """Pattern and tokens by rank of tekken_240911."""
    data = Path(str(importlib.util.find_spec("mistral_common").origin)).parent / "data"  # type: ignore[union-attr]
    model = json.loads((data / "tekken_240911.json").read_bytes())
    config = model["config"]
    count = config["default_vocab_size"] - config["default_num_special_tokens"]
    return config["pattern"], [base64.b64decode(entry["token_bytes"]) for entry in model["vocab"][:count]]


def as_json() -> str:
    """Tekken as a tokenizer.json: each token's last merge is of the two parts that its bytes merge to before."""
    pattern, tokens = vocabulary()
    ranks = {token: rank for rank, token in enumerate(tokens)}
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    names = {byte: chr(byte) for byte in plain}
    names |= {byte: chr(256 + n) for n, byte in enumerate(b for b in range(256) if b not in names)}

    def spelt(token: bytes) -> str:
        return "".join(names[byte] for byte in token)

    merges = []
    for token, rank in ranks.items():
        parts = [bytes([byte]) for byte in token]
        while len(parts) > 2:
            joined = [(ranks.get(parts[n] + parts[n + 1], rank), n) for n in range(len(parts) - 1)]
            best, at = min(joined)
            if best >= rank:
                break
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        if len(parts) == 2:
            merges.append([spelt(parts[0]), spelt(parts[1])])
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    odd = dict.fromkeys(("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"))
    bpe = {"type": "BPE", **odd, "fuse_unk": False, "byte_fallback": False, "ignore_merges": True}
    return json.dumps(
        {
            "version": "1.0",
            **dict.fromkeys(("truncation", "padding", "normalizer", "post_processor")),
            "added_tokens": [],
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, level]},
            "decoder": {**level, "use_regex": True},
            "model": {
                **bpe,
                "vocab": {spelt(token): rank for token, rank in ranks.items()},
                "merges": merges,
            },
        }
    )


def tiktoken_engine() -> Encode:
    import tiktoken

    pattern, tokens = vocabulary()
    ranks = {token: rank for rank, token in enumerate(tokens)}
    special = {MARK: len(tokens)}
    model = tiktoken.Encoding("tekken", pat_str=pattern, mergeable_ranks=ranks, special_tokens=special)

    def encode(texts: list[str]) -> Any:  # one call for all: its fastest way to an array
        joined = MARK.join(texts) + MARK
        found = model.encode_to_numpy(joined, allowed_special={MARK}, disallowed_special=())
        ends = np.flatnonzero(found == len(tokens))
        return np.delete(found, ends), np.diff(ends, prepend=-1) - 1

    return encode


def fastokens_engine() -> Encode:
    import fastokens

    pattern, tokens = vocabulary()
    with tempfile.NamedTemporaryFile(suffix=".tiktoken") as file:
        lines = [b"%s %d\n" % (base64.b64encode(token), rank) for rank, token in enumerate(tokens)]
        file.write(b"".join(lines))
        file.flush()
        model = fastokens.Tokenizer.from_tiktoken(file.name, pattern=pattern, special_tokens={})

    def encode(texts: list[str]) -> Any:
        ids, ends = model.encode_batch_flat(texts)
        return np.frombuffer(ids, "<u4"), np.diff(np.frombuffer(ends, "<u8").astype(np.int64))

    return encode


def tokenizers_engine(text: str) -> Encode:
    import tokenizers

    model = tokenizers.Tokenizer.from_str(text)

    def encode(texts: list[str]) -> Any:
        return _flat([one.ids for one in model.encode_batch_fast(texts, add_special_tokens=False)])

    return encode


def gigatoken_engine(text: str) -> Encode:
    import awkward
    import gigatoken

    model = gigatoken.Tokenizer.from_json(text)

    def encode(texts: list[str]) -> Any:
        found = model.encode_batch(texts, parallel=False)
        return np.asarray(awkward.flatten(found)), np.asarray(awkward.num(found))

    return encode


def kitoken_engine() -> Encode:
    import kitoken

    data = Path(str(importlib.util.find_spec("mistral_common").origin)).parent / "data"  # type: ignore[union-attr]
    model = kitoken.Kitoken.from_tekken_file(str(data / "tekken_240911.json"))
    return lambda texts: _flat(model.encode_all(texts, False), shift=1000)


def our_engine() -> Encode:
    """Malmoi's own: Arrow arrays in, Arrow lists out."""
    sys.path.insert(0, str(HERE.parent))
    from pipelines.tokens.tokenizer import load_tokenizer
    from schemas.recipe import TokenSettings

    tokenizer = load_tokenizer(TokenSettings(), directory=Path())
    tokenizer.encode(_arrow([""]))  # the engine is made now
    return tokenizer.encode


def _arrow(texts: list[str]) -> Any:
    import pyarrow as pa

    return pa.array(texts, pa.string())


def _flat(lists: list[list[int]], *, shift: int = 0) -> Any:
    ids = np.concatenate([np.array(one, np.int64) for one in lists]) - shift
    return ids, np.array([len(one) for one in lists])


def made(name: str) -> tuple[Encode, float]:
    """The engine, and the seconds of processor time that it took to make it of what it reads."""
    text = as_json() if name in ("tokenizers", "gigatoken") else ""
    makers: dict[str, Callable[[], Encode]] = {
        "tiktoken": tiktoken_engine,
        "fastokens": fastokens_engine,
        "tokenizers": lambda: tokenizers_engine(text),
        "gigatoken": lambda: gigatoken_engine(text),
        "kitoken": kitoken_engine,
    }
    begun = time.process_time()
    engine = makers.get(name, our_engine)()
    return engine, time.process_time() - begun


def batches(texts: list[str]) -> list[list[str]]:
    """Of about a mebibyte each."""
    found: list[list[str]] = [[]]
    size = 0
    for text in texts:
        if size > 1 << 20:
            found.append([])
            size = 0
        found[-1].append(text)
        size += len(text.encode())
    return found


def speed(name: str, path: str) -> dict[str, Any]:
    """Seconds of processor time of two passes."""
    parts: list[Any] = batches(json.loads(Path(path).read_bytes()))
    encode, load = made(name)
    ours = name.startswith("ours")
    if ours:
        parts = [_arrow(part) for part in parts]
    gc.disable()
    passes = []
    for _ in range(2):
        begun = time.process_time()
        for part in parts:
            encode(part)
        passes.append(time.process_time() - begun)
    status = Path("/proc/self/status").read_text(encoding="ascii")
    memory = int(status.split("VmHWM:")[1].split()[0]) / 1024
    version = importlib.metadata.version("fastokens" if ours else name)
    return {"load": load, "first": passes[0], "second": passes[1], "memory": memory, "version": version}


def exact(name: str, path: str, kept: str) -> dict[str, Any]:
    """How many texts have other ids than tiktoken's; the first to run is tiktoken, whose ids are kept."""
    encode, _ = made(name)
    found = [encode(part) for part in batches(json.loads(Path(path).read_bytes()))]
    ids = np.concatenate([one for one, _ in found]).astype(np.uint32)
    lengths = np.concatenate([one for _, one in found]).astype(np.int64)
    if name == "tiktoken":
        with Path(kept).open("wb") as file:
            np.save(file, ids)
            np.save(file, lengths)
        return {"differ": 0, "tokens": len(ids)}
    with Path(kept).open("rb") as file:
        expected, counts = np.load(file), np.load(file)
    here, there = np.split(ids, np.cumsum(lengths)[:-1]), np.split(expected, np.cumsum(counts)[:-1])
    differ = sum(not np.array_equal(one, other) for one, other in zip(here, there, strict=True))
    return {"differ": differ, "tokens": len(ids)}


RUNS = {"the letter a": "a", "blanks": " ", "가": "가"}
PATIENCE = 20  # seconds of processor time


def long(name: str) -> dict[str, Any]:
    """Seconds for a million characters of one kind; a process of its own each, for a stack may overflow."""
    return {kind: _guarded(name, unit * 1_000_000) for kind, unit in RUNS.items()}


def _guarded(name: str, text: str) -> float | str:
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_timed, args=(name, text, sender))
    process.start()
    process.join()
    if receiver.poll():
        return float(receiver.recv())
    return f"over {PATIENCE}" if process.exitcode == -signal.SIGXCPU else "crashed"


def _timed(name: str, text: str, sender: Any) -> None:
    encode, _ = made(name)
    begun = time.process_time()
    resource.setrlimit(resource.RLIMIT_CPU, (int(begun) + PATIENCE, int(begun) + PATIENCE + 5))
    encode([text])
    sender.send(time.process_time() - begun)


if __name__ == "__main__":
    work = {"speed": speed, "exact": exact, "long": long}[sys.argv[1]]
    print(json.dumps(work(*sys.argv[2:])))
