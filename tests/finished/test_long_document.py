"""A document of ten million tokens through the whole build, into a shard meant for a fraction of it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from pipelines.finished.megatron import export_megatron
from pipelines.finished.stat import statistics
from pipelines.finished.text import export_text
from pipelines.lineage.verify import verify
from tests.finished.test_text import exported
from tests.laws.tiny import WORDS, Partner, build, text, write_home
from tests.tokens.megatron_reader import indexed_dataset

TOKENS = 10_000_000


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_million_tokens_are_one_row_that_every_reader_has(tmp_path):
    # Wind is also what a game is called for short: beside other words it can look like somebody's name there.
    plain = np.array([word for word in WORDS if word != "바람"])
    words = np.random.default_rng(7).choice(plain, 5_000_000)
    lines = [" ".join(words[at : at + 12]) + "." for at in range(0, len(words), 12)]
    long = {"id": "long", "text": "\n".join(lines)}
    partner = Partner(rows=[long, *({"id": f"k{n}", "text": text(n)} for n in range(20))])
    tokens = {"shard_mib": 1, "validation_share": 0.0}
    built = build(tmp_path, write_home(tmp_path, [partner], tokens=tokens, max_row_mib=256))
    shards = built.manifest.shards
    assert len(shards) > 30
    (shard,) = [shard for shard in shards if shard.tokens > TOKENS]
    assert sum(shard.rows for shard in shards) == 21
    assert verify(built.directory) == ()
    with pa.memory_map(str(built.directory / shard.path)) as source:
        lists = pa.ipc.open_stream(source).read_all()["input_ids"]
        longest = max(lists, key=lambda tokens: len(tokens.values)).values.to_numpy().copy()
    export_megatron(built.directory, tmp_path / "megatron")
    with indexed_dataset() as read:
        data = read(str(tmp_path / "megatron" / shard.name))
        assert np.array_equal(data[int(np.argmax(data.sequence_lengths))], longest)
        del data
    assert statistics(built.directory).total.lengths[23] == 1
    export_text(built.directory, tmp_path / "text")
    assert max(exported(tmp_path / "text"), key=lambda row: len(row["text"]))["text"] == long["text"]
