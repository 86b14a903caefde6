"""Stepwise: dependences between pairs of lists join the model one by one.

Starting from independence, the pair whose number of shared people is least to be expected under
the current model (one-sided Poisson p-value) joins it, if the p-value is below a threshold and the
larger model can be estimated; then again (Chan, Silverman & Vincent 2021, JASA 116).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from darkfigure import engine
from darkfigure.errors import InputError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.size import _stepwise as kernel
from darkfigure.size.interval import with_interval
from darkfigure.size.loglinear import Model, fit
from darkfigure.size.pooled import over_links


def forward_selection(histories: CaptureHistories, threshold: float = 0.02) -> Model:
    """The model that forward selection ends with.

    Parameters
    ----------
    histories : CaptureHistories
        Counts over 2 to 20 lists.
    threshold : float
        The p-value below which a pair joins, 0 to 1.

    Raises
    ------
    InputError
        If nobody is on any list or the threshold is not between 0 and 1.

    Examples
    --------
    >>> h = CaptureHistories("abc", [0, 50, 40, 60, 30, 8, 6, 3])
    >>> str(forward_selection(h))
    '[13,23]'
    """
    if not 0 <= threshold <= 1:
        raise InputError(f"The threshold is a p-value between 0 and 1, not {threshold}.")
    if histories.observed == 0:
        raise InputError("Nobody is on any of the lists; there is nothing to estimate from.")
    n_lists = len(histories.lists)
    pairs = _pairs(n_lists)
    chosen = np.zeros(pairs.size, np.bool_)
    kernel.forward(histories.known, n_lists, pairs, threshold, chosen)
    return Model(n_lists, frozenset(int(pair) for pair in pairs[chosen]))


@over_links
def stepwise(
    histories: CaptureHistories,
    *,
    threshold: float = 0.02,
    bootstrap: int = 200,
    level: float = 0.95,
    seed: int = 1,
    workers: int | None = None,
    progress: engine.Progress | None = None,
    resume: Path | None = None,
) -> Estimate:
    """Estimate the total under the model that forward selection of pairs ends with.

    The selection is redone in every replicate, so the interval holds its uncertainty.

    Parameters
    ----------
    histories : CaptureHistories
        Counts over 2 to 20 lists.
    threshold : float
        The p-value below which a pair joins, 0 to 1.
    bootstrap, level, seed, workers, progress, resume
        As for `independent`.

    Raises
    ------
    NoEstimateError
        If the lists share too few people.
    InputError
        If nobody is on any list or the threshold is not between 0 and 1.

    Examples
    --------
    >>> h = CaptureHistories("abc", [0, 50, 40, 60, 30, 8, 6, 3])
    >>> stepwise(h, bootstrap=0).details["model"]
    '[13,23]'
    """
    pairs = _pairs(len(histories.lists))
    return with_interval(
        histories,
        fit(histories, forward_selection(histories, threshold)),
        totals=lambda tables: kernel.forward_totals(tables, len(histories.lists), pairs, threshold),
        method="stepwise",
        settings={"threshold": threshold},
        details={},
        replicates=bootstrap,
        level=level,
        seed=seed,
        workers=workers,
        progress=progress,
        resume=resume,
    )


def _pairs(n_lists: int) -> np.typing.NDArray[np.int64]:
    return np.array([(1 << i) | (1 << j) for j in range(n_lists) for i in range(j)], dtype=np.int64)
