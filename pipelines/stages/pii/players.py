"""Names of players by what stands in and beside them: a linear model over hashed signs, compiled.

Where the patterns of game_names.py want a word that says "name", this weighs a whole line about a game. The
model is `player_model.npz`, made by benchmarks/pii_players_train.py.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files
from io import BytesIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.stages.pii import player_kernels as kernels
from pipelines.stages.pii import player_text_kernels as runs
from pipelines.stages.pii.code_points import points_of, utf8
from pipelines.stages.pii.detector import Detector
from pipelines.stages.pii.evidence import Finding, probability
from pipelines.stages.pii.expression import expression
from pipelines.stages.pii.hash_kernels import Ints, hash_table
from pipelines.stages.pii.invented import OUR_HANDLE
from pipelines.stages.pii.player_cues import PARTICLES, cues, gate_words, is_trigger, stands_apart
from pipelines.stages.pii.scan import OVERLAP, PIECE
from schemas.errors import InputUnreadable

MODEL = "player_model.npz"
MODEL_SHA256 = "1ac17a0ae1ee99252fa63430c14ccaff160ed3db230ce95fd9f6439abe7117f7"
SCALE = 16.0  # steps of a weight that make one logit
LEAST = -8  # the sum of weights from which on a candidate is taken
MOST_SCORE = 0.74  # where a pattern says otherwise, it is right more often
_OURS = expression(OUR_HANDLE)
# A line of a program (a call, an assignment, a statement): its variables are no players, whatever named.
_CODE = expression(
    r"[A-Za-z_]\w*\(|[A-Za-z_]\w* ?[-+*/]?= ?[\w\"'(\[{]"
    r"|^\s*(?:import|from|def|class|return|with|for|if) \w"
)
_MOST = 256  # names of a line


def _hash(text: str) -> int:
    return int(runs.hash_run(points_of(text), 0, len(text)))


@cache
def cue_tables() -> tuple[Ints, runs.Points, Ints, runs.Points]:
    """Words beside names with their kinds, particles with their numbers and demands: the kernels' tables."""
    kinds = {}
    for word, kind in cues().items():
        bits = runs.TRIGGER if is_trigger(word, kind) else 0
        kinds[_hash(word)] = kind | bits | (runs.APART if bits and stands_apart(word) else 0)
    demands = {"C": runs.CONSONANT, "V": runs.VOWEL, "-": 0}
    particles = {_hash(one[:-1]): number << 2 | demands[one[-1]] for number, one in enumerate(PARTICLES, 1)}
    return *hash_table(kinds, 12), *hash_table(particles, 9)


@cache
def model() -> tuple[runs.Words, npt.NDArray[np.int8]]:
    """The words and the weights. Raises InputUnreadable where the file is another."""
    content = files("pipelines.stages.pii").joinpath(MODEL).read_bytes()
    if sha256(content).hexdigest() != MODEL_SHA256:
        raise InputUnreadable(
            f"{MODEL} is not the model this version was tested with; install the package again"
        )
    with np.load(BytesIO(content)) as arrays:
        return arrays["words"], arrays["weights"]


class PlayerDetector(Detector):
    """Weighs lines as a whole, by a model in place of a pattern."""

    def find(self, text: str, begin: int, end: int, stop: int) -> list[Finding]:  # noqa: ARG002
        """Names of players in text[begin:stop], a line or a piece of one."""
        if _OURS.search(text, begin, stop):
            return []  # what stands in for a name changes what speaks for others: they were weighed before
        words, weights = model()
        first = begin == 0 or text[begin - 1] == "\n"
        points = points_of(text[begin:stop])
        spans = np.empty((_MOST, 3), np.int64)
        count = kernels.players_of(points, len(points), first, *cue_tables(), words, weights, LEAST, spans)
        found = []
        code = count > 0 and _CODE.search(text, begin, stop) is not None
        for start, last, total in spans[:count].tolist():
            if code and text[begin + start : begin + last].isascii():
                continue
            score = min(MOST_SCORE, probability((total - LEAST) / SCALE))
            found.append(Finding(begin + start, begin + last, "GAME_ID", score, ("words beside it",)))
        return found

    def second_look(
        self,
        texts: pa.Array,
        lines: npt.NDArray[np.int64],
        folds: npt.NDArray[np.bool_],
        bit: int,
    ) -> npt.NDArray[np.int64]:
        """Weighs all lines at once: less those that passed for a player alone and hold none."""
        if not (lines[:, 3] & bit).any():
            return lines
        data, bounds = utf8(texts)
        kernels.silent_lines(data, bounds, lines, folds, bit, PIECE + OVERLAP, *cue_tables(), *model(), LEAST)
        kept: npt.NDArray[np.int64] = lines[lines[:, 3] != 0]
        return kept


PLAYER = PlayerDetector(
    entities=("GAME_ID",), pattern=expression(r"(?!)"), weigh=lambda _, __: None, words=gate_words()
)
