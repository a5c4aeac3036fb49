"""Write the example drops and planted.yaml out of the material and the cases written by hand.

    python examples/generate.py [DIRECTORY]

Reads material/*.yaml, handwritten/*.yaml and benchmarks/*.jsonl beside this file; writes drops/ and
planted.yaml into DIRECTORY (this folder where none is given). The same bytes each time: a seed, no clock.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from layouts import LAYOUTS, PERIODS, Layout
from writers import Row, write, write_drop_json

HERE = Path(__file__).parent
SEED = 20261124
Case = dict[str, Any]
PARTICLES = {"은": ("은", "는"), "이": ("이", "가"), "을": ("을", "를"), "와": ("과", "와")}


@dataclass
class Entry:
    """A row to be delivered, and the planted case that it is, if it is one."""

    row: Row
    case: Case | None = None
    language: str = "ko"


@dataclass
class Drops:
    """The rows of every file by (partner, file), in the order they came in."""

    rng: random.Random
    entries: dict[tuple[str, str], list[Entry]] = field(default_factory=dict)

    def add(self, partner: str, file: str, text: Any, *, case: Case | None = None, **more: Any) -> Row:
        """Put a text into a file; `more` is what the layout of the file takes (key, title, language, ...)."""
        entries = self.entries.setdefault((partner, file), [])
        layout = LAYOUTS[partner, file]
        row = layout.row(len(entries), text, more)
        entries.append(Entry(row, case, more.get("language", "ko")))
        return row

    def in_order(self, partner: str, file: str) -> list[Entry]:
        """Cases scattered among the other rows, in their own order; a case placed last comes last."""
        entries = self.entries[partner, file]
        last = [e for e in entries if e.case and e.case.get("place") == "last"]
        cases = [e for e in entries if e.case and e.case.get("place") != "last"]
        plain = [e for e in entries if not e.case]
        at = set(self.rng.sample(range(len(cases) + len(plain)), len(cases)))
        queue_cases, queue_plain = iter(cases), iter(plain)
        mixed = [next(queue_cases) if i in at else next(queue_plain) for i in range(len(cases) + len(plain))]
        return mixed + last


def material(name: str) -> Any:
    """One file of the material."""
    return yaml.safe_load((HERE / "material" / f"{name}.yaml").read_text(encoding="utf-8"))


def with_topic(template: str, topic: str) -> str:
    """Fill {t} and {t|particle}; the particle follows the last syllable's final consonant."""
    closed = (ord(topic[-1]) - 0xAC00) % 28 > 0
    for name, (after_consonant, after_vowel) in PARTICLES.items():
        template = template.replace(f"{{t|{name}}}", topic + (after_consonant if closed else after_vowel))
    return template.replace("{t}", topic)


def pages(bank: Mapping[str, Any], rng: random.Random) -> Iterator[tuple[str, list[str]]]:
    """Title and paragraphs of page after page; of 40 drawn, the one least like those before."""
    aspects, seen = bank["aspects"], list[tuple[int, ...]]()
    topics = list(bank["topics"])
    while True:
        drawn = [tuple(rng.randrange(len(variants)) for variants in aspects) for _ in range(40)]
        shared = [max((sum(map(int.__eq__, new, old)) for old in seen), default=0) for new in drawn]
        choice = drawn[shared.index(min(shared))]
        topic = topics[len(seen) % len(topics)]
        title = with_topic(bank["title"][len(seen) // len(topics) % len(bank["title"])], topic)
        seen.append(choice)
        texts = [with_topic(variants[i], topic) for variants, i in zip(aspects, choice, strict=True)]
        yield title, [text[0].upper() + text[1:] for text in texts]


def markdown(title: str, paragraphs: Sequence[str]) -> str:
    """A chapter as Markdown."""
    return "\n\n".join([f"# {title}", *paragraphs])


def fill_short(drops: Drops) -> None:
    """Dialogue, reviews, comments, chat, trips and pairs."""
    short, talk = material("short_ko"), material("dialogue")
    for question, *answer in talk["chat"]:
        drops.add("a_dot", "daily_chat.jsonl.gz", [question, ", ".join(answer)])
    for names, kinds in (
        (["민지", "도윤", "서아", "건우"], "math_ko"),
        (["Nora", "Felix", "Ada", "Omar"], "math_en"),
    ):
        for turn, (question, answer) in enumerate(talk[kinds] * 2):
            a, b, c = (drops.rng.randint(low, high) for low, high in ((4, 19), (21, 68), (70, 99)))
            values = {"n": names[turn % 4], "a": a, "b": b, "c": c, "p": a * b, "s": a * b + c}
            language = kinds[-2:]
            texts = [question.format(**values), answer.format(**values)]
            drops.add("a_dot", "math_tutor.jsonl.gz", texts, language=language)
    for i in range(115):
        parts = [
            short[name][i % len(short[name])]
            for name in ("review_openings", "review_middles", "review_endings")
        ]
        file = "reviews_1.csv.gz" if i < 90 else "reviews_legacy_cp949.csv.gz"
        drops.add("krafton", file, f"{parts[0]} {parts[1]}. {parts[2]}")
    for i in range(40):
        subject, body = short["community_subjects"][i % 20], short["community_bodies"][(7 * i + i // 20) % 17]
        drops.add("krafton", "community.jsonl", f"{subject}\n{body}" if i % 3 else f"{subject}. {body}")
    for text in short["chat_lines"]:
        drops.add("krafton", "game_chat.jsonl", text)
    for script in material("scripts"):
        drops.add("krafton", "game_scripts.jsonl", script["source"], key=script["path"], language="code")
    for text in short["comments"]:
        drops.add("selectstar", "labelled_comments.parquet", text)
    for text in short["trip_memos"]:
        drops.add("fortytwodot", "trips.csv.gz", text)
    for pair in material("pairs"):
        drops.add("snu_kaist", "pairs_ko_en.csv.gz", pair)


def fill_long(drops: Drops) -> None:
    """Web pages, manuals and textbooks in five languages."""
    korean, other = material("long_ko"), material("long_other")
    banks = {name: pages(bank, drops.rng) for name, bank in (korean | other).items()}
    plan = [
        ("liner", "handbook_ko.warc.gz", "travel", "ko", 14),
        ("liner", "handbook_en.warc.gz", "en_web", "en", 7),
        ("liner", "handbook_ja.warc.gz", "ja_web", "ja", 5),
        ("liner", "handbook_zh.warc.gz", "zh_web", "zh", 5),
        ("liner", "lo_help_ko.jsonl.zst", "home", "ko", 11),
        ("liner", "lo_help_en.jsonl.zst", "en_web", "en", 5),
        ("liner", "pages_es.jsonl.gz", "es_web", "es", 8),
        ("fortytwodot", "manuals_1.parquet", "manual", "ko", 15),
        ("fortytwodot", "manuals_2.parquet", "manual", "ko", 14),
        ("fortytwodot", "vehicle_guide.jsonl", "manual", "ko", 12),
        ("fortytwodot", "vehicle_guide.jsonl", "en_manual", "en", 5),
        ("fortytwodot", "vehicle_guide.jsonl", "zh_manual", "zh", 4),
        ("snu_kaist", "ml_tutorials.arrow", "textbook", "ko", 8),
        ("snu_kaist", "ml_tutorials.arrow", "en_textbook", "en", 6),
        ("snu_kaist", "dl_textbook.arrow", "textbook", "ko", 15),
        ("snu_kaist", "dl_textbook.arrow", "en_textbook", "en", 4),
    ]
    for partner, file, bank, language, count in plan:
        for i in range(count):
            title, paragraphs = next(banks[bank])
            text: Any = paragraphs if partner == "liner" else markdown(title, paragraphs)
            charset = "euc-kr" if file == "handbook_ko.warc.gz" and i % 4 == 3 else "utf-8"
            drops.add(partner, file, text, title=title, language=language, charset=charset)


def plant_by_hand(drops: Drops) -> None:
    """Every case of handwritten/*.yaml, in the order of the files."""
    for path in sorted((HERE / "handwritten").glob("*.yaml")):
        for case in yaml.safe_load(path.read_text(encoding="utf-8")):
            options = {name: case[name] for name in ("key", "title", "charset", "status") if name in case}
            raw = case.get("raw")
            if raw is not None:
                line = raw.encode()
                if "replace_bytes" in case:
                    old, new = case["replace_bytes"]
                    line = line.replace(old.encode(), bytes.fromhex(new))
                options["raw"] = line
            drops.add(
                case["partner"], case["file"], case.get("text"), case=case | {"handwritten": True}, **options
            )


def plant_by_program(drops: Drops) -> None:
    """Copies of generated rows, personal data in patterns, and one row of every shape that has to arrive."""

    def plant(case_id: str, partner: str, file: str, text: Any, expect: Case, why: str, **more: Any) -> None:
        extra = {name: more.pop(name) for name in ("personal", "near_miss_of") if name in more}
        case: Case = {"id": case_id, "partner": partner, "file": file, "expect": expect, "why": why}
        drops.add(partner, file, text, case=case | extra | {"handwritten": False}, **more)

    def adopt(case_id: str, partner: str, file: str, index: int, why: str, **expect: Any) -> Entry:
        entry = [e for e in drops.entries[partner, file] if e.case is None][index]
        entry.case = {"id": case_id, "partner": partner, "file": file, "why": why, "handwritten": False}
        entry.case["expect"] = {"decision": "kept", **expect}
        return entry

    for i, index in enumerate((4, 20)):
        source = adopt(
            f"gen-comment-{i}", "selectstar", "labelled_comments.parquet", index, "Has a copy elsewhere."
        )
        copy = {"decision": "dropped", "stage": "dedup", "reason": "exact_duplicate"}
        copy["duplicate_of"] = f"gen-comment-{i}"
        text = _value(source.row, "comment")
        plant(f"gen-comment-{i}-copy", "krafton", "community.jsonl", text, copy, "A comment posted again.")
    for i, (partner, file, column, index, target, language) in enumerate(
        [
            ("snu_kaist", "dl_textbook.arrow", "content", 3, "handbook_ko.warc.gz", "ko"),
            ("snu_kaist", "ml_tutorials.arrow", "content", 9, "handbook_en.warc.gz", "en"),
            ("fortytwodot", "manuals_2.parquet", "body_md", 5, "lo_help_ko.jsonl.zst", "ko"),
        ]
    ):
        source = adopt(
            f"gen-chapter-{i}", partner, file, index, "Has an edited copy on the web.", language=language
        )
        title, *paragraphs = [p for p in _value(source.row, column).split("\n\n") if not p.startswith("---")]
        paragraphs[-1] = paragraphs[-1][:-1] + (" 끝." if language == "ko" else " indeed.")
        edited = {"decision": "dropped", "stage": "dedup", "reason": "near_duplicate"}
        edited["duplicate_of"] = f"gen-chapter-{i}"
        name, why = f"gen-chapter-{i}-copy", "The same prose, its last words changed."
        plant(
            name, "liner", target, paragraphs, edited, why, title=title.removeprefix("# "), language=language
        )
    numbers = [f"01{prefix}-{200 + 37 * i}-{1000 + 271 * i}" for i, prefix in enumerate("6789")]
    memos = ["분실물 확인을 위해 승객 연락처 {}를 받아 둠", "다음 예약 손님이 {}로 도착 알림을 부탁함"]
    for i, memo in enumerate(memos):
        text, expect = memo.format(numbers[i]), {"decision": "kept", "labels": ["PHONE_NUMBER"]}
        plant(
            f"gen-phone-{i}",
            "fortytwodot",
            "trips.csv.gz",
            text,
            expect,
            "A number in a memo.",
            personal=[numbers[i]],
        )
    posts = [
        "팬카페 운영진 지원은 {}으로 자기소개를 보내 주시면 됩니다",
        "잃어버린 지갑을 찾았는데 {}에 사진을 보내 둘게요",
    ]
    for i, post in enumerate(posts):
        mail = f"sori.yun{40 + i}@fan-room.example"
        expect = {"decision": "kept", "labels": ["EMAIL_ADDRESS"]}
        name, why = f"gen-mail-{i}", "A mail address in a post."
        plant(name, "krafton", "community.jsonl", post.format(mail), expect, why, personal=[mail])
    question = "해가 뜨는 쪽을 보고 서서 오른손을 뻗으면 손끝은 어느 쪽을 가리키는가?"
    expect = {"decision": "dropped", "stage": "decontaminate", "reason": "contaminated"}
    texts = [question, "동쪽을 보고 섰으니 오른손은 남쪽을 가리킵니다."]
    plant(
        "gen-bench-ko", "a_dot", "daily_chat.jsonl.gz", texts, expect, "A benchmark's question as a prompt."
    )
    for case_id, partner, file, index, told in [
        ("gen-kind-spanish", "liner", "pages_es.jsonl.gz", 2, "es"),
        ("gen-kind-japanese", "liner", "handbook_ja.warc.gz", 1, "ja"),
        ("gen-kind-chinese", "liner", "handbook_zh.warc.gz", 1, "zh"),
        ("gen-kind-english", "liner", "lo_help_en.jsonl.zst", 1, "en"),
        ("gen-kind-euc-kr", "liner", "handbook_ko.warc.gz", 7, "ko"),
        ("gen-kind-code", "krafton", "game_scripts.jsonl", 1, None),
        ("gen-kind-game-chat", "krafton", "game_chat.jsonl", 6, "ko"),
        ("gen-kind-legacy-review", "krafton", "reviews_legacy_cp949.csv.gz", 6, "ko"),
        ("gen-kind-trip", "fortytwodot", "trips.csv.gz", 6, "ko"),
        ("gen-kind-manual-drifted", "fortytwodot", "manuals_2.parquet", 8, "ko"),
        ("gen-kind-chinese-guide", "fortytwodot", "vehicle_guide.jsonl", -1, "zh"),
        ("gen-kind-pair", "snu_kaist", "pairs_ko_en.csv.gz", 6, None),
        ("gen-kind-tutor", "a_dot", "math_tutor.jsonl.gz", -2, "en"),
    ]:
        expected = {} if told is None else {"language": told}
        adopt(case_id, partner, file, index, "One row of this shape, and nothing wrong with it.", **expected)


def _value(row: Row, column: str) -> str:
    if isinstance(row, bytes):
        raise TypeError("a raw line has no columns")
    return str(row[column])


def planted(orders: Mapping[tuple[str, str], Sequence[Entry]]) -> list[Case]:
    """planted.yaml: each case with the place its row came to lie."""
    listed: list[Case] = []
    for (partner, file), entries in orders.items():
        layout = LAYOUTS[partner, file]
        for number, entry in enumerate(entries):
            if entry.case is None:
                continue
            case = entry.case
            carried: Case = {name: case[name] for name in ("personal", "remains", "gone") if name in case}
            listed.append(
                {
                    "id": case["id"],
                    "partner": partner,
                    "data_set": layout.data_set,
                    "file": file,
                    "row": number,
                    "key": layout.key_of(entry.row),
                    "expect": case["expect"],
                    **carried,
                    "why": case["why"],
                    "handwritten": case["handwritten"],
                    "near_miss_of": case.get("near_miss_of"),
                }
            )
    return sorted(listed, key=lambda case: str(case["id"]))


def generate(directory: Path) -> None:
    """Write drops/ and planted.yaml into the directory."""
    drops = Drops(random.Random(SEED))  # noqa: S311 - a fixed seed is wanted, nothing here is secret
    fill_short(drops)
    fill_long(drops)
    plant_by_hand(drops)
    plant_by_program(drops)
    orders = {place: drops.in_order(*place) for place in sorted(drops.entries)}
    sent: dict[str, dict[str, int]] = {}
    for (partner, file), entries in orders.items():
        layout: Layout = LAYOUTS[partner, file]
        sent.setdefault(partner, {})[file] = len(entries)
        write(directory / "drops" / partner / file, layout.encode([entry.row for entry in entries]))
    for partner, rows in sent.items():
        write_drop_json(directory / "drops" / partner, partner=partner, period=PERIODS[partner], rows=rows)
    head = "# Written by generate.py; those written by hand: handwritten/*.yaml. Format: README.md.\n"
    body = yaml.safe_dump(planted(orders), allow_unicode=True, sort_keys=False, width=110)
    (directory / "planted.yaml").write_text(head + body, encoding="utf-8")


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
