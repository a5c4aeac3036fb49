"""A data set as it is proposed: its columns with roles and policies, before it is written down."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from pipelines.intake.draft_columns import ColumnProfile
from pipelines.intake.draft_groups import FileGroup
from pipelines.intake.draft_personal import Personal
from schemas.contract import Delivery, Format, Kind, Markup, Policy, Role


@dataclass
class DraftColumn:
    """One column as it is proposed."""

    profile: ColumnProfile
    logical_type: str
    required: bool
    role: Role = Role.OTHER
    policy: Policy | None = None
    unique: bool = False
    clock: str | None = None
    grid: float | None = None
    options: dict[str, Any] = field(default_factory=dict)
    enum: list[Any] = field(default_factory=list)
    personal: Personal | None = None

    @property
    def words(self) -> set[str]:
        """The words of its name."""
        return {word for word in re.split(r"[\W_]+", self.profile.path[-1].lower()) if word}


@dataclass(frozen=True)
class DraftSet:
    """One data set as it is proposed; `left_out` are columns whose values are of mixed types."""

    group: FileGroup
    kind: Kind
    markup: Markup
    delivery: Delivery
    columns: tuple[DraftColumn, ...]
    left_out: tuple[str, ...]
    sampled: int  # rows
    faults: int  # rows of the sample that the contract would refuse
    total: int  # rows of all files
    max_quarantined: float

    @property
    def format(self) -> Format:
        """The format of its files."""
        return self.group.samples[0].format

    @property
    def whole(self) -> bool:
        """Whether every file was read to its end."""
        return all(sample.whole for sample in self.group.samples) and not self.group.more

    def of_role(self, role: Role) -> list[DraftColumn]:
        """The columns of a role, in order."""
        return [column for column in self.columns if column.role is role]
