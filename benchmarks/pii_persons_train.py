"""Train the model of persons: logistic regression over hashed signs of candidates, in whole numbers.

    python benchmarks/pii_persons_train.py               writes pipelines/stages/pii/person_model.npz
    python benchmarks/pii_persons_train.py --figures     four-fold figures on development texts first
    ... --without-klue                                   leaves the CC BY-SA sentences out

Trained on the development halves of pii_split.py, our development cases, texts written for it
(pii_persons_texts), invented ones, and on reviews, comments and sentences of news that a dictionary and a tagger
label where both are sure; what they leave open, a first model without KLUE's names decides. Every name is
replaced by an invented one first. Dictionary and tagger (pii_persons_tagged.py) are installed by name, at fixed
versions, into an environment under the system's temporary directory. What words are common is counted on the
handed corpora, without what may be a name there. The same inputs give the same bytes; about ten minutes of one
core. pipelines/stages/pii/person_model.LICENSE.md says what comes from where.
"""

from __future__ import annotations

import argparse
import tempfile
from hashlib import sha256
from pathlib import Path

import numpy as np
from pii_persons_data import FILES, ROOT, cases, digest, labelled
from pii_persons_dictionary import read_dictionary
from pii_persons_figures import figures
from pii_persons_tagged import environment, tagged
from pii_persons_trainer import Trainer


def main() -> None:
    """Trains, measures, writes."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--drops", type=Path, default=ROOT.parent / "shared" / "data")
    asked.add_argument("--out", type=Path, default=ROOT / "pipelines" / "stages" / "pii" / "person_model.npz")
    asked.add_argument("--figures", action="store_true", help="print four-fold figures first")
    asked.add_argument("--without-klue", action="store_true")
    given = asked.parse_args()
    python, dictionary = environment()
    with tempfile.TemporaryDirectory() as home:
        trainer = Trainer(
            given.drops, read_dictionary(dictionary), lambda texts: tagged(texts, python, Path(home))
        )
    news, documents, english = (labelled(given.drops / "pii", file) for file in FILES)
    sets = [[] if given.without_klue else news, documents + english, cases()]
    if given.figures:
        figures(trainer, sets)
    weights = trainer.train(*sets)
    with given.out.open("wb") as out:
        np.savez_compressed(
            out,
            weights=weights,
            words=trainer.silenced(weights).words,
            shape=trainer.shape,
            units=trainer.units,
            pairs=trainer.pairs,
            made_of=np.frombuffer(digest(), np.uint8),
        )
    content = given.out.read_bytes()
    print(f"{len(content):,} bytes, sha256 {sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
