"""Gravity: how far the roads and the sizes of cities explain where people move.

The odds of going from city r to s, against staying, fall with the hours of road between them and
grow with the inhabitants of s (Zipf 1946; Wilson 1971; Fotheringham & O'Kelly 1989):

    log psi(r, s) / psi(r, r) = c + a log hours(r, s) + b log population(s)

Both slopes are elasticities: with a = -1, twice as far is half as likely. Three parameters take the
place of R (R - 1). How much of the movement they explain is told by the deviance, between the model
in which all other cities are equally likely and the one in which each pair has a rate of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from darkfigure.circuit.estimates import Coefficient
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.multistate import STARTS, Fit, fit
from darkfigure.circuit.roads import Roads
from darkfigure.errors import InputError

Floats = npt.NDArray[np.float64]

HOURS = "log hours"
TO = "log population"
FROM = "log population of the origin"


@dataclass(frozen=True, eq=False)
class Gravity:
    """The gravity model beside the two that it lies between.

    Attributes
    ----------
    model : Fit
        With movement by the roads.
    same, pairs : Fit
        With one rate of movement for all pairs of cities, and with one for each.
    """

    model: Fit
    same: Fit
    pairs: Fit

    @property
    def elasticities(self) -> tuple[Coefficient, ...]:
        """Of the odds of moving, against staying: by how many percent for one percent more."""
        return tuple(each for each in self.model.coefficients if each.parameter == "movement")

    @property
    def explained(self) -> float | None:
        """The share of the deviance between `same` and `pairs` that the gravity model explains.

        None if there is none between them.
        """
        all_of_it = self.same.minus2loglik - self.pairs.minus2loglik
        if all_of_it <= 1e-6 * abs(self.pairs.minus2loglik):
            return None
        return float((self.same.minus2loglik - self.model.minus2loglik) / all_of_it)

    def rows(self) -> list[dict[str, Any]]:
        """A row for each of the three models, with its criterion, the best first."""
        rows = [
            {
                "movement": found.settings["movement"],
                "estimable": found.estimable,
                "minus2loglik": found.minus2loglik,
                "aic": found.aic,
                "delta": found.aic - min(each.aic for each in (self.model, self.same, self.pairs)),
            }
            for found in (self.model, self.same, self.pairs)
        ]
        return sorted(rows, key=lambda row: row["aic"])

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON. It is not made to be published: see `published`."""
        return {
            "elasticities": [each.to_dict() for each in self.elasticities],
            "explained": self.explained,
            "models": self.rows(),
        }

    def __str__(self) -> str:
        told = [
            f"{each.covariate}: "
            + (
                "not known"
                if each.estimate is None
                else f"{each.estimate:.2f} ({each.lower:.2f} to {each.upper:.2f})"
            )
            for each in self.elasticities
        ]
        if self.explained is not None:
            told.append(f"roads and sizes explain {self.explained:.0%} of where people move")
        best = self.rows()[0]["movement"]
        return "; ".join([*told, f"least AIC: movement {best}"])


def road_covariates(histories: Histories, roads: Roads) -> dict[str, Floats]:
    """What movement may hang on, by name: for the option `covariates` of `fit`.

    Parameters
    ----------
    histories : Histories
    roads : Roads
        With all cities of the histories.

    Returns
    -------
    dict
        "log hours" and, where the roads know all inhabitants, "log population" of where people go
        to, and "log population of the origin", each of shape (R, R), from and to. The diagonal does
        not matter.

    Raises
    ------
    InputError
        If the roads lack a city or do not connect two of them.

    Examples
    --------
    >>> from darkfigure.circuit.road_tables import shipped_roads
    >>> h = Histories(("Reno", "Oakland"), ("1", "2"), [[1, 2], [2, 2]], [9, 30])
    >>> road_covariates(h, shipped_roads())["log hours"].round(2)
    array([[0.  , 1.27],
           [1.27, 0.  ]])
    """
    hours = roads.hours(histories.cities)
    found = {HOURS: np.log(hours + np.eye(len(hours)))}
    places = {city.name: city for city in roads.cities}
    if all(places[city].population is not None for city in histories.cities):
        sizes = np.log(roads.populations(histories.cities))
        found[TO] = np.broadcast_to(sizes, hours.shape).copy()
        found[FROM] = found[TO].T.copy()
    return found


def gravity(
    histories: Histories,
    roads: Roads,
    survival: str = "constant",
    detection: str = "constant",
    *,
    origin: bool = False,
    starts: int = STARTS,
    level: float = 0.95,
    c_hat: float = 1.0,
    seed: int = 1,
    workers: int | None = None,
) -> Gravity:
    """Fit movement by hours of road and inhabitants, and hold it against what lies around it.

    Parameters
    ----------
    histories : Histories
        Of three cities or more.
    roads : Roads
        With all cities of the histories, and the inhabitants of each.
    survival, detection
        As for `fit`; the same in all three models.
    origin : bool
        Whether the inhabitants of the city that people leave count too.
    starts, level, c_hat, seed, workers
        As for `fit`.

    Returns
    -------
    Gravity

    Raises
    ------
    InputError
        For fewer than three cities, a city that the roads lack or whose inhabitants they do not
        know, two cities that they do not connect, or as for `fit`.

    Examples
    --------
    >>> from darkfigure.circuit.road_tables import shipped_roads
    >>> rows = [[1, 1], [1, 2], [1, 3], [2, 2], [2, 1], [2, 3], [3, 3], [3, 1], [3, 2], [1, 0]]
    >>> freq = [60, 14, 20, 80, 20, 10, 90, 5, 2, 99]
    >>> h = Histories(("Sacramento", "Reno", "Los Angeles"), ("1", "2"), rows, freq)
    >>> found = gravity(h, shipped_roads(), starts=2)
    >>> [f"{each.name}: {each.estimate:.2f}" for each in found.elasticities]
    ['movement by log hours: -1.68', 'movement by log population: 0.75']
    """
    if len(histories.cities) < 3:
        raise InputError(
            "Between two cities there is a single road, and nothing to compare it with; the "
            "gravity model needs three cities or more."
        )
    roads.populations(histories.cities)
    names = [HOURS, TO, *([FROM] if origin else [])]
    covariates = road_covariates(histories, roads)

    def fitted(movement: str) -> Fit:
        return fit(
            histories,
            survival,
            detection,
            movement,
            covariates={name: covariates[name] for name in names},
            starts=starts,
            level=level,
            c_hat=c_hat,
            seed=seed,
            workers=workers,
        )

    return Gravity(fitted("+".join(names)), fitted("constant"), fitted("city"))
