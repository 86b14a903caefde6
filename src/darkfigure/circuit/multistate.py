"""The multistate model: who stays, who moves on and who is seen, from city to city.

Somebody who was in city r on occasion t is still in one of the cities on the next with the survival
S_t(r), is then in city s with the movement psi_t(r, s), and is seen there with the detection
p_t+1(s) (Arnason 1972, 1973; Schwarz, Schweigert & Arnason 1993; Brownie et al. 1993). The chance
to be seen next on occasion u + 1 in s, after t in r, is the entry (r, s) of

    D_t Q_t D_t+1 Q_t+1 ... D_u P_u,    D = diag(S) psi,  P = diag(p),  Q = I - P,

and the likelihood, given the first sighting of each, is their product over all sightings that
followed another and, for the last sighting of each, the chance that none followed. With one city it
is the model of Cormack, Jolly and Seber. "Survival" is the field's word: whoever leaves all the
cities that are watched has not survived, wherever they are.

The likelihood has local maxima: it is climbed from many places. Not all parameters need have an
estimate. With survival and detection by time, those of the last step come only as a product, and
others may hang on data that are not there; these are found and named, and have no number.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import NormalDist
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, logit

from darkfigure import engine
from darkfigure.circuit import _multistate as kernel
from darkfigure.circuit.design import FARTHEST, Design, Natural
from darkfigure.circuit.m_array import MArray, m_array
from darkfigure.circuit.sightings import Histories
from darkfigure.errors import InputError, NoEstimateError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

STARTS = 20
JITTER = (0.5, 1.0)  # standard deviations, on the logit scale, about the first start
MOST_PARAMETERS = 2_000  # their information is a matrix of all pairs
SAME = 0.01  # of -2 log L: two maxima no further apart are one
EDGE = 1e-4  # a probability this close to 0 or 1 is at the boundary
REDUNDANT = 1e-9  # of an eigenvalue of the scaled information: zero, but for rounding
NOTHING_KNOWN = 1e-3  # of an eigenvalue on the logit scale: a standard error above 30
TOUCHED = 1e-3  # the share of a direction that lies where nothing is known
_STEP = 1e-3  # of the differences of gradients


@dataclass(frozen=True)
class Estimated:
    """One probability of the model.

    Attributes
    ----------
    parameter : {'survival', 'detection', 'movement'}
    city, to : str or None
        Where, and for movement to where; None where it is the same in all cities.
    occasion : str or None
        The occasion of detection, or "1984 to 1985" for what happens between two; None where it is
        the same over time.
    estimate : float or None
        The probability; None where the data cannot tell.
    standard_error, lower, upper : float or None
        By the observed information, the limits on the logit scale; None too at the boundary, where
        `profile` gives limits.
    """

    parameter: str
    city: str | None
    to: str | None
    occasion: str | None
    estimate: float | None
    standard_error: float | None
    lower: float | None
    upper: float | None

    @property
    def name(self) -> str:
        """The parameter in words.

        Examples
        --------
        >>> Estimated("movement", "Reno", "Oakland", "May to June", 0.2, None, None, None).name
        'movement from Reno to Oakland, May to June'
        """
        where = f" in {self.city}" if self.city is not None else ""
        if self.to is not None:
            where = f" from {self.city} to {self.to}"
        return f"{self.parameter}{where}" + (f", {self.occasion}" if self.occasion else "")

    def to_dict(self) -> dict[str, Any]:
        """Its fields but the parameter, ready for JSON; `to` for movement only."""
        told = {
            "city": self.city,
            "to": self.to,
            "occasion": self.occasion,
            "estimate": self.estimate,
            "standard_error": self.standard_error,
            "lower": self.lower,
            "upper": self.upper,
        }
        if self.parameter != "movement":
            del told["to"]
        return told


@dataclass(frozen=True, eq=False)
class Fit:
    """A multistate model at the highest maximum that was found.

    Attributes
    ----------
    minus2loglik : float
        -2 log L, given the first sighting of each.
    parameters : int
        How many parameters the model has.
    estimable : int
        Of how many functions of them the likelihood depends, whatever the numbers in the data;
        criteria count these.
    estimates : tuple of Estimated
    not_estimable, at_boundary : tuple of str
        The names of the estimates that the data cannot tell, and of those at 0 or 1.
    people, releases : int
        People seen, and sightings on all occasions but the last, after which they could be seen.
    found : int
        From how many of the starts the same maximum was found.
    settings : mapping
        All that is needed to do it again, seed included.
    warnings : tuple of str
        What the reader must know, in plain sentences.
    beta : array, shape (parameters,)
        The maximum, on the logit scale; one of many where parameters are not estimable.
    """

    minus2loglik: float
    parameters: int
    estimable: int
    estimates: tuple[Estimated, ...]
    not_estimable: tuple[str, ...]
    at_boundary: tuple[str, ...]
    people: int
    releases: int
    found: int
    settings: Mapping[str, Any]
    warnings: tuple[str, ...]
    beta: Floats = field(repr=False)

    @property
    def aic(self) -> float:
        """Akaike's criterion by the estimable parameters; QAIC where c-hat is not one.

        QAIC is -2 log L / c-hat + 2 k (Lebreton et al. 1992).
        """
        return float(self.minus2loglik / self.settings["c_hat"] + 2 * self.estimable)

    @property
    def aicc(self) -> float:
        """The same for small samples, of which the size is the number of releases; may be infinite.

        What is added is 2 k (k + 1) / (n - k - 1) (Hurvich & Tsai 1989).
        """
        left = self.releases - self.estimable - 1
        if left <= 0:
            return math.inf
        return self.aic + 2 * self.estimable * (self.estimable + 1) / left

    @property
    def model(self) -> str:
        """The model in one line.

        Examples
        --------
        >>> h = Histories("A", ("1", "2", "3"), [[1, 1, 0], [1, 0, 1], [1, 1, 1]], [20, 9, 30])
        >>> fit(h, movement="constant").model
        'survival constant, detection constant, movement constant'
        """
        kinds = ("survival", "detection", "movement")
        return ", ".join(f"{kind} {self.settings[kind]}" for kind in kinds)

    def of(self, parameter: str, city: str | None = None, to: str | None = None) -> list[Estimated]:
        """The estimates of one kind, of a city or of a move if one is given.

        Examples
        --------
        >>> h = Histories("A", ("1", "2", "3"), [[1, 1, 0], [1, 0, 1], [1, 1, 1]], [20, 9, 30])
        >>> [round(each.estimate, 3) for each in fit(h).of("detection")]
        [0.754]
        """
        return [
            each
            for each in self.estimates
            if each.parameter == parameter and city in (None, each.city) and to in (None, each.to)
        ]

    def to_dict(self) -> dict[str, Any]:
        """All of it but the warnings' cause, ready for JSON."""
        kinds = ("survival", "detection", "movement")
        return {
            "minus2loglik": self.minus2loglik,
            "parameters": self.parameters,
            "estimable": self.estimable,
            "aic": self.aic,
            "aicc": self.aicc if math.isfinite(self.aicc) else None,
            "people": self.people,
            "releases": self.releases,
            "estimates": {kind: [each.to_dict() for each in self.of(kind)] for kind in kinds},
            "not_estimable": list(self.not_estimable),
            "at_boundary": list(self.at_boundary),
            "found": self.found,
            **self.settings,
            "warnings": list(self.warnings),
        }

    def table(self) -> str:
        """The estimates as a table for people."""
        lines = [f"{'':<44}{'estimate':>9}{'se':>8}{'lower':>8}{'upper':>8}"]
        for each in self.estimates:
            numbers = (each.estimate, each.standard_error, each.lower, each.upper)
            cells = [f"{'–' if x is None else format(x, '.3f')}" for x in numbers]
            lines.append(f"{each.name:<44}{cells[0]:>9}" + "".join(f"{c:>8}" for c in cells[1:]))
        return "\n".join(lines)

    def __str__(self) -> str:
        return (
            f"{self.model}: -2 log L {self.minus2loglik:,.2f}, {self.estimable} of "
            f"{self.parameters} parameters estimable, AIC {self.aic:,.2f}"
        )


def fit(
    histories: Histories,
    survival: str = "constant",
    detection: str = "constant",
    movement: str = "city",
    *,
    starts: int = STARTS,
    level: float = 0.95,
    c_hat: float = 1.0,
    seed: int = 1,
    workers: int | None = None,
    progress: engine.Progress | None = None,
) -> Fit:
    """Fit a multistate model by maximum likelihood, from many starts.

    Parameters
    ----------
    histories : Histories
    survival, detection, movement : {'constant', 'time', 'city', 'city+time', 'city*time'}
        What each depends on; see `darkfigure.circuit.design`. With one city there is no movement.
    starts : int
        From how many places the likelihood is climbed: what the counts suggest, the maximum of the
        same model without time, and others scattered about the first.
    level : float
        The confidence of the limits.
    c_hat : float
        How many times larger variances are than the model says, 1 or more; `goodness_of_fit` has
        an estimate. Standard errors grow by its root, and the criteria become QAIC.
    seed : int
        The result is the same for a seed, on any number of cores.
    workers : int, optional
        How many cores to use; all of them when left out.
    progress : callable, optional
        Told how many starts are done.

    Returns
    -------
    Fit

    Raises
    ------
    InputError
        For a word or number that is not allowed, or more parameters than 2,000.
    NoEstimateError
        If nobody was seen on any occasion but the last, or nobody was ever seen again.

    Examples
    --------
    >>> rows = [[1, 1, 0], [1, 2, 1], [2, 1, 2], [2, 0, 2], [1, 0, 1]]
    >>> h = Histories("AB", ("1", "2", "3"), rows, [20, 30, 9, 14, 12])
    >>> found = fit(h, starts=3)
    >>> print(found)
    survival constant, detection constant, movement city: -2 log L 289.43, 4 of 4 ...
    """
    if not 0 < level < 1:
        raise InputError(f"The level of an interval lies between 0 and 1, not {level}.")
    if starts < 1:
        raise InputError(f"One start or more is needed, not {starts}.")
    if not 1 <= c_hat < math.inf:
        raise InputError(f"c-hat is 1 or more, not {c_hat}.")
    counts = m_array(histories)
    _check_answerable(counts, histories)
    steps, cities = counts.never.shape
    design = Design(steps, cities, survival, detection, movement)
    if design.size > MOST_PARAMETERS:
        raise InputError(
            f"This model has {design.size:,} parameters; {MOST_PARAMETERS:,} is the most. Let less "
            "of it change with time, or take longer occasions."
        )
    beta, height, found = _highest(counts, design, starts, seed, workers, progress)
    within = beta.clip(-FARTHEST, FARTHEST)  # beyond, most often nothing changes any more
    if minus_log_likelihood(within, counts, design)[0] <= height + SAME / 100:
        beta = within
    beta, height, information = _refined(counts, design, beta, height, workers)
    width = NormalDist().inv_cdf((1 + level) / 2), math.sqrt(c_hat)
    estimates, estimable = _estimates(counts, design, beta, information, histories, width, workers)
    lost = tuple(each.name for each in estimates if each.estimate is None)
    edge = tuple(
        each.name for each in estimates if each.estimate is not None and each.standard_error is None
    )
    settings = {
        "survival": survival,
        "detection": detection,
        "movement": movement,
        "starts": starts,
        "level": level,
        "c_hat": c_hat,
        "seed": seed,
    }
    return Fit(
        minus2loglik=2 * height,
        parameters=design.size,
        estimable=estimable,
        estimates=tuple(estimates),
        not_estimable=lost,
        at_boundary=edge,
        people=histories.people,
        releases=int(counts.released.sum()),
        found=found,
        settings=MappingProxyType(settings),
        warnings=tuple(_warnings(counts, histories, lost, edge, found, starts)),
        beta=beta,
    )


def compile_once() -> None:
    """Load the kernel, compiling it if it never ran here."""
    fit(Histories("A", ("1", "2"), [[1, 1], [1, 0]], [3, 1]), starts=1)


def minus_log_likelihood(beta: Floats, counts: MArray, design: Design) -> tuple[float, Floats]:
    """-log L and its gradient at these parameters.

    Examples
    --------
    >>> h = Histories("A", ("1", "2"), [[1, 1], [1, 0]], [3, 1])
    >>> minus_log_likelihood(np.zeros(2), m_array(h), Design(1, 1, "constant", "constant", "city"))
    (4.446..., array([-1.33..., -1.33...]))
    """
    at = design.natural(beta)
    like, *events = kernel.expected(
        counts.again,
        counts.never,
        counts.last,
        at.survival,
        at.gone,
        at.movement,
        at.detection,
        at.missed,
    )
    return -like, -design.gradient(at, tuple(events))


def _check_answerable(counts: MArray, histories: Histories) -> None:
    if not counts.released.any():
        raise NoEstimateError(
            "Nobody was seen before the last occasion, so nobody could be seen again: nothing can "
            "be told of who stays or moves."
        )
    if not counts.again.any():
        raise NoEstimateError(
            f"None of the {histories.people:,} people was seen on more than one occasion: nothing "
            "can be told of who stays, who moves and who is not seen."
        )


def climb(beta: Floats, counts: MArray, design: Design) -> tuple[Floats, float]:
    """The maximum above a start, and -log L there."""
    return least(minus_log_likelihood, beta, counts, design)


def least(
    function: Callable[..., tuple[float, Floats]], start: Floats, *fixed: Any
) -> tuple[Floats, float]:
    """Where a function, given with its gradient, is least below a start, and its value there."""
    if not start.size:
        return start, function(start, *fixed)[0]
    most = 20 * start.size + 500
    found = minimize(function, start, fixed, "BFGS", jac=True, options={"maxiter": most})
    return found.x, float(found.fun)


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
    eta = np.concatenate(
        [
            np.full(steps * cities, logit(alive)),
            np.full(steps * cities, logit(found)),
            np.tile(logits.ravel(), steps),
        ]
    )
    return _projected(eta, design)


def _projected(eta: Floats, design: Design) -> Floats:
    """Parameters with about these linear predictors: the mean over all that are one's."""
    first = design.places[0]
    numbers = np.bincount(first, minlength=design.size)
    sums = np.bincount(first, eta, minlength=design.size)
    return sums / np.maximum(numbers, 1)


def _starts(counts: MArray, design: Design, starts: int, seed: int) -> list[Floats]:
    first = moments(counts, design)
    places = [first]
    flat = {
        kind: {"time": "constant", "city+time": "city", "city*time": "city"}.get(term, term)
        for kind, term in design.terms.items()
    }
    if flat != design.terms and starts > 1:
        smaller = Design(design.steps, design.cities, **flat)
        top, _ = climb(moments(counts, smaller), counts, smaller)
        places.append(_projected(smaller.predictors(top), design))
    rng = np.random.default_rng(seed)
    while len(places) < starts:
        spread = JITTER[len(places) % len(JITTER)]
        places.append(first + rng.normal(0.0, spread, design.size))
    return places


def design_of(histories: Histories, found: Fit) -> Design:
    """The model that was fitted."""
    terms = {kind: found.settings[kind] for kind in ("survival", "detection", "movement")}
    return Design(len(histories.occasions) - 1, len(histories.cities), **terms)


def _highest(
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
        places = _starts(counts, design, starts, seed)
        tops = list(engine.run(upward, places, workers=workers, progress=progress))
    beta, height = min(tops, key=lambda top: top[1])
    return beta, height, sum(2 * (other - height) < SAME for _, other in tops)


def _information(counts: MArray, design: Design, beta: Floats, workers: int | None) -> Floats:
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


def _known(information: Floats) -> tuple[Floats, Floats]:
    """The directions of which something is known, as columns, and the information in each."""
    values, vectors = np.linalg.eigh(information)
    kept = values > max(NOTHING_KNOWN, REDUNDANT * float(values.max(initial=0.0)))
    return vectors[:, kept], values[kept]


def _refined(
    counts: MArray, design: Design, beta: Floats, height: float, workers: int | None
) -> tuple[Floats, float, Floats]:
    """The last steps to the maximum, by Newton's method, and the information there."""
    information = _information(counts, design, beta, workers)
    for _ in range(3):
        slope = minus_log_likelihood(beta, counts, design)[1]
        directions, values = _known(information)
        step = directions @ ((directions.T @ slope) / values)
        moved = beta - step
        reached = minus_log_likelihood(moved, counts, design)[0]
        if not (reached <= height and float(slope @ step) > 1e-9):
            break
        beta, height = moved, reached
        information = _information(counts, design, beta, workers)
    return beta, height, information


def expected_counts(natural: Natural, released: Floats) -> MArray:
    """The m-array that would be expected, given how many are seen on each occasion.

    Parameters
    ----------
    natural : Natural
    released : array, shape (T - 1, R)

    Returns
    -------
    MArray
        Of which `released` and `never` are as given and expected.
    """
    steps, cities = released.shape
    again = np.zeros((steps, cities, steps, cities))
    step = natural.survival[:, :, None] * natural.movement
    for t in range(steps):
        here = np.diag(released[t])
        for u in range(t, steps):
            reach = here @ step[u]
            again[t, :, u] = reach * natural.detection[u]
            here = reach * natural.missed[u]
    first = np.zeros((steps + 1, cities))
    first[:-1] = released
    first[1:-1] -= again.sum(axis=(0, 1))[:-1]
    return MArray(first, again)


def _redundant(counts: MArray, design: Design, workers: int | None) -> tuple[Floats, Natural]:
    """The directions in which the likelihood is flat whatever the numbers seen, as columns.

    They are those of the expected information at a place without anything special (Catchpole &
    Morgan 1997), given who could be seen again; with the probabilities there.
    """
    rng = np.random.default_rng(0)
    generic = rng.normal(0.0, 0.3, design.size)
    natural = design.natural(generic)
    expected = expected_counts(natural, counts.released)
    information = _information(expected, design, generic, workers)
    scale = np.sqrt(np.maximum(np.diag(information), 0.0))
    scale[scale <= REDUNDANT * scale.max(initial=1.0)] = 1.0
    values, vectors = np.linalg.eigh(information / np.outer(scale, scale))
    flat = vectors[:, values < REDUNDANT * 100] / scale[:, None]
    return np.linalg.qr(flat)[0], natural


def _estimates(
    counts: MArray,
    design: Design,
    beta: Floats,
    information: Floats,
    histories: Histories,
    width: tuple[float, float],
    workers: int | None,
) -> tuple[list[Estimated], int]:
    """All probabilities with their errors, and how many functions of them can be estimated."""
    natural = design.natural(beta)
    flat, anywhere = _redundant(counts, design, workers)
    directions, values = _known(information)
    z, inflated = width
    found = []
    for parameter, index, labels in rows(design, histories):
        share = probability(natural, parameter, index)
        gradient = slope(design, natural, parameter, index)
        general = slope(design, anywhere, parameter, index)
        length = float(np.linalg.norm(gradient))
        lost = np.linalg.norm(flat.T @ general) > TOUCHED * np.linalg.norm(general)
        inside = directions.T @ gradient
        unknown = length**2 - float(inside @ inside) > (TOUCHED * length) ** 2
        edge = not EDGE < share < 1 - EDGE
        estimate: float | None = share
        error = lower = upper = None
        if lost or (unknown and not edge):
            estimate = None
        elif not unknown and not edge:
            off = inflated * math.sqrt(float(np.sum(inside**2 / values)))
            error = off * share * (1 - share)
            at = float(logit(share))
            lower, upper = float(expit(at - z * off)), float(expit(at + z * off))
        found.append(Estimated(parameter, *labels, estimate, error, lower, upper))
    return found, design.size - flat.shape[1]


Index = tuple[int, ...]
Labels = tuple[str | None, str | None, str | None]


def rows(design: Design, histories: Histories) -> list[tuple[str, Index, Labels]]:
    """Each different probability: its kind, where it stands, and its city, aim and occasion."""
    cities, occasions = histories.cities, histories.occasions
    told: list[tuple[str, Index, Labels]] = []
    for parameter, term in design.terms.items():
        if parameter == "movement" and design.cities == 1:
            continue
        for t in range(design.steps if "time" in term else 1):
            when = occasions[t + 1] if parameter == "detection" else None
            when = when or f"{occasions[t]} to {occasions[t + 1]}"
            occasion = when if "time" in term else None
            if parameter == "movement":
                for r, city in enumerate(cities):
                    for s, to in enumerate(cities):
                        told.append((parameter, (t, r, s), (city, to, occasion)))
                continue
            for r in range(design.cities if "city" in term else 1):
                city_or_all = cities[r] if "city" in term else None
                told.append((parameter, (t, r), (city_or_all, None, occasion)))
    return told


def probability(natural: Natural, parameter: str, index: Index) -> float:
    """One of the probabilities."""
    table: Floats = getattr(natural, parameter)
    return float(table[index])


def log_odds(natural: Natural, parameter: str, index: Index) -> float:
    """The logit of one of the probabilities, also where it is close to one."""
    against = {"survival": natural.gone, "detection": natural.missed}
    if parameter in against:
        rest = float(against[parameter][index])
    else:
        *row, s = index
        rest = float(np.delete(natural.movement[tuple(row)], s).sum())
    return math.log(probability(natural, parameter, index)) - math.log(rest)


def slope(design: Design, natural: Natural, parameter: str, index: Index) -> Floats:
    """The gradient of the logit of a probability in the parameters.

    For movement, d logit psi(r, s) / d eta(r, k) is 1 for k = s, and else minus the share of k
    among all that are not s.
    """
    eta = np.zeros(design.places.shape[1])
    block = eta[design.blocks[parameter]]
    if parameter != "movement":
        block.reshape(design.steps, design.cities)[index] = 1.0
        return design.gather(eta)
    t, r, s = index
    rates = natural.movement[t, r].copy()
    rates[s] = 0.0
    shares = -rates / rates.sum() if rates.sum() > 0 else rates
    shares[s] = 1.0
    moves = block.reshape(design.steps, design.cities, design.cities - 1)
    moves[t, r] = shares[design.others[r]]
    return design.gather(eta)


def _warnings(
    counts: MArray,
    histories: Histories,
    lost: Sequence[str],
    edge: Sequence[str],
    found: int,
    starts: int,
) -> list[str]:
    told = list(histories.notes)
    if lost:
        told.append(
            f"{_several(len(lost), 'parameter')} cannot be estimated from these data with this "
            f"model, and {'has' if len(lost) == 1 else 'have'} no number."
        )
    if edge:
        told.append(
            f"{_several(len(edge), 'estimate')} {'is' if len(edge) == 1 else 'are'} at 0 or 1, "
            "where a standard error means nothing; ask for a profile interval."
        )
    if found == 1 and starts > 1:
        told.append(
            f"Only one of {starts} starts led to the highest maximum that was found; there may be "
            "a higher one. Take more starts, or a smaller model."
        )
    moved = counts.moves
    for r, city in enumerate(histories.cities):
        if not counts.first[:, r].any() and not moved[:, r].any():
            told.append(f"Nobody was ever seen in {city}.")
        elif len(histories.cities) > 1:
            if moved[r].sum() == moved[r, r]:
                told.append(f"Nobody seen in {city} was seen next in another city.")
            if moved[:, r].sum() == moved[r, r]:
                told.append(f"Nobody seen in another city was seen next in {city}.")
    return told


def _several(number: int, what: str) -> str:
    return f"One {what}" if number == 1 else f"{number} {what}s"
