"""A tokenizer's file: read, held against its digest, its special tokens told apart from its text tokens.

Three kinds: the tekken vocabularies in the wheel mistral-common, a tokenizer.json of Hugging Face, a
.tiktoken table (lines of a token in base64 and its rank; pattern and special tokens come from the recipe).
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import importlib.util
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from pipelines.tokens.engines import (
    Engine,
    FastEngine,
    LightEngine,
    engine_of_json,
    is_plain_bpe,
    read_reference,
)
from schemas.errors import UsageError
from schemas.recipe import TokenSettings

SHIPPED = ("tekken_240718", "tekken_240911")
# The first ids of both: Tekkenizer.DEPRECATED_SPECIAL_TOKENS in mistral_common; the rest is <SPECIAL_20> on.
_TEKKEN_SPECIALS = (
    *("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]"),
    *("[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]"),
    *("[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]"),
)
_TOKEN_BYTES = re.compile(rb'"token_bytes": "([A-Za-z0-9+/=]*)"')
# No text holds this: a special token of a tokenizer.json is called so for the engine, its id is kept.
_UNREACHABLE = "\U0010ffff\U0010fffe\U0010ffff\U0010fffe"


@dataclass(frozen=True)
class Vocabulary:
    """A file's content. `engine` and `decode` are made when they are first asked for."""

    name: str  # of the file, without its place
    sha256: str
    size: int  # every id is smaller
    specials: Mapping[str, int] = field(repr=False)
    lossless: bool  # every text that went through normalise is given back by `decode`
    _make_engine: Callable[[], Engine] = field(repr=False, compare=False)
    _make_decoder: Callable[[], Callable[[Sequence[int]], str]] = field(repr=False, compare=False)
    _make_light: Callable[[], Engine | None] = field(repr=False, compare=False, default=lambda: None)

    @functools.cached_property
    def engine(self) -> Engine:
        """Half a second is spent here, so a process that only looks at the facts does not."""
        return self._make_engine()

    @functools.cached_property
    def light(self) -> Engine:
        """For a few texts: the same ids, sooner ready; the engine itself where there is no such one."""
        return self._make_light() or self.engine

    @functools.cached_property
    def decode(self) -> Callable[[Sequence[int]], str]:
        """Ids to text; special ones are left out, bytes that are no UTF-8 become U+FFFD."""
        return self._make_decoder()


def read_vocabulary(settings: TokenSettings, directory: Path) -> Vocabulary:
    """The file that the settings name, read once a process; a path is relative to `directory`.

    Raises UsageError for an unknown name, a missing file, a missing or wrong digest, a file of another kind.
    """
    name = settings.tokenizer
    if name in SHIPPED:
        return _tekken(name, settings.tokenizer_sha256)
    if not name.endswith((".json", ".tiktoken")):
        raise UsageError(
            f"tokens.tokenizer: {name!r} is none of {', '.join(SHIPPED)} and no path to a tokenizer.json or "
            "a .tiktoken table: name one of them"
        )
    if settings.tokenizer_sha256 is None:
        raise UsageError(
            f"tokens.tokenizer: {name} needs tokenizer_sha256: write the file's SHA-256 beside it"
        )
    path = (directory / name).resolve()
    if name.endswith(".json"):
        return _json(path, settings.tokenizer_sha256)
    if settings.pattern is None:
        raise UsageError(f"tokens.pattern: {name} needs the expression that cuts a text into words: add it")
    specials = tuple(sorted(settings.special_tokens.items()))
    return _table(path, settings.tokenizer_sha256, settings.pattern, specials)


def _read(path: Path, expected: str | None) -> tuple[bytes, str]:
    """A file's bytes, once their digest is the expected one."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"tokens.tokenizer: {path.name} cannot be read ({error.strerror}): check the path"
        ) from None
    digest = hashlib.sha256(content).hexdigest()
    if expected is not None and digest != expected.lower():
        raise UsageError(
            f"tokens.tokenizer: {path.name} has SHA-256 {digest}, the recipe says {expected}: "
            "put the right file there, or correct tokenizer_sha256"
        )
    return content, digest


def shipped_path(name: str) -> Path:
    """Where a shipped vocabulary lies; UsageError where its package is not installed."""
    spec = importlib.util.find_spec("mistral_common")
    if spec is None or spec.origin is None:
        raise UsageError(f"tokens.tokenizer: {name} comes with the package mistral-common: install it")
    return Path(spec.origin).parent / "data" / f"{name}.json"


@functools.cache
def _tekken(name: str, expected: str | None) -> Vocabulary:
    content, digest = _read(shipped_path(name), expected)
    config, listed = read_tekken(content)
    first = config["default_num_special_tokens"]
    tokens = listed[: config["default_vocab_size"] - first]
    names = [*_TEKKEN_SPECIALS, *(f"<SPECIAL_{number}>" for number in range(len(_TEKKEN_SPECIALS), first))]
    return Vocabulary(
        name,
        digest,
        size=first + len(tokens),
        specials={special: number for number, special in enumerate(names)},
        lossless=True,
        _make_engine=lambda: FastEngine.of_table(
            b"".join(b"%s %d\n" % (token, rank) for rank, token in enumerate(tokens)),
            config["pattern"],
            shift=first,
        ),
        _make_decoder=lambda: _bytes_decoder(
            {first + rank: base64.b64decode(token) for rank, token in enumerate(tokens)}
        ),
        _make_light=lambda: LightEngine.of_tokens(
            list(map(binascii.a2b_base64, tokens)), config["pattern"], shift=first
        ),
    )


def read_tekken(content: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """The settings of a tekken file, and its tokens in base64 as they are listed.

    They are looked for in the bytes, without an object for each of 150,000 entries: inside a text of JSON a
    quotation mark is escaped, so what is found is nothing but a key. A file laid out otherwise is parsed.
    """
    head, mark, listed = content.partition(b'"vocab": [')
    tokens = _TOKEN_BYTES.findall(listed)
    if mark and tokens and len(tokens) == listed.count(b'"rank": '):
        try:
            return orjson.loads(head.rstrip().removesuffix(b",") + b"}")["config"], tokens
        except (ValueError, KeyError):
            pass
    model = orjson.loads(content)
    return model["config"], [entry["token_bytes"].encode() for entry in model["vocab"]]


@functools.cache
def _table(path: Path, expected: str, pattern: str, specials: tuple[tuple[str, int], ...]) -> Vocabulary:
    content, digest = _read(path, expected)
    tokens: dict[int, bytes] = {}
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            token, rank = line.split()
            tokens[int(rank)] = base64.b64decode(token, validate=True)
        except (ValueError, binascii.Error):
            raise UsageError(
                f"tokens.tokenizer: {path.name}:{number}: is no token in base64 and its rank: check the file"
            ) from None
    if len(set(tokens.values())) < 256 or not {bytes([byte]) for byte in range(256)} <= set(tokens.values()):
        raise UsageError(
            f"tokens.tokenizer: {path.name} lacks some of the 256 bytes, so some texts have no ids: check it"
        )
    for special, number in specials:
        if number in tokens:
            raise UsageError(
                f"tokens.special_tokens.{special}: id {number} is a text token of {path.name}: "
                "give it an id of its own"
            )

    def engine() -> Engine:
        try:
            return FastEngine.of_table(content, pattern)
        except (ValueError, RuntimeError):
            raise UsageError(
                f"tokens.pattern: {path.name} cannot be read with it: check the expression and the table"
            ) from None

    return Vocabulary(
        path.name,
        digest,
        size=max([*tokens, *(number for _, number in specials)]) + 1,
        specials=dict(specials),
        lossless=True,
        _make_engine=engine,
        _make_decoder=lambda: _bytes_decoder(tokens),
    )


@functools.cache
def _json(path: Path, expected: str) -> Vocabulary:
    content, digest = _read(path, expected)
    try:
        text = content.decode()
        document = orjson.loads(text)
        added = [token for token in document.get("added_tokens") or () if token.get("special")]
        specials = {token["content"]: int(token["id"]) for token in added}
        without = _without_specials(document, specials)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"tokens.tokenizer: {path.name} is not a tokenizer.json ({type(error).__name__}): check it"
        ) from None
    reference = functools.cache(lambda: read_reference(text, path.name))

    def decoder() -> Callable[[Sequence[int]], str]:
        return lambda ids: str(reference().decode(list(ids), skip_special_tokens=True))

    return Vocabulary(
        path.name,
        digest,
        size=max([*_ids_of(document), *specials.values()], default=-1) + 1,
        specials=specials,
        lossless=is_plain_bpe(document),
        _make_engine=lambda: engine_of_json(without, path.name),
        _make_decoder=decoder,
    )


def _ids_of(document: Mapping[str, Any]) -> list[int]:
    vocabulary = document["model"]["vocab"]
    ids = list(vocabulary.values()) if isinstance(vocabulary, dict) else list(range(len(vocabulary)))
    return ids + [int(token["id"]) for token in document.get("added_tokens") or ()]


def _without_specials(document: Mapping[str, Any], specials: Mapping[str, int]) -> dict[str, Any]:
    """The tokenizer.json for the engine: no special token is looked for, none is spelled as a text can be."""
    model = dict(document["model"])
    renamed = {content: f"{_UNREACHABLE}{number}" for content, number in specials.items()}
    vocabulary = model["vocab"]
    if isinstance(vocabulary, dict):
        model["vocab"] = {renamed.get(token, token): number for token, number in vocabulary.items()}
    else:
        model["vocab"] = [[renamed.get(entry[0], entry[0]), *entry[1:]] for entry in vocabulary]
    if model.get("unk_token") in renamed:
        model["unk_token"] = renamed[model["unk_token"]]
    others = [token for token in document.get("added_tokens") or () if not token.get("special")]
    return {
        **document,
        "model": model,
        "added_tokens": others,
        "truncation": None,
        "padding": None,
        "post_processor": None,
    }


def _bytes_decoder(tokens: Mapping[int, bytes]) -> Callable[[Sequence[int]], str]:
    def decode(ids: Sequence[int]) -> str:
        return b"".join([tokens.get(token, b"") for token in ids]).decode("utf-8", "replace")

    return decode
