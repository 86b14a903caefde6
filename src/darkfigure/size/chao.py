"""Chao's lower bound: at least so many people, however they differ in how easily they are found.

Let p be how easily somebody is found, and f_k the mean number of people on exactly k of K lists.
However p is spread over people, the logarithm of f_k / (number of ways to be on k lists) is convex
in k, and what extrapolates it in a straight line to k = 0 is too low, never too high (Chao 1987,
from the inequality of Cauchy and Schwarz; with lists that differ, Rivest & Baillargeon 2007,
section 4). As a log-linear model,

    log mu_w = a + sum of b_j over the lists j in w + sum over i >= 3 of eta_i max(|w| - i + 1, 0),

with no eta below zero: people on one and two lists decide the bound, those on three or more only
where they do not bend upwards. n + exp(a) is the least total that goes with the counts.

It is a bound on the total where the lists are independent for each single person. Agencies that
refer people to each other push it down further: it stays below. Agencies that avoid each other's
people push it up, and then it may be no bound at all.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from darkfigure import engine
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.size.heterogeneity import fit_layers, with_limits
from darkfigure.size.pooled import over_links

WARNING = (
    "This is a lower bound, not an estimate of how many people there are: there are probably more, "
    "and the upper limit of the interval is one of the bound, not of the total."
)


def _columns(n_lists: int) -> npt.NDArray[np.float64]:
    """max(k - i + 1, 0) for i = 3, ..., K; shape (K + 1, K - 2)."""
    k = np.arange(n_lists + 1.0)
    return np.maximum(k[:, None] - np.arange(3, n_lists + 1) + 1, 0.0)


@over_links
def chao(
    histories: CaptureHistories,
    *,
    bootstrap: int = 0,
    level: float = 0.95,
    seed: int = 1,
    workers: int | None = None,
    progress: engine.Progress | None = None,
    resume: Path | None = None,
) -> Estimate:
    """A lower bound of the total, whatever differences there are between people.

    Parameters
    ----------
    histories : CaptureHistories
        Counts over 2 to 20 lists. With two lists it is Lincoln and Petersen's estimate.
    bootstrap : int
        Replicates, 20 or more, for a BCa interval; 0 gives the profile-likelihood interval.
    level : float
        Confidence of the interval, between 0 and 1.
    seed : int
        Of the replicates; the same on any number of cores.
    workers : int, optional
        Cores to use.
    progress : callable, optional
        Told how far the replicates are.
    resume : Path, optional
        A file for what was finished, to go on from after an interrupt; see `bootstrap.draw`.

    Returns
    -------
    Estimate
        `total` is the bound, `lower` and `upper` are the limits within which the bound lies, and
        the first of the warnings says so. In `details`, `lower_bound` is True and `eta` has the
        parameters for people on three or more lists, 0 where one would have been negative.

    Raises
    ------
    NoEstimateError
        If not even a bound exists, for too few lists share people.
    InputError
        If nobody is on any list or a parameter is out of range.

    Notes
    -----
    Chao (1987), Biometrics 43; Rivest & Baillargeon (2007), Biometrics 63, section 4: model "Mth
    Chao (LB)" of Rcapture. The parameters are the maximum under eta >= 0.

    Examples
    --------
    >>> h = CaptureHistories("abc", [0, 140, 110, 40, 90, 24, 13, 12])
    >>> found = chao(h)
    >>> round(found.total), found.details["lower_bound"]
    (917, True)
    >>> print(found.warnings[0])
    This is a lower bound, ...
    """
    columns = _columns(len(histories.lists))
    fit = fit_layers(histories, columns, bounded=True)
    return with_limits(
        histories,
        fit,
        columns,
        bounded=True,
        method="chao",
        settings={},
        details={"lower_bound": True, "eta": [float(eta) for eta in fit.shape]},
        doubts=[WARNING],
        replicates=bootstrap,
        level=level,
        seed=seed,
        workers=workers,
        progress=progress,
        resume=resume,
    )
