"""The report's foundations: the law of conservation, what each epoch added, shards, what it was made with."""

from __future__ import annotations

import polars as pl

from pipelines.lineage.fates import Fates
from pipelines.lineage.report_page import Cell, Html, both, code, section, table, verdict
from schemas.manifest import Manifest

_MAX_SHARDS = 200  # shown; the manifest has all


def laws(manifest: Manifest, fates: Fates) -> list[tuple[Html, int, int]]:
    """The law of DESIGN.md section 3: what must be equal, each side counted by itself."""
    facts = manifest.data_sets
    sent = [f for f in facts if f.rows_sent is not None]
    quarantined = sum(sum(f.quarantined.values()) for f in facts)
    documents, dropped = sum(f.documents for f in facts), sum(sum(f.dropped.values()) for f in facts)
    kept, tokens = sum(f.kept for f in facts), sum(f.tokens for f in facts)
    counted = fates.fates.select(pl.col("documents", "tokens").sum()).row(0)
    return [
        (
            both("보낸 행 = 도착한 행", "rows sent = rows arrived"),
            sum(f.rows_sent or 0 for f in sent),
            sum(f.rows_arrived for f in sent),
        ),
        (
            both("도착한 행 = 문서 + 격리", "rows arrived = documents + quarantined"),
            sum(f.rows_arrived for f in facts),
            documents + quarantined,
        ),
        (both("문서 = 남음 + 버림", "documents = kept + dropped"), documents, kept + dropped),
        (both("문서 = 원장의 행", "documents = ledger rows"), documents, counted[0]),
        (both("남음 = 샤드의 행", "kept = rows in shards"), kept, sum(s.rows for s in manifest.shards)),
        (both("토큰 = 원장의 토큰", "tokens = tokens in the ledger"), tokens, counted[1]),
        (
            both("토큰 = 샤드의 토큰", "tokens = tokens in shards"),
            tokens,
            sum(s.tokens for s in manifest.shards),
        ),
    ]


def laws_section(manifest: Manifest, fates: Fates) -> str:
    """Each law with both its sides."""
    heads = [both("법칙", "law"), both("왼쪽", "left"), both("오른쪽", "right"), both("판정", "verdict")]
    rows: list[list[Cell]] = [[law, a, b, verdict(holds=a == b)] for law, a, b in laws(manifest, fates)]
    caption = both("영수증, 원장, 샤드를 따로 센 수", "Receipts, ledger and shards, counted by themselves")
    return section("conservation", both("보존 법칙", "Law of conservation"), table(caption, heads, rows))


def epochs_section(manifest: Manifest, fates: Fates) -> str:
    """What each epoch brought and what of it was kept."""
    counted = {
        epoch: (documents, kept, tokens)
        for epoch, documents, kept, tokens in fates.fates.group_by("epoch")
        .agg(
            pl.col("documents").sum(),
            kept=pl.col("documents").filter("kept").sum(),
            tokens=pl.col("tokens").sum(),
        )
        .iter_rows()
    }
    rows: list[list[Cell]] = [
        [
            f"{segment.epoch:,}",
            ", ".join(sorted({d.partner for d in manifest.drops if d.epoch == segment.epoch})) or "-",
            *counted.get(segment.epoch, (0, 0, 0)),
            len(segment.shards),
            sum(shard.bytes for shard in segment.shards),
        ]
        for segment in manifest.segments
    ]
    heads = [
        both("회차", "epoch"),
        both("파트너", "partners"),
        both("문서", "documents"),
        both("남음", "kept"),
        both("토큰", "tokens"),
        both("샤드", "shards"),
        both("바이트", "bytes"),
    ]
    caption = both(
        "회차마다 더해진 것: 앞선 회차는 바뀌지 않는다",
        "What each epoch added; earlier ones stay as they are",
    )
    return section("epochs", both("회차", "Epochs"), table(caption, heads, rows))


def shards_section(manifest: Manifest) -> str:
    """The shards by name and digest."""
    heads = [
        both("이름", "name"),
        both("문서", "documents"),
        both("토큰", "tokens"),
        both("바이트", "bytes"),
        both("지문", "SHA-256"),
    ]
    shown = manifest.shards[:_MAX_SHARDS]
    rows: list[list[Cell]] = [[s.name, s.rows, s.tokens, s.bytes, code(s.sha256[:16])] for s in shown]
    more = len(manifest.shards) - len(shown)
    note = f"<p>{both(f'그 밖에 {more:,}개는 manifest.json에', f'{more:,} more in manifest.json').markup}</p>"
    listed = table(both("샤드와 지문", "Shards and their digests"), heads, rows)
    return section("shards", both("샤드", "Shards"), listed, note if more else "")


def origin_section(manifest: Manifest) -> str:
    """Tokenizer, models, stages and packages with their versions or digests."""
    tokenizer = manifest.tokenizer
    rows: list[list[Cell]] = [
        [
            both("토크나이저", "tokenizer"),
            f"{tokenizer.name}, {tokenizer.vocabulary:,}",
            code(tokenizer.sha256),
        ]
    ]
    for label, versions in (
        (both("모델·평가 자료", "model, benchmark"), manifest.models),
        (both("단계", "stage"), {name: str(number) for name, number in manifest.stage_versions.items()}),
        (both("실행 환경", "runtime"), manifest.runtime),
    ):
        rows += [[label, name, code(version)] for name, version in sorted(versions.items())]
    heads = [both("무엇", "what"), both("이름", "name"), both("판·지문", "version, digest")]
    caption = both("빌드를 다시 만드는 데 드는 것", "All that it takes to make this build again")
    return section("origin", both("재현 정보", "What it was made with"), table(caption, heads, rows))
