"""A loader as torch's IterableDataset, where torch is installed; Malmoi itself neither has nor needs it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipelines.tokens.loader import Loader
from schemas.errors import UsageError


def torch_dataset(loader: Loader) -> Any:
    """An IterableDataset of dicts of tensors, for `DataLoader(dataset, batch_size=None, num_workers=N)`.

    With any number of workers the batches come as the loader has them. A DataLoader fetches ahead, so the
    step to resume from is the training's own: `loader.state(step)`. Raises UsageError where torch is not
    installed.
    """
    try:
        import torch
        from torch.utils.data import IterableDataset, get_worker_info
    except ImportError:
        raise UsageError("torch is not installed: install it, or iterate over the loader itself") from None

    class Batches(IterableDataset):  # type: ignore[misc,type-arg,unused-ignore]
        def __iter__(self) -> Iterator[dict[str, Any]]:
            info = get_worker_info()
            worker, workers = (0, 1) if info is None else (info.id, info.num_workers)
            for batch in loader.part(worker, workers):
                yield {
                    "step": batch.step,
                    "stage": batch.stage,
                    "input_ids": torch.from_numpy(batch.tokens),
                    "labels": torch.from_numpy(batch.labels).long(),
                    "position_ids": torch.from_numpy(batch.position_ids),
                    "cu_seqlens": torch.from_numpy(batch.cu_seqlens),
                    "max_seqlen": batch.max_seqlen,
                }

    return Batches()
