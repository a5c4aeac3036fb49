"""The runner, pinned by class: FnApiRunner in one process or over several.

Beam's default "DirectRunner" is a switch that tries Prism (a Go binary it downloads) first, so the
same command runs a different engine depending on the network.
"""

from __future__ import annotations

import logging
import shlex
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms.environments import SubprocessSDKEnvironment

from pipelines.engine import coders
from schemas.errors import UsageError

Element = TypeVar("Element")


def new_pipeline(*, runner: str, workers: int, log: Path) -> beam.Pipeline:
    """A pipeline on the runner of that name, over that many processes (1: this one).

    `log` takes what the workers say of themselves. Beam's own multi_processing mode would write it to the
    terminal; giving the same environment with a redirection is the only difference to it.
    """
    if runner != "direct":
        raise UsageError(f"runner {runner!r} is not available: use --runner direct")
    coders.register()
    # What escapes a task is reported by the run log; Beam's own echo of it would only repeat it.
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    environment = None
    if workers > 1:
        worker = f"{shlex.quote(sys.executable)} -m apache_beam.runners.worker.sdk_worker_main"
        # A worker is a core; the tokenizers' thread pools would each take all of them.
        environment = SubprocessSDKEnvironment.from_command_string(
            f'exec env RAYON_NUM_THREADS="${{RAYON_NUM_THREADS:-1}}" {worker} 2>> {shlex.quote(str(log))}'
        )
    options = PipelineOptions(["--direct_num_workers", str(workers), "--job_name", "malmoi"])
    return beam.Pipeline(runner=FnApiRunner(environment), options=options)


class SpreadOverWorkers(beam.PTransform):
    """Give each worker its share of the work: elements in, the same elements out.

    FnApiRunner deals a stage's keys to its workers in turn, so one key a worker ("lane") decides who
    does what. The heaviest element goes first, each to the lane with the least so far (LPT, Graham
    1969: at most 4/3 of the best). Which lane an element takes changes no result.
    """

    def __init__(self, *, lanes: int) -> None:
        super().__init__()
        self.lanes = lanes

    def expand(self, elements: beam.PCollection) -> beam.PCollection:
        """Elements are (cost, value); cost is any number that grows with the work."""
        return (
            elements
            | "Collect" >> beam.Map(under_one_key).with_output_types(tuple[int, Any])
            | "All" >> beam.GroupByKey()
            | "Deal" >> beam.FlatMap(_deal, self.lanes).with_output_types(tuple[int, Any])
            | "Lanes" >> beam.GroupByKey()
            | "Take" >> beam.FlatMap(_take)
        )


def under_one_key(element: Any) -> tuple[int, Any]:
    """Everything under one key: a GroupByKey behind it brings all together."""
    return 0, element


def _deal(keyed: tuple[int, Iterable[tuple[float, Any]]], lanes: int) -> Iterator[tuple[int, list[Any]]]:
    loads = [0.0] * lanes
    hands: list[list[Any]] = [[] for _ in range(lanes)]
    ordered = sorted(keyed[1], key=lambda item: (-item[0], repr(item[1])))
    for cost, value in ordered:
        lane = loads.index(min(loads))
        loads[lane] += cost
        hands[lane].append(value)
    yield from enumerate(hands)


def _take(keyed: tuple[int, Iterable[list[Any]]]) -> Iterator[Any]:
    for hand in keyed[1]:
        yield from hand
