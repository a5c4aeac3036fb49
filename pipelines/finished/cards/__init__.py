"""Cards of a finished build: what it is, for people and for other programs, from the build alone.

croissant.json           MLCommons Croissant 1.1 with RAI fields
card.ko.md, card.en.md   a data card
eu-summary.md            the AI Act's public summary of training content, as far as the build knows
licences.spdx.json       SPDX 2.3: licence by data set, documents and tokens by licence
ATTRIBUTION.txt          the attributions that the contracts ask for

The same build gives the same bytes, whatever the day and the machine.
"""

from __future__ import annotations

from pathlib import Path

from pipelines.engine.files import whole_directory
from pipelines.finished.cards.croissant import croissant
from pipelines.finished.cards.data_card import data_card
from pipelines.finished.cards.eu_summary import eu_summary
from pipelines.finished.cards.facts import card_facts
from pipelines.finished.cards.licences import attribution, spdx
from pipelines.finished.shards import new_directory
from schemas.identity import canonical_json


def export_cards(build: Path, output: Path) -> dict[str, int]:
    """Write all cards of a build into a new directory, or nothing; the bytes of each file by name.

    Raises UsageError for an output that is there or inside the build, BuildInconsistent for a damaged build.
    """
    facts = card_facts(build)
    contents = {
        "ATTRIBUTION.txt": attribution(facts).encode(),
        "card.en.md": data_card(facts, "en").encode(),
        "card.ko.md": data_card(facts, "ko").encode(),
        "croissant.json": canonical_json(croissant(facts)) + b"\n",
        "eu-summary.md": eu_summary(facts).encode(),
        "licences.spdx.json": canonical_json(spdx(facts)) + b"\n",
    }
    with whole_directory(new_directory(output, build)) as directory:
        for name, content in contents.items():
            (directory / name).write_bytes(content)
    return {name: len(content) for name, content in contents.items()}
