from __future__ import annotations

import json
import re
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from fastwarc.warc import ArchiveIterator, WarcRecordType
from hypothesis import given, settings
from hypothesis import strategies as st
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from pipelines.stages.extract import extract, tidy_markdown
from schemas.recipe import ExtractSettings
from tests.stages import batch_of, data_set_of

PAGE = """<!DOCTYPE html><html><head><title>T</title><script>var x;</script></head><body>
<header><h1>누리집</h1></header><nav><ul><li>홈</li></ul></nav><div id="gnb">전체 메뉴</div>
<article><header><h1>기차 시간표</h1></header><p>첫 기차는 여섯 시에 <b>떠난다</b>.</p>
<ul><li>서울</li><li>부산</li></ul><ol><li>표를 산다</li></ol>
<table><tr><th>역</th><th>시각</th></tr><tr><td>대전</td><td>07:10</td></tr></table>
<pre>for i in x:
    print(i)</pre><img alt="그림 설명" src="a.png"><noscript>스크립트를 켜세요</noscript>
<p hidden>숨은 글</p><p style="display:none">안 보이는 글</p>
<div class="section"><div class="sidebar"><p>알아두기: 막차는 자정.</p></div></div></article>
<div class="sidebar">인기 글</div><aside>광고</aside><footer>연락처</footer></body></html>"""


def extracted(text: str, *, markup: str, kind: str = "web", main_content: bool = True) -> str | None:
    outcome = extract(batch_of([text]), ExtractSettings(main_content), data_set_of(kind, markup))
    assert len(outcome.kept) + len(outcome.dropped) == 1
    return outcome.kept["text"][0].as_py() if len(outcome.kept) else None


def test_the_article_stays_in_lines_of_its_own_with_lists_tables_and_code():
    text = extracted(PAGE, markup="html")
    for part in (
        "기차 시간표\n",
        "첫 기차는 여섯 시에 떠난다.",
        "• 서울\n",
        "1. 표를 산다",
        "역\t\t시각\n대전\t\t07:10",
        "for i in x:\n    print(i)",
        "알아두기: 막차는 자정.",
    ):
        assert part in text


def test_what_stands_around_the_article_or_is_hidden_goes():
    text = extracted(PAGE, markup="html")
    for part in (
        "누리집",
        "홈",
        "전체 메뉴",
        "인기 글",
        "광고",
        "연락처",
        "그림 설명",
        "스크립트",
        "숨은",
        "안 보이는",
        "var x",
    ):
        assert part not in text


def test_without_main_content_the_whole_visible_page_stays():
    text = extracted(PAGE, markup="html", main_content=False)
    assert "연락처" in text
    assert "전체 메뉴" in text
    assert "숨은" not in text


@pytest.mark.parametrize(
    "page", ["", "<html><body><nav>메뉴</nav></body></html>", "<p>\u00a0\u200b</p>", "<br>"]
)
def test_a_page_without_text_is_dropped_and_says_so(page):
    outcome = extract(batch_of([page]), ExtractSettings(), data_set_of("web", "html"))
    assert len(outcome.kept) == 0
    assert outcome.dropped["stage"].to_pylist() == ["extract"]
    assert outcome.dropped["reason"].to_pylist() == ["no_text"]


def test_deep_nesting_and_broken_markup_do_no_harm():
    assert extracted("<div>" * 100_000 + "깊은 글", markup="html") == "깊은 글"
    assert extracted("<p>열린 <b>글 <table><td>칸", markup="html")


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from(["<p>", "</div>", "<!--", "<table>", "&#0;", "가", "\x00", "<svg>", "x "])))
def test_any_page_gives_an_outcome(parts):
    extracted("".join(parts), markup="html")


MARKDOWN = """---
title: 집계
author: nobody
---
# <a name="agg"></a>집계 <!-- TODO: 다시 쓰기 -->

[!INCLUDE[applies-to](../includes/applies.md)]
::: moniker range=">=15"
값은 [!INCLUDE[ssNoVersion](../includes/a.md)] 에서 옵니다 &#40;기본&#41; &#60;b&#62;.
[!div class="nextstepaction"]

```html
<!-- 코드 안의 주석 -->
<a name="x"></a> &#40;
```

`<!-- 한 줄 -->` 은 그대로.

---

끝
"""


def test_markdown_loses_front_matter_comments_anchors_and_directives():
    text = extracted(MARKDOWN, markup="markdown")
    assert text.startswith("# 집계 \n\n값은 ssNoVersion 에서 옵니다 (기본) &#60;b&#62;.\n")
    for part in ("author", "TODO", "moniker", "applies", "nextstep"):
        assert part not in text


def test_code_in_markdown_and_thematic_breaks_stay():
    text = extracted(MARKDOWN, markup="markdown")
    assert '```html\n<!-- 코드 안의 주석 -->\n<a name="x"></a> &#40;\n```' in text
    assert "`<!-- 한 줄 -->` 은 그대로.\n\n---\n\n끝" in text
    assert extracted("---\n본문이다\n---\n끝", markup="markdown") == "---\n본문이다\n---\n끝"


def test_text_behind_an_image_directive_stays():
    assert extracted(' :::image source="no.png":::안 됩니다', markup="markdown") == " 안 됩니다"


def test_markdown_without_noise_stays_byte_for_byte():
    text = "# 제목\r\n\r\n* 하나  \r\n* [둘](a.md)\r\n"
    assert extracted(text, markup="markdown") == text


@pytest.mark.parametrize(
    "part", ["<!-- ", "[!INCLUDE[", "`", "~~~\n", "::: image ", '<a name="', "{% ", "&#4"]
)
def test_markdown_of_unclosed_parts_takes_linear_time(part):
    start = time.process_time()
    extracted(part * 100_000 + "<!--글", markup="markdown")
    assert time.process_time() - start < 2


@pytest.mark.parametrize(("kind", "markup"), [("code", "html"), ("code", "markdown"), ("web", "plain")])
def test_code_and_plain_text_pass_unchanged(kind, markup):
    text = "---\nkey: 1\n---\n<!-- x --><b>\r\n"
    assert extracted(text, markup=markup, kind=kind) == text


def grams(text: str) -> Counter[str]:
    letters = re.sub(r"\W+", "", text)
    return Counter(letters[i : i + 8] for i in range(len(letters) - 7))


def article(page: str) -> str:
    """The text of the article element of a handed page, found by its id or class: the oracle."""
    tree = HTMLTree.parse(page)
    body = tree.document.query_selector("#DisplayArea") or tree.body
    for around in body.query_selector_all("script, .docnav, #banner, .relatedtopics, .toc, [hidden]"):
        if around.parent is not None:
            around.decompose()
    return body.text


def pages_of(handed: Path) -> list[str]:
    with (handed / "liner/lo_help_ko.jsonl.zst").open("rb") as file:
        lines = zstandard.ZstdDecompressor().stream_reader(file).read().split(b"\n")
    pages = [json.loads(line)["html"] for line in lines[::60] if line.endswith(b"}")]
    with (handed / "liner/handbook_ja.warc.gz").open("rb") as file:
        for record in ArchiveIterator(file, record_types=WarcRecordType.response, parse_http=True):
            if record.http_headers.status_code == 200 and len(pages) < 50:
                pages.append(record.reader.read().decode("utf-8", "replace"))
    return pages


def test_handed_pages_keep_their_article_better_than_by_resiliparses_heuristic(handed):
    pages = pages_of(handed)
    outcome = extract(batch_of(pages), ExtractSettings(), data_set_of("web", "html"))
    ours = dict(zip(outcome.kept["row"].to_pylist(), outcome.kept["text"].to_pylist(), strict=True))
    found, wanted, given_back, theirs = 0, 0, 0, 0
    for row, page in enumerate(pages):
        oracle, mine = grams(article(page)), grams(ours.get(row, ""))
        rival = grams(extract_plain_text(page, preserve_formatting=True, main_content=True, alt_texts=False))
        found += (oracle & mine).total()
        theirs += (oracle & rival).total()
        wanted += oracle.total()
        given_back += mine.total()
    assert len(pages) > 30
    assert found / wanted > 0.97
    assert found / given_back > 0.95
    assert found / wanted > theirs / wanted + 0.1


def test_handed_manuals_hold_no_front_matter_afterwards(handed):
    texts = pq.read_table(handed / "fortytwodot/manuals_1.parquet", columns=["body_md"])["body_md"]
    texts = texts.to_pylist()[::20]
    outcome = extract(batch_of(texts), ExtractSettings(), data_set_of("document", "markdown"))
    assert sum("ms.assetid" in text for text in texts) > 100
    kept = outcome.kept["text"].to_pylist()
    assert not any(re.match(r"---\n|.*ms\.assetid:", text) for text in kept)
    assert not any("[!INCLUDE[" in text for text in kept)
    assert len(outcome.dropped) < 0.01 * len(texts)


def test_front_matter_behind_a_joined_heading_goes_and_a_thematic_break_stays():
    front = "---\ntitle: 안내\nms.date: 2019\n---\n\n# 안내\n\n본문입니다."
    rule = "제목\n\n---\n주의: 이 줄은 본문입니다.\n\n---\n끝."
    texts = pa.array([f"안내 | 문서\n\n{front}", front, "\ufeff" + front])
    assert tidy_markdown(texts, behind="\n\n").to_pylist() == [
        "안내 | 문서\n\n\n# 안내\n\n본문입니다.",
        "\n# 안내\n\n본문입니다.",
        "\n# 안내\n\n본문입니다.",
    ]
    assert tidy_markdown(pa.array([rule])).to_pylist() == [rule]
