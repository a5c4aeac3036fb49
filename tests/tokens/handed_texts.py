"""Every text of the handed drops, as our readers give it: Korean, four other languages, code, chat."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipelines.engine.drops import DropPlace, look_at
from pipelines.intake.contracts import load_contracts
from pipelines.intake.readers import read_split

CONTRACTS = Path(__file__).parents[2] / "data_contracts"


def handed_texts(handed: Path) -> Iterator[list[str]]:
    """A batch of texts at a time, pages with their markup."""
    for contract in load_contracts(CONTRACTS):
        if not (handed / contract.partner).is_dir():
            continue
        drop = look_at(DropPlace(contract.partner, handed), contract, split_bytes=16 << 20)
        for file in drop.files:
            for split in file.splits:
                data_set = contract.data_set(split.data_set)
                for read in read_split(drop.directory, split, data_set, max_row_bytes=1 << 26):
                    if len(read.documents):
                        yield read.documents["text"].to_pylist()
