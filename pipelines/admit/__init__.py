"""Admission: a drop read once against its contract; verdict, receipt, quarantine, report, registry.

`admit` works on a registry. `admit_drop` is the same without one, for builds that take drops on the fly.
"""

from __future__ import annotations

from pipelines.admit.filing import Filed, admit
from pipelines.admit.one_drop import admit_drop

__all__ = ["Filed", "admit", "admit_drop"]
