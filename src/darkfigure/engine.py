"""Where heavy work runs: on the cores of this machine.

Work comes as independent pieces, each of which knows its own share of the random numbers, so that
results do not depend on how many cores there are or which piece ends first.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")

Progress = Callable[[int, int], None]
"""Called with (pieces done, pieces in all) as work goes on."""


def cores() -> int:
    """The number of cores this process may use.

    Examples
    --------
    >>> cores() >= 1
    True
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    work: Callable[[Piece], Result],
    pieces: Sequence[Piece],
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Iterator[Result]:
    """Yield `work(piece)` for every piece, in order, computed on all cores.

    Threads are enough: the compiled kernels let go of Python's lock. An interrupt stops the work at
    the next piece.

    Parameters
    ----------
    work : callable
        Pure function of one piece.
    pieces : sequence
        What to work on.
    workers : int, optional
        How many cores to use; all of them when left out.
    progress : callable, optional
        Told how many pieces are done, and of how many.

    Examples
    --------
    >>> list(run(lambda x: x * x, [1, 2, 3]))
    [1, 4, 9]
    """
    of = len(pieces)
    todo = iter(pieces)
    workers = workers or cores()
    pool = ThreadPoolExecutor(max_workers=workers)
    # Only a few pieces are under way at a time, so that memory does not grow with their number.
    under_way = deque(pool.submit(work, piece) for piece in islice(todo, 4 * workers))
    done = 0
    try:
        while under_way:
            result = under_way.popleft().result()
            under_way.extend(pool.submit(work, piece) for piece in islice(todo, 1))
            done += 1
            if progress is not None:
                progress(done, of)
            yield result
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
