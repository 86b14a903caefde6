"""An estimate: how many people there are, how sure that is, and all that is needed to repeat it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from darkfigure.errors import InputError


@dataclass(frozen=True)
class Rate:
    """People per so many inhabitants, with the limits of its interval."""

    rate: float
    lower: float
    upper: float
    per: int


@dataclass(frozen=True)
class Estimate:
    """The size of a population, seen and unseen.

    Parameters
    ----------
    total : float
        The point estimate of the number of people in all, never less than `observed`.
    lower, upper : float
        The limits of the interval at `level`. `upper` is infinite when the data set no limit.
    level : float
        The confidence of the interval, between 0 and 1.
    observed : int
        How many different people are on at least one list.
    method : str
        The name of the method, as in the table of methods.
    lists : tuple of str
        The lists that were used.
    settings : mapping
        All that is needed to do it again, seed included.
    details : mapping
        What else the method found (the chosen model, its BIC, ...). Where `lower_bound` is true,
        `total` is a lower bound, and the limits are those of the bound.
    warnings : tuple of str
        What the reader must know, in plain sentences.
    draws : array of float, shape (B,), optional
        The total in each of B replicates; infinite where a replicate had no estimate.

    Raises
    ------
    InputError
        If the numbers contradict each other (a total below the observed, limits out of order).

    Examples
    --------
    >>> e = Estimate(500.0, 400.0, 700.0, 0.95, 120, "independent", ("a", "b"))
    >>> e.unseen, round(e.coverage, 2)
    (380.0, 0.24)
    >>> print(e)
    About 500 people in all, between 400 and 700 (95 % interval); 120 of them were seen.
    >>> Estimate.from_json(e.to_json()) == e
    True
    """

    total: float
    lower: float
    upper: float
    level: float
    observed: int
    method: str
    lists: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    draws: npt.NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise InputError(f"The level of an interval lies between 0 and 1, not {self.level}.")
        if not (math.isfinite(self.total) and self.total >= self.observed):
            raise InputError(
                f"A total of {self.total} cannot be: it must be a number no less than the "
                f"{self.observed} people observed."
            )
        if not self.lower <= self.upper or math.isnan(self.upper):
            raise InputError(f"The limits {self.lower} and {self.upper} are not in order.")
        object.__setattr__(self, "lists", tuple(self.lists))
        object.__setattr__(self, "warnings", tuple(self.warnings))
        object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))
        object.__setattr__(self, "details", MappingProxyType(dict(self.details)))
        if self.draws is not None:
            draws = np.array(self.draws, dtype=np.float64)
            draws.flags.writeable = False
            object.__setattr__(self, "draws", draws)

    @property
    def unseen(self) -> float:
        """The dark figure: people who are on none of the lists."""
        return self.total - self.observed

    @property
    def coverage(self) -> float:
        """The share of all people who are on at least one list, between 0 and 1."""
        return self.observed / self.total

    def rate(self, population: float, per: int = 100_000) -> Rate:
        """The total per `per` inhabitants of a population, with its interval.

        Parameters
        ----------
        population : float
            The number of people at risk, more than 0.
        per : int
            The rate's base.

        Raises
        ------
        InputError
            If the population is not a positive number.

        Examples
        --------
        >>> Estimate(500.0, 400.0, 700.0, 0.95, 120, "independent", ("a", "b")).rate(1_000_000)
        Rate(rate=50.0, lower=40.0, upper=70.0, per=100000)
        """
        if not (math.isfinite(population) and population > 0):
            raise InputError(f"The population must be a positive number, not {population}.")
        return Rate(
            per * self.total / population,
            per * self.lower / population,
            per * self.upper / population,
            per,
        )

    def __str__(self) -> str:
        upper = "no upper limit" if math.isinf(self.upper) else f"{self.upper:,.0f}"
        between = (
            f"at least {self.lower:,.0f}, {upper}"
            if math.isinf(self.upper)
            else f"between {self.lower:,.0f} and {upper}"
        )
        about = "About"
        if self.details.get("lower_bound"):
            about, between = "At least", f"a bound that lies {between}"
        return (
            f"{about} {self.total:,.0f} people in all, {between} "
            f"({100 * self.level:g} % interval); {self.observed:,} of them were seen."
        )

    def table(self) -> str:
        """The estimate as a small table of text.

        Examples
        --------
        >>> print(Estimate(500.0, 400.0, 700.0, 0.95, 120, "independent", ("a", "b")).table())
                               estimate        lower        upper
        people in all               500          400          700
        seen                        120
        unseen                      380          280          580
        share seen (%)             24.0         17.1         30.0
        <BLANKLINE>
        method: independent, 95 % interval
        """

        def row(name: str, *values: float, digits: int = 0) -> str:
            cells = ("none" if math.isinf(v) else f"{v:,.{digits}f}" for v in values)
            return f"{name:<19}" + "".join(f"{cell:>13}" for cell in cells).rstrip()

        seen = self.observed
        share_low = 0.0 if math.isinf(self.upper) else 100 * seen / self.upper
        model = f", model {self.details['model']}" if "model" in self.details else ""
        head = "at least" if self.details.get("lower_bound") else "estimate"
        return "\n".join(
            [
                " " * 19 + f"{head:>13}{'lower':>13}{'upper':>13}",
                row("people in all", self.total, self.lower, self.upper),
                row("seen", seen),
                row("unseen", self.unseen, self.lower - seen, self.upper - seen),
                row(
                    "share seen (%)",
                    100 * self.coverage,
                    share_low,
                    100 * seen / self.lower,
                    digits=1,
                ),
                "",
                f"method: {self.method}{model}, {100 * self.level:g} % interval",
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values for JSON; a limit or draw that does not exist is None."""
        return {
            "total": self.total,
            "lower": self.lower,
            "upper": _or_none(self.upper),
            "level": self.level,
            "observed": self.observed,
            "unseen": self.unseen,
            "method": self.method,
            "lists": list(self.lists),
            "settings": dict(self.settings),
            "details": dict(self.details),
            "warnings": list(self.warnings),
            "draws": None if self.draws is None else [_or_none(x) for x in self.draws.tolist()],
        }

    def to_json(self) -> str:
        """The estimate as JSON text, from which `from_json` makes the same estimate again."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Estimate:
        """Read an estimate back from the text that `to_json` wrote.

        Raises
        ------
        InputError
            If the text is not JSON, or lacks a field.
        """
        try:
            fields = json.loads(text)
            draws = fields["draws"]
            return cls(
                total=fields["total"],
                lower=fields["lower"],
                upper=_or_infinite(fields["upper"]),
                level=fields["level"],
                observed=fields["observed"],
                method=fields["method"],
                lists=tuple(fields["lists"]),
                settings=fields["settings"],
                details=fields["details"],
                warnings=tuple(fields["warnings"]),
                draws=None if draws is None else np.array([_or_infinite(x) for x in draws]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"This is not an estimate written by darkfigure: {error!r}."
            ) from error

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Estimate):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(self.to_json())


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _or_infinite(value: float | None) -> float:
    return math.inf if value is None else value
