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

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from darkfigure import engine
from darkfigure.circuit.covariates import columns_of
from darkfigure.circuit.design import FARTHEST, Design
from darkfigure.circuit.estimates import Coefficient, Estimated, estimates_of
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.m_array import MArray, m_array
from darkfigure.circuit.maximum import SAME, highest, minus_log_likelihood, refined
from darkfigure.errors import InputError, NoEstimateError

Floats = npt.NDArray[np.float64]

KINDS = ("survival", "detection", "movement", "entry")
STARTS = 20
MOST_PARAMETERS = 2_000  # their information is a matrix of all pairs


@dataclass(frozen=True, eq=False)
class Fit:
    """A multistate model at the highest maximum that was found.

    Attributes
    ----------
    minus2loglik : float
        -2 log L, given the first sighting of each; of all sightings where people enter.
    parameters : int
        How many parameters the model has.
    estimable : int
        Of how many functions of them the likelihood depends, whatever the numbers in the data;
        criteria count these.
    estimates : tuple of Estimated
    coefficients : tuple of Coefficient
        Of the covariates, on the logit scale.
    not_estimable, at_boundary : tuple of str
        The names of the estimates and coefficients that the data cannot tell, and of the estimates
        at 0 or 1.
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
    coefficients: tuple[Coefficient, ...]
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
        return ", ".join(f"{kind} {self.settings[kind]}" for kind in KINDS if kind in self.settings)

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
        kinds = [kind for kind in KINDS if kind in self.settings]
        return {
            "minus2loglik": self.minus2loglik,
            "parameters": self.parameters,
            "estimable": self.estimable,
            "aic": self.aic,
            "aicc": self.aicc if math.isfinite(self.aicc) else None,
            "people": self.people,
            "releases": self.releases,
            "estimates": {kind: [each.to_dict() for each in self.of(kind)] for kind in kinds},
            "coefficients": [each.to_dict() for each in self.coefficients],
            "not_estimable": list(self.not_estimable),
            "at_boundary": list(self.at_boundary),
            "found": self.found,
            **self.settings,
            "warnings": list(self.warnings),
        }

    def table(self) -> str:
        """The estimates as a table for people."""
        lines = [f"{'':<44}{'estimate':>9}{'se':>8}{'lower':>8}{'upper':>8}"]
        told: list[Estimated | Coefficient] = [*self.estimates, *self.coefficients]
        for each in told:
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
    covariates: Mapping[str, npt.ArrayLike] | None = None,
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
        Names of covariates may be added, "city+hours"; a name alone stands for "constant+hours".
    covariates : mapping of str to array, optional
        For survival and detection, one number for each city, shape (R,), each occasion, (T,), or
        both, (T, R); that of survival is the one of the occasion where a step begins. For movement,
        for each pair from and to, (R, R), where the diagonal does not matter, each step and pair,
        (T - 1, R, R), or each city, (R,), as a place to go to.
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
    terms = {"survival": survival, "detection": detection, "movement": movement}
    return fitted(
        histories,
        {**terms, "covariates": covariates or {}},
        starts=starts,
        level=level,
        c_hat=c_hat,
        seed=seed,
        workers=workers,
        progress=progress,
    )


def fitted(
    histories: Histories,
    model: Mapping[str, Any],
    *,
    starts: int,
    level: float,
    c_hat: float,
    seed: int,
    workers: int | None,
    progress: engine.Progress | None,
) -> Fit:
    """The model of these terms and covariates, and of entry where it has that, at its maximum."""
    if not 0 < level < 1:
        raise InputError(f"The level of an interval lies between 0 and 1, not {level}.")
    if starts < 1:
        raise InputError(f"One start or more is needed, not {starts}.")
    if not 1 <= c_hat < math.inf:
        raise InputError(f"c-hat is 1 or more, not {c_hat}.")
    counts = m_array(histories)
    _check_answerable(counts, histories)
    design = _design(histories, model)
    if design.size > MOST_PARAMETERS:
        raise InputError(
            f"This model has {design.size:,} parameters; {MOST_PARAMETERS:,} is the most. Let less "
            "of it change with time, or take longer occasions."
        )
    beta, height, found = highest(counts, design, starts, seed, workers, progress)
    within = beta.clip(-FARTHEST, FARTHEST)  # beyond, most often nothing changes any more
    if minus_log_likelihood(within, counts, design)[0] <= height + SAME / 100:
        beta = within
    beta, height, information = refined(counts, design, beta, height, workers)
    width = NormalDist().inv_cdf((1 + level) / 2), math.sqrt(c_hat)
    estimates, coefficients, estimable = estimates_of(
        counts, design, beta, information, histories, width, workers
    )
    lost = tuple(each.name for each in estimates if each.estimate is None)
    lost += tuple(each.name for each in coefficients if each.estimate is None)
    edge = tuple(
        each.name for each in estimates if each.estimate is not None and each.standard_error is None
    )
    used = dict.fromkeys(column.covariate for column in design.columns)
    settings = {
        **model,
        "covariates": {name: _plain(model["covariates"][name]) for name in used},
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
        coefficients=tuple(coefficients),
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


def design_of(histories: Histories, found: Fit) -> Design:
    """The model that was fitted."""
    return _design(histories, found.settings)


def _design(histories: Histories, model: Mapping[str, Any]) -> Design:
    terms = {kind: model[kind] for kind in ("survival", "detection", "movement")}
    entry, covariates = model.get("entry"), model["covariates"]
    columns = columns_of(terms, covariates, histories, from_first=entry is not None)
    return Design(
        len(histories.occasions) - 1,
        len(histories.cities),
        **terms,
        columns=columns,
        entry=entry,
        poisson=model.get("number") == "poisson",
    )


def _plain(values: npt.ArrayLike) -> Any:
    """An array as lists for JSON, with None for what is missing."""
    array = np.asarray(values, np.float64)
    plain = array.astype(object)
    plain[~np.isfinite(array)] = None
    return plain.tolist()


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
            f"{_several(len(lost), 'rate')} cannot be estimated from these data with this "
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
