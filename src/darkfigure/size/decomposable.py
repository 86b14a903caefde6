"""Averaging over every decomposable graph: which lists depend on each other is not chosen.

A graph joins the lists that depend on each other directly. Where it is decomposable (no ring of
four or more lists without a chord) and the probabilities of its cells have a hyper-Dirichlet prior,
the probability of the counts n, unseen cell included, needs no fitting (Dawid & Lauritzen 1993;
Madigan & York 1997, equation 5):

    p(n | graph) = multinomial x product of M(C) over cliques / product of M(S) over separators,

M(A) being the Dirichlet-multinomial probability of the table of the lists in A alone. There are
only 2**K such tables. Their logarithms as functions of the number missing are worked out once; a
graph's is a sum of a few of them, and the posterior of the number missing is the sum over the
graphs.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from darkfigure import engine
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.size import _decomposable as kernel
from darkfigure.size.interval import check_draws, doubts_of
from darkfigure.size.loglinear import Model
from darkfigure.size.pooled import over_links
from darkfigure.size.search import cannot_answer

MOST_LISTS = 7
STEP = 0.3  # between nodes of the grid, in standard deviations of the narrowest posterior
FAR = 1e9  # the grid's end, in people per person observed
HEAVIEST = 1  # person, as the prior of a cell
VANISHED = 1e-30  # what lies at the end of a grid, too little to have a slope
LONGEST = 1_000_000  # numbers in a grid that is given
PIECE = 512, 16_384  # nodes and graphs weighed at a time
SCOUT = 32  # every so many nodes are enough to see how high the posterior is
NEGLIGIBLE = 60.0  # logarithms below that: e^-60 of each of a million graphs is still nothing
SHOWN = 10
LEFT_OUT = 1e-3  # of the probability beyond the grid, no more than this
HEAVY = 0.05  # of the people observed, as the worth of the prior
NOTICEABLE = 0.05  # of the probability on graphs under which nobody was found again
MOSTLY = 0.5  # from here on the prior speaks, not the data
SHIFT = 5.0  # per cent of the total when delta is doubled, not worth a word


@functools.cache
def graphs(n_lists: int) -> npt.NDArray[np.uint32]:
    """Every decomposable graph over 2 to 7 lists, as bit masks of its edges.

    Bit 0 is the pair of the first two lists, then come the first and third, and so on.

    Examples
    --------
    >>> [len(graphs(k)) for k in (2, 3, 4, 5)]
    [2, 8, 61, 822]
    """
    found: npt.NDArray[np.uint32] = kernel.chordal_graphs(n_lists)
    found.flags.writeable = False
    return found


def grid(observed: int, step: float = STEP) -> npt.NDArray[np.float64]:
    """Numbers of missing people at which a posterior is worked out, denser where it can be narrow.

    How narrow can the posterior of a graph be? So many people observed tell most of the number
    missing, n, when they come from very many independent lists of few people each. Its variance is
    then N / (exp(x) - 1 - x), where N = n + observed and x = log(N / n), and that is more than
    n (N / observed)**2; no random table was found to tell more. Nodes a fraction of the square root
    of this apart miss no peak, and the sum over them of a curve that smooth is the sum over all
    numbers to many digits (Euler-Maclaurin). Small numbers come one by one, for the posterior can
    have a spike at 0; far away, where it is a power of n, nodes are in equal ratios.

    Parameters
    ----------
    observed : int
    step : float
        The distance of nodes in such standard deviations.

    Examples
    --------
    >>> nodes = grid(1000)
    >>> nodes[:4], bool(nodes[-1] > 1e11), len(nodes)
    (array([0., 1., 2., 3.]), True, 443)
    """
    nodes = [0.0]
    while nodes[-1] < FAR * observed:
        n = nodes[-1]
        narrowest = math.sqrt(n) * (n + observed) / observed
        nodes.append(n + max(1.0, min(step * narrowest, n / 8)))
    return np.array(nodes)


@dataclass(frozen=True)
class Posterior:
    """The probability of every number missing and of every graph.

    Attributes
    ----------
    n_lists, observed : int
    delta : float
        The prior of each cell.
    missing : array of float, shape (n,)
        The nodes of the grid.
    width : array of float, shape (n,)
        How many numbers each node stands for.
    mass : array of float, shape (n,)
        Probability of the numbers at each node; they sum to one.
    edges : array of uint32, shape (graphs,)
        As `graphs` gives them.
    probability : array of float, shape (graphs,)
        Of each graph; they sum to one.
    found_again : array of int, shape (graphs,)
        How many people tell of those missing under each graph: those on both sides of a split into
        independent parts, summed over the splits.
    beyond : float
        The share of the probability that would lie beyond the grid, by the slope at its end.
    """

    n_lists: int
    observed: int
    delta: float
    missing: npt.NDArray[np.float64]
    width: npt.NDArray[np.float64]
    mass: npt.NDArray[np.float64]
    edges: npt.NDArray[np.uint32]
    probability: npt.NDArray[np.float64]
    found_again: npt.NDArray[np.int64]
    beyond: float

    @property
    def mean(self) -> float:
        """The mean of the total on the grid; to infinity it may have none."""
        return self.observed + float(self.mass @ self.missing)

    @property
    def sd(self) -> float:
        """The standard deviation of the total on the grid."""
        return math.sqrt(float(self.mass @ (self.observed + self.missing - self.mean) ** 2))

    @property
    def prior_driven(self) -> float:
        """The probability on graphs under which nobody was found again, so that n is the prior's.

        Under them the likelihood of more and more people missing falls by the prior alone.
        """
        return float(self.probability[self.found_again == 0].sum())

    def model(self, i: int) -> Model:
        """The i-th graph, from 0, as a log-linear model."""
        return Model.generated(self.n_lists, self._cliques(i))

    def _cliques(self, i: int) -> list[int]:
        adjacent, cliques, separators = np.empty((3, self.n_lists), np.int64)
        n, _ = kernel.cliques_and_separators(
            int(self.edges[i]), self.n_lists, adjacent, cliques, separators
        )
        return [int(clique) for clique in cliques[:n]]

    def with_pair(self, a: int, b: int) -> float:
        """The probability that lists a and b, from 0, depend on each other directly."""
        bit = list(combinations(range(self.n_lists), 2)).index((a, b))
        return float(min(1.0, self.probability[self.edges >> bit & 1 == 1].sum()))

    def totals(self, below: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The totals below which the total lies with these probabilities.

        A node stands for the numbers on both sides of it, each as probable as the others.
        """
        wanted = np.asarray(below, np.float64)
        reached = np.cumsum(self.mass)
        at = np.minimum(np.searchsorted(reached, wanted * reached[-1]), self.mass.size - 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = 1 - (reached[at] - wanted * reached[-1]) / self.mass[at]
        inside = (np.nan_to_num(np.clip(share, 0, 1), nan=0.5) - 0.5) * self.width[at]
        # Up to a half person less belongs to the number itself.
        missing = np.ceil(self.missing[at] + inside - 0.5 - 1e-9)
        found: npt.NDArray[np.float64] = self.observed + np.maximum(missing, 0.0)
        return found


def posterior(
    histories: CaptureHistories,
    delta: float | None = None,
    missing: npt.ArrayLike | None = None,
    *,
    step: float = STEP,
    workers: int | None = None,
    progress: engine.Progress | None = None,
) -> Posterior:
    """The probability of every graph and number missing. Parameters and errors as `decomposable`.

    Unlike `decomposable` it does not refuse what only the prior tells.

    Examples
    --------
    >>> found = posterior(CaptureHistories("abc", [0, 40, 30, 40, 20, 4, 3, 1]))
    >>> best = int(found.probability.argmax())
    >>> str(found.model(best)), round(float(found.probability[best]), 2)
    ('[12,3]', 0.55)
    """
    n_lists, observed = len(histories.lists), histories.observed
    if n_lists > MOST_LISTS:
        raise InputError(
            f"There are {n_lists} lists; over more than {MOST_LISTS} there are too many "
            "decomposable graphs to weigh them all. Merge lists of the same kind of agency, or use "
            "another method."
        )
    if observed == 0:
        raise InputError("Nobody is on any of the lists; there is nothing to estimate from.")
    delta = 1 / (1 << n_lists) if delta is None else float(delta)
    if not 0 < delta <= 2 * HEAVIEST:  # what is asked for may be doubled
        raise InputError(
            f"The prior of a cell, delta, is above 0 and at most {HEAVIEST}, not {delta}."
        )
    if missing is None:
        nodes = grid(observed, step)
        width = np.gradient(nodes)
    else:
        nodes = _given(missing)
        width = np.ones(nodes.size)
    edges, counts = graphs(n_lists), histories.known
    log_width = np.log(width) - np.log(observed + nodes)  # with the prior, 1 / N
    log_density = np.full(nodes.size, -np.inf)
    log_mass = np.full(edges.size, -np.inf)
    found_again = np.empty(edges.size, np.int64)

    floor = -math.inf

    def weigh(piece: tuple[slice, slice]) -> tuple[npt.NDArray[Any], ...]:
        at, some = piece
        found = np.empty(nodes[at].size), np.empty(edges[some].size), np.empty(edges[some].size)
        kernel.weigh(counts, n_lists, edges[some], delta, nodes[at], log_width[at], floor, *found)
        return found

    parts = [slice(g, g + PIECE[1]) for g in range(0, edges.size, PIECE[1])]
    here_and_there = slice(0, None, SCOUT)
    scouts = engine.run(weigh, [(here_and_there, some) for some in parts], workers=workers)
    floor = max(float(density.max()) for density, _, _ in scouts) - NEGLIGIBLE
    pieces = [
        (slice(t, t + PIECE[0]), some) for t in range(0, nodes.size, PIECE[0]) for some in parts
    ]
    done = engine.run(weigh, pieces, workers=workers, progress=progress)
    for (at, some), (density, mass, again) in zip(pieces, done, strict=True):
        log_density[at] = np.logaddexp(log_density[at], density)
        log_mass[some] = np.logaddexp(log_mass[some], mass)
        found_again[some] = again
    mass, probability = _shares(log_density), _shares(log_mass)
    return Posterior(
        n_lists=n_lists,
        observed=observed,
        delta=delta,
        missing=nodes,
        width=width,
        mass=mass,
        edges=edges,
        probability=probability,
        found_again=found_again,
        beyond=_beyond(mass) if missing is None else 0.0,
    )


def _shares(logarithms: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    shares: npt.NDArray[np.float64] = np.exp(logarithms - logarithms.max())
    shares /= shares.sum()
    return shares


def _beyond(mass: npt.NDArray[np.float64]) -> float:
    """The share beyond a grid that ends in equal ratios, where a posterior is a power of n."""
    before, last = mass[-2:]
    if last < VANISHED:
        return 0.0
    rest = last / (before / last - 1) if last < before else math.inf
    return float(rest / (1 + rest)) if math.isfinite(rest) else 1.0


def _given(missing: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """A grid of the caller's own, in ascending order."""
    try:
        nodes = np.asarray(missing, np.float64)
    except (TypeError, ValueError):
        nodes = np.empty(0)
    if nodes.ndim != 1 or not 2 <= nodes.size <= LONGEST:
        raise InputError(
            f"The numbers of missing people are a list of 2 to {LONGEST:,} numbers, such as "
            "range(30_000)."
        )
    if not np.all(np.isfinite(nodes) & (nodes >= 0) & (nodes == np.floor(nodes))):
        raise InputError("Numbers of missing people are whole and not below 0.")
    nodes = np.sort(nodes)
    if np.any(np.diff(nodes) == 0):
        raise InputError("A number of missing people is given more than once.")
    return nodes


@over_links
def decomposable(
    histories: CaptureHistories,
    *,
    delta: float | None = None,
    missing: npt.ArrayLike | None = None,
    draws: int = 10_000,
    level: float = 0.95,
    seed: int = 1,
    workers: int | None = None,
    progress: engine.Progress | None = None,
) -> Estimate:
    """Estimate the total by averaging over all decomposable graphs, with hyper-Dirichlet priors.

    Parameters
    ----------
    histories : CaptureHistories
        Counts over 2 to 7 lists.
    delta : float, optional
        The prior of each of the 2**K cells, in people, above 0 and at most 1. When left out it
        is 2**-K: all cells together, the unseen one included, weigh as much as one person, however
        many lists there are. A delta of 1/2 or 1, harmless with few cells, is worth 16 or 32 people
        over five lists and favours the graph that joins all of them, under which the number missing
        is what the prior says.
    missing : array of int, optional
        Take only these numbers of missing people as possible, all different. When left out the
        grid reaches to a thousand million people for each one observed, dense enough at every
        place for the narrowest posterior that so many people can give.
    draws : int
        How many totals to draw, 1,000 to 1,000,000.
    level : float
        The probability of the interval, between 0 and 1.
    seed : int
        Of the draws; the number of workers does not change them.
    workers : int, optional
        Cores to use.
    progress : callable, optional
        Told how many pieces of the graphs and of the grid are done.

    Returns
    -------
    Estimate
        `total` is the median of the posterior, `lower` and `upper` are its equal-tailed quantiles;
        all three are exact, not taken from the draws. Of a total N the prior is proportional to
        1 / N, and all graphs are equally probable beforehand. In `details`:

        - `delta`, `graphs` (their number);
        - `best_models`: up to ten, each with its `probability` and the median `total` under it;
        - `dependent`: for each pair of `lists` the `probability` that it is joined;
        - `mass_prior_driven`: the probability on graphs under which nobody was found again. Under
          the graph [12,3], for example, people are found again who are on list 3 and also on list 1
          or 2. Where there are none, or under the graph that joins all lists, the number missing is
          what the prior says;
        - `mass_left_out`: the probability beyond the grid;
        - `delta_doubled`: the `total`, `lower` and `upper` when `delta` is twice as large.

    Raises
    ------
    NoEstimateError
        If not one person is on two lists; if more than half of the probability is prior-driven; or
        if the posterior does not fall off.
    InputError
        If there are too many lists, nobody is on any, or a parameter is out of range.

    Notes
    -----
    Madigan & York (1997), Biometrika 84, 19-31; Dawid & Lauritzen (1993), Annals of Statistics 21,
    1272-1317, for hyper-Dirichlet priors. Johndrow, Lum & Manrique-Vallier (2019), Biometrika 106,
    for what cannot be known about the unseen. There are 8, 61, 822, 18,154 and 617,675 graphs over
    3 to 7 lists.

    Examples
    --------
    >>> found = decomposable(CaptureHistories("abc", [0, 40, 30, 40, 20, 4, 3, 1]))
    >>> found.lower < found.total < found.upper
    True
    >>> found.details["best_models"][0]["model"], found.details["graphs"]
    ('[12,3]', 8)
    """
    check_draws(draws, level)
    if delta is not None and delta > HEAVIEST:
        raise InputError(
            f"The prior of a cell, delta, is above 0 and at most {HEAVIEST}, not {delta}."
        )
    found = posterior(histories, delta, missing, workers=workers, progress=progress)
    if histories.people_on(1) == histories.observed:
        raise NoEstimateError(cannot_answer(histories))
    if found.beyond > LEFT_OUT:
        raise NoEstimateError(
            f"These lists cannot answer: with a prior of {found.delta:g} for each cell "
            f"{100 * found.beyond:.1f} % of the probability is on more than {FAR:,.0f} people for "
            "each one observed; the posterior does not fall off."
        )
    if found.prior_driven > MOSTLY:
        raise NoEstimateError(_only_the_prior(found))
    doubled = posterior(histories, 2 * found.delta, missing, step=2 * STEP, workers=workers)
    quantiles = [(1 - level) / 2, 0.5, (1 + level) / 2]
    lower, total, upper = (float(limit) for limit in found.totals(quantiles))
    other = dict(zip(("lower", "total", "upper"), doubled.totals(quantiles).tolist(), strict=True))
    likely = np.lexsort((np.arange(found.edges.size), -found.probability))[:SHOWN]
    pairs = list(combinations(range(found.n_lists), 2))
    details: dict[str, Any] = {
        "delta": found.delta,
        "graphs": found.edges.size,
        "best_models": [
            {
                "model": str(found.model(int(i))),
                "probability": float(found.probability[i]),
                "total": alone,
            }
            for i, alone in zip(likely, _under_each(histories, found, likely), strict=True)
        ],
        "dependent": [
            {
                "lists": [histories.lists[a], histories.lists[b]],
                "probability": found.with_pair(a, b),
            }
            for a, b in pairs
        ],
        "mass_prior_driven": found.prior_driven,
        "mass_left_out": found.beyond,
        "delta_doubled": {"delta": doubled.delta, **other},
        "interval": "posterior, over graphs and within them",
    }
    return Estimate(
        total=total,
        lower=lower,
        upper=upper,
        level=level,
        observed=histories.observed,
        method="decomposable",
        lists=histories.lists,
        settings={
            "delta": found.delta,
            "missing": None if missing is None else _as_said(found.missing),
            "draws": draws,
            "level": level,
            "seed": seed,
        },
        details=details,
        warnings=(
            *histories.notes,
            *doubts_of(histories, total),
            *_doubts_about(found, total, other["total"], given=missing is not None),
        ),
        draws=found.totals(np.random.default_rng(seed).random(draws)),
    )


def _under_each(
    histories: CaptureHistories, found: Posterior, some: npt.NDArray[np.int64]
) -> list[float]:
    """The median of the total under some of the graphs alone."""
    nodes, edges = found.missing, found.edges[some]
    log_width = np.log(found.width) - np.log(found.observed + nodes)
    log_density = np.empty((edges.size, nodes.size))
    table = histories.known, found.n_lists, edges, found.delta
    for t in range(0, nodes.size, PIECE[0]):
        at = slice(t, t + PIECE[0])
        piece = np.empty((edges.size, nodes[at].size))
        kernel.densities(*table, nodes[at], log_width[at], piece)
        log_density[:, at] = piece
    return [float(replace(found, mass=_shares(row)).totals(0.5)) for row in log_density]


def _as_said(nodes: npt.NDArray[np.float64]) -> dict[str, int] | list[int]:
    """A grid as a setting: where it is even, from where to where in which steps."""
    steps = np.diff(nodes)
    if np.all(steps == steps[0]):
        return {"from": int(nodes[0]), "to": int(nodes[-1]), "step": int(steps[0])}
    return [int(n) for n in nodes]


def _only_the_prior(found: Posterior) -> str:
    """Why there is no estimate where most of the probability is prior-driven."""
    share = f"{math.floor(100 * found.prior_driven)} %"
    why = (
        f"These lists cannot answer by decomposable graphs: {share} of the probability is on "
        "graphs under which nobody counts as found again, so that the number missing is what the "
        "prior says, not the data."
    )
    if found.delta > 1.01 / (1 << found.n_lists):
        return (
            f"{why} That may come from a prior of {found.delta:g} for each of "
            f"{1 << found.n_lists} cells, as much as {found.delta * (1 << found.n_lists):g} "
            f"people; leave delta out to have one of {1 / (1 << found.n_lists):g}."
        )
    return f"{why} Add a list, or use a method that takes fewer dependencies for possible."


def _doubts_about(found: Posterior, total: float, doubled: float, *, given: bool) -> list[str]:
    """What in the posterior should make a reader careful."""
    doubts = []
    if found.prior_driven > NOTICEABLE:
        doubts.append(
            "Graphs under which nobody counts as found again have "
            f"{100 * found.prior_driven:.0f} % of the probability; under them the number missing "
            "is what the prior says, not the data."
        )
    whole = found.delta * (1 << found.n_lists)
    if whole > HEAVY * found.observed:
        doubts.append(
            f"The prior is worth {whole:g} people, and only {found.observed:,} were seen; it has a "
            "say in the total."
        )
    if abs(change := 100 * (doubled / total - 1)) > SHIFT:
        doubts.append(
            f"The prior matters: were it worth {2 * whole:g} people and not {whole:g}, the total "
            f"would be {abs(change):.0f} % {'higher' if change > 0 else 'lower'}."
        )
    first, last = found.missing[0], found.missing[-1]
    cut = float(found.mass[found.missing > last - (last - first) / 100].sum())
    if given and cut > LEFT_OUT:
        doubts.append(
            f"The grid of missing people cuts the posterior off: {100 * cut:.1f} % of the "
            "probability is on its last hundredth. Give a longer grid, or none."
        )
    return doubts
