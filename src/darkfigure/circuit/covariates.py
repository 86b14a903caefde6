"""Covariates: numbers known of cities, occasions and roads, on which a probability may hang.

A term such as "city+enforcement" adds to the linear predictor of each probability gamma times the
covariate there (Lebreton et al. 1992). What a covariate says that the other terms say already
cannot be told from them, and is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from darkfigure.circuit.histories import Histories
from darkfigure.errors import InputError

Floats = npt.NDArray[np.float64]

TERMS = ("constant", "time", "city", "city+time", "city*time")
ALONE = 1e-8  # of a standard deviation: a covariate with less of its own says nothing new


@dataclass(frozen=True, eq=False)
class Column:
    """One covariate of one kind of probability, centred and scaled.

    Attributes
    ----------
    parameter : {'survival', 'detection', 'movement'}
    covariate : str
    values : array, shape (rows, units)
        One for each linear predictor, with mean zero and standard deviation one.
    unit : float
        The standard deviation of the covariate as given.
    """

    parameter: str
    covariate: str
    values: Floats
    unit: float


def parts(what: str, term: str, known: Collection[str] = ()) -> tuple[str, tuple[str, ...]]:
    """The term without its covariates, one of `TERMS`, and the names of these.

    Examples
    --------
    >>> parts("survival", "time+hours+city", ["hours"])
    ('city+time', ('hours',))
    >>> parts("survival", "hours", ["hours"])
    ('constant', ('hours',))
    """
    words = [word.strip() for word in term.split("+")]
    named = tuple(word for word in words if word in known)
    base = "+".join(sorted(word for word in words if word not in known)) or "constant"
    if base not in TERMS:
        also = f", or one with covariates added ({', '.join(sorted(known))})" if known else ""
        raise InputError(f"The {what} is one of {', '.join(TERMS)}{also}, not '{term}'.")
    return base, named


def columns_of(
    terms: Mapping[str, str],
    covariates: Mapping[str, npt.ArrayLike],
    histories: Histories,
    *,
    from_first: bool = False,
) -> tuple[Column, ...]:
    """The covariates that the terms name, as numbers for every linear predictor.

    Parameters
    ----------
    terms : mapping
        Of survival, detection and movement.
    covariates : mapping
        By name; see `darkfigure.circuit.multistate.fit` for their shapes.
    histories : Histories
    from_first : bool
        Whether detection has a row for the first occasion too.

    Raises
    ------
    InputError
        For a name that is a term, a shape that does not fit, a number that is missing, and a
        covariate that says nothing of its own.
    """
    for name in covariates:
        if name in TERMS or not name.strip() or set(name) & set("+*"):
            raise InputError(
                f"A covariate cannot be called '{name}': that is a term of the model, or has a "
                "+ or * in it. Give it another name."
            )
    found = []
    for kind, term in terms.items():
        base, names = parts(kind, term, covariates)
        own: list[Floats] = []
        for name in names:
            values = _laid_out(kind, name, covariates[name], histories, from_first)
            column, unit = _standardised(kind, name, values)
            left = _without(column, base).ravel()
            for other in own:
                left = left - (left @ other) * other
            length = float(np.linalg.norm(left))
            if length <= ALONE * np.sqrt(left.size):
                raise InputError(
                    f"The covariate '{name}' says nothing of {kind} that the other terms of "
                    f"'{term}' do not say already; leave one of them out."
                )
            own.append(left / length)
            found.append(Column(kind, name, column, unit))
    return tuple(found)


def _laid_out(
    kind: str, name: str, given: npt.ArrayLike, histories: Histories, from_first: bool
) -> Floats:
    """The values at every linear predictor, shape (rows, units)."""
    cities, occasions = len(histories.cities), len(histories.occasions)
    try:
        values = np.asarray(given, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"The covariate '{name}' is not an array of numbers.") from error
    if kind == "movement":
        if cities == 1:
            raise InputError(f"With one city there is no movement for '{name}' to tell of.")
        wide = (occasions - 1, cities, cities)
        if values.shape not in ((cities,), wide[1:], wide):
            raise InputError(
                f"For movement the covariate '{name}' has one number for each city of "
                f"destination ({cities},), each pair from and to {wide[1:]}, or each step and "
                f"pair {wide}; its shape is {values.shape}."
            )
        table = np.broadcast_to(values, wide)
        others = ~np.eye(cities, dtype=bool)
        for t, r, s in np.argwhere(~np.isfinite(table) & others)[:1]:
            raise InputError(
                f"The covariate '{name}' has no number from {histories.cities[r]} to "
                f"{histories.cities[s]}, {histories.occasions[t]} to {histories.occasions[t + 1]}."
            )
        return table[:, others]
    both = (occasions, cities)
    if values.shape == (occasions,) and occasions == cities:
        raise InputError(
            f"There are as many cities as occasions, so '{name}' may be of either; give it the "
            f"shape ({occasions}, 1) if it is of occasions, or (1, {cities}) if of cities."
        )
    if values.shape == (occasions,):
        values = values[:, None]
    try:
        table = np.broadcast_to(values, both)
    except ValueError as error:
        raise InputError(
            f"For {kind} the covariate '{name}' has one number for each city ({cities},), each "
            f"occasion ({occasions},) or both {both}; its shape is {values.shape}."
        ) from error
    used = slice(None, -1) if kind == "survival" else slice(0 if from_first else 1, None)
    for t, r in np.argwhere(~np.isfinite(table[used]))[:1]:
        raise InputError(
            f"The covariate '{name}' has no number for {histories.cities[r]} on occasion "
            f"{histories.occasions[used][t]}, where {kind} needs it."
        )
    return table[used]


def _standardised(kind: str, name: str, values: Floats) -> tuple[Floats, float]:
    """With mean zero and standard deviation one, and the standard deviation it had."""
    middle, unit = float(values.mean()), float(values.std())
    if unit <= 1e-12 * max(abs(middle), 1e-300):
        raise InputError(
            f"The covariate '{name}' is the same wherever {kind} is, so nothing can be told of "
            "what comes with it; leave it out."
        )
    return (values - middle) / unit, unit


def _without(values: Floats, base: str) -> Floats:
    """What is left of a covariate when the other term has explained all it can."""
    if base == "city*time":
        return np.zeros_like(values)
    left: Floats = values - values.mean()
    if "time" in base:
        left = left - left.mean(axis=1, keepdims=True)
    if "city" in base:
        left = left - left.mean(axis=0, keepdims=True)
    return left
