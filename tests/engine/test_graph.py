"""Beam does the work: the graph has every step, and two workers share it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import apache_beam as beam
import orjson
import pyarrow as pa
import pytest
from apache_beam.pipeline import PipelineVisitor

from pipelines.build import corpus, make_plan
from pipelines.engine.coders import RecordBatchCoder
from pipelines.engine.runner import new_pipeline
from schemas.errors import UsageError
from tests.laws.builds import Finished

STEPS = [
    "PlanSplits",
    "CleanSplits",
    "AdmitDrops",
    "SelectDocuments",
    "FindCandidates",
    "ResolveDuplicates",
    "AttributeLosses",
    "FindPassages",
    "Tokenise",
    "WriteShards",
    "BalanceLedger",
    "PublishManifest",
]


class TopLevel(PipelineVisitor):
    def __init__(self) -> None:
        self.labels: list[str] = []

    def enter_composite_transform(self, node) -> None:
        self.visit_transform(node)

    def visit_transform(self, node) -> None:
        if node.full_label and "/" not in node.full_label:
            self.labels.append(node.full_label)


def test_the_graph_has_a_named_composite_for_each_step(example: Path, tmp_path: Path):
    plan = make_plan(example, tmp_path / "out", drops=None, date=None, staging=tmp_path, workers=2)
    pipeline = beam.Pipeline()
    corpus(pipeline, plan)
    visitor = TopLevel()
    pipeline.visit(visitor)
    assert visitor.labels == STEPS


def test_two_workers_share_the_tasks(built: Finished):
    records = [
        orjson.loads(line)
        for path in built.build.with_name("example.runs").glob("*/tasks/*.jsonl")
        for line in path.read_bytes().splitlines()
    ]
    for step in ("CleanSplits", "Tokenise"):
        tasks = Counter(record["pid"] for record in records if record["step"] == step)
        assert len(tasks) == 2
        assert max(tasks.values()) <= 0.7 * tasks.total()


def test_a_build_only_warns_on_standard_error_where_that_is_no_terminal(built: Finished):
    said = [f"malmoi: warning: {warning}" for warning in built.manifest["warnings"]]
    assert built.error.splitlines() == said
    assert "tokens in" in built.output


def test_an_unknown_runner_is_refused_by_name(tmp_path: Path):
    with pytest.raises(UsageError, match="direct"):
        new_pipeline(runner="prism", workers=1, log=tmp_path / "log")


def test_a_slice_is_coded_as_the_slice_and_not_as_its_parent():
    parent = pa.RecordBatch.from_pydict({"x": list(range(4096)), "s": ["말모이"] * 4096})
    part = parent.slice(100, 64)
    encoded = RecordBatchCoder().encode(part)
    assert len(encoded) < 4000
    assert RecordBatchCoder().decode(encoded).equals(part)
