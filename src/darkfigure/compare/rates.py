"""Totals of several places as rates per head on one footing, by draws."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from darkfigure.compare.footing import Footing
from darkfigure.compare.place import Place, check_names
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.estimate import Estimate

Draws = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rates:
    """Rates of the places that have an estimate, per inhabitant on one footing.

    Attributes
    ----------
    places : tuple of Place
        Those that answer, in the order given.
    footing : Footing
    rate : array of float, shape (places,)
        The point estimates.
    draws : array of float, shape (draws, places)
        One row is one possible world: the stay is the same in all its places.
    recorded : array of float, shape (places,)
        People recorded per inhabitant on the same footing, at the middle of the stay; NaN where
        the number is not known.
    factors : array of float, shape (draws, places)
        By which the footing multiplied the numbers.
    coverage : array of float, shape (draws, places)
        The share recorded in the place's own time, between 0 and 1.
    """

    places: tuple[Place, ...]
    footing: Footing
    rate: Draws
    draws: Draws
    recorded: Draws
    factors: Draws
    coverage: Draws


def rates(
    places: Sequence[Place], footing: Footing | None = None, *, draws: int = 10_000, seed: int = 1
) -> Rates:
    """Bring the totals of places to rates per head on one footing.

    Draws of different places are independent, for they come from different lists; the stay is
    one for all. A place's draws depend on the seed and its name alone, not on who is beside it.

    Parameters
    ----------
    places : sequence of Place
        Two or more; those without an estimate are left out.
    footing : Footing, optional
        The people of one year, with no stay stated, if left out and the places' times differ; the
        places' own time where it is the same for all.
    draws : int
        From 1,000 to 1,000,000.
    seed : int
        Of the random numbers.

    Raises
    ------
    InputError
        If the times cannot be brought together, a place is there twice, or there is only one.
    NoEstimateError
        If fewer than two places have an estimate.

    Examples
    --------
    >>> from darkfigure.compare.place import published
    >>> a = Place("A", 500_000, 1.0, published(900, 700, 1_300, observed=300))
    >>> b = Place("B", 250_000, 1.0, published(450, 300, 800, observed=40))
    >>> [round(100_000 * x) for x in rates([a, b]).rate.tolist()]
    [180, 180]
    """
    check_names(places)
    if not 1_000 <= draws <= 1_000_000:
        raise InputError(f"From 1,000 to 1,000,000 draws can be made, not {draws:,}.")
    if seed < 0:
        raise InputError(f"The seed is a whole number from 0 on, not {seed}.")
    answering = tuple(place for place in places if place.answers)
    if len(answering) < 2:
        silent = "; ".join(f"{p.name}: {p.why or 'no estimate'}" for p in places if not p.answers)
        raise NoEstimateError(f"Fewer than two places have an estimate to compare. {silent}")
    if footing is None:
        spans = {place.years for place in answering}
        footing = Footing(spans.pop() if len(spans) == 1 else 1.0)
    at = np.random.default_rng([seed, 0]).permutation((np.arange(draws) + 0.5) / draws)
    middle = np.array([0.5])
    columns, shares, factors, points, recorded = [], [], [], [], []
    for place in answering:
        estimate = place.estimate
        assert estimate is not None
        rng = np.random.default_rng([seed, zlib.crc32(place.name.encode())])
        totals = draws_of(estimate, draws, rng)
        factor = footing.factor(place.years, at, place.name)
        by = float(footing.factor(place.years, middle, place.name)[0])
        seen = math.nan if place.observed is None else float(place.observed)
        columns.append(totals * factor / place.population)
        shares.append(seen / totals)
        factors.append(factor)
        points.append(estimate.total * by / place.population)
        recorded.append(seen * by / place.population)
    return Rates(
        answering,
        footing,
        np.array(points),
        np.column_stack(columns),
        np.array(recorded),
        np.column_stack(factors),
        np.column_stack(shares),
    )


def draws_of(estimate: Estimate, draws: int, rng: np.random.Generator) -> Draws:
    """So many draws of a total, each of its own used equally often, in random order.

    An estimate without draws of its own gets log-normal ones of the unseen that fit its limits.
    """
    own = estimate.draws
    if own is not None:
        return np.asarray(rng.permutation(np.resize(rng.permutation(own), draws)))
    seen = float(estimate.observed)
    if math.isinf(estimate.upper):
        raise NoEstimateError(
            f"An estimate by '{estimate.method}' without upper limit and without draws cannot be "
            "compared."
        )
    low = max(estimate.lower - seen, 1e-9 * estimate.total)
    point = max(estimate.total - seen, low)
    below, above = math.log(point / low), math.log(max(estimate.upper - seen, point) / point)
    z = rng.standard_normal(draws) / NormalDist().inv_cdf((1 + estimate.level) / 2)
    return np.asarray(seen + point * np.exp(np.where(z < 0, below * z, above * z)))
