"""The highest maximum of the multistate likelihood: climbed from many places, and how sharp."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import line_search
from scipy.special import digamma, gammaln, logit

from darkfigure import engine
from darkfigure.circuit import _entry as entry_kernel
from darkfigure.circuit import _multistate as kernel
from darkfigure.circuit.design import Design, Events, Natural
from darkfigure.circuit.m_array import MArray

Floats = npt.NDArray[np.float64]

JITTER = (0.5, 1.0)  # standard deviations, on the logit scale, about the first start
SAME = 0.01  # of -2 log L: two maxima no further apart are one
REDUNDANT = 1e-9  # of an eigenvalue of the scaled information: zero, but for rounding
NOTHING_KNOWN = 1e-3  # of an eigenvalue on the logit scale: a standard error above 30
LEVEL = 1e-5  # of a slope: a climb is at its end
TINY = 1e-300
_STEP = 1e-3  # of the differences of gradients


def minus_log_likelihood(beta: Floats, counts: MArray, design: Design) -> tuple[float, Floats]:
    """-log L and its gradient at these parameters.

    Examples
    --------
    >>> from darkfigure.circuit.m_array import m_array
    >>> from darkfigure.circuit.histories import Histories
    >>> h = Histories("A", ("1", "2"), [[1, 1], [1, 0]], [3, 1])
    >>> minus_log_likelihood(np.zeros(2), m_array(h), Design(1, 1, "constant", "constant", "city"))
    (4.446..., array([-1.33..., -1.33...]))
    """
    at = design.natural(beta)
    like, events = happened(at, counts)
    if at.entry is not None:
        more, events = first_seen(at, counts, events, design.poisson)
        like += more
    return -like, -design.gradient(at, events)


def happened(at: Natural, counts: MArray) -> tuple[float, Events]:
    """log L given the first sightings, and what is expected to have happened after them."""
    steps = len(at.survival)
    like, *events = kernel.expected(
        counts.again,
        counts.never,
        counts.last,
        at.survival,
        at.gone,
        at.movement,
        at.detection[-steps:],
        at.missed[-steps:],
    )
    return like, Events(*events)


def first_seen(at: Natural, counts: MArray, after: Events, poisson: bool) -> tuple[float, Events]:
    """log L of the first sightings, and what is expected to have happened in all.

    With n people seen and f never seen, whose share P of all is that of the model,

        log L = sum first log(xi p) + log((n + f)! / f!) + f log P - sum log(first!),

    which is the first part of the likelihood of Schwarz & Arnason (1996), coefficients included;
    where the number of people is Poisson, with mean M = f / P, its last two terms are
    n log M - M (1 - P). Either way people who were never seen add to the slopes as counts do.
    """
    assert at.entry is not None
    n, f = float(counts.first.sum()), at.unseen
    steps = at.survival, at.movement, at.missed
    chance, xi, *never = entry_kernel.never_seen(
        at.entry, at.survival, at.gone, at.movement, at.missed
    )
    entered, moved, present = entry_kernel.before_seen(counts.first, xi, at.entry, *steps)
    seen = counts.first > 0
    like = float(np.sum(counts.first[seen] * np.log(np.maximum(xi * at.detection, TINY)[seen])))
    like -= float(gammaln(counts.first + 1).sum())
    if poisson:
        mean = f / chance
        weight = mean - n
        like += n * math.log(mean) - mean + f
        more = n - mean + f
    else:
        weight = f
        like += float(gammaln(n + f + 1) - gammaln(f + 1)) + f * math.log(chance)
        more = f * (float(digamma(n + f + 1) - digamma(f + 1)) + math.log(chance))
    unseen = present + weight * never[3]
    unseen[1:] += after.unseen
    found = counts.first.copy()
    found[1:] += after.seen
    events = Events(
        after.died + weight * never[1],
        after.moved + moved + weight * never[2],
        found,
        unseen,
        entered + weight * never[0],
        more,
    )
    return like, events


def climb(beta: Floats, counts: MArray, design: Design) -> tuple[Floats, float]:
    """The maximum above a start, and -log L there."""
    return least(minus_log_likelihood, beta, counts, design)


def least(
    function: Callable[..., tuple[float, Floats]], start: Floats, *fixed: Any
) -> tuple[Floats, float]:
    """Where a function, given with its gradient, is least below a start, and its value there.

    This is the method of Broyden, Fletcher, Goldfarb and Shanno, as SciPy has it, but for its
    products of matrices: their libraries take all cores for each of many climbs at a time.
    """
    last: tuple[bytes, tuple[float, Floats]] = b"", (0.0, start)

    def both(x: Floats) -> tuple[float, Floats]:
        nonlocal last
        if last[0] != (key := x.tobytes()):
            last = key, function(x, *fixed)
        return last[1]

    x = start
    height, slope = function(x, *fixed)
    inverse, before, fresh = np.eye(x.size), height + float(np.linalg.norm(slope)) / 2, True
    for _ in range(20 * x.size + 500):
        if np.abs(slope).max(initial=0.0) <= LEVEL:
            break
        way = -np.einsum("ij,j->i", inverse, slope)
        length, *_ = line_search(
            lambda b: both(b)[0], lambda b: both(b)[1], x, way, slope, height, before
        )
        if length is None:
            if fresh:
                break
            inverse, before, fresh = np.eye(x.size), height + float(np.linalg.norm(slope)) / 2, True
            continue
        step = length * way
        x = x + step
        now, new = both(x)
        before, height, turned, slope, fresh = height, now, new - slope, new, False
        rho = float(np.sum(step * turned))
        if rho > 0:
            bent = np.einsum("ij,j->i", inverse, turned)
            crossed = np.multiply.outer(bent, step)
            inverse += np.multiply.outer(step, step) * ((rho + np.sum(turned * bent)) / rho**2)
            inverse -= (crossed + crossed.T) / rho
    return x, height


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without SciPy's warnings: where a search can go no further, it is there.

    Warnings are turned off for all threads at once, so this stands around them, not in them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


def moments(counts: MArray, design: Design) -> Floats:
    """A start: what is seen one and two occasions after a sighting, over all cities.

    A share a is seen at once and b after one miss: a = S p and b = S (1 - p) S p, so that
    S = a + b / a and p = a / S.
    """
    steps, cities = counts.never.shape
    at_once = np.array([counts.again[t, :, t, :] for t in range(steps)])
    a = at_once.sum() / counts.released.sum()
    alive = 0.8
    if steps > 1 and a > 0:
        later = sum(counts.again[t, :, t + 1, :].sum() for t in range(steps - 1))
        alive = a + later / max(counts.released[:-1].sum(), 1.0) / a
    alive = float(np.clip(alive, 0.1, 0.95))
    found = float(np.clip(a / alive, 0.05, 0.95))
    smoothed = at_once.sum(axis=0) + 0.5 + np.eye(cities)
    logits = np.log(smoothed / np.diag(smoothed)[:, None])[design._from, design.others]
    eta = np.zeros(design.places.shape[1])
    for kind, values in (
        ("survival", logit(alive)),
        ("detection", logit(found)),
        ("movement", np.tile(logits.ravel(), steps)),
        ("entry", np.log(counts.first + 0.5).ravel()),
    ):
        if kind in design.blocks:
            eta[design.blocks[kind]] = values
    return with_unseen(_projected(eta, design), counts, design)


def with_unseen(beta: Floats, counts: MArray, design: Design) -> Floats:
    """These parameters, with as many people unseen as the others say."""
    if design.hidden is not None:
        at = design.natural(beta)
        chance = entry_kernel.never_seen(at.entry, at.survival, at.gone, at.movement, at.missed)[0]
        beta = beta.copy()
        beta[design.hidden] = math.log(counts.first.sum() * chance / max(1 - chance, TINY))
    return beta


def _projected(eta: Floats, design: Design, gamma: Floats | float = 0.0) -> Floats:
    """Parameters with about these linear predictors: the mean over all that are one's.

    Those of the covariates are given, and what they add is left out of the linear predictors.
    """
    eta, none = eta.copy(), design.size
    first = design.places[0] % (none + 1)
    if design.hidden is not None:  # entries are told against those that have no parameter
        block = design.blocks["entry"]
        eta[block] -= eta[block][first[block] == none].mean()
    numbers = np.bincount(first, minlength=none + 1)[:-1]
    sums = np.bincount(first, eta, minlength=none + 1)[:-1]
    beta: Floats = sums / np.maximum(numbers, 1)
    beta[design.without :] = gamma
    return beta


def starting_points(counts: MArray, design: Design, starts: int, seed: int) -> list[Floats]:
    """Where to climb from: the moments, the maximum without time, and places about the first."""
    first = moments(counts, design)
    places = [first]
    flat = {
        kind: "+".join(word for word in term.replace("*time", "").split("+") if word != "time")
        or "constant"
        for kind, term in design.terms.items()
    }
    if flat != design.terms and starts > 1:
        smaller = Design(
            design.steps, design.cities, **flat, columns=design.columns, poisson=design.poisson
        )
        top, _ = climb(moments(counts, smaller), counts, smaller)
        gamma = top[smaller.without :]
        eta = smaller.predictors(top) - smaller.matrix @ gamma
        places.append(_projected(eta, design, gamma))
    rng = np.random.default_rng(seed)
    while len(places) < starts:
        spread = JITTER[len(places) % len(JITTER)]
        scattered = first + rng.normal(0.0, spread, design.size)
        places.append(with_unseen(scattered, counts, design))
    return places


def highest(
    counts: MArray,
    design: Design,
    starts: int,
    seed: int,
    workers: int | None,
    progress: engine.Progress | None,
) -> tuple[Floats, float, int]:
    """The highest of the maxima above all starts, -log L there, and how many led to it."""
    upward = partial(climb, counts=counts, design=design)
    with quiet():
        places = starting_points(counts, design, starts, seed)
        tops = list(engine.run(upward, places, workers=workers, progress=progress))
    beta, height = min(tops, key=lambda top: top[1])
    return beta, height, sum(2 * (other - height) < SAME for _, other in tops)


def information_at(counts: MArray, design: Design, beta: Floats, workers: int | None) -> Floats:
    """The observed information, by differences of the exact gradient, of the fourth order."""

    def column(j: int) -> Floats:
        total = np.zeros(design.size)
        for k, weight in ((1, 8.0), (2, -1.0)):
            for sign in (1, -1):
                moved = beta.copy()
                moved[j] += sign * k * _STEP
                total += sign * weight * minus_log_likelihood(moved, counts, design)[1]
        return total / (12 * _STEP)

    columns = list(engine.run(column, range(design.size), workers=workers))
    matrix = np.array(columns).reshape(design.size, design.size)
    return (matrix + matrix.T) / 2


def known(information: Floats) -> tuple[Floats, Floats]:
    """The directions of which something is known, as columns, and the information in each."""
    values, vectors = np.linalg.eigh(information)
    kept = values > max(NOTHING_KNOWN, REDUNDANT * float(values.max(initial=0.0)))
    return vectors[:, kept], values[kept]


def refined(
    counts: MArray, design: Design, beta: Floats, height: float, workers: int | None
) -> tuple[Floats, float, Floats]:
    """The last steps to the maximum, by Newton's method, and the information there."""
    information = information_at(counts, design, beta, workers)
    for _ in range(3):
        slope = minus_log_likelihood(beta, counts, design)[1]
        directions, values = known(information)
        step = directions @ ((directions.T @ slope) / values)
        moved = beta - step
        reached = minus_log_likelihood(moved, counts, design)[0]
        if not (reached <= height and float(slope @ step) > 1e-9):
            break
        beta, height = moved, reached
        information = information_at(counts, design, beta, workers)
    return beta, height, information
