"""Recipes: the consortium's, and every fault named by file, line and path."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from pipelines.intake.contracts import load_contracts
from pipelines.intake.recipes import load_recipe
from schemas.contract import Kind
from schemas.errors import ContractRejected, InputUnreadable
from schemas.identity import fingerprint
from schemas.reasons import Stage
from schemas.rights import denials

RECIPE = Path(__file__).parents[2] / "recipes" / "consortium.yaml"


def mutated(tmp_path: Path, old: str, new: str) -> tuple[Path, int]:
    """The recipe with the first `old` replaced, and the line on which the replacement begins."""
    text = RECIPE.read_text("utf-8")
    assert old in text
    path = tmp_path / "recipe.yaml"
    path.write_text(text.replace(old, new, 1), "utf-8")
    return path, text[: text.index(old)].count("\n") + 1


def test_the_consortium_recipe_asks_for_what_it_should():
    recipe = load_recipe(RECIPE)
    assert recipe.partners == ("snu_kaist", "fortytwodot", "liner", "a_dot", "selectstar", "krafton")
    assert recipe.purposes == ("pretraining", "distillation", "open_release")
    assert (recipe.date, recipe.drops) == ("2026-11-24", None)
    assert recipe.language.wanted == ("ko", "en", "zh", "ja", "es")
    assert recipe.must_match == (Stage.DECONTAMINATE, Stage.FIND_PII, Stage.DEDUP)
    assert set(recipe.max_loss) == set(Kind)


def test_the_consortium_recipe_agrees_with_the_contracts():
    recipe = load_recipe(RECIPE)
    contracts = {contract.partner: contract for contract in load_contracts(RECIPE.parent / recipe.contracts)}
    assert set(recipe.partners) == set(contracts)
    for contract in contracts.values():
        assert denials(contract.partner, contract.rights, recipe.use(recipe.date)) == ()
    for exception in recipe.exceptions:
        assert exception.data_set in {s.name for s in contracts[exception.partner].data_sets}
        assert exception.why.endswith(".")


def test_every_glob_of_benchmarks_finds_a_file_among_the_handed_drops(handed: Path):
    for glob in load_recipe(RECIPE).decontaminate.benchmarks:
        assert list(handed.glob(glob)), glob


def test_the_reasons_of_the_exceptions_are_true_of_the_handed_drops(handed: Path):
    exceptions = {exception.data_set: exception for exception in load_recipe(RECIPE).exceptions}
    rows = lines_of(handed / "krafton/community.jsonl")
    texts = Counter(" ".join(row["c"].split()) for row in rows)
    repeated = 1 - len(texts) / len(rows)
    assert 0.9 * exceptions["community"].share < repeated < exceptions["community"].share
    titles = [" ".join(row["c"].split()) for row in rows if row["type"] == "title"]
    why = exceptions["community"].why
    assert f"{len(titles):,} of its {len(rows):,} rows" in why
    assert f"only {len(set(titles))} differ" in why
    assert f"{repeated:.0%}".replace("%", " %") in why
    items = lines_of(handed / "eval/gsm8k_test.jsonl")
    questions = {"".join(part.split()) for item in items for part in item["parts"].values()}
    with gzip.open(handed / "a_dot/math_tutor.jsonl.gz", "rt", encoding="utf-8") as file:
        first_turns = ["".join(json.loads(line)["turns"][0]["text"].split()) for line in file]
    assert set(first_turns) <= questions
    assert exceptions["math_tutor"].share == 1.0


def lines_of(path: Path) -> list[dict]:
    """The objects of a JSON lines file."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


MUTATIONS = {
    "typo in a field": ("must_match:", "must_mach:", 0, "must_mach", "did you mean must_match?"),
    "typo in a stage's field": ("wanted:", "wantd:", 0, "language.wantd", "did you mean wanted?"),
    "typo in an exception's field": ("why: The", "wy: The", 0, "exceptions[0].wy", "did you mean why?"),
    "no country": ("territory: [KR]", "territory: [KR, XX]", 0, "territory[1]", "ISO 3166-1"),
    "no territory": ("territory: [KR]", "territory: []", 0, "territory", "name countries, or worldwide"),
    "a release that is neither": ("release: open", "release: half", 0, "release", "'open' or 'closed'"),
    "an open release of closed models": ("release: open", "release: closed", 0, "release", "release: open"),
    "distillation into nothing": (
        "student_parameters: 70000000000",
        "student_parameters: 0",
        0,
        "student_parameters",
        "largest student",
    ),
    "a horizon before the date": (
        "release: open",
        "release: open\nhorizon_days: -1",
        1,
        "horizon_days",
        "greater than or equal to 0",
    ),
    "upsampling of a partner that is none": (
        "release: open",
        "release: open\nupsampling: {liener: 2}",
        1,
        "upsampling.liener",
        "did you mean liner?",
    ),
    "upsampling below one": (
        "release: open",
        "release: open\nupsampling: {liner: 0.5}",
        1,
        "upsampling.liner",
        "greater than or equal to 1",
    ),
    "typo in a stage of the curriculum": (
        "release: open",
        "release: open\ncurriculum: [{name: x, sequence_lenght: 8}]",
        1,
        "curriculum[0].sequence_lenght",
        "did you mean sequence_length?",
    ),
    "a packing that is none": (
        "release: open",
        "release: open\ncurriculum: [{name: x, sequence_length: 8, packing: worst}]",
        1,
        "curriculum[0].packing",
        "'best_fit' or 'concat'",
    ),
    "a sequence of one token": (
        "release: open",
        "release: open\ncurriculum: [{name: x, sequence_length: 1}]",
        1,
        "curriculum[0].sequence_length",
        "greater than or equal to 2",
    ),
    "a stage of documents that cannot be": (
        "release: open",
        "release: open\ncurriculum: [{name: x, sequence_length: 8, min_tokens: 9, max_tokens: 8}]",
        1,
        "curriculum[0].max_tokens",
        "is below min_tokens (9)",
    ),
    "a stage of documents without tokens": (
        "release: open",
        "release: open\ncurriculum: [{name: x, sequence_length: 8, min_tokens: 0}]",
        1,
        "curriculum[0].min_tokens",
        "greater than 0",
    ),
    "a stage twice": (
        "release: open",
        "release: open\ncurriculum: [{name: x, sequence_length: 8}, {name: x, sequence_length: 9}]",
        1,
        "curriculum[1].name",
        "stands twice",
    ),
    "a stage without a name": (
        "release: open",
        "release: open\ncurriculum: [{name: ' ', sequence_length: 8}]",
        1,
        "curriculum[0].name",
        "give the stage a name",
    ),
    "a portion of a partner that is none": (
        "release: open",
        "release: open\ncurriculum: [{name: x, sequence_length: 8, mixture: [{partner: linr, times: 1}]}]",
        1,
        "curriculum[0].mixture[0].partner",
        "did you mean liner?",
    ),
    "a portion's field misspelt": (
        "release: open",
        "release: open\ncurriculum: [{name: x, sequence_length: 8, mixture: [{langage: ko, times: 1}]}]",
        1,
        "curriculum[0].mixture[0].langage",
        "did you mean language?",
    ),
    "a portion in a language by its name": (
        "release: open",
        "release: open\ncurriculum: [{name: x, sequence_length: 8, mixture: [{language: korean, times: 1}]}]",
        1,
        "curriculum[0].mixture[0].language",
        "is no language code",
    ),
    "a portion of no size": (
        "release: open",
        "release: open\ncurriculum: [{name: x, sequence_length: 8, mixture: [{language: ko}]}]",
        1,
        "curriculum[0].mixture[0]",
        "give times or sequences, one of them",
    ),
    "a portion of two sizes": (
        "release: open",
        "release: open\ncurriculum: [{name: x, sequence_length: 8, mixture: [{times: 1, sequences: 3}]}]",
        1,
        "curriculum[0].mixture[0]",
        "both stand here",
    ),
    "a portion of less than nothing": (
        "release: open",
        "release: open\ncurriculum: [{name: x, sequence_length: 8, mixture: [{times: -1}]}]",
        1,
        "curriculum[0].mixture[0].times",
        "greater than or equal to 0",
    ),
    "a use accepted of a partner that is none": (
        "release: open",
        "release: open\naccepts: [{partner: linr, verb: ai_training, why: Asked.}]",
        1,
        "accepts[0].partner",
        "did you mean liner?",
    ),
    "a use accepted without a reason": (
        "release: open",
        "release: open\naccepts: [{partner: liner, verb: ai_training, why: ' '}]",
        1,
        "accepts[0].why",
        "give the reason",
    ),
    "a verb that is none": (
        "release: open",
        "release: open\naccepts: [{partner: liner, verb: ai_traning, why: Asked.}]",
        1,
        "accepts[0].verb",
        "did you mean ai_training?",
    ),
    "a bare drop of a partner that is none": (
        "without_drop_json: [snu_kaist",
        "without_drop_json: [snu_kaits",
        0,
        "without_drop_json[0]",
        "did you mean snu_kaist?",
    ),
    "unknown partner in a language's order": (
        "decontaminate:\n",
        "dedup: {partners_by_language: {ko: [linr]}}\ndecontaminate:\n",
        0,
        "dedup.partners_by_language.ko[0]",
        "did you mean liner?",
    ),
    "no language to rank in": (
        "decontaminate:\n",
        "dedup: {partners_by_language: {korean: [liner]}}\ndecontaminate:\n",
        0,
        "dedup.partners_by_language.korean",
        "ISO 639-1",
    ),
    "limit for nobody": (
        "max_quarantined:",
        "max_duplicates: {kraftn: 0.5}\nmax_quarantined:",
        0,
        "max_duplicates.kraftn",
        "did you mean krafton?",
    ),
    "more bands than there may be": (
        "decontaminate:\n",
        "fingerprint: {bands: 257}\ndecontaminate:\n",
        0,
        "fingerprint.bands",
        "less than or equal to 256",
    ),
    "unknown kind": ("  web: #", "  webb: #", 0, "max_loss.webb", "did you mean web?"),
    "unknown stage": (
        "    extract: 0.05",
        "    extrct: 0.05",
        0,
        "max_loss.web.extrct",
        "did you mean extract?",
    ),
    "unknown stage to match": ("pii, dedup]", "pii, dedupp]", 0, "must_match[2]", "did you mean dedup?"),
    "unknown reason": (
        "reason: exact_duplicate",
        "reason: exact_dup",
        0,
        "exceptions[1].reason",
        "did you mean exact_duplicate?",
    ),
    "share above one": ("quality: 0.4", "quality: 5", 0, "max_loss.web.quality", "less than or equal to 1"),
    "share in quotes": ("share: 1.0", 'share: "1.0"', 0, "exceptions[0].share", "valid number"),
    "word for a list": ("[ko, en, zh, ja, es]", "ko", 0, "language.wanted", "valid array"),
    "name is missing": ("name: consortium\n", "", 0, "(the whole file)", "name is missing"),
    "exception without a share": ("    share: 1.0\n", "", -4, "exceptions[0]", "share is missing"),
    "exception without words": ("why: The", 'why: "" # The', 0, "exceptions[0].why", "give the reason"),
    "exception for nobody": (
        "partner: krafton",
        "partner: kraftn",
        0,
        "exceptions[1].partner",
        "mean krafton?",
    ),
    "day that does not exist": ("2026-11-24", "2026-11-31", 0, "date", "no day of the calendar"),
    "day in another form": ('"2026-11-24"', "20261124", 0, "date", "valid string"),
    "day in a short form": ('"2026-11-24"', "2026-11-4", 0, "date", "no day of the calendar"),
    "unknown purpose": ("open_release]", "open_relase]", 0, "purposes[2]", "did you mean open_release?"),
    "no partner": (
        "[snu_kaist, fortytwodot, liner, a_dot, selectstar, krafton]",
        "[]",
        0,
        "partners",
        "is empty",
    ),
    "partner twice": ("[snu_kaist, fortytwodot", "[snu_kaist, snu_kaist", 0, "partners[1]", "stands twice"),
    "language by its name": ("[ko, en", "[korean, en", 0, "language.wanted[0]", "ISO 639-1"),
    "benchmark outside": (
        "eval/klue_",
        "../../eval/klue_",
        0,
        "decontaminate.benchmarks[1]",
        "leaves the recipe's",
    ),
    "tokenizer without a digest": (
        "must_match:",
        "tokens: {tokenizer: t/tokenizer.json}\nmust_match:",
        0,
        "tokens.tokenizer",
        "add it",
    ),
    "table without a pattern": (
        "must_match:",
        f"tokens: {{tokenizer: t.tiktoken, tokenizer_sha256: {'0' * 64}}}\nmust_match:",
        0,
        "tokens.tokenizer",
        "needs pattern",
    ),
    "pattern of another file": (
        "must_match:",
        "tokens: {pattern: .+}\nmust_match:",
        0,
        "tokens.pattern",
        "tables only",
    ),
    "special tokens of another file": (
        "must_match:",
        "tokens: {special_tokens: {x: 1}}\nmust_match:",
        0,
        "tokens.special_tokens",
        "tables only",
    ),
    "vocabulary of none": (
        "must_match:",
        "tokens: {vocabulary: 0}\nmust_match:",
        0,
        "tokens.vocabulary",
        "greater than 0",
    ),
    "template for nobody": (
        "must_match:",
        'tokens: {templates: [{data_set: a_dt/chat, turn: ["{text}"]}]}\nmust_match:',
        0,
        "tokens.templates[0].data_set",
        "write partner/data_set",
    ),
    "template without a turn": (
        "must_match:",
        'tokens: {templates: [{data_set: a_dot/chat, turn: ["{role}"]}]}\nmust_match:',
        0,
        "tokens.templates[0].turn",
        "must stand in it once",
    ),
    "template that nobody speaks": (
        "must_match:",
        'tokens: {templates: [{data_set: a_dot/chat, turn: ["{text}"], roles: []}]}\nmust_match:',
        0,
        "tokens.templates[0].roles",
        "name who speaks",
    ),
    "template for a speaker in no role": (
        "must_match:",
        'tokens: {templates: [{data_set: a_dot/chat, turn: ["{text}"], speakers: {bot: we}}]}\nmust_match:',
        0,
        "tokens.templates[0].speakers.bot",
        "none of the roles",
    ),
    "two templates": (
        "must_match:",
        "tokens: {templates: ["
        + ", ".join(["{data_set: a_dot/chat, turn: ['{text}']}"] * 2)
        + "]}\nmust_match:",
        0,
        "tokens.templates[1].data_set",
        "has a template already",
    ),
    "digest that is none": (
        "must_match:",
        "tokens: {tokenizer_sha256: abc}\nmust_match:",
        0,
        "tokens.tokenizer_sha256",
        "no SHA-256",
    ),
    "key that stands twice": (
        "must_match:",
        "name: x\nmust_match:",
        0,
        "name",
        "stands twice (first in line 3)",
    ),
    "alias": ("name: consortium", "name: *x", 0, "name", "an alias"),
}


@pytest.mark.parametrize("case", MUTATIONS)
def test_each_fault_is_named_with_its_line_and_path(tmp_path: Path, case: str):
    old, new, below, where, message = MUTATIONS[case]
    path, line = mutated(tmp_path, old, new)
    with pytest.raises(ContractRejected) as rejected:
        load_recipe(path)
    problems = rejected.value.problems
    named = [p for p in problems if (p.line, p.path) == (line + below, where) and message in p.message]
    assert named, f"expected line {line + below}, {where}: {message}; found: {[str(p) for p in problems]}"
    assert named[0].file == path.name
    assert str(tmp_path) not in str(rejected.value)


@pytest.mark.parametrize(
    "content", [b"", b"- 1", b"3", b"\xff", b"a: [", b"partners: 3\nexceptions: [x, {partner: []}]"]
)
def test_what_is_no_recipe_at_all_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "recipe.yaml"
    path.write_bytes(content)
    with pytest.raises(ContractRejected):
        load_recipe(path)
    with pytest.raises(InputUnreadable):
        load_recipe(tmp_path)


def test_where_the_contracts_and_drops_lie_is_no_part_of_what_is_built(tmp_path: Path):
    moved, _ = mutated(tmp_path, "contracts: ../data_contracts", "contracts: elsewhere\ndrops: there")
    assert fingerprint(load_recipe(moved).identity) == fingerprint(load_recipe(RECIPE).identity)
    stricter, _ = mutated(tmp_path, "quality: 0.4", "quality: 0.3")
    assert fingerprint(load_recipe(stricter).identity) != fingerprint(load_recipe(RECIPE).identity)
