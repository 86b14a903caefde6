"""A place: how many people there are, in what time, among how many inhabitants."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from darkfigure.errors import InputError
from darkfigure.estimate import Estimate

LIMITS_ALONE = 20_000
"""How many draws stand for an estimate of which only the limits are known."""


@dataclass(frozen=True)
class Place:
    """A place that is to be compared with others.

    Parameters
    ----------
    name : str
        What it is called.
    population : float
        Inhabitants at risk, more than 0.
    years : float
        The time in which people were counted: 0 is all at one moment (a stock), 1 all of a year.
    estimate : Estimate, optional
        How many people there are in all; None where there is none.
    observed : int, optional
        How many were recorded, where that is known; that of the estimate if left out.
    why : str
        Why there is no estimate, as a sentence. A place without one is kept and not ranked.
    people : str
        Who is counted there.
    note : str
        What the reader must know of the numbers, such as that they are assumed or second hand.
    few : bool
        Whether how many were recorded is held back, for they are fewer than may be shown;
        `observed` is None then.

    Raises
    ------
    InputError
        If the population or the time cannot be, or more people are counted than live there.

    Examples
    --------
    >>> Place("A", 500_000, 1.0, published(900, 700, 1_300, observed=300)).coverage
    0.3333333333333333
    """

    name: str
    population: float
    years: float
    estimate: Estimate | None = None
    observed: int | None = None
    why: str = ""
    people: str = ""
    note: str = ""
    few: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.population) and self.population > 0):
            raise InputError(
                f"The population of {self.name} must be a positive number of inhabitants, not "
                f"{self.population:g}."
            )
        if not (math.isfinite(self.years) and self.years >= 0):
            raise InputError(
                f"The time of {self.name} is given in years, 0 or more, not {self.years:g}."
            )
        if self.estimate is not None and self.observed is None and self.estimate.observed:
            object.__setattr__(self, "observed", self.estimate.observed)
        if self.estimate is not None and self.observed and self.estimate.total < self.observed:
            raise InputError(
                f"{self.name} cannot have {self.observed:,} people recorded of "
                f"{self.estimate.total:,.0f} in all."
            )
        total = self.estimate.total if self.estimate is not None else self.observed or 0
        if total > self.population:
            raise InputError(
                f"{self.name} cannot have {total:,.0f} people in this situation among "
                f"{self.population:,.0f} inhabitants; check the population and the total."
            )

    @property
    def answers(self) -> bool:
        """Whether there is an estimate to compare, and not only a lower bound."""
        return self.estimate is not None and not self.estimate.details.get("lower_bound")

    @property
    def coverage(self) -> float | None:
        """The share of all people who were recorded, between 0 and 1."""
        if self.estimate is None or self.observed is None:
            return None
        return self.observed / self.estimate.total


def published(
    total: float | None,
    lower: float | None,
    upper: float | None,
    *,
    observed: int = 0,
    level: float = 0.95,
    within: float | None = None,
    method: str = "published",
) -> Estimate:
    """An estimate of which only the numbers were published, with draws that fit them.

    The draws are log-normal, with one spread below the total and another above it, so that the
    limits are theirs.

    Parameters
    ----------
    total : float, optional
        The point estimate; the geometric mean of the limits if left out.
    lower, upper : float, optional
        Its limits at `level`.
    observed : int
        How many were recorded; 0 where that is not known.
    level : float
        Of the limits, between 0 and 1.
    within : float, optional
        Where no limits were published: the factor within which the total is assumed to lie at
        `level`, more than 1. An assumption, which the estimate's warnings say.
    method : str
        Of the estimate.

    Raises
    ------
    InputError
        If there are neither limits nor an assumption in their place, or they contradict each other.

    Examples
    --------
    >>> e = published(None, 10_000, 13_000, observed=2_744)
    >>> round(e.total), [round(x, -2) for x in np.quantile(e.draws, [0.025, 0.975]).tolist()]
    (11402, [10000.0, 13000.0])
    """
    warnings: list[str] = []
    if (lower is None) != (upper is None):
        raise InputError("Give both limits of a published estimate, or none of them.")
    if not 0 < level < 1:
        raise InputError(f"The level of an interval lies between 0 and 1, not {level}.")
    if lower is None or upper is None:
        if total is None:
            raise InputError("A published estimate needs its total, or its limits.")
        if within is None:
            raise InputError(
                "No limits of this total were published; say within what factor it is assumed to "
                "lie (within = 2), and the page will say that this is an assumption."
            )
        if not (math.isfinite(within) and within > 1):
            raise InputError(
                f"The factor of an assumed range must be a number above 1, not {within}."
            )
        lower, upper = max(total / within, observed), total * within
        warnings.append(
            f"No interval was published; here it is assumed to lie within a factor of {within:g}."
        )
    middle = math.sqrt(lower * upper) if total is None and lower > 0 else total
    if middle is None or not 0 < lower <= middle <= upper < math.inf:
        raise InputError(
            f"The limits {lower:,.0f} and {upper:,.0f} must be positive and hold the total"
            f"{'' if middle is None else f', {middle:,.0f}'}."
        )
    if lower < observed:
        raise InputError(
            f"The lower limit, {lower:,.0f}, is less than the {observed:,} people recorded."
        )
    below, above = math.log(middle / lower), math.log(upper / middle)
    at = (np.arange(LIMITS_ALONE) + 0.5) / LIMITS_ALONE
    normal = NormalDist()
    reach = normal.inv_cdf((1 + level) / 2)
    z = np.array([normal.inv_cdf(p) for p in at]) / reach
    draws = middle * np.exp(np.where(z < 0, below * z, above * z))
    return Estimate(
        total=middle,
        lower=lower,
        upper=upper,
        level=level,
        observed=observed,
        method=method,
        lists=(),
        settings={"level": level, **({"within": within} if warnings else {})},
        warnings=tuple(warnings),
        draws=np.maximum(draws, observed),
    )


def check_names(places: Sequence[Place]) -> None:
    """Refuse places of which two have one name, or fewer than two places.

    Raises
    ------
    InputError
        If so.
    """
    names = [place.name.casefold() for place in places]
    for place in places:
        if names.count(place.name.casefold()) > 1:
            raise InputError(
                f"The place '{place.name}' is there twice; a place is compared with others, not "
                "with itself."
            )
    if len(places) < 2:
        raise InputError("A comparison needs two places or more; there is only one.")
