"""The report of the example build, through the command line and in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import Browser
from tests.laws.builds import Finished, malmoi


def test_the_page_made_again_is_the_page_of_the_build(built: Finished, tmp_path: Path):
    done = malmoi(
        "report",
        built.build,
        "-o",
        tmp_path / "again.html",
        env={"LC_ALL": "C", "TZ": "Asia/Seoul", "PYTHONHASHSEED": "7"},
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "again.html").read_bytes() == (built.build / "report.html").read_bytes()


def test_a_comparison_with_itself_finds_nothing_new(built: Finished, browser: Browser, tmp_path: Path):
    page = tmp_path / "changes.html"
    done = malmoi("report", built.build, "--parent", built.build, "-o", page, "--json")
    assert done.returncode == 0, done.stderr
    browser.open(page)
    browser.run("document.getElementById('lang-en').click()")
    said = " ".join(browser.run("document.getElementById('changes').innerText").split())
    kept = sum(facts["kept"] for facts in built.manifest["data_sets"])
    assert f"kept {kept} 0 0" in said
    assert "Documents that left" not in said
    assert "Changes since the parent" in browser.run("document.querySelector('.top').innerText")
    assert browser.errors == []


@pytest.mark.parametrize(
    "words", [["--parent", "{build}"], ["--parent", "{build}", "--partner", "krafton", "-o", "x"]]
)
def test_a_comparison_wants_a_file_and_the_whole_build(built: Finished, words: list[str]):
    done = malmoi("report", built.build, *[word.format(build=built.build) for word in words])
    assert done.returncode == 2
    assert b"-o FILE" in done.stderr


def test_the_search_agrees_with_trace(built: Finished, browser: Browser):
    page = built.build / "report.html"
    browser.open(page)
    assert browser.requests == [page.as_uri()]
    browser.run("document.getElementById('lang-en').click()")
    for css in ("#duplicates code", "#found dd a code"):  # one that lost, then the one that it lost to
        wanted = browser.run(f"document.querySelector({css!r}).textContent.slice(0, 16)")
        browser.run(
            f"document.getElementById('doc').value = {wanted!r};"
            "document.querySelector('.find').requestSubmit()"
        )
        whole = browser.run("document.querySelector('#found h3').innerText")
        said = " ".join(browser.run("document.getElementById('found').innerText").split())
        done = malmoi("trace", built.build, "--doc", whole)
        told = dict(
            line.split(maxsplit=1) for line in done.stdout.decode().splitlines() if len(line.split()) > 1
        )
        assert f"verdict {told['decision']}" in said
        assert f"{told['partner']} / {told['data_set']}" in said
        assert f"{told['file']} row {told['row']}" in said
        if told["decision"] == "dropped":
            assert f"lost to {told['duplicate_of']}" in said
    assert browser.errors == []


def test_no_width_makes_the_page_scroll_sideways(built: Finished, browser: Browser):
    browser.open(built.build / "report.html")
    for width in (1600, 1280, 768, 390):
        for language in ("ko", "en", "both"):
            browser.size(width)
            browser.run(f"document.getElementById('lang-{language}').click()")
            assert browser.run("document.documentElement.scrollWidth") <= width
