"""The entry model: how many people there are in all, when and where they enter, and then as ever.

N people are in the cities that are watched on one occasion or more. Each enters on occasion t in
city r with the chance beta_t(r), which add up to one, and goes on by the multistate model (Crosbie
& Manly 1985; Schwarz & Arnason 1996; with several cities as in Worthington et al. 2019). With
xi_t(r) the chance to be in r on occasion t and not seen before,

    xi_1 = beta_1,
    xi_t+1(s) = sum over r of xi_t(r) (1 - p_t(r)) S_t(r) psi_t(r, s) + beta_t+1(s),

the chance to be first seen there and then is xi_t(r) p_t(r), and 1 - sum xi p that never to be
seen. So that of each history has one factor more than in `multistate`, and N is a parameter.
"Entering" is the first occasion on which somebody is there: who came and went between two occasions
never entered.

How likely it is to be seen on the first occasion hangs on who is there unseen, and nobody knows
that unless detection then is like detection later: where it has a parameter of its own, it has no
estimate, nor has N.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, get_args

import numpy.typing as npt

from darkfigure import engine
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.multistate import STARTS, Fit, design_of, fitted
from darkfigure.errors import InputError, NoEstimateError

Number = Literal["fixed", "poisson"]

MOST_UNSEEN = 10_000  # people unseen for each who was seen


def fit(
    histories: Histories,
    survival: str = "constant",
    detection: str = "constant",
    movement: str = "city",
    entry: str = "city+time",
    *,
    number: Number = "fixed",
    covariates: Mapping[str, npt.ArrayLike] | None = None,
    starts: int = STARTS,
    level: float = 0.95,
    c_hat: float = 1.0,
    seed: int = 1,
    workers: int | None = None,
    progress: engine.Progress | None = None,
) -> Fit:
    """Fit the multistate model with entry by maximum likelihood, from many starts.

    `darkfigure.circuit.stock.stock_and_flow` has how many people that makes.

    Parameters
    ----------
    histories : Histories
    survival, detection, movement, covariates
        As for `darkfigure.circuit.multistate.fit`; detection, and its covariates, begin on the
        first occasion.
    entry : {'constant', 'time', 'city', 'city+time', 'city*time'}
        What the logarithm of the chance to enter later than on the first occasion depends on.
        Who is there on the first is free by city.
    number : {'fixed', 'poisson'}
        Whether N is a number (Schwarz & Arnason 1996) or the mean of a Poisson number (as in the
        log-linear models of Cormack 1985 and Rivest & Daigle 2004). With 'poisson' all rates are
        those of the likelihood given who was seen (Sanathanan 1972). They differ little.
    starts, level, c_hat, seed, workers, progress
        As for `darkfigure.circuit.multistate.fit`.

    Returns
    -------
    Fit
        Of which -2 log L has the coefficients of how many were first seen where and when, and no
        others (as in the R package marked).

    Raises
    ------
    InputError
        For a word or number that is not allowed.
    NoEstimateError
        If nobody was ever seen again, or the data set no limit to how many people there are.

    Examples
    --------
    >>> rows = [[1, 1, 0], [1, 2, 1], [2, 1, 2], [2, 0, 2], [1, 0, 1], [0, 2, 2], [0, 0, 1]]
    >>> h = Histories("AB", ("1", "2", "3"), rows, [20, 30, 9, 14, 12, 20, 15])
    >>> print(fit(h, entry="constant", starts=3))
    survival constant, detection constant, movement city, entry constant: -2 log L ...
    """
    if number not in get_args(Number):
        raise InputError(f"The number of people is 'fixed' or 'poisson', not '{number}'.")
    model = {"survival": survival, "detection": detection, "movement": movement, "entry": entry}
    found = fitted(
        histories,
        {**model, "number": number, "covariates": covariates or {}},
        starts=starts,
        level=level,
        c_hat=c_hat,
        seed=seed,
        workers=workers,
        progress=progress,
    )
    theta = found.beta[design_of(histories, found).hidden or 0]
    if math.exp(theta) > MOST_UNSEEN * found.people:
        raise NoEstimateError(
            f"The data set no limit to how many people there are: with {found.people:,} seen, the "
            f"likelihood goes on growing beyond {MOST_UNSEEN:,} unseen for each of them. Too few "
            "were seen again. Let less change with time and city, or put occasions together."
        )
    return found
