"""How many people are expected to go from city to city.

People in a city are those seen there over the chance to be seen, N_t(r) = n_t(r) / p_t(r). Of them

    F_t(r, s) = N_t(r) S_t(r) psi_t(r, s)

are expected in city s on the next occasion. All is the mean over the steps of which the rates are
known, for one step between two occasions, of all people that there are, seen or not.

Covariances are by the delta method over the parameters of the fit, with those of who happens to be
seen, n (1 - p) / p**2 for each N, which is Horvitz and Thompson's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from darkfigure.circuit.design import Design, Natural
from darkfigure.circuit.estimates import EDGE, rows
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.m_array import m_array
from darkfigure.circuit.maximum import information_at, known
from darkfigure.circuit.multistate import Fit, design_of
from darkfigure.errors import NoEstimateError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ExpectedMoves:
    """Moves between cities, per step between occasions.

    Attributes
    ----------
    pairs : array of int, shape (P, 2)
        The numbers of the cities, from and to, of which the data can tell.
    moves : array, shape (P,)
        People expected to go.
    covariance : array, shape (P, P)
    at_boundary : array of bool, shape (P,)
        Where the rate is 0 or 1 on any step, and a standard error means nothing.
    unknown : array of int, shape (Q, 2)
        The pairs of which the data cannot tell.
    steps : int
        Over how many steps the mean is taken.
    """

    pairs: Ints
    moves: Floats
    covariance: Floats
    at_boundary: Bools
    unknown: Ints
    steps: int


def expected_moves(
    histories: Histories, found: Fit, *, workers: int | None = None
) -> ExpectedMoves:
    """How many people are expected to go from each city to each other.

    Parameters
    ----------
    histories : Histories
        What was fitted.
    found : Fit
        Its c-hat is taken.
    workers : int, optional
        How many cores to use.

    Raises
    ------
    NoEstimateError
        If there is no step of which survival, detection and movement are known.

    Examples
    --------
    >>> from darkfigure.circuit.multistate import fit
    >>> rows = [[1, 1, 1], [1, 2, 0], [2, 2, 2], [2, 1, 2], [1, 0, 1], [2, 0, 0]]
    >>> h = Histories("AB", ("1", "2", "3"), rows, [60, 20, 40, 10, 9, 30])
    >>> expected_moves(h, fit(h, starts=2)).moves.round(1)
    array([13.2,  7.3])
    """
    design = design_of(histories, found)
    steps, unknown, edge = _steps(histories, found, design)
    apart = ~np.eye(design.cities, dtype=bool)
    pairs = np.argwhere(apart & ~unknown)
    moves, covariance = _moves(histories, found, design, steps, pairs, workers)
    at_boundary = edge[tuple(pairs.T)]
    lost = np.argwhere(apart & unknown)
    return ExpectedMoves(pairs, moves, covariance, at_boundary, lost, len(steps))


def _steps(histories: Histories, found: Fit, design: Design) -> tuple[Sequence[int], Bools, Bools]:
    """The steps to take the mean over, the pairs that are unknown there, and those at 0 or 1."""
    natural = design.natural(found.beta)
    lost = {
        "survival": np.zeros_like(natural.survival, bool),
        "detection": np.zeros_like(natural.detection, bool),
        "movement": np.zeros_like(natural.movement, bool),
    }
    edge = lost["movement"].copy()
    for each, (kind, index, _) in zip(found.estimates, rows(design, histories), strict=True):
        if kind == "entry":
            continue
        always = slice(None) if each.occasion is None else index[0]
        everywhere = slice(None) if each.city is None else index[1]
        at = (always, everywhere, *index[2:])
        unseen = kind == "detection" and each.estimate is not None and each.estimate < EDGE
        lost[kind][at] = each.estimate is None or unseen
        if kind == "movement":
            edge[at] = each.standard_error is None
    stock = lost["detection"]
    if _known_at_first(design):
        before = stock[: design.steps]
    else:
        before = np.concatenate([np.ones((1, design.cities), bool), stock[:-1]])
    unknown = (before | lost["survival"])[:, :, None] | lost["movement"]
    steps = [t for t in range(design.steps) if not unknown[t].all()]
    if not steps:
        raise NoEstimateError(
            "There is no step of which survival, detection and movement are all known; let less "
            "of the model change with time."
        )
    return steps, np.any(unknown[steps], axis=0), np.any(edge[steps], axis=0)


def _known_at_first(design: Design) -> bool:
    """Whether the first occasion, too, is one of which the chance to be seen is known."""
    return "entry" in design.terms or not design.varies["detection"][0]


def _moves(
    histories: Histories,
    found: Fit,
    design: Design,
    steps: Sequence[int],
    pairs: Ints,
    workers: int | None,
) -> tuple[Floats, Floats]:
    """The expected moves between pairs of cities, and their covariances."""
    natural = design.natural(found.beta)
    shape = (design.steps, design.cities)
    rates = [_rates(natural, t, _known_at_first(design)) for t in steps]
    seen = [_seen(histories, t) for t in steps]
    moves = np.zeros(len(pairs))
    gradients = np.zeros((len(pairs), design.size))
    covariance = np.zeros((len(pairs), len(pairs)))
    for at, (r, s) in enumerate(pairs):
        eta = np.zeros(design.places.shape[1])
        alive = eta[design.blocks["survival"]].reshape(shape)
        caught = eta[design.blocks["detection"]].reshape(-1, design.cities)
        moved = eta[design.blocks["movement"]].reshape(*shape, design.cities - 1)
        for t, (p, missed, before), n in zip(steps, rates, seen, strict=True):
            psi = natural.movement[t, r]
            flow = n[r] / p[r] * natural.survival[t, r] * psi[s] / len(steps)
            moves[at] += flow
            alive[t, r] += flow * natural.gone[t, r]
            caught[before, r] -= flow * missed[r]
            moved[t, r] += flow * ((design.others[r] == s) - psi[design.others[r]])
        gradients[at] = design.gather(eta)
    for t, (p, missed, _), n in zip(steps, rates, seen, strict=True):
        from_, to = pairs.T
        each = natural.survival[t, from_] * natural.movement[t, from_, to] / len(steps)
        spread = (n * missed / p**2)[from_]
        covariance += np.outer(each, each) * spread * (from_[:, None] == from_)
    information = information_at(m_array(histories), design, found.beta, workers)
    directions, values = known(information)
    inside = gradients @ directions
    covariance += (inside / values) @ inside.T
    return moves, covariance * found.settings["c_hat"]


def _rates(natural: Natural, t: int, at_first: bool) -> tuple[Floats, Floats, int]:
    """The chance of being seen on occasion t and of not, and which row of the design it is."""
    before = t if at_first else t - 1
    return natural.detection[before], natural.missed[before], before


def _seen(histories: Histories, t: int) -> Floats:
    here = histories.patterns[:, t]
    counts = np.bincount(here, histories.freq, len(histories.cities) + 1)
    return counts[1:].astype(np.float64)
