"""What rows forbid, decided again the long way: the oracle of the law of rights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

DOMAIN = "no.example"
DAY = "2026-11-24"  # of the build
LICENCES = ("MIT", "CC-BY-4.0")
COLUMNS = {
    "url": ("url", "string"),
    "seen": ("crawl_date", "string"),
    "lic": ("licence", "string"),
    "by": ("origin", "string"),
    "of": ("seed", "array"),
    "gone": ("tombstone", "boolean"),
    "rev": ("version", "integer"),
}
RIGHTS = {"malmoi.optOuts": [{"domain": DOMAIN, "since": "2026-06-01"}]}


def rows(count: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Rows of a few keys in a few versions, without texts."""
    row = st.fixed_dictionaries(
        {
            "id": st.sampled_from(["1", "2", "3", "4", "5"]),
            "url": st.sampled_from(
                ["https://a.example/x", f"https://{DOMAIN}/x", f"http://Deep.{DOMAIN.upper()}:80/", None]
            ),
            "seen": st.sampled_from(
                [
                    *("2026-05-31", "2026-06-01T00:00:00Z", "2026-11-24"),
                    *("2026-11-25", "31.5.2026", "", None),
                ]
            ),
            "lic": st.sampled_from(["MIT", "mit", "CC-BY-4.0", "GPL-3.0-only", "", None]),
            "by": st.sampled_from(["people", "people", "machine", "mixed", "llm", "", None]),
            "of": st.lists(st.sampled_from(["1", "2", "3", "4", "5", "unseen"]), max_size=1),
            "gone": st.sampled_from([False, False, False, True]),
            "rev": st.integers(1, 12),
        }
    )
    return st.lists(row, min_size=1, max_size=count)


def forbidden(drawn: Sequence[Mapping[str, Any]], *, delivery: str, origin: str, terms: str) -> set[int]:
    """The places of the rows that may not be used."""
    out = set()
    for place, row in enumerate(drawn):
        of_key = [other for other in drawn if other["id"] == row["id"]]
        if any(other["gone"] and other["rev"] >= row["rev"] for other in of_key):
            out.add(place)
        if delivery == "upsert" and row["rev"] < max(other["rev"] for other in of_key):
            out.add(place)
        host = (row["url"] or "").lower().removeprefix("https://").removeprefix("http://")
        host = host.split("/")[0].split(":")[0]
        if not host or host == DOMAIN or host.endswith("." + DOMAIN):
            out.add(place)
        if not "2000-01-01" <= (row["seen"] or "") <= DAY:
            out.add(place)
        if (row["lic"] or "").upper() not in LICENCES:
            out.add(place)
        if not _by_people(row["by"] or "", origin) and terms != "allowed":
            out.add(place)
    while True:
        standing = {row["id"] for place, row in enumerate(drawn) if place not in out}
        fallen = {p for p, row in enumerate(drawn) if p not in out and not set(row["of"]) <= standing}
        if not fallen:
            return out
        out |= fallen


def _by_people(said: str, origin: str) -> bool:
    if origin == "machine":
        return False
    return said == "people" or (said == "" and origin == "people")
