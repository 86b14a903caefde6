"""What survival, detection and movement may depend on, and which parameters that makes.

Every probability is an inverse logit, and those of moving from one city an inverse multinomial
logit with staying as the reference (Lebreton et al. 1992; Brownie et al. 1993). Its linear
predictor is a parameter, or the sum of two:

    constant    one for all
    time        one for each step between occasions (for detection, each occasion but the first)
    city        one for each city; for movement, for each pair of cities, from and to
    city+time   one for each city, and one for each step but the first, the same in all cities
    city*time   one for each city and step

`constant` movement means that all other cities are equally likely, from all cities. To each,
covariates may be added (see `covariates`).

Where people enter is part of a model too if it is asked for (see `entry`): how likely each occasion
and city is, by a multinomial logit. Who is there on the first occasion is free by city, and the
term is of all who enter later. Detection has then a row for the first occasion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit, softmax

from darkfigure.circuit.covariates import TERMS, Column, parts

Floats = npt.NDArray[np.float64]

__all__ = ["FARTHEST", "TERMS", "Design", "Events", "Natural"]

FARTHEST = 30.0  # of a linear predictor: beyond it a probability is as good as 0 or 1


@dataclass(frozen=True, eq=False)
class Natural:
    """The probabilities of a model, with R cities and U = T - 1 steps.

    Attributes
    ----------
    survival, gone : array, shape (U, R)
        To be still in any of the cities on the next occasion, and not.
    movement : array, shape (U, R, R)
        From and to, given still there; rows add up to one.
    detection, missed : array, shape (U, R) or (T, R)
        To be seen where present, and not, on each occasion but the first, or on all where people
        enter.
    entry : array, shape (T, R), or None
        To enter on occasion t in city r; adds up to one.
    unseen : float
        How many people entered and were never seen.
    """

    survival: Floats
    gone: Floats
    movement: Floats
    detection: Floats
    missed: Floats
    entry: Floats | None = None
    unseen: float = 0.0


class Events(NamedTuple):
    """How often each thing is expected to have happened, given the data.

    Attributes
    ----------
    died : array, shape (U, R)
    moved : array, shape (U, R, R)
    seen, unseen : array, shape (U, R) or (T, R)
        People present who were seen, and who were not.
    entered : array, shape (T, R), or None
    more : float
        The slope of the log likelihood in the logarithm of the number of people unseen.
    """

    died: Floats
    moved: Floats
    seen: Floats
    unseen: Floats
    entered: Floats | None = None
    more: float = 0.0


def _places(term: str, steps: int, units: int) -> npt.NDArray[np.int64]:
    """The two parameters that each linear predictor is the sum of, shape (2, steps, units).

    They count from 0; -1 is none.
    """
    t = np.repeat(np.arange(steps), units).reshape(steps, units)
    k = np.tile(np.arange(units), (steps, 1))
    none = np.full((steps, units), -1)
    if units == 0:
        return np.array([none, none])
    if term == "city+time" and units == 1:
        term = "time"
    return np.array(
        {
            "constant": [0 * t, none],
            "time": [t, none],
            "city": [k, none],
            "city+time": [k, np.where(t > 0, units + t - 1, -1)],
            "city*time": [t * units + k, none],
        }[term]
    )


def _entries(term: str, steps: int, cities: int) -> npt.NDArray[np.int64]:
    """The same for those who enter: the first occasion is free, one of the later is the reference.

    Shape (2, steps + 1, cities).
    """
    later = _places(term, steps, cities)
    later = np.where(later > 0, later - 1 + cities, -1)
    first = np.array([np.arange(cities), np.full(cities, -1)])
    return np.concatenate([first[:, None], later], axis=1)


class Design:
    """A model: where its parameters go.

    Parameters
    ----------
    steps, cities : int
        U and R.
    survival, detection, movement : str
        One of `TERMS` each, to which names of covariates may be added.
    columns : tuple of Column
        The covariates that are named, in that order.
    entry : str, optional
        One of `TERMS`, of all who enter after the first occasion.
    poisson : bool
        Whether the number of people who ever enter is Poisson, not a fixed number.

    Attributes
    ----------
    size : int
        The number of parameters: those of survival, then of detection, movement, entry and the
        logarithm of the number of people unseen, then one for each column.
    hidden : int or None
        Which of them is that of the people unseen.
    varies : dict
        Whether each kind differs between occasions and between cities, a pair of bools.
    places : array of int, shape (2, n)
        For each linear predictor, of survival (U, R), detection (U, R) and movement
        (U, R, R - 1), flat, the parameters that it is the sum of; -1 is none.
    """

    def __init__(
        self,
        steps: int,
        cities: int,
        survival: str,
        detection: str,
        movement: str,
        columns: tuple[Column, ...] = (),
        entry: str | None = None,
        poisson: bool = False,
    ) -> None:
        self.steps, self.cities, self.columns, self.poisson = steps, cities, columns, poisson
        self.terms = {"survival": survival, "detection": detection, "movement": movement}
        self.blocks: dict[str, slice] = {}
        self.varies: dict[str, tuple[bool, bool]] = {}
        found: list[tuple[str, npt.NDArray[np.int64]]] = []
        self.size, at = 0, 0
        for what, rows, units in (
            ("survival", steps, cities),
            ("detection", steps + (entry is not None), cities),
            ("movement", steps, cities * (cities - 1)),
        ):
            own = [each for each in columns if each.parameter == what]
            base, _ = parts(what, self.terms[what], [each.covariate for each in own])
            self.varies[what] = (
                "time" in base or any(np.ptp(each.values, axis=0).any() for each in own),
                "city" in base or any(np.ptp(each.values, axis=1).any() for each in own),
            )
            found.append((what, _places(base, rows, units)))
        self.hidden = None
        if entry is not None:
            base, _ = parts("entry", entry)
            self.terms["entry"], self.varies["entry"] = base, (True, True)
            found.append(("entry", _entries(base, steps, cities)))
            found.append(("unseen", np.array([[[0]], [[-1]]])))
        for i, (what, each) in enumerate(found):
            places = each.reshape(2, -1)
            self.blocks[what] = slice(at, at + places.shape[1])
            at += places.shape[1]
            found[i] = what, np.where(places < 0, -1, places + self.size)
            self.size = max(self.size, int(found[i][1].max(initial=-1)) + 1)
        if entry is not None:
            self.hidden = self.size - 1
        self.places = np.concatenate([each for _, each in found], axis=1)
        self.without = self.size  # covariates come after these
        self.size += len(columns)
        self.matrix = np.zeros((at, len(columns)))
        for j, column in enumerate(columns):
            self.matrix[self.blocks[column.parameter], j] = column.values.ravel()
        others = [[s for s in range(cities) if s != r] for r in range(cities)]
        self.others = np.array(others, np.int64).reshape(cities, cities - 1)
        self._from = np.arange(cities)[:, None]

    def predictors(self, beta: Floats) -> Floats:
        """The linear predictors of all probabilities, flat."""
        padded = np.append(beta, 0.0)  # what -1 stands for
        eta: Floats = padded[self.places[0]] + padded[self.places[1]]
        eta += self.matrix @ beta[self.without :]
        return eta.clip(-FARTHEST, FARTHEST)

    def natural(self, beta: Floats) -> Natural:
        """The probabilities at these parameters."""
        eta = self.predictors(beta)
        shape = (self.steps, self.cities)
        alive = eta[self.blocks["survival"]].reshape(shape)
        found = eta[self.blocks["detection"]].reshape(-1, self.cities)
        moves = eta[self.blocks["movement"]].reshape(*shape, self.cities - 1)
        logits = np.zeros((*shape, self.cities))
        logits[:, self._from, self.others] = moves
        logits -= logits.max(axis=2, keepdims=True)
        weights = np.exp(logits)
        movement = weights / weights.sum(axis=2, keepdims=True)
        every = expit(alive), expit(-alive), movement, expit(found), expit(-found)
        if self.hidden is None:
            return Natural(*every)
        enters = softmax(eta[self.blocks["entry"]]).reshape(-1, self.cities)
        return Natural(*every, enters, float(np.exp(eta[self.blocks["unseen"]][0])))

    def gradient(self, natural: Natural, events: Events) -> Floats:
        """The gradient of the log likelihood in the parameters.

        Parameters
        ----------
        natural : Natural
        events : Events
            The expected numbers of what happened.
        """
        died, moved, seen, unseen, entered, more = events
        left = moved.sum(axis=2)
        alive = left * natural.gone - died * natural.survival
        found = seen * natural.missed - unseen * natural.detection
        moves = moved - left[:, :, None] * natural.movement
        moves = moves[:, self._from, self.others]
        slopes = [alive.ravel(), found.ravel(), moves.ravel()]
        if natural.entry is not None and entered is not None:
            slopes += [(entered - entered.sum() * natural.entry).ravel(), np.array([more])]
        return self.gather(np.concatenate(slopes))

    def gather(self, slopes: Floats) -> Floats:
        """Slopes in the linear predictors as slopes in the parameters."""
        total = np.zeros(self.size + 1)
        for places in self.places:
            total += np.bincount(places % (self.size + 1), slopes, self.size + 1)
        total[self.without : -1] = slopes @ self.matrix
        return total[:-1]
