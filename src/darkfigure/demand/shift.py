"""What a shift of hours would do, by one scenario: today's allocation against the shifted one.

Both meet the same draws of all that is unknown and the same chance, so that their difference is
that of the hours alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from darkfigure import engine
from darkfigure.demand import sobol
from darkfigure.demand._market import MONTHS
from darkfigure.demand.break_even import turn
from darkfigure.demand.market import Run, simulate
from darkfigure.demand.scenario import LEVEL, Group, Scenario, cut, drawn

Floats = npt.NDArray[np.float64]

CHUNK = 250
DRIFT = 0.1
"""Today's market may change by this share in all the years before it is said."""


class Piece(NamedTuple):
    """Some draws under both allocations."""

    today: dict[str, Floats]
    shifted: dict[str, Floats]
    path: Floats


class Counted(NamedTuple):
    """An outcome: its words, its unit, and whether less of it helps (-1), or more (+1)."""

    words: str
    unit: str
    better: int


OUTCOMES = {
    "exploited_person_years": Counted("years of exploitation, custody apart", "person-years", -1),
    "visible_person_years": Counted("of these on the street", "person-years", -1),
    "arrests_exploited": Counted("arrests of exploited people", "arrests", -1),
    "harm": Counted("harm to exploited people", "years of visible exploitation", -1),
    "arrests_buyers": Counted("arrests of buyers", "arrests", 1),
    "buyers_deterred": Counted("buying that does not take place, at any time", "buyers' worth", 1),
    "arrests_traffickers": Counted("arrests of traffickers", "arrests", 1),
    "cost": Counted("cost of enforcement", "US dollars", -1),
}
HELPS = ("exploited_person_years", "harm", "arrests_exploited")
"""What a shift is asked to lessen, each by itself."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a scenario came to.

    Attributes
    ----------
    scenario : Scenario
    today, shifted : dict of outcome to array, shape (draws, cities)
        Over all the years of the scenario.
    path : array, shape (2, draws, years + 1)
        Exploited people in all cities, today's allocation first.
    shares : array, shape (draws, unknowns)
        Where in its distribution each unknown was drawn.
    indices : dict of outcome to Indices
        Of its difference; empty without runs or unknowns.
    runs : int
        Runs behind the indices.
    """

    scenario: Scenario
    today: Mapping[str, Floats]
    shifted: Mapping[str, Floats]
    path: Floats
    shares: Floats
    indices: Mapping[str, sobol.Indices]
    runs: int

    def difference(self, name: str) -> Floats:
        """Shifted less today, in all cities together, shape (draws,)."""
        return np.asarray((self.shifted[name] - self.today[name]).sum(axis=1))

    def told(self) -> dict[str, Any]:
        """All of it as plain values for JSON."""
        scenario = self.scenario
        unknown = [each for each in scenario.unknowns() if each.free]
        outcomes = []
        for name, (words, unit, better) in OUTCOMES.items():
            change = self.difference(name)
            outcomes.append(
                {
                    "name": name,
                    "words": words,
                    "unit": unit,
                    "better": "less" if better < 0 else "more",
                    "today": _amount(self.today[name].sum(axis=1)),
                    "shifted": _amount(self.shifted[name].sum(axis=1)),
                    "difference": _amount(change),
                    "probability_helps": float(np.mean(better * change > 0)),
                    "probability_same": float(np.mean(change == 0)),
                }
            )
        return {
            "title": scenario.title,
            "place": scenario.place,
            "years": scenario.years,
            "draws": scenario.draws,
            "seed": scenario.seed,
            "level": LEVEL,
            "outcomes": outcomes,
            "probabilities": {
                each["name"]: each["probability_helps"]
                for each in outcomes
                if each["name"] in HELPS
            },
            "by_city": [
                {
                    "city": city,
                    "outcome": name,
                    "difference": _amount(self.shifted[name][:, c] - self.today[name][:, c]),
                }
                for c, city in enumerate(scenario.names)
                for name in OUTCOMES
            ],
            "path": [
                {
                    "year": year,
                    "today": _amount(self.path[0, :, year]),
                    "shifted": _amount(self.path[1, :, year]),
                    "difference": _amount(self.path[1, :, year] - self.path[0, :, year]),
                }
                for year in range(scenario.years + 1)
            ],
            "break_even": [
                self._break_even(each.name, name, column)
                for name in HELPS
                for column, each in enumerate(unknown)
            ],
            "sobol": [
                {
                    "unknown": each.name,
                    "words": each.words,
                    "outcome": name,
                    "first": float(of.first[i]),
                    "first_se": float(of.first_se[i]),
                    "total": float(of.total[i]),
                    "total_se": float(of.total_se[i]),
                }
                for name, of in self.indices.items()
                for i, each in enumerate(unknown)
            ],
            "sobol_runs": self.runs,
            "assumptions": [_assumption(each) for each in scenario.unknowns()],
            "hours": [
                {
                    "city": city,
                    "today": one.hours.today.model_dump(),
                    "shifted": one.hours.then.model_dump(),
                    "source": one.hours.source,
                }
                for city, one in scenario.cities.items()
            ],
            "movement": _movement(scenario),
            "warnings": self.warnings(),
        }

    def _break_even(self, unknown: str, outcome: str, column: int) -> dict[str, Any]:
        """Where the mean difference is zero over the range of an unknown."""
        named = next(each for each in self.scenario.unknowns() if each.name == unknown)
        found = turn(self.shares[:, column], self.difference(outcome))
        low, high = named.unknown.range
        return {
            "unknown": unknown,
            "words": named.words,
            "unit": named.unit,
            "outcome": outcome,
            "values": [float(named.unknown.quantile(at)) for at in found.at],
            "lower": low,
            "upper": high,
            "difference_at_lower": found.low,
            "difference_at_upper": found.high,
        }

    def warnings(self) -> list[str]:
        """What a reader has to know beside the numbers, in sentences."""
        said = []
        assumed = [e for e in self.scenario.unknowns() if e.unknown.shown_grade == "assumption"]
        every = list(self.scenario.unknowns())
        said.append(
            f"{len(assumed)} of the {len(every)} numbers that go in are assumptions: no source "
            "bears them out."
        )
        today, then = (self.scenario.hours(shifted=each).sum() for each in (False, True))
        if then > today:
            said.append(
                f"The shift takes {then - today:,.0f} hours a year more than there are today: what "
                "it does may be done by the hours, and not by whom they are spent on."
            )
        elif then < today:
            said.append(f"The shift takes {today - then:,.0f} hours a year fewer than today.")
        first, last = self.path[0, :, 0].mean(), self.path[0, :, -1].mean()
        if first > 0 and abs(last / first - 1) > DRIFT:
            said.append(
                f"With today's hours the number of exploited people goes from {first:,.0f} to "
                f"{last:,.0f} in {self.scenario.years} years: the scenario does not take today as "
                "standing still."
            )
        said += self._of_files()
        said += self._of_movement()
        said += [
            f"{share:.1%} of the draws of '{words}' lie beyond what it can be, and were set to the "
            "limit; give a distribution that ends there."
            for words, share in cut(self.scenario, self.shares).items()
        ]
        if all(not self.difference(name).any() for name in OUTCOMES):
            said.append("The shift changes nothing: both allocations of hours are the same.")
        return said

    def _of_files(self) -> list[str]:
        """What the files that numbers come from warn of."""
        movement = self.scenario.movement
        told = [
            f"Of {each.words}, the file says: {warning}"
            for each in self.scenario.unknowns()
            if isinstance(each.unknown, Group) and not each.unknown.same_as
            for warning in each.unknown.warnings
        ]
        return [*told, *(movement.warnings if movement else ())]

    def _of_movement(self) -> list[str]:
        """Whether displacement has anywhere to go, and no city fills up from the others."""
        scenario, said = self.scenario, []
        move = scenario.matrix
        if (move == np.eye(len(move))).all() and scenario.parameters["displacement"].range[1] > 0:
            said.append(
                "Nobody moves between cities here, so nothing is displaced to another: the number "
                "for displacement has no effect."
            )
        free = sum(each.free for each in scenario.unknowns())
        parameters, sizes = drawn(scenario, np.full((1, free), 0.5))
        leave = -math.expm1(-1 / (MONTHS * float(parameters["stay"][0])))
        after = (1 - leave) * sizes[0, :, 0] @ move
        said += [
            f"More exploited people move to {city} in a month than leave it: {then:,.0f} would be "
            f"there for {now:,.0f} without anybody new. So today does not stand still there, and "
            "the city fills up in both cases. Look at its number, or at the movement."
            for city, now, then in zip(scenario.names, sizes[0, :, 0], after, strict=True)
            if then > 1.001 * now + 0.5
        ]
        return said


def run(
    scenario: Scenario,
    *,
    workers: int | None = None,
    progress: engine.Progress | None = None,
) -> Outcome:
    """Run a scenario with today's hours and with the shifted ones.

    Parameters
    ----------
    scenario : Scenario
    workers : int, optional
        Cores to use; the numbers are the same for any.
    progress : callable, optional
        Told how many pieces are done.
    """
    unknown = sum(each.free for each in scenario.unknowns())
    rng = np.random.default_rng(scenario.seed)
    shares = np.clip(rng.random((scenario.draws, unknown)), 1e-12, 1 - 1e-12)
    points = np.empty((0, unknown))
    # Fewer runs than two for each unknown could tell nothing.
    if unknown and scenario.sobol_runs >= 4 * (unknown + 2):
        grid = sobol.design(unknown, scenario.sobol_runs, scenario.seed)
        points = grid.reshape(-1, unknown)
    pieces = [
        *((shares[i : i + CHUNK], i, False) for i in range(0, len(shares), CHUNK)),
        *((points[i : i + CHUNK], 0, True) for i in range(0, len(points), CHUNK)),
    ]
    work = partial(_piece, scenario)
    done = list(engine.run(work, pieces, workers=workers, progress=progress))
    most = -(-len(shares) // CHUNK)
    draws, rest = done[:most], done[most:]
    indices = {}
    for name in HELPS if rest else ():
        change = np.concatenate([(e.shifted[name] - e.today[name]).sum(axis=1) for e in rest])
        indices[name] = sobol.indices(change.reshape(unknown + 2, -1), seed=scenario.seed)
    return Outcome(
        scenario,
        {name: np.concatenate([each.today[name] for each in draws]) for name in OUTCOMES},
        {name: np.concatenate([each.shifted[name] for each in draws]) for name in OUTCOMES},
        np.concatenate([each.path for each in draws], axis=1),
        shares,
        indices,
        len(points),
    )


def _piece(scenario: Scenario, piece: tuple[Floats, int, bool]) -> Piece:
    """Some draws under both allocations."""
    shares, first, same = piece
    parameters, sizes = drawn(scenario, shares)
    today, then = (
        simulate(
            dict(parameters),
            sizes,
            scenario.hours(shifted=False),
            scenario.hours(shifted=shifted),
            scenario.matrix,
            years=scenario.years,
            seed=scenario.seed,
            first=first,
            same_chance=same,
        )
        for shifted in (False, True)
    )
    return Piece(_outcomes(today), _outcomes(then), np.stack([today.path, then.path]))


def _outcomes(run: Run) -> dict[str, Floats]:
    return {
        "exploited_person_years": run.visible_years + run.hidden_years,
        "visible_person_years": run.visible_years,
        "arrests_exploited": run.arrests["exploited"],
        "harm": run.harm,
        "arrests_buyers": run.arrests["buyers"],
        "buyers_deterred": run.deterred,
        "arrests_traffickers": run.arrests["traffickers"],
        "cost": run.cost,
    }


def _amount(values: Floats) -> dict[str, float]:
    lower, middle, upper = np.quantile(values, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2])
    return {
        "estimate": float(middle),
        "lower": float(lower),
        "upper": float(upper),
        "mean": float(values.mean()),
    }


def _assumption(named: Any) -> dict[str, Any]:
    unknown = named.unknown
    low, high = unknown.range
    return {
        "unknown": named.name,
        "words": named.words,
        "unit": named.unit,
        "distribution": unknown.distribution,
        "middle": unknown.middle,
        "lower": low,
        "upper": high,
        "grade": unknown.shown_grade,
        "source": unknown.source,
    }


def _movement(scenario: Scenario) -> dict[str, Any] | None:
    if len(scenario.cities) == 1:
        return None
    moves = scenario.movement
    return {
        "rows": scenario.matrix.tolist(),
        "cities": scenario.names,
        "grade": moves.grade if moves else "assumption",
        "source": moves.source if moves else "Nobody moves between the cities.",
    }
