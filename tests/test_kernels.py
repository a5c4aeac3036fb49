"""Compiled kernels: which files hold them, and that they are loaded without numba's compiler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pipelines

HOME = Path(pipelines.__file__).parent
CALL = """
import sys
import numpy as np
from pipelines.intake.checks.siphash import siphash_128
high, low = siphash_128(np.frombuffer(b"malmoi", np.uint8), np.array([0, 3, 6], np.int32), bytes(range(16)))
print(*high, *low, "numba.np.linalg" in sys.modules)
"""


def test_every_file_with_a_kernel_counts_for_the_name_of_the_cache() -> None:
    found = {
        path.relative_to(HOME).as_posix()
        for path in HOME.rglob("*.py")
        if b"njit" in path.read_bytes() or b"import numba" in path.read_bytes()
    }
    assert found - {"__init__.py"} == set(pipelines.KERNELS)


def test_only_one_file_takes_njit_from_numba_itself() -> None:
    taken = [
        path.relative_to(HOME).as_posix()
        for path in HOME.rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith(("from numba", "import numba")) and ("njit" in line or line.startswith("import"))
    ]
    assert taken == ["kernels.py"]


def test_a_kernel_from_the_cache_says_the_same_and_needs_no_compiler(tmp_path: Path) -> None:
    def call() -> list[str]:
        told = subprocess.run(
            [sys.executable, "-c", CALL],
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
            check=True,
            capture_output=True,
            text=True,
        )
        return told.stdout.split()

    *compiled, compiler = call()
    *loaded, compiler_again = call()
    assert compiled == loaded
    assert (compiler, compiler_again) == ("True", "False")
