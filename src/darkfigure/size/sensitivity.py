"""What no data can tell: the total as a function of the interaction of all lists.

Of the 2**K cells of K lists one is never seen, so of the 2**K parameters of a log-linear model one
is never told by data: the interaction of all lists. Solved for the unseen cell, the model is

    log mu_0 = xi + sum over odd w of log mu_w - sum over even w of log mu_w,

where w runs over the observed combinations, odd or even by the number of lists in it, and xi is
that interaction, with the sign that makes more unseen people of a larger one. Every estimate sets
it by assumption, mostly to 0. Two models that differ in xi alone fit the same counts equally well
and have

    total(xi) = observed + unseen * exp(xi),

whatever the dependence of fewer lists (Aleshin-Guendel, Sadinle & Wakefield 2024). So exp(xi) says
how many times as many people are on no list as the dependence of fewer lists says.

How large it may be can be seen where the truth is known: among the people on list L the number who
are on no other list was counted, and may be estimated as if it had not been. The logarithm of the
one over the other is the interaction of all the other lists there; with these as a scale, xi is
taken as normal about 0, and its doubt joins the interval (their section 5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from darkfigure.errors import InputError, NoEstimateError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.size.loglinear import Fit, Status, fit
from darkfigure.size.search import best_models

FURTHEST = math.log(4)
POINTS = 33
NOBODY = 1e-6  # unseen people; fewer are none, and no factor makes some of them
ENOUGH = 30  # people of a list who are on others, for it to be a benchmark
WORK = 1 << 22  # cells fitted in the search for the model of one list's people
TYPICAL = 0.98
"""The root mean square of xi over the lists of the published tables (see the documentation):
what is taken where a table has no lists to learn it from, and one more value where it has."""


@dataclass(frozen=True)
class Hidden:
    """The people on a list of whom it is known how many are on no other.

    Attributes
    ----------
    name : str
        The list.
    alone : int
        How many are on it alone.
    estimated : float
        The same, estimated from those who are on others as well, by the best model.
    xi : float
        Logarithm of `alone` (a half where it is 0) over `estimated`.
    xi_saturated : float or None
        The same against the model of all interactions but the highest, that is, the interaction of
        all other lists among these people; None where a combination that it needs is empty.
    """

    name: str
    alone: int
    estimated: float
    xi: float
    xi_saturated: float | None


@dataclass(frozen=True)
class Point:
    """The total if `times` as many people are on no list, that is, at `xi`, its logarithm.

    A limit that does not exist is None. `saturated` is the total of the model that takes all other
    interactions from the counts; None where that does not exist.
    """

    times: float
    xi: float
    total: float
    lower: float
    upper: float | None
    saturated: float | None


@dataclass(frozen=True)
class Turn:
    """Where a conclusion changes: the total reaches `people` at `xi`.

    `times` is exp(xi); `xi_lower` and `xi_upper` are where the limits of the interval reach it.
    None where nothing reaches it. `probability` is that of an interaction at least as far from 0 on
    the same side.
    """

    what: str
    people: float
    xi: float | None
    times: float | None
    xi_lower: float | None
    xi_upper: float | None
    probability: float | None


@dataclass(frozen=True)
class Sensitivity:
    """How the total moves with what the data say nothing about.

    Attributes
    ----------
    observed, total, lower, upper, level, method, lists
        Of the estimate.
    curve : tuple of Point
        From a quarter to four times as many unseen.
    sd : float
        Standard deviation of the plausible xi.
    plausible_lower, plausible_upper : float
        The interval with the doubt about xi in it; the upper None if there is none.
    turns : tuple of Turn
        In the order of the people.
    hidden : tuple of Hidden
        The lists that `sd` was learned from.
    saturated : tuple of float or None
        Total, lower and upper limit by the model of all interactions but the highest.
    why_not_saturated : str or None
        Why there is no such estimate.
    """

    observed: int
    total: float
    lower: float
    upper: float | None
    level: float
    method: str
    lists: tuple[str, ...]
    curve: tuple[Point, ...]
    sd: float
    plausible_lower: float
    plausible_upper: float | None
    turns: tuple[Turn, ...]
    hidden: tuple[Hidden, ...]
    saturated: tuple[float, float, float] | None
    why_not_saturated: str | None

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values for JSON; what does not exist is None."""
        return asdict(self)


def sensitivity(
    estimate: Estimate,
    histories: CaptureHistories | None = None,
    *,
    others: Sequence[Estimate] = (),
    thresholds: Sequence[float] = (),
) -> Sensitivity:
    """The total as a function of the interaction of all lists.

    Parameters
    ----------
    estimate : Estimate
        By a method that sets that interaction by assumption. That of `shrinkage`, and so `auto`,
        has some doubt about it in its interval already.
    histories : CaptureHistories, optional
        The counts it was made from, for the scale of xi and the saturated model. Without them all
        that is said is made from the estimate alone, so that an estimate that may be published
        makes a sensitivity that may be published.
    others : sequence of Estimate
        Other defensible models; it is told where their range is left.
    thresholds : sequence of float
        Numbers of people at which a conclusion would change.

    Raises
    ------
    InputError
        If a threshold is not a positive number.

    Examples
    --------
    >>> e = Estimate(500.0, 400.0, 700.0, 0.95, 120, "independent", ("a", "b"))
    >>> found = sensitivity(e, thresholds=[1000])
    >>> [turn.times for turn in found.turns if turn.what == "the threshold"]
    [2.3157894736842106]
    >>> round(found.plausible_lower), round(found.plausible_upper)
    (174, 2836)
    """
    for people in thresholds:
        if not (math.isfinite(people) and people > 0):
            raise InputError(f"A threshold is a number of people above 0, not {people}.")
    hidden = hidden_lists(histories) if histories is not None else ()
    saturated, why_not = None, None
    if histories is not None:
        try:
            known = no_highest_interaction(histories, estimate.level)
            saturated = (known.total, known.lower, known.upper)
        except NoEstimateError as error:
            why_not = str(error)
    sd = math.sqrt((sum(one.xi**2 for one in hidden) + TYPICAL**2) / (len(hidden) + 1))
    seen = estimate.observed
    plausible = [
        seen + _blurred(limit - seen, side, estimate.unseen, estimate.level, sd)
        for limit, side in ((estimate.lower, -1.0), (estimate.upper, 1.0))
    ]
    curve = tuple(
        Point(
            times=math.exp(xi),
            xi=xi,
            total=seen + estimate.unseen * math.exp(xi),
            lower=seen + max(0.0, estimate.lower - seen) * math.exp(xi),
            upper=_or_none(seen + max(0.0, estimate.upper - seen) * math.exp(xi)),
            saturated=seen + (saturated[0] - seen) * math.exp(xi) if saturated else None,
        )
        for xi in (float(x) for x in np.linspace(-FURTHEST, FURTHEST, POINTS))
    )
    places = [("the threshold", people) for people in thresholds]
    places += [("half the total", estimate.total / 2), ("twice the total", 2 * estimate.total)]
    places += [("the lower limit", estimate.lower), ("the upper limit", estimate.upper)]
    if others:
        totals = [other.total for other in others]
        places += [
            ("the lowest other model", min(totals)),
            ("the highest other model", max(totals)),
        ]
    turns = [_turn(estimate, what, people, sd) for what, people in places if people < math.inf]
    return Sensitivity(
        observed=seen,
        total=estimate.total,
        lower=estimate.lower,
        upper=_or_none(estimate.upper),
        level=estimate.level,
        method=estimate.method,
        lists=estimate.lists,
        curve=curve,
        sd=sd,
        plausible_lower=plausible[0],
        plausible_upper=_or_none(plausible[1]),
        turns=tuple(sorted(turns, key=lambda turn: turn.people)),
        hidden=tuple(hidden),
        saturated=saturated,
        why_not_saturated=why_not,
    )


def no_highest_interaction(histories: CaptureHistories, level: float = 0.95) -> Estimate:
    """The estimate that assumes nothing but that the lists have no interaction of all of them.

    The unseen are the product of all cells of one, three, ... lists over that of the cells of two,
    four, ... lists; the variance of the logarithm is the sum of one over each cell (Fienberg 1972,
    for three lists).

    Parameters
    ----------
    histories : CaptureHistories
        Counts over 2 to 20 lists.
    level : float
        Confidence of the interval, between 0 and 1.

    Raises
    ------
    NoEstimateError
        If a combination of lists has nobody: the product is then 0, infinite or neither.

    Examples
    --------
    >>> e = no_highest_interaction(CaptureHistories("abc", [0, 40, 30, 12, 20, 8, 6, 3]))
    >>> round(e.unseen, 1)  # 40 x 30 x 20 x 3 / (12 x 8 x 6)
    125.0
    """
    known = histories.known[1:]
    empty = int((known == 0).sum())
    if empty:
        raise NoEstimateError(
            f"The model of all interactions but the highest has no estimate: nobody is on "
            f"{'one' if empty == 1 else empty} of the {known.size} combinations of lists, and it "
            "needs them all."
        )
    log_unseen = _log_odds_product(known)
    return _about(
        histories, log_unseen, math.sqrt(float((1 / known).sum())), level, "no highest interaction"
    )


def of_fit(histories: CaptureHistories, fitted: Fit, level: float = 0.95) -> Estimate:
    """A fitted model's estimate with Wald's interval on the logarithm of the unseen.

    Parameters
    ----------
    histories : CaptureHistories
    fitted : Fit
        A model with an estimate.
    level : float
        Confidence of the interval.
    """
    with np.errstate(divide="ignore"):
        log_unseen = float(np.log(fitted.expected[0]))
    return _about(histories, log_unseen, fitted.unseen_log_se, level, str(fitted.model))


def hidden_lists(histories: CaptureHistories) -> tuple[Hidden, ...]:
    """Each list in turn as the whole population: how many of it the other lists make out.

    Lists of which fewer than 30 people are on others, or that give no estimate, are left out.

    Parameters
    ----------
    histories : CaptureHistories
        Counts over any number of lists; with two there is nothing to see.

    Examples
    --------
    >>> h = CaptureHistories("abc", [0, 40, 30, 12, 20, 18, 16, 9])
    >>> [(one.name, one.alone, round(one.estimated)) for one in hidden_lists(h)]
    [('a', 40, 24), ('b', 30, 21), ('c', 20, 32)]
    """
    found = []
    for name in histories.lists if 3 <= len(histories.lists) <= 12 else ():
        on_it = histories.settled.given(name)
        if on_it.observed < ENOUGH:
            continue
        order = None if len(on_it.lists) <= 6 else 2
        try:
            best = best_models(on_it, max_order=order, budget=WORK >> len(on_it.lists))
            fitted = fit(on_it, best.model(0))
        except NoEstimateError:
            continue
        if fitted.status is not Status.ESTIMABLE or not fitted.expected[0] > 0:
            continue
        alone = histories.size_of(name) - on_it.observed
        known = math.log(max(alone, 0.5))
        cells = on_it.known[1:]
        found.append(
            Hidden(
                name=name,
                alone=alone,
                estimated=float(fitted.expected[0]),
                xi=known - math.log(fitted.expected[0]),
                xi_saturated=None if 0 in cells else known - _log_odds_product(cells),
            )
        )
    return tuple(found)


def _log_odds_product(cells: npt.NDArray[np.float64]) -> float:
    """Log of the product of the odd cells over the even ones; `cells[i]` is of mask i + 1."""
    odd = np.bitwise_count(np.arange(1, cells.size + 1)) % 2 == 1
    return float(np.where(odd, 1.0, -1.0) @ np.log(cells))


def _about(
    histories: CaptureHistories, log_unseen: float, se: float, level: float, method: str
) -> Estimate:
    reach = NormalDist().inv_cdf((1 + level) / 2) * se
    with np.errstate(over="ignore"):
        lower, unseen, upper = np.exp(log_unseen + np.array([-reach, 0.0, reach]))
    if not math.isfinite(unseen):
        raise NoEstimateError(f"The estimate by {method} is beyond all numbers.")
    n = histories.observed
    limits = n + float(lower), n + float(upper)
    return Estimate(n + float(unseen), *limits, level, n, method, histories.lists)


def _blurred(limit: float, side: float, unseen: float, level: float, sd: float) -> float:
    """A limit of the unseen with a normal doubt of `sd` about its logarithm mixed in.

    The interval is taken as normal on the logarithm, on each side with its own spread; a sum of
    normal variables has the sum of the variances.
    """
    if not 0 < limit < math.inf or unseen <= NOBODY:
        return max(0.0, limit)
    z = NormalDist().inv_cdf((1 + level) / 2)
    own = max(0.0, side * math.log(limit / unseen))
    with np.errstate(over="ignore"):
        return float(unseen * np.exp(side * math.hypot(own, z * sd)))


def _turn(estimate: Estimate, what: str, people: float, sd: float) -> Turn:
    seen = estimate.observed

    def at(unseen: float) -> float | None:
        reached = NOBODY < unseen < math.inf and people > seen
        return math.log((people - seen) / unseen) if reached else None

    xi = at(estimate.unseen)
    return Turn(
        what=what,
        people=people,
        xi=xi,
        times=None if xi is None else math.exp(xi),
        xi_lower=at(estimate.lower - seen),
        xi_upper=at(estimate.upper - seen),
        probability=None if xi is None else NormalDist(0, sd).cdf(-abs(xi)),
    )


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
