"""The probabilities of a multistate model with their errors, and which the data cannot tell."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from darkfigure.circuit.design import Design, Natural
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.m_array import MArray
from darkfigure.circuit.maximum import REDUNDANT, information_at, known

Floats = npt.NDArray[np.float64]

EDGE = 1e-4  # a probability this close to 0 or 1 is at the boundary
TOUCHED = 1e-3  # the share of a direction that lies where nothing is known

Index = tuple[int, ...]
Labels = tuple[str | None, str | None, str | None]


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


@dataclass(frozen=True)
class Coefficient:
    """What comes with one more unit of a covariate, on the logit scale.

    Attributes
    ----------
    parameter : {'survival', 'detection', 'movement'}
    covariate : str
    estimate, standard_error, lower, upper : float or None
        Per unit of the covariate as given; None where the data cannot tell.
    """

    parameter: str
    covariate: str
    estimate: float | None
    standard_error: float | None
    lower: float | None
    upper: float | None

    @property
    def name(self) -> str:
        """The coefficient in words.

        Examples
        --------
        >>> Coefficient("movement", "hours", -0.4, 0.1, -0.6, -0.2).name
        'movement by hours'
        """
        return f"{self.parameter} by {self.covariate}"

    def to_dict(self) -> dict[str, Any]:
        """Its fields, ready for JSON."""
        return asdict(self)


def estimates_of(
    counts: MArray,
    design: Design,
    beta: Floats,
    information: Floats,
    histories: Histories,
    width: tuple[float, float],
    workers: int | None,
) -> tuple[list[Estimated], list[Coefficient], int]:
    """All probabilities and coefficients with their errors, and how many can be estimated."""
    natural = design.natural(beta)
    flat, anywhere = _redundant(counts, design, workers)
    directions, values = known(information)
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
    coefficients = []
    for j, column in enumerate(design.columns, start=design.without):
        lost = max(np.linalg.norm(flat[j]), 1 - np.linalg.norm(directions[j])) > TOUCHED
        size = float(beta[j]) / column.unit
        off = inflated * math.sqrt(float(np.sum(directions[j] ** 2 / values))) / column.unit
        of = (None,) * 4 if lost else (size, off, size - z * off, size + z * off)
        coefficients.append(Coefficient(column.parameter, column.covariate, *of))
    return found, coefficients, design.size - flat.shape[1]


def _redundant(counts: MArray, design: Design, workers: int | None) -> tuple[Floats, Natural]:
    """The directions in which the likelihood is flat whatever the numbers seen, as columns.

    They are those of the expected information at a place without anything special (Catchpole &
    Morgan 1997), given who could be seen again; with the probabilities there.
    """
    rng = np.random.default_rng(0)
    generic = rng.normal(0.0, 0.3, design.size)
    natural = design.natural(generic)
    expected = expected_counts(natural, counts.released)
    information = information_at(expected, design, generic, workers)
    scale = np.sqrt(np.maximum(np.diag(information), 0.0))
    scale[scale <= REDUNDANT * scale.max(initial=1.0)] = 1.0
    values, vectors = np.linalg.eigh(information / np.outer(scale, scale))
    flat = vectors[:, values < REDUNDANT * 100] / scale[:, None]
    return np.linalg.qr(flat)[0], natural


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


def rows(design: Design, histories: Histories) -> list[tuple[str, Index, Labels]]:
    """Each different probability: its kind, where it stands, and its city, aim and occasion."""
    cities, occasions = histories.cities, histories.occasions
    told: list[tuple[str, Index, Labels]] = []
    for parameter, (by_time, by_city) in design.varies.items():
        if parameter == "movement" and design.cities == 1:
            continue
        for t in range(design.steps if by_time else 1):
            when = occasions[t + 1] if parameter == "detection" else None
            when = when or f"{occasions[t]} to {occasions[t + 1]}"
            occasion = when if by_time else None
            if parameter == "movement":
                for r, city in enumerate(cities):
                    for s, to in enumerate(cities):
                        told.append((parameter, (t, r, s), (city, to, occasion)))
                continue
            for r in range(design.cities if by_city else 1):
                city_or_all = cities[r] if by_city else None
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
