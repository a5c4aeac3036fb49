"""The data card: what is in a build, from whom, what was left out and why, what may be done with it.

In Korean and English, from the same facts; every word of others is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pipelines.finished.cards.facts import UNKNOWN, CardFacts
from pipelines.finished.cards.markdown import md, table
from pipelines.lineage.report_words import drop_words, refusal_words
from schemas.rights import held_until

Language = Literal["ko", "en"]
_WORDS: dict[str, tuple[str, str]] = {
    "card": ("데이터 카드", "data card"),
    "what": ("무엇인가", "What it is"),
    "summary": (
        "계약 아래 파트너들이 납품한 글을 거르고, 중복과 개인정보를 없애 토큰으로 만든 학습 말뭉치입니다.",
        "A training corpus: texts that partners handed in under contracts, cleaned, deduplicated, personal "
        "data replaced, and encoded as tokens.",
    ),
    "manifest": ("매니페스트(SHA-256)", "manifest (SHA-256)"),
    "identity": ("빌드 식별자", "identity of the build"),
    "day": ("권리를 판단한 날", "day on which rights were judged"),
    "purposes": ("목적", "purposes"),
    "tokenizer": ("토크나이저", "tokenizer"),
    "documents": ("문서", "documents"),
    "tokens": ("토큰", "tokens"),
    "share": ("토큰 비중", "share of tokens"),
    "language": ("언어", "language"),
    "kind": ("종류", "kind"),
    "partner": ("파트너", "partner"),
    "data set": ("데이터 세트", "data set"),
    "licence": ("라이선스", "licence"),
    "contents": ("구성", "What is in it"),
    "left": ("빠진 것과 까닭", "What was left out, and why"),
    "refused": ("납품 때 거부한 행", "rows refused at admission"),
    "dropped": ("빌드에서 뺀 문서", "documents dropped by the build"),
    "why": ("까닭", "why"),
    "rows": ("행", "rows"),
    "none": ("없음", "none"),
    "personal": ("개인정보", "Personal data"),
    "replaced": (
        "남은 문서에서 찾아 가명으로 바꾸거나 지운 것. 모두 찾았다는 뜻은 아닙니다.",
        "Found in kept documents and replaced or removed. That is not to say that all was found.",
    ),
    "class": ("종류", "class"),
    "places": ("곳", "places"),
    "rights": ("할 수 있는 것", "What may be done"),
    "contract": ("계약", "contract"),
    "basis": ("법적 근거(개인정보 보호법)", "legal basis (PIPA)"),
    "release": ("모델 공개", "release of models"),
    "territory": ("지역", "territory"),
    "term": ("기간", "term"),
    "held": ("보관 기한", "held until"),
    "service end": ("서비스 종료", "end of the service"),
    "excluded": (
        "계약이 허용하지 않아 통째로 뺀 파트너",
        "partners left out whole, as their contract does not allow it",
    ),
    "attribution": ("저작자 표시", "attribution"),
    "made": ("만든 방법", "How it was made"),
    "stage": ("단계", "stage"),
    "version": ("판", "version"),
    "unknown": ("알지 못하는 것", "What is not known"),
    "latest": ("자료의 마지막 날", "latest day that data is of"),
    "impact": ("사회적 영향", "social impact"),
    "annotators": ("주석자", "annotators"),
    "check": ("확인하는 법", "How to check it"),
}


def data_card(facts: CardFacts, language: Language) -> str:
    """The card in one language, Markdown."""
    word = {name: words[language == "en"] for name, words in _WORDS.items()}
    lines = [
        *_what(facts, word),
        *_contents(facts, word),
        *_left_out(facts, word, language),
        *_personal(facts, word),
        *_rights(facts, word),
        *_made(facts, word, language),
    ]
    return "\n".join(lines)


def _what(facts: CardFacts, word: dict[str, str]) -> Iterator[str]:
    manifest = facts.manifest
    purposes = manifest.recipe.get("purposes")
    yield from (f"# {md(facts.name)}: {word['card']}", "", f"## {word['what']}", "", word["summary"], "")
    yield f"- {word['documents']}: {facts.documents:,}"
    yield f"- {word['tokens']}: {facts.tokens:,}"
    yield f"- {word['tokenizer']}: {md(manifest.tokenizer.name)} (`{manifest.tokenizer.sha256}`)"
    if isinstance(purposes, list | tuple):
        yield f"- {word['purposes']}: {md(', '.join(map(str, purposes)))}"
    yield f"- {word['day']}: {md(manifest.date)}"
    yield f"- {word['identity']}: `{manifest.identity}`"
    yield f"- {word['manifest']}: `{facts.digest}`"
    yield ""


def _contents(facts: CardFacts, word: dict[str, str]) -> Iterator[str]:
    yield from (f"## {word['contents']}", "")
    whole = max(1, facts.tokens)
    heads = [word["documents"], word["tokens"], word["share"]]
    for name, amounts in (
        ("language", facts.by("language")),
        ("kind", facts.by("kind")),
        ("partner", facts.by("partner")),
        ("licence", facts.by_licence()),
    ):
        rows = [(one.name, one.documents, one.tokens, one.tokens / whole) for one in amounts]
        yield from table([word[name], *heads], rows)
    yield from table(
        [word["partner"], word["data set"], word["kind"], word["documents"], word["tokens"]],
        facts.by_data_set(),
    )


def _left_out(facts: CardFacts, word: dict[str, str], language: Language) -> Iterator[str]:
    english = language == "en"
    yield from (f"## {word['left']}", "")
    refused, dropped = facts.refused(), facts.dropped()
    yield from (f"{word['refused']}: {sum(refused.values()):,}", "")
    if refused:
        rows = [(refusal_words(name)[english], count) for name, count in refused.items()]
        yield from table([word["why"], word["rows"]], rows)
    yield from (f"{word['dropped']}: {sum(dropped.values()):,}", "")
    if dropped:
        rows = [(drop_words(key)[english], count) for key, count in dropped.items()]
        yield from table([word["why"], word["documents"]], rows)
    if facts.manifest.excluded:
        yield from (f"{word['excluded']}:", "")
        rows_excluded = [(one.partner, one.reason) for one in facts.manifest.excluded]
        yield from table([word["partner"], word["why"]], rows_excluded)


def _personal(facts: CardFacts, word: dict[str, str]) -> Iterator[str]:
    found = facts.personal_data()
    yield from (f"## {word['personal']}", "", word["replaced"], "")
    if found:
        yield from table([word["class"], word["places"]], list(found.items()))
    else:
        yield from (word["none"], "")


def _rights(facts: CardFacts, word: dict[str, str]) -> Iterator[str]:
    yield from (f"## {word['rights']}", "")
    rows = []
    for contract in facts.contracts:
        rights = contract.rights
        basis = "" if rights.legal_basis is None else rights.legal_basis.article.value
        rows.append(
            (
                contract.partner,
                contract.version,
                rights.licence,
                ", ".join(rights.purposes),
                rights.model_release,
                ", ".join(rights.territory),
                f"{rights.starts} / {rights.expires}",
                held_until(rights) or word["service end"],
                basis,
            )
        )
    heads = ("partner", "contract", "licence", "purposes", "release", "territory", "term", "held", "basis")
    yield from table([word[head] for head in heads], rows)
    yield from (f"### {word['attribution']}", "")
    for contract in facts.contracts:
        yield f"- {md(contract.partner)}: {md(contract.rights.attribution) or word['none']}"
    yield ""


def _made(facts: CardFacts, word: dict[str, str], language: Language) -> Iterator[str]:
    yield from (f"## {word['made']}", "")
    yield from table([word["stage"], word["version"]], list(facts.manifest.stage_versions.items()))
    yield from (f"## {word['unknown']}", "")
    yield f"- {word['latest']}: {md(facts.last_day) or UNKNOWN[language]}"
    yield f"- {word['impact']}: {UNKNOWN[language]}"
    yield f"- {word['annotators']}: {UNKNOWN[language]}"
    yield from ("", f"## {word['check']}", "", "```", "sha256sum manifest.json", "malmoi verify BUILD")
    yield from ("malmoi trace BUILD --doc ID", "```", "")
