"""Taking the gap between two places apart: more victims, or a harder look?

    recorded per head = people per head × share of them recorded,

so the ratio of what two places record is the ratio of prevalences times the ratio of shares
detected. Only estimates of the unseen can tell the two apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from darkfigure.compare.place import Place
from darkfigure.compare.ranks import sure_from
from darkfigure.compare.rates import Draws, Rates
from darkfigure.disclosure import SMALLEST_COUNT
from darkfigure.errors import InputError

ALIKE = 1.05
"""Below this ratio two places record about as many."""


@dataclass(frozen=True)
class Ratio:
    """A ratio with its limits; None where it is not known, or has no upper limit."""

    ratio: float | None
    lower: float | None
    upper: float | None

    @property
    def turned(self) -> Ratio:
        """One over it."""

        def over(x: float | None) -> float | None:
            return None if x is None or x == 0 else 1 / x

        lower = 0.0 if self.upper is None and self.ratio is not None else over(self.upper)
        return Ratio(over(self.ratio), lower, over(self.lower))

    @property
    def span(self) -> str:
        """Its limits in words.

        Examples
        --------
        >>> Ratio(1.1, 0.81, 1.63).span, Ratio(4.0, 2.0, None).span
        ('0.81–1.6', '2.0 or more')
        """
        if self.lower is None:
            return "an unknown number of"
        return (
            f"{told(self.lower)} or more"
            if self.upper is None
            else (f"{told(self.lower)}–{told(self.upper)}")
        )


@dataclass(frozen=True)
class Gap:
    """The gap between places `a` and `b`, each ratio a's over b's.

    Attributes
    ----------
    a, b : str
    recorded, prevalence, detection : Ratio
        At the points, `recorded` = `prevalence` × `detection`.
    probability : float
        That prevalence is higher in `a`, between 0 and 1.
    level : float
        Of the limits.
    brought : str
        What both were brought to under the assumed stay, such as "people of one year", where they
        count different times: then `recorded` hangs on the stay. Else empty.
    unknown : str
        Why it is not said how many are recorded, if it is not.
    """

    a: str
    b: str
    recorded: Ratio
    prevalence: Ratio
    detection: Ratio
    probability: float
    level: float
    brought: str = ""
    unknown: str = ""

    @property
    def told_apart(self) -> bool:
        """Whether it is sure where prevalence is higher: the interval of the ratio excludes 1."""
        return max(self.probability, 1 - self.probability) >= sure_from(self.level)

    @property
    def turned(self) -> Gap:
        """The same gap seen from the other place."""
        return Gap(
            self.b,
            self.a,
            self.recorded.turned,
            self.prevalence.turned,
            self.detection.turned,
            1 - self.probability,
            self.level,
            self.brought,
            self.unknown,
        )

    def __str__(self) -> str:
        r, p, d = self.recorded, self.prevalence, self.detection
        alike = r.ratio is not None and 1 / ALIKE < r.ratio < ALIKE
        if (self.probability < 0.5) if alike else (r.ratio is not None and r.ratio < 1):
            return str(self.turned)  # 0.32 times as many is hard to read
        if self.told_apart:
            end = f"prevalence is {'higher' if self.probability > 0.5 else 'lower'} in {self.a}"
        else:
            end = "which of the two has more victims per head cannot be told"
        end += f" (probability that it is {self.a}: {percent(self.probability)})."
        here = f"T{self.a[1:]}" if self.a.startswith("the ") else self.a  # it begins a sentence
        if r.ratio is None or d.ratio is None:
            return (
                f"{here} has {p.span} times as many victims per head as {self.b}; "
                f"{self.unknown or 'how many are recorded is not known of both'}. So {end}"
            )
        times = "about" if alike else f"{told(r.ratio)} times"
        first = f"{here} records {times} as many cases per head as {self.b}"
        if self.brought:
            first += f" ({r.span} times, both brought to the {self.brought} under the assumed stay)"
        if d.ratio >= 1 and p.upper is not None and p.upper < 1:
            return (
                f"{first}, for it finds a larger share of them: it has only {p.span} times as many "
                f"victims per head. So {end}"
            )
        if d.ratio >= 1:
            return (
                f"{first}; {p.span} of that factor is more victims, the rest is that {self.a} "
                f"finds a larger share. So {end}"
            )
        return (
            f"{first} though it finds a smaller share of them ({told(d.ratio)} times that of "
            f"{self.b}): it has {p.span} times as many victims per head. So {end}"
        )

    def to_dict(self) -> dict[str, Any]:
        """The gap as plain values for JSON."""
        found: dict[str, Any] = {"a": self.a, "b": self.b}
        for name in ("recorded", "prevalence", "detection"):
            each: Ratio = getattr(self, name)
            found |= {
                f"{name}_ratio": each.ratio,
                f"{name}_ratio_lower": each.lower,
                f"{name}_ratio_upper": each.upper,
            }
        return {
            **found,
            "probability_prevalence_higher": self.probability,
            "told_apart": self.told_apart,
            "brought": self.brought,
            "sentence": str(self),
        }


def gap(rates: Rates, a: str, b: str, *, level: float = 0.95, seed: int = 1) -> Gap:
    """The gap between two places, taken apart.

    The limits of prevalence and detection are quantiles of the draws. Those of what was recorded
    are of chance: were the same years lived again, other numbers would be recorded (Jeffreys draws
    of a Poisson mean); and of the stay, where the two count different times.

    Parameters
    ----------
    rates : Rates
    a, b : str
        The places' names.
    level : float
        Of the limits, between 0 and 1.
    seed : int
        Of the chance of what was recorded.

    Raises
    ------
    InputError
        If a name is not among the places that have an estimate, or both are the same.

    Examples
    --------
    >>> from darkfigure.compare.place import Place, published
    >>> from darkfigure.compare.rates import rates
    >>> one = Place("A", 500_000, 1.0, published(900, 700, 1_300, observed=300))
    >>> two = Place("B", 250_000, 1.0, published(450, 300, 800, observed=50))
    >>> found = gap(rates([one, two]), "A", "B")
    >>> [round(each.ratio, 9) for each in (found.recorded, found.prevalence, found.detection)]
    [3.0, 1.0, 3.0]
    >>> print(found)
    A records 3.0 times as many cases per head as B; 0.54–1.7 of that factor is more victims, the
    rest is that A finds a larger share. So which of the two has more victims per head cannot be
    told (probability that it is A: 50 %).
    """
    if not 0 < level < 1:
        raise InputError(f"The level of an interval lies between 0 and 1, not {level}.")
    names = [place.name for place in rates.places]
    for name in (a, b):
        if name not in names:
            raise InputError(f"There is no place '{name}' with an estimate.")
    if a == b:
        raise InputError(f"'{a}' cannot be compared with itself.")
    i, j = names.index(a), names.index(b)
    tails = [(1 - level) / 2, (1 + level) / 2]
    with np.errstate(invalid="ignore", divide="ignore"):
        prevalence = rates.draws[:, i] / rates.draws[:, j]
        detection = rates.coverage[:, i] / rates.coverage[:, j]
    detected = [rates.recorded[k] / rates.rate[k] for k in (i, j)]
    return Gap(
        a,
        b,
        _ratio(rates.recorded[i], rates.recorded[j], _relived(rates, i, j, seed), tails),
        _ratio(rates.rate[i], rates.rate[j], prevalence, tails),
        _ratio(detected[0], detected[1], detection, tails),
        probability_higher(rates.draws[:, i], rates.draws[:, j]),
        level,
        rates.footing.words if rates.places[i].years != rates.places[j].years else "",
        "; ".join(filter(None, (_unknown(rates.places[k]) for k in (i, j)))),
    )


def probability_higher(a: Draws, b: Draws) -> float:
    """The share of draws in which `a` is the higher, ties counted half.

    Examples
    --------
    >>> probability_higher(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 1.0]))
    0.5
    """
    return float(np.mean(a > b) + 0.5 * np.mean(a == b))


def _unknown(place: Place) -> str:
    """Why no ratio can be said of what is recorded there."""
    if place.few:
        return f"how many are recorded in {place.name} is not shown (fewer than {SMALLEST_COUNT})"
    if place.observed is None:
        return f"how many are recorded in {place.name} is not known"
    return "" if place.observed else f"nobody is recorded in {place.name}"


def _relived(rates: Rates, i: int, j: int, seed: int) -> Draws:
    """What both would record per head, were the same years lived again; their ratio."""
    rng = np.random.default_rng([seed, 1])
    lived = []
    for k in (i, j):
        place = rates.places[k]
        if place.observed is None:
            return np.full(len(rates.draws), np.nan)
        counts = rng.gamma(place.observed + 0.5, size=len(rates.draws))
        lived.append(counts * rates.factors[:, k] / place.population)
    return np.asarray(lived[0] / lived[1])


def _ratio(a: float, b: float, draws: Draws, tails: list[float]) -> Ratio:
    if not (math.isfinite(a) and math.isfinite(b)) or b == 0 or np.isnan(draws).any():
        return Ratio(None, None, None)
    lower, upper = (float(x) for x in np.quantile(draws, tails, method="inverted_cdf"))
    return Ratio(float(a / b), lower, upper if math.isfinite(upper) else None)


def told(ratio: float) -> str:
    """A ratio to two digits.

    Examples
    --------
    >>> told(3.14159), told(0.0123), told(41.2), told(1234.0), told(1 / (50 / 2475))
    ('3.1', '0.012', '41', '1,200', '50')
    """
    if ratio <= 0 or not math.isfinite(ratio):
        return "0" if ratio == 0 else "many"
    ratio = float(f"{ratio:.12g}")  # so that a half is a half, whichever way it was divided
    digits = 1 - math.floor(math.log10(ratio))
    return f"{round(ratio, digits):,.{max(digits, 0)}f}"


def percent(probability: float) -> str:
    """A probability in per cent, never 0 or 100 where it is not certain.

    Examples
    --------
    >>> percent(0.493), percent(0.9999), percent(0.0001), percent(0.5)
    ('49 %', 'more than 99 %', 'less than 1 %', '50 %')
    """
    if probability > 0.99:
        return "more than 99 %"
    return "less than 1 %" if probability < 0.01 else f"{100 * probability:.0f} %"
