"""Numbers of people as the entry model tells them, with limits, and over draws of who is who."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
from scipy.special import expit, logit

from darkfigure.errors import InputError, NoEstimateError
from darkfigure.estimate import Estimate

DRAWS = 1_000

SHARES = {"share elsewhere too", "share in several cities"}
"""Amounts between 0 and 1, whose limits are on the logit scale."""
COUNTS = {"stock", "flow", "counted more than once"}
STAYS = {"stay in city", "stay in region"}


@dataclass(frozen=True)
class Amount:
    """One number that the entry model tells.

    Attributes
    ----------
    what : str
        'stock' (people there on an occasion, or on average over all), 'flow' (different people
        ever there), 'counted more than once' (the flows of all cities less that of the region),
        'share elsewhere too' (of the flow of a city, those who were in another watched city too),
        'share in several cities' (of all people), 'entries' and 'moves in' (from outside and from
        another city, per head of the stock and occasion), 'stay in city' and 'stay in region' (the
        mean, in occasions).
    city : str or None
        None is the region.
    occasion : str or None
        None is all of them.
    observed : float or None
        The same of the people seen alone.
    estimate, standard_error, lower, upper : float or None
        None where the data cannot tell.
    """

    what: str
    city: str | None
    occasion: str | None
    observed: float | None
    estimate: float | None
    standard_error: float | None
    lower: float | None
    upper: float | None

    @property
    def name(self) -> str:
        """What it is, in words.

        Examples
        --------
        >>> Amount("stock", "Reno", "May", 12, 40.0, 6.0, 29.0, 55.0).name
        'stock, Reno, May'
        """
        return ", ".join([self.what, self.city or "the region", *filter(None, [self.occasion])])

    def to_dict(self) -> dict[str, Any]:
        """Its fields, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class StockAndFlow:
    """How many people are where.

    Attributes
    ----------
    amounts : tuple of Amount
    not_estimable : tuple of str
        The names of the amounts that the data cannot tell.
    settings : mapping
        Those of the fit.
    warnings : tuple of str
        Of the amounts; what is to be known of the rates is told by the fit.
    """

    amounts: tuple[Amount, ...]
    not_estimable: tuple[str, ...]
    settings: Mapping[str, Any]
    warnings: tuple[str, ...]

    def of(self, what: str, city: str | None = None, occasion: str | None = None) -> Amount:
        """One amount; of the region, and of all occasions, where none is named."""
        for each in self.amounts:
            if (each.what, each.city, each.occasion) == (what, city, occasion):
                return each
        known_ones = ", ".join(dict.fromkeys(each.what for each in self.amounts))
        where = ", ".join(filter(None, [city or "the region", occasion]))
        raise InputError(f"There is no '{what}' of {where} here; there are: {known_ones}.")

    def estimate(self, amount: Amount, *, draws: int = DRAWS) -> Estimate:
        """A stock or flow as the estimate of a number of people, that others can take.

        Parameters
        ----------
        amount : Amount
            A stock, flow, or count of those counted more than once.
        draws : int
            From the log-normal law of the people hidden.

        Raises
        ------
        InputError
            For an amount that is no number of people.
        NoEstimateError
            If the data cannot tell it.
        """
        if amount.what not in COUNTS:
            raise InputError(f"{amount.name} is no number of people.")
        if amount.estimate is None:
            raise NoEstimateError(f"{amount.name} cannot be estimated from these data.")
        assert amount.observed is not None
        assert amount.standard_error is not None
        assert amount.lower is not None
        assert amount.upper is not None
        rng = np.random.default_rng(self.settings["seed"])
        hidden = amount.estimate - amount.observed
        sd = log_sd(hidden, amount.standard_error)
        law = amount.observed + hidden * np.exp(sd * rng.standard_normal(draws))
        return Estimate(
            amount.estimate,
            amount.lower,
            amount.upper,
            self.settings["level"],
            math.floor(amount.observed),
            "entry",
            (),
            settings=self.settings,
            details={"amount": amount.name, "standard_error": amount.standard_error},
            warnings=self.warnings,
            draws=law,
        )

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {
            "amounts": [each.to_dict() for each in self.amounts],
            "not_estimable": list(self.not_estimable),
            "warnings": list(self.warnings),
            **self.settings,
        }

    def table(self, *whats: str) -> str:
        """The amounts, or those of some kinds, as a table for people."""
        lines = [f"{'':<44}{'seen':>9}{'estimate':>10}{'se':>9}{'lower':>9}{'upper':>9}"]
        for each in self.amounts:
            if whats and each.what not in whats:
                continue
            form = ",.1f" if each.what in COUNTS | STAYS else ".3f"
            cells = [each.observed, each.estimate, each.standard_error, each.lower, each.upper]
            told = ["–" if x is None else format(x, form) for x in cells]
            line = f"{told[0]:>9}{told[1]:>10}{told[2]:>9}{told[3]:>9}{told[4]:>9}"
            lines.append(f"{each.name:<44}{line}")
        return "\n".join(lines)


def over_draws(drawn: Sequence[StockAndFlow]) -> StockAndFlow:
    """The same amounts of several draws of who is who, as one.

    Estimates are means, and the variance of one is the mean of theirs and that between them (Rubin
    1987, equation 3.1.5). What was seen is that of the first, of the most probable people.

    Parameters
    ----------
    drawn : sequence of StockAndFlow
        Of the most probable people, and then of each draw; only the first if there are no draws.

    Examples
    --------
    >>> from darkfigure.circuit import entry
    >>> from darkfigure.circuit.histories import Histories
    >>> from darkfigure.circuit.stock import stock_and_flow
    >>> rows = [[1, 1, 0], [1, 2, 1], [2, 1, 2], [2, 0, 2], [1, 0, 1], [0, 2, 2], [0, 0, 1]]
    >>> h = Histories("AB", ("1", "2", "3"), rows, [20, 30, 9, 14, 12, 20, 15])
    >>> told = stock_and_flow(h, entry.fit(h, entry="constant", starts=3))
    >>> over_draws([told]) is told
    True
    """
    likeliest, *rest = drawn
    if not rest:
        return likeliest
    z = NormalDist().inv_cdf((1 + likeliest.settings["level"]) / 2)
    amounts = []
    for each, *others in zip(*(one.amounts for one in drawn), strict=True):
        sizes = [one.estimate for one in others if one.estimate is not None]
        errors = [one.standard_error for one in others if one.standard_error is not None]
        if each.estimate is None or min(len(sizes), len(errors)) < len(others):
            nothing = dict.fromkeys(("estimate", "standard_error", "lower", "upper"))
            amounts.append(replace(each, **nothing))
            continue
        between = np.var(sizes, ddof=1) * (1 + 1 / len(sizes)) if len(sizes) > 1 else 0.0
        error = math.sqrt(np.mean(np.square(errors)) + between)
        size = float(np.mean(sizes))
        seen = None if each.observed is None else min(each.observed, *sizes)
        lower, upper = limits_of(each.what, size, seen, error, z)
        # At a boundary errors say nothing, and a draw's own limits reach further than they would.
        lower = min([lower, *(one.lower for one in others if one.lower is not None)])
        upper = max([upper, *(one.upper for one in others if one.upper is not None)])
        amounts.append(replace(each, estimate=size, standard_error=error, lower=lower, upper=upper))
    lost = tuple(each.name for each in amounts if each.estimate is None)
    told = tuple(dict.fromkeys(warning for one in drawn for warning in one.warnings))
    return replace(likeliest, amounts=tuple(amounts), not_estimable=lost, warnings=told)


def log_sd(hidden: float, error: float) -> float:
    """The standard deviation of the logarithm of a log-normal number with this mean and error."""
    return math.sqrt(math.log1p((error / hidden) ** 2)) if hidden > 0 else 0.0


def limits_of(
    what: str, size: float, observed: float | None, error: float, z: float
) -> tuple[float, float]:
    """Limits that are no less than what was seen, and of shares no more than one.

    What is hidden is log-normal (as in Chao 1987), and shares are on the logit scale.
    """
    if what in SHARES:
        if not 0 < size < 1:
            return size, size
        off = z * error / (size * (1 - size))
        return float(expit(logit(size) - off)), float(expit(logit(size) + off))
    least = 0.0
    if what in COUNTS:
        least = observed or 0.0
    elif what in STAYS:
        least = 1.0  # whoever is there is there on one occasion at least
    hidden = max(size - least, 0.0)
    reach = math.exp(z * log_sd(hidden, error))
    return least + hidden / reach, least + hidden * reach
