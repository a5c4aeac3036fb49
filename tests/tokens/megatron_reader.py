"""Megatron-core's own IndexedDataset, with a stand-in for what its module imports of torch.

The module is loaded from the installed wheel's files, byte for byte. `megatron.core` itself imports all of
Megatron, and with it all of torch; so the packages around the module are empty ones with the same place, and
torch is a module with `torch.utils.data.Dataset` alone, unless it is installed.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def indexed_dataset() -> Iterator[Any]:
    """The class; skips where megatron-core is not installed."""
    spec = importlib.util.find_spec("megatron")
    places = [Path(place) / "core" for place in (spec.submodule_search_locations or ())] if spec else []
    core = next((place for place in places if (place / "datasets" / "indexed_dataset.py").is_file()), None)
    if core is None:
        pytest.skip("megatron-core is not installed")
    before = dict(sys.modules)
    try:
        _package("megatron", core.parent)
        _package("megatron.core", core)
        _package("megatron.core.datasets", core / "datasets")
        said = _package("megatron.core.utils", core)
        said.log_single_rank = lambda logger, *message: logger.log(*message)
        if importlib.util.find_spec("torch") is None:
            _torch()
        module = importlib.import_module("megatron.core.datasets.indexed_dataset")
        assert Path(str(module.__file__)) == core / "datasets" / "indexed_dataset.py"
        logging.getLogger(module.__name__).setLevel(logging.WARNING)
        yield module.IndexedDataset
    finally:
        for name in set(sys.modules) - set(before):
            if name.split(".")[0] in {"megatron", "torch"}:
                del sys.modules[name]


def _package(name: str, place: Path) -> Any:
    module: Any = types.ModuleType(name)
    module.__path__ = [str(place)]
    sys.modules[name] = module
    return module


def _torch() -> None:
    torch: Any = types.ModuleType("torch")
    torch.Tensor = object  # named in annotations
    torch.utils = types.ModuleType("torch.utils")
    torch.utils.data = types.ModuleType("torch.utils.data")
    torch.utils.data.Dataset = type("Dataset", (), {})
    sys.modules |= {"torch": torch, "torch.utils": torch.utils, "torch.utils.data": torch.utils.data}
