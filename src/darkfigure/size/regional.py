"""The total of a region whose lists have different territories.

Each list works in some cities or years only (`darkfigure.size.territories`). Of a small set of
log-linear models of the completed table (`darkfigure.size.partly_overlapping`) the one with the
lowest BIC, or AIC, among those that the observed counts identify is taken: with each set of pairs
of lists that depend on each other, the same in all strata, and with lists that find the same share
of people in every stratum or another in each. Strata with no list in common, directly or by others,
have nothing to tell of each other: they are estimated apart and added up.

The bootstrap draws as many people as were seen, with replacement, and chooses the model anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from darkfigure import engine
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.estimate import Estimate
from darkfigure.size.bootstrap import percentile_point
from darkfigure.size.interval import doubts_of
from darkfigure.size.loglinear import Model, Status
from darkfigure.size.partly_overlapping import Fit, fit
from darkfigure.size.strata import ByStrata, Stratum
from darkfigure.size.territories import Territories, Where
from darkfigure.strata import Strata

EVERY_SET = 6
"""Up to so many pairs of lists every set of them is tried; of more, the best one is added as long
as that is an improvement."""

PIECE = 5  # replicates that travel together to a core

Criterion = Literal["bic", "aic"]


def regional(
    strata: Strata,
    where: Mapping[str, Where],
    *,
    criterion: Criterion = "bic",
    bootstrap: int = 200,
    level: float = 0.95,
    seed: int = 1,
    workers: int | None = None,
    progress: engine.Progress | None = None,
) -> ByStrata:
    """Estimate each stratum and the region from lists that work in some strata only.

    Parameters
    ----------
    strata : Strata
        Counts by city, by period, or both, over 2 to 8 lists.
    where : mapping of str to 'all' or iterable
        For each list the strata that it works in, as `Territories.of` takes them.
    criterion : {'bic', 'aic'}
        By which the model is chosen.
    bootstrap : int
        Replicates; 0 for Wald's intervals on the logarithm of the unseen, which take the model as
        known beforehand.
    level : float
        Confidence of the intervals, between 0 and 1.
    seed : int
        The same seed gives the same numbers, on any number of cores.
    workers : int, optional
        Cores to use.
    progress : callable, optional
        Told how many pieces of the bootstrap are done.

    Returns
    -------
    ByStrata
        In `total.details`: `model`, `bic`, `aic`, `parameters`, `deviance` of the interactions'
        being alike (see `differs`), `territories` and `assumed`, what is taken for granted.

    Raises
    ------
    InputError
        If counts and territories contradict each other, or a number is out of range.
    NoEstimateError
        If no list links a stratum to another list, or no model is identified.

    Examples
    --------
    >>> kinds = [("North",)] * 7 + [("South",)] * 3
    >>> masks = [1, 2, 3, 4, 5, 6, 7, 1, 2, 3]
    >>> counts = [90, 60, 61, 60, 30, 20, 20, 121, 79, 80]
    >>> s = Strata(["police", "shelter", "clinic"], ["city"], kinds, masks, counts)
    >>> found = regional(s, {"police": "all", "shelter": "all", "clinic": ["North"]}, bootstrap=0)
    >>> [(each.name, round(each.estimate.total)) for each in found.strata]
    [('North', 521), ('South', 521)]
    >>> found.total.details["model"]
    '[12,3]'
    """
    if criterion not in ("bic", "aic"):
        raise InputError(f"The criterion is 'bic' or 'aic', not '{criterion}'.")
    if not 0 < level < 1:
        raise InputError(f"The level of an interval lies between 0 and 1, not {level}.")
    if bootstrap and not 20 <= bootstrap <= 1_000_000:
        raise InputError(f"The number of replicates is 0, or 20 to 1,000,000, not {bootstrap:,}.")
    territories = Territories.of(strata, where)
    parts = territories.parts()
    fits = [_best(part, criterion) for part in parts]
    order = [territories.kinds.index(kind) for part in parts for kind in part.kinds]
    unseen = np.zeros(len(order))
    unseen[order] = np.concatenate([each.unseen for each in fits])

    draws = None
    if bootstrap:
        draws = _replicates(territories, criterion, bootstrap, seed, workers, progress)
    settings = {
        "by": list(strata.by),
        "territories": {
            name: [", ".join(k) for s, k in enumerate(territories.kinds) if at >> 0 and _on(territories, s, j)]
            for j, (name, at) in enumerate(zip(territories.lists, [1] * len(territories.lists), strict=True))
        },
        "criterion": criterion,
        "bootstrap": bootstrap,
        "level": level,
        "seed": seed,
    }
    raise NotImplementedError


def _on(territories: Territories, s: int, j: int) -> bool:
    return bool(territories.works[s] >> j & 1)
