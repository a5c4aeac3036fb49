"""The public summary of training content (AI Act, Art. 53(1)(d)): the Commission's template of 24 July 2025.

The headings are those of the template (sections 1 to 3); every field is there. A build knows its data, not
the model, its provider or what else it was trained on: such fields say so, and whoever publishes fills them.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.finished.cards.facts import UNKNOWN, CardFacts
from pipelines.finished.cards.markdown import md, table

_BILLION = 1_000_000_000
_ASK = f"*{UNKNOWN['en']}*"


def eu_summary(facts: CardFacts) -> str:
    """The summary in Markdown."""
    return "\n".join([*_head(facts), *_general(facts), *_sources(facts), *_processing(facts)])


def _head(facts: CardFacts) -> list[str]:
    return [
        f"# Public summary of training content: {md(facts.name)}",
        "",
        "Regulation (EU) 2024/1689, Article 53(1)(d); template of 24 July 2025. Draft made from one build; "
        f"«{UNKNOWN['en']}» marks what the provider has to fill in.",
        "",
        *_fields(
            ("Version of the summary", f"build {facts.manifest.identity[:16]}, manifest {facts.digest}"),
            ("Last update", facts.manifest.date),
        ),
    ]


def _general(facts: CardFacts) -> Iterator[str]:
    yield from ("## 1. General information", "", "### 1.1. Provider identification", "")
    yield from _fields(("Provider name and contact details", None), ("Authorised representative", None))
    yield from ("### 1.2. Model identification", "")
    yield from _fields(
        ("Versioned model name(s)", None),
        ("Model dependencies", None),
        ("Date of placement of the model on the Union market", None),
    )
    yield from ("### 1.3. Modalities, overall training data size and other characteristics", "")
    yield from _fields(
        ("Modality", "text; no image, audio, video or other in this build"),
        ("Training data size, text", f"{_size(facts.tokens)} (this build: {facts.tokens:,} tokens)"),
        ("Types of content", ", ".join(amount.name for amount in facts.by("kind"))),
        ("Latest date of data acquisition", facts.last_day[:7] or None),
        ("Is the model continuously trained on new data after this date", None),
    )
    yield "Linguistic characteristics of the overall training data:"
    yield ""
    whole = max(1, facts.tokens)
    yield from table(
        ["language", "documents", "tokens", "share"],
        [(one.name, one.documents, one.tokens, one.tokens / whole) for one in facts.by("language")],
    )
    yield from _fields(("Other relevant characteristics", None), ("Additional comments", None))


def _sources(facts: CardFacts) -> Iterator[str]:
    yield from ("## 2. List of data sources", "", "### 2.1. Publicly available datasets", "")
    yield from _source(facts, "public", "Have publicly available datasets been used")
    yield from ("### 2.2. Private non-publicly available datasets obtained from third parties", "")
    yield from ("#### 2.2.1. Datasets commercially licensed by rightsholders or their representatives", "")
    yield from _source(facts, "licensed", "Have licensing agreements been concluded with rightsholders")
    yield from ("#### 2.2.2. Private datasets obtained from other third parties", "")
    yield from _source(facts, "staff", "Have private datasets (written by partners' staff) been obtained")
    yield from ("### 2.3. Data crawled and scraped from online sources", "")
    yield from _source(facts, "crawl", "Were crawlers used by the provider or on its behalf")
    if facts.partners_of("crawl"):
        yield from _fields(
            ("Crawler name(s) and identifier(s)", None),
            ("Purposes of the crawler(s)", None),
            ("General description of crawler behaviour", None),
            ("Period of data collection", None),
            ("Top 10 % of all domain names by size of content (SME: 5 % or 1,000)", None),
        )
    yield from ("### 2.4. User data", "")
    yield from _fields(("Was data from user interactions with the AI model used", None))
    yield from _source(facts, "own_service", "Was data from other services or products used")
    yield from ("### 2.5. Synthetic data", "")
    yield from _source(facts, "synthetic", "Was synthetic, AI-generated data created to train the model")
    if facts.partners_of("synthetic"):
        yield from _fields(
            ("General-purpose AI model(s) used to generate it", None),
            ("Other AI models used to generate it, and their training data", None),
        )
    yield from ("### 2.6. Other sources of data", "")
    known = ("public", "licensed", "staff", "crawl", "own_service", "synthetic")
    others = [c.partner for c in facts.contracts if not set(c.rights.source) & set(known)]
    yield from _fields(("Have other sources been used", f"yes: {', '.join(others)}" if others else "no"))


def _source(facts: CardFacts, source: str, question: str) -> Iterator[str]:
    """A question, and the data sets of the partners whose contracts name the source."""
    partners = facts.partners_of(source)
    yield from _fields((question, "yes" if partners else "no: no contract of this build names such a source"))
    if not partners:
        return
    yield "Modality: text. Contracts that name this source (a contract may name others too):"
    yield ""
    rights = {contract.partner: contract.rights for contract in facts.contracts}
    yield from table(
        ["partner", "data set", "kind", "licence", "documents", "tokens", "attribution"],
        [
            (
                *(one.partner, one.data_set, one.kind, rights[one.partner].licence),
                *(one.documents, one.tokens, rights[one.partner].attribution),
            )
            for one in facts.by_data_set()
            if one.partner in partners
        ],
    )


def _processing(facts: CardFacts) -> Iterator[str]:
    dropped = facts.dropped()
    opted = dropped.get("rights/opted_out", 0)
    listed = sum(len(contract.rights.opt_outs) for contract in facts.contracts)
    yield from ("## 3. Data processing aspects", "")
    yield from ("### 3.1. Respect of reservation of rights from text and data mining", "")
    yield from _fields(
        ("Signatory to the Code of Practice for general-purpose AI models", None),
        (
            "Measures before training",
            f"contracts list {listed:,} hosts whose owners have opted out; {opted:,} documents of such hosts "
            "were dropped. What a contract does not allow is refused: purposes, uses (CAWG), release, "
            "territory, term, row licences.",
        ),
        ("Opt-out protocols honoured when crawling (by partners)", None),
    )
    yield from ("### 3.2. Removal of illegal content", "")
    spam = sum(n for key, n in dropped.items() if key.endswith("/spam"))
    replaced = sum(facts.personal_data().values())
    yield from _fields(
        (
            "Measures",
            f"personal data is found and replaced or removed ({replaced:,} spans in kept documents); rows "
            f"with unique identifiers that a contract excludes are refused; {spam:,} documents that "
            "advertise were dropped; takedowns leave every later build.",
        ),
        ("Measures against other illegal content", None),
    )
    yield from ("### 3.3. Other information", "")
    yield from _fields(("Other relevant information about data processing", _kept(facts)))


def _kept(facts: CardFacts) -> str:
    given = sum(one.documents for one in facts.manifest.data_sets)
    return f"of {given:,} documents {facts.documents:,} were kept; each decision stands in the build's ledger"


def _size(tokens: int) -> str:
    if tokens < _BILLION:
        return "less than 1 billion tokens"
    return (
        "1 billion to 10 trillion tokens" if tokens <= 10_000 * _BILLION else "more than 10 trillion tokens"
    )


def _fields(*fields: tuple[str, str | None]) -> list[str]:
    return [*(f"- **{name}**: {_ASK if value is None else md(value)}" for name, value in fields), ""]
