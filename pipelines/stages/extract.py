"""Take the text out of its markup. Reads doc_id, row, text, language, turns. Writes text, turns.

HTML: resiliparse with our own list of elements to leave out. Chosen on 20 handed pages (DocBook and
LibreOffice help in Korean, Japanese, Chinese) by shares of character 8-grams of the article element, and by
reading:

    ours                              recall 0.989  precision 0.974   25-40 MB/s of HTML on one core
    resiliparse main_content=True     recall 0.812  precision 0.990   28 MB/s
    trafilatura 2.3.1 favor_recall    recall 0.756  precision 0.920    1 MB/s
    trafilatura 2.3.1                 recall 0.664  precision 0.913    1 MB/s

Both heuristics lose lists, boxes and short paragraphs inside the article. What our list does not know stays
in, which the quality stage can still see; what a heuristic cuts is gone.

Markdown: front matter, comments, empty anchors and docfx directives go; everything else stays as written, and
nothing inside a code fence or code span is touched. Plain text and data sets of kind code pass unchanged.
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc
from resiliparse.extract.html2text import extract_plain_text

from pipelines.stages.turns import behind_markup
from schemas.contract import DataSet, Kind, Markup, Role
from schemas.documents import Outcome, split_outcome, with_column
from schemas.reasons import Reason, Stage
from schemas.recipe import ExtractSettings

# 2: front matter behind a heading that the contract joins in front of it.
EXTRACT_VERSION = 2  # 1: resiliparse with a list of elements to leave out; Markdown front matter and docfx

# Not part of what a reader sees: `hidden` and its like. LibreOffice help hides the variants of a phrase until
# a script picks one ("switchinline": the last variant is the default; "switch": blocks by application).
_HIDDEN = [
    "[hidden]:not(.switch > *, .switchinline > *)",
    ".switchinline > [hidden]:not(:last-child)",
    ".switch > .MAC",
    '[aria-hidden="true"]',
    '[style*="display:none"]',
    '[style*="display: none"]',
    "template",
]
# Around the article: elements and ARIA landmarks of HTML 5, then names in wide use. `gnb`, `lnb`, `snb`
# (global, local, side navigation bar) are what Korean sites call their menus. DocBook calls a box inside the
# text `sidebar`: kept where it stands in a section or chapter. A <header> inside an article holds its title
# and stays.
_AROUND = [
    "nav",
    "footer",
    "button",
    "body > header",
    "body > div > header",
    "aside:not([role=note])",
    "[role=navigation]",
    "[role=banner]",
    "[role=contentinfo]",
    "[role=search]",
    "[role=complementary]",
    "#gnb, .gnb, #lnb, .lnb, #snb, .snb",
    "#nav, .navbar, .nav-menu, .site-header, .skip-link, .breadcrumb, .breadcrumbs",
    "#footer, .footer, .site-footer",
    "#sidebar, .sidebar:not(.section *, .chapter *, .appendix *, .preface *)",
    "#toc, .toc",
    "#banner, .docnav, .navheader, .navfooter",  # DocBook
    ".relatedtopics, .related-posts",
    ".pagination, .social-share, .share-buttons, .cookie-banner, .cookie-consent",
    "#mw-navigation, .mw-editsection, .mw-jump-link, .navbox, #catlinks",  # MediaWiki
]

# YAML (---) or TOML (+++) front matter; the first line must look like a field, or it is a thematic break.
_FRONT_MATTER = (
    r"\x{FEFF}?(?:"
    r"---[ \t]*\r?\n(?:[ \t]*#[^\n]*\n)*[ \t]*[\"']?[\w.$-]+[\"']?[ \t]*:(?s:.*?)"
    r"\n(?:---|\.\.\.)[ \t]*(?:\r?\n|\z)"
    r"|\+\+\+[ \t]*\r?\n[ \t]*[\w.-]+[ \t]*=(?s:.*?)\n\+\+\+[ \t]*(?:\r?\n|\z))"
)
# One pass, code first, so that nothing inside it is taken for markup; possessive, and no part runs over the
# beginning of another, so that it is linear in the text. An INCLUDE on a line of its own is a boilerplate
# file; in a sentence its label stands for what it names. div, VIDEO, code: a button, a film, code that was
# not delivered.
_CODE_OR_NOISE = re.compile(
    r"""(?msx)
    (?P<code> ^[ \t>]* (?P<fence>`{3,}+|~{3,}+) [^\n]*+\n .*? (?: ^[ \t>]*(?P=fence)[`~]*[ \t]*\r?$ | \Z )
            | (?<!`)(?P<tick>`++) [^`\n]+ (?P=tick)(?!`) )
    | <!-- (?: (?!<!--) . )*? -->
    | <a[ ](?:name|id)="[^"\n]*">[ \t]*</a>
    | ^[ \t>]* (?: (?: \[!(?:INCLUDE|include)[ ]?\[[^\[\]\n]*\]\([^()\n]*\)\][ \t]* )+
                 | \[!(?:div|VIDEO|code)[^\n]*\]
                 | :{3}[ \t]?(?:moniker|row|column|zone)[^\n]*
                 | \{%[ ]?\w[^%\n]*%\} ) [ \t]*\r?$ \n?
    | :{3}image[ ][^\n]*?:{3}
    | \[!(?:INCLUDE|include)[ ]?\[(?P<label>[^\[\]\n]*)\]\([^()\n]*\)\]
    | &\#(?P<escaped>\d{2,3});
    """
)
_MAY_HOLD_NOISE = r"<!--|<a (?:name|id)=|\[!|&#\d|:::|\{%"
_MARKUP_CHARACTERS = frozenset("<>&`*_\\")  # unescaping these would make markup of text


def extract(batch: pa.RecordBatch, settings: ExtractSettings, data_set: DataSet) -> Outcome:
    """The documents as plain text or tidy Markdown; what holds no text is dropped (NO_TEXT)."""
    if data_set.kind is Kind.CODE or data_set.markup is Markup.PLAIN:
        return split_outcome(batch, stage=Stage.EXTRACT, reasons=[None] * len(batch))
    if data_set.markup is Markup.HTML:
        left_out = [*_HIDDEN, *_AROUND] if settings.main_content else _HIDDEN

        def taken_out(texts: pa.Array) -> pa.Array:
            return pa.array([html_text(page, left_out) for page in texts.to_pylist()], pa.string())

        texts = taken_out(batch["text"])
    else:
        taken_out = tidy_markdown
        joined = len(data_set.of_role(Role.TEXT)) > 1
        texts = tidy_markdown(batch["text"], behind=data_set.join if joined else None)
    batch = behind_markup(batch, texts, taken_out, data_set.join)
    empty = pc.invert(pc.match_substring_regex(texts, r"[^\s\p{Z}\p{C}]")).to_pylist()
    reasons = [Reason.NO_TEXT if nothing else None for nothing in empty]
    return split_outcome(
        with_column(batch, batch.schema.field("text"), texts), stage=Stage.EXTRACT, reasons=reasons
    )


def html_text(page: str, left_out: list[str]) -> str:
    """The visible text of a page without the elements the CSS selectors name; each block on its own line."""
    text: str = extract_plain_text(
        page, preserve_formatting=True, main_content=False, alt_texts=False, skip_elements=left_out
    )
    return text


def tidy_markdown(texts: pa.Array, *, behind: str | None = None) -> pa.Array:
    """Markdown without front matter, comments, empty anchors and docfx directives.

    Front matter stands at the beginning, or, where a contract joins a heading of one line to a text, `behind`
    that heading and what joins them.
    """
    heading = rf"\A([^\n]*{re.escape(behind)})?" if behind else r"\A()"
    texts = pc.replace_substring_regex(texts, heading + _FRONT_MATTER, r"\1", max_replacements=1)
    noisy = pc.match_substring_regex(texts, _MAY_HOLD_NOISE)
    if noisy.true_count == 0:
        return texts
    tidy = [_without_noise(text) for text in texts.filter(noisy).to_pylist()]
    return pc.replace_with_mask(texts, noisy, pa.array(tidy, pa.string()))


def _without_noise(text: str) -> str:
    return _CODE_OR_NOISE.sub(_kept_part, text)


def _kept_part(match: re.Match[str]) -> str:
    if match["code"] is not None:
        return match[0]
    if match["escaped"] is not None:
        character = chr(int(match["escaped"]))
        printable = character.isascii() and character.isprintable()
        return character if printable and character not in _MARKUP_CHARACTERS else match[0]
    return match["label"] or ""
