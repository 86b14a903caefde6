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
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from darkfigure.circuit.covariates import TERMS, Column, parts

Floats = npt.NDArray[np.float64]

__all__ = ["FARTHEST", "TERMS", "Design", "Natural"]

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
    detection, missed : array, shape (U, R)
        To be seen on occasion u + 1 where present, and not.
    """

    survival: Floats
    gone: Floats
    movement: Floats
    detection: Floats
    missed: Floats


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

    Attributes
    ----------
    size : int
        The number of parameters: those of survival, then of detection, then of movement, then one
        for each column.
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
    ) -> None:
        self.steps, self.cities, self.columns = steps, cities, columns
        self.terms = {"survival": survival, "detection": detection, "movement": movement}
        self.blocks, self.varies = {}, {}
        found, self.size, at = [], 0, 0
        for what, units in (
            ("survival", cities),
            ("detection", cities),
            ("movement", cities * (cities - 1)),
        ):
            own = [each for each in columns if each.parameter == what]
            base, _ = parts(what, self.terms[what], [each.covariate for each in own])
            self.varies[what] = (
                "time" in base or any(np.ptp(each.values, axis=0).any() for each in own),
                "city" in base or any(np.ptp(each.values, axis=1).any() for each in own),
            )
            places = _places(base, steps, units).reshape(2, -1)
            found.append(np.where(places < 0, -1, places + self.size))
            self.size = max(self.size, int(found[-1].max(initial=-1)) + 1)
            self.blocks[what] = slice(at, at + steps * units)
            at += steps * units
        self.places = np.concatenate(found, axis=1)
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
        found = eta[self.blocks["detection"]].reshape(shape)
        moves = eta[self.blocks["movement"]].reshape(*shape, self.cities - 1)
        logits = np.zeros((*shape, self.cities))
        logits[:, self._from, self.others] = moves
        logits -= logits.max(axis=2, keepdims=True)
        weights = np.exp(logits)
        movement = weights / weights.sum(axis=2, keepdims=True)
        return Natural(expit(alive), expit(-alive), movement, expit(found), expit(-found))

    def gradient(self, natural: Natural, events: tuple[Floats, ...]) -> Floats:
        """The gradient of the log likelihood in the parameters.

        Parameters
        ----------
        natural : Natural
        events : tuple of array
            The expected numbers of deaths, moves, sightings and misses, as the kernel gives them.
        """
        died, moved, seen, unseen = events
        left = moved.sum(axis=2)
        alive = left * natural.gone - died * natural.survival
        found = seen * natural.missed - unseen * natural.detection
        moves = moved - left[:, :, None] * natural.movement
        moves = moves[:, self._from, self.others]
        return self.gather(np.concatenate([alive.ravel(), found.ravel(), moves.ravel()]))

    def gather(self, slopes: Floats) -> Floats:
        """Slopes in the linear predictors as slopes in the parameters."""
        total = np.zeros(self.size + 1)
        for places in self.places:
            total += np.bincount(places % (self.size + 1), slopes, self.size + 1)
        total[self.without : -1] = slopes @ self.matrix
        return total[:-1]
