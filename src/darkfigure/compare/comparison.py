"""Several places side by side: rates, shares detected, ranks and gaps, and what follows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from darkfigure.compare.footing import Footing
from darkfigure.compare.gap import Gap, gap, percent, told
from darkfigure.compare.place import Place
from darkfigure.compare.ranks import Ranks, ranks, sure_from
from darkfigure.compare.rates import Rates, rates

MOST_NAMED = 6
"""More places than this are counted and not named."""


@dataclass(frozen=True)
class Comparison:
    """Places side by side.

    Attributes
    ----------
    places : tuple of Place
        All of them; those without an estimate are kept, and not ranked.
    rates : Rates
        Of those that have one.
    ranks : Ranks
        Of the same places in the same order, the highest rate first.
    gaps : tuple of Gap
        Of every pair of them.
    level : float
        Of all limits, and how sure an order must be to be told.
    per : int
        The base of the rates, such as 100,000.
    warnings : tuple of str
        What the reader must know, in plain sentences.
    seed : int
    """

    places: tuple[Place, ...]
    rates: Rates
    ranks: Ranks
    gaps: tuple[Gap, ...]
    level: float
    per: int
    warnings: tuple[str, ...]
    seed: int

    @property
    def ranked(self) -> bool:
        """Whether any two places can be told apart; otherwise no rank is worth saying."""
        return bool(self.ranks.told_apart.any())

    @property
    def first(self) -> list[str]:
        """The fewest places among which the highest rate is for sure, the most probable first."""
        chance = self.ranks.probability[:, 0]
        order = np.argsort(-chance, kind="stable")
        before = np.cumsum(chance[order]) - chance[order]
        few = order[before < sure_from(self.level) - 1e-12]
        return [self.rates.places[i].name for i in few]

    @property
    def sentences(self) -> list[str]:
        """What can be concluded, and what cannot."""
        chance = float(self.ranks.probability[:, 0].max())
        k = len(self.rates.places)
        pairs = k * (k - 1) // 2
        sure = round(self.ranks.distinct * pairs)
        if chance >= sure_from(self.level):  # as a pair must be to be told apart
            said = [
                f"{self.first[0]} has the most people per head (probability {percent(chance)})."
            ]
        else:
            said = [f"Which place has the most people per head cannot be told: {_or(self.first)}."]
        if not self.ranked:
            said.append("No two of the places can be told apart, so they are not ranked.")
        elif sure < pairs:
            said.append(
                f"Of {pairs} pairs of places {sure} can be told apart; of the others the order is "
                "not known."
            )
        if silent := [place for place in self.places if not place.answers]:
            told_why = "; ".join(
                f"{place.name} ({(place.why or 'no estimate').rstrip('.')})" for place in silent
            )
            said.append(f"Not ranked, for there is no estimate: {told_why}.")
        return said

    def rows(self) -> list[dict[str, Any]]:
        """One row for each place, as plain values for JSON; None is what does not exist.

        The limits of a rank are for that place alone, the simultaneous ones for all at once.
        """
        tails = [(1 - self.level) / 2, (1 + self.level) / 2]
        found: list[dict[str, Any]] = []
        at = {place.name: i for i, place in enumerate(self.rates.places)}
        for place in self.places:
            estimate = place.estimate
            row: dict[str, Any] = {
                "name": place.name,
                "observed": place.observed,
                "few": place.few,
                "population": place.population,
                "years": place.years,
                "total": None,
                "lower": None,
                "upper": None,
                "method": None,
                **dict.fromkeys(("rate", "rate_lower", "rate_upper")),
                **dict.fromkeys(("coverage", "coverage_lower", "coverage_upper")),
                **dict.fromkeys(("rank_lower", "rank_upper", "rank_expected")),
                **dict.fromkeys(("simultaneous_lower", "simultaneous_upper")),
                "probability_highest": None,
                "people": place.people,
                "note": place.note,
                "why": place.why,
            }
            if estimate is not None:
                row |= {
                    "total": estimate.total,
                    "lower": estimate.lower,
                    "upper": _finite(estimate.upper),
                    "method": estimate.method,
                }
            if place.name in at:
                i = at[place.name]
                low, high = _quantiles(self.per * self.rates.draws[:, i], tails)
                row |= {"rate": self.per * float(self.rates.rate[i])}
                row |= {"rate_lower": low, "rate_upper": _finite(high)}
                if place.observed is not None:
                    few, many = _quantiles(self.rates.coverage[:, i], tails)
                    row |= {"coverage": place.coverage}
                    row |= {"coverage_lower": few, "coverage_upper": many}
                row |= {
                    "rank_lower": int(self.ranks.lower[i]),
                    "rank_upper": int(self.ranks.upper[i]),
                    "rank_expected": float(self.ranks.expected[i]),
                    "simultaneous_lower": int(self.ranks.simultaneous_lower[i]),
                    "simultaneous_upper": int(self.ranks.simultaneous_upper[i]),
                    "probability_highest": float(self.ranks.probability[i, 0]),
                }
            found.append(row)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values for JSON, the draws left out."""
        return {
            "places": self.rows(),
            "pairs": [each.to_dict() for each in self.gaps],
            "ranked": self.ranked,
            "sentences": self.sentences,
            "footing": {"years": self.rates.footing.years, "stay": self.rates.footing.stay},
            "per": self.per,
            "level": self.level,
            "sure": sure_from(self.level),
            "rank_probabilities": {
                place.name: row.tolist()
                for place, row in zip(self.rates.places, self.ranks.probability, strict=True)
            },
            "warnings": list(self.warnings),
            "seed": self.seed,
        }

    def __str__(self) -> str:
        head = f"{self.rates.footing.words}, per {self.per:,} inhabitants"
        lines = [*self.sentences, "", head]
        heads = ("rate", "lower", "upper", "seen %", "rank", "all ranks")
        lines.append(f"{'':<26}" + "".join(f"{head:>10}" for head in heads))
        rows = sorted(self.rows(), key=lambda row: (row["rate"] is None, -(row["rate"] or 0)))
        for row in rows:
            if row["rate"] is None:
                lines.append(f"{row['name'][:25]:<26}{'no estimate':>30}")
                continue
            share = "" if row["coverage"] is None else f"{100 * row['coverage']:.1f}"
            upper = "none" if row["rate_upper"] is None else told(row["rate_upper"])
            cells = [told(row["rate"]), told(row["rate_lower"]), upper, share]
            cells += [
                f"{row[f'{kind}_lower']}–{row[f'{kind}_upper']}" if self.ranked else "–"
                for kind in ("rank", "simultaneous")
            ]
            lines.append(f"{row['name'][:25]:<26}" + "".join(f"{cell:>10}" for cell in cells))
        if self.ranked:
            sure = f"{100 * self.level:g} %"
            lines.append(
                f"rank: {sure} sure of a place named beforehand; all ranks: of all places at once."
            )
        return "\n".join(lines)


def compare(
    places: Sequence[Place],
    footing: Footing | None = None,
    *,
    level: float = 0.95,
    per: int = 100_000,
    draws: int = 10_000,
    seed: int = 1,
) -> Comparison:
    """Compare places of which it is estimated how many people there are.

    Parameters
    ----------
    places : sequence of Place
        Two or more with different names. Those without an estimate are kept and not ranked.
    footing : Footing, optional
        What all are brought to; see `rates`.
    level : float
        Of all limits, between 0 and 1.
    per : int
        The base of the rates.
    draws, seed
        As for `rates`.

    Raises
    ------
    InputError
        If there is one place only, one is there twice, or their times cannot be brought together.
    NoEstimateError
        If fewer than two places have an estimate.

    Examples
    --------
    >>> from darkfigure.compare.place import published
    >>> a = Place("A", 500_000, 1.0, published(900, 700, 1_300, observed=300))
    >>> b = Place("B", 250_000, 1.0, published(450, 300, 800, observed=50))
    >>> found = compare([a, b])
    >>> found.sentences[0]
    'Which place has the most people per head cannot be told: it may be A or B.'
    >>> found.gaps[0].recorded.span
    '2.2–4.1'
    """
    found = rates(places, footing, draws=draws, seed=seed)
    names = [place.name for place in found.places]
    gaps = [gap(found, a, b, level=level, seed=seed) for a, b in itertools.combinations(names, 2)]
    return Comparison(
        tuple(places),
        found,
        ranks(found.draws, level=level),
        tuple(gaps),
        level,
        per,
        tuple(_warnings(places, found)),
        seed,
    )


def _warnings(places: Sequence[Place], found: Rates) -> list[str]:
    said: list[str] = []
    if len({place.people for place in found.places if place.people}) > 1:
        who = "; ".join(f"{p.name}: {p.people}" for p in found.places if p.people)
        said.append(
            f"The places count different people ({who}), so that part of any difference may be one "
            "of definition."
        )
    spans = {place.years for place in found.places}
    if spans != {found.footing.years}:
        least, most = found.footing.stay or (0.0, 0.0)
        stay = f"{least:g}" if least == most else f"{least:g} to {most:g}"
        said.append(
            f"Counts of different times were brought to the {found.footing.words} under the "
            f"stated assumption that a person stays in this situation for {stay} years. The share "
            "detected is that of each place's own time."
        )
    for place in places:
        said += [f"{place.name}: {place.note}"] if place.note else []
        if place.estimate is not None:
            said += [f"{place.name}: {warning}" for warning in place.estimate.warnings]
    return said


def _quantiles(draws: Any, tails: list[float]) -> tuple[float, float]:
    lower, upper = np.quantile(draws, tails, method="inverted_cdf")
    return float(lower), float(upper)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _or(names: Sequence[str]) -> str:
    if len(names) > MOST_NAMED:
        return f"it may be any of {len(names)} places"
    if len(names) == 1:
        return f"perhaps {names[0]}"
    return f"it may be {', '.join(names[:-1])} or {names[-1]}"
