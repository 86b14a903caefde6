"""Which pairs of lists depend on each other, where lists have different territories.

A small set of log-linear models of the completed table (`darkfigure.size.partly_overlapping`) is
tried: every set of pairs of lists that work together somewhere, depending on each other alike in
all strata; each with lists that find the same share of people in every stratum, and with lists that
find another in each. Of those that the observed counts identify the one with the lowest BIC or AIC
is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Literal

import numpy as np
from scipy.stats import chi2

from darkfigure.errors import NoEstimateError
from darkfigure.size.loglinear import Model, Status
from darkfigure.size.partly_overlapping import Fit, fit
from darkfigure.size.territories import Territories

EVERY_SET = 6
"""Up to so many pairs of lists every set of them is tried; of more, the best one is added as long
as that is an improvement."""

Criterion = Literal["bic", "aic"]


def choose(part: Territories, criterion: Criterion = "bic") -> Fit | None:
    """The best of the models that the counts identify; None where they identify none.

    Parameters
    ----------
    part : Territories
        Strata that are linked by common lists.
    criterion : {'bic', 'aic'}

    Examples
    --------
    >>> counts = np.array([[0, 60.0, 40, 20]])
    >>> one = Territories(("a", "b"), (("all",),), np.array([3]), counts)
    >>> round(choose(one).total)  # Lincoln & Petersen: 80 x 60 / 20
    240
    """
    k = len(part.lists)
    pairs = [1 << a | 1 << b for a, b in combinations(range(k), 2)]
    pairs = [pair for pair in pairs if np.any(part.works & pair == pair)]

    def lowest(models: Sequence[frozenset[int]], level: int) -> Fit | None:
        tried = [fit(part, Model(k, terms), level) for terms in models]
        known = [each for each in tried if each.status is Status.ESTIMABLE]
        return min(known, key=lambda each: getattr(each, criterion), default=None)

    found = []
    for level in (0, 1) if len(part.kinds) > 1 else (1,):
        if len(pairs) <= EVERY_SET:
            sets = (c for n in range(len(pairs) + 1) for c in combinations(pairs, n))
            found.append(lowest([frozenset(each) for each in sets], level))
            continue
        now = lowest([frozenset()], level)
        while now is not None:
            terms = now.model.terms
            more = lowest([terms | {pair} for pair in pairs if pair not in terms], level)
            if more is None or getattr(more, criterion) >= getattr(now, criterion):
                break
            now = more
        found.append(now)
    return min(
        (each for each in found if each is not None),
        key=lambda each: getattr(each, criterion),
        default=None,
    )


def best(part: Territories, criterion: Criterion) -> Fit:
    """The model that `choose` takes, or why there is none.

    Raises
    ------
    NoEstimateError
        If one list alone works in all of these strata, nobody is on two lists, or no model that is
        tried is identified.
    """
    if len(part.lists) == 1:
        raise NoEstimateError(
            f"Only the list '{part.lists[0]}' works in {places(part)}, and nowhere does another "
            "list work beside it: how many it misses nothing can tell. Add a list, or leave "
            f"{'this stratum' if len(part.kinds) == 1 else 'these strata'} out."
        )
    found = choose(part, criterion)
    if found is not None:
        return found
    if part.whole.people_on(1) == part.whole.observed:
        raise NoEstimateError(
            f"Nobody is on two lists in {places(part)}: without people that lists share nothing "
            "tells how many are on none. Look for missed matches, or add a list."
        )
    raise NoEstimateError(
        f"The counts of {places(part)} identify no model: in none of those tried do they say how "
        "many people are on no list. Too few lists work in the same places, or too few people are "
        "on two of them; add a list, or leave out the strata with the fewest."
    )


def differs(part: Territories, found: Fit) -> float | None:
    """How probable it is that interactions which are alike in all strata seem so different.

    A likelihood-ratio test against interactions that go by stratum where three lists work. None
    where nothing depends on anything, or the counts cannot tell.
    """
    if not found.model.terms:
        return None
    alike, apart = fit(part, found.model, 1), fit(part, found.model, 2)
    freedom = apart.parameters - alike.parameters
    if not freedom or {alike.status, apart.status} != {Status.ESTIMABLE}:
        return None
    return float(chi2.sf(2 * (apart.log_likelihood - alike.log_likelihood), freedom))


def say(kind: Sequence[str]) -> str:
    """A stratum by its values.

    Examples
    --------
    >>> say(("North", "2023"))
    'North, 2023'
    """
    return ", ".join(kind)


def places(part: Territories) -> str:
    """Strata in a sentence."""
    *first, last = (say(kind) for kind in part.kinds)
    return f"{'; '.join(first)} and {last}" if first else last
