"""Tell what an order comes to, and make the files it needs: python -m pipelines.tokens.show_order BUILD."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pipelines.tokens.loader import Loader, open_loader
from schemas.errors import MalmoiError


def main(arguments: list[str] | None = None) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(
        description="What an order over a build comes to, stage by stage; the files it needs are made.",
        epilog="example: python -m pipelines.tokens.show_order build/example --length 512 --batch 8",
    )
    parser.add_argument("build", type=Path)
    parser.add_argument(
        "--length", type=int, help="tokens of a sequence; without it, the recipe's curriculum"
    )
    parser.add_argument("--packing", choices=("best_fit", "concat"), default="best_fit")
    parser.add_argument("--batch", type=int, help="sequences a step, where a stage names none")
    parser.add_argument("--split", default="train")
    parser.add_argument("--full-check", action="store_true", help="read every byte of the split first")
    parser.add_argument("--order-directory", type=Path, help="where the files lie; by default BUILD.order")
    given = parser.parse_args(arguments)
    try:
        loader = open_loader(
            given.build,
            sequence_length=given.length,
            packing=given.packing,
            batch=given.batch,
            split=given.split,
            full_check=given.full_check,
            order_directory=given.order_directory,
        )
    except MalmoiError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write("\n".join(_lines(loader)) + "\n")
    return 0


def _lines(loader: Loader) -> list[str]:
    lines = []
    for stage in loader.order.stages:
        sources = stage.index.sources
        room = sum(
            int(count) * stage.length
            for count, share in zip(stage.packing.counts, stage.shares, strict=True)
            if share.count
        )
        tokens = sum(s.tokens for s, share in zip(sources, stage.shares, strict=True) if share.count)
        lines.append(
            f"{stage.name}: {stage.steps:,} steps of {stage.batch:,} sequences of {stage.length:,} tokens; "
            f"{100 * (1 - tokens / room):.2f} % padding; {stage.sequences % stage.batch:,} left over"
        )
        lines += [
            f"  {share.count:>12,} of {source}, which has {int(count):,}"
            for source, share, count in zip(sources, stage.shares, stage.packing.counts, strict=True)
            if share.count
        ]
    return lines


if __name__ == "__main__":
    sys.exit(main())
