"""A scenario: a market's cities, groups and hours, and all that is not known of it.

Nothing is taken without a citation: see `distributions`. `scenario_file` reads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from darkfigure.demand.distributions import Number, Unknown, cited
from darkfigure.demand.market import GROUPS, PARAMETERS
from darkfigure.helplines import Helpline
from darkfigure.settings import Section, Text
from darkfigure.study import About, HelpSection

Floats = npt.NDArray[np.float64]
Hours = Annotated[float, Field(ge=0, strict=False, allow_inf_nan=False)]
LEVEL = 0.95
PER = "exploited_per_trafficker"


class Group(Unknown):
    """How many people of a group there are at the start.

    Attributes
    ----------
    file, city : str, optional
        An `estimate.json` of `darkfigure size`, or a `circuit.json` of a study of people who move
        and the city in it, in place of a distribution.
    times : float
        What the number is multiplied by, such as men in the county of whom a share is given.
    flow_years : float, optional
        Over how many years the number is a flow (everybody who was there at any time): the number
        there at one time is then N = flow / (1 + flow_years / stay).
    warnings : list of str
        What the file said of its number; not for a scenario to give.
    same_as : str, optional
        A city with whose number of this group this one is drawn together, as with buyers where
        the same share of men buys; `times` is then its own.
    """

    file: Text | None = None
    city: Text | None = None
    times: Annotated[float, Field(gt=0, strict=False, allow_inf_nan=False)] = 1.0
    flow_years: Annotated[float, Field(gt=0, strict=False, allow_inf_nan=False)] | None = None
    same_as: Text | None = None
    warnings: Annotated[list[str], Field(max_length=0)] = Field(default_factory=list)

    @property
    def elsewhere(self) -> bool:
        """Whether its numbers stand in another file, or are those of another city."""
        return self.file is not None or self.same_as is not None


class Split(Section):
    """Hours a year, by whom they are spent on."""

    exploited: Hours
    buyers: Hours
    traffickers: Hours

    @property
    def numbers(self) -> list[float]:
        """In the order of `market.GROUPS`."""
        return [self.exploited, self.buyers, self.traffickers]


class Enforcement(Section):
    """Hours of a city's police today, and after the shift; the same where that is left out."""

    today: Split
    shifted: Split | None = None
    source: str = ""

    @property
    def then(self) -> Split:
        """After the shift."""
        return self.shifted or self.today


class City(Section):
    """A city: its groups at the start and its hours of enforcement.

    Attributes
    ----------
    exploited, buyers, traffickers : Group
        `buyers` are all who would buy, deterred or not. `traffickers` may be left out where
        `exploited_per_trafficker` is given: controlled exploited people for each trafficker.
    hours : Enforcement
    """

    exploited: Group
    buyers: Group
    traffickers: Group | None = None
    exploited_per_trafficker: Group | None = None
    hours: Enforcement

    @model_validator(mode="after")
    def _one_of_both(self) -> City:
        if (self.traffickers is None) == (self.exploited_per_trafficker is None):
            raise ValueError("give either 'traffickers' or 'exploited_per_trafficker'")
        return self


class Movement(Section):
    """Where exploited people and traffickers are a month later: a row for each city."""

    rows: dict[str, dict[str, Number]] = Field(default_factory=dict)
    file: Text | None = None
    source: str = ""
    grade: Annotated[str, Field(pattern="^(A|B|assumption)$")] = "assumption"
    warnings: Annotated[list[str], Field(max_length=0)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _holds(self) -> Movement:
        if not cited(self.source):
            raise ValueError("movement has no citation; say in 'source' where it comes from")
        if bool(self.rows) == (self.file is not None):
            raise ValueError("give either 'rows' or the 'file' of a study of people who move")
        return self


class Scenario(Section):
    """A whole scenario, as `darkfigure.demand.scenario_file.load` reads it.

    Attributes
    ----------
    title, place, period : str
        What the page is headed, where, and what "today" is.
    cities : dict of name to City
        The first is the one that the question is about.
    movement : Movement or None
        None where nobody moves.
    parameters : dict of name to Unknown
        All of `market.PARAMETERS`.
    years, draws, seed : int
        Years ahead, draws of everything unknown, and the seed of the random numbers.
    sobol_runs : int
        Runs at most to tell what matters most; 0 for none.
    more_hours : bool
        Whether the shift may take another number of hours than there are today.
    about : About
    help : Helpline
    """

    title: Text
    place: Text
    period: Text
    years: Annotated[int, Field(ge=1, le=50)] = 10
    draws: Annotated[int, Field(ge=100, le=1_000_000)] = 10_000
    sobol_runs: Annotated[int, Field(ge=0, le=2**20)] = 2**14
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    more_hours: bool = False
    cities: dict[Text, City]
    movement: Movement | None = None
    parameters: dict[str, Unknown]
    about: About = About()
    help_line: HelpSection = Field(default=HelpSection(), alias="help")

    @property
    def help(self) -> Helpline:
        """The help line of the page."""
        return self.help_line.line

    @property
    def names(self) -> list[str]:
        """The cities."""
        return list(self.cities)

    def hours(self, *, shifted: bool) -> Floats:
        """Hours a year, shape (cities, 3)."""
        every = self.cities.values()
        return np.array([(c.hours.then if shifted else c.hours.today).numbers for c in every])

    @property
    def matrix(self) -> Floats:
        """Movement in a month, shape (cities, cities)."""
        if self.movement is None:
            return np.eye(len(self.cities))
        rows = self.movement.rows
        return np.array([[rows[a].get(b, 0.0) for b in self.names] for a in self.names])

    def unknowns(self) -> Iterator[Named]:
        """All that the scenario is made of, parameters first, with their words and units."""
        for name, each in PARAMETERS.items():
            free = not self.parameters[name].known
            yield Named(name, each.words, each.unit, self.parameters[name], name, free)
        for city, one in self.cities.items():
            for group, words in (
                ("exploited", f"exploited people in {city}"),
                ("buyers", f"buyers in {city}"),
                ("traffickers", f"traffickers in {city}"),
                ("exploited_per_trafficker", f"exploited people for each trafficker in {city}"),
            ):
                size: Group | None = getattr(one, group)
                if size is None:
                    continue
                unit = "people" if size.times == 1 else f"times {_full(size.times)}"
                unit += f", at any time in {size.flow_years:g} years" if size.flow_years else ""
                column = f"{size.same_as or city}: {group}"
                free = not size.known and not size.same_as
                yield Named(f"{city}: {group}", words, unit, size, column, free)


def _full(number: float) -> str:
    return f"{number:,.0f}" if number >= 1000 else f"{number:g}"


@dataclass(frozen=True)
class Named:
    """An unknown with its name in the file, in words, and its unit.

    `drawn_as` names the unknown that it is drawn with, itself if it is `free`.
    """

    name: str
    words: str
    unit: str
    unknown: Unknown
    drawn_as: str
    free: bool


def raw(scenario: Scenario, shares: Floats) -> dict[str, Floats]:
    """What each unknown is drawn as, from the shares of the distributions below them (n, free)."""
    values: dict[str, Floats] = {}
    every = list(scenario.unknowns())
    free = [each.name for each in every if each.free]
    for each in every:
        known = each.unknown.known
        share = 0.5 if known else shares[:, free.index(each.drawn_as)]
        values[each.name] = np.broadcast_to(each.unknown.quantile(share), len(shares))
    return values


def cut(scenario: Scenario, shares: Floats) -> dict[str, float]:
    """The share of draws of an unknown that are beyond what it can be, and are set to the limit.

    Those of which one in a thousand or more is, by their words.
    """
    found = {}
    values = raw(scenario, shares)
    for each in scenario.unknowns():
        limits = PARAMETERS.get(each.name)
        low, high = (limits.low, limits.high) if limits else (0.0, np.inf)
        beyond = float(np.mean((values[each.name] < low) | (values[each.name] > high)))
        if beyond >= 1e-3:
            found[each.words] = beyond
    return found


def drawn(scenario: Scenario, shares: Floats) -> tuple[dict[str, Floats], Floats]:
    """Parameters and sizes at the start, from the shares of the distributions below them.

    Parameters
    ----------
    scenario : Scenario
    shares : array, shape (n, unknowns that are not fixed)

    Returns
    -------
    parameters : dict of name to array, shape (n,)
    sizes : array, shape (n, cities, 3)
    """
    values = raw(scenario, shares)
    parameters = {
        name: np.clip(values[name], each.low, each.high) for name, each in PARAMETERS.items()
    }
    sizes = np.empty((len(shares), len(scenario.cities), len(GROUPS)))
    for c, (city, one) in enumerate(scenario.cities.items()):
        for j, group in enumerate((one.exploited, one.buyers, one.traffickers)):
            if group is None:
                each_has = np.maximum(values[f"{city}: {PER}"], 1e-3)
                sizes[:, c, j] = sizes[:, c, 0] * parameters["controlled"] / each_has
                continue
            sizes[:, c, j] = np.maximum(0.0, values[f"{city}: {GROUPS[j]}"]) * group.times
            if group.flow_years is not None:
                sizes[:, c, j] /= 1 + group.flow_years / parameters["stay"]
    return parameters, sizes
