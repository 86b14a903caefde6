"""What is not known as a distribution, with where it comes from and how far that can be trusted.

Grades are those of evidence: A, read in the source itself; B, read in a second source; C, recalled
and not read again; and an assumption, that no source bears out. C is only used as an assumption.
"""

from __future__ import annotations

import itertools
import math
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator
from scipy import optimize, special, stats

from darkfigure.settings import Section

Number = Annotated[float, Field(strict=False, allow_inf_nan=False)]
Floats = npt.NDArray[np.float64]

NEEDS = {
    "fixed": ("value",),
    "uniform": ("low", "high"),
    "loguniform": ("low", "high"),
    "triangular": ("low", "mode", "high"),
    "normal": ("mean", "sd"),
    "lognormal": ("median", "lower", "upper"),
    "beta": ("lower", "upper"),
}
"""What each distribution is given by; `lower` and `upper` hold 95 % of it between them."""

Z = float(stats.norm.ppf(0.975))


def cited(source: str) -> bool:
    """Whether a text can be a citation: three letters or digits at least."""
    return sum(map(str.isalnum, source)) >= 3


class Unknown(Section):
    """Something that is not known: a distribution, its source and the grade of the evidence.

    Attributes
    ----------
    distribution : str
        A key of `NEEDS`; `fixed` where it is left out. A log-normal distribution has its median
        and both limits of 95 % where they are said to be, and so may be skew on the logarithmic
        scale; a beta distribution is the one with these limits.
    source : str
        Where it comes from; of an assumption, what it rests on.
    grade : {'A', 'B', 'C', 'assumption'}
    assumption : bool
        Whether something graded C may be used, as an assumption.

    Examples
    --------
    >>> from_paper = {"source": "Barrick et al. 2023", "grade": "A"}
    >>> stay = Unknown(distribution="triangular", low=1, mode=3, high=5, **from_paper)
    >>> stay.quantile([0.0, 0.5, 1.0]).tolist(), stay.range
    ([1.0, 3.0, 5.0], (1.4472135954999579, 4.552786404500042))
    >>> Unknown(value=3, grade="A")
    Traceback (most recent call last):
    ...
    pydantic_core._pydantic_core.ValidationError: 1 validation error for Unknown
      Value error, there is no citation, and no number is taken without one; say in 'source' ...
    """

    distribution: Literal[
        "fixed", "uniform", "loguniform", "triangular", "normal", "lognormal", "beta"
    ] = "fixed"
    value: Number | None = None
    low: Number | None = None
    high: Number | None = None
    mode: Number | None = None
    mean: Number | None = None
    sd: Number | None = None
    median: Number | None = None
    lower: Number | None = None
    upper: Number | None = None
    source: str = ""
    grade: Literal["A", "B", "C", "assumption"] | None = None
    assumption: bool = False

    @model_validator(mode="after")
    def _holds(self) -> Unknown:
        if not cited(self.source):
            raise ValueError(
                "there is no citation, and no number is taken without one; say in 'source' where "
                "it comes from, or of an assumption what it rests on"
            )
        if self.grade is None:
            raise ValueError("give its grade: A, B, C or assumption")
        if self.grade == "C" and not self.assumption:
            raise ValueError(
                "grade C is recalled and was not read again, so it is only used as an assumption; "
                "read the source, or set assumption = true"
            )
        needs = set() if self.elsewhere else set(NEEDS[self.distribution])
        given = {
            name
            for name in {each for some in NEEDS.values() for each in some}
            if getattr(self, name) is not None
        }
        if given != needs:
            wanted = ", ".join(f"'{name}'" for name in NEEDS[self.distribution])
            if self.elsewhere:
                raise ValueError("a number is given by a 'file' or by a distribution, not by both")
            raise ValueError(f"a distribution '{self.distribution}' is given by {wanted} alone")
        wrong = "" if self.elsewhere else self._out_of_order()
        if wrong:
            raise ValueError(wrong)
        return self

    @property
    def elsewhere(self) -> bool:
        """Whether its numbers stand in another file."""
        return False

    def _out_of_order(self) -> str:
        """What does not fit of the numbers; empty if all does."""
        numbers = [getattr(self, name) for name in NEEDS[self.distribution]]
        kind = self.distribution
        if kind == "normal":
            return "" if numbers[1] > 0 else "'sd' must be more than zero"
        if kind == "lognormal":
            numbers = [numbers[1], numbers[0], numbers[2]]
        if kind == "triangular" and numbers[0] <= numbers[1] <= numbers[2] > numbers[0]:
            return ""
        if any(b <= a for a, b in itertools.pairwise(numbers)):
            return "its numbers must go up from the lowest to the highest"
        if kind in ("lognormal", "loguniform") and numbers[0] <= 0:
            return "its numbers must be more than zero"
        if kind == "beta" and not (numbers[0] > 0 and numbers[1] < 1):
            return "its limits must lie between 0 and 1"
        return ""

    @cached_property
    def shape(self) -> tuple[float, float]:
        """The two shapes of the beta distribution with these limits."""
        low, high = self.lower or 0.0, self.upper or 1.0

        def off(logs: Floats) -> list[float]:
            a, b = np.exp(logs)
            return [
                float(special.logit(special.betaincinv(a, b, q)) - special.logit(limit))
                for q, limit in ((0.025, low), (0.975, high))
            ]

        middle = 0.5 * (low + high)
        spread = max((high - low) / (2 * Z), 1e-6)
        size = max(middle * (1 - middle) / spread**2 - 1, 0.5)
        found = optimize.least_squares(off, np.log([middle * size, (1 - middle) * size]))
        a, b = np.exp(found.x)
        return float(a), float(b)

    def quantile(self, u: npt.ArrayLike) -> Floats:
        """The value below which the share `u`, between 0 and 1, of the distribution lies."""
        at = np.asarray(u, float)
        kind = self.distribution
        a, *rest = (float(getattr(self, name)) for name in NEEDS[kind])
        if kind == "fixed":
            return np.full_like(at, a)
        if kind == "uniform":
            return a + (rest[0] - a) * at
        if kind == "loguniform":
            return np.asarray(a * (rest[0] / a) ** at)
        if kind == "triangular":
            mode, high = rest
            below = a + np.sqrt(np.maximum(0.0, at * (high - a) * (mode - a)))
            above = high - np.sqrt(np.maximum(0.0, (1 - at) * (high - a) * (high - mode)))
            return np.where(at * (high - a) < mode - a, below, above)
        if kind == "beta":
            return np.asarray(special.betaincinv(*self.shape, at))
        z = special.ndtri(at)
        if kind == "normal":
            return np.asarray(a + rest[0] * z)
        lower, upper = rest
        spread = np.where(z < 0, math.log(a / lower), math.log(upper / a)) / Z
        return np.asarray(a * np.exp(spread * z))

    @property
    def middle(self) -> float:
        """Its median."""
        return float(self.quantile(0.5))

    @property
    def range(self) -> tuple[float, float]:
        """The limits that hold 95 % of it."""
        low, high = self.quantile([0.025, 0.975])
        return float(low), float(high)

    @property
    def support(self) -> tuple[float, float]:
        """The limits that hold all of it, or 95 % where it has no end."""
        if self.distribution in ("normal", "lognormal"):
            return self.range
        low, high = self.quantile([0.0, 1.0])
        return float(low), float(high)

    @property
    def known(self) -> bool:
        """Whether it is one value."""
        return self.distribution == "fixed"

    @property
    def shown_grade(self) -> str:
        """The grade as it is shown: what is recalled is an assumption."""
        return "assumption" if self.assumption or self.grade == "C" else str(self.grade)
