"""Independence: being on one list makes it neither likelier nor less likely to be on another.

The log-linear model with main effects only. With two lists it is Lincoln and Petersen's estimate,
total = n_1 n_2 / n_12. Real agencies refer people to each other, which makes it too low.
"""

from __future__ import annotations

from pathlib import Path

from darkfigure import engine
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.size import _space as kernel
from darkfigure.size.interval import with_interval
from darkfigure.size.loglinear import Model, fit
from darkfigure.size.pooled import over_links


@over_links
def independent(
    histories: CaptureHistories,
    *,
    bootstrap: int = 200,
    level: float = 0.95,
    seed: int = 1,
    workers: int | None = None,
    progress: engine.Progress | None = None,
    resume: Path | None = None,
) -> Estimate:
    """Estimate the total as if the lists were independent.

    Parameters
    ----------
    histories : CaptureHistories
        Counts over 2 to 20 lists.
    bootstrap : int
        Replicates, 20 or more; 0 gives Wald's interval.
    level : float
        Confidence of the interval, between 0 and 1.
    seed : int
        The same seed gives the same interval on any number of cores.
    workers : int, optional
        Cores to use.
    progress : callable, optional
        Told how far the replicates are.
    resume : Path, optional
        A file for what was finished, to go on from after an interrupt; see `bootstrap.draw`.

    Raises
    ------
    NoEstimateError
        If the lists share too few people.

    Examples
    --------
    >>> h = CaptureHistories(["police", "shelter"], [0, 60, 40, 20])
    >>> round(independent(h, bootstrap=0).total, 6)
    240.0
    """
    model = Model(len(histories.lists), frozenset())
    masks = model.masks()
    return with_interval(
        histories,
        fit(histories, model),
        totals=lambda tables: kernel.model_totals(tables, masks),
        method="independent",
        settings={},
        details={},
        replicates=bootstrap,
        level=level,
        seed=seed,
        workers=workers,
        progress=progress,
        resume=resume,
    )
