"""`@kernel`: compile a function to machine code, once, and keep what was compiled.

Numba looks only at the file that a function stands in, and would go on using what it once took
into it from another file; so what is compiled is kept under a hash of all the kernels' sources.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import config, njit

HERE = Path(__file__).parent
HOMES = (HERE / "__pycache__", Path(os.path.expanduser("~"), ".cache", "darkfigure"))


def _folder() -> Path | None:
    """Where compiled kernels are kept; None where nothing can be written."""
    files = sorted(file for file in HERE.rglob("_*.py") if not file.name.startswith("__"))
    sources = b"".join(file.read_bytes() for file in files)
    name = f"kernels-{hashlib.sha256(sources).hexdigest()[:16]}"
    for home in HOMES:
        try:
            home.mkdir(parents=True, exist_ok=True)
            for stale in home.glob("kernels-*"):
                if stale.name != name:
                    shutil.rmtree(stale, ignore_errors=True)
            (home / name).mkdir(exist_ok=True)
        except OSError:
            continue
        if os.access(home / name, os.W_OK):
            return home / name
    return None


FOLDER = _folder()


def kernel(function: Callable[..., Any], **options: Any) -> Any:
    """Compile at the first call, to run without Python's lock; `options` are Numba's."""
    before = config.CACHE_DIR
    config.CACHE_DIR = str(FOLDER or "")
    try:
        return njit(cache=FOLDER is not None, nogil=True, **options)(function)
    finally:
        config.CACHE_DIR = before
