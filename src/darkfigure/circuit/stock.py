"""Stock, flow and double count: how many people are where, by the entry model and what was seen.

**Stock** is how many people are in a city on an occasion, **flow** how many different people were
ever there on any. Both are of the people of these data, not of a model: who was seen there is
counted, and of everybody else the chance to have been there, given all that was seen of them
(the histories, and for those never seen that they never were). With n seen and h hidden, the
variance has two parts: h changes with the parameters, which are known with an error (the delta
method), and at any parameters people are there or are not. Limits are log-normal in h (as those of
Chao 1987), so that the lower is never less than what was seen.

People who were in several cities are in the flow of each: the sum of the flows is larger than the
number of people by the **double count**.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from copy import copy
from functools import partial
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import logit
from scipy.stats import chi2

from darkfigure import engine
from darkfigure.circuit import _entry as kernel
from darkfigure.circuit.amounts import Amount, StockAndFlow, limits_of
from darkfigure.circuit.design import Design, Natural
from darkfigure.circuit.estimates import EDGE, TOUCHED, redundant
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.m_array import MArray, m_array
from darkfigure.circuit.maximum import (
    climb,
    first_seen,
    happened,
    information_at,
    known,
    least,
    minus_log_likelihood,
    quiet,
    with_unseen,
)
from darkfigure.circuit.multistate import Fit, design_of
from darkfigure.errors import InputError

Floats = npt.NDArray[np.float64]

EVERYBODY = 1e-6  # people hidden: as good as none
SHARES_SEEN = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99)  # of detection, where its estimate is 1
ELSEWHERE = 0.1  # of an amount that differs by more where only half are seen, nothing is known
PULL = 100.0  # towards such a detection
_STEP = 1e-3  # of the differences by which the delta method goes


def stock_and_flow(histories: Histories, found: Fit, *, workers: int | None = None) -> StockAndFlow:
    """Stock, flow, double count and turnover, by city and for the region.

    Parameters
    ----------
    histories : Histories
        What was fitted.
    found : Fit
        Of `darkfigure.circuit.entry.fit`; of its level and c-hat are the limits.
    workers : int, optional
        How many cores to use; all of them when left out.

    Returns
    -------
    StockAndFlow

    Raises
    ------
    InputError
        If the fit has no entry.

    Examples
    --------
    >>> from darkfigure.circuit import entry
    >>> rows = [[1, 1, 0], [1, 2, 1], [2, 1, 2], [2, 0, 2], [1, 0, 1], [0, 2, 2], [0, 0, 1]]
    >>> h = Histories("AB", ("1", "2", "3"), rows, [20, 30, 9, 14, 12, 20, 15])
    >>> told = stock_and_flow(h, entry.fit(h, entry="constant", starts=3))
    >>> told.of("flow").observed, told.of("flow").estimate
    (120.0, 122.9...)
    """
    if "entry" not in found.settings:
        raise InputError("This fit has no entry, so it tells rates and no numbers of people.")
    design, counts = design_of(histories, found), m_array(histories)
    told = partial(amounts_at, design=design, counts=counts, histories=histories)
    at = design.natural(found.beta)
    value = told(found.beta)
    jacobian = _jacobian(told, found.beta, workers)
    information = information_at(counts, design, found.beta, workers)
    directions, values = known(information)
    inside = jacobian @ directions
    covered = np.sum(inside**2, axis=1)
    length = np.sum(jacobian**2, axis=1)
    lost = length - covered > np.maximum(1e-4 * length, EVERYBODY)
    flat, generic = redundant(counts, design, workers)
    if flat.size:
        general = _jacobian(told, generic, workers)
        lost |= np.linalg.norm(general @ flat, axis=1) > TOUCHED * np.linalg.norm(general, axis=1)
    others = [
        (share, told(other)) for share, other in _as_likely(counts, design, found)
    ]  # detection, and the amounts
    for share, other in others:
        far = np.abs(other - value) > ELSEWHERE * np.maximum(np.abs(value), 1.0)
        lost |= far & (share == SHARES_SEEN[0])
    variance = found.settings["c_hat"] * np.sum(inside**2 / values, axis=1)
    variance += _given_data(at, design, counts, histories, value, workers)

    z = NormalDist().inv_cdf((1 + found.settings["level"]) / 2)
    amounts = []
    labels = labels_of(histories)
    for i, ((what, city, occasion), seen, size, square, none) in enumerate(
        zip(labels, seen_of(histories), value, variance, lost, strict=True)
    ):
        observed = None if np.isnan(seen) else float(seen)
        if none or not np.isfinite(size):
            amounts.append(Amount(what, city, occasion, observed, None, None, None, None))
            continue
        error = math.sqrt(max(float(square), 0.0))
        limits = limits_of(what, float(size), observed, error, z)
        if (what, city) == ("flow", None) and size - seen < EVERYBODY:
            limits = float(seen), float(seen) + _most_unseen(at, float(seen), z)
        reach = [*limits, *(float(other[i]) for _, other in others)]
        limits = min(reach), max(reach)
        amounts.append(Amount(what, city, occasion, observed, float(size), error, *limits))
    not_told = tuple(each.name for each in amounts if each.estimate is None)
    warnings = []
    if not_told:
        warnings.append(
            f"{len(not_told)} of {len(amounts)} numbers of people hang on parameters that cannot "
            "be estimated, and are left out. Let detection change less with time."
        )
    return StockAndFlow(tuple(amounts), not_told, found.settings, tuple(warnings))


def labels_of(histories: Histories) -> list[tuple[str, str | None, str | None]]:
    """What each amount is, in the order of `amounts_at`."""
    places = (*histories.cities, None)
    told: list[tuple[str, str | None, str | None]] = []
    told += [("stock", city, when) for when in (*histories.occasions, None) for city in places]
    told += [("flow", city, None) for city in places]
    if len(histories.cities) > 1:
        told.append(("counted more than once", None, None))
        told += [("share elsewhere too", city, None) for city in histories.cities]
        told.append(("share in several cities", None, None))
    told += [("entries", city, None) for city in places]
    if len(histories.cities) > 1:
        told += [("moves in", city, None) for city in histories.cities]
        told += [("stay in city", city, None) for city in histories.cities]
    told.append(("stay in region", None, None))
    return told


def seen_of(histories: Histories) -> Floats:
    """The same of the people seen alone; not a number for rates."""
    cities = np.arange(1, len(histories.cities) + 1)
    there = histories.patterns[:, :, None] == cities
    seen = np.tensordot(histories.freq, there, axes=1).astype(float)
    ever = there.any(axis=1)
    flow = histories.freq @ ever
    stock = np.c_[seen, seen.sum(axis=1)]
    told = [stock.ravel(), stock.mean(axis=0), flow, [histories.people]]
    if cities.size > 1:
        several = ever.sum(axis=1) > 1
        shares = (histories.freq * several) @ ever / np.maximum(flow, 1)
        told += [[flow.sum() - histories.people], np.where(flow > 0, shares, np.nan)]
        told.append([histories.freq @ several / histories.people])
    rest = len(labels_of(histories)) - sum(len(each) for each in told)
    return np.concatenate([*told, np.full(rest, np.nan)])


def _arrays(at: Natural) -> tuple[Floats, ...]:
    assert at.entry is not None
    return at.entry, at.survival, at.gone, at.movement, at.missed


def _staying(
    at: Natural, histories: Histories, allowed: npt.NDArray[np.bool_]
) -> tuple[Floats, float]:
    """The chance never to have been elsewhere, of each history and of people never seen."""
    chances, unseen = kernel.staying(histories.patterns, allowed, *_arrays(at))
    return chances, unseen


def amounts_at(beta: Floats, design: Design, counts: MArray, histories: Histories) -> Floats:
    """All amounts at these parameters, given the data."""
    at = design.natural(beta)
    assert at.entry is not None
    cities, freq, f = design.cities, histories.freq, at.unseen
    _, events = first_seen(at, counts, happened(at, counts)[1], poisson=False)
    present = events.seen + events.unseen
    stock = np.c_[present, present.sum(axis=1)]
    n = float(freq.sum())
    told = [stock.ravel(), stock.mean(axis=0)]
    if cities == 1:
        told.append(np.full(2, n + f))
    else:
        each = np.eye(cities, dtype=bool)
        never = [_staying(at, histories, ~city) for city in each]
        only = [_staying(at, histories, city) for city in each]
        flow = np.array([n + f - freq @ seen - f * unseen for seen, unseen in never])
        alone = np.array([freq @ seen + f * unseen for seen, unseen in only])
        told += [flow, np.array([n + f, flow.sum() - n - f]), 1 - alone / flow]
        told.append(np.array([1 - alone.sum() / (n + f)]))

    # turnover, of the model: N times these would be people
    here = np.empty_like(at.entry)
    here[0] = at.entry[0]
    step = at.survival[:, :, None] * at.movement
    for t in range(design.steps):
        here[t + 1] = here[t] @ step[t] + at.entry[t + 1]
    later = here[1:].sum(axis=0)
    came = at.entry[1:].sum(axis=0)
    told += [came / later, np.array([came.sum() / later.sum()])]
    stays = np.diagonal(step, axis1=1, axis2=2)
    from_here = here[:-1]
    if cities > 1:
        moved = np.einsum("tr,trs->s", from_here, step) - (from_here * stays).sum(axis=0)
        told.append(moved / later)
        told.append(from_here.sum(axis=0) / (from_here * (1 - stays)).sum(axis=0))
    told.append(np.array([from_here.sum() / (from_here * at.gone).sum()]))
    return np.concatenate(told)


def _jacobian(told: Any, beta: Floats, workers: int | None) -> Floats:
    """The slopes of the amounts in the parameters, shape (amounts, parameters)."""

    def column(j: int) -> Floats:
        step = np.zeros(beta.size)
        step[j] = _STEP
        slopes: Floats = (told(beta + step) - told(beta - step)) / (2 * _STEP)
        return slopes

    return np.array(list(engine.run(column, range(beta.size), workers=workers))).T


def _as_likely(counts: MArray, design: Design, found: Fit) -> Iterator[tuple[float, Floats]]:
    """For each detection at 1, the least of `SHARES_SEEN` that the data allow, with all the rest.

    At 1 there is no error, and yet a few may have been missed: limits must reach as far as this.
    Where nobody seen in a city was ever seen again, it may even be half of them. That all were is
    then a matter of the fixed number alone, which is likeliest where nobody is hidden; so it is the
    likelihood given who was seen that is asked.
    """
    given = copy(design)
    given.poisson = True
    block = design.blocks["detection"]
    eta = design.predictors(found.beta)
    places = np.where(eta > logit(1 - EDGE), design.places, design.size)[:, block]
    edge = np.unique(places[:, places[0] < design.size], axis=1).T
    if not edge.size:
        return
    with quiet():
        _, likeliest = climb(found.beta, counts, given)
    allowed = likeliest + found.settings["c_hat"] * chi2.ppf(found.settings["level"], 1) / 2
    for place in edge:
        at = np.zeros(eta.size)
        at[block] = np.all(places == place[:, None], axis=0)
        for share in SHARES_SEEN:

            def pulled(
                beta: Floats, at: Floats = at, to: float = float(logit(share))
            ) -> tuple[float, Floats]:
                height, slope = minus_log_likelihood(beta, counts, given)
                off = at * (given.predictors(beta) - to)
                return height + PULL / 2 * float(off @ off), slope + PULL * given.gather(off)

            start = found.beta.copy()
            start[place[0]] += logit(share) - eta[at > 0][0]
            with quiet():
                other, _ = least(pulled, with_unseen(start, counts, given))
            if minus_log_likelihood(other, counts, given)[0] < allowed:
                yield share, other
                break


def _given_data(
    at: Natural,
    design: Design,
    counts: MArray,
    histories: Histories,
    value: Floats,
    workers: int | None,
) -> Floats:
    """The variance of what happened about what is expected, given the data and the parameters.

    People are independent. How many were never seen is a parameter, whose error has all of its
    variance, where the number of people is fixed; where it is Poisson, so is that of those of them
    who are counted.
    """
    cities, occasions = design.cities, design.steps + 1
    f, freq = at.unseen, histories.freq
    assert at.entry is not None
    arrays = _arrays(at)
    given = counts.first, counts.again, counts.never, counts.last

    def never(first: float, second: float) -> float:
        """The variance of a sum over those never seen, by the moments of one of them."""
        return f * (second if design.poisson else second - first**2)

    def of_stock(weight: Floats) -> float:
        _, variance, moments = kernel.spread(weight, *given, *arrays)
        return float(variance) + never(*moments)

    places = np.r_[np.eye(cities), np.ones((1, cities))]
    whens = np.r_[np.eye(occasions), np.full((1, occasions), 1 / occasions)]
    weights = [np.outer(when, place) for when in whens for place in places]
    told = list(engine.run(of_stock, weights, workers=workers))

    everybody = f if design.poisson else 0.0
    if cities == 1:
        told += [everybody] * 2
    else:
        each = np.eye(cities, dtype=bool)
        pairs = list(itertools.combinations(range(cities), 2))
        masks = [*(~each), *each, *(~(each[a] | each[b]) for a, b in pairs)]
        tables = list(engine.run(partial(_staying, at, histories), masks, workers=workers))
        # one row more: those who were never seen
        chance = np.array([np.append(chances, unseen) for chances, unseen in tables])
        ever, only = 1 - chance[:cities], chance[cities : 2 * cities]
        both = [
            ever[a] + ever[b] - 1 + neither
            for (a, b), neither in zip(pairs, chance[2 * cities :], strict=True)
        ]

        def of_sum(first: Floats, second: Floats) -> float:
            seen = float(freq @ (second - first**2)[:-1])
            return seen + never(first[-1], second[-1])

        told += [of_sum(e, e) for e in ever]
        told.append(everybody)
        extra = ever.sum(axis=0) - 1
        twice = ever.sum(axis=0) + 2 * np.sum(both, axis=0)
        told.append(of_sum(extra, twice - 2 * ever.sum(axis=0) + 1))
        start = (occasions + 1) * (cities + 1)
        flow = value[start : start + cities]
        shares = value[start + cities + 2 : start + 2 * cities + 2]
        for e, o, total, share in zip(ever, only, flow, shares, strict=True):
            first = (e - o) * (1 - share) - o * share
            second = (e - o) * (1 - share) ** 2 + o * share**2
            told.append(of_sum(first, second) / max(total, EVERYBODY) ** 2)
        several = 1 - only.sum(axis=0)
        share = value[start + 2 * cities + 2]
        first, second = several - share, several * (1 - 2 * share) + share**2
        told.append(of_sum(first, second) / (freq.sum() + f) ** 2)
    return np.append(told, np.zeros(value.size - len(told)))


def _most_unseen(at: Natural, seen: float, z: float) -> float:
    """Where everybody was seen, how many more the data do not contradict.

    Of n + f people none of f is seen with the chance C(n + f, f) P**f, which is at its largest,
    one, where f is zero; beyond the limit it is less than exp(-z**2 / 2).
    """
    chance = kernel.never_seen(*_arrays(at))[0]
    more, log_chance = 0, 0.0
    while more < seen:
        log_chance += math.log((seen + more + 1) / (more + 1) * chance)
        if log_chance < -(z**2) / 2:
            break
        more += 1
    return float(more)
