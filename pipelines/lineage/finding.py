"""What a check of a build found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Finding:
    """One contradiction: which check, where, and what it saw."""

    # files, conservation, rights, ledger, shards, duplicates, splits; of a later day: not yet, expired,
    # held too long, opted out
    check: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.check}: {self.where}: {self.message}"
