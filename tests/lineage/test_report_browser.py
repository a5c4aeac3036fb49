"""The report in a real browser: what the reader of the page gets to see, and what never happens."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pyarrow.compute as pc
import pytest

from pipelines.lineage.changes import changes_of
from pipelines.lineage.changes_report import changes_section
from pipelines.lineage.ledger import read_ledger
from pipelines.lineage.report import render_report
from schemas.manifest import Excluded, Manifest
from schemas.rights import ClassPolicy, OptOut
from tests.browser import Browser
from tests.lineage.small_build import documents, write_build

TAB, ENTER = 9, 13
EVIL = (
    "<img src=x onerror=window.ran=1>",
    "\"'><svg onload=window.ran=2>",
    "</script><script>window.ran=3</script>",
    "<!--<script>\u2028window.ran=4//",
    "javascript:window.ran=5",
    "&lt;b&gt;\u202egnp.exe",
    "</script ><script >window.ran=7</script >",
    "</style></title></textarea><iframe srcdoc='<script>parent.ran=6</script>'>",
)


@pytest.fixture(scope="session")
def page(whole: tuple[Path, Manifest]) -> Path:
    return whole[0] / "report.html"


@pytest.fixture
def seen(browser: Browser, page: Path) -> Browser:
    """The browser with the page of the small build open."""
    browser.open(page)
    return browser


def text_of(browser: Browser, selector: str) -> str:
    return " ".join(browser.run(f"document.querySelector({json.dumps(selector)}).innerText").split())


def ask(browser: Browser, words: str) -> str:
    """Type into the search box, press Enter, and read what is found."""
    browser.run("(() => { const box = document.getElementById('doc'); box.value = ''; box.focus(); })()")
    browser.ask("Input.insertText", text=words)
    browser.press("Enter", ENTER, text="\r")
    return text_of(browser, "#found")


def choose(browser: Browser, language: str) -> None:
    browser.run(f"document.getElementById('lang-{language}').click()")


def test_nothing_is_asked_of_the_network_and_nothing_is_complained_of(seen: Browser, page: Path):
    ask(seen, "ab")
    choose(seen, "ko")
    assert seen.requests == [page.as_uri()]
    assert seen.errors == []


def test_the_page_cannot_reach_the_network_even_if_it_wanted_to(seen: Browser):
    blocked = seen.run("fetch('https://127.0.0.1:9/').then(() => 'sent', () => 'blocked')")
    assert blocked == "blocked"
    assert any("Content Security Policy" in error for error in seen.errors)
    seen.run("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran=1\">')")
    seen.run(
        "(() => { const one = document.createElement('script'); one.text = 'window.ran=2';"
        " document.body.append(one); })()"
    )
    assert seen.run("new Promise((done) => setTimeout(() => done(window.ran ?? null), 50))") is None


def test_the_search_tells_what_the_ledger_says_of_every_fate(seen: Browser, whole: tuple[Path, Manifest]):
    build, manifest = whole
    rows = read_ledger(build, manifest=manifest).to_pylist()
    told = {(row["stage"], row["reason"]): row for row in rows if row["reason"] != "repeated_key"}
    assert len(told) == 5  # kept, two stages, both kinds of duplicate
    choose(seen, "en")
    for row in told.values():
        said = ask(seen, row["doc_id"].hex())
        assert said.count(row["doc_id"].hex()) >= 1
        assert f"{row['partner']} / {row['data_set']}" in said
        assert f"{row['file']} row {row['row']}" in said
        if row["kept"]:
            assert "verdict kept" in said
            assert f"shard {row['shard']} row {row['shard_row']}" in said
            assert f"tokens {row['tokens']}" in said
        else:
            assert "verdict dropped" in said
        if row["duplicate_of"]:
            assert f"lost to {row['duplicate_of'].hex()} ({row['similarity']:.3f})" in said


def test_every_document_is_found_by_its_id_and_a_part_of_it(seen: Browser, whole: tuple[Path, Manifest]):
    build, manifest = whole
    ids = sorted(one.hex() for one in read_ledger(build, ["doc_id"], manifest=manifest)["doc_id"].to_pylist())
    seen.run(
        "window.asked = (id) => { document.getElementById('doc').value = id; "
        "document.querySelector('.find').requestSubmit(); "
        "return [...document.querySelectorAll('#found h3')].map((one) => one.textContent); }"
    )
    found = seen.run(f"{json.dumps(ids)}.map((id) => window.asked(id).includes(id))")
    assert all(found)
    for prefix in sorted({one[:2] for one in ids}):
        assert seen.run(f"window.asked({prefix!r})") == [one for one in ids if one.startswith(prefix)][:20]


def test_a_repeated_key_shows_the_row_that_counted_first(seen: Browser, whole: tuple[Path, Manifest]):
    again = read_ledger(whole[0], ["doc_id"], pc.field("reason") == "repeated_key", manifest=whole[1])
    choose(seen, "en")
    said = ask(seen, again["doc_id"][0].as_py().hex())
    assert said.startswith("2 found")
    assert said.index("verdict kept") < said.index("verdict dropped")


def test_what_is_not_there_and_what_is_no_id_are_told_apart(seen: Browser):
    choose(seen, "en")
    assert ask(seen, "0" * 32).startswith("No such id in this build")
    assert ask(seen, "<b>").startswith("Write two to thirty-two hexadecimal digits")
    assert ask(seen, " AB ").split()[1] == "found"
    choose(seen, "ko")
    assert ask(seen, "0" * 32).startswith("이 빌드에 없는 id")


def test_a_link_to_a_document_opens_it(browser: Browser, whole: tuple[Path, Manifest]):
    build, manifest = whole
    lost = read_ledger(build, ["doc_id", "duplicate_of"], pc.field("similarity") == 1.0, manifest=manifest)
    loser, winner = (lost[name][0].as_py().hex() for name in ("doc_id", "duplicate_of"))
    browser.open(build / "report.html", f"#doc={loser}")
    assert loser in text_of(browser, "#found h3")
    browser.run("document.querySelector('#found dd a').click()")
    assert (
        browser.run(
            "new Promise((done) => setTimeout(() => done(document.querySelector('#found h3').innerText), 50))"
        )
        == winner
    )


def test_one_language_is_seen_at_a_time_or_both(seen: Browser):
    seen.ask("Emulation.setScriptExecutionDisabled", value=False)
    for language, there, gone in (("ko", "도착한 행", "rows arrived"), ("en", "rows arrived", "도착한 행")):
        choose(seen, language)
        assert seen.run("document.documentElement.lang") == language
        said = text_of(seen, "main")
        assert there in said
        assert gone not in said
        drawn = seen.run(
            "[...document.querySelectorAll('#flow text')].filter((one) => one.getBoundingClientRect().width)"
            ".map((one) => one.textContent)"
        )
        assert there in drawn
        assert gone not in drawn
    choose(seen, "both")
    assert "도착한 행 rows arrived" in text_of(seen, "main")


def test_what_is_marked_korean_is_korean_and_what_is_marked_english_is_not(seen: Browser):
    choose(seen, "both")
    marked = seen.run(
        "[...document.querySelectorAll('main [lang]')].map((one) => [one.lang, one.textContent])"
    )
    hangul = [any("가" <= letter <= "힣" for letter in words) for _, words in marked]
    english = [words for (lang, words), korean in zip(marked, hangul, strict=True) if lang == "en" and korean]
    assert not english
    assert sum(hangul) > 100


def test_all_is_reached_by_the_tab_key_in_order_and_seen_where_it_is(seen: Browser):
    where = (
        "(() => { const at = document.activeElement, ring = getComputedStyle(at.closest('label') ?? at);"
        " const name = at === document.body ? 'end' : at.className || at.id || at.hash;"
        " return [name, ring.outlineStyle]; })()"
    )
    reached: dict[str, str] = {}
    while "end" not in reached:
        seen.press("Tab", TAB)
        name, outline = seen.run(where)
        reached[name] = outline
    order = list(reached)
    contents = seen.run("[...document.querySelectorAll('.top a')].map((one) => one.hash)")
    assert order[: 3 + len(contents)] == ["skip", "lang-en", *contents, "doc"]
    assert "drawn" in order or "wide" in order
    assert [name for name in order[:-1] if reached[name] == "none"] == []


def test_a_box_is_a_stop_of_the_tab_key_where_it_scrolls(seen: Browser):
    for width in (1280, 390):
        seen.size(width)
        wrong = seen.run(
            "new Promise((done) => setTimeout(() => done("
            "[...document.querySelectorAll('.wide, .drawn')].filter((box) => (box.tabIndex === 0) !=="
            " (box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1))"
            ".length), 100))"
        )
        assert wrong == 0


@pytest.mark.parametrize("width", [1280, 390, 320])
@pytest.mark.parametrize("language", ["ko", "en", "both"])
def test_no_width_makes_the_page_scroll_sideways(seen: Browser, width: int, language: str):
    seen.size(width, mobile=width < 500)
    choose(seen, language)
    assert seen.run("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(
    ("scheme", "width", "language"), [("light", 1280, "ko"), ("dark", 1280, "en"), ("light", 390, "both")]
)
def test_axe_finds_nothing_against_accessibility(seen: Browser, scheme: str, width: int, language: str):
    """axe-core's rules of WCAG 2.2 A and AA and its best practices: names, roles, order, contrast, ..."""
    try:
        axe = distribution("axe-playwright-python").locate_file("axe_playwright_python/axe.min.js")
    except PackageNotFoundError:
        pytest.skip("axe-core is not installed: it is in requirements-dev.lock")
    seen.size(width, mobile=width < 500)
    seen.media(prefers_color_scheme=scheme)
    choose(seen, language)
    ask(seen, seen.run("document.querySelector('#duplicates code').textContent.slice(0, 2)"))
    seen.run(Path(str(axe)).read_text(encoding="utf-8") + ";0")
    told = seen.run(
        "axe.run({resultTypes: ['violations']}).then((found) => found.violations.map((one) => "
        "[one.id, one.nodes.length, one.nodes[0].html.slice(0, 200), one.nodes[0].failureSummary]))"
    )
    assert told == []


def test_every_drawing_has_a_name_a_description_and_a_table(seen: Browser):
    for name in ("flow", "tokens", "rights"):
        choose(seen, "en")
        told = seen.run(
            f"(() => {{ const part = document.getElementById({name!r});"
            " const svg = part.querySelector('.drawn svg');"
            " const name = document.getElementById(svg.getAttribute('aria-labelledby')).innerText;"
            " return [svg.getAttribute('role'), name,"
            " svg.querySelector('desc').textContent, part.querySelectorAll('table caption').length]; })()"
        )
        assert told[0] == "img"
        assert len(told[1]) > 10
        assert "table below" in told[2]
        assert told[3] >= 1
    assert seen.run(
        "[...document.querySelectorAll('table')].every((one) => one.caption"
        " && one.querySelector('thead th[scope=col]') && one.querySelector('tbody th[scope=row]'))"
    )


def test_on_paper_everything_is_there_and_what_is_pressed_is_not(seen: Browser, tmp_path: Path):
    seen.media(media="print")
    hidden = seen.run(
        "['.top', '#search'].map((one) => getComputedStyle(document.querySelector(one)).display)"
    )
    assert hidden == ["none", "none"]
    cut = seen.run(
        "[...document.querySelectorAll('.wide')]"
        ".filter((box) => getComputedStyle(box).overflowY !== 'visible').length"
    )
    assert cut == 0
    assert seen.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    seen.print(tmp_path / "report.pdf")
    printed = (tmp_path / "report.pdf").read_bytes()
    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") >= 5


def test_without_scripts_all_is_read_and_the_language_is_chosen(browser: Browser, page: Path):
    browser.ask("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(page)
        assert browser.errors == []
        said = text_of(browser, "main")
        assert "도착한 행 rows arrived" in said  # both languages, until one is chosen
        assert "malmoi trace BUILD --doc ID" in said
        assert "Find a document" in said
        browser.run("document.getElementById('lang-en').focus()")
        browser.press(" ", 32, text=" ")
        said = text_of(browser, "main")
        assert "rows arrived" in said
        assert "도착한 행" not in said
    finally:
        browser.ask("Emulation.setScriptExecutionDisabled", value=False)


def evil_page(build: Path) -> Manifest:
    """A build in which every name that comes from a drop, a contract or a recipe is a payload."""
    rows = documents(20)
    for number, row in enumerate(rows):
        row["partner"] = EVIL[0] if row["partner"] == "a_dot" else EVIL[1]
        row |= {
            "data_set": row["data_set"] + EVIL[2],
            "kind": EVIL[7],
            "file": f"{EVIL[number % len(EVIL)]}{number % 3}",
        }
        row["pii"] = [(EVIL[number % len(EVIL)], 2)] if row["kept"] else row["pii"]
        if row["reason"] == "too_short":
            row |= {"detail": EVIL[3], "language": EVIL[7], "stage": EVIL[1], "reason": EVIL[0]}
        elif row["reason"] == "language_unsure":
            row |= {"detail": EVIL[4], "stage": "decontaminate", "reason": "contaminated"}
    manifest = write_build(build, rows)
    first = manifest.contracts[0]
    rights = replace(
        first.rights,
        licence=EVIL[2],
        attribution=EVIL[7],
        territory=(EVIL[3],),
        opt_outs=(OptOut(EVIL[1], EVIL[0]),),
        personal_data=(ClassPolicy(EVIL[0], expected=True, policy="keep", why=EVIL[2]),),
    )
    evil = replace(
        manifest,
        recipe={**manifest.recipe, "name": EVIL[7], "purposes": [EVIL[0]], EVIL[1]: EVIL[2]},
        date=EVIL[0],
        models={EVIL[2] + ".jsonl": EVIL[1]},
        runtime={EVIL[0]: EVIL[7]},
        stage_versions={EVIL[1]: 1},
        contracts=(replace(first, version=EVIL[1], digest=EVIL[0], rights=rights), *manifest.contracts[1:]),
        excluded=(Excluded(EVIL[2], EVIL[7]),),
        warnings=(EVIL[7],),
        data_sets=tuple(replace(one, quarantined={EVIL[0]: 2}) for one in manifest.data_sets),
    )
    changes = changes_section(manifest, changes_of((manifest, build), (evil, build)))
    (build / "report.html").write_text(render_report(evil, build, changes=changes), encoding="utf-8")
    return evil


def test_no_name_from_a_drop_runs_or_becomes_markup(browser: Browser, tmp_path: Path):
    manifest = evil_page(tmp_path / "evil")
    page = tmp_path / "evil" / "report.html"
    browser.open(page)
    ids = read_ledger(tmp_path / "evil", ["doc_id"], manifest=manifest)["doc_id"].to_pylist()
    for one in ids[:40]:
        ask(browser, one.hex())
    assert browser.run("new Promise((done) => setTimeout(() => done(window.ran ?? null), 100))") is None
    assert browser.errors == []
    assert browser.requests == [page.as_uri()]
    assert browser.run("document.querySelectorAll('img, iframe, object, embed, link, base').length") == 0
    assert browser.run("document.scripts.length") == 2  # the index, and the page's own
    choose(browser, "ko")
    said = browser.run("document.body.innerText")
    for name in EVIL[:3]:
        assert name in said, name
    assert "\u202e" not in browser.run("document.body.innerText")
    assert "\\u202egnp.exe" in said
