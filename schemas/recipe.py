"""The recipe: what is to be built. Frozen dataclasses, one a stage; their literals are identity.

Paths, runner and workers are no part of a recipe's identity (`Recipe.identity`).
"""

from __future__ import annotations

from dataclasses import field, fields, replace
from enum import StrEnum
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from schemas.contract import Kind
from schemas.curriculum import TrainingStage
from schemas.reasons import Reason, Stage
from schemas.rights import Use, Verb

_STRICT = ConfigDict(extra="forbid", defer_build=True)
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, config=_STRICT)
class ExtractSettings:
    """HTML to text and Markdown front matter; see `pipelines.stages.extract`."""

    main_content: bool = True  # leave navigation, footers and the like out


@dataclass(frozen=True, config=_STRICT)
class NormaliseSettings:
    """NFC, controls, white space, line ends; see `pipelines.stages.normalise`."""

    max_blank_lines: Positive = 1  # runs of blank lines are cut to this many


@dataclass(frozen=True, config=_STRICT)
class LanguageSettings:
    """fastText lid.176; see `pipelines.stages.language`."""

    wanted: tuple[str, ...] = ("ko", "en", "zh", "ja", "es")
    min_score: Share = 0.65  # FineWeb's; only documents of at least min_letters are held to it
    min_letters: Positive = 40  # shorter texts are told by script and by what the contract declares
    sample_characters: Positive = 1000  # from the start and from the middle


@dataclass(frozen=True, config=_STRICT)
class QualitySettings:
    """Which rule sets apply; their thresholds live in `pipelines.stages.quality` by (kind, language)."""

    web: tuple[str, ...] = ("gopher_repetition", "gopher_quality", "c4", "fineweb")
    document: tuple[str, ...] = ("gopher_repetition", "document")
    dialogue: tuple[str, ...] = ("short",)
    short_post: tuple[str, ...] = ("short", "spam")
    code: tuple[str, ...] = ("code",)
    parallel: tuple[str, ...] = ("short",)
    table: tuple[str, ...] = ("short",)


@dataclass(frozen=True, config=_STRICT)
class DecontaminateSettings:
    """Exact containment of benchmark items, letters and digits only."""

    benchmarks: tuple[str, ...] = ()  # globs under the recipe's or the drops' directory
    min_letters: Positive = 13  # shorter parts of an item are not looked for


@dataclass(frozen=True, config=_STRICT)
class PiiSettings:
    """Which entities are looked for, besides those a contract speaks of, and from which score.

    Every class but PERSON: of a page about history nothing is left without its names. Where names are private
    (dialogue, forms, chat) the contract says so, and they are looked for there.
    """

    entities: tuple[str, ...] = (
        "CREDENTIAL",
        "CREDIT_CARD",
        "DATE_OF_BIRTH",
        "EMAIL_ADDRESS",
        "GAME_ID",
        "GPS_COORDINATE",
        "IMEI",
        "IP_ADDRESS",
        "KR_ADDRESS",
        "KR_BANK_ACCOUNT",
        "KR_BRN",
        "KR_CRN",
        "KR_DRIVER_LICENSE",
        "KR_FRN",
        "KR_PASSPORT",
        "KR_RRN",
        "KR_VEHICLE_PLATE",
        "MAC_ADDRESS",
        "MESSENGER_ID",
        "PHONE_NUMBER",
        "URL",
        "VIN",
    )
    min_score: Share = 0.5
    max_share: Share = 0.5  # a document with more of its characters in spans is dropped


class Shingles(StrEnum):
    """What a shingle is a run of."""

    CHARACTERS = "characters"
    WORDS = "words"


@dataclass(frozen=True, config=_STRICT)
class FingerprintSettings:
    """MinHash of shingles; see `pipelines.stages.fingerprint`. 14 x 8 is datatrove's and FineWeb's.

    Two texts of Jaccard similarity s become candidates with probability 1 - (1 - s^rows)^bands (Broder 1997).
    """

    shingles: Shingles = Shingles.CHARACTERS
    size: Annotated[int, Field(gt=0, le=64)] = 5  # characters or words in a shingle
    bands: Annotated[int, Field(gt=0, le=256)] = 14
    rows: Annotated[int, Field(gt=0, le=64)] = 8


@dataclass(frozen=True, config=_STRICT)
class DedupSettings:
    """Candidates verified by the exact Jaccard, resolved by dominance; see `pipelines.dedup`."""

    threshold: Share = 0.8
    max_kept_per_bucket: Positive = 1000  # DESIGN.md section 4; reported where it bites
    # Whose copy is kept of documents in a language: these partners in this order, then the others in the
    # recipe's. Where a language is not named, the recipe's order stands.
    partners_by_language: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Passages(StrEnum):
    """What happens to a passage that stood before: it is cut from the text, or only counted in the ledger."""

    CUT = "cut"
    FLAG = "flag"


@dataclass(frozen=True, config=_STRICT)
class PassageSettings:
    """Passages of kept documents that kept ones of earlier rank have; see `pipelines.dedup.passages`."""

    paragraph_documents: Count = 0  # a paragraph goes where it has stood in so many before; 0: not looked for
    min_paragraph_bytes: Count = 30  # shorter ones stay: "감사합니다." is no boilerplate
    run_tokens: Count = 0  # a run of so many tokens goes where it has stood before; 0: not looked for
    action: Passages = Passages.CUT

    @property
    def wanted(self) -> bool:
        """Whether anything is looked for."""
        return bool(self.paragraph_documents or self.run_tokens)


@dataclass(frozen=True, config=_STRICT)
class DialogueTemplate:
    """How the turns of one data set are written.

    Turns are what its contract joins where its kind is dialogue (items of a list, or several columns). Of any
    other data set, they are what stands between its join string in the text.

    `turn` is written for every turn, piece by piece. A piece that is a special token of the tokenizer becomes
    its id; everything else is text, {text} being the turn and {role} who speaks. What stands in a turn is
    always text, whatever it looks like.
    """

    data_set: str  # partner/data set
    turn: tuple[str, ...]
    roles: tuple[str, ...] = ("user", "assistant")
    then: Literal["again", "last"] = "again"  # past the last role: from the first again, or the last goes on
    # The role of a speaker whom the contract lists (its column of role speaker has an enum); who is called as
    # a role has that. Speakers who are not listed take the roles in the order in which they first speak, and
    # turns of which no speaker is named take them in the order of turns.
    speakers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, config=_STRICT)
class TokenSettings:
    """Tokenizer and shards."""

    # One shipped in mistral-common, or a path from the recipe to a tokenizer.json or a .tiktoken table.
    tokenizer: str = "tekken_240911"
    tokenizer_sha256: str | None = None  # required with a path
    vocabulary: Positive | None = None  # ids the model has room for: a tokenizer with more is refused
    pattern: str | None = None  # of a .tiktoken table: the expression that cuts a text into words
    special_tokens: dict[str, Count] = field(default_factory=dict)  # of a .tiktoken table: name to id
    begin: str | None = None  # special token before every document; none where nothing is said
    end: str | None = None  # special token behind every document; the tokenizer's own where nothing is said
    templates: tuple[DialogueTemplate, ...] = ()
    shard_mib: Positive = 64
    validation_share: Share = 0.005


@dataclass(frozen=True, config=_STRICT)
class LossException:
    """A stage may drop more of this drop: written down, with the reason."""

    partner: str
    data_set: str
    stage: Stage
    share: Share
    why: str
    reason: Reason | None = None  # of all the stage's reasons, only this one


@dataclass(frozen=True, config=_STRICT)
class Accepted:
    """A use that a contract calls constrained, and who has seen that the constraint is kept."""

    partner: str
    verb: Verb
    why: str


@dataclass(frozen=True, config=_STRICT)
class Recipe:
    """What is to be built, from whom, for what, by which rules."""

    name: str
    contracts: str  # directory of the contracts, relative to the recipe's file
    partners: tuple[str, ...]  # in rank order: an earlier one keeps its copy of a duplicate
    purposes: tuple[str, ...]  # every document must be allowed all of them
    date: str  # ISO day on which the rights are judged; --date overrides it
    release: Literal["open", "closed"] = "closed"  # of the models that are trained on it
    territory: tuple[str, ...] = ("KR",)  # ISO 3166-1 alpha-2, or worldwide
    student_parameters: Count = 0  # of the largest student; 0 where nothing is distilled
    horizon_days: Count = 90  # contracts that end within so many days are warned of
    upsampling: dict[str, Annotated[float, Field(ge=1)]] = field(
        default_factory=dict
    )  # by partner, for the loader
    curriculum: tuple[TrainingStage, ...] = ()  # of the training; the manifest has it
    accepts: tuple[Accepted, ...] = ()  # constrained uses that a person has accepted
    without_drop_json: tuple[
        str, ...
    ] = ()  # partners whose drop is taken although it does not say what was sent
    drops: str | None = None  # directory of the drops, relative to the recipe's file; --drops overrides it
    split_mib: Positive = 16
    max_row_mib: Positive = 64
    extract: ExtractSettings = field(default_factory=ExtractSettings)
    normalise: NormaliseSettings = field(default_factory=NormaliseSettings)
    language: LanguageSettings = field(default_factory=LanguageSettings)
    quality: QualitySettings = field(default_factory=QualitySettings)
    decontaminate: DecontaminateSettings = field(default_factory=DecontaminateSettings)
    pii: PiiSettings = field(default_factory=PiiSettings)
    fingerprint: FingerprintSettings = field(default_factory=FingerprintSettings)
    dedup: DedupSettings = field(default_factory=DedupSettings)
    passages: PassageSettings = field(default_factory=PassageSettings)
    tokens: TokenSettings = field(default_factory=TokenSettings)
    # The largest share of one data set that a stage may drop, by kind; 1 where nothing is said.
    max_loss: dict[Kind, dict[Stage, Share]] = field(default_factory=dict)
    # The largest share of a partner's documents that may be lost as copies, by partner; 1 for the others.
    max_duplicates: dict[str, Share] = field(default_factory=dict)
    max_quarantined: Share = 0.05  # of the rows of one data set
    must_match: tuple[Stage, ...] = ()  # stages that have to find something in the build
    exceptions: tuple[LossException, ...] = ()

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that decides what is built; where the files lie does not."""
        names = [f.name for f in fields(self)]
        said = {name: getattr(self, name) for name in names if name not in {"contracts", "drops"}}
        # A tokenizer's file is known by its digest; where it lies is not what is built.
        said["tokens"] = replace(self.tokens, tokenizer=PurePath(self.tokens.tokenizer).name)
        return said

    def use(self, date: str) -> Use:
        """What the recipe wants to do with every document, on a day."""
        return Use(
            purposes=self.purposes,
            release=self.release,
            territory=self.territory,
            date=date,
            student_parameters=self.student_parameters,
            accepts=tuple((accepted.partner, accepted.verb.value) for accepted in self.accepts),
        )
